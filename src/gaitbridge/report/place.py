"""A place for filmed walkers: a paved yard before a wall, as a camera sees it that stands still while nobody is there."""

from __future__ import annotations

import numpy as np

from gaitbridge.conventions import stream
from gaitbridge.geometry.camera import Camera

FINE = 2  # rays a pixel along each axis
WALL_M = 3.2  # the wall stands so far behind the way, seen from the camera
SLAB_M, BRICK_M, JOINT_M = (0.8, 0.6), (0.30, 0.10), 0.012
STONE, MORTAR = np.array([0.80, 0.76, 0.68]), np.array([0.70, 0.67, 0.60])
BRICK, BRICK_JOINT = np.array([0.86, 0.74, 0.62]), np.array([0.80, 0.72, 0.63])
UNEVEN, BASE_M = 0.10, 0.35  # how much stones differ; height of the wall's plinth
PLINTH = np.array([0.62, 0.60, 0.57])


def yard(camera: Camera, T_world_from_camera: np.ndarray, seed: int = 0) -> np.ndarray:
    """The picture uint8 [H, W, 3] of the empty place. The wall stands across the camera's axis, beyond the origin."""
    fine = Camera(camera.fx * FINE, camera.fy * FINE, (camera.cx + 0.5) * FINE - 0.5, (camera.cy + 0.5) * FINE - 0.5, camera.width * FINE,
                  camera.height * FINE)  # fmt: skip
    rows, columns = np.mgrid[: fine.height, : fine.width]
    rays = fine.rays(np.stack([columns, rows], -1).reshape(-1, 2).astype(float)) @ T_world_from_camera[:3, :3].T
    origin = T_world_from_camera[:3, 3]
    away = -origin[:2] / np.linalg.norm(origin[:2])  # from the camera towards the origin, on the ground
    across = np.array([-away[1], away[0]])
    with np.errstate(divide="ignore"):
        to_ground = np.where(rays[:, 2] < 0, -origin[2] / rays[:, 2], np.inf)
        to_wall = (WALL_M - origin[:2] @ away) / (rays[:, :2] @ away)
    on_ground = to_ground < to_wall
    points = origin + np.where(on_ground, to_ground, to_wall)[:, None] * rays
    along = points[:, :2] @ across
    ground = _laid(points[:, :2] @ away, along, SLAB_M, STONE, MORTAR, seed)
    wall = np.where((points[:, 2] < BASE_M)[:, None], PLINTH, _laid(points[:, 2], along, BRICK_M[::-1], BRICK, BRICK_JOINT, seed + 1))
    near_wall = np.exp(-np.abs(points[:, :2] @ away - WALL_M) / 0.35)  # the corner is darker
    shade = np.where(on_ground, 1 - 0.3 * near_wall, 0.93 - 0.18 * np.exp(-points[:, 2] / 0.3))
    picture = np.where(on_ground[:, None], ground, wall) * shade[:, None] * _uneven(points, seed)[:, None]
    coarse = picture.reshape(camera.height, FINE, camera.width, FINE, 3).mean((1, 3))
    return np.asarray(np.rint(255 * np.clip(coarse, 0, 1)), np.uint8)


def _laid(down: np.ndarray, along: np.ndarray, size_m: tuple[float, float], stone: np.ndarray, joint: np.ndarray, seed: int) -> np.ndarray:
    """Colours [P, 3] of stones laid in rows, every other one moved by half a stone."""
    row = np.floor(down / size_m[0]).astype(int)
    moved = along + np.where(row % 2, 0.5, 0.0) * size_m[1]
    column = np.floor(moved / size_m[1]).astype(int)
    tones = stream(seed, "stones").uniform(1 - UNEVEN, 1 + UNEVEN, (64, 64))[row % 64, column % 64]
    below, aside = down - row * size_m[0], moved - column * size_m[1]
    edge = np.minimum(np.minimum(below, size_m[0] - below), np.minimum(aside, size_m[1] - aside))
    return np.where((edge < JOINT_M)[:, None], joint, stone * tones[:, None])


def _uneven(points: np.ndarray, seed: int) -> np.ndarray:
    """Slow differences of brightness [P], as dust and rain leave them."""
    random = stream(seed, "dust")
    made = np.ones(len(points))
    for _ in range(6):
        direction, turn = random.standard_normal(3), random.uniform(0, 2 * np.pi)
        made += 0.012 * np.sin(points @ direction * 2.2 + turn)
    return made
