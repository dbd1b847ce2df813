"""People before a static camera: what differs from the scene without them.

Of a film, two passes: the model learns first from pictures spread over the whole recording, in random order, so that nobody who stands there at
the start becomes the scene; then it follows the light slowly. Of a stream, one: it learns from the first seconds, in which nobody is found, then
follows quickly at first, so that who left since is forgotten; where all has changed for long, a lamp or a turned camera, it learns anew.
"""

from collections.abc import Iterator

import cv2
import numpy as np

from gaitbridge.capture.video.decode import Picture
from gaitbridge.conventions import stream
from gaitbridge.errors import UserError

SAMPLES, SAMPLE_BYTES = 160, 2**28
FOREGROUND = 255  # opencv marks shadows 127
SCENE = 0.6  # of the time: what is seen so often is the scene; at opencv's 0.9 whoever stands for a tenth of the recording becomes scene
FIRST_S, FIRST_EVERY_S = 6.0, 0.15  # of a stream: from so long, a picture so often
ANEW_S = 3.0  # after all has changed for so long
CHANGED = 0.4  # of the picture: then it is the light or the camera, not people


class Background:
    """The model: `learn` once, then `mask` for each picture in turn."""

    def __init__(self, kind: str, memory_s: float) -> None:
        cv2.setNumThreads(1)
        if kind not in ("mog2", "knn"):
            raise UserError(f"unknown background model {kind!r}: mog2 or knn")
        self.kind, self.memory_s = kind, memory_s
        self.model = self._empty()
        self.last_s: float | None = None
        self.learnt = False
        self.online = True
        self.since_s = 0.0  # when learning ended
        self.first: list[tuple[float, np.ndarray]] = []
        self.changed_s: float | None = None

    def _empty(self) -> cv2.BackgroundSubtractor:
        if self.kind == "knn":
            return cv2.createBackgroundSubtractorKNN(500, 400.0, True)
        model = cv2.createBackgroundSubtractorMOG2(500, 16.0, True)
        model.setBackgroundRatio(SCENE)
        return model

    def learn(self, pictures: Iterator[Picture]) -> int:
        """Learn the empty scene from pictures spread evenly over all of them; returns how many there are in all."""
        kept: list[np.ndarray] = []
        every, seen = 1, 0
        for picture in pictures:
            if seen % every == 0:
                kept.append(picture.pixels)
                if len(kept) >= min(SAMPLES, max(24, SAMPLE_BYTES // picture.pixels.nbytes)):
                    kept, every = kept[::2], 2 * every
            seen += 1
        self._study(kept)
        self.online = False
        return seen

    def _study(self, pictures: list[np.ndarray]) -> None:
        """Twice, each in random order."""
        order = stream(0, "capture", "background")
        for round_ in range(2):
            for count, number in enumerate(order.permutation(len(pictures)), 1):
                self.model.apply(pictures[number], learningRate=1.0 / (count + round_ * len(pictures)))
        self.learnt = True

    def mask(self, picture: Picture) -> np.ndarray | None:
        """Foreground without shadows, uint8 [H, W] of 0 and 255; None where nearly all has changed, or while a stream is being learnt."""
        if not self.learnt:
            self._listen(picture)
            return None
        passed = 0.0 if self.last_s is None else max(0.0, min(picture.time_s - self.last_s, 1.0))
        self.last_s = picture.time_s
        memory_s = min(self.memory_s, max(FIRST_S, picture.time_s - self.since_s)) if self.online else self.memory_s
        found = self.model.apply(picture.pixels, learningRate=passed / memory_s)
        mask = np.where(found == FOREGROUND, np.uint8(255), np.uint8(0))
        if mask.mean() <= 255 * CHANGED:
            self.changed_s = None
            return mask
        if self.changed_s is None:
            self.changed_s = picture.time_s
        if self.online and picture.time_s - self.changed_s > ANEW_S:
            self.model, self.learnt, self.first, self.changed_s, self.last_s = self._empty(), False, [], None, None
        return None

    def _listen(self, picture: Picture) -> None:
        """One of the first pictures of a stream."""
        if self.first and (picture.time_s < self.first[-1][0] or picture.pixels.shape != self.first[0][1].shape):
            self.first = []
        if not self.first or picture.time_s - self.first[-1][0] >= FIRST_EVERY_S:
            self.first.append((picture.time_s, picture.pixels))
        if picture.time_s - self.first[0][0] >= FIRST_S:
            self._study([pixels for _, pixels in self.first])
            self.first, self.since_s = [], picture.time_s
