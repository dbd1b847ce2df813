"""Rigid transforms: `T_target_from_source` [..., 4, 4] maps column vectors; `apply(T, points)` takes source points to the target frame."""

import numpy as np
from scipy.spatial.transform import Rotation


def rigid(rotation: np.ndarray, translation: np.ndarray) -> np.ndarray:
    """Transforms from rotations [..., 3, 3] and translations [..., 3] (metres): float64 [..., 4, 4]."""
    rotation, translation = np.asarray(rotation, dtype=np.float64), np.asarray(translation, dtype=np.float64)
    T = np.zeros((*np.broadcast_shapes(rotation.shape[:-2], translation.shape[:-1]), 4, 4))
    T[..., :3, :3] = rotation
    T[..., :3, 3] = translation
    T[..., 3, 3] = 1.0
    return T


def inverse(T: np.ndarray) -> np.ndarray:
    """`T_source_from_target` of `T_target_from_source` [..., 4, 4]; exact for rigid transforms only."""
    rotation = np.swapaxes(T[..., :3, :3], -1, -2)
    return rigid(rotation, -(rotation @ T[..., :3, 3:])[..., 0])


def apply(T: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points [..., P, 3] of the source frame in the target frame of T [..., 4, 4]; leading axes broadcast, the points' dtype stays."""
    rotation, translation = T[..., :3, :3].astype(points.dtype), T[..., :3, 3].astype(points.dtype)
    moved: np.ndarray = points @ np.swapaxes(rotation, -1, -2) + translation[..., None, :]
    return moved


def about_axis(axis: str, angle: float | np.ndarray) -> np.ndarray:
    """Rotation matrices [..., 3, 3] by `angle` radians [...] about "x", "y" or "z", anticlockwise seen from the axis' tip."""
    matrices: np.ndarray = Rotation.from_euler(axis, np.ravel(angle)[:, None]).as_matrix()
    return matrices.reshape(*np.shape(angle), 3, 3)


def from_rotation_vector(vectors: np.ndarray) -> np.ndarray:
    """Rotation matrices [..., 3, 3] of rotation vectors [..., 3] (axis times angle in radians)."""
    vectors = np.asarray(vectors, dtype=np.float64)
    matrices: np.ndarray = Rotation.from_rotvec(vectors.reshape(-1, 3)).as_matrix()
    return matrices.reshape(*vectors.shape[:-1], 3, 3)


def to_rotation_vector(matrices: np.ndarray) -> np.ndarray:
    """Rotation vectors [..., 3] (axis times angle in radians, angle at most pi) of rotation matrices [..., 3, 3]."""
    matrices = np.asarray(matrices, dtype=np.float64)
    vectors: np.ndarray = Rotation.from_matrix(matrices.reshape(-1, 3, 3)).as_rotvec()
    return vectors.reshape(*matrices.shape[:-2], 3)


def look_at(position: np.ndarray, target: np.ndarray) -> np.ndarray:
    """`T_world_from_camera` [4, 4] of an upright camera at `position` [3] whose optical axis passes through `target` [3], metres.

    Camera axes: x right, y down, z forward. Raises ValueError where the camera would look straight up or down, since no
    direction is then upright.
    """
    position = np.asarray(position, dtype=np.float64)
    forward = np.asarray(target, dtype=np.float64) - position
    right = np.cross(forward, [0.0, 0.0, 1.0])
    if np.linalg.norm(right) <= 1e-9 * max(float(np.linalg.norm(forward)), 1e-9):
        raise ValueError(f"a camera at {position} cannot look upright at {np.asarray(target)}: the line between them is vertical")
    forward, right = forward / np.linalg.norm(forward), right / np.linalg.norm(right)
    return rigid(np.stack([right, np.cross(forward, right), forward], axis=-1), position)


def sensor_pose(position: np.ndarray, yaw: float, pitch: float = 0.0) -> np.ndarray:
    """`T_world_from_lidar` [4, 4] of a LiDAR (x forward, y left, z up) at `position` [3] metres, turned by `yaw` radians.

    A positive `pitch` (radians) tips the forward axis up.
    """
    return rigid(about_axis("z", yaw) @ about_axis("y", -pitch), np.asarray(position, dtype=np.float64))
