"""Quick bounds of distances, and those of the plain way: one matrix product a part in float32.

A product is made a bound by the triangle inequality: with x' the rounded x, |x - y| lies within |x - x'| + |y - y'| of |x' - y'|, and those
residuals are known. What float32 loses when the product is summed, at most gamma (|x'| + |y'|)^2 of the square with gamma about C 2^-24, is taken
off the squared norms beforehand, so that the square root is never above the truth. So what lies beyond a threshold by the bound lies beyond it
in truth, and only the few pairs near the threshold need the exact distance.

All is in units of a `Frame`, whose scale keeps squares away from the ends of float32.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple, Protocol

import numpy as np

from gaitbridge.evaluation.ranking.distances import UNIT_F32, Side, by_part, centre_of, gamma
from gaitbridge.types import Distance

CHUNK_ROWS = 32  # prepared at a time, for the processor's cache
TILE = 256  # probes and gallery columns at a time: three tiles stay in the processor's cache (of 512 they did not: 3 times as long)
TINY = 2.0**-60  # of a frame's unit: more than what float32 loses of lengths whose squares are too small for it


class Frame(NamedTuple):
    """What is done to both sides first, which changes no order: centre float32 [C, K] taken off, then times `scale`, a power of two; kind."""

    centre: np.ndarray
    scale: float
    kind: Distance

    def by_part(self, block: np.ndarray) -> np.ndarray:
        """float32 [K, n, C] of a block [n, C, K]."""
        with np.errstate(over="ignore", invalid="ignore"):
            parts = by_part(block, self.centre, self.kind, np.float32)
            return parts if self.scale == 1.0 else np.ldexp(parts, int(np.log2(self.scale)))


def frame_of(gallery: Side, kind: Distance) -> Frame:
    """The frame in which the gallery's middle is zero and its numbers are about one. Of the cosine, whose parts have length one: as they are."""
    centre = centre_of(gallery, kind)
    if kind == "cosine":
        return Frame(centre, 1.0, kind)
    some = np.linspace(0, len(gallery) - 1, min(len(gallery), 256)).astype(int)
    size = float(np.sqrt(np.mean((gallery.take(some).astype(np.float64) - centre) ** 2)))
    return Frame(centre, 2.0 ** -np.floor(np.log2(size)) if size > 0 else 1.0, kind)


class Margins(NamedTuple):
    """float64 [n] each: a distance is at least its bound less `below` and at most its bound plus `above`."""

    below: np.ndarray
    above: np.ndarray


