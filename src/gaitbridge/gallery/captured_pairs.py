"""Who is certainly two people, and who one, in recordings that nobody labelled: by when they were seen, and where.

    two people   seen in the same frames of one recording, in boxes that stand apart; or at the same time at two sites, by their clocks
    one person   the two halves of one unbroken run of frames; the only one that a camera sees and the only one that a LiDAR of the same site
                 sees, for the same time by their clocks

and from both: whoever is another than somebody, is another than what the other sensor of that site saw of that somebody.

What is left out on purpose. Two runs of one track are not taken for one person, as a track may go over to another person where two meet; and by
the same token who was seen with one run of a track is not taken for another than its other runs. Two recordings of one site at one time prove
nothing of two people: both may show the same one. Sites of different names are taken to be out of each other's sight.

Legend: N and M sightings, T frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

LEAST_TOGETHER = 5  # frames with both in view, before they count as two people
MOSTLY = 0.9  # of those frames, in which their boxes must stand apart
BODY = 0.2  # of a box's height: half the width of the body within the window of its silhouette
IN_COMMON = 0.4  # of the smaller body's box that may be in common: more is a part of the other, or its reflection found twice
CLOCKS_S = 2.0  # how far two clocks may be off
ALIKE = 0.5  # of the time that either of two sensors sees somebody, both must
HALF_S, HALF_FRAMES = 1.0, 8  # a half is at least so long: what capture takes for a walk
BETWEEN = 0.1  # of a run, left out between its halves


@dataclass(frozen=True)
class Sighting:
    """One run of frames of somebody, or a half of one. Seconds."""

    recording: str  # its hash
    part: int
    track: str
    sensor: str
    site: str  # empty: nobody knows
    time_s: np.ndarray  # [T] of its frames, from the recording's start
    clock_s: float | None = None  # of its first frame, since 1970; None: nobody knows
    boxes: np.ndarray | None = None  # [T, 4] of the silhouettes' windows, top, left, bottom, right; None of a LiDAR, which sees people apart in space
    run: int = 0  # which sequence it is, or is a half of
    half: int = 0  # 1 or 2; 0: the whole


def halves(whole: Sighting) -> list[tuple[Sighting, np.ndarray]]:
    """The two halves of a run, apart in time, with the numbers of their frames; nothing where it is too short for that."""
    passed = whole.time_s - whole.time_s[0]
    middle = passed[-1] / 2
    sides = [np.flatnonzero(passed <= middle * (1 - BETWEEN)), np.flatnonzero(passed >= middle * (1 + BETWEEN))]
    if any(len(side) < HALF_FRAMES or np.ptp(passed[side]) < HALF_S for side in sides):
        return []
    return [(replace(whole, half=number, time_s=whole.time_s[side], boxes=None if whole.boxes is None else whole.boxes[side],
                     clock_s=None if whole.clock_s is None else whole.clock_s + float(passed[side[0]])), side)
            for number, side in enumerate(sides, 1)]


def known_pairs(sightings: Sequence[Sighting]) -> tuple[np.ndarray, np.ndarray]:
    """Of N sightings: bool [N, N] who are two people for certain, and bool [N, N] who is one. Symmetric; most pairs are neither."""
    recording, site, sensor = (_numbered([getattr(one, name) for one in sightings]) for name in ("recording", "site", "sensor"))
    track = _numbered([f"{one.recording} {one.part} {one.track}" for one in sightings])
    part, half, run = (np.asarray([getattr(one, name) for one in sightings], int) for name in ("part", "half", "run"))
    whole = half == 0
    wholes = whole[:, None] & whole[None, :]
    one_recording, one_site = _equal(recording), _equal(site) & np.asarray([bool(one.site) for one in sightings])
    begin, end = (np.asarray([one.time_s[place] for one in sightings], float) for place in (0, -1))
    clock = np.asarray([np.nan if one.clock_s is None else one.clock_s for one in sightings], float)
    by_clock = _common_s(clock, clock + end - begin)

    met = wholes & one_recording & _equal(part) & ~_equal(track) & (_common_s(begin, end) >= 0)
    two = np.zeros_like(met)
    for first, second in np.argwhere(np.triu(met)).tolist():
        two[first, second] = two[second, first] = _together(sightings[first], sightings[second])
    known_sites = np.asarray([bool(one.site) for one in sightings])
    two |= wholes & ~_equal(site) & known_sites[:, None] & known_sites[None, :] & ~one_recording & (by_clock > CLOCKS_S)

    one = one_recording & _equal(run) & (half[:, None] + half[None, :] == 3)
    crowded = (wholes & one_recording & (by_clock > -CLOCKS_S) & ~np.eye(len(sightings), dtype=bool)).any(1)
    alone = whole & ~crowded & np.isfinite(clock)
    both = np.maximum.outer(clock + end - begin, clock + end - begin) - np.minimum.outer(clock, clock)
    across = alone[:, None] & alone[None, :] & one_site & ~_equal(sensor) & (by_clock >= ALIKE * both)
    beyond = (two.astype(np.float32) @ across.astype(np.float32)) > 0  # A is another than B, of whom X is the other sensor's sight
    return two | ((beyond | beyond.T) & ~across), one | across


def _numbered(values: Sequence[str]) -> np.ndarray:
    return np.unique(np.asarray(values, dtype=str), return_inverse=True)[1]


def _equal(values: np.ndarray) -> np.ndarray:
    """bool [N, N]."""
    return np.asarray(values[:, None] == values[None, :])


def _common_s(begin: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Seconds [N, N] that spans have in common; negative: what lies between them; NaN where one is unknown."""
    return np.asarray(np.minimum.outer(end, end) - np.maximum.outer(begin, begin))


def _together(first: Sighting, second: Sighting) -> bool:
    """Whether both are in view in the same frames, apart."""
    if first.time_s[0] > second.time_s[-1] or second.time_s[0] > first.time_s[-1]:
        return False
    mine, theirs = _common_frames(first.time_s, second.time_s)
    if len(mine) < LEAST_TOGETHER:
        return False
    if first.boxes is None or second.boxes is None:
        return True
    return float(_apart(first.boxes[mine], second.boxes[theirs]).mean()) >= MOSTLY


def _common_frames(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the frames that two runs have in common, of each; a LiDAR passes over people at different times of one scan."""
    step = min(float(np.median(np.diff(times))) if len(times) > 1 else np.inf for times in (first, second))
    nearest = np.clip(np.searchsorted(second, first), 1, len(second) - 1) if len(second) > 1 else np.zeros(len(first), int)
    if len(second) > 1:
        nearest = nearest - (first - second[nearest - 1] < second[nearest] - first)
    close = np.abs(second[nearest] - first) < 0.5 * step
    return np.flatnonzero(close), nearest[close]


def _apart(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Whether two bodies [T, 4] stand apart: bool [T]."""
    boxes = []
    for box in (first, second):
        box = np.asarray(box, float)
        middle, half = (box[:, 1] + box[:, 3]) / 2, BODY * (box[:, 2] - box[:, 0])
        boxes.append((box[:, 0], middle - half, box[:, 2], middle + half))
    (top, left, bottom, right), (other_top, other_left, other_bottom, other_right) = boxes
    common = (np.clip(np.minimum(bottom, other_bottom) - np.maximum(top, other_top), 0, None)
              * np.clip(np.minimum(right, other_right) - np.maximum(left, other_left), 0, None))
    smaller = np.minimum((bottom - top) * (right - left), (other_bottom - other_top) * (other_right - other_left))
    return np.asarray(common <= IN_COMMON * smaller)
