"""Files of embeddings under a protocol, side by side: who is compared with whom, and where the mates stand. All numbers are made of this.

A direction is always "probe camera, gallery LiDAR" and so on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from gaitbridge.data.protocols import Columns, Protocol
from gaitbridge.data.protocols.partition import ProbeSet
from gaitbridge.errors import UserError, nearest
from gaitbridge.evaluation.embedding.file import EmbeddingsFile
from gaitbridge.evaluation.ranking.distances import Side, exact_pairs
from gaitbridge.evaluation.ranking.every_mate import Matching
from gaitbridge.evaluation.ranking.in_blocks import Answers, AtOnce, InBlocks
from gaitbridge.evaluation.ranking.mates import Ranking
from gaitbridge.evaluation.ranking.places import Bars, OfEmbeddings, OfMatrix, Places, codes
from gaitbridge.evaluation.scoring.columns import columns_of_file, directions_of
from gaitbridge.progress import Progress, silent
from gaitbridge.types import Distance

AT_ONCE = AtOnce()
Rerank = Callable[[Side, Side, Distance], np.ndarray]  # distances [N, M] after re-ranking


@dataclass(frozen=True)
class Request:
    """What is asked: a protocol, the distance, the gallery's own file if there is one, a partition, a sensor for each side, re-ranking.

    depth: the highest rank to know by pairs of views, the protocol's own at least; answers: who works out what distances tell.
    """

    protocol: Protocol
    distance: Distance = "euclidean"
    gallery: EmbeddingsFile | None = None
    partition: ProbeSet | None = None
    probe_modality: str = ""
    gallery_modality: str = ""
    rerank: Rerank | None = None
    depth: int = 1
    progress: Progress = silent
    answers: Answers = AT_ONCE


@dataclass(frozen=True)
class Compared:
    """The probes of a protocol against one gallery, in one direction, and where the mates stand (worked out when first asked).

    pair: the two sides; probes, gallery: fields by name, [N] and [M]; views: names of all views of the direction, sorted; distances: [N, M] after
    re-ranking, None without; own: the part's name where it has a gallery of its own, else empty; weights_hash: of the network, empty where unknown.
    """

    protocol: Protocol
    pair: Matching
    probes: Columns
    gallery: Columns
    probe_modality: str
    gallery_modality: str
    views: list[str]
    distances: np.ndarray | None = None
    own: str = ""
    weights_hash: str = ""
    depth: int = 1
    progress: Progress = silent
    answers: Answers = AT_ONCE
    _kept: dict[str, Ranking] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """Of this comparison among all of a score."""
        return f"{self.probe_modality}-{self.gallery_modality} {self.own}".strip()

    @cached_property
    def people(self) -> list[str]:
        """The person of each probe."""
        found: list[str] = self.probes["person"].astype(str).tolist()
        return found

    @cached_property
    def conditions(self) -> dict[str, np.ndarray]:
        """By name the probes bool [N] that numbers are given for: the protocol's parts, else all and those of each condition, if several."""
        if self.protocol.parts:
            return {part.name: part.probe.mask(self.probes) for part in self.protocol.parts}
        everyone = {"all": np.ones(len(self.pair.probes), bool)}
        if not self.protocol.conditions:
            return everyone
        named = self.probes[self.protocol.conditions].astype(str)
        kinds = sorted(set(named.tolist()))
        return everyone | {name: named == name for name in kinds if len(kinds) > 1 and name}

    @cached_property
    def view_codes(self) -> tuple[np.ndarray, np.ndarray]:
        """int [N] and [M]: numbers of `views`."""
        return np.searchsorted(self.views, self.probes["view"]), np.searchsorted(self.views, self.gallery["view"])

    @cached_property
    def lines(self) -> tuple[np.ndarray, int]:
        """int [N], the line of cells of each probe, and how many lines there are: one for each view, of each value of the protocol's `each`."""
        if not self.protocol.each:
            return self.view_codes[0], len(self.views)
        number, _ = codes([self.probes[self.protocol.each], self.probes["view"]], [self.probes[name][:0] for name in (self.protocol.each, "view")])
        return number, int(number.max(initial=-1)) + 1

    @cached_property
    def barred(self) -> Bars:
        """Codes [N] and [M]: a pair of one code is identical in view, as the protocol has it; None where it leaves nothing out."""
        if not self.protocol.identical:
            return None
        return codes(*([columns[name] for name in self.protocol.identical] for columns in (self.probes, self.gallery)))

    def excluded(self, mode: str, probes: slice | np.ndarray = slice(None)) -> np.ndarray | None:
        """bool [n, M] of some probes: the pairs that a mode of views must not compare; None where it compares all."""
        if mode not in self.protocol.modes:
            raise UserError(f"protocol {self.protocol.name!r} has no mode of views {mode!r}: {nearest(mode, self.protocol.modes)}")
        if mode == "all" or self.barred is None:
            return None
        same: np.ndarray = self.barred[0][probes][:, None] == self.barred[1][None, :]
        return same if mode == "excluded" else ~same

    @cached_property
    def places(self) -> Places:
        """Where mates stand, of embeddings or of distances after re-ranking."""
        if self.distances is not None:
            return OfMatrix(self.distances, self.pair.probe_people, self.pair.gallery_people)
        if self.answers is not AT_ONCE:
            return InBlocks(self.pair, self.answers, self.name, self.progress)
        return OfEmbeddings(self.pair, self.progress)

    def ranking(self, mode: str = "excluded") -> Ranking:
        """The places of all mates in a mode of views. The first question of a mode other than the protocol's own answers all modes in one pass."""
        if mode not in self._kept:
            self.excluded(mode, slice(0, 0))  # an unknown mode is refused
            wanted = [mode] if mode == "excluded" else [one for one in self.protocol.modes if one not in self._kept]
            self._rank(wanted)
        return self._kept[mode]

    def rank_all(self) -> None:
        """Work out the rankings of all modes in one pass."""
        self._rank([mode for mode in self.protocol.modes if mode not in self._kept])

    def _rank(self, modes: list[str]) -> None:
        bars = [None if self.excluded(mode, slice(0, 0)) is None else _Barred(self, mode) for mode in modes]
        self._kept.update(zip(modes, self.places.over_all(bars), strict=True))

    @cached_property
    def nearest_only(self) -> Ranking:
        """A ranking that knows the place of the nearest mate alone, up to the highest rank; for protocols that leave nothing out."""
        first = self.places.by_group(np.zeros(len(self.pair.gallery), int), max(self.depth, *self.protocol.ranks))[:, 0]
        mates = np.bincount(self.pair.mates()[0], minlength=len(first))
        return Ranking(np.full(len(first), len(self.pair.gallery)), mates, first, np.zeros(len(first), int), np.full(len(first), np.nan))

    @cached_property
    def by_view(self) -> Groups:
        """Where the nearest mate stands within each view of the gallery."""
        return self._grouped(*self.view_codes, self.views)

    @cached_property
    def by_camera(self) -> Groups:
        """The same by the protocol's `cells_by` (CCPG: the camera)."""
        names = np.unique(np.concatenate([side[self.protocol.cells_by] for side in (self.probes, self.gallery)]))
        numbers = [np.searchsorted(names, side[self.protocol.cells_by]) for side in (self.probes, self.gallery)]
        return self._grouped(numbers[0], numbers[1], names.astype(str).tolist())

    def _grouped(self, probe_group: np.ndarray, gallery_group: np.ndarray, names: list[str]) -> Groups:
        count = len(names)
        first = self.places.by_group(gallery_group, max(self.depth, *self.protocol.ranks))
        first = np.pad(first, ((0, 0), (0, count - first.shape[1])))
        mates = np.zeros(first.shape, np.int64)
        rows, columns = self.pair.mates()
        np.add.at(mates, (rows, gallery_group[columns]), 1)
        return Groups(names, first, mates, probe_group, np.bincount(gallery_group, minlength=count))

    def distances_of(self, probes: np.ndarray) -> np.ndarray:
        """float32 [n, M]: distances of some probes to the whole gallery, exact."""
        if self.distances is not None:
            return self.distances[probes].astype(np.float32)
        size = len(self.pair.gallery)
        rows, columns = np.repeat(np.asarray(probes, int), size), np.tile(np.arange(size), len(probes))
        return exact_pairs(self.pair.probes, self.pair.gallery, rows, columns, self.pair.kind).reshape(-1, size).astype(np.float32)


