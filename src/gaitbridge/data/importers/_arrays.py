"""Published arrays as the store takes them. Each function raises UserError with the file's path where an array is not what it should be."""

from pathlib import Path
from typing import Any

import numpy as np

from gaitbridge.data.contents import content_problem
from gaitbridge.data.importers._dataset import Reading
from gaitbridge.errors import UserError

SIZES = ((64, 64), (64, 44))  # silhouettes as published, and already cut for the networks
WITHOUT = "get the file from its source again, or import without it (--fields)"


def frames_of(value: Any, path: Path) -> np.ndarray:
    """One array [T, ...] of numbers, of an array or of a list with an array a frame."""
    if isinstance(value, np.ndarray) and value.dtype == object:
        value = list(value.ravel())
    if isinstance(value, list | tuple):
        rows = [np.asarray(row) for row in value if isinstance(row, np.ndarray | list | tuple | int | float | np.number)]
        if len(rows) != len(value) or any(row.dtype == object for row in rows):
            raise UserError(f"{path} holds a list of other things than arrays: {WITHOUT}")
        if shapes := sorted({row.shape for row in rows})[1:]:
            raise UserError(f"{path} holds frames of different sizes ({_size(rows[0].shape)} and {_size(shapes[0])}): {WITHOUT}")
        value = np.stack(rows) if rows else np.zeros((0,))
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "buif":
        kind = f"an array of {value.dtype}" if isinstance(value, np.ndarray) else f"a {type(value).__name__}"
        raise UserError(f"{path} holds {kind}, not an array of numbers: {WITHOUT}")
    if value.ndim == 0 or len(value) == 0:
        raise UserError(f"{path} holds no frame: {WITHOUT}")
    return value


def floats(value: Any, path: Path, *shape: int) -> np.ndarray:
    """float32 [T, *shape] of an array or list; a single axis between time and the rest is taken away."""
    made = frames_of(value, path)
    if made.ndim == len(shape) + 2 and made.shape[1] == 1:
        made = made[:, 0]
    if made.shape[1:] != shape:
        raise UserError(f"{path} holds [{_axes(made.shape)}] instead of [T, {_axes(shape)}]: {WITHOUT}")
    return made.astype(np.float32)


def silhouettes(reading: Reading, path: Path) -> np.ndarray:
    """uint8 [T, H, W] of 0 to 255: 64 x 64, or 64 x 44 where they are already cut. The grey of resized edges stays, networks are trained on it."""
    return silhouettes_of(reading, reading.value(path), path)


def silhouettes_of(reading: Reading, value: Any, path: Path) -> np.ndarray:
    """As `silhouettes`, of what the file held."""
    made = _eight_bits(reading, value, path)
    if problem := content_problem("silhouettes", made):
        raise UserError(f"{path} {problem}; {WITHOUT}")
    if (empty := ~made.any((1, 2))).any():
        reading.note("silhouettes without a pixel, kept", f"{path}: {int(empty.sum())} of {len(made)} frames")
    if made.shape[1:] != SIZES[0]:
        reading.note("silhouettes already cut to 64 x 44, kept so", path)
    return made


def lidar_silhouettes(reading: Reading, path: Path) -> np.ndarray:
    """As `silhouettes`, where a LiDAR saw the person; a frame without a return is no oddity there."""
    return _eight_bits(reading, reading.value(path), path)


def _eight_bits(reading: Reading, value: Any, path: Path) -> np.ndarray:
    given = frames_of(value, path)
    if given.ndim == 4 and given.shape[1] == 1:
        given = given[:, 0]
    if given.ndim != 3 or given.shape[1:] not in SIZES:
        raise UserError(f"{path} holds [{_axes(given.shape)}], not silhouettes [T, 64, 64] (or [T, 64, 44], already cut): "
                        "prepare the dataset at 64 x 64 and import again")
    if given.dtype.kind == "f" and not np.isfinite(given).all():
        raise UserError(f"{path} holds silhouettes with NaN or infinity: {WITHOUT}")
    low, high = given.min(), given.max()
    if low < 0 or high > 255:
        raise UserError(f"{path} holds values from {low} to {high}, silhouettes have 0 to 255: {WITHOUT}")
    if high <= 1:
        if given.dtype.kind != "b" and high > 0:
            reading.note("silhouettes of 0 to 1 instead of 0 to 255, scaled", path)
        given = given.astype(np.float64) * 255
    made = np.rint(given).astype(np.uint8)
    if ((made > 0) & (made < 255)).any():
        reading.note("silhouettes with grey edges, kept so", path)
    return made


