"""Normals of a body's surface. Legend: T frames, V vertices, F triangles."""

from functools import lru_cache

import numpy as np
from scipy.sparse import csr_matrix


def vertex_normals(vertices_m: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Unit normals float32 [T, V, 3], the mean of the triangles about each vertex weighted by area."""
    corners = vertices_m[:, triangles]  # [T, F, 3, 3]
    edge, other = corners[:, :, 1] - corners[:, :, 0], corners[:, :, 2] - corners[:, :, 0]
    x = edge[..., 1] * other[..., 2] - edge[..., 2] * other[..., 1]
    y = edge[..., 2] * other[..., 0] - edge[..., 0] * other[..., 2]
    z = edge[..., 0] * other[..., 1] - edge[..., 1] * other[..., 0]
    frames, count = len(vertices_m), vertices_m.shape[1]
    faces = np.stack([x, y, z], -1).transpose(1, 0, 2).reshape(len(triangles), -1)
    summed = (_gather(triangles.tobytes(), count) @ faces).reshape(count, frames, 3)
    length = np.sqrt(np.einsum("vtc,vtc->vt", summed, summed))
    unit: np.ndarray = np.ascontiguousarray((summed / np.maximum(length, 1e-20)[..., None]).transpose(1, 0, 2))
    return unit


@lru_cache(maxsize=4)
def _gather(triangles: bytes, count: int) -> csr_matrix:
    """The matrix [V, F] that sums over the triangles about each vertex."""
    corners = np.frombuffer(triangles, np.int32).reshape(-1, 3)
    faces = np.repeat(np.arange(len(corners)), 3)
    return csr_matrix((np.ones(len(faces), np.float32), (corners.ravel(), faces)), shape=(count, len(corners)))
