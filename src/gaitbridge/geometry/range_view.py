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
    azimuths = np.broadcast_to(azimuths, ranges.shape)
    return align_many(ranges[None], elevations, azimuths[None], azimuth_step, size, np.array([off]))[0]


def align_many(
    ranges: np.ndarray, elevations: np.ndarray, azimuths: np.ndarray, azimuth_step: float, size: tuple[int, int], off: np.ndarray | None = None
) -> np.ndarray:
    """`align` of V views of the same LiDAR: float32 [V, H, W] of ranges [V, B, C], azimuths [V, B, C], off [V, 3]."""
    (views, beams, columns), (height, width) = ranges.shape, size
    found = np.full((views, height, width), np.nan, np.float32)
    back = ~np.isnan(ranges)
    filled = back.any(2)
    seen = np.flatnonzero(filled.any(1))
    if not len(seen):
        return found
    filled = filled[seen]
    first, last = filled.argmax(1).tolist(), (beams - 1 - filled[:, ::-1].argmax(1)).tolist()
    top, bottom = (np.array([edge(elevations, beam, side) for beam in row]) for row, side in ((first, -1), (last, 1)))
    middle = np.array([_median(azimuths[view][back[view]]) for view in seen])
    high = top - bottom
    step, above = high / height, top
    if off is not None and off.any():
        step, above, middle = high * (1 + off[seen, 0] + off[seen, 1]) / height, top + off[seen, 0] * high, middle + off[seen, 2] * high
    wanted = above[:, None] - (np.arange(height) + 0.5) * step[:, None]  # [V, H]
    beam = nearest_beam(elevations, wanted)
    across = middle[:, None] + (width / 2 - 0.5 - np.arange(width)) * step[:, None]  # [V, W], falling
    cells = np.rint((azimuths[seen[:, None], beam, :1] - across[:, None]) / azimuth_step).astype(np.intp)  # [V, H, W]
    inside = (cells >= 0) & (cells < columns)
    if off is not None and off.any():
        inside &= ((wanted <= top[:, None]) & (wanted >= bottom[:, None]))[:, :, None]
    flat = ((seen[:, None] * beams + beam) * columns)[:, :, None] + np.clip(cells, 0, columns - 1)
    found[seen] = np.where(inside, ranges.ravel()[flat], np.float32(np.nan))
    return found


def _median(values: np.ndarray) -> float:
    """As np.median, at a tenth of its time for some hundred values."""
    half = len(values) // 2
    if len(values) % 2:
        return float(np.partition(values, half)[half])
    low, high = np.partition(values, (half - 1, half))[half - 1 : half + 1].tolist()
    return float((low + high) / 2)


def edge(elevations: np.ndarray, beam: int, side: int) -> float:
    """The elevation half-way from `beam` to its neighbour above (side -1) or below (1); the outermost beams mirror their inner gap."""
    if len(elevations) == 1:
        return float(elevations[0] - side * 1e-3)  # a lone beam has no gap to go by
    other = beam + side if 0 <= beam + side < len(elevations) else beam - side
    return float(elevations[beam] - side * abs(elevations[beam] - elevations[other]) / 2)
