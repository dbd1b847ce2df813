"""Distances of part embeddings, for many against many, and how exact they are. Quick bounds of them: `bounds`, `whole_numbers`.

Legend: N probes, M gallery sequences, C channels, K parts. Euclidean: the mean over parts of the L2 distance of that part. Cosine: one minus
the mean over parts of the cosine; a part of length zero has cosine 0. `exact_pairs` computes them from differences in double precision.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gaitbridge.types import Distance

PAIR_ELEMENTS = 1 << 17  # of gathered embeddings at a time, 1 MiB in double precision: it stays in the processor's cache
UNIT_F32, UNIT_F64 = 2.0**-24, 2.0**-53


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


def gamma(channels: int) -> float:
    """How much of |x| |y| a float32 sum of products of so many channels, and a few more for norms, can lose."""
    return 1.1 * (channels + 16) * UNIT_F32


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
