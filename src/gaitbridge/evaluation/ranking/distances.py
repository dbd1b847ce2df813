"""Distances of part embeddings, for many against many: exact ones for the pairs that decide, quick bounds for all the others.

Legend: N probes, M gallery sequences, C channels, K parts. Euclidean: the mean over parts of the L2 distance of that part. Cosine: one minus
the mean over parts of the cosine; a part of length zero has cosine 0. `exact_pairs` computes them from differences in double precision.

The quick way is one matrix product a part of rounded embeddings, in float32 or, where the processor multiplies them several times faster, in
bfloat16. It is made a bound by the triangle inequality: with x' the rounded x, |x - y| lies within |x - x'| + |y - y'| of |x' - y'|, and those
residuals are known. What float32 loses when the product is summed, at most gamma (|x'| + |y'|)^2 of the square with gamma about C 2^-24, is taken
off the squared norms beforehand, so that the square root is never above the truth. So what lies beyond a threshold by the bound lies beyond it
in truth, and only the few pairs near the threshold need the exact distance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gaitbridge.types import Distance

PAIR_ELEMENTS = 1 << 17  # of gathered embeddings at a time, 1 MiB in double precision: it stays in the processor's cache
UNIT_F32, UNIT_F64 = 2.0**-24, 2.0**-53
CHUNK_ROWS = 32  # prepared at a time, for the processor's cache
NORM_PIECES = 3  # a squared norm as three numbers of 8 bits, which bfloat16 holds exactly


@dataclass(frozen=True)
class Side:
    """Embeddings of one side: `values` float32 [n, C, K], perhaps mapped from a file, and which of its rows, in which order."""

    values: np.ndarray
    numbers: np.ndarray

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def channels(self) -> int:
        """C."""
        return int(self.values.shape[1])

    @property
    def parts(self) -> int:
        """K."""
        return int(self.values.shape[2])

    def take(self, rows: Any) -> np.ndarray:
        """float32 [r, C, K] of some of its rows."""
        return np.asarray(self.values[self.numbers[rows]], np.float32)


def exact_pairs(a: Side, b: Side, rows: np.ndarray, columns: np.ndarray, kind: Distance) -> np.ndarray:
    """float64 [p]: distances of the pairs (rows[i] of a, columns[i] of b), each from the difference itself. Equal embeddings: equal distances."""
    out = np.empty(len(rows))
    step = max(1, PAIR_ELEMENTS // (a.channels * a.parts))
    for start in range(0, len(rows), step):
        some = slice(start, start + step)
        out[some] = _exact(a.take(rows[some]), b.take(columns[some]), kind)
    return out


def _exact(x: np.ndarray, y: np.ndarray, kind: Distance) -> np.ndarray:
    """float64 [p] of x and y float32 [p, C, K]."""
    if kind == "euclidean":
        difference = np.subtract(x, y, dtype=np.float64)
        return np.sqrt(np.einsum("pck,pck->pk", difference, difference)).mean(1)
    x, y = x.astype(np.float64), y.astype(np.float64)
    lengths = np.sqrt(np.einsum("pck,pck->pk", x, x)) * np.sqrt(np.einsum("pck,pck->pk", y, y))
    cosines = np.einsum("pck,pck->pk", x, y) / np.where(lengths > 0, lengths, 1.0)
    return 1.0 - np.where(lengths > 0, cosines, 0.0).mean(1)


def centre_of(side: Side, kind: Distance) -> np.ndarray:
    """float32 [C, K] near the mean of a side: taken off both sides it changes no distance and makes the numbers small. Zero for the cosine."""
    if kind == "cosine":
        return np.zeros((side.channels, side.parts), np.float32)
    some = np.linspace(0, len(side) - 1, min(len(side), 256)).astype(int)
    return side.take(some).mean(0, dtype=np.float64).astype(np.float32)


def by_part(block: np.ndarray, centre: np.ndarray, kind: Distance, dtype: type) -> np.ndarray:
    """[K, n, C] of a block [n, C, K]: without the centre, or of unit length for the cosine (that in double precision, then `dtype`)."""
    if kind == "euclidean":
        return np.ascontiguousarray(np.subtract(block, centre, dtype=dtype).transpose(2, 0, 1))
    parts = block.transpose(2, 0, 1).astype(np.float64)
    length = np.linalg.norm(parts, axis=2, keepdims=True)
    return np.ascontiguousarray(parts / np.where(length > 0, length, 1.0), dtype)


@dataclass(frozen=True)
class Rounded:
    """A side prepared for quick bounds: `factors` float32 [K, n, C (+ 6)], whose products give squares (Euclidean) or cosines.

    residual [n]: the mean over parts of how far rounding moved that part. squares [K, n]: squared lengths of the rounded parts.
    """

    factors: np.ndarray
    residual: np.ndarray
    squares: np.ndarray

    def raised(self, rows: np.ndarray, largest: np.ndarray) -> np.ndarray:
        """[K, r, C + 6] of some of the probes, whose squares are never below the truth for gallery parts of squared length up to `largest` [K]."""
        channels = self.factors.shape[2] - 2 * NORM_PIECES
        factors = self.factors[:, rows]
        loss = 3.0 * gamma(channels)
        norms = self.squares[:, rows] * (1.0 + loss) + 2.0 * loss * largest[:, None]
        factors[..., channels + NORM_PIECES :] = _pieces(norms * (1.0 + 2.0**-20))
        return factors


def gamma(channels: int) -> float:
    """How much of (|x| + |y|)^2 a float32 sum of products of so many channels, and six more for the norms, can lose."""
    return 1.1 * (channels + 2 * NORM_PIECES + 8) * UNIT_F32


def rounded(block: np.ndarray, centre: np.ndarray, kind: Distance, coarse: bool, left: bool) -> Rounded:
    """Prepare a block [n, C, K]; coarse: to bfloat16's 8 bits; left: the probes' factor, to be multiplied with the gallery's."""
    size, channels, count = block.shape
    norms = 2 * NORM_PIECES if kind == "euclidean" else 0
    made = Rounded(np.empty((count, size, channels + norms), np.float32), np.empty(size), np.empty((count, size)))
    for start in range(0, size, CHUNK_ROWS):
        some = slice(start, start + CHUNK_ROWS)
        factors = made.factors[:, some]
        parts = by_part(block[some], centre, kind, np.float32)  # [K, r, C]
        residual = 1.1 * UNIT_F32 * _lengths(parts).mean(0)  # what by_part rounded
        if coarse:
            bits = parts.view(np.uint32) + np.uint32(0x8000)  # to the nearest of 8 bits
            bits &= np.uint32(0xFFFF0000)
            parts, exact = bits.view(np.float32), parts
            residual += (1.0 + gamma(channels)) * _lengths(np.subtract(exact, parts, out=exact)).mean(0)
        squares = np.einsum("knc,knc->kn", parts, parts).astype(np.float64)
        np.multiply(parts, np.float32(-2.0 if left and norms else 1.0), out=factors[..., :channels])
        if norms:
            # |x' - y'|^2 = |x'|^2 + |y'|^2 - 2 x'.y', both norms less what the sums can lose: gamma of their own, twice gamma of the product's
            ones, own = (0, NORM_PIECES) if left else (NORM_PIECES, 0)
            factors[..., channels + ones : channels + ones + NORM_PIECES] = 1.0
            factors[..., channels + own : channels + own + NORM_PIECES] = _pieces(squares * (1.0 - 3.0 * gamma(channels)))
        made.residual[some], made.squares[:, some] = residual, squares
    return made


