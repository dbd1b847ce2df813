"""People followed through a video: each detection to a track, blobs of several people to none, silhouettes aligned on the way."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gaitbridge.capture.tracking import Track, Tracker, iou_cost
from gaitbridge.capture.video.finders import Expected
from gaitbridge.capture.video.people import Person
from gaitbridge.capture.video.pose import Pose
from gaitbridge.geometry.silhouette import align

FARTHEST = 0.75  # cost of the dearest pair: a quarter of the boxes' union in common
HERE = np.zeros(2)
GROWN_UP = 4  # frames after which a track counts as somebody who can merge with others


@dataclass
class Seen:
    """One person in one frame: what is kept of them. Boxes top, left, bottom, right in pixels of the working picture."""

    frame: int
    time_s: float
    box: np.ndarray  # [4] half-open bounds of the mask
    window: np.ndarray  # [4] of the silhouette
    area: int
    silhouette: np.ndarray  # uint8 [h, w]
    border: bool  # touches the picture's border
    merged: bool  # more than one person, or partly hidden by another
    place: np.ndarray  # [2] of the scene in the picture, see `Camera`
    pose: Pose | None = None


@dataclass
class Followed:
    """One track, or a piece of a long one, in order of time. part: of the recording."""

    number: int
    piece: int = 0
    part: int = 0
    seen: list[Seen] = field(default_factory=list)

    def arrays(self) -> dict[str, np.ndarray]:
        """Its frames as arrays by name, first axis time."""
        names = ("frame", "time_s", "box", "window", "area", "silhouette", "border", "merged", "place")
        return {name: np.array([getattr(one, name) for one in self.seen]) for name in names}

    def poses(self) -> list[Pose | None]:
        """Of its frames, in the working picture."""
        return [one.pose for one in self.seen]


def widened(boxes: np.ndarray) -> np.ndarray:
    """Boxes at least 0.6 times as wide as high: a leg more or less matters little, and slow cameras find their people again."""
    middle = (boxes[:, 1] + boxes[:, 3]) / 2
    half = np.maximum(boxes[:, 3] - boxes[:, 1], 0.6 * (boxes[:, 2] - boxes[:, 0])) / 2
    return np.stack([boxes[:, 0], middle - half, boxes[:, 2], middle + half], axis=1)


def body_cost(predicted: np.ndarray, detected: np.ndarray) -> np.ndarray:
    """`iou_cost` of widened boxes [N, 4], [M, 4], infinite where one is half as high again as the other: [N, M]."""
    heights = [np.maximum(boxes[:, 2] - boxes[:, 0], 1.0) for boxes in (predicted, detected)]
    apart = np.abs(np.log(heights[0][:, None] / heights[1][None]))
    return np.where(apart < np.log(1.5), iou_cost(widened(predicted), widened(detected)), np.inf)


class Follower:
    """Takes the people of each frame in order of time. apart: whether each of them is one person; longest_s: see `TrackReader`."""

    def __init__(self, size: tuple[int, int], gap_s: float, apart: bool = False, longest_s: float = math.inf) -> None:
        self.size, self.apart, self.longest_s = size, apart, longest_s
        self.tracker = Tracker(body_cost, FARTHEST, gap_s)
        self.found: dict[int, Followed] = {}  # of live tracks
        self.last: dict[int, Person] = {}  # how each was seen last, alone
        self.part = 0

    def begin(self, part: int, time_s: float) -> list[Followed]:
        """What follows is of a part of the recording, and of a time; returns what has ended. In another part nobody goes on."""
        if part != self.part:
            self.tracker.cut()
        self.part = part
        self.tracker.expire(time_s)
        return self._ended()

    def finish(self) -> list[Followed]:
        """Nothing follows; returns what had not ended."""
        self.tracker.cut()
        return self._ended()

    def _ended(self) -> list[Followed]:
        """What has ended or grown long: it is let go of."""
        live = {track.number for track in self.tracker.live}
        ended = [self.found.pop(number) for number in sorted(self.found) if number not in live]
        self.last = {number: person for number, person in self.last.items() if number in live}
        for number, followed in self.found.items():
            if followed.seen and followed.seen[-1].time_s - followed.seen[0].time_s >= self.longest_s:
                ended.append(followed)
                self.found[number] = Followed(number, followed.piece + 1, followed.part)
        self.tracker.forget()
        return [followed for followed in ended if followed.seen]

    def expected(self, time_s: float, place: np.ndarray = HERE) -> list[Expected]:
        """Everybody who is followed, in a picture in which the scene is at `place` (see `Camera`)."""
        found = []
        for track in self.tracker.live:
            passed, step = time_s - track.times_s[-1], self._step(track)
            box = self.tracker.predicted(track, time_s) + np.tile(place, 2)
            found.append(Expected(track.number, box, self.last[track.number], 0.0 if passed < 2.5 * step else passed, self._established(track)))
        return found

    def take(self, frame: int, time_s: float, people: list[Person], shape: tuple[int, ...], place: np.ndarray = HERE) -> None:
        """One frame's people, found in a picture of `shape` in which the scene is at `place`."""
        merged = {} if self.apart else self._merged(time_s, people)
        alone = [person for k, person in enumerate(people) if k not in merged]
        states = np.array([person.box for person in alone], float).reshape(-1, 4) - np.tile(place, 2)
        if self.apart:
            live = {track.number: track for track in self.tracker.live}
            tracks = [self.tracker.give(None if person.number is None else live[person.number], frame, time_s, k, states[k])
                      for k, person in enumerate(alone)]
        else:
            tracks = self.tracker.step(frame, time_s, states)
        for person, track in zip(alone, tracks, strict=True):
            self._keep(track.number, frame, time_s, person, shape, person.hidden, place)
            self.last[track.number] = person
        for k, numbers in merged.items():
            for number in numbers:  # that they were there, for the preview and the counts
                self._keep(number, frame, time_s, people[k], shape, True, place)

    def _keep(self, number: int, frame: int, time_s: float, person: Person, shape: tuple[int, ...], merged: bool, place: np.ndarray) -> None:
        silhouette, window = align(person.mask, self.size)
        top, left, bottom, right = person.box
        window = window + np.array([top, left, top, left])
        border = bool(top <= 1 or left <= 1 or bottom >= shape[0] - 1 or right >= shape[1] - 1)
        pose = None if merged else person.pose
        seen = Seen(frame, time_s, np.asarray(person.box, float), window, person.area, silhouette, border, merged, place.copy(), pose)
        self.found.setdefault(number, Followed(number, part=self.part)).seen.append(seen)

    def _established(self, track: Track) -> bool:
        return len(track) >= GROWN_UP

    def _step(self, track: Track) -> float:
        return track.times_s[-1] - track.times_s[-2] if len(track) > 1 else 0.0

    def _merged(self, time_s: float, people: list[Person]) -> dict[int, list[int]]:
        """Detections that hold more than one track, by place, and the tracks' numbers.

        A track is in the detection that covers most of its expected box, and at least half; where that detection is like the expected
        box of one of its tracks and the others have just gone missing, they are hidden, which looks the same from here.
        """
        live = [track for track in self.tracker.live if self._established(track) and time_s - track.times_s[-1] <= self.tracker.gap_s]
        if len(live) < 2 or not people:
            return {}
        inside: dict[int, list[Any]] = {}
        for track in live:
            box = self.tracker.predicted(track, time_s)
            shares = [_share(box, person) for person in people]
            best = int(np.argmax(shares))
            if shares[best] >= 0.5:
                inside.setdefault(best, []).append(track)
        return {k: [track.number for track in tracks] for k, tracks in inside.items() if len(tracks) > 1}


def _share(box: np.ndarray, person: Person) -> float:
    """How much of an expected box lies in a detection's box."""
    common = np.clip(np.minimum(box[2:], person.box[2:]) - np.maximum(box[:2], person.box[:2]), 0.0, None)
    return float(common.prod() / max((box[2:] - box[:2]).prod(), 1e-9))
