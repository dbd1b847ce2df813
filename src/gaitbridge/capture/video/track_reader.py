"""Pictures one at a time to tracks as they end: find, follow, judge. For a film and for a stream that never ends: what has ended is let go of."""

import math
from typing import Any

import numpy as np

from gaitbridge.capture.video import gates
from gaitbridge.capture.video.camera import Camera
from gaitbridge.capture.video.decode import Picture
from gaitbridge.capture.video.finders import Finder
from gaitbridge.capture.video.follow import Followed, Follower
from gaitbridge.capture.video.pose import pose_arrays
from gaitbridge.capture.video.settings import Settings
from gaitbridge.capture.video.view import view_of_walk

KEPT = ("frame", "time_s", "box", "window", "area", "silhouette")


MOST_HZ = 30.0  # a finder that looks at each person looks so often: pictures between are left out


class TrackReader:
    """Takes the pictures of one camera in order of time.

    longest_s: a track that goes on for so long is given in pieces of that length, of one `number` and of counting `piece`, so that memory is
    bounded. `frames`: pictures looked at so far; `changed`: those that had changed as a whole; `moved`: in which the camera moved; `cuts`:
    where another scene began, and with it a part; `people`: tracks so far.
    """

    def __init__(self, finder: Finder, settings: Settings, longest_s: float = math.inf) -> None:
        self.finder, self.settings = finder, settings
        self.follower = Follower(settings.size, settings.gap_s, apart=finder.apart, longest_s=longest_s)
        self.camera = Camera()
        self.frames = self.changed = self.moved = self.cuts = self.part = 0
        self._size, self._shape = (1, 1), (1, 1)
        self._before = (0, -math.inf)  # part and time of the newest picture that was looked at

    @property
    def people(self) -> int:
        """Tracks so far."""
        return self.follower.tracker.count

    def take(self, picture: Picture, size: tuple[int, int]) -> list[dict[str, Any]]:
        """One picture, of a film whose own size is height, width; returns the tracks that have ended.

        A track: number, piece, part of the recording, frame [T], time_s [T] of the film's clock, box [T, 4] and window [T, 4] in the film's own
        pixels (centres are whole numbers), area [T], silhouette [T, h, w], reason [T] (the gate that a frame failed), runs (places [R] of each
        good run) and views (degrees, of each run); where the learnt model looked also landmarks, landmarks_m and presence as in the store.
        """
        if self.finder.apart and picture.part == self._before[0] and 0 <= picture.time_s - self._before[1] < 0.75 / MOST_HZ:
            return []
        self._before = picture.part, picture.time_s
        self.camera.take(picture.pixels, picture.time_s)
        self.cuts += self.camera.cut and self.finder.moves
        self.part = picture.part + self.cuts
        self.frames += 1
        ended = self._judged(self.follower.begin(self.part, picture.time_s))
        self._size, self._shape = size, picture.pixels.shape[:2]
        self.moved += self.camera.moves
        found = self.finder.people(picture, self.follower.expected(picture.time_s, self.camera.steady), self.camera)
        if found is None:
            self.changed += 1
        else:
            self.follower.take(picture.number, picture.time_s, found, self._shape, self.camera.steady)
        return ended

    def finish(self) -> list[dict[str, Any]]:
        """The tracks that had not ended: no picture follows."""
        return self._judged(self.follower.finish())

    def _judged(self, ended: list[Followed]) -> list[dict[str, Any]]:
        scale = np.array([*self._size, *self._size]) / np.array([*self._shape, *self._shape])
        return [self._track(followed, scale) for followed in ended]

    def _track(self, followed: Followed, scale: np.ndarray) -> dict[str, Any]:
        arrays = followed.arrays()
        native = arrays | {"box": arrays["box"] * scale - 0.5, "window": (arrays["window"] + 0.5) * scale - 0.5,
                           "place": arrays["place"] * scale[:2]}
        judged = gates.judge(native, self.settings)
        still = native["box"] - np.tile(native["place"], 2)  # as a camera sees them that does not move
        views = [view_of_walk(still[run], self._size, self.settings.fov_deg) for run in judged.runs]
        about = {"number": followed.number, "piece": followed.piece, "part": followed.part}
        poses = followed.poses()
        posed = pose_arrays(poses, scale[:2]) if any(poses) else {}
        return {name: native[name] for name in KEPT} | posed | about | {"reason": judged.reason, "runs": judged.runs, "views": views}
