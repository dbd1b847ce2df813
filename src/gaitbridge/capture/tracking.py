"""Who is who from frame to frame: detections joined to tracks at the least cost, over gaps; for boxes in pictures and centroids of points alike."""

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

FEWEST = 16  # frames that a live track keeps of its past, however long ago
Cost = Callable[[np.ndarray, np.ndarray], np.ndarray]  # predicted [N, D], detected [M, D] -> cost [N, M]; infinite: never


@dataclass
class Track:
    """One object over time: its number, the frames in which it was seen, and which detection of each frame it is.

    states [D] of each frame: what the cost compares, such as a box or a centroid.
    """

    number: int
    times_s: list[float] = field(default_factory=list)
    frames: list[int] = field(default_factory=list)
    detections: list[int] = field(default_factory=list)
    states: list[np.ndarray] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.frames)


def iou_cost(predicted: np.ndarray, detected: np.ndarray) -> np.ndarray:
    """One minus the intersection over union of boxes [N, 4] and [M, 4] (top, left, bottom, right): [N, M]; 1 where they do not meet."""
    low = np.maximum(predicted[:, None, :2], detected[None, :, :2])
    high = np.minimum(predicted[:, None, 2:], detected[None, :, 2:])
    common = np.prod(np.clip(high - low, 0.0, None), axis=2)
    areas = [np.prod(np.clip(boxes[:, 2:] - boxes[:, :2], 0.0, None), axis=1) for boxes in (predicted, detected)]
    union = areas[0][:, None] + areas[1][None] - common
    return 1.0 - np.divide(common, union, out=np.zeros_like(common), where=union > 0)


def distance_cost(predicted: np.ndarray, detected: np.ndarray) -> np.ndarray:
    """Euclidean distances of points [N, D] and [M, D]: [N, M]."""
    return np.asarray(np.linalg.norm(predicted[:, None] - detected[None], axis=2))


def assign(cost: np.ndarray, most: float) -> list[tuple[int, int]]:
    """Pairs (row, column) of the assignment of least total cost [N, M] among those that cost at most `most`; as many pairs as can be.

    A pair above `most` is never made, and does not push others off their best.
    """
    from scipy.optimize import linear_sum_assignment

    if not cost.size:
        return []
    allowed = np.isfinite(cost) & (cost <= most)
    dear = 1.0 + 2.0 * max(most, 0.0) * (min(cost.shape) + 1)  # dearer than any set of allowed pairs: one more pair always pays
    rows, columns = linear_sum_assignment(np.where(allowed, cost, dear))
    return [(int(row), int(column)) for row, column in zip(rows, columns, strict=True) if allowed[row, column]]


class Tracker:
    """Gives each frame's detections to tracks: predicted at constant velocity, joined at the least total cost, kept alive over gaps.

    cost: of predicted against detected states; most: dearest pair that is joined; gap_s: a track unseen for longer has ended; memory_s: the
    time over which its velocity is taken.
    """

    def __init__(self, cost: Cost, most: float, gap_s: float, memory_s: float = 0.5) -> None:
        self.cost, self.most, self.gap_s, self.memory_s = cost, most, gap_s, memory_s
        self.live: list[Track] = []
        self.ended: list[Track] = []
        self.count = 0  # tracks so far

    def predicted(self, track: Track, time_s: float) -> np.ndarray:
        """The state [D] expected at a time, from the newest one and the velocity over the last `memory_s`."""
        newest = track.times_s[-1]
        first = next((k for k, seen in enumerate(track.times_s) if seen >= newest - self.memory_s), len(track) - 1)
        passed = newest - track.times_s[first]
        if passed <= 0:  # seen once, or several times at one time
            return track.states[-1]
        velocity = (track.states[-1] - track.states[first]) / passed
        return track.states[-1] + velocity * (time_s - newest)

    def step(self, frame: int, time_s: float, detected: np.ndarray) -> list[Track]:
        """Take the detections [M, D] of one frame, in order of time; returns the track of each of them."""
        self.expire(time_s)
        chosen: dict[int, Track] = {}
        if self.live and len(detected):
            expected = np.stack([self.predicted(track, time_s) for track in self.live])
            pairs = assign(self.cost(expected, np.asarray(detected, float)), self.most)
            chosen = {column: self.live[row] for row, column in pairs}
        return [self.give(chosen.get(number), frame, time_s, number, state) for number, state in enumerate(detected)]

    def give(self, track: Track | None, frame: int, time_s: float, detection: int, state: np.ndarray) -> Track:
        """One detection to a live track, or to a new one; returns the track."""
        if track is None:
            track = Track(self.count)
            self.count += 1
            self.live.append(track)
        track.times_s.append(time_s)
        track.frames.append(frame)
        track.detections.append(detection)
        track.states.append(np.asarray(state, float))
        return track

    def expire(self, time_s: float) -> None:
        """End the tracks that were not seen for longer than `gap_s` before a time."""
        self.ended += [track for track in self.live if time_s - track.times_s[-1] > self.gap_s]
        self.live = [track for track in self.live if time_s - track.times_s[-1] <= self.gap_s]

    def forget(self) -> None:
        """Let go of the tracks that have ended, and of the past of the others from which nothing is predicted: memory stays bounded."""
        self.ended = []
        for track in self.live:
            old = min(bisect_left(track.times_s, track.times_s[-1] - self.memory_s), len(track) - FEWEST)
            if old > 0:
                for past in (track.times_s, track.frames, track.detections, track.states):
                    del past[:old]

    def cut(self) -> None:
        """End all tracks: what follows is of another part of the recording."""
        self.ended += self.live
        self.live = []

    def tracks(self) -> list[Track]:
        """All tracks so far, by number."""
        return sorted(self.ended + self.live, key=lambda track: track.number)
