"""Shapes that props are made of: super-ellipsoids, tubes, domes. Triangles are outward by the right-hand rule."""

import numpy as np


def grid_triangles(rings: int, around: int, caps: bool = False) -> np.ndarray:
    """Triangles int32 [F, 3] of `rings` closed rings of `around` vertices each, ring after ring, anticlockwise seen from the last ring.

    `caps` closes both ends with a fan about two more vertices, numbered after the rings: the first ring's centre, the last ring's.
    """
    ring, turn = np.meshgrid(np.arange(rings - 1), np.arange(around), indexing="ij")
    a, b = np.ravel(ring * around + turn), np.ravel(ring * around + (turn + 1) % around)
    triangles = [np.stack([a, b, b + around], 1), np.stack([a, b + around, a + around], 1)]
    if caps:
        here, after = np.arange(around), (np.arange(around) + 1) % around
        top, first, last = (rings - 1) * around, np.full(around, rings * around), np.full(around, rings * around + 1)
        triangles += [np.stack([first, after, here], 1), np.stack([last, top + here, top + after], 1)]
    return np.concatenate(triangles).astype(np.int32)


def super_ellipsoid(
    size_m: tuple[float, float, float], corner: float = 0.5, rings: int = 7, around: int = 12
) -> tuple[np.ndarray, np.ndarray]:
    """A rounded box about the origin: vertices [V', 3] within +-size/2, and triangles.

    `corner` 1 is an ellipsoid, 0.1 nearly a box (the exponent of a super-ellipsoid, Barr 1981).
    """

    def bent(values: np.ndarray) -> np.ndarray:
        return np.sign(values) * np.abs(values) ** corner

    up = np.linspace(-np.pi / 2, np.pi / 2, rings + 2)[1:-1, None]
    turn = (np.arange(around) + 0.5)[None] * 2 * np.pi / around
    unit = np.stack([bent(np.cos(up)) * bent(np.cos(turn)), bent(np.cos(up)) * bent(np.sin(turn)), bent(np.sin(up)) + 0 * turn], -1)
    vertices = np.concatenate([unit.reshape(-1, 3), [[0, 0, -1], [0, 0, 1]]]) * np.asarray(size_m) / 2
    return vertices.astype(np.float32), grid_triangles(rings, around, caps=True)


def dome(radius_m: float, rise_m: float, rings: int = 5, ribs: int = 16) -> tuple[np.ndarray, np.ndarray]:
    """An open dome with its apex at the origin and its rim `rise_m` below: vertices [V', 3], and triangles."""
    from_apex = np.linspace(1.0, 1.0 / rings, rings)[:, None]
    turn = np.arange(ribs)[None] * 2 * np.pi / ribs
    ring = np.stack([from_apex * np.cos(turn), from_apex * np.sin(turn), 0 * turn - from_apex**2], -1)
    vertices = np.concatenate([ring.reshape(-1, 3), np.zeros((2, 3))]) * np.array([radius_m, radius_m, rise_m])
    vertices[-2] = (0, 0, -rise_m * 0.999 / rings**2)  # the fan of the first ring is dropped; its centre stays unused
    triangles = grid_triangles(rings, ribs, caps=True)
    return vertices.astype(np.float32), triangles[~(triangles == rings * ribs).any(1)]


def rod(start_m: np.ndarray, end_m: np.ndarray, radius_m: float, around: int = 6) -> np.ndarray:
    """Rods from start_m to end_m, both [T, 3]: vertices [T, 2 * around + 2, 3] for `rod_triangles`."""
    along = end_m - start_m
    along = along / np.maximum(np.linalg.norm(along, axis=-1, keepdims=True), 1e-9)
    helper = np.where(np.abs(along[..., 2:]) > 0.9, np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0]))
    side = np.cross(helper, along)
    side /= np.linalg.norm(side, axis=-1, keepdims=True)
    other = np.cross(along, side)
    turn = np.arange(around) * 2 * np.pi / around
    ring = radius_m * (np.cos(turn)[:, None] * side[:, None] + np.sin(turn)[:, None] * other[:, None])
    return np.concatenate([start_m[:, None] + ring, end_m[:, None] + ring, start_m[:, None], end_m[:, None]], 1).astype(np.float32)


def rod_triangles(around: int = 6) -> np.ndarray:
    """Triangles of one rod."""
    return grid_triangles(2, around, caps=True)


def joined_triangles(parts: list[tuple[int, np.ndarray]]) -> np.ndarray:
    """One triangle list of several meshes, each given as (number of vertices, triangles)."""
    starts = np.cumsum([0] + [count for count, _ in parts[:-1]])
    return np.concatenate([triangles + start for start, (_, triangles) in zip(starts, parts, strict=True)]).astype(np.int32)
