"""How often a search names somebody who is not enrolled, by how many people are: the false-positive identification rate (FPIR, ISO/IEC 19795-1).

Measured with people held out: each search by a person counts as a stranger's among all others. How often the best of a random gallery of P of
those n others scores at most t follows exactly from how many of them do, k: 1 - C(n - k, P) / C(n, P), the mean over all galleries of that size. So
each size is measured without drawing a gallery.

Beyond and between the sizes measured a bound holds: a gallery of P people is P / S galleries of S, of which one names the stranger; as who looks
like one of them looks like others too, the rate is at most 1 - (1 - rate of S)^(P / S), in the mean over all people. And a smaller gallery has no
larger rate.

Which rates can be stated: 30 stranger searches with a gallery of their own must be expected to name somebody (the rule of 30), and 3 ordered
pairs of person and gallery (the rule of 3); n others make n / P galleries. For one person enrolled those are the rules of `decision`.

Legend: G searches, n other people, P people enrolled, J scores at which rates are kept. Scores are such that less is more alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from gaitbridge.config import Config, Count, Share
from gaitbridge.evaluation.scoring.bootstrap import interval, people_times

LEAST_SEARCHES, LEAST_PAIRS = 30, 3
POINTS = 150  # scores at which rates are kept
DRAWS = 200  # of the bootstrap over people
SERIES = (1, 2, 5)  # sizes measured: these times powers of ten, and the largest

Score = Annotated[float, Field(ge=-1e9, le=1e9)]
Searches = Annotated[int, Field(ge=0, le=2**62)]


class Stated(Config):
    """What was found at a stated false-positive identification rate, in a gallery of one size."""

    rate: Share
    score: Score
    """The largest taken for an enrolled person's."""
    low: Share
    high: Share
    """95 % interval of the rate at that score, over people."""
    missed: Share | None
    """Share of searches by enrolled people that do not give their name (false-negative identification rate, rank 1); None where there were none."""


class Size(Config):
    """Rates in galleries of one size."""

    people: Count
    floor: Share
    """The smallest rate that can be stated."""
    shares: tuple[Share, ...]
    """FPIR at each of the scores, rising."""
    stated: tuple[Stated, ...] = ()


@dataclass(frozen=True)
class Rate:
    """A false-positive identification rate. below: it is only known to be at most that; beyond: the gallery is larger than what was measured."""

    value: float
    below: bool
    beyond: bool


class Strangers(Config):
    """What strangers score in one direction, with so many walks of a track fused."""

    walks: Count
    searches: Searches
    """By strangers."""
    strangers: Searches
    """People who were strangers."""
    known: Searches
    """Searches by enrolled people."""
    scores: tuple[Score, ...]
    """Rising; of the first no stranger was as near."""
    sizes: Annotated[tuple[Size, ...], Field(min_length=1)]

    @property
    def largest(self) -> int:
        """People in the largest gallery measured."""
        return max(size.people for size in self.sizes)

    def rates(self, people: int) -> tuple[np.ndarray, np.ndarray]:
        """FPIR of a gallery of `people` at each of the scores [J], rising: the least that a measured size allows; which are but bounds [J]."""
        found = []
        for size in self.sizes:
            shares = np.maximum(np.asarray(size.shares), size.floor)
            found.append(shares if size.people >= people else -np.expm1(np.log1p(-np.minimum(shares, 1 - 1e-12)) * (people / size.people)))
        table = np.asarray(found)
        best = table.argmin(0)
        own = np.asarray([size.shares for size in self.sizes])[best, np.arange(len(best))]
        return table.min(0), own < np.asarray([size.floor for size in self.sizes])[best]

    def rate(self, score: float, people: int) -> Rate:
        """FPIR at a score in a gallery of `people`."""
        values, below = self.rates(people)
        at = int(np.searchsorted(self.scores, score))  # the next score that was kept, which is no nearer
        if at == len(values):
            return Rate(1.0, False, people > self.largest)
        return Rate(float(values[at]), bool(below[at]), people > self.largest)

    def threshold(self, rate: float, people: int) -> float | None:
        """The largest score at which a gallery of `people` has at most this FPIR; None where no such rate can be stated."""
        allowed = np.flatnonzero(self.rates(people)[0] <= rate * (1 + 1e-9))
        return float(self.scores[allowed[-1]]) if len(allowed) else None

    def smallest(self, people: int) -> float:
        """The smallest rate that can be stated for a gallery of `people`."""
        return float(self.rates(people)[0][0])

    def interval(self, rate: float, people: int) -> tuple[float, float]:
        """About the 95 % interval over people of the true rate, where `rate` is stated for a gallery of `people`.

        In proportion as at the nearest rate that was stated for the next larger size measured, or the largest; wider for smaller rates, as fewer
        false names make them; carried beyond as the rate is.
        """
        size = min((one for one in self.sizes if one.people >= people and one.stated), key=lambda one: one.people,
                   default=max((one for one in self.sizes if one.stated), key=lambda one: one.people, default=None))
        if size is None:
            return 0.0, 1.0
        galleries = max(1.0, people / size.people)
        own = -np.expm1(np.log1p(-min(rate, 1 - 1e-12)) / galleries)
        near = min(size.stated, key=lambda one: abs(np.log(one.rate / own)))
        wider = max(1.0, np.sqrt(near.rate / own))
        limits = [min(1.0, own * (limit / near.rate) ** wider) for limit in (min(near.low, near.rate), max(near.high, near.rate))]
        return 1 - (1 - limits[0]) ** galleries, 1 - (1 - limits[1]) ** galleries


