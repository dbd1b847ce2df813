"""Open-set identification (ISO/IEC 19795-1): how often a search by somebody enrolled fails where strangers are named at a stated rate at most.

Each person is held out in turn: every probe is a stranger's search among the gallery's other people (the false-positive identification rate, FPIR),
and where its person is in the gallery also a search by somebody enrolled. That one fails (false-negative identification rate, FNIR, rank 1) where the
person's nearest sequence is beyond the threshold, or a stranger is as near. Rank-k, which has no threshold, stands apart.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gaitbridge.evaluation.ranking.distances import centre_of, dense
from gaitbridge.evaluation.ranking.every_mate import Matching
from gaitbridge.evaluation.ranking.in_blocks import rows_together
from gaitbridge.evaluation.ranking.places import Bars
from gaitbridge.evaluation.scoring.bootstrap import interval, people_times
from gaitbridge.progress import Progress, silent

RATES = (1e-1, 1e-2, 1e-3)
LEAST_SEARCHES = 30  # by strangers, that must be expected to name somebody, or the rate is not given (the rule of 30)
DRAWS = 200


def number_name(rate: float) -> str:
    """What the number of a rate is called in a score's document."""
    return f"FNIR@FPIR={rate:g}"


def nearest(pair: Matching, barred: Bars, progress: Progress = silent) -> tuple[np.ndarray, np.ndarray]:
    """Distances float64 [N] of each probe to the nearest sequence of its person and to the nearest of another; infinite where there is none."""
    centre = centre_of(pair.gallery, pair.kind)
    found = np.full((2, len(pair.probes)), np.inf)
    height = rows_together(len(pair.gallery))
    for start in range(0, len(pair.probes), height):
        some = slice(start, min(start + height, len(pair.probes)))
        distances, _ = dense(pair.probes.take(some), pair.gallery, centre, pair.kind)
        if barred is not None:
            distances[barred[0][some, None] == barred[1][None, :]] = np.inf
        own = pair.probe_people[some, None] == pair.gallery_people[None, :]
        found[:, some] = np.where(own, distances, np.inf).min(1, initial=np.inf), np.where(own, np.inf, distances).min(1, initial=np.inf)
        progress(some.stop, len(pair.probes), "")
    return found[0], found[1]


def missed(own: np.ndarray, other: np.ndarray, rate: float, times: np.ndarray) -> tuple[float, float]:
    """FNIR and threshold at an FPIR of `rate` at most. own, other: as `nearest` gives them; times: how often each probe counts, [N]."""
    order = np.argsort(other, kind="stable")
    named = np.cumsum(times[order])
    total, last = float(times[np.isfinite(other)].sum()), np.searchsorted(other[order], other[order], side="right") - 1
    allowed = named[last] <= rate * total * (1 + 1e-12)  # all that are as near are named with it
    limit = float(other[order][np.flatnonzero(allowed)[-1]]) if allowed.any() else -np.inf
    if (~allowed & np.isfinite(other[order])).any():  # thresholds just below the next stranger name no more of them, and find more
        limit = float(np.nextafter(other[order][np.flatnonzero(~allowed)[0]], -np.inf))
    known = np.isfinite(own)
    weight = times[known].sum()
    found = (times[known] * ((own <= limit) & (own < other))[known]).sum()
    return (float(1.0 - found / weight) if weight else float("nan")), limit


def open_set(own: np.ndarray, other: np.ndarray, people: np.ndarray, seed: int) -> dict[str, Any]:
    """FNIR in % at each rate, with 95 % intervals over people [N], the threshold drawn anew with them, and counts; null where too few can tell."""
    strangers, known = int(np.isfinite(other).sum()), int(np.isfinite(own).sum())
    names, owner = np.unique(people, return_inverse=True)
    times = people_times(len(names), seed, DRAWS)
    made: dict[str, Any] = {}
    ends: dict[str, list[float] | None] = {}
    for rate in RATES:
        name = number_name(rate)
        enough = known > 0 and rate * strangers >= LEAST_SEARCHES * (1 - 1e-9)
        made[name] = 100.0 * missed(own, other, rate, np.ones(len(own)))[0] if enough else None
        draws = np.asarray([missed(own, other, rate, draw[owner])[0] for draw in times]) if enough and len(names) > 1 else np.empty(0)
        low, high = interval(100.0 * draws)
        ends[name] = None if np.isnan(low) else [low, high]
    return made | {"intervals": ends, "stranger_searches": strangers, "known_searches": known, "people": len(names)}
