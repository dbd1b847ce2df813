"""Where the 64 virtual markers sit: as far from one another as can be, in left/right pairs and on the midline."""

import numpy as np
from scipy.spatial import cKDTree

MARKERS, ON_MIDLINE = 64, 8
MIDLINE_M, PAIRED_M = 1e-3, 1e-3  # how near to y = 0 is the midline; how near a mirror image must be


def marker_vertices(vertices_m: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """int32 [64]: 8 midline vertices, then 28 left ones, then their mirror images in the same order.

    vertices_m: float [V, 3] of a symmetric rest pose with left = +y; usable: bool [V], False where no marker may sit (fingers).
    """
    distance, mirror = cKDTree(vertices_m).query(vertices_m * np.array([1.0, -1.0, 1.0], vertices_m.dtype))
    paired = usable & (distance < PAIRED_M)
    midline = np.flatnonzero(paired & (np.abs(vertices_m[:, 1]) < MIDLINE_M))
    left = np.flatnonzero(paired & (vertices_m[:, 1] > 0.02))
    first = int(midline[np.argmax(vertices_m[midline, 2])])  # the top of the head
    centre = _farthest(vertices_m, midline, [first], ON_MIDLINE)
    sides = _farthest(vertices_m, left, centre, (MARKERS - ON_MIDLINE) // 2 + ON_MIDLINE)[ON_MIDLINE:]
    return np.array([*centre, *sides, *mirror[sides]], np.int32)


def _farthest(vertices_m: np.ndarray, candidates: np.ndarray, chosen: list[int], count: int) -> list[int]:
    """Farthest-point sampling: `chosen` extended to `count` by the candidate farthest from all chosen ones."""
    chosen = list(chosen)
    nearest_m = np.min([np.linalg.norm(vertices_m[candidates] - vertices_m[one], axis=1) for one in chosen], axis=0)
    while len(chosen) < count:
        chosen.append(int(candidates[np.argmax(nearest_m)]))
        nearest_m = np.minimum(nearest_m, np.linalg.norm(vertices_m[candidates] - vertices_m[chosen[-1]], axis=1))
    return chosen
