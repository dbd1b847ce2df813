"""A file of embeddings under a protocol: the numbers that the field's standard toolkit prints, and the exact ones beside them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gaitbridge.data.protocols import Columns, Protocol
from gaitbridge.data.protocols.partition import ProbeSet
from gaitbridge.errors import UserError
from gaitbridge.evaluation.embedding.file import EmbeddingsFile
from gaitbridge.evaluation.ranking.distances import Side
from gaitbridge.evaluation.ranking.every_mate import Matching
from gaitbridge.evaluation.ranking.metrics import Ranking
from gaitbridge.evaluation.ranking.places import Bars, OfEmbeddings, OfMatrix, Places, codes
from gaitbridge.evaluation.scoring import averages
from gaitbridge.evaluation.scoring.averages import Averages
from gaitbridge.evaluation.scoring.columns import columns_of_file, directions_of
from gaitbridge.progress import Progress, silent
from gaitbridge.types import Distance

Rerank = Callable[[Side, Side, Distance], np.ndarray]  # distances [N, M] after re-ranking


@dataclass(frozen=True)
class Request:
    """What is asked: a protocol, the distance, the gallery's own file if there is one, a partition, a sensor for each side, re-ranking."""

    protocol: Protocol
    distance: Distance = "euclidean"
    gallery: EmbeddingsFile | None = None
    partition: ProbeSet | None = None
    probe_modality: str = ""
    gallery_modality: str = ""
    rerank: Rerank | None = None
    progress: Progress = silent


@dataclass(frozen=True)
class Scored:
    """Probes against one gallery: where the mates stand, as first [N, V] by gallery view or as a ranking over all.

    views: codes [N] and [M] of the direction's views; barred: codes of the pairs that are not compared; parts: name to bool [N].
    """

    protocol: Protocol
    pair: Matching
    probe_columns: dict[str, np.ndarray]
    gallery_columns: dict[str, np.ndarray]
    views: tuple[np.ndarray, np.ndarray]
    barred: Bars
    parts: dict[str, np.ndarray]
    distances: np.ndarray | None = None
    first: np.ndarray | None = None
    ranking: Ranking | None = None

    @property
    def has_mate(self) -> np.ndarray:
        """bool [N]: probes with a gallery sequence of their own person that is compared; by view pairs, of another view."""
        if self.ranking is not None:
            return self.ranking.has_mate
        assert self.first is not None
        others = np.arange(self.first.shape[1])[None, :] != self.views[0][:, None]
        return ((self.first > 0) & others).any(1)


@dataclass(frozen=True)
class Direction:
    """One direction scored: averages by the toolkit's names, counts, names of the views, and one Scored for each gallery."""

    probe_modality: str
    gallery_modality: str
    averages: Averages
    counts: dict[str, Any]
    views: list[str]
    sides: list[Scored]

    @property
    def name(self) -> str:
        """Such as camera-lidar, probe first."""
        return f"{self.probe_modality}-{self.gallery_modality}"


def score_file(probes: EmbeddingsFile, request: Request) -> tuple[list[Direction], list[str]]:
    """Every direction that the files allow (one, or both across sensors), and notes on what was assumed or left out.

    UserError where the protocol finds no probe or no gallery, sides do not fit together, or it is not clear who is camera and who LiDAR.
    """
    gallery = request.gallery or probes
    if probes.values.shape[1:] != gallery.values.shape[1:]:
        shapes = [f"{file.path} has embeddings [n, {file.values.shape[1]}, {file.values.shape[2]}]" for file in (probes, gallery)]
        raise UserError(f"{shapes[0]}, {shapes[1]}; embed both with the same network")
    hashes = [file.about.get("weights_hash") for file in (probes, gallery)]
    if all(hashes) and hashes[0] != hashes[1]:
        raise UserError(f"{probes.path} and {gallery.path} come of two networks (weights {hashes[0]} and {hashes[1]}); embed both with the same one")
    columns, notes = columns_of_file(probes, request.protocol, request.partition)
    others = columns if gallery is probes else columns_of_file(gallery, request.protocol, request.partition)[0]
    sensors = directions_of(probes, request.gallery, request.protocol, (request.probe_modality, request.gallery_modality))
    made = [_Files((probes, gallery), (columns, others), direction, request).scored() for direction in sensors]
    return made, notes + [note for direction in made for note in direction.averages.notes]


