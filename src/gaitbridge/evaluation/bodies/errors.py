"""How far recovered 3D bodies are from the true ones, frame by frame: pure functions of arrays.

Legend: T frames, P points, J joints, M markers, V vertices. Points are in metres, errors in mm. All are root-aligned: joint 0 is moved onto joint 0.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gaitbridge.errors import UserError
from gaitbridge.types import Bodies

MM = 1000.0
METRICS = ("MPJPE", "PA-MPJPE", "marker error", "vertex error")
MIRRORINGS = ("none", "better")
Errors = dict[tuple[str, str], np.ndarray]  # (metric, mirroring) to mm, float64 [T]


class Mirrors(NamedTuple):
    """The number of each joint's, marker's and vertex's image on the other side of the body (itself on the midline): int [J], [M], [V]."""

    joints: np.ndarray
    markers: np.ndarray
    vertices: np.ndarray


def mpjpe_mm(recovered: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Mean per joint position error: float64 [T] in mm, of points [T, P, 3] with point 0 moved onto point 0 (Ionescu et al., PAMI 2014)."""
    return _mean_distance_mm(recovered - recovered[:, :1], truth - truth[:, :1])


def pa_mpjpe_mm(recovered: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """MPJPE after Procrustes alignment: float64 [T] in mm, of points [T, P, 3], each frame by its own similarity (Gower 1975; Umeyama, PAMI 1991)."""
    return _mean_distance_mm(procrustes(recovered, truth), truth)


def procrustes(recovered: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """`recovered` [T, P, 3] laid onto `truth` [T, P, 3] by the rotation (no reflection), scale and translation of least squares; float64 [T, P, 3].

    Points that all coincide are laid onto the mean of the truth.
    """
    # 1. Both about their means.
    mean = truth.mean(1, keepdims=True, dtype=np.float64)
    x, y = recovered - recovered.mean(1, keepdims=True, dtype=np.float64), truth - mean
    # 2. The rotation that maximises trace(R^T x^T y), proper: where the best orthogonal matrix reflects, its weakest axis is turned back.
    left, strength, right = np.linalg.svd(x.transpose(0, 2, 1) @ y)                      # [T, 3, 3], [T, 3], [T, 3, 3]
    proper = np.ones_like(strength)
    proper[:, 2] = np.sign(np.linalg.det(left @ right))
    rotation = (left * proper[:, None]) @ right
    # 3. The scale that then fits best.
    size = (x * x).sum((1, 2))
    scale = np.divide((strength * proper).sum(1), size, out=np.zeros_like(size), where=size > 0)
    laid: np.ndarray = scale[:, None, None] * (x @ rotation) + mean
    return laid


def mirrored(points: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """The other reading of the same silhouette: depth reversed (z to -z of points [T, P, 3]) and left and right names changed by `mirror` [P].

    An outline does not tell which leg is in front: seen from afar, the mirrored body casts the same one, and is a possible body again.
    """
    other: np.ndarray = points[:, mirror] * np.asarray([1, 1, -1], points.dtype)
    return other


def _mean_distance_mm(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    distances: np.ndarray = np.linalg.norm(a.astype(np.float64) - b, axis=2).mean(1) * MM
    return distances


def frame_errors(recovered: Bodies, truth: Bodies, mirrors: Mirrors) -> Errors:
    """Errors in mm of every frame in which both bodies are known, by (metric, mirroring).

    mirroring "none" takes the body as recovered, "better" the smaller error of that body and of its mirror reading, metric by metric and frame by
    frame. Metrics of points that the bodies do not have (no mesh was asked for) are left out. UserError where the two are not of one body model.
    """
    _check_same_body(recovered, truth, mirrors)
    known = recovered.known & truth.known
    found: Errors = {}
    for name in ("joints", "markers", "vertices"):
        own, true = getattr(recovered, name)[known], getattr(truth, name)[known]
        if not true.shape[1]:
            continue
        mirror = getattr(mirrors, name)
        own, true = own - recovered.joints[known, :1], true - truth.joints[known, :1]
        both = (own, mirrored(own, mirror))  # the root is its own mirror image and at the origin, so both stay root-aligned
        metrics = {"joints": ("MPJPE", "PA-MPJPE"), "markers": ("marker error",), "vertices": ("vertex error",)}[name]
        for metric in metrics:
            plain, other = ((pa_mpjpe_mm if metric == "PA-MPJPE" else _mean_distance_mm)(points, true) for points in both)
            found[metric, "none"], found[metric, "better"] = plain, np.minimum(plain, other)
    return found


def _check_same_body(recovered: Bodies, truth: Bodies, mirrors: Mirrors) -> None:
    if len(recovered) != len(truth):
        raise ValueError(f"{len(recovered)} recovered frames but {len(truth)} true ones")
    if mirrors.joints[0] != 0:
        raise ValueError("the root, joint 0, must be on the midline: its own mirror image")
    for name in ("joints", "markers", "vertices"):
        own, true, mirror = (x.shape[1] for x in (getattr(recovered, name), getattr(truth, name), getattr(mirrors, name)[None]))
        if own != true or (true and mirror != true):
            raise UserError(
                f"{own} {name} were recovered but the truth has {true} (and their mirror images are {mirror}): "
                "these are different body models; measure on data of the body that the network was trained on"
            )
