"""The numbers of a protocol as what they are made of: shares of probes, and the cells that these are averaged in.

Every number is a mean over cells: over the known cells of a line first, then over the lines that have any. A pooled number has one cell, one by probe
view has a cell for each, one by pairs of views a line for each probe view and in it a cell for each gallery view. The mean, its interval over people,
chance, differences of two runs and curves all follow from that, whatever the protocol.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gaitbridge.evaluation.ranking.mates import Ranking, chance_of
from gaitbridge.evaluation.results import POOLED
from gaitbridge.evaluation.scoring.bootstrap import interval, mean_known, people_times
from gaitbridge.evaluation.scoring.compared import Compared, Groups

CELLS = "cell mean"
CAMERAS, ALL_CAMERAS = "rank-1 by cameras", "rank-1 by cameras, same included"


@dataclass(frozen=True)
class Measure:
    """One number of one mode of views.

    name: as in result rows; values: float64 [N, G], NaN where a probe has no say, of G groups of the gallery (1 where it is whole); lines:
    int [N], the line of cells that a probe belongs to, of `count`; chance: float64 [N, G] of a random order, None where it is not defined;
    compared: int [N], how many gallery sequences a probe meets.
    """

    name: str
    values: np.ndarray
    lines: np.ndarray
    count: int
    chance: np.ndarray | None
    compared: np.ndarray

    def known(self, among: np.ndarray) -> np.ndarray:
        """bool [N]: those of `among` that enter the mean."""
        found: np.ndarray = among & ~np.isnan(self.values).all(1)
        return found

    def mean(self, among: np.ndarray) -> float:
        """The number of the probes `among`, as a share; NaN where there is none."""
        return mean_of_rows(self.cells(among))

    def cells(self, among: np.ndarray) -> np.ndarray:
        """float64 [count, G]: the mean of each cell, NaN where it is empty."""
        return _means(*_sums(self.values[among], self.lines[among], self.count))

    def by_chance(self, among: np.ndarray) -> float | None:
        """What a random order would give; None where it is not defined."""
        if self.chance is None:
            return None
        found = mean_of_rows(_means(*_sums(self.chance[among], self.lines[among], self.count)))
        return None if math.isnan(found) else found

    def draws(self, among: np.ndarray, people: Sequence[str], seed: int, everybody: np.ndarray | None = None) -> np.ndarray:
        """float64 [draws, count, G]: the cells of bootstrap samples of the people who have a say; none of fewer than two. people: N names; everybody:
        names, sorted, whom samples are of, where they are to be the same ones of several measures."""
        counted = self.known(among)
        own = np.asarray(people, str)[counted]
        names = np.unique(own) if everybody is None else everybody
        owner = np.searchsorted(names, own)
        if len(names) < 2:
            return np.empty((0, self.count, self.values.shape[1]))
        sums, known = _sums(self.values[counted], owner * self.count + self.lines[counted], len(names) * self.count)
        times, width = people_times(len(names), seed), self.count * self.values.shape[1]
        total, weight = (times @ one.reshape(len(names), width) for one in (sums, known))
        return _means(total, weight).reshape(len(times), self.count, -1)

    def interval(self, among: np.ndarray, people: Sequence[str], seed: int) -> tuple[float, float]:
        """The 95 % bootstrap interval over people of the mean; NaN, NaN with fewer than two who have a say."""
        return interval(means_of_rows(self.draws(among, people, seed)))

    def weights(self, among: np.ndarray) -> np.ndarray:
        """float64 [N, G]: how much each value counts in the mean, which is the sum of their products; 0 where it is unknown."""
        known = ~np.isnan(self.values) & among[:, None]
        held = _sums(np.where(known, 1.0, np.nan), self.lines, self.count)[1]
        lines, cells = (held > 0).any(1).sum(), (held > 0).sum(1)
        share = 1.0 / np.maximum(held * cells[:, None] * max(int(lines), 1), 1e-300)
        return np.where(known, share[self.lines], 0.0)


@dataclass(frozen=True)
class OverGalleries:
    """One number as the mean over galleries: a measure of each, its probes `among`, and their people. people drawn are the same ones in all."""

    name: str
    of: Sequence[tuple[Measure, np.ndarray, Sequence[str]]]

    def mean(self) -> float:
        """A share; NaN where no gallery gives one."""
        return mean_known(np.asarray([measure.mean(among) for measure, among, _ in self.of]))

    def by_chance(self) -> float | None:
        """What random orders would give; None where that is not defined."""
        found = [share for measure, among, _ in self.of if (share := measure.by_chance(among)) is not None]
        return float(np.mean(found)) if found else None

    def people(self) -> np.ndarray:
        """Names of all who have a say, sorted."""
        found: np.ndarray = np.unique(np.concatenate([np.asarray(people, str)[measure.known(among)] for measure, among, people in self.of]))
        return found

    def interval(self, seed: int) -> tuple[float, float]:
        """The 95 % bootstrap interval over people; NaN, NaN with fewer than two."""
        everybody = self.people()
        drawn = [means_of_rows(measure.draws(among, people, seed, everybody)) for measure, among, people in self.of]
        return interval(_mean_of_known(np.stack(drawn, axis=1)))


def over_galleries(sides: Sequence[Compared], mode: str = "excluded") -> list[OverGalleries]:
    """The protocol's numbers as means over its galleries; none where the protocol has no such mean. sides: of one direction."""
    if not sides or not sides[0].protocol.mean:
        return []
    found = [(own_measures(side, mode), side) for side in sides]
    return [OverGalleries(measure.name, [(of[number], side.conditions[side.own], side.people) for of, side in found])
            for number, measure in enumerate(found[0][0])]