@dataclass(frozen=True)
class _Files:
    """The files and columns of probes and gallery, and the sensor of each side."""

    files: tuple[EmbeddingsFile, EmbeddingsFile]
    columns: tuple[Columns, Columns]
    sensors: tuple[str, str]
    request: Request

    def scored(self) -> Direction:
        masks = [_of_sensor(file, sensor) for file, sensor in zip(self.files, self.sensors, strict=True)]
        views = sorted({str(view) for columns, mask in zip(self.columns, masks, strict=True) for view in np.unique(columns["view"][mask])})
        one_file = self.files[0] is self.files[1]
        size = int((masks[0] | masks[1]).sum()) if one_file else int(masks[0].sum() + masks[1].sum())
        into, sides = Averages(), []
        for one in self.request.protocol.alone():
            chosen = zip((one.probe, one.gallery), self.columns, masks, strict=True)
            probes, gallery = (np.flatnonzero(rule.mask(columns) & mask) for rule, columns, mask in chosen)
            self._check(one, probes, gallery, size)
            sides.append(self._side(one, (probes, gallery), views, into))
        return Direction(*self.sensors, into, {"sequences": size} | _counts(sides), views, sides)

    def _check(self, one: Protocol, probes: np.ndarray, gallery: np.ndarray, size: int) -> None:
        if self.files[0] is self.files[1] and self.sensors[0] == self.sensors[1] and len(both := np.intersect1d(probes, gallery)):
            key = self.columns[0]["key"][both[0]]
            raise UserError(f"{self.files[0].path}: {key} would be both probe and gallery under {one.name!r}; look at its type")
        try:
            one.check_sides(probes.tolist(), gallery.tolist(), size)
        except UserError as error:
            part = f" (part {one.parts[0].name})" if self.request.protocol.own_galleries else ""
            raise UserError(f"{self.files[len(probes) > 0].path}{part}: {error}") from error

    def _side(self, one: Protocol, numbers: tuple[np.ndarray, np.ndarray], views: list[str], into: Averages) -> Scored:
        """One gallery: where the mates stand; the averages are added to `into`."""
        request = self.request
        probe, gallery = ({name: column[rows] for name, column in columns.items()} for columns, rows in zip(self.columns, numbers, strict=True))
        sides = [Side(file.values, rows) for file, rows in zip(self.files, numbers, strict=True)]
        people = codes([probe["person"]], [gallery["person"]])
        of_view = np.searchsorted(views, probe["view"]), np.searchsorted(views, gallery["view"])
        pair = Matching(sides[0], sides[1], *people, request.distance)
        barred = None if not one.identical else codes(*([columns[name] for name in one.identical] for columns in (probe, gallery)))
        distances = None if request.rerank is None else request.rerank(sides[0], sides[1], request.distance)
        places: Places = OfEmbeddings(pair, request.progress) if distances is None else OfMatrix(distances, *people)
        parts = {part.name: part.probe.mask(probe) for part in one.parts}
        made = Scored(one, pair, probe, gallery, of_view, barred, parts, distances)
        return _averaged(made, places, len(views), into)


def _averaged(made: Scored, places: Places, views: int, into: Averages) -> Scored:
    """Rank as the protocol's layout asks, and add its averages."""
    one, probe_views, gallery_views = made.protocol, *made.views
    named = [(part.printed or part.name, made.parts[part.name]) for part in one.parts] or [("", np.ones(len(probe_views), bool))]
    if one.layout == "view pairs":
        first = places.by_group(gallery_views, max(one.ranks))
        first = np.pad(first, ((0, 0), (0, views - first.shape[1])))
        sizes = np.bincount(gallery_views, minlength=views)
        for name, among in named:
            averages.view_pairs(into, name, first[among], probe_views[among], sizes, one.ranks, skip_empty=one.crossed)
        return replace(made, first=first)
    if one.precision or made.barred is not None:
        ranking = places.over_all(made.barred)
    else:
        ranking = _of_nearest(places.by_group(np.zeros(len(gallery_views), int), max(one.ranks))[:, 0], made.pair)
    for name, among in named:
        if one.layout == "probe views":
            averages.probe_views(into, name, ranking.of(among), probe_views[among], views)
        else:
            averages.pooled(into, name, ranking.of(among), one.ranks, one.precision, one.every_probe)
    return replace(made, ranking=ranking)


def _of_sensor(file: EmbeddingsFile, sensor: str) -> np.ndarray:
    known = file.modalities == sensor
    return known if sensor and known.any() else np.ones(len(file), bool)


def _of_nearest(first: np.ndarray, pair: Matching) -> Ranking:
    """A ranking that knows the nearest mate's place alone."""
    mates = np.bincount(pair.mates()[0], minlength=len(first))
    return Ranking(np.full(len(first), len(pair.gallery)), mates, first, np.zeros(len(first), int), np.full(len(first), np.nan))


def _counts(sides: list[Scored]) -> dict[str, Any]:
    """Probes, those without a mate, gallery, people; where parts have galleries of their own, sequences that are used at all."""
    probes = {key: mated for side in sides for key, mated in zip(side.probe_columns["key"].tolist(), side.has_mate.tolist(), strict=True)}
    gallery = {key for side in sides for key in side.gallery_columns["key"].tolist()}
    several = len(sides) > 1
    first = sides[0]
    counts: dict[str, Any] = {
        "probes": len(probes) if several else len(first.pair.probes),
        "probes_without_mate": sum(not mated for mated in probes.values()) if several else int((~first.has_mate).sum()),
        "gallery": len(gallery) if several else len(first.pair.gallery),
        "people": len({person for side in sides for person in np.unique(side.probe_columns["person"]).tolist()}),
    }
    parts = {
        name: {"probes": int(among.sum()), "probes_without_mate": int((among & ~side.has_mate).sum()), "gallery": len(side.pair.gallery)}
        for side in sides
        for name, among in side.parts.items()
    }
    return counts | ({"parts": parts} if parts else {})
