"""Embeddings of two modalities and a protocol to distances: who is compared with whom.

A direction is always "probe camera, gallery LiDAR" and so on. The probes and the gallery of a protocol are different walks, so within
one modality no sequence is ever its own mate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gaitbridge.conventions import SENSOR
from gaitbridge.data.protocols import Protocol, load_protocol
from gaitbridge.errors import UserError, nearest
from gaitbridge.evaluation import metrics
from gaitbridge.evaluation.embed import read_embeddings, read_provenance
from gaitbridge.evaluation.results import DIRECTIONS, VIEW_MODES
from gaitbridge.store import Store
from gaitbridge.types import Embeddings

IndexRows = Sequence[Mapping[str, Any]]
Source = Path | str | tuple[Embeddings, Embeddings]  # a folder of embedding files, or a pair


@dataclass(frozen=True)
class Comparison:
    """One direction: float32 [N, M] distances of the protocol's probes to its gallery, and the index row of each."""

    distances: np.ndarray
    probes: list[Mapping[str, Any]]
    gallery: list[Mapping[str, Any]]
    probe_modality: str
    gallery_modality: str
    protocol: Protocol
    weights_hash: str

    def excluded(self, views: str) -> np.ndarray | None:
        """bool [N, M]: the pairs that the mode `views` must not compare; None where it compares all."""
        if views not in VIEW_MODES:
            raise UserError(f"unknown views mode {views!r}: {nearest(views, VIEW_MODES)}")
        if views == "all":
            return None
        same = np.ones(self.distances.shape, bool)
        for name in self.protocol.identical:
            same &= self.field("probes", name)[:, None] == self.field("gallery", name)[None, :]
        return same if views == "excluded" else ~same

    def field(self, side: str, name: str) -> np.ndarray:
        """The field `name` of all `probes` or of all `gallery` rows, as text."""
        return np.asarray([str(row[name]) for row in getattr(self, side)])

    def rank(self, views: str) -> metrics.Ranking:
        """The ranking of every probe's gallery in the mode `views`."""
        return metrics.rank_gallery(
            self.distances, self.field("probes", "person").tolist(), self.field("gallery", "person").tolist(), self.excluded(views)
        )


def compare(probe: Embeddings, gallery: Embeddings, rows: IndexRows, protocol: Protocol) -> Comparison:
    """Distances of the protocol's probes, embedded in `probe`, to its gallery, embedded in `gallery`.

    rows: the index of the store that both were made from. UserError where a key is not in it, a side is empty or the two do not belong
    together.
    """
    place = {row["key"]: number for number, row in enumerate(rows)}
    for side in (probe, gallery):
        if not side.keys:
            raise UserError("embeddings without keys cannot be scored; embed a store to a file first")
        if strangers := [key for key in side.keys if key not in place]:
            raise UserError(f"{len(strangers)} embeddings are of no sequence of this store, such as {strangers[0]!r}; give their own store")
    probes, references = protocol.choose(rows, probe.keys, gallery.keys)
    distances = metrics.distance(_in_order(probe, rows, probes), _in_order(gallery, rows, references))
    return Comparison(
        distances,
        [rows[number] for number in probes],
        [rows[number] for number in references],
        SENSOR.get(probe.modality, probe.modality),
        SENSOR.get(gallery.modality, gallery.modality),
        protocol,
        probe.weights_hash,
    )


def _in_order(embeddings: Embeddings, rows: IndexRows, numbers: list[int]) -> Embeddings:
    """The embeddings of the index rows `numbers`, in that order, whatever the order of the file."""
    place = {key: number for number, key in enumerate(embeddings.keys)}
    keys = tuple(rows[number]["key"] for number in numbers)
    return Embeddings(
        embeddings.values[[place[key] for key in keys]], embeddings.distance, embeddings.modality, embeddings.weights_hash, keys
    )


def open_embeddings(source: Source, store: Store) -> dict[str, Embeddings]:
    """Embeddings by sensor: of a folder with silhouettes.npz and range_views.npz (or one of them), or of a pair.

    UserError where there is neither file, or a file was made from another store.
    """
    if isinstance(source, tuple):
        return {SENSOR[side.modality]: side for side in source}
    files = {modality: Path(source) / f"{modality}.npz" for modality in SENSOR}
    found = {SENSOR[modality]: file for modality, file in files.items() if file.is_file()}
    if not found:
        raise UserError(f"{source} holds neither {' nor '.join(file.name for file in files.values())}; embed the store first")
    for file in found.values():
        made_from = read_provenance(file)["data_hash"]
        if made_from and made_from != store.content_hash:
            raise UserError(
                f"{file} was made from another store ({made_from[:8]}, not {store.content_hash[:8]}); give that store or embed this one"
            )
    return {sensor: read_embeddings(file) for sensor, file in found.items()}


def comparisons(source: Source, store: Store, protocol: Protocol | str) -> list[Comparison]:
    """The directions that the embeddings allow: four with both modalities, one with one."""
    sides = open_embeddings(source, store)
    chosen = load_protocol(protocol) if isinstance(protocol, str) else protocol
    return [
        compare(sides[probe], sides[gallery], store.rows, chosen) for probe, gallery in DIRECTIONS if probe in sides and gallery in sides
    ]