def _lengths(parts: np.ndarray) -> np.ndarray:
    """float64 [K, n]: lengths of [K, n, C], summed in float32."""
    return np.sqrt(np.einsum("knc,knc->kn", parts, parts).astype(np.float64))


def _pieces(values: np.ndarray) -> np.ndarray:
    """float32 [..., 3] whose sum is at most the value and nearly it; each has 8 bits."""
    out, left = np.empty((*values.shape, NORM_PIECES), np.float32), values * (1.0 - 2.0**-22)
    for number in range(NORM_PIECES):
        piece = np.ascontiguousarray(left, np.float32)
        piece = (piece.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)
        out[..., number] = piece
        left = left - piece
    return out


def dense(a: np.ndarray, b: Side, centre: np.ndarray, kind: Distance, tile: int = 2048) -> tuple[np.ndarray, np.ndarray]:
    """float64 [n, M] distances of a block `a` [n, C, K] to a side, and float64 [n]: by how much each may be wrong in the worst case.

    By the expanded square in double precision, in tiles of the gallery.
    """
    x = by_part(a, centre, kind, np.float64)
    count, size, channels = x.shape
    loss = 1.1 * (channels + 8) * UNIT_F64
    x_squares = np.einsum("knc,knc->kn", x, x)
    out, largest = np.zeros((size, len(b))), 0.0
    for start in range(0, len(b), tile):
        columns = slice(start, min(start + tile, len(b)))
        y = by_part(b.take(columns), centre, kind, np.float64)
        y_squares = np.einsum("knc,knc->kn", y, y)
        largest = max(largest, float(y_squares.mean(0).max()))
        square = np.empty((size, y.shape[1]))
        for k in range(count):
            np.matmul(x[k], y[k].T, out=square)
            if kind == "euclidean":
                square *= -2.0
                square += x_squares[k][:, None]
                square += y_squares[k][None, :]
                np.maximum(square, 0.0, out=square)
                np.sqrt(square, out=square)
            out[:, columns] += square
    out /= count
    if kind == "cosine":
        np.subtract(1.0, out, out=out)
        return out, np.full(size, 4.0 * loss + 1e-14)
    # sqrt(s) is within sqrt(e) of the truth where s is within e; e <= loss (|x| + |y|)^2, and the mean of roots is at most the root of the mean
    return out, 2.0 * np.sqrt(loss * (x_squares.mean(0) + largest)) + 1e-15 * out.max(1, initial=0.0)
