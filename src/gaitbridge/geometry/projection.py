"""Point clouds to range views: the geometry of a spinning LiDAR, the view of a whole turn, and the aligned views of a person, many at once.

A cloud is [P, 3 or more] in metres, x, y, z first, in the sensor's own frame; further columns are ignored. Points without finite coordinates,
at the origin, or outside the vertical field are no returns and are left out. Ranges stay in metres, NaN where nothing came back; a cell shows
its nearest return, so that neither the order of points nor duplicates matter. One frame at a time: `range_view.grid_of_points` and `.align`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from gaitbridge.geometry.range_view import edge, nearest_beam, to_spherical

Axis = Literal["+x", "-x", "+y", "-y", "+z", "-z"]
FRAMES_AT_ONCE = 16  # bounds the memory of the native grids: 30 MB where a stray point widens each to a whole turn of 128 beams


@dataclass(frozen=True)
class Projection:
    """How a LiDAR divides directions into cells, and how its files' axes lie.

    azimuth_step_deg, the turn between two columns. Rows are either beams, elevations_deg [B] falling, or `elevation_step_deg` apart from the
    top to the bottom of field_deg (lowest, highest). forward and left: the axes of the points that point to the front and to the left of the
    sensor (azimuth zero, and 90 degrees); up follows, right-handed. origin_m: where the beams start, so far out from the axis and so far above the
    origin of the points (an Ouster's points have theirs in its foot, 36 mm below). ValueError where that is no geometry.
    """

    name: str
    azimuth_step_deg: float
    elevations_deg: tuple[float, ...] = ()
    elevation_step_deg: float = 0.0
    field_deg: tuple[float, float] = (0.0, 0.0)
    forward: Axis = "+x"
    left: Axis = "+y"
    origin_m: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        if not 0 < self.azimuth_step_deg <= 90:
            raise ValueError(f"azimuth_step_deg is {self.azimuth_step_deg:g}: give the turn between two columns, between 0 and 90 degrees")
        if bool(self.elevations_deg) == bool(self.elevation_step_deg):
            raise ValueError("give the rows once: either elevations_deg (a table of beams), or elevation_step_deg and field_deg")
        if any(not below < above for above, below in zip(self.elevations_deg, self.elevations_deg[1:], strict=False)):
            raise ValueError("elevations_deg must fall from the highest beam to the lowest")
        if self.elevations_deg and not -90 <= self.elevations_deg[-1] <= self.elevations_deg[0] <= 90:
            raise ValueError("elevations_deg must lie between -90 and 90 degrees")
        low, high = self.field_deg
        if self.elevation_step_deg and not (0 < self.elevation_step_deg <= high - low and low >= -90 and high <= 90):
            raise ValueError(f"no rows of {self.elevation_step_deg:g} degrees in field_deg {low:g} to {high:g}: give (lowest, highest), -90 to 90")
        if self.forward[1:] == self.left[1:] or not {self.forward, self.left} <= {sign + axis for sign in "+-" for axis in "xyz"}:
            raise ValueError(f"forward {self.forward!r} and left {self.left!r} must be two different axes of +x -x +y -y +z -z")
        if not all(-1 <= value <= 1 for value in self.origin_m):
            raise ValueError(f"origin_m {list(self.origin_m)} must be metres within a LiDAR: (out from its axis, up), -1 to 1")

    @cached_property
    def elevations(self) -> np.ndarray:
        """Elevations [B] of the rows in radians, falling."""
        if self.elevations_deg:
            return np.deg2rad(self.elevations_deg)
        low, high = self.field_deg
        return np.deg2rad(high - self.elevation_step_deg * np.arange(int((high - low) / self.elevation_step_deg + 1e-6) + 1))

    @cached_property
    def azimuth_step(self) -> float:
        """The turn between two columns, radians."""
        return float(np.deg2rad(self.azimuth_step_deg))

    @property
    def columns(self) -> int:
        """Columns of a whole turn; the last one may be narrower."""
        return int(np.ceil(360 / self.azimuth_step_deg - 1e-6))

    @cached_property
    def field(self) -> tuple[float, float]:
        """Elevations, radians, at the outer edges of the lowest and of the highest row."""
        last = len(self.elevations) - 1
        return edge(self.elevations, last, 1), edge(self.elevations, 0, -1)

    @cached_property
    def axes(self) -> np.ndarray:
        """[3, 3]: points @ axes have x to the front, y to the left, z up."""
        forward, left = ((1.0 if axis[0] == "+" else -1.0) * np.eye(3)["xyz".index(axis[1])] for axis in (self.forward, self.left))
        return np.stack([forward, left, np.cross(forward, left)], axis=-1)

    def _from_beams(self, xyz: np.ndarray) -> np.ndarray:
        """Points [P, 3] of the sensor's frame (x front, y left, z up) as seen from where their beams start."""
        out, up = self.origin_m
        if not out and not up:
            return xyz
        across = np.hypot(xyz[:, 0], xyz[:, 1])
        inwards = np.where(across > out, across - out, across) / np.maximum(across, 1e-9)
        return np.column_stack([xyz[:, :2] * inwards[:, None], xyz[:, 2] - up])

    def returns(self, frames: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Azimuths and elevations (radians) and ranges (metres), float64 [P], of the returns in clouds [N, 3 or more], and their frames' numbers.

        Frame after frame, in the order of the points. ValueError for a cloud of another shape.
        """
        for points in frames:
            if points.ndim != 2 or points.shape[1] < 3:
                raise ValueError(f"points must be [P, 3 or more], not {list(points.shape)}")
        if not frames:
            return np.empty(0), np.empty(0), np.empty(0), np.empty(0, np.intp)
        xyz = np.concatenate([points[:, :3] for points in frames]).astype(np.float64)
        with np.errstate(invalid="ignore"):
            azimuth, elevation, ranges = to_spherical(self._from_beams(xyz @ self.axes))
        low, high = self.field
        seen = np.flatnonzero((ranges > 0) & (ranges < np.inf) & (elevation >= low) & (elevation <= high))
        frame = np.repeat(np.arange(len(frames)), [len(points) for points in frames])
        return azimuth[seen], elevation[seen], ranges[seen], frame[seen]


# The geometry of the published depth pictures of SUSTech1K, whose clouds look along -x with -y to the left (Velodyne VLS-128 at 10 Hz).
SUSTECH1K = Projection("sustech1k", 0.19188, elevation_step_deg=0.2, field_deg=(-25.0, 15.0), forward="-x", left="-y")


def full_view(points: np.ndarray, sensor: Projection) -> np.ndarray:
    """The whole turn, float32 [B, C] metres: row 0 the highest, column 0 behind on the left (azimuth pi), azimuth falling along columns."""
    azimuth, elevation, ranges, _ = sensor.returns([points])
    view = np.full((len(sensor.elevations), sensor.columns), np.inf, np.float32)
    column = np.floor((np.pi - azimuth) / sensor.azimuth_step).astype(np.intp).clip(0, sensor.columns - 1)
    np.minimum.at(view, (nearest_beam(sensor.elevations, elevation), column), ranges.astype(np.float32))
    view[np.isinf(view)] = np.nan
    return view


def range_view(points: np.ndarray, sensor: Projection, size: tuple[int, int] = (64, 64)) -> np.ndarray:
    """The aligned range view of a person's points [P, 3], float32 [H, W] metres: `range_views` of one frame."""
    return range_views([points], sensor, size)[0]


def range_views(frames: Sequence[np.ndarray], sensor: Projection, size: tuple[int, int] = (64, 64)) -> np.ndarray:
    """The aligned range views float32 [T, H, W], metres, of the clouds of a person in T frames, each [P, 3].

    As `range_view.grid_of_points` and `range_view.align` give them one by one: cropped to the beams that came back and stretched to H rows,
    square angular pixels, centred on the median column; each pixel shows the cell nearest to its direction, so that ranges are never mixed
    with each other nor with nothing. A frame without a return is NaN throughout.
    """
    views = np.full((len(frames), *size), np.nan, np.float32)
    for start in range(0, len(frames), FRAMES_AT_ONCE):
        azimuth, elevation, ranges, frame = sensor.returns(frames[start : start + FRAMES_AT_ONCE])
        if len(frame):
            shown, number = np.unique(frame, return_inverse=True)  # frames with a return, numbered without gaps
            grid, left = _grids(azimuth, elevation, ranges, number, len(shown), sensor)
            views[start + shown] = _aligned(grid, left, sensor, size)
    return views


def _grids(
    azimuth: np.ndarray, elevation: np.ndarray, ranges: np.ndarray, frame: np.ndarray, frames: int, sensor: Projection
) -> tuple[np.ndarray, np.ndarray]:
    """The native grids float32 [T, B, C], inf where nothing came back, and each frame's azimuth of column 0, from its mean direction [T]."""
    first = np.searchsorted(frame, np.arange(frames))
    middle = np.arctan2(np.add.reduceat(np.sin(azimuth), first), np.add.reduceat(np.cos(azimuth), first))
    offset = (azimuth - middle[frame] + np.pi) % (2 * np.pi) - np.pi  # from the person's middle, so that nobody is torn apart behind the sensor
    left = np.maximum.reduceat(offset, first)
    column = np.rint((left[frame] - offset) / sensor.azimuth_step).astype(np.intp)
    row = nearest_beam(sensor.elevations, elevation)
    shape = (frames, len(sensor.elevations), int(column.max()) + 1)
    grid = np.full(shape, np.inf, np.float32)
    np.minimum.at(grid.ravel(), (frame * shape[1] + row) * shape[2] + column, ranges.astype(np.float32))
    return grid, left


def _aligned(grid: np.ndarray, left: np.ndarray, sensor: Projection, size: tuple[int, int]) -> np.ndarray:
    """Aligned views [T, H, W] of native grids [T, B, C], each with at least one return; see `range_view.align`."""
    (frames, beams, columns), (height, width) = grid.shape, size
    back = np.isfinite(grid)
    # 1. The rows that came back, and the edges of what they see: half-way to the beams above and below.
    filled = back.any(2)
    first, last = filled.argmax(1), beams - 1 - filled[:, ::-1].argmax(1)
    edges = np.array([[edge(sensor.elevations, beam, side) for beam in range(beams)] for side in (-1, 1)])
    top = edges[0, first]
    step = (top - edges[1, last]) / height
    row = nearest_beam(sensor.elevations, top[:, None] - (np.arange(height) + 0.5) * step[:, None])  # [T, H]
    # 2. The median column of the cells that came back: the mean of the two in the middle.
    below = back.sum(1).cumsum(1)  # [T, C]
    cells = below[:, -1]
    median = ((below <= ((cells - 1) // 2)[:, None]).sum(1) + (below <= (cells // 2)[:, None]).sum(1)) / 2
    # 3. The nearest cell of each pixel.
    across = (np.arange(width) + 0.5 - width / 2) * step[:, None] / sensor.azimuth_step
    column = np.floor(median[:, None] + across + (0.5 + 1e-9)).astype(np.intp)  # [T, W]; half-way goes right, so that all cells are as wide
    inside = (column >= 0) & (column < columns)
    views = grid[np.arange(frames)[:, None, None], row[:, :, None], column.clip(0, columns - 1)[:, None, :]]
    return np.where(inside[:, None, :] & np.isfinite(views), views, np.float32(np.nan))
