"""Where the nearest mate of each probe stands within groups of the gallery (its views), up to a rank: what rank-k needs, quickly.

In blocks of probes, by bounds of distances (`distances`); who the bounds leave open is computed exactly. Ties go against the probe.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gaitbridge.evaluation.ranking.distances import UNIT_F32, Rounded, Side, centre_of, exact_pairs, gamma, rounded
from gaitbridge.evaluation.ranking.every_mate import Matching
from gaitbridge.evaluation.ranking.products import Product, product_for
from gaitbridge.progress import Progress, silent
from gaitbridge.types import Distance

BLOCK_NUMBERS = 1 << 23  # of a block of bounds: 32 MiB in float32
SPAN = 8192  # gallery columns of several groups together
TILE = 1024  # gallery columns at a time, so that a tile of a part stays in the processor's cache
WORTH_UPPER = 4  # strangers that a probe leaves open on average, from which upper bounds are worth a second product
MOST_EXACT = 24  # candidates of a probe and group that are looked at exactly in the first round


def nearest_mates(
    pair: Matching,
    groups: np.ndarray,
    most: int,
    progress: Progress = silent,
    coarse: bool | None = None,
) -> np.ndarray:
    """int32 [N, S]: the rank of the nearest mate among the gallery of each of S groups; most + 1 beyond `most`, 0 where there is no mate.

    groups: int [M], 0 to S - 1. coarse: whether bounds are computed in bfloat16; by default where that is quicker. Equal to sorting by exact
    distances, strangers first among equals.
    """
    size = int(groups.max(initial=-1)) + 1
    out = np.zeros((len(pair.probes), size), np.int32)
    rows, columns = pair.mates()
    order = np.argsort(groups, kind="stable")  # the gallery by group, so that a group is a range of columns
    edges = np.searchsorted(groups[order], np.arange(size + 1))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    gallery = Side(pair.gallery.values, pair.gallery.numbers[order])
    centre = centre_of(pair.gallery, pair.kind)
    spans = _spans(edges)
    widest = max((int(edges[stop] - edges[start]) for start, stop in spans), default=1)
    height = int(np.clip(BLOCK_NUMBERS // max(widest, 1), 64, 1024))
    starts = list(range(0, len(pair.probes), height))
    with product_for(len(pair.probes) * len(gallery), pair.probes.channels * pair.probes.parts, coarse) as product:
        bounds = _Bounds(pair, gallery, centre, _prepared(gallery, centre, pair.kind, product), product, edges, spans, most)

        def block(start: int) -> int:
            some = slice(start, min(start + height, len(pair.probes)))
            own = slice(*np.searchsorted(rows, [some.start, some.stop]))
            out[some] = bounds.block(some, (rows[own] - start, place[columns[own]]))
            return some.stop - start

        done = 0
        for count in product.each(block, starts):
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


def _prepared(gallery: Side, centre: np.ndarray, kind: Distance, product: Product) -> list[Rounded]:
    """The gallery in pieces of TILE sequences."""
    tiles = list(range(0, len(gallery), TILE))
    return list(product.each(lambda start: rounded(gallery.take(slice(start, start + TILE)), centre, kind, product.coarse, left=False), tiles))


Upper = Callable[[np.ndarray], np.ndarray]


class _Margins(NamedTuple):
    """float64 [n] each: a distance is at least its bound less `below` and at most its bound plus `above`."""

    below: np.ndarray
    above: np.ndarray

    def of(self, rows: np.ndarray) -> _Margins:
        return _Margins(self.below[rows], self.above[rows])


@dataclass(frozen=True)
class _Bounds:
    """Blocks of lower bounds, and what they leave to decide. gallery: by group, whose ranges `edges` [S + 1] tell."""

    pair: Matching
    gallery: Side
    centre: np.ndarray
    prepared: list[Rounded]
    product: Product
    edges: np.ndarray
    spans: list[tuple[int, int]]
    most: int

    def block(self, some: slice, mates: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        """int32 [n, S] of the probes `some`; mates: (row, gallery column) of the block."""
        left = rounded(self.pair.probes.take(some), self.centre, self.pair.kind, self.product.coarse, left=True)
        probes = self.product.prepare(left.factors)
        out = np.zeros((some.stop - some.start, len(self.edges) - 1), np.int32)
        for first, last in self.spans:
            begin = int(self.edges[first])
            bounds = self._lower(probes, begin, int(self.edges[last]))
            for group in range(first, last):
                start, stop = int(self.edges[group]), int(self.edges[group + 1])
                own = (mates[1] >= start) & (mates[1] < stop)
                if own.any():
                    low, margins = bounds[:, start - begin : stop - begin], self._margins(left, start, stop)
                    upper = self._upper_of(left, start, stop)
                    one = _Group(self.pair, self.gallery, some.start, start, low, (mates[0][own], mates[1][own] - start), margins, upper)
                    out[:, group] = one.places(self.most)
        return out

    def _upper_of(self, left: Rounded, start: int, stop: int) -> Upper | None:
        """A function of rows of the block: float32 [r, stop - start], at least the distance but for the residuals. None where `low` is as near."""
        if self.pair.kind == "cosine":
            return None
        tiles = self.prepared[start // TILE : (stop - 1) // TILE + 1]
        largest = np.max([tile.squares.max(1) for tile in tiles], axis=0)
        return lambda rows: self._lower(self.product.prepare(left.raised(rows, largest)), start, stop)

    def _lower(self, probes: object, start: int, stop: int) -> np.ndarray:
        """float32 [n, stop - start]: at most the distance, but for the residuals; NaN where the square of a part came out negative."""
        pieces = []
        for tile in range(start // TILE, (stop - 1) // TILE + 1):
            within = slice(max(start - tile * TILE, 0), min(stop - tile * TILE, TILE))
            pieces.append(self.product.sums(probes, self.prepared[tile].factors[:, within], roots=self.pair.kind == "euclidean"))
        low = pieces[0] if len(pieces) == 1 else np.concatenate(pieces, 1)
        low /= np.float32(self.pair.probes.parts)
        return low if self.pair.kind == "euclidean" else np.subtract(np.float32(1.0), low, out=low)

    def _margins(self, left: Rounded, start: int, stop: int) -> _Margins:
        tiles = self.prepared[start // TILE : (stop - 1) // TILE + 1]
        residual = left.residual + max(float(tile.residual.max()) for tile in tiles)
        last_digits = 8.0 * (self.pair.probes.parts + 4) * UNIT_F32  # of summing the parts, relative, and of comparing in float32
        loss = gamma(self.pair.probes.channels)
        if self.pair.kind == "cosine":  # |x.y - x'.y'| <= |x - x'| + |y - y'| for parts of length one, and the sum's own loss
            both = 1.05 * residual + 4.0 * loss + last_digits
            return _Margins(both, both)
        squares = left.squares.mean(0) + max(float(tile.squares.mean(0).max()) for tile in tiles)
        digits = 2.0 * last_digits * np.sqrt(squares)  # a distance is at most twice that root
        # the root of the mean is at least the mean of roots, so they lose no more than this together
        return _Margins(residual + digits, residual + digits + np.sqrt(6.3 * loss * squares))


@dataclass(frozen=True)
class _Group:
    """Some probes and one group of the gallery: low [n, m], the mates' (row, column), and where rows and columns begin."""

    pair: Matching
    gallery: Side
    first_row: int
    first_column: int
    low: np.ndarray
    mates: tuple[np.ndarray, np.ndarray]
    margins: _Margins
    upper: Upper | None

    def places(self, most: int) -> np.ndarray:
        """int32 [n]: the rank of the nearest mate, 0 without one."""
        low, margins, (row, column) = self.low, self.margins, self.mates
        nearest = np.full(len(low), np.inf)
        with np.errstate(invalid="ignore"):
            np.minimum.at(nearest, row, low[row, column].astype(np.float64))  # NaN where a mate's bound is NaN: then nothing is certain
        low[row, column] = np.inf  # mates are no strangers
        rows = np.unique(row)
        margins = self.margins.of(rows)
        out = np.zeros(len(low), np.int32)
        out[rows], unsure = _counted(low[rows], None, nearest[rows] - margins.below, nearest[rows] + margins.above, margins, most)
        if not unsure.any():
            return out
        rows = rows[unsure > 0]
        asked = np.isin(row, rows)
        exact = np.full(len(low), np.inf)
        np.minimum.at(exact, row[asked], self._exact(row[asked], column[asked]))
        high = None
        if self.upper is not None and unsure.sum() > WORTH_UPPER * len(rows):  # distances lie close together
            high = self.upper(rows)
        out[rows], unsure = _counted(low[rows], high, exact[rows], exact[rows], self.margins.of(rows), most)
        if unsure.any():
            chosen = unsure > 0
            out[rows[chosen]] = self._exactly(rows[chosen], None if high is None else high[chosen], exact[rows[chosen]], most)
        return out

    def _exact(self, row: np.ndarray, column: np.ndarray) -> np.ndarray:
        return exact_pairs(self.pair.probes, self.gallery, self.first_row + row, self.first_column + column, self.pair.kind)

    def _exactly(self, rows: np.ndarray, high: np.ndarray | None, threshold: np.ndarray, most: int) -> np.ndarray:
        """int [r]: the rank of a mate at the exact distance `threshold`; strangers that the bounds leave open are computed, the nearest first."""
        low, margins = self.low[rows], self.margins.of(rows)
        nearer = _nearer(low, high, threshold, margins)
        unsure = ~nearer & ~(low > _up(threshold + margins.below)[:, None])
        unsure[np.isposinf(low)] = False  # mates
        counts = np.count_nonzero(nearer, axis=1)
        pending, at_once = np.flatnonzero(unsure.any(1)), MOST_EXACT
        while len(pending):
            row, column = _lowest(low, unsure, pending, at_once)
            np.add.at(counts, row, self._exact(rows[row], column) <= threshold[row])
            unsure[row, column] = False
            pending = pending[unsure[pending].any(1) & (counts[pending] < most)]
            at_once *= 4
        return np.minimum(1 + counts, most + 1)


