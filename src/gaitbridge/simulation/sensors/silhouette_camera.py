"""A fixed surveillance camera: silhouettes of a walker in the field's alignment, with the errors of real segmentation on request.

`render_many` casts the rays of all cameras that watch one scene at once. `segmented` (see `_segmenter`) makes of what shows the masks of a learnt
segmenter, with errors that stay with a site and a person (`site_errors`), `subtracted` those of background subtraction; `degrade` (see
`_segmentation`) is the error model of the simulator's first version.
"""

from dataclasses import dataclass, field

import numpy as np

from gaitbridge.conventions import PERSON
from gaitbridge.geometry.camera import Camera
from gaitbridge.geometry.rays import RayScene
from gaitbridge.geometry.silhouette import centre, window
from gaitbridge.simulation.sensors._background_subtraction import subtracted
from gaitbridge.simulation.sensors._segmentation import degrade
from gaitbridge.simulation.sensors._segmenter import CLASS_OF_BELONGING, OF_PERSON, SiteErrors, people, segmented, site_errors

__all__ = ["CLASS_OF_BELONGING", "OF_PERSON", "Pictures", "SilhouetteCamera", "SiteErrors", "degrade", "people", "render", "render_many", "segmented",
           "site_errors", "subtracted"]

NEAR_M = 0.05  # points nearer to the image plane than this are not projected
MIN_ROWS = 8  # a person who shows in fewer native rows counts as not seen, as in any detector


@dataclass(frozen=True)
class SilhouetteCamera:
    """A typical surveillance camera (4:3, 60 degrees wide) and the size of the silhouettes cut from its pictures."""

    camera: Camera = field(default_factory=lambda: Camera.from_focal(1100.0, 1280, 960))
    rate_hz: float = 30.0
    size: tuple[int, int] = (64, 44)


@dataclass(frozen=True)
class Pictures:
    """Aligned silhouettes of V cameras.

    masks: uint8 [V, H, W] of 0 and 255. boxes: float64 [V, 4], the window (top, left, bottom, right) that each mask covers, in
    native pixels, NaN where the person is not seen: the centre of mask pixel (i, j) lies at u = left + (j + 0.5) * (right - left) / W,
    v = top + (i + 0.5) * (bottom - top) / H. parts, classes: uint8 [V, H, W], or None where not asked for.
    """

    masks: np.ndarray
    boxes: np.ndarray
    parts: np.ndarray | None = None
    classes: np.ndarray | None = None


def render(
    scene: RayScene, camera: Camera, T_world_from_camera: np.ndarray, points_m: np.ndarray,
    size: tuple[int, int] = (64, 44), is_person: np.ndarray | None = None, part_of_triangle: np.ndarray | None = None,
) -> Pictures:  # fmt: skip
    """`render_many` for one camera, T_world_from_camera [4, 4]: V is 1."""
    return render_many(scene, camera, T_world_from_camera[None], points_m, size, is_person, part_of_triangle)


def render_many(
    scene: RayScene, camera: Camera, T_world_from_camera: np.ndarray, points_m: np.ndarray,
    size: tuple[int, int] = (64, 44), is_person: np.ndarray | None = None, part_of_triangle: np.ndarray | None = None,
    class_of_triangle: np.ndarray | None = None,
) -> Pictures:  # fmt: skip
    """Clean silhouettes of one person by V cameras with the same intrinsics.

    T_world_from_camera [V, 4, 4]; points_m [P, 3], the vertices of the person and of what they wear, in the world; is_person bool
    [F], False for triangles that only hide the person (None: all are the person's); part_of_triangle uint8 [F] asks for the map
    of body parts, class_of_triangle uint8 [F] for one of whatever shows, the person's or not, in the same window.

    The alignment of the field: cropped to the rows in which the person shows, stretched to H rows with the aspect kept, centred
    on the column where the cumulative column sum passes half. Each mask pixel shows the nearest native pixel, so that people far
    away look as blocky as they do in a real camera. Whoever is hidden, or shows in fewer than MIN_ROWS native rows, gives an
    empty mask.
    """
    T_world_from_camera = np.asarray(T_world_from_camera, dtype=np.float64)
    views = len(T_world_from_camera)
    height, width = size
    person = np.append(np.ones(len(scene.triangles), bool) if is_person is None else is_person, False)  # [-1]: a miss
    masks = np.zeros((views, height, width), np.uint8)
    parts = None if part_of_triangle is None else np.zeros_like(masks)
    classes = None if class_of_triangle is None else np.zeros_like(masks)
    class_of = None if class_of_triangle is None else np.append(class_of_triangle, np.uint8(0))
    boxes = np.full((views, 4), np.nan)
    crops = _crops(camera, T_world_from_camera, points_m)  # [V, 4] native, of whole pixels
    todo = np.flatnonzero(crops[:, 2] - crops[:, 0] >= MIN_ROWS)
    for attempt in range(2):  # a second time only where an occluder, or a crown thinner than a pixel, left the outer rows empty
        if not len(todo):
            break
        triangles, u, v = _cast(scene, camera, T_world_from_camera[todo], crops[todo], height)
        seen = person[triangles] & (u < camera.width)[:, None, :]  # rays beyond the right border were cast for a common width
        full = seen[:, 0].any(1) & seen[:, -1].any(1)
        done = full | (attempt == 1)
        some = seen.any((1, 2))
        for k in np.flatnonzero(done & some):
            view = todo[k]
            centred, boxes[view] = centre(seen[k], crops[view], width)
            masks[view] = window(seen[k], centred, width) * np.uint8(PERSON)
            if parts is not None and part_of_triangle is not None:
                shown = np.where(seen[k], part_of_triangle[triangles[k]], 0).astype(np.uint8)
                parts[view] = window(shown, centred, width)
            if classes is not None and class_of is not None:
                classes[view] = window(class_of[triangles[k]] * (u[k] < camera.width), centred, width)
        again = np.flatnonzero(~done & some)
        for k in again:
            crops[todo[k]] = _visible(seen[k], u[k], v[k])
        todo = todo[again]
        todo = todo[crops[todo, 2] - crops[todo, 0] >= MIN_ROWS]
    return Pictures(masks, boxes, parts, classes)


