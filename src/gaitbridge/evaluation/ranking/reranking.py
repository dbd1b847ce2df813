"""Re-ranking by k-reciprocal neighbours (Zhong, Zheng, Cao, Li: Re-ranking Person Re-identification with k-reciprocal Encoding, CVPR 2017).

Two sequences are alike where the same others are near to both. Probes and gallery are looked at together, so a result depends on which probes
were asked at once: it is no longer one probe against a gallery, and is to be called re-ranked wherever it is given.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gaitbridge.errors import UserError
from gaitbridge.evaluation.ranking.distances import Side, centre_of, dense
from gaitbridge.types import Distance

K1, K2, LAMBDA = 20, 6, 0.3  # the paper's
MOST = 30_000  # sequences of both sides together: their distances take 4 bytes a pair
BLOCK = 512


def k_reciprocal(probes: Side, gallery: Side, kind: Distance, k1: int = K1) -> np.ndarray:
    """float32 [N, M]: distances after re-ranking, with the paper's k1 20 (or another), k2 6, lambda 0.3.

    UserError where there are too many sequences at once.
    """
    if len(probes) + len(gallery) > MOST:
        size = len(probes) + len(gallery)
        raise UserError(f"re-ranking needs the distances of all {size:,} sequences to one another, {MOST:,} at most; score without --rerank")
    return reranked(_all_distances(probes, gallery, kind), len(probes), k1)


def _all_distances(probes: Side, gallery: Side, kind: Distance) -> np.ndarray:
    """float32 [N + M, N + M]: everyone to everyone, probes first."""
    size, sides = len(probes) + len(gallery), ((probes, slice(0, len(probes))), (gallery, slice(len(probes), None)))
    out = np.empty((size, size), np.float32)
    centre = centre_of(gallery, kind)
    for side, rows in sides:
        for start in range(0, len(side), BLOCK):
            some = slice(start, min(start + BLOCK, len(side)))
            for other, columns in sides:
                out[rows.start + some.start : rows.start + some.stop, columns] = dense(side.take(some), other, centre, kind)[0]
    out = np.minimum(out, out.T)  # alike both ways, to the last digit
    np.fill_diagonal(out, 0.0)
    return out


def reranked(distances: np.ndarray, probes: int, k1: int = K1, k2: int = K2, weight: float = LAMBDA) -> np.ndarray:
    """float32 [N, M] of distances [N + M, N + M] among probes (the first N) and gallery; weight: of the original distance.

    1. Each row is divided by its largest distance. 2. R(i): the k1 nearest of i that have i among their own k1 nearest; to it comes R(j, k1 / 2) of
    its members j wherever two thirds of that lie in R(i). 3. i is described by exp(-distance) to R(i), summing to one, and by the mean of
    that over its k2 nearest. 4. The Jaccard distance of two descriptions, mixed with the original distance. i counts as its own nearest.
    """
    from scipy.sparse import csr_matrix

    scaled = distances / np.maximum(distances.max(1, keepdims=True), np.finfo(np.float32).tiny)
    near = _nearest(scaled, max(k1, k2 - 1) + 1)
    wide, narrow = _reciprocal(near, k1), _reciprocal(near, int(np.around(k1 / 2)))
    rows, columns, values = [], [], []
    for i, own in enumerate(wide):
        members = np.union1d(own, np.concatenate([own, *(narrow[j] for j in own if _overlaps(narrow[j], own))]))
        share = np.exp(-scaled[i, members])
        rows.append(np.full(len(members), i))
        columns.append(members)
        values.append(share / share.sum())
    size = len(scaled)
    described: Any = csr_matrix((np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape=(size, size), dtype=np.float32)
    if k2 > 1:
        mean = csr_matrix((np.full(size * k2, 1.0 / k2, np.float32), (np.repeat(np.arange(size), k2), near[:, :k2].ravel())), shape=(size, size))
        described = mean @ described
    return (1.0 - weight) * _jaccard(described, probes) + weight * scaled[:probes, probes:]


def _nearest(distances: np.ndarray, count: int) -> np.ndarray:
    """int [n, count]: the nearest of each row in order, itself first."""
    count = min(count, len(distances))
    out = np.empty((len(distances), count), np.int64)
    for start in range(0, len(distances), BLOCK):
        block = distances[start : start + BLOCK].copy()
        own = np.arange(len(block))
        block[own, start + own] = -1.0
        out[start : start + BLOCK] = np.argsort(block, axis=1, kind="stable")[:, :count]
    return out


def _reciprocal(near: np.ndarray, k: int) -> list[np.ndarray]:
    """For each i those of its k nearest (and itself) that have it among their own."""
    forward = near[:, : k + 1]
    return [row[(forward[row] == i).any(1)] for i, row in enumerate(forward)]


def _overlaps(candidate: np.ndarray, own: np.ndarray) -> bool:
    return np.isin(candidate, own).sum() > 2 / 3 * len(candidate)


def _jaccard(described: Any, probes: int) -> np.ndarray:
    """float32 [N, M]: one minus the sum of minima over the sum of maxima of descriptions (sparse rows that sum to one), probes against gallery."""
    gallery = described[probes:].tocsc()
    out = np.empty((probes, gallery.shape[0]), np.float32)
    for i in range(probes):
        own = described[i]
        least = np.zeros(gallery.shape[0], np.float32)
        for place, value in zip(own.indices, own.data, strict=True):
            some = slice(gallery.indptr[place], gallery.indptr[place + 1])
            least[gallery.indices[some]] += np.minimum(gallery.data[some], value)
        out[i] = 1.0 - least / (2.0 - least)
    return out


METHODS: dict[str, Callable[[Side, Side, Distance], np.ndarray]] = {"k-reciprocal": k_reciprocal}
