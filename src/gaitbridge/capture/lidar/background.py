"""What stands still before a LiDAR that stands still: places that are occupied in many of the scans."""

import numpy as np

VOXEL_M = 0.2
MARGIN_M = 0.05  # noise of the ranges: a wall at the edge of a voxel fills its neighbour, too
SHARE = 0.4  # of the scans; somebody who walks past is in one place for less than a second
LEAST_SCANS, LEAST_S = 20, 4.0  # fewer or shorter: walkers themselves would be background
KEPT = 128  # scans that are counted, spread over the recording
STATIC = 0.4  # so much of what is seen must stay where it is, or the LiDAR moves


def keys(points: np.ndarray, margin: float = 0.0) -> np.ndarray:
    """Voxels int64 of points [P, 3]: [P], or with a margin the sorted ones within it."""
    if not margin:
        return _keys(points)
    corners = [np.array([x, y, z]) * margin for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]
    return np.unique(np.concatenate([_keys(points + corner) for corner in corners]))


def _keys(points: np.ndarray) -> np.ndarray:
    cell = np.floor(points / VOXEL_M).astype(np.int64) + 2**19
    return np.asarray((cell[:, 0] << 40) | (cell[:, 1] << 20) | cell[:, 2])


class Occupancy:
    """Counts scan by scan which voxels are occupied; of a long recording every second, fourth ... scan."""

    def __init__(self) -> None:
        self.kept: list[np.ndarray] = []
        self.every, self.seen = 1, 0

    def wanted(self) -> bool:
        """Whether the next scan is one to be counted; call it once a scan."""
        self.seen += 1
        return (self.seen - 1) % self.every == 0

    def add(self, points: np.ndarray) -> None:
        """Count a scan's points [P, 3], ground left out, in the LiDAR's frame."""
        self.kept.append(keys(points, MARGIN_M))
        if len(self.kept) >= KEPT:
            self.kept, self.every = self.kept[::2], self.every * 2

    def background(self, lasts_s: float) -> np.ndarray:
        """The voxels [Q], sorted, that are occupied in a share SHARE of the scans; none where the recording is too short to tell."""
        if self.seen < LEAST_SCANS or lasts_s < LEAST_S or not self.kept:
            return np.empty(0, np.int64)
        voxels, counts = np.unique(np.concatenate(self.kept), return_counts=True)
        return np.asarray(voxels[counts >= SHARE * len(self.kept)])


def stays(points: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Which of the points [P, 3] lie in the background: bool [P]."""
    if not len(background):
        return np.zeros(len(points), bool)
    wanted = _keys(points)
    place = np.searchsorted(background, wanted).clip(0, len(background) - 1)
    return np.asarray(background[place] == wanted)
