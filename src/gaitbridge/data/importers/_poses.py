"""Keypoints of others as the store takes them: COCO's 17 as they are (`keypoints`), as skeletons of networks, and drawn as pose heatmaps.

Lists come as arrays [T, 17, 3] (column, row, confidence), without confidences, flat [T, 51], or as COCO's own results: a list of {"keypoints": [51
numbers]}. Keypoints in space ([T, 24, 3] in SMPL's order or [T, 17, 3] in COCO's, metres about a sensor at the origin) are drawn as that sensor sees
them; whether they are in that order is judged by where head, hips and ankles stand.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gaitbridge.data.contents import content_problem
from gaitbridge.data.importers._arrays import WITHOUT, frames_of
from gaitbridge.data.importers._dataset import Arrays, Reading
from gaitbridge.errors import UserError, words_of
from gaitbridge.geometry.skeleton_maps import skeleton_maps

POSE_FIELDS = ("keypoints", "skeletons", "pose_heatmaps")
JOINTS = 17
SIZE = (64, 64)  # of pose heatmaps, as silhouettes are published
TALLEST_M = 3.0  # keypoints as high as this and more are pixels
NEAREST_M = 1.0  # keypoints nearer to the origin than this are not seen from there
SMPL_TO_COCO = (15, 15, 15, 15, 15, 16, 17, 18, 19, 20, 21, 1, 2, 4, 5, 7, 8)  # SMPL's joints have no face: all of it is the head


def poses(reading: Reading, value: Any, path: Path) -> Arrays:
    """`keypoints`, `skeletons` and `pose_heatmaps` of a list of COCO's 17 keypoints; UserError where it is none. Drawn only where wanted."""
    found = keypoints_of(reading, value, path)
    made = {"keypoints": found}
    if reading.wants("skeletons"):
        made |= _kept(reading, "skeletons", _skeletons(reading, found, path), path)
    if reading.wants("pose_heatmaps"):
        made |= _kept(reading, "pose_heatmaps", skeleton_maps(found, SIZE), path)
    return {name: array for name, array in made.items() if reading.wants(name)}


def keypoints_of(reading: Reading, value: Any, path: Path) -> np.ndarray:
    """float32 [T, 17, 3] of a list in any of the forms at the head of this file."""
    if isinstance(value, Mapping):
        value = value.get("annotations", [value] if "keypoints" in value else value)
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        lacking = next((number for number, one in enumerate(value) if not isinstance(one, Mapping) or "keypoints" not in one), None)
        if lacking is not None:
            raise UserError(f"{path}: entry {lacking} of its list has no 'keypoints': {WITHOUT}")
        value = [one["keypoints"] for one in value]
    given = frames_of(value, path)
    if given.ndim == 4 and given.shape[1] == 1:
        given = given[:, 0]
    if given.ndim == 2 and given.shape[1] in (2 * JOINTS, 3 * JOINTS):
        given = given.reshape(len(given), JOINTS, -1)
    if given.ndim != 3 or given.shape[1] != JOINTS or given.shape[2] not in (2, 3):
        raise UserError(f"{path} holds [{', '.join(map(str, given.shape))}] instead of COCO's keypoints [T, 17, 3]: {WITHOUT}")
    if given.shape[2] == 2:
        reading.note("keypoints without confidences, taken as sure", path)
        given = np.concatenate([given, np.ones((*given.shape[:2], 1))], axis=2)
    return given.astype(np.float32)


def read_json(path: Path) -> Any:
    """What a file of COCO's results holds. UserError where it is no JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} is no JSON that can be read ({words_of(error)}): {WITHOUT}") from error


def _skeletons(reading: Reading, keypoints: np.ndarray, path: Path) -> np.ndarray:
    """Keypoints as networks take them: a joint that is not finite was not found, which is zero."""
    unknown = ~np.isfinite(keypoints).all(2)
    made = np.where(unknown[..., None], 0, keypoints).astype(np.float32)
    if (made[..., 2] < 0).any():
        reading.note("confidences below 0 in skeletons, taken for 0", path)
        made[..., 2] = np.maximum(made[..., 2], 0)
    return made


def _kept(reading: Reading, name: str, array: np.ndarray, path: Path) -> Arrays:
    """The array, or nothing and a note where it shows nothing."""
    if problem := content_problem(name, array):
        reading.note(f"no {name}, since it {problem.split(':')[0]}", path)
        return {}
    return {name: array}


def poses_in_space(reading: Reading, value: Any, path: Path) -> Arrays:
    """`pose_heatmaps` of keypoints in space, as their sensor sees them; nothing and a note where order or place cannot be what they must be.

    Keypoints that turn out to lie in a picture are taken as `poses` does.
    """
    given = frames_of(value, path).astype(float)
    if given.ndim == 4 and given.shape[1] == 1:
        given = given[:, 0]
    if given.ndim != 3 or given.shape[2] < 3 or given.shape[1] not in (JOINTS, 24):
        reading.note("keypoints in space of a form that is not known, left out", f"{path} [{', '.join(map(str, given.shape))}]")
        return {}
    given = given[..., :3]
    if given.shape[1] == JOINTS and np.nanmedian(np.ptp(given[..., 1], axis=1)) > TALLEST_M:
        return poses(reading, given, path)
    coco = given[:, SMPL_TO_COCO] if given.shape[1] == 24 else given
    seen = seen_from_origin(coco)
    if isinstance(seen, str):
        reading.note(f"keypoints in space left out: {seen}", path)
        return {}
    return _kept(reading, "pose_heatmaps", skeleton_maps(seen, SIZE), path)


def seen_from_origin(points: np.ndarray) -> np.ndarray | str:
    """Keypoints [T, 17, 3] in metres, COCO's order, as a sensor at the origin sees them from level: [T, 17, 3] of right, down (m), confidence 1.

    Which axis is up is where the head stands over the ankles. A text where no axis is, or where they are not about a sensor.
    """
    head, hips, ankles = points[:, 0], points[:, (11, 12)].mean(1), points[:, (15, 16)].mean(1)
    rises = head - ankles
    if not np.isfinite(rises).any(axis=0).all():
        return "most are not finite"
    rise = np.nanmedian(rises, axis=0)
    if not np.isfinite(rise).all():
        return "most are not finite"
    axis = int(np.abs(rise).argmax())
    up = np.eye(3)[axis] * np.sign(rise[axis])
    if not 0.5 < abs(rise[axis]) < TALLEST_M or not np.nanmedian((hips - ankles) @ up) > 0 or not np.nanmedian((head - hips) @ up) > 0:
        return "head, hips and ankles do not stand over each other as in COCO's or SMPL's order"
    level = hips - (hips @ up)[:, None] * up
    away = np.linalg.norm(level, axis=1)
    if not np.nanmedian(away) > NEAREST_M:
        return "they are not about a sensor at the origin, so nothing says from where they are seen"
    right = np.cross(level / np.maximum(away, 1e-9)[:, None], up)  # looking along x with z up, the right is -y
    across = np.einsum("tjk,tk->tj", points, right)
    return np.stack([across, -(points @ up), np.ones(points.shape[:2])], axis=2)
