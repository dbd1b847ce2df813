"""Pass 1 of an evaluation: sequences of a store to a file of embeddings that says where it comes from.

The file is a NumPy .npz without pickle; `embedding.file` says what is in it, and reads it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gaitbridge import __version__
from gaitbridge.conventions import MODALITIES
from gaitbridge.data.batches import has_all
from gaitbridge.errors import UserError, nearest
from gaitbridge.evaluation.embedding.labels import labels_of, probe_set_of
from gaitbridge.files import written_whole
from gaitbridge.progress import Progress, silent
from gaitbridge.store import Store
from gaitbridge.types import Embeddings

Embed = Callable[..., Embeddings]  # embed(silhouettes=[arrays]) or embed(range_views=[arrays]), an array a sequence


def embed_store(
    embed: Embed,
    store: Store,
    numbers: Iterable[int],
    modality: str,
    out: Path,
    provenance: Mapping[str, Any],
    batch: int = 64,
    progress: Progress = silent,
    inputs: Sequence[str] = (),
    probe_set: Iterable[str] | None = None,
) -> Embeddings:
    """Embed sequences `numbers` of a store from one modality and write them to `out`, whole or not at all.

    embed: called with `batch` sequences at a time as `embed(silhouettes=[uint8 [T, H, W], ...])` or
    `embed(range_views=[float32 [T, H, W], ...])`; modality: a name or alias of conventions.MODALITIES; provenance: what the caller knows
    (run, recipe, ...), to which the weights' hash, the data's hash, the modality and the code's version are added; progress: called
    with (done, all); inputs: the arrays that the network takes for this modality where it is more than the modality's own (Network.inputs);
    probe_set: keys of the partition's probes, by default as the store was imported.
    Sequences without a frame of that modality are left out and listed in the provenance. UserError where none is left
    or a result is not finite.
    """
    name = modality_name(modality)
    asked = list(numbers)
    needed = tuple(inputs) or (name,)
    taken = [number for number in asked if has_all(store.rows[number], needed)]
    if not taken:
        raise UserError(f"{store.path}: none of {len(asked)} sequences has {' and '.join(needed)}; choose another modality or store")
    parts: list[Embeddings] = []
    for start in range(0, len(taken), batch):
        some = taken[start : start + batch]
        sequences = store.read_many(some, needed)
        made = embed(**{array: [sequence.arrays[array] for sequence in sequences] for array in needed})
        _check_batch(made, [store.rows[number]["key"] for number in some], parts)
        parts.append(made)
        progress(start + len(some), len(taken), "")
    keys = tuple(store.rows[number]["key"] for number in taken)
    values = np.concatenate([part.values for part in parts])
    embeddings = Embeddings(values, parts[0].distance, name, parts[0].weights_hash, keys)
    left_out = sorted({store.rows[number]["key"] for number in asked} - set(keys))
    labels = labels_of([store.rows[number] for number in taken], probe_set_of(store) if probe_set is None else probe_set)
    write_embeddings(embeddings, out, {**provenance, "data_hash": store.content_hash, "left_out": left_out}, labels)
    return embeddings


def modality_name(modality: str) -> str:
    """`silhouettes` or `range_views` from either name (camera, lidar); UserError with the nearest where it is neither."""
    if modality not in MODALITIES:
        raise UserError(f"unknown modality {modality!r}: {nearest(modality, MODALITIES)}")
    return MODALITIES[modality]


def _check_batch(made: Embeddings, keys: list[str], before: list[Embeddings]) -> None:
    if len(made) != len(keys):
        raise ValueError(f"embed gave {len(made)} embeddings for {len(keys)} sequences")
    if before and (made.values.shape[1:], made.distance, made.weights_hash) != (
        before[0].values.shape[1:],
        before[0].distance,
        before[0].weights_hash,
    ):
        raise ValueError("embed gave embeddings of another shape, distance or network than before")
    finite = np.isfinite(made.values).all((1, 2))
    if not finite.all():
        raise UserError(
            f"the embedding of {keys[int(np.argmin(finite))]} is not finite; look at its input, or train again: it may have diverged"
        )


def write_embeddings(embeddings: Embeddings, out: Path, provenance: Mapping[str, Any], labels: Mapping[str, np.ndarray] | None = None) -> Path:
    """Write embeddings with their keys and provenance to `out`, whole or not at all. ValueError where they have no keys.

    labels: what the store says of each sequence, as `labels_of` gives it.
    """
    if len(embeddings.keys) != len(embeddings):
        raise ValueError("embeddings need a key each to be written")
    about = {
        "code_version": __version__,
        **provenance,
        "weights_hash": embeddings.weights_hash,
        "modality": embeddings.modality,
        "distance": embeddings.distance,
    }
    with written_whole(Path(out)) as temporary, temporary.open("wb") as file:
        arrays: dict[str, Any] = {"values": embeddings.values, "keys": np.asarray(embeddings.keys, dtype=str)}
        arrays |= {"provenance": np.asarray(json.dumps(about, sort_keys=True)), **(labels or {})}
        np.savez(file, **arrays)
    return Path(out)
