"""Pictures of a walk: how the person looked when they were seen best, and their silhouettes or range views, side by side."""

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from gaitbridge.conventions import CAMERA, DEPTH_PICTURES, LIDAR, POSE_HEATMAPS
from gaitbridge.geometry.depth_picture import depth_picture
from gaitbridge.service.strips import range_strip, silhouette_strip

HEIGHT = 256
COLUMNS, ROWS = 8, 2  # of silhouettes
GREY = 48
USUAL_HZ = 12.5  # of walks whose times nobody knows


def walk_picture(shot: np.ndarray, silhouettes: np.ndarray) -> np.ndarray:
    """uint8 [256, W, 3]: the cut-out `shot` [h, w, 3] (may be empty), then some of the silhouettes [T, h, w], evenly over the walk, in rows."""
    tiles = [] if not shot.size else [_fitted(shot, HEIGHT)]
    return np.concatenate([*tiles, _tiled(np.repeat(silhouettes[..., None], 3, axis=3))], axis=1)


def _tiled(pictures: np.ndarray) -> np.ndarray:
    """Some of [T, h, w, 3], evenly, in rows of cells of one height."""
    count = COLUMNS * ROWS
    chosen = pictures[np.linspace(0, len(pictures) - 1, min(count, len(pictures))).round().astype(int)]
    cells = [_fitted(one, HEIGHT // ROWS) for one in chosen]
    cells += [np.full_like(cells[0], GREY)] * (-len(cells) % COLUMNS)
    rows = [np.concatenate(cells[at : at + COLUMNS], axis=1) for at in range(0, len(cells), COLUMNS)]
    rows += [np.full_like(rows[0], GREY)] * (ROWS - len(rows))
    return np.concatenate(rows)


def shown_pictures(runs: Sequence[Mapping[str, np.ndarray]]) -> np.ndarray | None:
    """What was seen in the runs of a walker, as pictures uint8 [T, H, W, 3] (blue, green, red); None where nothing can be shown."""
    name = next((name for name in (CAMERA, LIDAR, DEPTH_PICTURES, POSE_HEATMAPS) if runs and name in runs[0]), "")
    if not name:
        return None
    shape = runs[0][name].shape[1:]
    frames = np.concatenate([run[name] for run in runs if name in run and run[name].shape[1:] == shape])
    if name == LIDAR:
        return np.stack([depth_picture(frame)[::-1].transpose(1, 2, 0) for frame in frames])
    if frames.ndim == 4:
        planes = frames[:, ::-1] if frames.shape[1] == 3 else np.repeat(frames.max(1, keepdims=True), 3, axis=1)
        return np.ascontiguousarray(planes.transpose(0, 2, 3, 1))
    return np.repeat(frames[..., None], 3, axis=3)


def side_by_side(pictures: np.ndarray) -> np.ndarray:
    """Some of the pictures [T, H, W, 3] of a walk, evenly over it, in rows: uint8 [256, W, 3]."""
    return _tiled(pictures)


def longest_strip(runs: Sequence[Mapping[str, np.ndarray]]) -> np.ndarray | None:
    """The strip of a walker's longest run (`strips`); None where there are neither silhouettes nor range views."""
    name = next((name for name in (CAMERA, LIDAR) if runs and name in runs[0]), "")
    if not name:
        return None
    longest = max((run for run in runs if name in run), key=lambda run: len(run[name]))
    times = longest.get(f"{name}_time_s", np.arange(len(longest[name])) / USUAL_HZ)
    return (silhouette_strip if name == CAMERA else range_strip)(longest[name], times)


def png(picture: np.ndarray) -> bytes:
    """A picture as the bytes of a PNG file."""
    done, data = cv2.imencode(".png", picture)
    assert done
    return data.tobytes()


def _fitted(picture: np.ndarray, height: int) -> np.ndarray:
    """Of that height, with its own proportions; not wider than twice that."""
    width = int(np.clip(round(picture.shape[1] * height / picture.shape[0]), 1, 2 * height))
    way = cv2.INTER_AREA if picture.shape[0] > height else cv2.INTER_NEAREST
    return np.asarray(cv2.resize(picture, (width, height), interpolation=way), np.uint8)
