"""3D points as one camera sees them: in metres about a root, along the viewing ray; and where they show in a silhouette's window."""

from typing import NamedTuple

import numpy as np


class View(NamedTuple):
    """How T frames of one person are seen. Silhouettes know neither absolute distance nor the optical axis: the viewing ray is what counts.

    R_view_from_world [T, 3, 3]: rows x (right), y (down), z (from the camera to the root). root_px [T, 2]: column and row of the root in
    the silhouette. scale_m [T]: metres that the silhouette's height stands for at the root. seen [T].
    """

    R_view_from_world: np.ndarray
    root_px: np.ndarray
    scale_m: np.ndarray
    seen: np.ndarray


def view_of(
    root_m: np.ndarray, T_world_from_camera: np.ndarray, intrinsics: np.ndarray, boxes: np.ndarray, size: tuple[int, int]
) -> View:
    """The view of a root [T, 3] (world, metres) by a camera [4, 4] with intrinsics [6] (fx, fy, cx, cy, width, height).

    boxes [T, 4]: top, left, bottom, right in native pixels of the silhouettes' windows, NaN where the person is not seen; size: H, W.
    """
    height, width = size
    rotation, position = T_world_from_camera[:3, :3].astype(float), T_world_from_camera[:3, 3].astype(float)
    root = (root_m.astype(float) - position) @ rotation  # [T, 3] in the camera
    depth = root[:, 2]
    z = root / np.linalg.norm(root, axis=1, keepdims=True)
    x = np.stack([z[:, 2], np.zeros(len(z)), -z[:, 0]], axis=1)  # the camera's x, perpendicular to the ray
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    y = np.cross(z, x)
    R_view_from_world = np.stack([x, y, z], axis=1) @ rotation.T
    fx, fy, cx, cy = intrinsics[:4]
    top, left, bottom, right = boxes.astype(float).T
    tall = bottom - top
    with np.errstate(invalid="ignore", divide="ignore"):
        column = (root[:, 0] / depth * fx + cx - left) / (right - left) * width - 0.5
        row = (root[:, 1] / depth * fy + cy - top) / tall * height - 0.5
        scale = tall / fy * depth
    seen = np.isfinite(scale) & (depth > 0) & (tall > 0)
    root_px = np.where(seen[:, None], np.stack([column, row], axis=1), 0.0)
    return View(R_view_from_world.astype(np.float32), root_px.astype(np.float32), np.where(seen, scale, 1.0).astype(np.float32), seen)


def about_root(points_m: np.ndarray, root_m: np.ndarray, view: View) -> np.ndarray:
    """World points [T, P, 3] about the root [T, 3] along the viewing ray: float32 [T, P, 3], x right, y down, z away."""
    relative = (points_m - root_m[:, None]).astype(np.float32)
    return np.einsum("tab,tpb->tpa", view.R_view_from_world, relative, optimize=True)
