"""Walks as harmonics: local joint rotations over the gait phase, and what turns them into world orientations.

A curve is mean + sum over k = 1 .. 4 of a_k cos(k phase) + b_k sin(k phase); its nine numbers lie in the order (mean, a_1, b_1, a_2, ...).
Coefficients of a walk: float [19 joints, 3 axes, 9], radians of a rotation vector relative to the parent below, from the standing posture.
Phase 0 is where the left thigh is farthest ahead of the right one (about the left heel strike).
"""

import numpy as np

from gaitbridge.simulation.motion._skeleton import bent_toes, rotation_matrices

HARMONICS = 4
NUMBERS = 1 + 2 * HARMONICS
PARENT_OF = {
    "Hips": "", "LowerBack": "Hips", "Spine1": "LowerBack", "Neck": "Spine1", "Head": "Neck",
    "LeftShoulder": "Spine1", "LeftArm": "LeftShoulder", "LeftForeArm": "LeftArm", "LeftHand": "LeftForeArm",
    "LeftUpLeg": "Hips", "LeftLeg": "LeftUpLeg", "LeftFoot": "LeftLeg",
    "RightShoulder": "Spine1", "RightArm": "RightShoulder", "RightForeArm": "RightArm", "RightHand": "RightForeArm",
    "RightUpLeg": "Hips", "RightLeg": "RightUpLeg", "RightFoot": "RightLeg",
}  # fmt: skip
JOINTS = tuple(PARENT_OF)
LEGS = tuple(name for name in JOINTS if name == "Hips" or name.endswith(("Leg", "Foot")))
MIRROR = [JOINTS.index(name.replace("Left", "*").replace("Right", "Left").replace("*", "Right")) for name in JOINTS]
LEAN, BEND, TURN = 0, 1, 2  # axes x, y, z of a rotation vector
STRIKE, STANCE = 0.02, 0.56  # shares of a cycle: left heel strike after phase 0; a foot carries weight (it touches for 0.62, Winter 1991)
STRAIGHTEST_KNEE_RAD, SOFT_RAD = np.deg2rad(0.0), np.deg2rad(2.5)
ALTERNATE = np.array([1.0] + [(-1.0) ** k for k in range(1, HARMONICS + 1) for _ in "ab"])  # what half a cycle does to the numbers


def basis(phase: np.ndarray, harmonics: int = HARMONICS) -> np.ndarray:
    """[T, 1 + 2 harmonics]: 1, cos(phase), sin(phase), cos(2 phase), ..."""
    steps = np.arange(1, harmonics + 1) * np.asarray(phase, float)[:, None]
    out = np.ones((len(steps), 1 + 2 * harmonics))
    out[:, 1::2], out[:, 2::2] = np.cos(steps), np.sin(steps)
    return out


def mirrored(coefficients: np.ndarray) -> np.ndarray:
    """The same walk seen in a mirror and half a cycle later: left and right swapped, leans and turns reversed."""
    return coefficients[MIRROR] * np.array([-1.0, 1.0, -1.0])[:, None] * ALTERNATE


def delayed(curves: np.ndarray, by: np.ndarray | float) -> np.ndarray:
    """Curves [..., 9] that come `by` radians of phase later; means stay."""
    out = np.array(curves, float)
    for k in range(1, HARMONICS + 1):
        a, b = curves[..., 2 * k - 1], curves[..., 2 * k]
        cosine, sine = np.cos(k * np.asarray(by)), np.sin(k * np.asarray(by))
        out[..., 2 * k - 1], out[..., 2 * k] = a * cosine - b * sine, a * sine + b * cosine
    return out


def bump(middle: float) -> np.ndarray:
    """cos(half the distance from phase `middle`) to the eighth, as the nine numbers of a curve: it has four harmonics and no more.

    It is 1 at `middle` and above a half in a quarter of the cycle.
    """
    out = np.empty(NUMBERS)
    share = np.array([70.0, 112.0, 56.0, 16.0, 2.0]) / 256.0
    out[0] = share[0]
    for k in range(1, HARMONICS + 1):
        out[2 * k - 1], out[2 * k] = share[k] * np.cos(k * middle), share[k] * np.sin(k * middle)
    return out


def turns_at(coefficients: np.ndarray, phase: np.ndarray, joints: tuple[str, ...] = JOINTS) -> dict[str, np.ndarray]:
    """World turns [T, 3, 3] from the standing posture by joint, toes included, at phases [T]; `joints` JOINTS or LEGS."""
    chosen = coefficients if joints is JOINTS else coefficients[[JOINTS.index(name) for name in joints]]
    vectors = (basis(phase) @ chosen.reshape(-1, NUMBERS).T).reshape(len(phase), len(joints), 3)
    for side in ("Left", "Right"):  # knees give way smoothly before they would bend backwards
        knee = vectors[:, joints.index(f"{side}Leg"), BEND]
        knee[:] = softly_above(knee, STRAIGHTEST_KNEE_RAD, SOFT_RAD)
    local = rotation_matrices(vectors)
    turns: dict[str, np.ndarray] = {}
    for number, name in enumerate(joints):
        parent = PARENT_OF[name]
        turns[name] = turns[parent] @ local[:, number] if parent else local[:, number]
    for side in ("Left", "Right"):
        turns[f"{side}ToeBase"] = bent_toes(turns[f"{side}Foot"])
    return turns


def softly_above(values: np.ndarray, floor: float, width: float) -> np.ndarray:
    """`values` where they are well above `floor`, and never below it: floor + width * log(1 + exp((values - floor) / width))."""
    return floor + width * np.logaddexp(0.0, (values - floor) / width)
