"""Points that belong together: neighbours within what lies between two beams or columns at their range, and no less than a hand's width."""

import numpy as np

VOXEL_M = 0.08  # points nearer to each other are one: it bounds the pairs
ACROSS_M, UP_M = 0.22, 0.3  # least distances of neighbours
MOST_ACROSS_M, MOST_UP_M = 0.5, 0.9
GAPS = 2.2  # a lost return or a fold between neighbours is bridged


def reach_m(points: np.ndarray, azimuth_step: float, beam_gap: float) -> tuple[np.ndarray, np.ndarray]:
    """How far [P] each point's neighbours may be, horizontally and upwards; the LiDAR's steps in radians."""
    ranges = np.linalg.norm(points, axis=1)
    return np.clip(GAPS * azimuth_step * ranges, ACROSS_M, MOST_ACROSS_M), np.clip(GAPS * beam_gap * ranges, UP_M, MOST_UP_M)


def clusters(points: np.ndarray, across_m: np.ndarray, up_m: np.ndarray) -> np.ndarray:
    """The number of each point's cluster, int [P], from 0. points [P, 3], z up; across_m, up_m [P] as `reach_m` gives them."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    if not len(points):
        return np.empty(0, np.int64)
    _, first, voxel = np.unique(np.floor(points / VOXEL_M).astype(np.int64), axis=0, return_index=True, return_inverse=True)
    voxel = voxel.ravel()
    centre, across, up = points[first], across_m[first], up_m[first]
    scale = across.max() / up.max()  # an ellipsoid as a ball: beams are wider apart than columns
    tree = cKDTree(centre * [1, 1, scale])
    pairs = tree.query_pairs(float(across.max()), output_type="ndarray")
    apart = centre[pairs[:, 0]] - centre[pairs[:, 1]]
    wide = np.maximum(across[pairs[:, 0]], across[pairs[:, 1]])
    high = np.maximum(up[pairs[:, 0]], up[pairs[:, 1]])
    joined = pairs[(apart[:, 0] ** 2 + apart[:, 1] ** 2) / wide**2 + apart[:, 2] ** 2 / high**2 <= 1.0]
    graph = coo_matrix((np.ones(len(joined), np.int8), (joined[:, 0], joined[:, 1])), shape=(len(centre), len(centre)))
    return np.asarray(connected_components(graph, directed=False)[1][voxel])
