"""What may be a person: a cluster by its size, a track by its size and its way."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from gaitbridge.config import Count, judged

Metres = Annotated[float, Field(ge=0, le=1000)]
Speed = Annotated[float, Field(ge=0, le=1000)]  # metres a second
Crowd = Annotated[float, Field(ge=0, le=1e6)]


@dataclass(frozen=True)
class Gates:
    """Limits in metres, points, metres a second and frames. A cluster passes by its own size, loosely; a track by its medians and its walk."""

    nearest_m: Metres = 1.0
    farthest_m: Metres = 40.0
    least_points: Count = 20
    shortest_m: Metres = 1.0  # a child of five
    tallest_m: Metres = 2.2
    highest_foot_m: Metres = 0.6  # legs behind a bench or a low wall
    thinnest_m: Metres = 0.2  # posts and rods are thinner
    widest_m: Metres = 1.4  # a long stride, arms swinging
    deepest_m: Metres = 1.1  # across the widest
    slowest_mps: Speed = 0.4
    fastest_mps: Speed = 3.0  # faster is cycling, driving or running
    least_frames: Count = 10
    crowded: Crowd = 0.5  # points close around a person over those of the person: people stand free, leaves and pieces of walls do not
    sure_m: Metres = 1.5  # who has walked so far needs not stand free

    def __post_init__(self) -> None:
        judged(self)


@dataclass(frozen=True)
class Size:
    """A cluster's size: centre [2] of its extent on the ground; its highest and lowest point above the ground; its extent along its longest
    horizontal axis, and across."""

    centre: np.ndarray
    top_m: float
    foot_m: float
    wide_m: float
    deep_m: float
    points: int
    crowd: float = 0.0  # points that stand close around, over those of the cluster


def size_of(points: np.ndarray, height_m: np.ndarray) -> Size:
    """The size of the points [P, 3] of one cluster, levelled, with heights [P] above the ground."""
    middle = points[:, :2].mean(0)
    flat = points[:, :2] - middle
    _, axes = np.linalg.eigh(flat.T @ flat)
    along, across = flat @ axes[:, 1], flat @ axes[:, 0]
    ends = np.array([[across.min(), across.max()], [along.min(), along.max()]])
    centre = middle + axes @ ends.mean(1)
    deep, wide = np.ptp(ends, axis=1)
    return Size(centre, float(height_m.max()), float(height_m.min()), float(max(wide, deep)), float(min(wide, deep)), len(points))


def crowd(points: np.ndarray, around: np.ndarray, margin_m: float = 0.3) -> float:
    """How many of the points `around` [Q, 3], the cluster's own left out, stand within `margin_m` of its circle, over its own points [P, 3]."""
    middle = points[:, :2].mean(0)
    reach = float(np.linalg.norm(points[:, :2] - middle, axis=1).max()) + margin_m
    return float((((around[:, :2] - middle) ** 2).sum(1) < reach**2).sum() / len(points))


def may_be_person(size: Size, gates: Gates) -> bool:
    """Whether a cluster of this size may be a person, all or most of whom is seen."""
    return (size.points >= gates.least_points and gates.shortest_m <= size.top_m <= gates.tallest_m and size.foot_m <= gates.highest_foot_m
            and gates.thinnest_m <= size.wide_m <= gates.widest_m and size.deep_m <= gates.deepest_m
            and size.top_m - size.foot_m >= size.wide_m)  # fmt: skip


def speed_mps(time_s: np.ndarray, centres: np.ndarray, over_s: float = 1.0) -> float:
    """Median speed of a track [T], [T, 2]: the distance between places `over_s` apart, or the whole way where it is shorter; 0 for one frame."""
    lasts = float(time_s[-1] - time_s[0])
    if lasts <= 0:
        return 0.0
    span = min(over_s, lasts)
    later = np.searchsorted(time_s, time_s + span * (1 - 1e-6))
    start = np.flatnonzero(later < len(time_s))
    way = np.linalg.norm(centres[later[start]] - centres[start], axis=1)
    return float(np.median(way / (time_s[later[start]] - time_s[start])))
