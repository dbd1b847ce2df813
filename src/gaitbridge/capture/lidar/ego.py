"""How the LiDAR moved between two scans, from what stands around it: points of the later scan laid on the surfaces of the earlier one.

Point to plane, since beams wander over walls along with the LiDAR: point to point would see less motion than there was.
"""

from dataclasses import dataclass

import numpy as np

VOXEL_M = 0.3
MOST_POINTS = 8000
NEIGHBOURS = 8  # of a point, whose plane is its surface
FLAT = 0.1  # a surface's thickness over its extent, at most
ROUNDS = 20
REACH_M = (1.0, 0.3)  # pairs within this are taken, at first and in the end
SPREAD_M = 0.05  # errors beyond count less and less: somebody who walks


@dataclass(frozen=True)
class Surfaces:
    """What stands around in a scan: points [Q, 3] where there is a surface, and their unit normals [Q, 3]."""

    points: np.ndarray
    normals: np.ndarray


def surfaces(points: np.ndarray) -> Surfaces:
    """The surfaces in the points [P, 3] of a scan, a point a voxel."""
    from scipy.spatial import cKDTree

    if len(points) < 3 * NEIGHBOURS:
        return Surfaces(np.empty((0, 3)), np.empty((0, 3)))
    _, first = np.unique(np.floor(points / VOXEL_M).astype(np.int64), axis=0, return_index=True)
    first.sort()
    chosen = points[first[:: -(-len(first) // MOST_POINTS)]]
    near = points[cKDTree(points).query(chosen, NEIGHBOURS)[1]]  # [Q, 8, 3]
    flat = near - near.mean(1, keepdims=True)
    sizes, axes = np.linalg.eigh(np.einsum("qni,qnj->qij", flat, flat))
    good = (sizes[:, 0] < FLAT**2 * sizes[:, 2]) & (sizes[:, 1] > 4 * sizes[:, 0])  # a plane, and no line of one beam alone
    return Surfaces(chosen[good], axes[good, :, 0])


def moved(before: Surfaces, after: Surfaces, guess: np.ndarray) -> np.ndarray:
    """T_before_from_after [4, 4]: where the later scan lies in the earlier one's frame; guess [4, 4] to start from.

    Pairs far off count little: people who walk among the houses. With hardly anything around it is the guess.
    """
    from scipy.spatial import cKDTree

    T = np.array(guess, float)
    if min(len(before.points), len(after.points)) < 50:
        return T
    tree = cKDTree(before.points)
    for reach in np.geomspace(*REACH_M, ROUNDS):
        there = after.points @ T[:3, :3].T + T[:3, 3]
        distance, nearest = tree.query(there, distance_upper_bound=reach)
        rows = np.flatnonzero(np.isfinite(distance))
        normals = before.normals[nearest[rows]]
        rows = rows[alike] if (alike := np.abs((normals * (after.normals[rows] @ T[:3, :3].T)).sum(1)) > 0.8).any() else rows[:0]
        if len(rows) < 30:
            return np.array(guess, float)
        step = _step(there[rows], before.points[nearest[rows]], normals[alike])
        T = step @ T
        if reach < 2 * REACH_M[1] and np.abs(step - np.eye(4)).max() < 1e-4:
            break
    return T


def _step(there: np.ndarray, aim: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """The small motion [4, 4] that brings points [P, 3] onto the planes through `aim` [P, 3], in robust least squares."""
    error = ((aim - there) * normals).sum(1)
    weight = 1 / (1 + (error / SPREAD_M) ** 2) ** 2
    rows = np.concatenate([np.cross(there, normals), normals], axis=1)
    weighted = rows * weight[:, None]
    motion = np.linalg.solve(weighted.T @ rows + 1e-6 * np.eye(6) * len(rows), weighted.T @ error)
    return rigid(motion[:3], motion[3:])


def rigid(turn: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """The transform [4, 4] of a rotation vector [3] and a translation [3]."""
    from scipy.spatial.transform import Rotation

    T = np.eye(4)
    T[:3, :3] = Rotation.from_rotvec(turn).as_matrix()
    T[:3, 3] = shift
    return T
