"""People before a static camera: what differs from the scene without them.

Two passes: the model learns first from pictures spread over the whole recording, in random order, so that nobody who stands there at the start
becomes the scene; then it follows the light slowly.
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
CHANGED = 0.4  # of the picture: then it is the light or the camera, not people


class Background:
    """The model: `learn` once, then `mask` for each picture in turn."""

    def __init__(self, kind: str, memory_s: float) -> None:
        cv2.setNumThreads(1)
        self.model: cv2.BackgroundSubtractor
        if kind == "mog2":
            self.model = cv2.createBackgroundSubtractorMOG2(500, 16.0, True)
            self.model.setBackgroundRatio(SCENE)
        elif kind == "knn":
            self.model = cv2.createBackgroundSubtractorKNN(500, 400.0, True)
        else:
            raise UserError(f"unknown background model {kind!r}: mog2 or knn")
        self.memory_s = memory_s
        self.last_s: float | None = None

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
        order = stream(0, "capture", "background")
        for round_ in range(2):
            for count, number in enumerate(order.permutation(len(kept)), 1):
                self.model.apply(kept[number], learningRate=1.0 / (count + round_ * len(kept)))
        return seen

    def mask(self, picture: Picture) -> np.ndarray | None:
        """Foreground without shadows, uint8 [H, W] of 0 and 255; None where nearly all has changed."""
        passed = 0.0 if self.last_s is None else min(picture.time_s - self.last_s, 1.0)
        self.last_s = picture.time_s
        found = self.model.apply(picture.pixels, learningRate=passed / self.memory_s)
        mask = np.where(found == FOREGROUND, np.uint8(255), np.uint8(0))
        return None if mask.mean() > 255 * CHANGED else mask
