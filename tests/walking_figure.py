"""A walking figure of capsules, and slow pictures of it to compare with."""

from functools import lru_cache
from pathlib import Path

import numpy as np

from gaitbridge.geometry import transforms
from gaitbridge.geometry.camera import Camera
from gaitbridge.geometry.rays import RayScene
from gaitbridge.simulation.sensors import silhouette_camera as camera

SHARED = Path(__file__).parents[1].parent / "shared"


LENS = camera.SilhouetteCamera().camera


Mesh = tuple[np.ndarray, np.ndarray, np.ndarray]


def capsule(start: np.ndarray, end: np.ndarray, radius: tuple[float, float], around: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """A tapering tube with round ends, closed enough for rays: vertices [V, 3], triangles [F, 3]."""
    length = float(np.linalg.norm(end - start))
    forward = (end - start) / length
    side = np.cross(forward, [0.0, 1.0, 0.3])
    side /= np.linalg.norm(side)
    other = np.cross(forward, side)
    bend = np.linspace(0.01, np.pi / 2, 5)
    along = np.concatenate([-radius[0] * np.cos(bend), length + radius[1] * np.sin(bend - 0.01)])
    out = np.concatenate([radius[0] * np.sin(bend), radius[1] * np.cos(bend - 0.01)])
    turn = np.linspace(0, 2 * np.pi, around, endpoint=False)
    ring = np.cos(turn)[:, None] * side + np.sin(turn)[:, None] * other
    vertices = (start + along[:, None, None] * forward + out[:, None, None] * ring).reshape(-1, 3)
    first = np.arange(len(along) - 1)[:, None] * around
    here, there = first + np.arange(around), first + (np.arange(around) + 1) % around
    triangles = np.stack([here, there, here + around, there, there + around, here + around], -1).reshape(-1, 3)
    return vertices, triangles


@lru_cache(maxsize=64)
def figure(swing: float = 0.4, height_m: float = 1.75) -> Mesh:
    """A walker along +x with its left at +y, standing on z = 0: vertices [V, 3], triangles [F, 3] and the part of each triangle [F]."""
    down = np.array([0.0, 0.0, -1.0])

    def towards(angle: float) -> np.ndarray:
        return np.array([np.sin(angle), 0, 0]) + np.cos(angle) * down

    limbs = [(np.array([0, 0, 1.42]), np.array([0, 0, 0.98]), (0.17, 0.15), 2), (np.array([0, 0, 1.58]), np.array([0.02, 0, 1.66]), (0.09, 0.09), 1)]
    for side, arm, leg in ((1, 3, 5), (-1, 4, 6)):
        hip, shoulder = np.array([0, 0.1 * side, 0.92]), np.array([0, 0.21 * side, 1.4])
        knee = hip + 0.42 * towards(side * swing)
        ankle = knee + 0.42 * towards(side * swing - 0.15)
        elbow = shoulder + 0.28 * towards(-side * swing)
        wrist = elbow + 0.30 * towards(-side * swing + 0.3)
        limbs += [(hip, knee, (0.085, 0.06), leg), (knee, ankle, (0.06, 0.04), leg), (ankle, ankle + np.array([0.17, 0, -0.02]), (0.035, 0.03), leg)]
        limbs += [(shoulder, elbow, (0.055, 0.04), arm), (elbow, wrist, (0.04, 0.035), arm)]
    vertices, triangles, parts, count = [], [], [], 0
    for start, end, radius, part in limbs:
        own, faces = capsule(start, end, radius)
        vertices.append(own)
        triangles.append(faces + count)
        parts += [part] * len(faces)
        count += len(own)
    points = np.concatenate(vertices)
    points[:, 2] -= points[:, 2].min()
    points *= height_m / points[:, 2].max()
    return points.astype(np.float32), np.concatenate(triangles).astype(np.int32), np.array(parts, np.uint8)


def with_wall(mesh: Mesh, corners: list[list[float]]) -> tuple[RayScene, np.ndarray]:
    """The figure and one flat quadrilateral in one scene, and which triangles are the person's."""
    vertices, triangles, _ = mesh
    quad = np.array([[0, 1, 2], [0, 2, 3]]) + len(vertices)
    scene = RayScene(np.concatenate([vertices, np.array(corners)]), np.concatenate([triangles, quad]))
    return scene, np.arange(len(scene.triangles)) < len(triangles)


def around(distance_m: float, angle_deg: float, height_m: float = 1.6) -> np.ndarray:
    angle = np.deg2rad(angle_deg)
    return np.array([distance_m * np.cos(angle), distance_m * np.sin(angle), height_m])


def facing(distance_m: float, angle_deg: float = 0.0, height_m: float = 1.6) -> tuple[np.ndarray, np.ndarray]:
    """A camera's and a LiDAR's pose at the same place, both towards the figure."""
    position = around(distance_m, angle_deg, height_m)
    return transforms.look_at(position, np.array([0, 0, 0.9])), transforms.sensor_pose(position, np.arctan2(-position[1], -position[0]))


def native_mask(lens: Camera, T_world_from_camera: np.ndarray, mesh: Mesh) -> np.ndarray:
    """The slow twin: the whole native picture bool [height, width] by edge functions of each projected triangle."""
    vertices, triangles, _ = mesh
    pixels, depth = lens.project(transforms.apply(transforms.inverse(T_world_from_camera), vertices.astype(float)))
    assert depth.min() > 0
    mask = np.zeros((lens.height, lens.width), bool)
    for corners in pixels[triangles]:
        low = np.maximum(np.ceil(corners.min(0)).astype(int), 0)
        high = np.minimum(np.floor(corners.max(0)).astype(int), [lens.width - 1, lens.height - 1])
        if (high < low).any():
            continue
        u, v = np.meshgrid(np.arange(low[0], high[0] + 1), np.arange(low[1], high[1] + 1))
        ahead = np.roll(corners, -1, axis=0) - corners
        sides = [edge[0] * (v - start[1]) - edge[1] * (u - start[0]) for start, edge in zip(corners, ahead, strict=True)]
        inside = np.all([side >= 0 for side in sides], axis=0) | np.all([side <= 0 for side in sides], axis=0)
        mask[low[1] : high[1] + 1, low[0] : high[0] + 1] |= inside
    return mask


def aligned(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The field's alignment of a native mask in plain words: crop by rows, resize to the nearest pixel, cut around the median column."""
    rows = np.flatnonzero(mask.any(1))
    columns = np.flatnonzero(mask.any(0))
    crop = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    step = len(crop) / size[0]
    row = np.rint(-0.5 + (np.arange(size[0]) + 0.5) * step).astype(int)
    column = np.rint(-0.5 + (np.arange(int(np.ceil(crop.shape[1] / step))) + 0.5) * step).astype(int)
    inside = column < crop.shape[1]
    small = crop[np.clip(row, 0, len(crop) - 1)][:, np.clip(column, 0, crop.shape[1] - 1)] & inside
    total = small.sum(0).cumsum()
    middle = int(np.argmax(total > total[-1] / 2))
    wide = np.pad(small, ((0, 0), (size[1], size[1])))
    return wide[:, middle + size[1] - size[1] // 2 :][:, : size[1]]


def overlap(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    a, b = a > 0, b > 0
    return np.asarray((a & b).sum((-1, -2)) / np.maximum((a | b).sum((-1, -2)), 1))
