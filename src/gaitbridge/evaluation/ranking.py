"""Where each probe's mates stand in its gallery, in blocks of probes: never all distances at once, and every place as exact distances have it.

`nearest_mates` finds the place of the nearest mate within groups of the gallery (its views), up to a rank: what rank-k needs, quickly.
`all_mates` finds the places of all mates in the whole gallery: what mAP and mINP need. Ties go against the probe in both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from gaitbridge.evaluation.distances import Rounded, Side, centre_of, dense, exact_pairs, gamma, rounded
from gaitbridge.evaluation.metrics import Ranking
from gaitbridge.evaluation.products import Product, product_for
from gaitbridge.progress import Progress, silent
from gaitbridge.types import Distance

BLOCK_NUMBERS = 1 << 23  # of a block of bounds: 32 MiB in float32
DENSE_NUMBERS = 1 << 25  # of a block of distances: 256 MiB in double precision
TILE = 1024  # gallery columns at a time, so that a tile of a part stays in the processor's cache
MOST_EXACT = 24  # candidates of a probe and group that are looked at exactly in the first round


@dataclass(frozen=True)
class Matching:
    """Two sides to compare. people: codes [N] and [M], the same for one person on both sides; kind: the distance."""

    probes: Side
    gallery: Side
    probe_people: np.ndarray
    gallery_people: np.ndarray
    kind: Distance

    def mates(self) -> tuple[np.ndarray, np.ndarray]:
        """All pairs (probe, gallery) of one person, sorted by probe."""
        order = np.argsort(self.gallery_people, kind="stable")
        first = np.searchsorted(self.gallery_people[order], self.probe_people, "left")
        count = np.searchsorted(self.gallery_people[order], self.probe_people, "right") - first
        rows = np.repeat(np.arange(len(self.probes)), count)
        within = np.arange(len(rows)) - np.repeat(np.cumsum(count) - count, count)
        return rows, order[np.repeat(first, count) + within]


def nearest_mates(
    pair: Matching,
    groups: np.ndarray,
    most: int,
    progress: Progress = silent,
    coarse: bool | None = None,
    bars: tuple[np.ndarray, np.ndarray] | None = None,
) -> np.ndarray:
    """int32 [N, S]: the rank of the nearest mate among the gallery of each of S groups; most + 1 beyond `most`, 0 where there is no mate.

    groups: int [M], 0 to S - 1. bars: codes [N] and [M]; a mate of the probe's own code is left out. coarse: whether bounds are computed in
    bfloat16; by default where that is quicker. Equal to sorting by exact distances, strangers first among equals.
    """
    size = int(groups.max(initial=-1)) + 1
    out = np.zeros((len(pair.probes), size), np.int32)
    rows, columns = pair.mates()
    dropped = np.zeros(len(rows), bool) if bars is None else bars[0][rows] == bars[1][columns]
    exact = np.full(len(rows), np.inf)
    exact[~dropped] = exact_pairs(pair.probes, pair.gallery, rows[~dropped], columns[~dropped], pair.kind)
    nearest = np.full((len(pair.probes), size), np.inf)
    np.minimum.at(nearest, (rows, groups[columns]), exact)

    order = np.argsort(groups, kind="stable")  # the gallery by group, so that a group is a range of columns
    edges = np.searchsorted(groups[order], np.arange(size + 1))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    gallery = Side(pair.gallery.values, pair.gallery.numbers[order])
    centre = centre_of(pair.gallery, pair.kind)
    widest = int(np.diff(edges).max(initial=1))
    height = int(np.clip(BLOCK_NUMBERS // max(widest, 1), 64, 1024))
    starts = list(range(0, len(pair.probes), height))
    with product_for(len(pair.probes) * len(gallery), pair.probes.channels * pair.probes.parts, coarse) as product:
        prepared = _prepared(gallery, centre, pair.kind, product)
        bounds = _Bounds(pair, gallery, centre, prepared, product)

        def block(start: int) -> int:
            some = slice(start, min(start + height, len(pair.probes)))
            own = slice(*np.searchsorted(rows, [some.start, some.stop]))
            own_mates = rows[own] - start, place[columns[own]]
            out[some] = bounds.block(some, own_mates, nearest[some], edges, most)
            return some.stop - start

        done = 0
        for count in product.each(block, starts):
            done += count
            progress(done, len(pair.probes), "")
    return out


def _prepared(gallery: Side, centre: np.ndarray, kind: Distance, product: Product) -> list[Rounded]:
    """The gallery in pieces of TILE sequences."""
    tiles = list(range(0, len(gallery), TILE))
    return list(product.each(lambda start: rounded(gallery.take(slice(start, start + TILE)), centre, kind, product.coarse, left=False), tiles))


@dataclass(frozen=True)
class _Bounds:
    """Blocks of lower bounds, and what they leave to decide."""

    pair: Matching
    gallery: Side  # by group
    centre: np.ndarray
    prepared: list[Rounded]
    product: Product

    def block(self, some: slice, mates: tuple[np.ndarray, np.ndarray], nearest: np.ndarray, edges: np.ndarray, most: int) -> np.ndarray:
        """int32 [n, S] of the probes `some`; mates: (row, gallery column) of the block; nearest [n, S]: exact distance of the nearest mate."""
        kind = self.pair.kind
        left = rounded(self.pair.probes.take(some), self.centre, kind, self.product.coarse, left=True)
        prepared_probes = self.product.prepare(left.factors)
        out = np.zeros(nearest.shape, np.int32)
        for group in range(len(edges) - 1):
            start, stop = int(edges[group]), int(edges[group + 1])
            threshold = nearest[:, group]
            asked = np.isfinite(threshold)
            if start == stop or not asked.any():
                continue
            low = self._lower(prepared_probes, start, stop, kind)
            own = (mates[1] >= start) & (mates[1] < stop)
            low[mates[0][own], mates[1][own] - start] = np.inf  # mates are no strangers, those left out neither
            below, above = self._margins(left, start, stop, kind)
            out[:, group] = self._places(some, low, threshold, below, above, start, most)
        return out

    def _lower(self, probes: object, start: int, stop: int, kind: Distance) -> np.ndarray:
        """float32 [n, stop - start]: at most the distance, but for the residuals; NaN where the square came out negative."""
        pieces = []
        for tile in range(start // TILE, (stop - 1) // TILE + 1):
            within = slice(max(start - tile * TILE, 0), min(stop - tile * TILE, TILE))
            pieces.append(self.product.sums(probes, self.prepared[tile].factors[:, within], roots=kind == "euclidean"))
        low = pieces[0] if len(pieces) == 1 else np.concatenate(pieces, 1)
        low /= np.float32(self.pair.probes.parts)
        return low if kind == "euclidean" else np.subtract(np.float32(1.0), low, out=low)

    def _margins(self, left: Rounded, start: int, stop: int, kind: Distance) -> tuple[np.ndarray, np.ndarray]:
        """float64 [n], [n]: the distance is at least the bound less the first and at most the bound plus the second."""
        tiles = self.prepared[start // TILE : (stop - 1) // TILE + 1]
        residual = left.residual + max(float(tile.residual.max()) for tile in tiles)
        last_digits = 8.0 * (self.pair.probes.parts + 4) * 2.0**-24  # of summing the parts, relative; distances are compared below with it
        if kind == "cosine":  # |x.y - x'.y'| <= |x - x'| + |y - y'| for unit parts, and the sum's own loss
            both = 1.05 * residual + 4.0 * gamma(self.pair.probes.channels) + last_digits
            return both, both
        slack = np.sqrt(4.2 * (left.slack + max(float(tile.slack.max()) for tile in tiles)))
        size = np.sqrt(
            (left.slack + max(float(tile.slack.max()) for tile in tiles)) / gamma(self.pair.probes.channels)
        )  # of a distance, at most twice
        digits = 2.0 * last_digits * size
        return residual + digits, residual + slack + digits

    def _places(self, some: slice, low: np.ndarray, threshold: np.ndarray, below: np.ndarray, above: np.ndarray, start: int, most: int) -> np.ndarray:
        """int32 [n]: the rank of the nearest mate, at the exact distance `threshold`, among strangers of which `low` is the bound."""
        asked = np.isfinite(threshold)
        reach = np.where(asked, threshold + below, -np.inf)
        beyond = low > np.nextafter(reach.astype(np.float32), np.float32(np.inf))[:, None]  # farther than the mate, for certain
        candidates = low.shape[1] - np.count_nonzero(beyond, axis=1)
        places = np.where(asked, 1, 0).astype(np.int32)
        some_rows = np.flatnonzero((candidates > 0) & asked)
        if not len(some_rows):
            return places
        sure = np.nextafter((threshold - above).astype(np.float32), np.float32(-np.inf))
        nearer = np.count_nonzero(low[some_rows] < sure[some_rows, None], axis=1)  # nearer than the mate, for certain
        places[some_rows] = np.minimum(1 + nearer, most + 1)
        open_rows = (nearer < most) & (candidates[some_rows] > nearer)
        rows, nearer = some_rows[open_rows], nearer[open_rows]
        if len(rows):
            unsure = ~beyond[rows] & ~(low[rows] < sure[rows, None])
            places[rows] = np.minimum(1 + nearer + self._exactly(some, rows, low[rows], unsure, threshold[rows], most - nearer, start), most + 1)
        return places

    def _exactly(
        self, some: slice, rows: np.ndarray, low: np.ndarray, unsure: np.ndarray, threshold: np.ndarray, enough: np.ndarray, start: int
    ) -> np.ndarray:
        """int [r]: how many of the strangers `unsure` [r, m] are no farther than `threshold`, exactly; it may stop at `enough`."""
        counts, pending = np.zeros(len(rows), np.int64), np.flatnonzero(unsure.any(1))
        round_size = MOST_EXACT
        while len(pending):
            row, column = _lowest(low, unsure, pending, round_size)
            found = exact_pairs(self.pair.probes, self.gallery, some.start + rows[row], start + column, self.pair.kind) <= threshold[row]
            np.add.at(counts, row, found)
            unsure[row, column] = False
            pending = pending[unsure[pending].any(1) & (counts[pending] < enough[pending])]
            round_size *= 4
        return counts


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
