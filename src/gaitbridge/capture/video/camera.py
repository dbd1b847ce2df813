"""Where the camera looks: how far the scene has moved in the picture since the start, by points of the scene followed in a small picture."""

import itertools
from collections import deque

import cv2
import numpy as np

LONGEST = 400  # pixels of the small picture
CELLS, POINTS, FEWEST = (4, 6), 5, 8  # of the small picture, points in each; cells that must agree: people fill few
FAR = 0.12  # of the small picture: then new points are taken
ANOTHER, CUT = 20, 0.3  # of 255, and of the picture: so much has changed where a film was cut
AGREE = 0.6  # pixels of the small picture, from the median: of the scene
STILL, STILL_PX, STILL_S = 0.4, 0.8, 1.0  # pixels of the small picture, and of the picture, at least; over so long


class Camera:
    """Takes pictures in order of time. `place` float [2]: down and right, in pixels, how far the scene has moved in the picture so far;
    `steady` is the same without what is no more than the measurement's own noise.

    `moves`: whether it moves now, or did within the last second; `lost`: whether the newest picture shows too little to tell; `cut`: whether it
    shows another scene than the one before.
    """

    def __init__(self) -> None:
        self.place = np.zeros(2)
        self.steady = np.zeros(2)
        self.lost = self.cut = False
        self.small: np.ndarray | None = None  # the newest, uint8 [h, w]
        self.scale = 1.0  # pixels a pixel of the small picture
        self._key: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None  # picture, points, its place
        self._path: deque[tuple[float, np.ndarray]] = deque()

    def take(self, pixels: np.ndarray, time_s: float) -> None:
        """One picture uint8 [H, W, 3]."""
        self.scale = max(1.0, max(pixels.shape[:2]) / LONGEST)
        size = (round(pixels.shape[1] / self.scale), round(pixels.shape[0] / self.scale))
        small = cv2.GaussianBlur(cv2.cvtColor(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY), (3, 3), 0)
        if self.small is not None and self.small.shape != small.shape:
            self._key = None
            self._path.clear()
        before, self.small = self.small, small
        shift = self._shift(small)
        self.lost = shift is None
        self.cut = self.lost and before is not None and (before.shape != small.shape or float((cv2.absdiff(before, small) > ANOTHER).mean()) > CUT)
        if self.cut:
            self._path.clear()
        if shift is not None:
            assert self._key is not None
            self.place = self._key[2] + shift * self.scale
            if np.abs(self.place - self.steady).max() > 0.5 * self._still:
                self.steady = self.place.copy()
        if shift is None or np.abs(shift).max() > FAR * max(size):
            self._renew(small)
        self._path.append((time_s, self.place.copy()))
        while self._path[0][0] < time_s - STILL_S:
            self._path.popleft()

    @property
    def moves(self) -> bool:
        """Whether it moved within the last second."""
        places = np.array([place for _, place in self._path])
        return bool(np.ptp(places, axis=0).max() > self._still) if len(places) else False

    @property
    def _still(self) -> float:
        """Pixels by which the place of a scene may vary before a camera that stands still."""
        return max(STILL * self.scale, STILL_PX)

    def _shift(self, small: np.ndarray) -> np.ndarray | None:
        """How far the scene lies from where the key picture has it, down and right in pixels of the small picture; None where it cannot be told."""
        if self._key is None:
            return None
        key, points, _ = self._key
        guess = points + np.float32((self.place - self._key[2])[::-1] / self.scale)
        found, good, _ = cv2.calcOpticalFlowPyrLK(key, small, points, guess, winSize=(13, 13), maxLevel=3, flags=cv2.OPTFLOW_USE_INITIAL_FLOW)
        moved = (found - points).reshape(-1, 2)
        cells = _cell_of(points.reshape(-1, 2), small.shape)
        use = good.reshape(-1) > 0
        each = _medians(moved[use], cells[use])
        if len(each) < FEWEST:
            return None
        near = np.abs(each - np.median(each, axis=0)).max(1) < AGREE
        if near.sum() < max(FEWEST, 0.5 * len(each)):
            return None
        return np.asarray(np.median(each[near], axis=0)[::-1], float)

    def _renew(self, small: np.ndarray) -> None:
        """Points of this picture are followed from now on: the plainest of each cell."""
        high, wide = (np.linspace(0, length, count + 1).astype(int) for length, count in zip(small.shape, CELLS, strict=True))
        found = []
        for top, bottom in itertools.pairwise(high):
            for left, right in itertools.pairwise(wide):
                points = cv2.goodFeaturesToTrack(small[top:bottom, left:right], POINTS, 0.05, 7)
                if points is not None:
                    found.append(points.reshape(-1, 1, 2) + np.array([left, top], np.float32))
        self._key = (small, np.concatenate(found).astype(np.float32), self.place.copy()) if found else None


def _medians(values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """The median [G, 2] of the values [N, 2] of each group, by their numbers [N] in rising order; all at once, as `np.median` is slow for few."""
    if not len(values):
        return np.zeros((0, 2), np.float32)
    order = np.argsort(groups, kind="stable")
    _, first, counts = np.unique(groups[order], return_index=True, return_counts=True)
    table = np.full((len(first), counts.max(), 2), np.inf, np.float32)
    table[np.repeat(np.arange(len(first)), counts), np.arange(len(order)) - np.repeat(first, counts)] = values[order]
    table.sort(axis=1)
    row = np.arange(len(first))
    return np.asarray((table[row, (counts - 1) // 2] + table[row, counts // 2]) / np.float32(2))


def _cell_of(points: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The number [N] of the cell in which each point [N, 2] (x, y) lies."""
    rows = np.minimum(points[:, 1] * CELLS[0] / shape[0], CELLS[0] - 1).astype(int)
    columns = np.minimum(points[:, 0] * CELLS[1] / shape[1], CELLS[1] - 1).astype(int)
    return np.asarray(rows * CELLS[1] + columns)
