"""Distances between embeddings and the field's retrieval metrics: pure functions of arrays.

Legend: N probes, M gallery sequences, C channels, K parts. A *mate* of a probe is a gallery sequence of the same person that the
protocol has not excluded. Ties are broken against the probe: of two gallery sequences at the same distance the one that is no
mate comes first, so no result depends on the order of the gallery and a constant embedding scores nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from gaitbridge.conventions import stream
from gaitbridge.errors import UserError
from gaitbridge.types import Embeddings

BLOCK_ROWS = 512  # probes at a time: temporaries of 512 x M numbers, whatever N is
DRAWS = 1000  # of the bootstrap
LEVEL = 0.95


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


@dataclass(frozen=True)
class Ranking:
    """Where each probe's mates stand in its ordered gallery; all arrays [N].

    compared: gallery sequences left after exclusion; mates: those of the same person; first and last: the ranks (from 1) of the nearest
    and of the farthest mate, 0 without a mate; average_precision: NaN without a mate.
    """

    compared: np.ndarray
    mates: np.ndarray
    first: np.ndarray
    last: np.ndarray
    average_precision: np.ndarray

    def of(self, among: np.ndarray) -> Ranking:
        """The ranking of some probes."""
        return Ranking(*(getattr(self, field.name)[among] for field in fields(self)))

    @property
    def has_mate(self) -> np.ndarray:
        """bool [N]: the probes that enter means; the others are counted and left out."""
        return self.mates > 0

    def within(self, rank: int) -> np.ndarray:
        """float64 [N]: 1 where a mate is among the `rank` nearest, else 0; NaN without a mate."""
        return np.where(self.has_mate, (self.first <= rank).astype(np.float64), np.nan)

    @property
    def inverse_negative_penalty(self) -> np.ndarray:
        """float64 [N]: mates divided by the rank of the hardest mate (Ye et al., AGW, TPAMI 2021, equation 3); NaN without a mate."""
        return np.where(self.has_mate, self.mates / np.maximum(self.last, 1), np.nan)

    def chance(self, rank: int = 1) -> np.ndarray:
        """float64 [N]: the exact probability of a mate among the `rank` first of a gallery in random order; NaN without a mate."""
        miss = np.ones(len(self.mates))
        for drawn in range(rank):
            left = np.maximum(self.compared - drawn, 1)
            miss *= np.clip((self.compared - self.mates - drawn) / left, 0.0, 1.0)
        return np.where(self.has_mate, 1.0 - miss, np.nan)


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


def cumulative_match(ranking: Ranking, ranks: Sequence[int]) -> np.ndarray:
    """The cumulative match characteristic: float64 [len(ranks)], the share of probes with a mate among the first; NaN without such
    probes."""
    first = ranking.first[ranking.has_mate]
    return np.asarray([np.mean(first <= rank) if len(first) else np.nan for rank in ranks])


def mean_known(values: np.ndarray) -> float:
    """The mean of what is not NaN, and NaN where all is (probes without a mate leave the mean)."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def people_draws(values: np.ndarray, people: Sequence[str], seed: int, draws: int = DRAWS) -> np.ndarray:
    """Means of `values` over bootstrap samples of PEOPLE: sequences of one person are no independent evidence.

    values: [N, Q], NaN where a probe has no say; people: N identities. Each draw takes as many people as there are, with replacement,
    with all of their probes. Returns [draws, Q], NaN where no drawn person has a value. The draw depends on the seed and on how many
    people there are, not on the values, so metrics of the same probes are drawn alike and can be subtracted.
    """
    names, owner = np.unique(np.asarray(people, dtype=str), return_inverse=True)
    known = ~np.isnan(values)
    sums, counts = np.zeros((len(names), values.shape[1])), np.zeros((len(names), values.shape[1]))
    np.add.at(sums, owner, np.where(known, values, 0.0))
    np.add.at(counts, owner, known)
    times = people_times(len(names), seed, draws)
    total, weight = times @ sums, times @ counts
    return np.where(weight > 0, total / np.maximum(weight, 1.0), np.nan)


def people_times(people: int, seed: int, draws: int = DRAWS) -> np.ndarray:
    """float64 [draws, people]: how often each draw takes each person."""
    evenly = np.full(people, 1.0 / max(people, 1))
    return stream(seed, "bootstrap over people").multinomial(people, evenly, size=draws).astype(np.float64)


def interval(draws: np.ndarray, level: float = LEVEL) -> tuple[float, float]:
    """The central `level` of bootstrap draws [draws] as (low, high); NaN, NaN where nothing is known."""
    known = draws[~np.isnan(draws)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def people_interval(values: np.ndarray, people: Sequence[str], seed: int, draws: int = DRAWS) -> tuple[float, float]:
    """The 95 % bootstrap interval over people of the mean of `values` [N] (NaN left out); NaN, NaN with fewer than two people."""
    known = ~np.isnan(values)
    owners = np.asarray(people, dtype=str)[known]
    if len(np.unique(owners)) < 2:
        return float("nan"), float("nan")
    return interval(people_draws(values[known][:, None], owners.tolist(), seed, draws)[:, 0])
