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

PAIR_ELEMENTS = 1 << 22  # of gathered embeddings at a time, 32 MiB in double precision
UNIT_F32, UNIT_F64 = 2.0**-24, 2.0**-53
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
        out[some] = _exact(a.take(rows[some]).astype(np.float64), b.take(columns[some]).astype(np.float64), kind)
    return out


def _exact(x: np.ndarray, y: np.ndarray, kind: Distance) -> np.ndarray:
    """[p] of x and y float64 [p, C, K]; x is overwritten."""
    if kind == "euclidean":
        x -= y
        np.multiply(x, x, out=x)
        return np.sqrt(x.sum(1)).mean(1)
    lengths = np.sqrt((x * x).sum(1)) * np.sqrt((y * y).sum(1))
    cosines = (x * y).sum(1) / np.where(lengths > 0, lengths, 1.0)
    return 1.0 - np.where(lengths > 0, cosines, 0.0).mean(1)


def centre_of(side: Side, kind: Distance) -> np.ndarray:
    """float32 [C, K] near the mean of a side: taken off both sides it changes no distance and makes the numbers small. Zero for the cosine."""
    if kind == "cosine":
        return np.zeros((side.channels, side.parts), np.float32)
    some = np.linspace(0, len(side) - 1, min(len(side), 256)).astype(int)
    return side.take(some).mean(0, dtype=np.float64).astype(np.float32)


def by_part(block: np.ndarray, centre: np.ndarray, kind: Distance, dtype: type) -> np.ndarray:
    """[K, n, C] of a block [n, C, K]: without the centre, or of unit length for the cosine; in double precision, then `dtype`."""
    if kind == "euclidean":
        return np.ascontiguousarray(
            (block - centre).transpose(2, 0, 1) if dtype == np.float32 else (block.astype(np.float64) - centre).transpose(2, 0, 1), dtype
        )
    parts = block.transpose(2, 0, 1).astype(np.float64)
    length = np.linalg.norm(parts, axis=2, keepdims=True)
    return np.ascontiguousarray(parts / np.where(length > 0, length, 1.0), dtype)


@dataclass(frozen=True)
class Rounded:
    """A side prepared for quick bounds: `factors` float32 [K, n, C (+ 6)], whose products give squares (Euclidean) or cosines.

    residual [n]: the mean over parts of how far rounding moved that part. slack [n]: the mean over parts of the squared length, times gamma.
    """

    factors: np.ndarray
    residual: np.ndarray
    slack: np.ndarray


def gamma(channels: int) -> float:
    """How much of (|x| + |y|)^2 a float32 sum of products of so many channels, and six more for the norms, can lose."""
    return 1.1 * (channels + 2 * NORM_PIECES + 8) * UNIT_F32


def rounded(block: np.ndarray, centre: np.ndarray, kind: Distance, coarse: bool, left: bool) -> Rounded:
    """Prepare a block [n, C, K]; coarse: to bfloat16's 8 bits; left: the probes' factor, to be multiplied with the gallery's."""
    parts = by_part(block, centre, kind, np.float32)  # [K, n, C]
    residual = 1.1 * UNIT_F32 * _lengths(parts).mean(0)  # what by_part rounded
    count, size, channels = parts.shape
    factors = np.empty((count, size, channels + (2 * NORM_PIECES if kind == "euclidean" else 0)), np.float32)
    if coarse:
        bits = factors[..., :channels]
        bits[...] = parts
        whole = np.ascontiguousarray(bits).view(np.uint32)
        whole += np.uint32(0x8000)
        whole &= np.uint32(0xFFFF0000)
        bits[...] = whole.view(np.float32)
        parts -= bits
        residual = residual + _lengths(parts).mean(0)
        parts = bits
    else:
        factors[..., :channels] = parts
    squares = _lengths(parts) ** 2  # [K, n]
    if kind == "euclidean":
        # |x' - y'|^2 = |x'|^2 + |y'|^2 - 2 x'.y', and both norms less what the sum can lose
        pieces = _pieces(squares * (1.0 - 2.0 * gamma(channels)))
        ones, norms = slice(channels + NORM_PIECES, None), slice(channels, channels + NORM_PIECES)
        if left:
            factors[..., :channels] *= np.float32(-2.0)
        else:
            ones, norms = norms, ones
        factors[..., norms] = pieces
        factors[..., ones] = 1.0
    return Rounded(factors, residual, gamma(channels) * squares.mean(0))


def _lengths(parts: np.ndarray) -> np.ndarray:
    """float64 [K, n]: lengths of [K, n, C], summed in double precision."""
    return np.sqrt(np.einsum("knc,knc->kn", parts, parts, dtype=np.float64, casting="same_kind"))


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
