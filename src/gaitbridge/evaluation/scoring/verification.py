"""One against one: are two sequences of the same person? ROC, DET, equal error rate, and true accepts at a fixed rate of false ones.

Genuine pairs are probe and gallery sequence of one person, impostor pairs of two; pairs that the protocol bars take no part, nor do probes whose
person the gallery has not, as genuine ones. A pair is accepted where its distance is at most the threshold.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from gaitbridge.evaluation.ranking.distances import centre_of, dense
from gaitbridge.evaluation.ranking.every_mate import Matching
from gaitbridge.evaluation.ranking.in_blocks import rows_together
from gaitbridge.evaluation.ranking.places import Bars
from gaitbridge.progress import Progress, silent

RATES = (1e-1, 1e-2, 1e-3, 1e-4)
BINS = 1 << 20  # of the distances between nothing and the largest possible one
FEWEST = 10  # false accepts that a rate must stand for, or it is not given
POINTS = 400  # of a curve that is written


@dataclass(frozen=True)
class Verification:
    """Counts of accepted pairs as the threshold rises, at every distance where something changes.

    thresholds [T], rising; genuine, impostor int [T]: pairs accepted. `resolution`: two distances nearer than this may count as one.
    """

    thresholds: np.ndarray
    genuine: np.ndarray
    impostor: np.ndarray
    resolution: float

    @property
    def pairs(self) -> tuple[int, int]:
        """How many genuine and impostor pairs there are."""
        return (int(self.genuine[-1]), int(self.impostor[-1])) if len(self.thresholds) else (0, 0)

    def rates(self) -> tuple[np.ndarray, np.ndarray]:
        """float64 [T + 1] each: false accepts and true accepts as shares, from nothing accepted to everything."""
        genuine, impostor = self.pairs
        return np.concatenate([[0.0], self.impostor / max(impostor, 1)]), np.concatenate([[0.0], self.genuine / max(genuine, 1)])

    def equal_error(self) -> float:
        """Where the share of impostors accepted is that of genuine pairs refused, on the straight line between two thresholds; NaN without either."""
        if not all(self.pairs):
            return math.nan
        accepted, right = self.rates()
        difference = accepted - (1.0 - right)  # rises from -1 to 1
        after = int(np.argmax(difference >= 0))
        before = max(after - 1, 0)
        step = difference[after] - difference[before]
        share = 0.0 if step == 0 else -difference[before] / step
        return float(accepted[before] + share * (accepted[after] - accepted[before]))

    def true_accepts(self, rate: float) -> float:
        """The largest share of genuine pairs accepted with at most `rate` of the impostor pairs; NaN where they are too few to tell."""
        genuine, impostor = self.pairs
        if not genuine or impostor * rate < FEWEST * (1 - 1e-9):
            return math.nan
        accepted, right = self.rates()
        return float(right[np.flatnonzero(accepted <= rate * (1 + 1e-12))[-1]])

    def document(self) -> dict[str, Any]:
        """As plain JSON: equal error rate and true accepts in %, the counts, and a curve of some hundred points."""
        accepted, right = self.rates()
        chosen = np.unique(np.concatenate([_spread(accepted), _spread(right)]))
        tar = {f"TAR@FAR={rate:g}": _percent(self.true_accepts(rate)) for rate in RATES}
        return {
            "EER": _percent(self.equal_error()),
            **tar,
            "genuine_pairs": self.pairs[0],
            "impostor_pairs": self.pairs[1],
            "curve": {"false_accepts": (100 * accepted[chosen]).tolist(), "true_accepts": (100 * right[chosen]).tolist()},
        }


def _spread(values: np.ndarray) -> np.ndarray:
    """Places of rising values that cover their range and, where they are small, its decades."""
    targets = np.concatenate([np.linspace(0, 1, POINTS // 4), np.logspace(-6, 0, POINTS // 4)])
    return np.minimum(np.searchsorted(values, targets, "left"), len(values) - 1)


def _percent(share: float) -> float | None:
    return None if math.isnan(share) else 100.0 * share


def verify(pair: Matching, barred: Bars, progress: Progress = silent) -> Verification:
    """Count the pairs of two sides by distance, in blocks of probes and 2^20 steps of distance."""
    top = largest(pair)
    return of_counts(counted(pair, barred, top, progress), top)


def counted(pair: Matching, barred: Bars, top: float, progress: Progress = silent) -> np.ndarray:
    """int64 [2, BINS + 1]: impostor and genuine pairs by their step of distance. top: as `largest` gives it."""
    centre = centre_of(pair.gallery, pair.kind)
    counts = np.zeros((2, BINS + 1), np.int64)  # impostor, genuine
    height = rows_together(len(pair.gallery))
    for start in range(0, len(pair.probes), height):
        some = slice(start, min(start + height, len(pair.probes)))
        distances, _ = dense(pair.probes.take(some), pair.gallery, centre, pair.kind)
        _count(counts, distances, top, pair.probe_people[some, None] == pair.gallery_people[None, :],
               None if barred is None else barred[0][some, None] != barred[1][None, :])
        progress(some.stop, len(pair.probes), "")
    return counts


def verify_distances(distances: np.ndarray, genuine: np.ndarray, allowed: np.ndarray | None = None) -> Verification:
    """As `verify`, of a matrix of distances [N, M] (after re-ranking); genuine, allowed: bool [N, M]."""
    counts, top = np.zeros((2, BINS + 1), np.int64), float(distances.max(initial=0.0))
    _count(counts, distances.astype(np.float64), top, genuine, allowed)
    return of_counts(counts, top)


def _count(counts: np.ndarray, distances: np.ndarray, top: float, genuine: np.ndarray, allowed: np.ndarray | None) -> None:
    steps = np.clip(np.ceil(distances * (BINS / max(top, np.finfo(float).tiny))), 0, BINS).astype(np.int64)
    for number, chosen in enumerate((~genuine, genuine)):
        of = steps[chosen if allowed is None else chosen & allowed]
        counts[number] += np.bincount(of, minlength=BINS + 1)


def of_counts(counts: np.ndarray, top: float) -> Verification:
    """What the counts of `counted` tell."""
    used = np.flatnonzero(counts.any(0))
    impostor, genuine = np.cumsum(counts[:, used], axis=1)
    return Verification(used * (top / BINS), genuine, impostor, top / BINS)


def largest(pair: Matching) -> float:
    """A distance that none exceeds, near the largest one there is."""
    centre = centre_of(pair.gallery, pair.kind)
    if pair.kind == "cosine":
        return 2.0
    reach = []
    for side in (pair.probes, pair.gallery):
        lengths = [np.sqrt(np.square(side.take(slice(start, start + 1024)) - centre).sum(1)).mean(1).max() for start in range(0, len(side), 1024)]
        reach.append(float(max(lengths, default=0.0)))
    return 1.001 * sum(reach)
