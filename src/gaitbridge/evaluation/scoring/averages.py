"""What a protocol averages: exactly, and as the field's standard toolkit prints it.

The toolkit rounds the rank-k of each cell (probe view, gallery view) to two decimals before it averages, has no number where a cell has no probe,
stops where a cell has fewer gallery sequences than the highest rank, and counts a probe without a mate as a miss (in cells, by probe view and in
GREW).
Exactly, cells without a sequence are skipped and probes without a mate leave the mean. Numbers are in %.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from gaitbridge.evaluation.ranking.metrics import Ranking, interval, mean_known, people_times


@dataclass
class Averages:
    """By name as the toolkit prints it: what it prints, and the exact number; NaN where there is none. notes: why."""

    published: dict[str, float] = field(default_factory=dict)
    exact: dict[str, float] = field(default_factory=dict)
    cells: dict[str, np.ndarray] = field(default_factory=dict)  # [probe views, gallery views] of exact rank-1 by part, NaN where empty
    notes: list[str] = field(default_factory=list)


def view_pairs(
    into: Averages, name: str, first: np.ndarray, probe_views: np.ndarray, gallery_sizes: np.ndarray, ranks: tuple[int, ...], skip_empty: bool = False
) -> None:
    """Add NAME@R1 and so on: the mean over cells, identical views excluded, of gallery views first.

    first: [n, V] of `nearest_mates` by gallery view; probe_views: codes [n] of the same V views; gallery_sizes: [V] sequences of each view.
    skip_empty: the published numbers, too, skip cells without a sequence.
    """
    views = len(gallery_sizes)
    counts = np.bincount(probe_views, minlength=views)
    order = np.argsort(probe_views, kind="stable")
    edges = np.searchsorted(probe_views[order], np.arange(views + 1))
    others = ~np.eye(views, dtype=bool)
    for rank in ranks:
        hits, mated = np.zeros((views, views)), np.zeros((views, views))
        for view in range(views):
            some = first[order[edges[view] : edges[view + 1]]]
            hits[view] = np.count_nonzero((some > 0) & (some <= rank), axis=0)
            mated[view] = np.count_nonzero(some > 0, axis=0)
        exact = np.where(others & (mated > 0), 100.0 * hits / np.maximum(mated, 1), np.nan)
        into.exact[f"{name}@R{rank}"] = mean_of_rows(exact)
        shown = (counts[:, None] > 0) & (gallery_sizes[None, :] > 0)
        rounded = np.where(shown, np.round(hits * 100.0 / np.maximum(counts, 1)[:, None], 2), np.nan)
        into.published[f"{name}@R{rank}"] = mean_of_rows(np.where(others, rounded, np.nan)) if skip_empty else _strict(rounded)
        if rank == ranks[0]:
            into.cells[name] = np.where(mated > 0, 100.0 * hits / np.maximum(mated, 1), np.nan)
    if skip_empty:
        return
    short = int(gallery_sizes.min())
    if short < max(ranks):
        into.published |= {f"{name}@R{rank}": math.nan for rank in ranks}
        into.notes.append(f"{name}: the published numbers need {max(ranks)} gallery sequences of every view, one view has {short}: none is given")
    elif not counts.all():
        into.notes.append(
            f"{name}: {np.count_nonzero(counts == 0)} views have no probe, for which the toolkit prints NaN: no published number is given"
        )


def _strict(cells: np.ndarray) -> float:
    """The mean of the cells off the diagonal as the toolkit takes it: NaN where any is."""
    if len(cells) < 2:
        return math.nan
    return float(np.mean(np.sum(cells - np.diag(np.diag(cells)), 1) / (len(cells) - 1.0)))


def mean_of_rows(cells: np.ndarray) -> float:
    """Mean over the known of each row, then over the rows that have any; NaN where there is none."""
    known = ~np.isnan(cells)
    rows = known.sum(1)
    means = np.where(known, cells, 0.0).sum(1)[rows > 0] / rows[rows > 0]
    return float(means.mean()) if len(means) else math.nan


def interval_of_cells(first: np.ndarray, probe_views: np.ndarray, people: np.ndarray, rank: int, seed: int) -> tuple[float, float]:
    """The 95 % bootstrap interval over people, in %, of the exact number of `view_pairs`; NaN, NaN with fewer than two people.

    first [n, V], probe_views [n] codes, people [n] names.
    """
    names, owner = np.unique(people, return_inverse=True)
    views = first.shape[1]
    if len(names) < 2:
        return math.nan, math.nan
    sums = np.zeros((2, len(names) * views, views))  # hits and probes with a mate, by person and probe view
    for number, values in enumerate(((first > 0) & (first <= rank), first > 0)):
        np.add.at(sums[number], owner * views + probe_views, values)
    times = people_times(len(names), seed)
    hits, mated = (times @ one.reshape(len(names), -1) for one in sums)
    cells = np.where(mated > 0, 100.0 * hits / np.maximum(mated, 1.0), np.nan).reshape(-1, views, views)
    cells[:, np.arange(views), np.arange(views)] = np.nan
    return interval(np.asarray([mean_of_rows(draw) for draw in cells]))


def probe_views(into: Averages, name: str, ranking: Ranking, views: np.ndarray, count: int) -> None:
    """Add NAME-Rank@1 and NAME-mAP: the mean over probe views against the whole gallery. views: codes [n] of `count` views."""
    columns = {"Rank@1": ranking.within(1), "mAP": ranking.average_precision}
    for metric, values in columns.items():
        by_view = [values[views == view] for view in range(count)]
        known = [100.0 * mean for mean in map(mean_known, by_view) if not math.isnan(mean)]
        into.exact[f"{name}-{metric}"] = float(np.mean(known)) if known else math.nan
        if metric == "Rank@1":  # a probe without a mate is a miss here, in mAP it is left out
            by_view = [np.nan_to_num(of_view) for of_view in by_view]
        printed = [np.round(100.0 * mean_known(of_view), 2) for of_view in by_view]
        into.published[f"{name}-{metric}"] = float(np.mean(printed)) if printed else math.nan
        if any(map(math.isnan, printed)):
            into.notes.append(f"{name}-{metric}: a view has no probe with a mate, for which the toolkit prints NaN: no published number is given")


def pooled(into: Averages, name: str, ranking: Ranking, ranks: tuple[int, ...], precision: tuple[str, ...], every_probe: bool) -> None:
    """Add Rank-1, ..., mAP, mINP (of a part: NAME@R1, NAME@mAP, NAME@mINP): means over probes.

    every_probe: the toolkit counts probes without a mate as misses here and rounds to two decimals.
    """
    values = {f"{name}@R{rank}" if name else f"Rank-{rank}": ranking.within(rank) for rank in ranks}
    wanted = {"mAP": ranking.average_precision, "mINP": ranking.inverse_negative_penalty}
    values |= {f"{name}@{metric}" if name else metric: wanted[metric] for metric in precision}
    for metric, of_probes in values.items():
        into.exact[metric] = into.published[metric] = 100.0 * mean_known(of_probes)
        if every_probe:
            into.published[metric] = float(np.round(100.0 * np.nan_to_num(of_probes).mean(), 2)) if len(of_probes) else math.nan
