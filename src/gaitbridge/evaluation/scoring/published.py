"""The numbers of a protocol by the names of the field's standard toolkit: as it prints them, and exactly.

The toolkit rounds the rank-k of each cell (probe view, gallery view) to two decimals before it averages, has no number where a cell has no probe,
stops where a cell has fewer gallery sequences than the highest rank, and counts a probe without a mate as a miss (in cells, by probe view and in
GREW).
Exactly, cells without a sequence are skipped and probes without a mate leave the mean. Numbers are in %.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gaitbridge.data.protocols import Part
from gaitbridge.evaluation.scoring.bootstrap import mean_known
from gaitbridge.evaluation.scoring.compared import Compared, Groups
from gaitbridge.evaluation.scoring.measures import ALL_CAMERAS, CAMERAS, Measure, mean_of_rows, own_measures


@dataclass(frozen=True)
class Number:
    """One number of one part, in %; NaN where there is none. name: as the toolkit prints it; note: why nothing is printed, or empty."""

    name: str
    condition: str
    among: np.ndarray
    measure: Measure
    published: float
    note: str = ""

    @property
    def exact(self) -> float:
        """Not rounded on the way."""
        return 100.0 * self.measure.mean(self.among)


def numbers(one: Compared) -> Iterator[Number]:
    """All numbers that a protocol prints, part by part."""
    found, parts = own_measures(one), {part.name: part for part in one.protocol.parts}
    conditions = one.conditions if parts else {"all": one.conditions["all"]}
    for condition, among in conditions.items():
        for measure in found:
            name = printed_name(one, parts.get(condition), measure.name)
            value, note = _published(one, measure, among)
            if not note and math.isnan(measure.mean(among)):
                note = f"no probe has a mate that it is compared with (left out: {one.protocol.exclusion_in_words()}), so there is no number"
            named = parts[condition].printed or condition if parts else ""
            yield Number(name, condition, among, measure, value, f"{named}: {note}".removeprefix(": ") if note else "")


def printed_name(one: Compared, part: Part | None, measure: str) -> str:
    """`NM@R1`, `NM-Rank@1`, `Rank-1`, `CL@mAP`; `CL` of the mean over pairs of cameras."""
    name = "" if part is None else part.printed or part.name
    kind, _, rank = measure.partition("-")
    if measure in (CAMERAS, ALL_CAMERAS):
        return f"{name}, same camera included" if measure == ALL_CAMERAS else name
    if one.protocol.layout == "probe views":
        return f"{name}-Rank@{rank}" if kind == "rank" else f"{name}-{measure}"
    if not name:
        return f"Rank-{rank}" if kind == "rank" else measure
    return f"{name}@R{rank}" if kind == "rank" else f"{name}@{measure}"


def mean_name(mean: str, measure: str) -> str:
    """`Rank-1 hard`: of a mean over galleries."""
    return f"{measure.replace('rank', 'Rank')} {mean}"


def _published(one: Compared, measure: Measure, among: np.ndarray) -> tuple[float, str]:
    """As the toolkit prints it, and why not."""
    if measure.name in (CAMERAS, ALL_CAMERAS):
        return _of_cells(one.by_camera, 1, among, measure.name == ALL_CAMERAS)
    if one.protocol.layout == "view pairs":
        return _of_pairs(one, int(measure.name.partition("-")[2]), among)
    values = measure.values[among, 0]
    if one.protocol.layout == "probe views":
        return _of_probe_views(measure, values, measure.lines[among])
    if one.protocol.every_probe:
        return (float(np.round(100.0 * np.nan_to_num(values).mean(), 2)) if len(values) else math.nan), ""
    return 100.0 * mean_known(values), ""


def _of_pairs(one: Compared, rank: int, among: np.ndarray) -> tuple[float, str]:
    ranks, groups = one.protocol.ranks, one.by_view
    if one.protocol.crossed:  # across sensors cells without a sequence are skipped
        return mean_of_rows(np.where(np.eye(len(groups.sizes), dtype=bool), np.nan, _rounded(groups, rank, among))), ""
    if (short := int(groups.sizes.min())) < max(ranks):
        return math.nan, f"the published numbers need {max(ranks)} gallery sequences of every view, one view has {short}: none is given"
    if not one.protocol.each:
        return _of_cells(groups, rank, among, False)
    kinds = one.probes[one.protocol.each]
    found = [_of_cells(groups, rank, among & (kinds == kind), False) for kind in np.unique(kinds[among])]
    return float(np.mean([value for value, _ in found])) if found else math.nan, next((note for _, note in found if note), "")


def _of_cells(groups: Groups, rank: int, among: np.ndarray, identical: bool) -> tuple[float, str]:
    """The mean of the cells, those of one group included or not."""
    cells, size = _rounded(groups, rank, among), len(groups.sizes)
    if size < 2 and not identical:
        return math.nan, "there is one view alone, and the number is a mean over pairs of different ones: none is given"
    if empty := size - len(np.unique(groups.own[among])):
        return math.nan, f"{empty} views have no probe, for which the toolkit prints NaN: no published number is given"
    if identical:
        return float(np.mean(cells)), ""
    return float(np.mean(np.sum(cells - np.diag(np.diag(cells)), 1) / (size - 1.0))), ""


def _rounded(groups: Groups, rank: int, among: np.ndarray) -> np.ndarray:
    """float64 [V, V]: rank-k of each cell in %, rounded to two decimals, a probe without a mate a miss; NaN without a probe or a gallery sequence."""
    size, own = len(groups.sizes), groups.own[among]
    hits = ((groups.first > 0) & (groups.first <= rank))[among]
    found = np.stack([np.bincount(own, hits[:, group], size) for group in range(size)], axis=1)
    counts = np.bincount(own, minlength=size)
    shown = (counts[:, None] > 0) & (groups.sizes[None, :] > 0)
    return np.where(shown, np.round(found * 100.0 / np.maximum(counts, 1)[:, None], 2), np.nan)


def _of_probe_views(measure: Measure, values: np.ndarray, lines: np.ndarray) -> tuple[float, str]:
    by_view = [values[lines == line] for line in range(measure.count)]
    if measure.name.startswith("rank"):  # a probe without a mate is a miss here, in mAP it is left out
        by_view = [np.nan_to_num(of_view) for of_view in by_view]
    printed = [np.round(100.0 * mean_known(of_view), 2) for of_view in by_view]
    note = "a view has no probe with a mate, for which the toolkit prints NaN: no published number is given" if any(map(math.isnan, printed)) else ""
    return float(np.mean(printed)) if printed else math.nan, note
