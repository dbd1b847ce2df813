"""The ground: levelling what a tilted LiDAR saw, and each point's height above ground that may slope and bend.

1. A plane through the lowest points of the cells of a map, found by random sampling: the LiDAR's tilt and height.
2. What is left of the ground's shape: the lowest point of each cell above that plane, opened (in the sense of image morphology) by a window
   wider than people, posts and cars, which takes away all that stands on the ground and leaves slopes as they are.
"""

from dataclasses import dataclass

import numpy as np

from gaitbridge.conventions import stream

STEEPEST = np.cos(np.deg2rad(35.0))  # of the whole ground, LiDAR's tilt included
NEAR_PLANE_M = 0.15
CELL_M = 0.5
WINDOW_M = 3.5  # cars are 1.8 m wide, and seen from two sides at most
FARTHEST_M = 60.0  # ground beyond is not looked at


@dataclass(frozen=True)
class Levelled:
    """points [P, 3], z up and the ground near z = 0; height_m [P] above the ground; T_level_from_lidar [4, 4]; found, whether there was ground
    to level by."""

    points: np.ndarray
    height_m: np.ndarray
    T_level_from_lidar: np.ndarray
    found: bool

    def given(self, place: np.ndarray) -> np.ndarray:
        """A levelled place [3] in the LiDAR's frame."""
        return np.asarray(self.T_level_from_lidar[:3, :3].T @ (place - self.T_level_from_lidar[:3, 3]))


def level(points: np.ndarray) -> Levelled:
    """Level the points [P, 3] of one scan, z about up; points without ground stay as they are, with heights above the lowest near them."""
    normal, offset, found = _plane(_lowest(points, 1.0))
    T = np.eye(4)
    T[:3, :3], T[2, 3] = _upright(normal), offset
    levelled = points @ T[:3, :3].T + T[:3, 3]
    return Levelled(levelled, levelled[:, 2] - _ground(levelled), T, found)


def _cells(points: np.ndarray, size: float) -> tuple[np.ndarray, np.ndarray]:
    """Column and row [P] of each point's cell in a square map."""
    cell = np.floor(points[:, :2] / size).astype(np.int64)
    return cell[:, 0], cell[:, 1]


def _lowest(points: np.ndarray, size: float) -> np.ndarray:
    """The lowest point of each cell [Q, 3]."""
    near = points[(np.abs(points[:, 0]) < FARTHEST_M) & (np.abs(points[:, 1]) < FARTHEST_M)]
    if not len(near):
        return near
    column, row = _cells(near, size)
    cell = (column - column.min()) * (int(np.ptp(row)) + 1) + row - row.min()
    low = np.full(int(cell.max()) + 1, np.inf)
    np.minimum.at(low, cell, near[:, 2])
    found = np.flatnonzero(near[:, 2] == low[cell])
    return np.asarray(near[found[np.unique(cell[found], return_index=True)[1]]])


def _plane(lowest: np.ndarray, tries: int = 300) -> tuple[np.ndarray, float, bool]:
    """Normal [3], offset (the plane is normal . p + offset = 0) and whether there is a plane: as many of the points [Q, 3] on it as can be, few
    below it."""
    flat = np.array([0.0, 0.0, 1.0])
    if len(lowest) < 10:
        return flat, -float(lowest[:, 2].min()) if len(lowest) else 0.0, False
    three = lowest[stream(0, "ground").integers(0, len(lowest), (tries, 3))]  # the same points, the same plane
    normals = np.cross(three[:, 1] - three[:, 0], three[:, 2] - three[:, 0])
    lengths = np.linalg.norm(normals, axis=1)
    usable = lengths > 1e-6
    normals = normals[usable] / lengths[usable, None]
    normals *= np.where(normals[:, 2:] < 0, -1.0, 1.0)
    first = three[usable, 0]
    upright = normals[:, 2] > STEEPEST
    normals, first = normals[upright], first[upright]
    if not len(normals):
        return flat, -float(np.percentile(lowest[:, 2], 10)), False
    away = lowest @ normals.T - (normals * first).sum(1)  # [Q, tries]
    score = (np.abs(away) < NEAR_PLANE_M).sum(0) - 2 * (away < -2 * NEAR_PLANE_M).sum(0)
    best = int(score.argmax())
    on = np.abs(away[:, best]) < NEAR_PLANE_M
    if on.sum() < max(10, 0.05 * len(lowest)):
        return flat, -float(np.percentile(lowest[:, 2], 10)), False
    middle = lowest[on].mean(0)
    normal = np.linalg.svd(lowest[on] - middle, full_matrices=False)[2][2]
    normal = normal if normal[2] > 0 else -normal
    if normal[2] < STEEPEST:
        normal = normals[best]
    return normal, -float(normal @ middle), True


def _upright(normal: np.ndarray) -> np.ndarray:
    """The smallest rotation [3, 3] that turns the normal upwards."""
    x, y, z = normal
    cross = np.array([[0, 0, -x], [0, 0, -y], [x, y, 0]])  # of normal x up, as a matrix
    return np.asarray(np.eye(3) + cross + cross @ cross / (1 + z))


def _ground(points: np.ndarray) -> np.ndarray:
    """Height of the ground [P] below each of the levelled points [P, 3]."""
    from scipy import ndimage

    lowest = _lowest(points, CELL_M)
    if not len(lowest):
        return np.zeros(len(points))
    column, row = _cells(lowest, CELL_M)
    left, top = column.min(), row.min()
    heights = np.full((int(column.max() - left) + 1, int(row.max() - top) + 1), np.nan)
    heights[column - left, row - top] = lowest[:, 2]
    unknown = np.isnan(heights)
    nearest = ndimage.distance_transform_edt(unknown, return_distances=False, return_indices=True)
    filled = heights[tuple(nearest)]
    filled = ndimage.grey_closing(filled, size=3, mode="nearest")  # single cells far below: echoes that came by a detour
    cells = int(np.ceil(WINDOW_M / CELL_M)) // 2 * 2 + 1
    opened = ndimage.grey_opening(filled, size=cells, mode="nearest")
    ground = ndimage.uniform_filter(np.where(filled - opened < NEAR_PLANE_M, filled, opened), 3, mode="nearest")
    place = (points[:, :2] / CELL_M - 0.5 - [left, top]).T
    return np.asarray(ndimage.map_coordinates(ground, place, order=1, mode="nearest"))
