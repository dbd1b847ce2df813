"""Distances as one matrix, and places in one: for few sequences, or where the matrix is there already (after re-ranking). Many go by blocks.

Legend: N probes, M gallery sequences, C channels, K parts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gaitbridge.errors import UserError
from gaitbridge.evaluation.ranking.mates import Ranking
from gaitbridge.types import Embeddings

BLOCK_ROWS = 512  # probes at a time: temporaries of 512 x M numbers, whatever N is


def distance(a: Embeddings, b: Embeddings) -> np.ndarray:
    """The distance of every embedding of `a` to every one of `b`.

    euclidean: mean over parts of the L2 distance of that part, without normalisation; cosine: one minus the mean over parts of the
    cosine (a part of length zero has cosine 0). a: [N, C, K], b: [M, C, K]; returns float32 [N, M]. Computed in blocks of probes in
    double precision: the expanded square loses half of the digits. UserError where the two cannot be compared.
    """
    check_comparable(a, b)
    out = np.empty((len(a), len(b)), np.float32)
    right = _by_part(b)  # K x [M, C]
    for start in range(0, len(a), BLOCK_ROWS):
        rows = slice(start, start + BLOCK_ROWS)
        left = _by_part(a, rows)
        total = np.zeros((left.shape[1], len(b)))
        for x, y in zip(left, right, strict=True):
            product = x @ y.T
            if a.distance == "cosine":
                total += product
            else:
                square = (x * x).sum(1)[:, None] + (y * y).sum(1)[None, :] - 2 * product
                total += np.sqrt(np.maximum(square, 0.0))
        mean = total / len(right)
        out[rows] = 1.0 - mean if a.distance == "cosine" else mean
    return out


def _by_part(embeddings: Embeddings, rows: slice = slice(None)) -> np.ndarray:
    """float64 [K, n, C], of unit length along C where the distance is the cosine."""
    parts = np.ascontiguousarray(embeddings.values[rows].transpose(2, 0, 1), dtype=np.float64)
    if embeddings.distance == "cosine":
        length = np.linalg.norm(parts, axis=2, keepdims=True)
        parts /= np.where(length > 0, length, 1.0)
    return parts


def check_comparable(a: Embeddings, b: Embeddings) -> None:
    """UserError where the distance between two sets of embeddings would mean nothing."""
    for side in (a, b):
        if not isinstance(side, Embeddings):
            raise UserError(f"a distance is taken between Embeddings, as Model.embed gives them, not of a {type(side).__name__}: "
                            "types.Embeddings(values) makes them of an array float32 [N, C, K]")
    if a.weights_hash != b.weights_hash:
        raise UserError(
            f"embeddings of two networks cannot be compared (weights {a.weights_hash or 'unknown'} and {b.weights_hash or 'unknown'}); "
            "embed both with the same checkpoint"
        )
    if a.distance != b.distance:
        raise UserError(f"embeddings are meant for different distances ({a.distance} and {b.distance}); embed both with the same network")
    if a.values.shape[1:] != b.values.shape[1:]:
        raise UserError(
            f"embeddings of shapes {a.values.shape[1:]} and {b.values.shape[1:]} [C, K] cannot be compared; use one network for both"
        )
    for side in (a, b):
        finite = np.isfinite(side.values).all((1, 2))
        if not finite.all():
            number = int(np.argmin(finite))
            name = side.keys[number] if side.keys else f"number {number}"
            raise UserError(f"the embedding of {name} is not finite; look at its input, or train again: it may have diverged")


def rank_gallery(
    distances: np.ndarray, probe_people: Sequence[str], gallery_people: Sequence[str], excluded: np.ndarray | None = None
) -> Ranking:
    """Order the gallery of every probe and note where its mates are.

    distances: [N, M]; people: N and M identities; excluded: bool [N, M], True where a pair must not be compared. ValueError where shapes
    differ.
    """
    count, size = distances.shape
    if len(probe_people) != count or len(gallery_people) != size or (excluded is not None and excluded.shape != distances.shape):
        raise ValueError(
            f"distances {distances.shape} do not fit {len(probe_people)} probes, {len(gallery_people)} gallery sequences and the mask"
        )
    numbers = np.unique(np.asarray([*probe_people, *gallery_people], dtype=str), return_inverse=True)[1]
    probe, gallery = numbers[:count], numbers[count:]
    parts = []
    for start in range(0, max(count, 1), BLOCK_ROWS):
        rows = slice(start, start + BLOCK_ROWS)
        parts.append(_rank_block(distances[rows], probe[rows], gallery, None if excluded is None else excluded[rows]))
    return Ranking(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _rank_block(distances: np.ndarray, probe: np.ndarray, gallery: np.ndarray, excluded: np.ndarray | None) -> tuple[np.ndarray, ...]:
    """compared, mates, first, last, average precision of a block of probes."""
    allowed = np.ones(distances.shape, bool) if excluded is None else ~excluded
    mate = (probe[:, None] == gallery[None, :]) & allowed
    shown = np.where(allowed, distances, np.inf)  # what is excluded goes to the end, where it moves no rank
    # Two stable sorts order by distance, and within a tie strangers before mates.
    strangers_first = np.argsort(mate, axis=1, kind="stable")
    by_distance = np.argsort(np.take_along_axis(shown, strangers_first, 1), axis=1, kind="stable")
    hit = np.take_along_axis(mate, np.take_along_axis(strangers_first, by_distance, 1), 1)

    mates, size = hit.sum(1), distances.shape[1]
    place = np.arange(1, size + 1)
    if not size:
        none = np.zeros(len(hit), np.int64)
        return none, none, none, none, np.full(len(hit), np.nan)
    first = np.where(mates > 0, hit.argmax(1) + 1, 0)
    last = np.where(mates > 0, size - hit[:, ::-1].argmax(1), 0)
    precision = np.where(hit, np.cumsum(hit, axis=1) / place, 0.0).sum(1)
    return allowed.sum(1), mates, first, last, np.where(mates > 0, precision / np.maximum(mates, 1), np.nan)
