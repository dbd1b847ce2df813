"""Shaded pictures of meshes: the simulator's own ray caster finds what is seen, and a few lines of NumPy light it.

Legend: V vertices, F triangles, H/W pixels, P pixels that show something.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gaitbridge.geometry.camera import Camera
from gaitbridge.geometry.rays import RayScene

FINE = 2  # rays a pixel along each axis
LAMP = np.array([-0.45, -0.55, -0.70], np.float32) / np.linalg.norm([-0.45, -0.55, -0.70])  # the same, in the camera's axes
SKY, FLOOR, LIGHT = np.float32(0.66), np.float32(0.34), np.float32(0.72)  # light from above, from below, and from the sun on what faces it
SHARP = 4  # how sharp the border of two colours is within a triangle
SKIP_M = 0.004  # a ray to the light starts this far off the surface, so that it does not meet it again
SHADOW, SHADOW_RADIUS_M = 0.42, 1.6  # how dark the ground's shadow is, and how far from the walker's middle it fades out
SPREAD = 0.10  # radius of the sun's disc seen from one metre: shadows have soft edges
SUNS = np.array([[0.0, 0.0], [0.9, 0.1], [-0.4, 0.8], [-0.5, -0.8], [0.35, -0.55], [-0.75, 0.15], [0.3, 0.65]], np.float32)  # points of that disc


@dataclass(frozen=True)
class Mesh:
    """What is drawn: vertices_m float32 [V, 3], triangles int32 [F, 3], unit normals and colours (0 to 1) float32 [V, 3]."""

    vertices_m: np.ndarray
    triangles: np.ndarray
    normals: np.ndarray
    colours: np.ndarray


def shade(mesh: Mesh, camera: Camera, T_world_from_camera: np.ndarray, sun: np.ndarray | None = None) -> np.ndarray:
    """A picture uint8 [H, W, 4] of a mesh, transparent where there is none.

    sun: the direction [3] towards it; then shadows fall on the mesh itself and on the floor at z = 0. None: a lamp beside the camera.
    """
    rows, columns = camera.height * FINE, camera.width * FINE
    origin = T_world_from_camera[:3, 3].astype(np.float32)
    directions = _directions(camera, T_world_from_camera)
    scene = RayScene(mesh.vertices_m, mesh.triangles)
    away, hit = scene.first_hit(origin, directions)
    image = np.zeros((rows * columns, 4), np.float32)
    seen = np.flatnonzero(hit >= 0)
    points = origin + away[seen, None] * directions[seen]
    shares = _shares(mesh, hit[seen], points)
    normals = _normals(mesh, hit[seen], shares, directions[seen])
    light = T_world_from_camera[:3, :3] @ LAMP if sun is None else np.asarray(sun) / np.linalg.norm(sun)
    light = light.astype(np.float32)
    facing = np.clip(normals @ light, 0, None)
    if sun is not None:
        facing *= _lit(scene, points + SKIP_M * normals, light[None])
    above = 0.5 + 0.5 * normals[:, 2]
    rim = (1 + np.einsum("pc,pc->p", normals, directions[seen])) ** 3  # the outline is a little lighter, which parts limbs from the trunk
    bright = FLOOR + (SKY - FLOOR) * above + LIGHT * facing + 0.12 * rim
    image[seen, :3] = np.clip(_colours(mesh, hit[seen], shares) * bright[:, None], 0, 1)
    image[seen, 3] = 1.0
    if sun is not None:
        _floor(image, scene, light, origin, directions, np.flatnonzero(hit < 0), mesh.vertices_m)
    image[:, :3] *= image[:, 3:]
    coarse = image.reshape(camera.height, FINE, camera.width, FINE, 4).mean((1, 3))
    coarse[..., :3] /= np.maximum(coarse[..., 3:], 1e-6)
    picture: np.ndarray = np.rint(255 * np.clip(coarse, 0, 1)).astype(np.uint8)
    return picture


def over(picture: np.ndarray, background: np.ndarray | tuple[int, int, int]) -> np.ndarray:
    """A picture uint8 [H, W, 4] on a background, a colour or uint8 [H, W, 3]: uint8 [H, W, 3]."""
    share = picture[..., 3:].astype(np.float32) / 255
    mixed: np.ndarray = np.rint(picture[..., :3] * share + np.asarray(background, np.float32) * (1 - share)).astype(np.uint8)
    return mixed


def _directions(camera: Camera, T_world_from_camera: np.ndarray) -> np.ndarray:
    """Unit directions float32 [R, 3] in the world through a grid that is FINE times as fine as the pixels."""
    rotation = T_world_from_camera[:3, :3].astype(np.float32)
    u, v = ((np.arange(count * FINE, dtype=np.float32) + 0.5) / FINE - 0.5 for count in (camera.width, camera.height))
    right = rotation[:, 0] * ((u - np.float32(camera.cx)) / np.float32(camera.fx))[:, None]
    down = rotation[:, 1] * ((v - np.float32(camera.cy)) / np.float32(camera.fy))[:, None] + rotation[:, 2]
    rays = (down[:, None] + right).reshape(-1, 3)
    unit: np.ndarray = rays / np.sqrt(np.einsum("rc,rc->r", rays, rays))[:, None]
    return unit


def _shares(mesh: Mesh, hit: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The shares float32 [P, 3] of a triangle's corners in points on it: barycentric coordinates."""
    a, b, c = (mesh.vertices_m[mesh.triangles[hit, corner]] for corner in range(3))
    across, along, to = b - a, c - a, points - a
    aa, ab, bb = (np.einsum("pc,pc->p", one, other) for one, other in ((across, across), (across, along), (along, along)))
    ta, tb = np.einsum("pc,pc->p", to, across), np.einsum("pc,pc->p", to, along)
    area = np.maximum(aa * bb - ab * ab, 1e-20)
    second, third = np.clip((bb * ta - ab * tb) / area, 0, 1), np.clip((aa * tb - ab * ta) / area, 0, 1)
    return np.stack([np.clip(1 - second - third, 0, 1), second, third], -1)


