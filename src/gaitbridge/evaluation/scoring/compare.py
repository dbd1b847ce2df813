"""Embeddings of two modalities and a protocol to places: who is compared with whom, and where the mates stand.

A direction is always "probe camera, gallery LiDAR" and so on. The probes and the gallery of a protocol are different walks, so within
one modality no sequence is ever its own mate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from gaitbridge.conventions import SENSOR
from gaitbridge.data.protocols import Protocol, columns_of, load_protocol
from gaitbridge.errors import UserError, nearest
from gaitbridge.evaluation.embedding.from_store import read_embeddings, read_provenance
from gaitbridge.evaluation.ranking import metrics
from gaitbridge.evaluation.ranking.distances import Side, exact_pairs
from gaitbridge.evaluation.ranking.every_mate import Matching, all_mates
from gaitbridge.evaluation.ranking.nearest_mate import nearest_mates
from gaitbridge.evaluation.ranking.places import codes
from gaitbridge.evaluation.results import DIRECTIONS, VIEW_MODES
from gaitbridge.store import Store
from gaitbridge.types import Embeddings

IndexRows = Sequence[Mapping[str, Any]]
Source = Path | str | tuple[Embeddings, Embeddings]  # a folder of embedding files, or a pair


@dataclass(frozen=True)
class Comparison:
    """One direction: the protocol's probes and its gallery, with the index row of each, and where the mates stand.

    parts: bool [N] by name, the probes of each condition or part; own: the part's name where it has a gallery of its own, else empty.
    """

    pair: Matching
    probes: list[Mapping[str, Any]]
    gallery: list[Mapping[str, Any]]
    probe_modality: str
    gallery_modality: str
    protocol: Protocol
    weights_hash: str
    parts: dict[str, np.ndarray] = field(default_factory=dict)
    own: str = ""

    @property
    def distances(self) -> np.ndarray:
        """float32 [N, M]: all of them at once, for few."""
        return self.distances_of(np.arange(len(self.probes)))

    def distances_of(self, probes: Sequence[int] | np.ndarray) -> np.ndarray:
        """float32 [n, M]: distances of some probes to the whole gallery, exact."""
        size = len(self.gallery)
        rows, columns = np.repeat(np.asarray(probes, int), size), np.tile(np.arange(size), len(probes))
        return exact_pairs(self.pair.probes, self.pair.gallery, rows, columns, self.pair.kind).reshape(-1, size).astype(np.float32)

    def excluded(self, views: str, probes: slice | Sequence[int] = slice(None)) -> np.ndarray | None:
        """bool [n, M] of some probes: the pairs that the mode `views` must not compare; None where it compares all."""
        if views not in VIEW_MODES:
            raise UserError(f"unknown views mode {views!r}: {nearest(views, VIEW_MODES)}")
        if views == "all" or (views == "excluded" and not self.protocol.identical):
            return None
        if not self.protocol.identical:
            return np.ones((len(np.arange(len(self.probes))[probes]), len(self.gallery)), bool)
        own, other = self._view_codes
        same: np.ndarray = own[probes][:, None] == other[None, :]
        return same if views == "excluded" else ~same

    @cached_property
    def _view_codes(self) -> tuple[np.ndarray, np.ndarray]:
        """Codes [N] and [M] of the fields that make two sequences identical in view."""
        probe, gallery = (columns_of(side, self.protocol, ()) for side in (self.probes, self.gallery))
        return codes(*([side[name] for name in self.protocol.identical] for side in (probe, gallery)))

    def field(self, side: str, name: str) -> np.ndarray:
        """The field `name` of all `probes` or of all `gallery` rows, as text."""
        return np.asarray([str(row[name]) for row in getattr(self, side)])

    def rank(self, views: str) -> metrics.Ranking:
        """The ranking of every probe's gallery in the mode `views`."""
        self.excluded(views, slice(0, 0))  # an unknown mode is refused
        return self._rankings[views]

    @cached_property
    def _rankings(self) -> dict[str, metrics.Ranking]:
        """By mode of views, in one pass over blocks of probes."""
        bars = [None if self.excluded(mode, slice(0, 0)) is None else _Barred(self, mode) for mode in VIEW_MODES]
        return dict(zip(VIEW_MODES, all_mates(self.pair, bars), strict=True))

    @cached_property
    def by_view(self) -> dict[str, metrics.Ranking]:
        """The ranking against the gallery of each view alone, by view; it knows of the nearest mate alone, and whether its place is 1."""
        views, number = np.unique(self.field("gallery", "view"), return_inverse=True)
        first = nearest_mates(self.pair, number, 1)
        rows, columns = self.pair.mates()
        mates = np.zeros((len(self.probes), len(views)), np.int64)
        np.add.at(mates, (rows, number[columns]), 1)
        sizes, unknown = np.bincount(number), np.full(len(self.probes), np.nan)
        return {
            str(view): metrics.Ranking(np.full(len(self.probes), sizes[n]), mates[:, n], first[:, n], np.zeros(len(self.probes), int), unknown)
            for n, view in enumerate(views)
        }


