"""Quick bounds by whole numbers of 8 bits, which processors multiply several times faster than float32, and without rounding.

Both sides become whole numbers of one step for each part (twice as long for the side that the processor needs in 7 bits). Squares
|x' - y'|^2 = |x'|^2 + |y'|^2 - 2 x'.y' of whole numbers are exact, so that rounding the embeddings is all that is lost: |x - y| lies within
|x - x'| + |y - y'| of |x' - y'|. That is a hundredth or so of a distance. The pairs it leaves open are computed in float32, those alone, and what is
open still, exactly.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from gaitbridge.evaluation.ranking.bounds import CHUNK_ROWS, TINY, Frame, Margins, last_digits, squares_of, tiles
from gaitbridge.evaluation.ranking.distances import UNIT_F32, Side, gamma

MOST = 127  # of a whole number of 8 bits
STEPS_OF_SIZE = (2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 8.0)  # where numbers are cut off, in root mean squares of a part
DENSE = 1 / 12  # of all pairs open, from which whole products in float32 are quicker than single ones
PAIRS_AT_ONCE = 1 << 16
NEAR_COLUMNS = 1024  # of the gallery at a time, for single pairs


@dataclass(frozen=True)
class WholeSide:
    """A side of n sequences. parts: float32 [K, n, C] in the frame; whole: int8 [K, n, C or up to three more] of the same, in units of `unit` [K];
    squares: int32 [K, n] of those.

    residual [n]: the mean over parts of how far rounding to whole numbers moved that part; worst [n]: of the part that it moved most.
    lost [n]: the mean over parts of what float32 moved.
    """

    frame: Frame
    unit: np.ndarray
    most: int
    parts: torch.Tensor
    whole: torch.Tensor
    squares: torch.Tensor
    residual: np.ndarray
    worst: np.ndarray
    lost: np.ndarray

    @classmethod
    def empty(cls, frame: Frame, unit: np.ndarray, size: int, most: int = MOST) -> WholeSide:
        """For so many sequences; most: the largest whole number."""
        channels, parts = frame.centre.shape
        whole = torch.zeros(parts, size, -(-channels // 4) * 4, dtype=torch.int8)  # of one channel torch 2.13 gives wrong products
        numbers = torch.empty(parts, size, channels), whole, torch.empty(parts, size, dtype=torch.int32)
        return cls(frame, unit, most, *numbers, np.empty(size), np.empty(size), np.empty(size))

    def fill(self, block: np.ndarray, start: int) -> None:
        """Prepare sequences [n, C, K] from row `start` on."""
        per_step = (1.0 / self.unit).astype(np.float32)[:, None, None]
        step = self.unit.astype(np.float32)[:, None, None]
        exact = np.float32 if block.shape[1] * MOST**2 < 2**24 else np.float64  # holds a sum of squares without rounding
        for first in range(0, len(block), CHUNK_ROWS):
            some = slice(start + first, start + first + len(block[first : first + CHUNK_ROWS]))
            parts = self.frame.by_part(block[first : first + CHUNK_ROWS])
            self.parts.numpy()[:, some] = parts
            lengths = np.sqrt(squares_of(parts))
            with np.errstate(over="ignore", invalid="ignore"):
                whole = parts * per_step
                np.rint(whole, out=whole)
                np.clip(whole, -self.most, self.most, out=whole)
                self.whole.numpy()[:, some, : parts.shape[2]] = whole
                self.squares.numpy()[:, some] = np.einsum("knc,knc->kn", whole, whole, dtype=exact)
                whole *= step
                np.subtract(parts, whole, out=parts)
            moved = (1.0 + gamma(parts.shape[2])) * np.sqrt(squares_of(parts))
            self.lost[some] = 1.1 * UNIT_F32 * lengths.mean(0) + TINY
            moved += 4.0 * UNIT_F32 * (lengths + moved) + TINY  # what by_part, the product with the step and the difference rounded
            self.residual[some], self.worst[some] = moved.mean(0), moved.max(0)

    @cached_property
    def lengths(self) -> np.ndarray:
        """float64 [K, n]: squared lengths of `parts`."""
        return squares_of(self.parts.numpy())


@dataclass(frozen=True)
class WholeGallery:
    """The gallery in whole numbers. coarser: of probes and gallery, 1, or 2 where they have 7 bits: so many times as long is their unit."""

    side: WholeSide
    coarser: tuple[int, int]

    @property
    def frame(self) -> Frame:
        """See Prepared."""
        return self.side.frame

    @classmethod
    def empty(cls, frame: Frame, gallery: Side, coarser: tuple[int, int]) -> WholeGallery:
        """For a gallery; its step from some of its sequences."""
        _summed_roots()  # made here, once, before there are threads
        some = np.linspace(0, len(gallery) - 1, min(len(gallery), 128)).astype(int)
        unit = best_steps(frame.by_part(gallery.take(some)), frame.kind == "cosine")
        return cls(WholeSide.empty(frame, unit * coarser[1], len(gallery), MOST // coarser[1]), coarser)

    def fill(self, block: np.ndarray, start: int) -> None:
        """Prepare sequences [n, C, K] from row `start` on."""
        self.side.fill(block, start)

    def block(self, probes: np.ndarray) -> WholeBounds:
        """See Prepared."""
        ours, theirs = self.coarser
        left = WholeSide.empty(self.frame, self.side.unit * (ours / theirs), len(probes), MOST // ours)
        left.fill(probes, 0)
        return WholeBounds(left, self.side, self.coarser)


def best_steps(parts: np.ndarray, one: bool) -> np.ndarray:
    """float64 [K]: for each part of [K, n, C] the step that moves it least, of a few; [1]: one: the same for all parts."""
    parts = np.asarray(parts, np.float64)
    if one:
        parts = parts.reshape(1, -1, parts.shape[2])
    sizes = np.sqrt(np.mean(parts**2, axis=(1, 2)))
    ends = np.concatenate([np.outer(STEPS_OF_SIZE, sizes), np.abs(parts).max((1, 2))[None]])
    moved = np.empty_like(ends)
    steps = np.where((ends > 0) & np.isfinite(ends), ends, 1.0) / MOST
    for number, step in enumerate(steps[:, :, None, None]):
        left = parts - step * np.clip(np.rint(parts / step), -MOST, MOST)
        moved[number] = np.sqrt(np.einsum("knc,knc->kn", left, left)).mean(1)
    best: np.ndarray = np.take_along_axis(steps, np.argmin(np.nan_to_num(moved, nan=np.inf), axis=0)[None], axis=0)[0]
    return best.astype(np.float32).astype(np.float64)


@dataclass(frozen=True)
class WholeBounds:
    """Bounds of a block of probes. coarser: see WholeGallery."""

    left: WholeSide
    right: WholeSide
    coarser: tuple[int, int]

    def low(self, start: int, stop: int) -> np.ndarray:
        """See Bounds."""
        left, right = self.left, self.right
        parts, size, _ = left.whole.shape
        out = torch.empty(size, stop - start)
        moved = torch.from_numpy(right.residual[start:stop].astype(np.float32))
        pieces, heights = tiles(start, stop), tiles(0, size)
        scratch = _Scratch(max(last - first for first, last in heights), max(last - first for first, last in pieces))
        for first, last in pieces:
            for top, end in heights:
                total, roots, dots = scratch.of(end - top, last - first)
                own = moved[first - start : last - start]
                if left.frame.kind == "euclidean":
                    self._roots(slice(top, end), slice(first, last), dots, roots, total.copy_(-own))
                else:
                    total.zero_()
                    for k in range(parts):
                        torch._int_mm(left.whole[k, top:end], right.whole[k, first:last].T, out=dots)
                        total += roots.copy_(dots)
                    total.mul_(-float(left.unit[0] * right.unit[0]) / parts).add_(1.0 - (1.0 + float(left.worst.max())) * own)
                out[top:end, first - start : last - start] = total
        return out.numpy()

    def _roots(self, rows: slice, columns: slice, dots: torch.Tensor, roots: torch.Tensor, total: torch.Tensor) -> None:
        """Add to total [n, m] the mean over parts of |x' - y'|, by way of `dots` and `roots` [n, m]."""
        left, right = self.left, self.right
        ours, theirs = self.coarser
        weights = (left.unit / ours / len(left.whole)).tolist()
        squares = left.squares[:, rows], right.squares[:, columns]
        _summed_roots()(left.whole[:, rows], right.whole[:, columns], *squares, ours, theirs, weights, dots, roots, total)

    def margins(self, start: int, stop: int) -> Margins:
        """See Bounds."""
        left, right = self.left, self.right
        parts = left.frame.centre.shape[1]
        most = float(right.residual[start:stop].max())
        if left.frame.kind == "cosine":  # |x.y - x'.y'| <= |x - x'| |y| + |x'| |y - y'|
            longest = 1.0 + float(left.worst.max())
            digits = last_digits(parts) * longest * (1.0 + most + float(right.worst[start:stop].max()))
            return Margins(left.residual * 1.001 + digits, left.residual * 1.001 + digits + 2.0 * longest * most)
        lengths = left.lengths.mean(0) + float(right.lengths[:, start:stop].mean(0).max())
        digits = last_digits(parts) * (2.0 * np.sqrt(lengths) + 4.0 * (left.residual + most))
        return Margins(left.residual + digits, left.residual + digits + 2.0 * most)

    def near(self, rows: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See Bounds: in float32, of these pairs alone."""
        least, greatest = np.empty(len(rows)), np.empty(len(rows))
        order = np.argsort(columns // NEAR_COLUMNS, kind="stable")  # by row within each piece of the gallery, whose parts stay in the cache
        edges = np.searchsorted((columns // NEAR_COLUMNS)[order], np.arange(columns.max(initial=0) // NEAR_COLUMNS + 2))
        for start, stop in pairwise(edges.tolist()):
            for first in range(start, stop, PAIRS_AT_ONCE):
                some = order[first : min(first + PAIRS_AT_ONCE, stop)]
                least[some], greatest[some] = self._near(rows[some], columns[some])
        return least, greatest

    def _near(self, rows: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        left, right = self.left, self.right
        channels, parts = left.frame.centre.shape
        least, greatest = np.zeros(len(rows)), np.zeros(len(rows))
        moved = left.lost[rows] + right.lost[columns]
        loss = gamma(channels)
        with np.errstate(invalid="ignore"):
            for k, dots in enumerate(products_of(left.parts, right.parts, rows, columns)):
                if left.frame.kind == "cosine":
                    least -= dots
                    continue
                both = left.lengths[k][rows] + right.lengths[k][columns]
                square, wrong = both - 2.0 * dots, 2.2 * loss * both
                least += np.sqrt(np.maximum(square - wrong, 0.0))
                greatest += np.sqrt(np.maximum(square, 0.0) + wrong)
            if left.frame.kind == "cosine":
                mean = 1.0 + least / parts
                least, greatest = mean - 1.05 * moved - 1.1 * loss, mean + 1.05 * moved + 1.1 * loss
            else:
                least, greatest = least / parts * (1 - 1e-12) - moved, greatest / parts * (1 + 1e-12) + moved
        return np.where(np.isnan(least), -np.inf, least), np.where(np.isnan(greatest), np.inf, greatest)


def _add_roots(left: torch.Tensor, right: torch.Tensor, left_squares: torch.Tensor, right_squares: torch.Tensor, ours: int, theirs: int,
               weights: list[float], dots: torch.Tensor, roots: torch.Tensor, total: torch.Tensor) -> None:
    """Add to total [n, m] the weighted |x' - y'| of each part of left [K, n, C] and right [K, m, C]."""
    for k in range(len(weights)):
        torch._int_mm(left[k], right[k].t(), out=dots)
        torch.sub(right_squares[k] * (theirs * theirs), dots, alpha=2 * ours * theirs, out=dots)
        dots += left_squares[k].unsqueeze(1) * (ours * ours)
        roots.copy_(dots).sqrt_()
        total.add_(roots, alpha=weights[k])


@cache
def _summed_roots() -> Any:
    """`_add_roots`, run by torch without the interpreter: threads would hand its lock to one another at each of its operations, and gain nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of Python versions to come
        return torch.jit.script(_add_roots)


class _Scratch:
    """Memory for tiles, made once: total and roots in float32, dots in int32.

    By themselves, since in a wide matrix rows lie far apart and share a few places of the cache.
    """

    def __init__(self, rows: int, columns: int) -> None:
        self.floats = torch.empty(2, rows * columns)
        self.whole = torch.empty(rows * columns, dtype=torch.int32)

    def of(self, rows: int, columns: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """total, roots, dots [rows, columns]."""
        size, shape = rows * columns, (rows, columns)
        return self.floats[0, :size].view(shape), self.floats[1, :size].view(shape), self.whole[:size].view(shape)


def products_of(x: torch.Tensor, y: torch.Tensor, rows: np.ndarray, columns: np.ndarray) -> list[np.ndarray]:
    """float64 [p] for each part: products in float32 of the pairs (row of x [K, n, C], column of y [K, m, C]), sorted by row."""
    if not len(rows):
        return [np.zeros(0)] * len(x)
    first, last = int(columns.min()), int(columns.max()) + 1
    top, end = int(rows[0]), int(rows[-1]) + 1
    y = y[:, first:last]
    x = x[:, top:end]
    if len(rows) > DENSE * (end - top) * (last - first):
        return [torch.mm(x[k], y[k].T).numpy()[rows - top, columns - first].astype(np.float64) for k in range(len(x))]
    edges = torch.from_numpy(np.searchsorted(rows, np.arange(top, end + 1)))
    places = torch.from_numpy(columns - first)
    asked = torch.sparse_csr_tensor(edges, places, torch.zeros(len(rows)), (end - top, last - first), check_invariants=False)
    return [torch.sparse.sampled_addmm(asked, x[k], y[k].T, beta=0.0).values().numpy().astype(np.float64) for k in range(len(x))]