def _normals(mesh: Mesh, hit: np.ndarray, shares: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Unit normals float32 [P, 3] at points on triangles, between those of the corners, turned towards the viewer."""
    normals = np.einsum("pk,pkc->pc", shares, mesh.normals[mesh.triangles[hit]])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    facing: np.ndarray = np.where(np.einsum("pc,pc->p", normals, directions)[:, None] > 0, -normals, normals)  # cloth is seen from inside, too
    return facing


def _colours(mesh: Mesh, hit: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Colours float32 [P, 3] at points on triangles: the nearest corner's, so that the border of two garments cuts through triangles."""
    sharp = shares**SHARP
    mixed: np.ndarray = np.einsum("pk,pkc->pc", sharp / sharp.sum(1, keepdims=True), mesh.colours[mesh.triangles[hit]])
    return mixed


def _lit(scene: RayScene, points: np.ndarray, towards: np.ndarray) -> np.ndarray:
    """The share [P] of the lights in the directions `towards` [S, 3] that reaches each point."""
    reached = np.zeros(len(points), np.float32)
    for direction in towards:
        reached += scene.first_triangle(points, np.broadcast_to(direction, points.shape)) < 0
    return reached / np.float32(len(towards))


def _floor(
    image: np.ndarray, scene: RayScene, sun: np.ndarray, origin: np.ndarray, directions: np.ndarray, missed: np.ndarray, vertices_m: np.ndarray
) -> None:
    """The shadow on the floor, a see-through black, written to the pixels that show no mesh."""
    down = missed[directions[missed, 2] < -1e-3]
    points = origin - (origin[2] / directions[down, 2])[:, None] * directions[down]
    middle = vertices_m[:, :2].mean(0)
    near = np.linalg.norm(points[:, :2] - middle, axis=1) < SHADOW_RADIUS_M
    down, points = down[near], points[near]
    points[:, 2] = SKIP_M
    side = np.cross(sun, [0.0, 0.0, 1.0]).astype(np.float32)
    side /= np.linalg.norm(side)
    suns = sun + SPREAD * (SUNS[:, :1] * side + SUNS[:, 1:] * np.cross(side, sun).astype(np.float32))
    fades = np.clip(3 * (1 - np.linalg.norm(points[:, :2] - middle, axis=1) / SHADOW_RADIUS_M), 0, 1)
    image[down, 3] = SHADOW * fades * (1 - _lit(scene, points, suns))