def names_somebody(near: np.ndarray, others: np.ndarray, people: int) -> np.ndarray:
    """The share of galleries of `people`, drawn of `others` [...], that hold one of the `near` [...] ones at least; NaN where others are too few."""
    top = int(max(others.max(initial=0), people)) + 1
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, top + 1)))])  # of factorials
    near, others = np.broadcast_arrays(near, others)
    left = np.maximum(others - near, 0)
    enough = left >= people
    none = np.exp(logs[left] + logs[np.maximum(others - people, 0)] - logs[np.where(enough, left - people, 0)] - logs[others])
    return np.where(others < people, np.nan, np.where(enough, np.maximum(1.0 - none, 0.0), 1.0))


def measured(scores: np.ndarray, own: np.ndarray, searchers: Sequence[str], people: Sequence[str], walks: int,
             rates: Sequence[float]) -> Strangers | str:
    """What strangers score, of searches by people who are known to be others than some that could be enrolled.

    scores: [G, n], of each search the best of each person's templates; infinite where nobody knows whether it is another person. own: [G], the
    score of the searcher's own templates, infinite where there are none. searchers: G names; people: n names. walks: fused in each search.
    rates: those to state. In words why, where not even the largest of them can be stated for a gallery of one.
    """
    ordered = np.sort(scores, axis=1)
    others = np.isfinite(ordered).sum(1)
    finite = np.sort(ordered[np.isfinite(ordered)])
    strangers = len({name for name, count in zip(searchers, others, strict=True) if count})
    if not len(finite) or _floor(scores, searchers, 1) > max(rates):
        return f"{len(finite)} comparisons of {strangers} strangers"
    numbers = np.unique(np.geomspace(1, len(finite), POINTS).astype(int)) - 1
    points = np.unique(np.concatenate([[np.nextafter(finite[0], -np.inf)], finite[numbers]]))
    near = np.stack([(ordered <= point).sum(1) for point in points], 1)  # [G, J]
    ahead = (ordered <= np.where(np.isfinite(own), own, -np.inf)[:, None]).sum(1)  # a tie is a stranger's
    sizes = []
    for size in _sizes(int(others.max())):
        floor = _floor(scores, searchers, size)
        if floor > max(rates):
            break
        named = names_somebody(near, others[:, None], size)  # [G, J]
        known = others >= size
        shares = np.maximum.accumulate(named[known].mean(0))
        shares = np.ceil(shares * 1e6 - 1e-6) / 1e6
        stated = []
        for rate in sorted(rates, reverse=True):
            if rate < floor:
                continue
            at = int(np.flatnonzero(shares <= rate * (1 + 1e-9))[-1])
            low, high = _interval(scores, float(points[at]), searchers, people, size)
            stated.append(Stated(rate=rate, score=float(points[at]), low=low, high=high,
                                 missed=_missed(own, ahead, others, float(points[at]), size)))
        sizes.append(Size(people=size, floor=floor, shares=tuple(np.clip(shares, 0, 1).tolist()), stated=tuple(stated)))
    return Strangers(walks=walks, searches=int((others > 0).sum()), strangers=strangers, known=int(np.isfinite(own).sum()),
                     scores=tuple(points.tolist()), sizes=tuple(sizes))


def _sizes(others: int) -> list[int]:
    series = {step * 10**power for power in range(len(str(others))) for step in SERIES}
    return sorted({size for size in series if size < others} | {others})


def _floor(scores: np.ndarray, searchers: Sequence[str], size: int) -> float:
    """The smallest rate that can be stated at a size: by the rules of 30 and of 3."""
    others = np.isfinite(scores).sum(1)
    others = np.where(others >= size, others, 0)
    names, owner = np.unique(np.asarray(searchers, dtype=str), return_inverse=True)
    most = np.zeros(len(names))
    np.maximum.at(most, owner, others)
    searches, pairs = others.sum() / size, most.sum() / size
    return min(1.0, max(LEAST_SEARCHES / searches, LEAST_PAIRS / pairs)) if searches else 1.0


def _missed(own: np.ndarray, ahead: np.ndarray, others: np.ndarray, score: float, size: int) -> float | None:
    """Share of searches by people enrolled, with size - 1 others, that are not given their own name at a threshold."""
    asked = np.isfinite(own) & (others >= size - 1)
    if not asked.any():
        return None
    beaten = names_somebody(ahead[asked], others[asked], size - 1) if size > 1 else np.zeros(int(asked.sum()))
    return float(np.clip(1.0 - np.where(own[asked] <= score, 1.0 - beaten, 0.0).mean(), 0.0, 1.0))


def _interval(scores: np.ndarray, threshold: float, searchers: Sequence[str], people: Sequence[str], size: int) -> tuple[float, float]:
    """95 % interval of the FPIR at a threshold: people drawn anew, as strangers and as those enrolled."""
    names, number = np.unique(np.asarray([*searchers, *people], dtype=str), return_inverse=True)
    asking, enrolled = number[: len(searchers)], number[len(searchers) :]
    times = people_times(len(names), 0, DRAWS)  # [draws, names]
    known = np.isfinite(scores)
    drawn = times[:, enrolled].T  # [n, draws]
    others = (known.astype(np.float32) @ drawn.astype(np.float32)).astype(int)  # [G, draws]
    weight = np.where(others >= size, times[:, asking].T, 0.0)
    hit = ((scores <= threshold) & known).any(1)  # the others name nobody in any draw
    near = (((scores <= threshold) & known)[hit].astype(np.float32) @ drawn.astype(np.float32)).astype(int)
    named = np.nan_to_num(names_somebody(near, others[hit], size))
    total = weight.sum(0)
    low, high = interval(np.where(total > 0, (named * weight[hit]).sum(0) / np.maximum(total, 1e-12), np.nan))
    return (0.0, 1.0) if np.isnan(low) else (low, high)
