"""The ladder: how far sensors part in the hands of baselines, each step beside what real data gave and the range aimed at.

Real: SUSTech1K, rank-1 at other views. The four directions and what training does from the published logs of UniCrossGait (one network, identity
losses and an alignment; which of the two directions across is which follows from umbrellas: a probe of the LiDAR suffers from them), outline and
interior from the paper of LidarGait (one encoder each).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gaitbridge.data.protocols import Protocol
from gaitbridge.evaluation.scoring.bootstrap import interval, people_times
from gaitbridge.evaluation.scoring.measures import measures
from gaitbridge.evaluation.scoring.rows import sides_of
from gaitbridge.run_documents import Seen
from gaitbridge.store import Store

END = 1.0  # of the steps
ONE, CAMERA_OUTLINE, LIDAR_OUTLINE, LIDAR_DEPTH = "one-network", "camera-outline", "lidar-outline", "lidar-depth"  # the arms
CC, LL, CL, LC = ("camera", "camera"), ("lidar", "lidar"), ("camera", "lidar"), ("lidar", "camera")  # (probe, gallery)
BEFORE_DROP, BEFORE_END = 0.6, 0.9  # of the steps: the last before the learning rate falls; a tenth before the end, when it has fallen
REAL = {  # rank-1 in % by direction and condition
    CC: {"normal": 73.4, "bag": 70.3, "clothing": 37.4, "carrying": 66.6, "umbrella": 67.2, "uniform": 67.4, "occlusion": 75.5, "night": 19.2,
         "all": 67.6},
    LL: {"normal": 91.1, "bag": 87.2, "clothing": 67.6, "carrying": 86.1, "umbrella": 66.1, "uniform": 79.6, "occlusion": 92.2, "night": 87.5,
         "all": 84.5},
    LC: {"normal": 65.7, "bag": 60.6, "clothing": 33.2, "carrying": 56.1, "umbrella": 41.1, "uniform": 54.2, "occlusion": 69.6, "night": 10.0,
         "all": 56.1},
    CL: {"normal": 70.2, "bag": 61.8, "clothing": 36.6, "carrying": 57.1, "umbrella": 61.8, "uniform": 64.3, "occlusion": 72.5, "night": 9.2,
         "all": 59.7},
}  # fmt: skip
REAL_ALONE = {CAMERA_OUTLINE: 76.1, LIDAR_OUTLINE: 64.7, LIDAR_DEPTH: 86.8}  # rank-1 in %, one encoder each


class Asked(NamedTuple):
    """Which rank-1: of which arm, direction and condition, after which share of the steps."""

    arm: str
    direction: tuple[str, str]
    condition: str = "all"
    look: float = END


class Values:
    """Rank-1 of probes summed by person, of one seed or of several at once: as a number and as it would be with other people.

    hits: by what is asked float64 [people, 2], each person's probes that were right and all of them; seen: of each seed.
    """

    def __init__(self, hits: Mapping[Asked, np.ndarray], seen: Iterable[Seen] = (), seed: int = 0) -> None:
        self.hits, self.seen = hits, list(seen)
        people = len(next(iter(hits.values()))) if hits else 0
        self.times = np.vstack([np.ones((1, people)), people_times(people, seed)]) if people else np.ones((1, 0))

    def rank1(self, asked: Asked) -> np.ndarray:
        """float64 [1 + draws] in %: the value, then bootstrap draws over people, the same draws for all. KeyError where it was not measured."""
        right, all_ = self.hits[asked].T
        return 100.0 * (self.times @ right) / np.where((total := self.times @ all_) > 0, total, np.nan)

    def of_seen(self, quantity: Callable[[Seen], float]) -> np.ndarray:
        """A number of each seed's training people: their mean, as [1]. KeyError where it was not measured."""
        if not self.seen:
            raise KeyError("seen")
        return np.asarray([np.mean([quantity(one) for one in self.seen])])


@dataclass(frozen=True)
class Check:
    """One step of the ladder. real: what real data gave, None where only in words; low, high: the aim, None where it is open."""

    group: str
    name: str
    unit: str
    real: float | None
    low: float | None
    high: float | None
    of: Callable[[Values], np.ndarray]


@dataclass(frozen=True)
class LadderRow:
    """One step as measured: value, its 95 % interval over people (None where it has none), each seed's own value. met: None where not measured;
    off: by how much the value is outside the aim, 0 inside."""

    group: str
    name: str
    unit: str
    real: float | None
    aim_low: float | None
    aim_high: float | None
    value: float | None
    low: float | None
    high: float | None
    seeds: tuple[float, ...]
    met: bool | None
    off: float | None


def _across(direction: tuple[str, str]) -> Callable[[Values], np.ndarray]:
    def of(values: Values) -> np.ndarray:
        weaker = np.minimum(values.rank1(Asked(ONE, CC)), values.rank1(Asked(ONE, LL)))
        return values.rank1(Asked(ONE, direction)) - weaker

    return of


def _alone(better: str, direction: tuple[str, str], worse: str, other: tuple[str, str]) -> Callable[[Values], np.ndarray]:
    return lambda values: values.rank1(Asked(better, direction)) - values.rank1(Asked(worse, other))


def _ratio(direction: tuple[str, str], condition: str) -> Callable[[Values], np.ndarray]:
    def of(values: Values) -> np.ndarray:
        normal = values.rank1(Asked(ONE, direction, "normal"))
        return values.rank1(Asked(ONE, direction, condition)) / np.where(normal > 0, normal, np.nan)

    return of


