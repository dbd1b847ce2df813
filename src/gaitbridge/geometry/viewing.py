"""3D points as one camera or LiDAR sees them: in metres about a root, along the viewing ray; and where they show in its picture of a person."""

from typing import NamedTuple

import numpy as np

from gaitbridge.geometry.range_view import to_spherical

BANDS = 16  # of a range view's height, in which outlines are compared


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


def range_view_of(root_m: np.ndarray, surface_m: np.ndarray, T_world_from_lidar: np.ndarray, range_views: np.ndarray) -> View:
    """The view of a root [T, 3] by a LiDAR [4, 4] whose aligned range views [T, H, W] are at hand, but not where they were cut out.

    That is found by the surface of the person without clothes, [T, V, 3] (all points in the world, metres): its highest and lowest points lie at the
    first and last row with returns, and the middles of its outline, band by band, at those of the picture (the median, so that a bag does not
    count). Pixels are steps of an angle, the same across and down. Off by clothes, hair and half a beam: some cm.
    """
    frames, height, _ = range_views.shape
    rotation, position = T_world_from_lidar[:3, :3].astype(float), T_world_from_lidar[:3, 3].astype(float)
    root, surface = (root_m.astype(float) - position) @ rotation, (surface_m.astype(float) - position) @ rotation
    distance = np.linalg.norm(root, axis=1)
    z = root / distance[:, None]
    x = np.stack([z[:, 1], -z[:, 0], np.zeros(len(z))], axis=1)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    R_view_from_world = np.stack([x, np.cross(z, x), z], axis=1) @ rotation.T
    azimuth, elevation, _ = to_spherical(surface)
    root_azimuth, root_elevation, _ = to_spherical(root)
    across = (root_azimuth[:, None] - azimuth + np.pi) % (2 * np.pi) - np.pi            # [T, V] to the right of the root
    root_px, step = np.zeros((frames, 2)), np.zeros(frames)
    for frame, view in enumerate(range_views):
        back = np.isfinite(view)
        rows = np.flatnonzero(back.any(1))
        if not len(rows):
            continue
        top = elevation[frame].max()
        step[frame] = (top - elevation[frame].min()) / (rows[-1] + 1 - rows[0])
        down = (top - elevation[frame]) / step[frame] + rows[0]                         # in rows from the picture's top edge
        row, column = np.nonzero(back)
        columns = _outline_middle(row, column, height) - _outline_middle(down, across[frame] / step[frame], height)
        middle = np.median(columns[np.isfinite(columns)]) if np.isfinite(columns).any() else np.nan
        root_px[frame] = middle, (top - root_elevation[frame]) / step[frame] + rows[0] - 0.5
    seen = (step > 0) & np.isfinite(root_px).all(1)
    scale = np.where(seen, height * step * distance, 1.0)
    return View(R_view_from_world.astype(np.float32), np.where(seen[:, None], root_px, 0.0).astype(np.float32), scale.astype(np.float32), seen)


def _outline_middle(rows: np.ndarray, columns: np.ndarray, height: int) -> np.ndarray:
    """Half-way between the leftmost and the rightmost of points in each of `BANDS` bands of a picture's height; NaN where a band has none."""
    band = np.clip((rows * BANDS / height).astype(np.intp), 0, BANDS - 1)
    left, right = np.full(BANDS, np.inf), np.full(BANDS, -np.inf)
    np.minimum.at(left, band, columns)
    np.maximum.at(right, band, columns)
    return np.where(np.isfinite(left), (np.where(np.isfinite(left), left, 0) + np.where(np.isfinite(right), right, 0)) / 2, np.nan)


def about_root(points_m: np.ndarray, root_m: np.ndarray, view: View) -> np.ndarray:
    """World points [T, P, 3] about the root [T, 3] along the viewing ray: float32 [T, P, 3], x right, y down, z away."""
    relative = (points_m - root_m[:, None]).astype(np.float32)
    return np.einsum("tab,tpb->tpa", view.R_view_from_world, relative, optimize=True)
