"""Where the nearest mate of each probe stands within groups of the gallery (its views), up to a rank: what rank-k needs, quickly.

In blocks of probes, by bounds of distances (`bounds`); who the bounds leave open is computed exactly. Ties go against the probe.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gaitbridge.evaluation.ranking.bounds import Bounds, Prepared
from gaitbridge.evaluation.ranking.distances import Side, exact_pairs
from gaitbridge.evaluation.ranking.every_mate import Matching
from gaitbridge.evaluation.ranking.products import Kind, way_for
from gaitbridge.progress import Progress, silent

BLOCK_NUMBERS = 1 << 22  # of a block of bounds: 16 MiB in float32
BLOCK_ROWS = 512
SPAN = 8192  # gallery columns of several groups together
PAIRS_AT_ONCE = 1 << 18  # strangers left open that are looked at together
MOST_EXACT = 24  # strangers of a probe and group that are looked at exactly in the first round


def nearest_mates(pair: Matching, groups: np.ndarray, most: int, progress: Progress = silent, kind: Kind | None = None) -> np.ndarray:
    """int32 [N, S]: the rank of the nearest mate among the gallery of each of S groups; most + 1 beyond `most`, 0 where there is no mate.

    groups: int [M], 0 to S - 1. kind: the way bounds are computed; by default the quickest. Equal to sorting by exact distances, strangers first
    among equals.
    """
    size = int(groups.max(initial=-1)) + 1
    out = np.zeros((len(pair.probes), size), np.int32)
    rows, columns = pair.mates()
    order = np.argsort(groups, kind="stable")  # the gallery by group, so that a group is a range of columns
    edges = np.searchsorted(groups[order], np.arange(size + 1))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    gallery = Side(pair.gallery.values, pair.gallery.numbers[order])
    spans = _spans(edges)
    widest = max((int(edges[stop] - edges[start]) for start, stop in spans), default=1)
    height = int(np.clip(BLOCK_NUMBERS // max(widest, 1), 64, BLOCK_ROWS))
    starts = range(0, len(pair.probes), height)
    with way_for(len(pair.probes) * len(gallery), pair.probes.channels, pair.probes.parts, kind) as way:
        blocks = _Blocks(pair, gallery, way.prepared(gallery, pair.kind), edges, spans, most)

        def block(start: int) -> int:
            some = slice(start, min(start + height, len(pair.probes)))
            own = slice(*np.searchsorted(rows, [some.start, some.stop]))
            out[some] = blocks.places(some, rows[own] - start, place[columns[own]])
            return some.stop - start

        done = 0
        for count in way.each(block, starts):
            done += count
            progress(done, len(pair.probes), "")
    return out


def _spans(edges: np.ndarray) -> list[tuple[int, int]]:
    """Ranges of groups of up to SPAN columns together (a larger group alone), whose bounds are computed in one go; empty groups at ends left out."""
    spans, first = [], 0
    for group in range(1, len(edges)):
        if group == len(edges) - 1 or edges[group + 1] - edges[first] > SPAN:
            if edges[group] > edges[first]:
                spans.append((first, group))
            first = group
    return spans


class _Pairs(NamedTuple):
    """Pairs of a probe (row of the block) and a gallery column, with the group of the column, and bounds of their distances [p] each."""

    rows: np.ndarray
    columns: np.ndarray
    groups: np.ndarray
    least: np.ndarray
    greatest: np.ndarray

    def of(self, some: np.ndarray) -> _Pairs:
        return _Pairs(*(values[some] for values in self))


@dataclass(frozen=True)
class _Blocks:
    """Blocks of probes against the whole gallery, which lies by group in the ranges that `edges` [S + 1] tell."""

    pair: Matching
    gallery: Side
    prepared: Prepared
    edges: np.ndarray
    spans: list[tuple[int, int]]
    most: int

    def places(self, some: slice, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """int32 [n, S] of the probes `some`; rows, columns: their mates, sorted by row."""
        bounds = self.prepared.block(self.pair.probes.take(some))
        out = np.zeros((some.stop - some.start, len(self.edges) - 1), np.int32)
        groups = np.searchsorted(self.edges, columns, "right") - 1
        for first, last in self.spans:
            own = np.flatnonzero((groups >= first) & (groups < last))
            if len(own):
                own = own[np.lexsort((columns[own], rows[own]))]
                span = _Span(self, bounds, some.start, (first, last), rows[own], columns[own], groups[own] - first)
                out[:, first:last] = span.places()
        return out


@dataclass(frozen=True)
class _Span:
    """A block of n probes, the first of them `first_row`, against some groups of the gallery; their mates by row: (row, column, group) [p] each."""

    blocks: _Blocks
    bounds: Bounds
    first_row: int
    span: tuple[int, int]
    rows: np.ndarray
    columns: np.ndarray
    groups: np.ndarray

    def places(self) -> np.ndarray:
        """int [n, G]: the rank of the nearest mate in each group, 0 without one."""
        begin, most = int(self.blocks.edges[self.span[0]]), self.blocks.most
        low = self.bounds.low(begin, int(self.blocks.edges[self.span[1]]))
        shape = (len(low), self.span[1] - self.span[0])
        nearest = self._nearest(low, begin, shape)
        has_mate = np.zeros(shape, bool)
        has_mate[self.rows, self.groups] = True
        counts = np.zeros(shape, np.int64)  # strangers no farther than the nearest mate
        for pairs in self._open(low, begin, nearest, has_mate, counts):
            self._decide(pairs, nearest, counts)
        return np.where(has_mate, np.minimum(1 + counts, most + 1), 0)

    def _nearest(self, low: np.ndarray, begin: int, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """float64 [n, G] twice: what the distance of the nearest mate lies between. NaN where nothing is certain."""
        found = self.bounds.near(self.rows, self.columns)
        if found is None:
            bound = low[self.rows, self.columns - begin].astype(np.float64)
            found = bound.copy(), bound
            for group in np.unique(self.groups):
                own = self.groups == group
                margins = self.bounds.margins(*self._range(group))
                with np.errstate(invalid="ignore"):
                    found[0][own] -= margins.below[self.rows[own]]
                    found[1][own] += margins.above[self.rows[own]]
        nearest = np.full(shape, np.inf), np.full(shape, np.inf)
        with np.errstate(invalid="ignore"):
            for into, values in zip(nearest, found, strict=True):
                np.minimum.at(into, (self.rows, self.groups), values)
        return nearest

    def _range(self, group: int) -> tuple[int, int]:
        edges = self.blocks.edges[self.span[0] + group :]
        return int(edges[0]), int(edges[1])

    def _open(
        self, low: np.ndarray, begin: int, nearest: tuple[np.ndarray, np.ndarray], has_mate: np.ndarray, counts: np.ndarray
    ) -> Iterator[_Pairs]:
        """Add to `counts` the strangers that the bounds show to be nearer than the mate; yield those that they leave open where it matters."""
        kept: list[_Pairs] = []
        for group in range(has_mate.shape[1]):
            start, stop = self._range(group)
            rows = np.flatnonzero(has_mate[:, group])
            if not len(rows):
                continue
            margins = self.bounds.margins(start, stop)
            part = low[:, start - begin : stop - begin]
            own = self.groups == group
            with np.errstate(invalid="ignore", over="ignore"):
                closed = part > _up(nearest[1][:, group] + margins.below)[:, None]  # farther than the mate
                nearer = part < _down(nearest[0][:, group] - margins.above)[:, None]
            mates = self.rows[own], self.columns[own] - start  # which are no strangers
            nearer[mates] = False
            counts[rows, group] = np.count_nonzero(nearer, axis=1)[rows]
            closed |= nearer
            closed[mates] = True
            closed[~has_mate[:, group] | (counts[:, group] >= self.blocks.most)] = True
            row, column = np.divmod(np.flatnonzero(~closed), stop - start)
            if not len(row):
                continue
            bound = part[row, column].astype(np.float64)
            kept.append(_Pairs(row, start + column, np.full(len(row), group), bound - margins.below[row], bound + margins.above[row]))
            if sum(len(pairs.rows) for pairs in kept) > PAIRS_AT_ONCE:
                yield _joined(kept)
                kept = []
        if kept:
            yield _joined(kept)

    def _decide(self, pairs: _Pairs, nearest: tuple[np.ndarray, np.ndarray], counts: np.ndarray) -> None:
        """Add to `counts` those of the pairs that are no farther than the mate: by narrower bounds where there are some, the last ones exactly."""
        found = self.bounds.near(pairs.rows, pairs.columns)
        if found is not None:
            pairs = pairs._replace(least=found[0], greatest=found[1])
            pairs = self._left(pairs, nearest[0], nearest[1], counts)
        if not len(pairs.rows):
            return
        asked = np.zeros(counts.shape, bool)
        asked[pairs.rows, pairs.groups] = True
        own = asked[self.rows, self.groups]
        mates = np.full(counts.shape, np.inf)
        np.minimum.at(mates, (self.rows[own], self.groups[own]), self._exact(self.rows[own], self.columns[own]))
        scale = self.blocks.prepared.frame.scale
        pairs = self._left(pairs, mates * scale, mates * scale, counts)
        at_once, order = MOST_EXACT, np.lexsort((np.nan_to_num(pairs.least, nan=-np.inf), pairs.groups, pairs.rows))
        pairs = pairs.of(order)
        while len(pairs.rows):
            now = _places(pairs) < at_once  # the nearest first
            some, rest = pairs.of(now), pairs.of(~now)
            no_farther = self._exact(some.rows, some.columns) <= mates[some.rows, some.groups]
            np.add.at(counts, (some.rows[no_farther], some.groups[no_farther]), 1)
            pairs = rest.of(counts[rest.rows, rest.groups] < self.blocks.most)
            at_once *= 4

    def _left(self, pairs: _Pairs, least: np.ndarray, greatest: np.ndarray, counts: np.ndarray) -> _Pairs:
        """The pairs that remain open against a mate's distance from `least` to `greatest` [n, G]; who is nearer is counted."""
        with np.errstate(invalid="ignore"):
            nearer = pairs.greatest < least[pairs.rows, pairs.groups]
            farther = pairs.least > greatest[pairs.rows, pairs.groups]
        np.add.at(counts, (pairs.rows[nearer], pairs.groups[nearer]), 1)
        return pairs.of(~nearer & ~farther & (counts[pairs.rows, pairs.groups] < self.blocks.most))

    def _exact(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        pair = self.blocks.pair
        return exact_pairs(pair.probes, self.blocks.gallery, self.first_row + rows, columns, pair.kind)


def _joined(pieces: list[_Pairs]) -> _Pairs:
    """All of them, sorted by row and column."""
    pairs = _Pairs(*(np.concatenate(column) for column in zip(*pieces, strict=True)))
    return pairs if len(pieces) == 1 else pairs.of(np.lexsort((pairs.columns, pairs.rows)))


def _places(pairs: _Pairs) -> np.ndarray:
    """int [p]: which of its row and group each is, of pairs that are sorted by these."""
    new = np.ones(len(pairs.rows), bool)
    new[1:] = (np.diff(pairs.rows) != 0) | (np.diff(pairs.groups) != 0)
    starts = np.flatnonzero(new)
    found: np.ndarray = np.arange(len(new)) - starts[np.cumsum(new) - 1]
    return found


def _up(values: np.ndarray) -> np.ndarray:
    """float32 above the values."""
    return np.nextafter(values.astype(np.float32), np.float32(np.inf))


def _down(values: np.ndarray) -> np.ndarray:
    """float32 below the values."""
    return np.nextafter(values.astype(np.float32), np.float32(-np.inf))