def _gained(look: float) -> Callable[[Values], np.ndarray]:
    """Across, the mean of both directions: the end less the look."""

    def of(values: Values) -> np.ndarray:
        gains = [values.rank1(Asked(ONE, pair)) - values.rank1(Asked(ONE, pair, "all", look)) for pair in (CL, LC)]
        return (gains[0] + gains[1]) / 2

    return of


NAMES = {CC: "camera-camera", LL: "LiDAR-LiDAR", CL: "camera probe, LiDAR gallery", LC: "LiDAR probe, camera gallery"}
_RATIOS = (
    (CC, 0.20, {"bag": 0.96, "clothing": 0.51, "carrying": 0.91, "umbrella": 0.92, "uniform": 0.92, "occlusion": 1.03, "night": 0.26}),
    (LL, 0.20, {"bag": 0.96, "clothing": 0.74, "carrying": 0.95, "umbrella": 0.73, "uniform": 0.87, "occlusion": 1.01, "night": 0.96}),
    (LC, 0.25, {"bag": 0.92, "clothing": 0.51, "umbrella": 0.63, "night": 0.15}),
    (CL, 0.25, {"bag": 0.88, "clothing": 0.52, "umbrella": 0.88, "night": 0.13}),
)
CHECKS = (
    *(Check("one network, all conditions", f"{NAMES[pair]}: less the weaker sensor alone", "points", real, -14.0, -3.0, _across(pair))
      for pair, real in ((LC, -11.5), (CL, -7.9))),
    Check("one encoder each", "LiDAR outline less camera outline", "points", -11.4, -18.0, -4.0, _alone(LIDAR_OUTLINE, LL, CAMERA_OUTLINE, CC)),
    Check("one encoder each", "LiDAR depth less LiDAR outline", "points", 22.1, 10.0, 30.0, _alone(LIDAR_DEPTH, LL, LIDAR_OUTLINE, LL)),
    *(Check(f"{NAMES[pair]}, over normal", condition, "ratio", real, max(0.0, real - within), real + within, _ratio(pair, condition))
      for pair, within, found in _RATIOS for condition, real in found.items()),
    Check("learning", "training triplets across the sensors within the margin", "%", 0.02, None, 1.0,
          lambda values: values.of_seen(lambda seen: 100.0 * seen["violating"] / max(seen["triplets"], 1))),
    Check("learning", "rank-1 across of people not met, less that of training people", "points", None, None, -20.0,
          lambda values: values.of_seen(lambda seen: seen["unseen"]["rank1"] - seen["seen"]["rank1"])),
    Check("learning", "across: the end less before the learning rate's drop", "points", 9.0, 3.0, None, _gained(BEFORE_DROP)),
    Check("learning", "across: the end less a tenth of the steps before it (flat)", "points", 0.0, -2.0, 2.0, _gained(BEFORE_END)),
)  # fmt: skip


def hits_of(folder: Path, store: Store, protocol: Protocol, people: list[str]) -> dict[tuple[tuple[str, str], str], np.ndarray]:
    """By direction and condition float64 [people, 2]: of each of `people` the probes whose nearest, at other views, is theirs, and all probes.

    UserError as `sides_of`.
    """
    found = {}
    place = {name: number for number, name in enumerate(people)}
    for side in sides_of(folder, store, protocol):
        side.rank_all()
        (measure,) = [one for one in measures(side, protocol.modes[0]) if one.name == "rank-1"]
        owner = np.asarray([place[str(name)] for name in side.people])
        for condition, among in side.conditions.items():
            counted = measure.known(among)
            right = np.bincount(owner[counted], measure.values[counted, 0], len(people))
            found[(side.probe_modality, side.gallery_modality), condition] = np.stack([right, np.bincount(owner[counted], minlength=len(people))], 1)
    return found


def ladder_rows(hits: Mapping[int, Mapping[Asked, np.ndarray]], seen: Mapping[int, Seen]) -> list[LadderRow]:
    """All steps, of hits by seed and what each seed made of its training people."""
    asked = {key for own in hits.values() for key in own}
    together = {key: np.sum([own[key] for own in hits.values() if key in own], axis=0) for key in asked}
    everyone = Values(together, seen.values())
    alone = [Values(own, [seen[seed]] if seed in seen else []) for seed, own in hits.items()]
    return [_row(check, everyone, alone) for check in CHECKS]


def _row(check: Check, everyone: Values, alone: Iterable[Values]) -> LadderRow:
    (value, *draws), own = _measured(check, everyone), [_measured(check, one)[0] for one in alone]
    low, high = interval(np.asarray(draws)) if draws else (math.nan, math.nan)
    off = None
    if not math.isnan(value):
        off = max(0.0, value - check.high if check.high is not None else 0.0, check.low - value if check.low is not None else 0.0)
    return LadderRow(
        check.group, check.name, check.unit, check.real, check.low, check.high, _known(value), _known(low), _known(high),
        tuple(float(one) for one in own if not math.isnan(one)), None if off is None else bool(off == 0.0), off,
    )  # fmt: skip


def _measured(check: Check, values: Values) -> np.ndarray:
    try:
        return check.of(values)
    except KeyError:  # an arm, a condition or a look that is not there
        return np.asarray([math.nan])


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
