"""Recovered bodies against the 3D landmarks that another model gives of the same real frames: no truth, but an opinion of somebody else's.

Both are of the joints that have a name in both. Landmarks lie on the skin's side of some joints (hips, shoulders), so that a part of every error is
the difference of two skeletons; what a still pose is off says how much of the rest is the walk.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from gaitbridge.errors import UserError
from gaitbridge.evaluation.bodies.errors import MM, mirrored, procrustes

SAME = {  # the body's joints, and the landmarks of capture.video.pose
    "LeftUpLeg": "left_hip", "LeftLeg": "left_knee", "LeftFoot": "left_ankle", "LeftToeBase": "left_foot",
    "RightUpLeg": "right_hip", "RightLeg": "right_knee", "RightFoot": "right_ankle", "RightToeBase": "right_foot",
    "LeftArm": "left_shoulder", "LeftForeArm": "left_elbow", "LeftHand": "left_wrist",
    "RightArm": "right_shoulder", "RightForeArm": "right_elbow", "RightHand": "right_wrist",
}  # fmt: skip
PARENTS = (-1, 0, 1, 2, 0, 4, 5, 6, 0, 8, 9, 4, 11, 12)  # of SAME's order, to be drawn: both trunks' sides hang from the hips
MIRROR = np.array([4, 5, 6, 7, 0, 1, 2, 3, 11, 12, 13, 8, 9, 10])
LEAST_VISIBLE = 0.5


class Pair(NamedTuple):
    """The same joints [T, 14, 3] as recovered and as landmarks, in metres, x right, y down, z away; known [T]: both are, and are seen."""

    recovered: np.ndarray
    landmarks: np.ndarray
    known: np.ndarray


def paired(joints: np.ndarray, joint_names: Sequence[str], known: np.ndarray, landmarks_m: np.ndarray, visibility: np.ndarray,
           landmark_names: Sequence[str]) -> Pair:
    """The joints [T, J, 3] and landmarks [T, 33, 3] that are the same, both about the hips' middle. known [T]: of the recovered.

    A frame counts where the landmarks' mean visibility [T, 33] over these joints is at least `LEAST_VISIBLE`. UserError where a name is missing.
    """
    if lacking := [name for name in SAME if name not in joint_names]:
        raise UserError(f"the run's body has no joint {', '.join(lacking)}: landmarks are compared with bodies of the simulator's skeleton")
    own = joints[:, [list(joint_names).index(name) for name in SAME]].astype(np.float64)
    chosen = [list(landmark_names).index(name) for name in SAME.values()]
    other = landmarks_m[:, chosen].astype(np.float64)
    seen = np.isfinite(other).all((1, 2)) & (np.nan_to_num(visibility[:, chosen]).mean(1) >= LEAST_VISIBLE)
    hips = [0, 4]
    own, other = (points - points[:, hips].mean(1, keepdims=True) for points in (own, other))
    return Pair(own, np.nan_to_num(other), known & seen)


def joint_errors_mm(pair: Pair) -> Mapping[str, np.ndarray]:
    """Errors in mm [T', 14] of the known frames after each frame's own similarity (`procrustes`): of what was `recovered`, of the `better` of its two
    readings (left and right, before and behind cannot be told apart in every outline), and of one `still` pose, the landmarks' own mean."""
    own, other = pair.recovered[pair.known], pair.landmarks[pair.known]
    if not len(own):
        return {name: np.empty((0, len(SAME))) for name in ("recovered", "better", "still")}
    plain, turned = _errors(own, other), _errors(mirrored(own, MIRROR), other)
    still = np.broadcast_to(procrustes(other, np.broadcast_to(other[:1], other.shape)).mean(0), other.shape)
    better = np.where((turned.mean(1) < plain.mean(1))[:, None], turned, plain)
    return {"recovered": plain, "better": better, "still": _errors(still, other)}


def _errors(own: np.ndarray, other: np.ndarray) -> np.ndarray:
    distances: np.ndarray = np.linalg.norm(procrustes(own, other) - other, axis=2) * MM
    return distances