def _crops(camera: Camera, T_world_from_camera: np.ndarray, points_m: np.ndarray) -> np.ndarray:
    """The box (top, left, bottom, right) of whole native pixels around the points in each picture: float64 [V, 4]; zero where none."""
    rotation = T_world_from_camera[:, :3, :3].astype(np.float32)
    position = T_world_from_camera[:, :3, 3].astype(np.float32)
    back = np.swapaxes(rotation, 1, 2)
    x, y, depth = np.moveaxis(back @ points_m.T.astype(np.float32) - back @ position[..., None], 1, 0)  # [V, P] each: fast to reduce
    front = depth > NEAR_M
    depth = np.where(front, depth, np.float32(np.nan))
    u, v = x / depth * camera.fx + camera.cx, y / depth * camera.fy + camera.cy
    if not front.all():
        visible = front.any(1)
        u[~visible] = v[~visible] = -np.inf
    low = np.stack([np.fmin.reduce(v, axis=1), np.fmin.reduce(u, axis=1)], axis=1)
    high = np.stack([np.fmax.reduce(v, axis=1), np.fmax.reduce(u, axis=1)], axis=1)
    last = np.array([camera.height - 1, camera.width - 1])
    low, high = np.ceil(np.clip(low, 0, last + 1)) - 0.5, np.floor(np.clip(high, -1, last)) + 0.5
    crops = np.concatenate([low, high], axis=1).astype(np.float64)
    crops[(high <= low).any(1)] = 0.0
    return crops


def _cast(
    scene: RayScene, camera: Camera, T_world_from_camera: np.ndarray, crops: np.ndarray, height: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """First triangles int32 [V, H, C] in the crops, sampled at H rows and square steps; native columns u [V, C] and rows v [V, H].

    C is common to all views: the widest crop. Directions are a sum of a row's and a column's part, and need no unit length here.
    """
    step = (crops[:, 2] - crops[:, 0]) / height  # native pixels a mask pixel
    columns = max(1, int(np.ceil(((crops[:, 3] - crops[:, 1]) / step).max() - 1e-9)))
    v = np.rint(crops[:, :1] + (np.arange(height) + 0.5) * step[:, None])
    u = np.rint(crops[:, 1:2] + (np.arange(columns) + 0.5) * step[:, None])
    rotation = T_world_from_camera[:, :3, :3, None]
    down = (rotation[:, :, 1] * ((v - camera.cy) / camera.fy)[:, None] + rotation[:, :, 2]).astype(np.float32)  # [V, 3, H]
    right = (rotation[:, :, 0] * ((u - camera.cx) / camera.fx)[:, None]).astype(np.float32)  # [V, 3, C]
    directions = np.empty((len(crops), height, columns, 3), np.float32)
    for axis in range(3):  # NumPy is slow where the last axis is short
        np.add(down[:, axis, :, None], right[:, axis, None, :], out=directions[..., axis])
    origins = np.repeat(T_world_from_camera[:, :3, 3].astype(np.float32), height * columns, axis=0)
    found = scene.first_triangle(origins, directions.reshape(-1, 3))
    return found.reshape(directions.shape[:3]), u, v


def _visible(seen: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """The box [4] of native pixels around what shows: seen [H, C] at columns u [C] and rows v [H]."""
    rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
    return np.array([v[rows[0]] - 0.5, u[columns[0]] - 0.5, v[rows[-1]] + 0.5, u[columns[-1]] + 0.5])