@dataclass(frozen=True)
class Groups:
    """Probes against each of V groups of the gallery (views, cameras).

    names: of the groups; first: int [N, V], the place of the nearest mate, beyond the highest rank where it is farther, 0 without one; mates:
    int [N, V]; own: int [N], the probe's own group; sizes: int [V], gallery sequences of each.
    """

    names: list[str]
    first: np.ndarray
    mates: np.ndarray
    own: np.ndarray
    sizes: np.ndarray

    def admitted(self, mode: str) -> np.ndarray:
        """bool [N, V]: the groups that a probe is compared with in a mode of views."""
        same = np.arange(self.first.shape[1])[None, :] == self.own[:, None]
        return {"excluded": ~same, "identical": same, "all": np.ones_like(same)}[mode]

    def hits(self, rank: int, mode: str) -> np.ndarray:
        """float64 [N, V]: 1 where a mate is among the first `rank` of the group, else 0; NaN without a mate there, or where it is not admitted."""
        return np.where((self.first > 0) & self.admitted(mode), (self.first <= rank).astype(np.float64), np.nan)


@dataclass(frozen=True)
class _Barred:
    """The pairs that a mode must not compare, block by block."""

    compared: Compared
    mode: str

    def __call__(self, probes: slice) -> np.ndarray:
        found = self.compared.excluded(self.mode, probes)
        assert found is not None
        return found


