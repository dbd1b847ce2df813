"""Two sides to compare, and the places of all mates in the whole gallery, which mAP and mINP need. For rank-k alone see `nearest`.

In blocks of probes: never all distances at once, and every place as exact distances have it. Ties go against the probe.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gaitbridge.evaluation.ranking.distances import Side, centre_of, dense, exact_pairs
from gaitbridge.evaluation.ranking.mates import Ranking
from gaitbridge.progress import Progress, silent
from gaitbridge.types import Distance

DENSE_NUMBERS = 1 << 25  # of a block of distances: 256 MiB in double precision


@dataclass(frozen=True)
class Matching:
    """Two sides to compare. people: codes [N] and [M], the same for one person on both sides; kind: the distance."""

    probes: Side
    gallery: Side
    probe_people: np.ndarray
    gallery_people: np.ndarray
    kind: Distance

    def of(self, some: slice) -> Matching:
        """Some of the probes against the same gallery."""
        return replace(self, probes=Side(self.probes.values, self.probes.numbers[some]), probe_people=self.probe_people[some])

    def mates(self) -> tuple[np.ndarray, np.ndarray]:
        """All pairs (probe, gallery) of one person, sorted by probe."""
        order = np.argsort(self.gallery_people, kind="stable")
        first = np.searchsorted(self.gallery_people[order], self.probe_people, "left")
        count = np.searchsorted(self.gallery_people[order], self.probe_people, "right") - first
        rows = np.repeat(np.arange(len(self.probes)), count)
        within = np.arange(len(rows)) - np.repeat(np.cumsum(count) - count, count)
        return rows, order[np.repeat(first, count) + within]


def all_mates(pair: Matching, bars: Sequence[Callable[[slice], np.ndarray] | None], progress: Progress = silent) -> list[Ranking]:
    """A Ranking of all probes for each of `bars`: a function of the block's probes that gives bool [n, M], the pairs that must not be compared.

    In double precision, every place as exact distances have it.
    """
    mates = pair.mates()
    exact = exact_pairs(pair.probes, pair.gallery, *mates, pair.kind)
    centre = centre_of(pair.gallery, pair.kind)
    height = int(np.clip(DENSE_NUMBERS // max(len(pair.gallery), 1), 16, 4096))
    made: list[list[tuple[np.ndarray, ...]]] = [[] for _ in bars]
    for start in range(0, len(pair.probes), height):
        some = slice(start, min(start + height, len(pair.probes)))
        distances, wrong = dense(pair.probes.take(some), pair.gallery, centre, pair.kind)
        own = slice(*np.searchsorted(mates[0], [some.start, some.stop]))
        block = _Block(pair, some, distances, wrong, mates[0][own] - start, mates[1][own], exact[own])
        for number, bar in enumerate(bars):
            made[number].append(block.ranked(None if bar is None else bar(some)))
        progress(some.stop, len(pair.probes), "")
    return [Ranking(*(np.concatenate(columns) for columns in zip(*parts, strict=True))) for parts in made]


@dataclass(frozen=True)
class _Block:
    """Distances [n, M] of some probes, each wrong by at most `wrong` [n]; their mates (row, column) and the exact distances of those."""

    pair: Matching
    some: slice
    distances: np.ndarray
    wrong: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    exact: np.ndarray

    def ranked(self, barred: np.ndarray | None) -> tuple[np.ndarray, ...]:
        """compared, mates, first, last, average precision of each probe."""
        size, width = self.distances.shape
        shown = self.distances.copy()
        if barred is not None:
            shown[barred] = np.inf
        shown[self.rows, self.columns] = np.inf
        shown.sort(axis=1)  # strangers by distance; who else there is stands at the end
        kept = np.ones(len(self.rows), bool) if barred is None else ~barred[self.rows, self.columns]
        compared = np.full(size, width) if barred is None else width - np.count_nonzero(barred, axis=1)
        count, first, last = (np.zeros(size, np.int64) for _ in range(3))
        precision = np.full(size, np.nan)
        edges = np.searchsorted(self.rows, np.arange(size + 1))
        for row in range(size):
            own = np.arange(edges[row], edges[row + 1])
            own = own[kept[own]]
            if not len(own):
                continue
            far = np.sort(self.exact[own])
            before = self._strangers_before(row, shown[row], far, barred)
            ranks = before + np.arange(1, len(far) + 1)
            count[row], first[row], last[row] = len(far), ranks[0], ranks[-1]
            precision[row] = np.mean(np.arange(1, len(far) + 1) / ranks)
        return compared, count, first, last, precision

    def _strangers_before(self, row: int, ordered: np.ndarray, far: np.ndarray, barred: np.ndarray | None) -> np.ndarray:
        """int [mates]: how many strangers are no farther than each mate; those too near to tell are computed exactly."""
        low = np.searchsorted(ordered, far - self.wrong[row], "left")
        high = np.searchsorted(ordered, far + self.wrong[row], "right")
        for number in np.flatnonzero(high > low):
            near = np.abs(self.distances[row] - far[number]) <= 2 * self.wrong[row]
            near[self.columns[self.rows == row]] = False
            if barred is not None:
                near &= ~barred[row]
            columns = np.flatnonzero(near)
            values = self.distances[row, columns]
            sure = values < far[number] - self.wrong[row]
            unsure = ~sure & (values <= far[number] + self.wrong[row])
            asked = columns[unsure]
            found = exact_pairs(self.pair.probes, self.pair.gallery, np.full(len(asked), self.some.start + row), asked, self.pair.kind)
            low[number] += np.count_nonzero(found <= far[number])
        return low
