"""Where to look for people who are not followed yet: what moves before the scene, and windows over the whole picture, a few at a time."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from gaitbridge.capture.video.camera import Camera
from gaitbridge.conventions import stream

AGO_S, KEPT = 0.3, 24  # the picture to compare with; the most that are kept
LEAST = 14  # of 255: so much must a pixel have changed
TALLER = 1.6  # from one size of windows to the next
BODIES = 2.0  # body heights, the side of a window


@dataclass(frozen=True)
class Past:
    """A small picture, where the scene was in it, and what was explained in it: bool [h, w], people who are followed."""

    time_s: float
    small: np.ndarray
    place: np.ndarray
    explained: np.ndarray


class Moving:
    """What has moved before the scene within the last third of a second, also where the camera moves."""

    def __init__(self) -> None:
        self.past: deque[Past] = deque(maxlen=KEPT)

    def boxes(
        self, camera: Camera, time_s: float, people: Sequence[tuple[np.ndarray, np.ndarray]], least_height: float, wanted: bool = True
    ) -> np.ndarray:
        """Boxes [N, 4] in the picture's pixels of what moves and is none of the people (boxes and masks), the largest first.

        wanted: otherwise there are none, and the picture is only kept for later ones.
        """
        small = camera.small
        assert small is not None
        keep = not self.past or time_s - self.past[-1].time_s >= AGO_S / 6 or time_s < self.past[-1].time_s
        if not wanted and not keep:
            return np.zeros((0, 4))
        blurred = cv2.GaussianBlur(small, (3, 3), 0)
        explained = self._explained(people, camera.scale, small.shape)
        before = next((past for past in reversed(self.past) if past.time_s <= time_s - AGO_S + 1e-6), self.past[0] if self.past else None)
        if keep:
            self.past.append(Past(time_s, blurred, camera.place.copy(), explained))
        if not wanted or before is None or before.small.shape != small.shape or camera.lost:
            return np.zeros((0, 4))
        shift = (camera.place - before.place) / camera.scale
        matrix = np.array([[1.0, 0.0, shift[1]], [0.0, 1.0, shift[0]]])
        size = (small.shape[1], small.shape[0])
        then = cv2.warpAffine(before.small, matrix, size, borderMode=cv2.BORDER_REPLICATE)
        known = cv2.warpAffine(before.explained.astype(np.uint8), matrix, size) > 0
        apart = cv2.absdiff(blurred, then)
        moved = (apart > max(LEAST, 4.0 * _median(apart))) & ~explained & ~known
        edge = np.ceil(np.abs(shift)).astype(int) + 2  # what came into the picture
        moved[: edge[0]] = moved[-edge[0] :] = False
        moved[:, : edge[1]] = moved[:, -edge[1] :] = False
        closed = cv2.morphologyEx(moved.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((7, 3), np.uint8))
        _, _, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
        stats = stats[1:][stats[1:, cv2.CC_STAT_AREA] >= max(4.0, 0.03 * (least_height / camera.scale) ** 2)]
        stats = stats[np.argsort(-stats[:, cv2.CC_STAT_AREA])].astype(float)
        corner = stats[:, [1, 0]]
        return np.concatenate([corner, corner + stats[:, [3, 2]]], axis=1) * camera.scale

    @staticmethod
    def _explained(people: Sequence[tuple[np.ndarray, np.ndarray]], scale: float, shape: tuple[int, ...]) -> np.ndarray:
        """The people's masks and a little about them, on the small picture's grid."""
        found = np.zeros(shape, bool)
        for box, mask in people:
            top, left = np.floor(box[:2] / scale).astype(int)
            high, wide = np.maximum(np.ceil((box[2:] - box[:2]) / scale).astype(int), 1)
            shown = cv2.resize(mask.astype(np.uint8), (int(wide), int(high)), interpolation=cv2.INTER_NEAREST)
            margin = max(2, round(0.08 * high))
            shown = cv2.dilate(np.pad(shown, margin), np.ones((2 * margin + 1, 2 * margin + 1), np.uint8))
            top, left = top - margin, left - margin
            low = np.maximum([-top, -left], 0)
            part = found[max(top, 0) : top + shown.shape[0], max(left, 0) : left + shown.shape[1]]
            part |= shown[low[0] : low[0] + part.shape[0], low[1] : low[1] + part.shape[1]] > 0
        return found


def _median(values: np.ndarray) -> float:
    """The median of an array uint8 [H, W], by counting."""
    below = np.cumsum(cv2.calcHist([values], [0], None, [256], [0, 256]).reshape(-1), dtype=float)
    return float(np.searchsorted(below, [(values.size - 1) // 2 + 1, values.size // 2 + 1]).mean())


class Scan:
    """Windows [4] over a whole picture in a random order, for bodies from a least height to the picture's own, tall ones first: they are few."""

    def __init__(self, shape: tuple[int, ...], least_height: float) -> None:
        self.windows = np.concatenate(list(self._sizes(shape, least_height)))
        self.next = 0

    @staticmethod
    def _sizes(shape: tuple[int, ...], least_height: float) -> list[np.ndarray]:
        sizes = []
        height, order = float(shape[0]), stream(0, "capture", "scan")
        while height >= 0.9 * least_height:
            side = BODIES * height
            counts = [max(1, int(np.ceil((length - 0.6 * side) / (0.5 * side))) + 1) for length in shape[:2]]
            rows, columns = (np.linspace(min(0.5 * length, 0.3 * side), max(0.5 * length, length - 0.3 * side), count)
                             for length, count in zip(shape[:2], counts, strict=True))
            middles = np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1).reshape(-1, 2)
            sizes.append(order.permutation(np.concatenate([middles - side / 2, middles + side / 2], axis=1)))
            height /= TALLER
        return sizes

    def take(self) -> np.ndarray:
        """The next window."""
        self.next += 1
        return np.asarray(self.windows[(self.next - 1) % len(self.windows)])
