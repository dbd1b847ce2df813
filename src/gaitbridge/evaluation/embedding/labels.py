"""What a store knows of embedded sequences beside their keys: who, when, from where, and whether the dataset's partition has them as probes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gaitbridge.data.protocols.partition import ProbeSet
from gaitbridge.errors import UserError
from gaitbridge.evaluation.embedding.file import EmbeddingsFile
from gaitbridge.store import Store


def with_labels(file: EmbeddingsFile, store: Store, probe_set: Iterable[str] | None) -> EmbeddingsFile:
    """The file with what a store says of its sequences; probe_set: keys of the partition's probes. UserError where a sequence is not of the store."""
    place = store.row_of_key
    keys = file.keys.tolist()
    if strangers := [key for key in keys if key not in place]:
        raise UserError(f"{file.path}: {len(strangers)} embeddings are of no sequence of {store.path}, such as {strangers[0]!r}; give their store")
    labels = labels_of([store.rows[place[key]] for key in keys], probe_set)
    return replace(file, people=labels.pop("people"), views=labels.pop("views"), labels=labels)


def labels_of(rows: Sequence[Mapping[str, Any]], probe_set: Iterable[str] | None) -> dict[str, np.ndarray]:
    """What a store's index rows say of their sequences, as arrays [n] by the names of LABELS. probe_set: keys of the partition's probes."""
    found = {
        "people": np.asarray([row["person"] for row in rows], str), "conditions": np.asarray([row["condition"] for row in rows], str),
        "views": np.asarray([row["view"] for row in rows], str), "splits": np.asarray([row["split"] for row in rows], str),
        "takes": np.asarray([row["take"] for row in rows], np.int64),
    }  # fmt: skip
    if probe_set is not None:
        found["in_probe_set"] = np.isin([row["key"] for row in rows], np.asarray(sorted(probe_set), str))
    return found


def probe_set_of(store: Store, partition: ProbeSet | None = None) -> list[str] | None:
    """Keys of the probes that the dataset's partition names: a partition given, else as the store was imported; None where neither names any.

    UserError where the partition names none of this store's.
    """
    if partition is None:
        return store.document["about"].get("probe_set") or None
    keys = np.asarray([row["key"] for row in store.rows], str)
    found: list[str] = keys[partition.holds(keys)].tolist()
    return found