@dataclass(frozen=True)
class _Barred:
    """The pairs that a mode must not compare, block by block."""

    comparison: Comparison
    views: str

    def __call__(self, probes: slice) -> np.ndarray:
        found = self.comparison.excluded(self.views, probes)
        assert found is not None
        return found


def compare(
    probe: Embeddings, gallery: Embeddings, rows: IndexRows, protocol: Protocol, probe_set: Sequence[str] | None = None
) -> Comparison:
    """The protocol's probes, embedded in `probe`, against its gallery, embedded in `gallery`. For a protocol of one gallery (`Protocol.alone`).

    rows: the index of the store that both were made from; probe_set: keys of its partition's probes. UserError where a key is not in it, a
    side is empty or the two do not belong together.
    """
    place = {row["key"]: number for number, row in enumerate(rows)}
    for side in (probe, gallery):
        if not side.keys:
            raise UserError("embeddings without keys cannot be scored; embed a store to a file first")
        if strangers := [key for key in side.keys if key not in place]:
            raise UserError(f"{len(strangers)} embeddings are of no sequence of this store, such as {strangers[0]!r}; give their own store")
    metrics.check_comparable(probe, gallery)
    probes, references = protocol.choose(rows, probe.keys, gallery.keys, probe_set)
    sides = [[rows[number] for number in numbers] for numbers in (probes, references)]
    people = codes(*([np.asarray([str(row["person"]) for row in side])] for side in sides))
    pair = Matching(_side(probe, sides[0]), _side(gallery, sides[1]), *people, probe.distance)
    sensors = (SENSOR.get(probe.modality, probe.modality), SENSOR.get(gallery.modality, gallery.modality))
    columns = columns_of(sides[0], protocol, probe_set)
    if protocol.parts:
        parts = {part.name: part.probe.mask(columns) for part in protocol.parts}
    else:
        named = columns[protocol.conditions].astype(str)
        parts = {name: named == name for name in sorted(set(named.tolist()))}
    return Comparison(pair, sides[0], sides[1], *sensors, protocol, probe.weights_hash, parts)


def _side(embeddings: Embeddings, rows: IndexRows) -> Side:
    """The embeddings of index rows, in that order, whatever the order of the file."""
    place = {key: number for number, key in enumerate(embeddings.keys)}
    return Side(embeddings.values, np.asarray([place[row["key"]] for row in rows], int))


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


def probe_set_of(store: Store) -> list[str] | None:
    """Keys of the probes that the dataset's partition named when the store was imported; None where it named none."""
    return store.document.get("about", {}).get("probe_set") or None


def comparisons(source: Source, store: Store, protocol: Protocol | str) -> list[Comparison]:
    """The directions that the embeddings allow: four with both modalities (two for a protocol across sensors), one with one.

    Where parts of the protocol have galleries of their own, one for each part and direction. UserError where no direction is left.
    """
    sides = open_embeddings(source, store)
    chosen = load_protocol(protocol) if isinstance(protocol, str) else protocol
    directions = [(one, other) for one, other in DIRECTIONS if one in sides and other in sides and not (chosen.crossed and one == other)]
    if not directions:
        known = " and ".join(sides)
        raise UserError(f"protocol {chosen.name!r} compares camera with LiDAR, but only {known} is embedded; choose a protocol of one sensor")
    probe_set = probe_set_of(store)
    return [
        _named(compare(sides[probe], sides[gallery], store.rows, one, probe_set), chosen.own_galleries)
        for probe, gallery in directions
        for one in chosen.alone()
    ]


def _named(one: Comparison, own_galleries: bool) -> Comparison:
    if not own_galleries:
        return one
    return Comparison(one.pair, one.probes, one.gallery, one.probe_modality, one.gallery_modality, one.protocol, one.weights_hash, one.parts,
                      one.protocol.parts[0].name)
