"""Ray casting against a triangle mesh, over Embree. Some 15-25 million rays a second and thread."""

from functools import cached_property, lru_cache

import numpy as np
from embreex.mesh_construction import TriangleMesh
from embreex.rtcore_scene import EmbreeScene


@lru_cache(maxsize=16)
def _rows(triangles: bytes) -> np.ndarray:
    """Index triples as an array of tuples: Embree's wrapper reads them one by one, and tuples are three times as fast as array rows.

    Cached by content, since all frames of a walker share their triangles: this halves the time of building a scene.
    """
    rows = np.frombuffer(triangles, dtype=np.int32).reshape(-1, 3)
    wrapped = np.empty(len(rows), dtype=object)
    wrapped[:] = list(map(tuple, rows.tolist()))
    return wrapped


class RayScene:
    """Triangles to shoot rays at.

    vertices: float [V, 3] metres; triangles: int [F, 3]. Raises ValueError for wrong shapes, indices out of range, or
    coordinates that are not finite (Embree would crash or silently miss).
    """

    def __init__(self, vertices: np.ndarray, triangles: np.ndarray) -> None:
        self.vertices = np.ascontiguousarray(vertices, dtype=np.float32)
        self.triangles = np.ascontiguousarray(triangles, dtype=np.int32)
        if self.vertices.ndim != 2 or self.vertices.shape[1] != 3 or self.triangles.ndim != 2 or self.triangles.shape[1] != 3:
            raise ValueError(f"a scene needs vertices [V, 3] and triangles [F, 3], not {self.vertices.shape} and {self.triangles.shape}")
        if not np.isfinite(self.vertices).all():
            raise ValueError("a scene's vertices must be finite")
        if self.triangles.size and (self.triangles.min() < 0 or self.triangles.max() >= len(self.vertices)):
            raise ValueError(f"a triangle refers to a vertex outside 0 .. {len(self.vertices) - 1}")
        self._scene = EmbreeScene()
        self._mesh = TriangleMesh(self._scene, self.vertices, _rows(self.triangles.tobytes()))

    @cached_property
    def normals(self) -> np.ndarray:
        """Unit normals float32 [F, 3], outward by the right-hand rule; zero for triangles without area."""
        first, second, third = self.vertices.T[:, self.triangles.T].swapaxes(0, 1)  # [3, F] each: by axis is several times faster
        a, b = second - first, third - first
        normals = np.stack([a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]])
        normals /= np.maximum(np.sqrt((normals * normals).sum(0)), 1e-20)
        return normals.T

    def distance(self, origins: np.ndarray, directions: np.ndarray) -> np.ndarray:
        """Distance float32 [R] to the first triangle, inf where missed, in lengths of the direction (metres for unit directions).

        origins [R, 3], or one origin [3] for all rays; directions [R, 3], any length but zero.
        """
        origins, directions = _rays(origins, directions)
        found: np.ndarray = self._scene.run(origins, directions, dists=np.inf, query="DISTANCE")
        return found

    def first_triangle(self, origins: np.ndarray, directions: np.ndarray) -> np.ndarray:
        """Index int32 [R] of the first triangle hit, -1 where missed; arguments as in `distance`."""
        origins, directions = _rays(origins, directions)
        found: np.ndarray = self._scene.run(origins, directions, dists=np.inf, query="INTERSECT")
        return found

    def first_hit(self, origins: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Both `distance` and `first_triangle` of each ray, in one cast."""
        origins, directions = _rays(origins, directions)
        found = self._scene.run(origins, directions, dists=np.inf, output=1)
        return found["tfar"], found["primID"]


def _rays(origins: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rays as Embree's wrapper reads them: float32 [R, 3] both. Embree steps through any strides, so one origin costs no copy."""
    directions = np.asarray(directions, dtype=np.float32)
    origins = np.asarray(origins, dtype=np.float32)
    if directions.ndim != 2 or directions.shape[1] != 3 or origins.shape not in ((3,), directions.shape):
        raise ValueError(f"rays need directions [R, 3] and origins [R, 3] or [3], not {directions.shape} and {origins.shape}")
    return np.broadcast_to(origins, directions.shape), directions