@dataclass(frozen=True)
class Direction:
    """One direction: a Compared for each gallery, how many sequences of its sensors there are, and the sensors, empty where unknown."""

    probe_modality: str
    gallery_modality: str
    sides: list[Compared]
    sequences: int

    @property
    def name(self) -> str:
        """Such as camera-lidar, probe first."""
        return f"{self.probe_modality}-{self.gallery_modality}"


def compared(probes: EmbeddingsFile, request: Request) -> tuple[list[Direction], list[str]]:
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
    return [_Files((probes, gallery), (columns, others), direction, request).direction() for direction in sensors], notes


@dataclass(frozen=True)
class _Files:
    """The files and columns of probes and gallery, and the sensor of each side."""

    files: tuple[EmbeddingsFile, EmbeddingsFile]
    columns: tuple[Columns, Columns]
    sensors: tuple[str, str]
    request: Request

    def direction(self) -> Direction:
        masks = [_of_sensor(file, sensor) for file, sensor in zip(self.files, self.sensors, strict=True)]
        views = sorted({str(view) for columns, mask in zip(self.columns, masks, strict=True) for view in np.unique(columns["view"][mask])})
        one_file = self.files[0] is self.files[1]
        size = int((masks[0] | masks[1]).sum()) if one_file else int(masks[0].sum() + masks[1].sum())
        sides = []
        for one in self.request.protocol.alone():
            chosen = zip((one.probe, one.gallery), self.columns, masks, strict=True)
            probes, gallery = (np.flatnonzero(rule.mask(columns) & mask) for rule, columns, mask in chosen)
            if self.request.protocol.mean and not (len(probes) and len(gallery)):
                continue  # of a covariate that is not there: left out of the mean
            self._check(one, probes, gallery, size)
            sides.append(self._side(one, (probes, gallery), views))
        if not sides:
            raise UserError(f"{self.files[0].path}: protocol {self.request.protocol.name!r} finds none of its parts among {size} sequences; choose "
                            "another protocol or other data")
        return Direction(*self.sensors, sides, size)

    def _check(self, one: Protocol, probes: np.ndarray, gallery: np.ndarray, size: int) -> None:
        if self.files[0] is self.files[1] and self.sensors[0] == self.sensors[1] and len(both := np.intersect1d(probes, gallery)):
            key = self.columns[0]["key"][both[0]]
            raise UserError(f"{self.files[0].path}: {key} would be both probe and gallery under {one.name!r}; look at its type")
        try:
            one.check_sides(probes.tolist(), gallery.tolist(), size)
        except UserError as error:
            part = f" (part {one.parts[0].name})" if self.request.protocol.own_galleries else ""
            raise UserError(f"{self.files[len(probes) > 0].path}{part}: {error}") from error

    def _side(self, one: Protocol, numbers: tuple[np.ndarray, np.ndarray], views: list[str]) -> Compared:
        """One gallery."""
        request = self.request
        probe, gallery = ({name: column[rows] for name, column in columns.items()} for columns, rows in zip(self.columns, numbers, strict=True))
        sides = [Side(file.values, rows) for file, rows in zip(self.files, numbers, strict=True)]
        pair = Matching(sides[0], sides[1], *codes([probe["person"]], [gallery["person"]]), request.distance)
        distances = None if request.rerank is None else request.rerank(sides[0], sides[1], request.distance)
        own = one.parts[0].name if request.protocol.own_galleries else ""
        weights = str(self.files[0].about.get("weights_hash", ""))
        return Compared(one, pair, probe, gallery, *self.sensors, views, distances, own, weights, request.depth, request.progress,
                        request.answers)


def _of_sensor(file: EmbeddingsFile, sensor: str) -> np.ndarray:
    known = file.modalities == sensor
    return known if sensor and known.any() else np.ones(len(file), bool)