class Bounds(Protocol):
    """Bounds of a block of n probes against the gallery, in the frame's units."""

    def low(self, start: int, stop: int) -> np.ndarray:
        """float32 [n, stop - start]: a bound of each distance to a range of the gallery; NaN where there is none."""

    def margins(self, start: int, stop: int) -> Margins:
        """How far from their bounds the distances of that range may be."""

    def near(self, rows: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """float64 [p] twice: narrower bounds of pairs, sorted by row, which the distances lie between. None where `low` is as near."""


class Prepared(Protocol):
    """A gallery prepared for bounds."""

    frame: Frame

    def block(self, probes: np.ndarray) -> Bounds:
        """The bounds of probes [n, C, K]."""


Multiply = Callable[[np.ndarray, np.ndarray, np.ndarray], None]  # x [n, C], y [m, C], out [n, m]: out = x y^T


@dataclass(frozen=True)
class FloatGallery:
    """The gallery in float32. factors: [K, M, C (+ 2)], whose products with the probes' give squares (Euclidean) or cosines.

    residual [M]: the mean over parts of how far rounding moved that part. squares [K, M]: squared lengths of the rounded parts.
    """

    frame: Frame
    multiply: Multiply
    factors: np.ndarray
    residual: np.ndarray
    squares: np.ndarray

    @classmethod
    def empty(cls, frame: Frame, size: int, multiply: Multiply) -> FloatGallery:
        """For so many sequences."""
        channels, parts = frame.centre.shape
        width = channels + 2 * (frame.kind == "euclidean")
        return cls(frame, multiply, np.empty((parts, size, width), np.float32), np.empty(size), np.empty((parts, size)))

    def fill(self, block: np.ndarray, start: int, left: bool = False) -> None:
        """Prepare sequences [n, C, K] from row `start` on; left: as probes, to be multiplied with the gallery's."""
        channels = self.frame.centre.shape[0]
        for first in range(0, len(block), CHUNK_ROWS):
            some = slice(start + first, start + first + len(block[first : first + CHUNK_ROWS]))
            parts = self.frame.by_part(block[first : first + CHUNK_ROWS])
            squares = squares_of(parts)
            factors = self.factors[:, some]
            if self.frame.kind == "euclidean":
                # |x - y|^2 = |x|^2 + |y|^2 - 2 x.y, both norms less what the sums can lose: gamma of their own, twice gamma of the product's
                with np.errstate(over="ignore"):
                    np.multiply(parts, np.float32(-2.0 if left else 1.0), out=factors[..., :channels])
                    factors[..., channels + (not left)] = squares * (1.0 - 3.0 * gamma(channels)) * (1.0 - 2.0**-22)
                factors[..., channels + left] = 1.0
            else:
                factors[...] = parts
            self.residual[some] = 1.1 * UNIT_F32 * np.sqrt(squares).mean(0) + TINY  # what by_part rounded
            self.squares[:, some] = squares

    def block(self, probes: np.ndarray) -> FloatBounds:
        """See Prepared."""
        left = FloatGallery.empty(self.frame, len(probes), self.multiply)
        left.fill(probes, 0, left=True)
        return FloatBounds(left, self)


@dataclass(frozen=True)
class FloatBounds:
    """Bounds by products in float32."""

    left: FloatGallery
    right: FloatGallery

    def low(self, start: int, stop: int) -> np.ndarray:
        """See Bounds. NaN where the square of a part came out negative."""
        parts, size = self.left.squares.shape
        out = np.empty((size, stop - start), np.float32)
        euclidean = self.left.frame.kind == "euclidean"
        with np.errstate(invalid="ignore", over="ignore"):
            for first, last in tiles(start, stop):
                for top, end in tiles(0, size):
                    total = np.zeros((end - top, last - first), np.float32)  # in `out` rows lie far apart and share a few places of the cache
                    part = np.empty_like(total)
                    for k in range(parts):
                        self.left.multiply(self.left.factors[k, top:end], self.right.factors[k, first:last], part)
                        if euclidean:
                            np.sqrt(part, out=part)
                        total += part
                    out[top:end, first - start : last - start] = total
        out /= np.float32(parts)
        return out if euclidean else np.subtract(np.float32(1.0), out, out=out)

    def margins(self, start: int, stop: int) -> Margins:
        """See Bounds."""
        left, right = self.left, self.right
        channels, parts = left.frame.centre.shape
        residual = left.residual + float(right.residual[start:stop].max())
        loss = gamma(channels)
        if left.frame.kind == "cosine":  # |x.y - x'.y'| <= |x - x'| + |y - y'| for parts of length one, and the sum's own loss
            both = 1.05 * residual + 4.0 * loss + last_digits(parts)
            return Margins(both, both)
        squares = left.squares.mean(0) + float(right.squares[:, start:stop].mean(0).max())
        digits = last_digits(parts) * (2.0 * np.sqrt(squares) + 2.0 * residual)  # a distance is at most twice that root
        # the root of the mean is at least the mean of roots, so they lose no more than this together
        return Margins(residual + digits, residual + digits + np.sqrt(6.3 * loss * squares))

    def near(self, rows: np.ndarray, columns: np.ndarray) -> None:
        """See Bounds: none nearer."""


def squares_of(parts: np.ndarray) -> np.ndarray:
    """float64 [K, n]: squared lengths of [K, n, C], summed in float32; infinite where that cannot hold them."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.einsum("knc,knc->kn", parts, parts).astype(np.float64)


def last_digits(parts: int) -> float:
    """What summing so many parts in float32 and comparing there can lose, relative."""
    return 8.0 * (parts + 4) * UNIT_F32


def tiles(start: int, stop: int) -> list[tuple[int, int]]:
    """A range in pieces of about one size, of TILE at most."""
    count = max(1, -(-(stop - start) // TILE))
    edges = np.linspace(start, stop, count + 1).astype(int).tolist()
    return list(pairwise(edges))


def by_numpy(x: np.ndarray, y: np.ndarray, out: np.ndarray) -> None:
    """A product by NumPy, whose BLAS uses the cores itself."""
    np.matmul(x, y.T, out=out)
