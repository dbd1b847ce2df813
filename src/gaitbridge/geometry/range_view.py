"""Range views: points as (azimuth, elevation, range), native LiDAR grids, and the aligned view of a person.

A native grid is [B, C]: B beams from the highest to the lowest, C columns from left to right as the sensor sees them (azimuth
falls by one step a column). Ranges in metres, NaN where nothing came back. Angles in radians.
"""

import numpy as np


def to_spherical(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Azimuth, elevation and range, each [...], of points [..., 3] in the LiDAR frame (x forward, y left, z up)."""
    x, y, z = points[..., 0], points[..., 1], points[..., 2]
    across = np.sqrt(x * x + y * y)  # four times as fast as hypot, and nothing here is near the ends of the number range
    return np.arctan2(y, x), np.arctan2(z, across), np.sqrt(across * across + z * z)


def to_points(azimuth: np.ndarray, elevation: np.ndarray, ranges: np.ndarray) -> np.ndarray:
    """Points [..., 3] in the LiDAR frame, the inverse of `to_spherical`; the three arguments broadcast."""
    across = ranges * np.cos(elevation)
    return np.stack(np.broadcast_arrays(across * np.cos(azimuth), across * np.sin(azimuth), ranges * np.sin(elevation)), axis=-1)


def grid_of_points(points: np.ndarray, elevations: np.ndarray, azimuth_step: float) -> tuple[np.ndarray, np.ndarray]:
    """A person's points [P, 3] on the native grid of their LiDAR: ranges float32 [B, C] and azimuths of the columns [C].

    elevations [B] falling. Each point goes to the nearest beam and column, the nearest point of a cell wins. Columns are
    counted from the person's mean direction, so that a person behind the sensor (azimuth near pi) is not torn apart.
    """
    if not len(points):
        return np.full((len(elevations), 0), np.nan, np.float32), np.empty(0)
    azimuth, elevation, ranges = to_spherical(np.asarray(points, dtype=np.float64))
    middle = np.arctan2(np.sin(azimuth).mean(), np.cos(azimuth).mean())
    offset = (azimuth - middle + np.pi) % (2 * np.pi) - np.pi
    columns = np.rint((offset.max() - offset) / azimuth_step).astype(np.intp)
    rows = nearest_beam(elevations, elevation)
    grid = np.full((len(elevations), int(columns.max()) + 1), np.inf, np.float32)
    np.minimum.at(grid, (rows, columns), ranges.astype(np.float32))
    grid[np.isinf(grid)] = np.nan
    return grid, middle + offset.max() - azimuth_step * np.arange(grid.shape[1])


def nearest_beam(elevations: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Index [...] of the beam nearest to each wanted elevation [...]; elevations [B] fall."""
    between = (elevations[:-1] + elevations[1:]) / 2
    index: np.ndarray = np.searchsorted(-between, -np.asarray(wanted))
    return index


def points_of_grid(ranges: np.ndarray, elevations: np.ndarray, azimuths: np.ndarray) -> np.ndarray:
    """The points [P, 3] of a native grid [B, C] in the LiDAR frame; elevations [B], azimuths [C] or [B, C]; empty cells give none."""
    back = ~np.isnan(ranges)
    azimuths = np.broadcast_to(azimuths, ranges.shape)
    return to_points(azimuths[back], np.broadcast_to(elevations[:, None], ranges.shape)[back], ranges[back])


def align(
    ranges: np.ndarray, elevations: np.ndarray, azimuths: np.ndarray, azimuth_step: float, size: tuple[int, int] = (64, 44),
    off: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> np.ndarray:  # fmt: skip
    """The aligned range view of a person: float32 [H, W] metres, NaN where nothing came back.

    ranges [B, C] of the person alone; elevations [B] falling; azimuths [C] or [B, C] falling along columns by `azimuth_step`.
    Cropped to the beams that came back and stretched to H rows, square angular pixels, centred on the median azimuth: the
    alignment of silhouettes, and of SUSTech1K's depth pictures, but in true metres. Each pixel shows the native cell nearest to
    its direction, so ranges are never mixed across an outline. A scan without a return gives NaN everywhere. off: by how much, in parts of its
    height, the crop's top is too high, its bottom too low and its middle too far left, as with a tracker that errs.
    """
    height, width = size
    view = np.full(size, np.nan, np.float32)
    rows, columns = np.nonzero(~np.isnan(ranges))
    if not len(rows):
        return view
    azimuths = np.broadcast_to(azimuths, ranges.shape)
    first, last = int(rows[0]), int(rows[-1])  # nonzero goes row by row
    top, bottom = edge(elevations, first, -1), edge(elevations, last, 1)
    high, step = top - bottom, (top - bottom) * (1 + off[0] + off[1]) / height
    wanted = top + off[0] * high - (np.arange(height) + 0.5) * step  # [H]
    beams = nearest_beam(elevations, wanted)
    across = np.median(azimuths[rows, columns]) + off[2] * high + (width / 2 - 0.5 - np.arange(width)) * step  # [W], falling
    cells = np.rint((azimuths[beams, :1] - across) / azimuth_step).astype(np.intp)  # [H, W]
    inside = (cells >= 0) & (cells < ranges.shape[1])
    if any(off):
        inside &= ((wanted <= top) & (wanted >= bottom))[:, None]
    return np.where(inside, ranges[beams[:, None], np.clip(cells, 0, ranges.shape[1] - 1)], view)


def edge(elevations: np.ndarray, beam: int, side: int) -> float:
    """The elevation half-way from `beam` to its neighbour above (side -1) or below (1); the outermost beams mirror their inner gap."""
    if len(elevations) == 1:
        return float(elevations[0] - side * 1e-3)  # a lone beam has no gap to go by
    other = beam + side if 0 <= beam + side < len(elevations) else beam - side
    return float(elevations[beam] - side * abs(elevations[beam] - elevations[other]) / 2)