def pictures(value: Any, path: Path) -> np.ndarray:
    """uint8 [T, 3, H, W] of an array [T, 3, H, W] or [T, H, W, 3]."""
    given = frames_of(value, path)
    if given.ndim == 4 and given.shape[1] != 3 and given.shape[3] == 3:
        given = np.moveaxis(given, 3, 1)
    if given.ndim != 4 or given.shape[1] != 3 or given.dtype != np.uint8:
        raise UserError(f"{path} holds {given.dtype} [{_axes(given.shape)}], not pictures uint8 [T, 3, H, W]: {WITHOUT}")
    if problem := content_problem("depth_pictures", given):
        raise UserError(f"{path} {problem}; {WITHOUT}")
    return np.ascontiguousarray(given)


def parsing(value: Any, path: Path) -> np.ndarray:
    """uint8 [T, 64, 64] (or 44 wide) of the body parts 0 to 11 (conventions.PARSING_LABELS), of an array or a list of frames."""
    given = frames_of(value, path)
    if given.ndim == 4 and given.shape[1] == 1:
        given = given[:, 0]
    if given.ndim != 3 or given.shape[1:] not in SIZES or given.dtype.kind not in "ui" or given.min() < 0 or given.max() > 255:
        raise UserError(f"{path} holds {given.dtype} [{_axes(given.shape)}], not body parts of pixels, whole numbers [T, 64, 64]: {WITHOUT}")
    made = given.astype(np.uint8)
    if problem := content_problem("parsing", made):
        raise UserError(f"{path} {problem}; {WITHOUT}")
    return made


def clouds(reading: Reading, path: Path) -> list[np.ndarray]:
    """Point clouds, a float64 [P, 3] for each frame, metres; columns after x, y, z are dropped, and so are points that are not finite."""
    return clouds_of(reading, reading.value(path), path)


def clouds_of(reading: Reading, value: Any, path: Path) -> list[np.ndarray]:
    """As `clouds`, of what the file held."""
    if not isinstance(value, list | tuple) and not (isinstance(value, np.ndarray) and (value.dtype == object or value.ndim == 3)):
        raise UserError(f"{path} holds a {type(value).__name__}, not a list of point clouds: {WITHOUT}")
    frames = [_cloud(path, number, frame) for number, frame in enumerate(value)]
    if not any(len(frame) for frame in frames):
        raise UserError(f"{path}: none of its {len(frames)} frames has a point: {WITHOUT}")
    if empty := sum(not len(frame) for frame in frames):
        reading.note("LiDAR frames without a point, kept", f"{path}: {empty} of {len(frames)}")
    if any(frame.shape[1] > 3 for frame in frames):
        reading.note("columns of points after x, y, z, left out", path)
    return [_finite(reading, path, frame[:, :3].astype(np.float64)) for frame in frames]


def _cloud(path: Path, number: int, frame: Any) -> np.ndarray:
    points = np.asarray(frame) if isinstance(frame, np.ndarray | list) else np.empty(0, object)
    if points.dtype.kind in "iuf" and points.size == 0:
        points = np.zeros((0, 3))
    if points.ndim != 2 or points.shape[1] < 3 or points.dtype.kind not in "iuf":
        raise UserError(f"{path}: its frame {number} is [{_axes(points.shape)}], not points [P, 3]: {WITHOUT}")
    return points


def _finite(reading: Reading, path: Path, points: np.ndarray) -> np.ndarray:
    finite = np.isfinite(points).all(1)
    if not finite.all():
        reading.note("LiDAR frames with points that are not finite, those left out", f"{path}: {int((~finite).sum())} points")
    return points[finite]


def cloud_of(frames: list[np.ndarray]) -> np.ndarray:
    """The store's `points` float32 [P, 5]: x, y, z as published, time (NaN: it is not published), frame number."""
    numbers = np.repeat(np.arange(len(frames)), [len(frame) for frame in frames])
    together = np.concatenate(frames)
    return np.column_stack([together, np.full(len(together), np.nan), numbers]).astype(np.float32)


def within_reach(reading: Reading, views: np.ndarray, path: Path) -> np.ndarray:
    """Range views as they are; UserError where a range is beyond what the store holds, or where no frame shows anything."""
    seen = np.isfinite(views).any((1, 2))
    if not seen.any():
        raise UserError(f"{path}: all its points lie outside of the LiDAR's field: {WITHOUT}")
    if problem := content_problem("range_views", views):
        raise UserError(f"{path} {problem}; {WITHOUT}")
    if not seen.all():
        reading.note("range views with nothing in them, kept", f"{path}: {int((~seen).sum())} of {len(seen)} frames")
    return views


def _axes(shape: tuple[int, ...]) -> str:
    return ", ".join(map(str, shape))


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