def _counted(
    low: np.ndarray, high: np.ndarray | None, least: np.ndarray, greatest: np.ndarray, margins: _Margins, most: int
) -> tuple[np.ndarray, np.ndarray]:
    """int [r], int [r]: the rank of a mate at a distance from `least` to `greatest` among strangers, and how many strangers leave it open."""
    beyond = low > _up(greatest + margins.below)[:, None]  # farther than the mate, for certain
    candidates = low.shape[1] - np.count_nonzero(beyond, axis=1)
    nearer = np.zeros(len(low), np.int64)
    some = np.flatnonzero(candidates)
    if len(some):
        nearer[some] = np.count_nonzero(_nearer(low[some], None if high is None else high[some], least[some], margins.of(some)), axis=1)
    return np.minimum(1 + nearer, most + 1), np.where(nearer < most, candidates - nearer, 0)


def _nearer(low: np.ndarray, high: np.ndarray | None, least: np.ndarray, margins: _Margins) -> np.ndarray:
    """bool [r, m]: strangers nearer than `least` [r], for certain: by the upper bound where there is one."""
    if high is None:
        found: np.ndarray = low < _down(least - margins.above)[:, None]
        return found
    return (high < _down(least - margins.below)[:, None]) & ~np.isposinf(low)  # not the mates


def _up(values: np.ndarray) -> np.ndarray:
    """float32 above the values."""
    return np.nextafter(values.astype(np.float32), np.float32(np.inf))


def _down(values: np.ndarray) -> np.ndarray:
    """float32 below the values."""
    return np.nextafter(values.astype(np.float32), np.float32(-np.inf))


def _lowest(low: np.ndarray, unsure: np.ndarray, pending: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the unsure ones of the rows `pending`, the `size` with the lowest bound where a row has more."""
    count = np.count_nonzero(unsure[pending], axis=1)
    few, many = pending[count <= size], pending[count > size]
    row, column = np.nonzero(unsure[few])
    rows, columns = [few[row]], [column]
    for number in many:
        open_columns = np.flatnonzero(unsure[number])
        bound = np.nan_to_num(low[number, open_columns], nan=-np.inf)
        rows.append(np.full(size, number))
        columns.append(open_columns[np.argpartition(bound, size - 1)[:size]])
    return np.concatenate(rows), np.concatenate(columns)