def _sums(values: np.ndarray, lines: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """float64 [count, G] each: the sum of the known of each cell, and how many there are."""
    known = ~np.isnan(values)
    filled = np.where(known, values, 0.0)
    sums = [np.bincount(lines, filled[:, group], count) for group in range(values.shape[1])]
    held = [np.bincount(lines, known[:, group], count) for group in range(values.shape[1])]
    return np.stack(sums, axis=1), np.stack(held, axis=1)


def _means(sums: np.ndarray, held: np.ndarray) -> np.ndarray:
    return np.where(held > 0, sums / np.maximum(held, 1.0), np.nan)


def mean_of_rows(cells: np.ndarray) -> float:
    """Mean over the known of each row of a table, then over the rows that have any; NaN where there is none."""
    return float(means_of_rows(cells[None])[0])


def means_of_rows(tables: np.ndarray) -> np.ndarray:
    """`mean_of_rows` of each of many tables [R, P, G]: float64 [R]."""
    return _mean_of_known(_mean_of_known(tables))


def _mean_of_known(values: np.ndarray) -> np.ndarray:
    """Mean along the last axis of what is not NaN; NaN where all is."""
    known = ~np.isnan(values)
    return _means(np.where(known, values, 0.0).sum(-1), known.sum(-1))


def own_measures(one: Compared, mode: str = "excluded") -> list[Measure]:
    """What the protocol scores by, in a mode of views: `rank-1` and so on; and what it gives beside that, by another name."""
    protocol = one.protocol
    if protocol.layout == "view pairs":
        return [rank_by_pairs(one, rank, mode) for rank in protocol.ranks]
    if protocol.layout == "probe views":
        return by_probe_view(one, mode)
    ranking = one.ranking(mode) if protocol.precision or one.barred is not None else one.nearest_only
    return pooled(ranking, protocol.ranks, protocol.precision) + (by_cameras(one) if protocol.cells_by else [])


def measures(one: Compared, mode: str = "excluded") -> list[Measure]:
    """What the protocol scores by; then, by their own names, the pooled numbers of one that averages cells, and the mean of cells of a pooled one."""
    found = own_measures(one, mode)
    if one.protocol.layout != "pooled":
        ranking = one.ranking(mode)
        found.append(_pooled(f"rank-1 {POOLED}", ranking, ranking.within(1), ranking.chance(1)))
        found += _precision(ranking, f" {POOLED}", ("mAP", "mINP"))
    elif one.protocol.identical == ("view",):
        found.append(_of_groups(f"rank-1 {CELLS}", one.by_view, 1, mode, one.ranking(mode).compared))
    return found


def pooled(ranking: Ranking, ranks: Sequence[int], precision: Sequence[str] = ("mAP", "mINP")) -> list[Measure]:
    """rank-k, mAP and mINP as means over probes."""
    return [_pooled(f"rank-{rank}", ranking, ranking.within(rank), ranking.chance(rank)) for rank in ranks] + _precision(ranking, "", precision)


def _precision(ranking: Ranking, suffix: str, wanted: Sequence[str]) -> list[Measure]:
    values = {"mAP": ranking.average_precision, "mINP": ranking.inverse_negative_penalty}
    return [_pooled(name + suffix, ranking, values[name], None) for name in wanted]


def _pooled(name: str, ranking: Ranking, values: np.ndarray, chance: np.ndarray | None) -> Measure:
    lines = np.zeros(len(values), int)
    return Measure(name, values[:, None], lines, 1, None if chance is None else chance[:, None], ranking.compared)


def by_probe_view(one: Compared, mode: str = "excluded") -> list[Measure]:
    """rank-1 and mAP by probe view against the whole gallery."""
    found = [rank_by_probe_view(one, rank, mode) for rank in one.protocol.ranks]
    if "mAP" in one.protocol.precision:
        ranking = one.ranking(mode)
        found.append(Measure("mAP", ranking.average_precision[:, None], one.view_codes[0], len(one.views), None, ranking.compared))
    return found


def rank_by_probe_view(one: Compared, rank: int, mode: str = "excluded") -> Measure:
    """rank-k by probe view against the whole gallery."""
    ranking = one.ranking(mode)
    values, chance = ranking.within(rank)[:, None], ranking.chance(rank)[:, None]
    return Measure(f"rank-{rank}", values, one.view_codes[0], len(one.views), chance, ranking.compared)


def rank_by_pairs(one: Compared, rank: int, mode: str = "excluded") -> Measure:
    """rank-k by pairs of views (probe view, gallery view)."""
    return _of_groups(f"rank-{rank}", one.by_view, rank, mode, lines=one.lines)


def by_cameras(one: Compared) -> list[Measure]:
    """rank-1 by pairs of cameras, different ones and all; the own person at the same camera is left out in none of them."""
    return [_of_groups(CAMERAS, one.by_camera, 1, "excluded"), _of_groups(ALL_CAMERAS, one.by_camera, 1, "all")]


def _of_groups(
    name: str, groups: Groups, rank: int, mode: str, compared: np.ndarray | None = None, lines: tuple[np.ndarray, int] | None = None
) -> Measure:
    admitted = groups.admitted(mode)
    chance = np.where(admitted, chance_of(groups.sizes[None, :], groups.mates, rank), np.nan)
    met = admitted @ groups.sizes if compared is None else compared
    return Measure(name, groups.hits(rank, mode), *(lines or (groups.own, len(groups.sizes))), chance, met)


def cells_of(one: Compared) -> tuple[list[str], Measure] | None:
    """Rank-1 by all pairs of views (CCPG: of cameras), identical ones too, with their names; None where views of different people are not alike."""
    if one.protocol.cells_by:
        return one.by_camera.names, _of_groups("rank-1", one.by_camera, 1, "all")
    if one.protocol.identical == ("view",):
        return one.views, _of_groups("rank-1", one.by_view, 1, "all")
    return None
