"""Bodies in the proportions of measured people: eight bone lengths are drawn together, and the body is solved for them.

How far the lengths differ, and with each other, was measured on 110 people before a depth camera (V. O. Andersson, R. M. Araujo, "Person
identification using anthropometric and gait data from Kinect sensor", AAAI 2015; covariance only). Their means are the body model's own.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

BONES = ("thigh", "shank", "upper_arm", "forearm", "torso", "neck", "shoulder_width", "hip_width")
SPREAD_LIMIT = 2.3  # standard deviations at which what differs is cut
MEANS_LOG_M = np.array([-0.954, -0.831, -1.342, -1.455, -0.604, -1.950, -1.050, -1.515])  # of people of `drawn` proportions
# Components of how the logarithms differ between people, rows whose squares sum to the measured covariance.
SPREAD = np.array([
    [-0.0728, -0.0440, -0.0717, -0.0624, -0.0509, -0.0349, -0.1184, -0.0963],
    [-0.0472, -0.0226, -0.0271, -0.0275, -0.0247, -0.0480, 0.0388, 0.0668],
    [0.0098, 0.0025, -0.0025, -0.0030, -0.0354, 0.0405, -0.0344, 0.0416],
    [0.0007, -0.0023, -0.0278, -0.0176, -0.0097, 0.0352, 0.0343, -0.0171],
    [0.0340, 0.0107, -0.0046, -0.0078, -0.0263, -0.0224, 0.0048, -0.0061],
    [-0.0025, -0.0144, 0.0279, -0.0140, -0.0104, 0.0034, 0.0054, -0.0056],
    [0.0072, 0.0045, -0.0007, -0.0231, 0.0159, 0.0000, -0.0050, 0.0056],
    [0.0118, -0.0229, -0.0059, 0.0040, 0.0054, -0.0004, -0.0014, 0.0024],
])  # fmt: skip
# What moves which length of the body model, and by how much a unit of its values (0 .. 1) changes the logarithm: less than a half, more.
CHANGES: tuple[tuple[dict[str, float], tuple[float, float]], ...] = (
    ({"upperlegs-height-incr": 1.0}, (0.41, 0.50)), ({"lowerlegs-height-incr": 1.0}, (0.28, 0.35)),
    ({"measure-upperarm-length-incr": 1.0}, (0.39, 0.49)), ({"measure-lowerarm-length-incr": 1.0}, (0.41, 0.50)),
    ({"torso-scale-vert-incr": 1.0}, (0.16, 0.35)), ({"measure-neck-height-incr": 1.0}, (0.34, 0.33)),
    ({"measure-shoulder-dist-incr": 1.0, "torso-scale-horiz-incr": 0.8}, (0.48, 0.55)), ({"hip-scale-horiz-incr": 1.0}, (0.42, 0.38)),
)  # fmt: skip
OF_HEIGHT = np.array([1.12, 0.41, 0.68, 0.65, 0.52, 0.40, 0.38, 0.37])  # what a unit of the body model's height adds to each
ROUNDS = 4
LEAST_CHANGE, MOST_CHANGE = 0.03, 0.97
STATURES_M, STATURE_SD_M = (1.765, 1.635), 0.096  # men, women; within a sex, so that both together differ by 6.8 % as measured


def drawn_lengths(random: np.random.Generator) -> np.ndarray:
    """Logarithms [8] of somebody's bone lengths in metres."""
    return MEANS_LOG_M + np.clip(random.standard_normal(len(BONES)), -SPREAD_LIMIT, SPREAD_LIMIT) @ SPREAD


def share_of_women(lengths_log_m: np.ndarray) -> float:
    """How probably somebody with these bones is a woman: by stature alone."""
    along = [0, 1, 4, 5]  # from the ankle to the middle of the head
    stature_m = 1.70 * float(np.exp(lengths_log_m[along]).sum() / np.exp(MEANS_LOG_M[along]).sum())
    men, women = (np.exp(-0.5 * ((stature_m - mean) / STATURE_SD_M) ** 2) for mean in STATURES_M)
    return float(women / (men + women))


def fitted(start: Mapping[str, float], wanted_log_m: np.ndarray, lengths_of: Callable[[Mapping[str, float]], np.ndarray]) -> dict[str, float]:
    """Values of a shape by name, of which `height` and CHANGES are moved from `start` until its bones are as long as wanted.

    `lengths_of` measures values [8]. First the height takes what all lengths share, then each length has a change of its own; within limits.
    """
    values = dict(start)
    for number in range(ROUNDS):
        left = wanted_log_m - lengths_of(values)
        if number < 2:
            more = float(OF_HEIGHT @ left / (OF_HEIGHT @ OF_HEIGHT))
            values["height"] = float(np.clip(values["height"] + more, 0.05, 0.95))
            left = left - OF_HEIGHT * more
        for length, (names, slopes) in zip(left.tolist(), CHANGES, strict=True):
            for name, share in names.items():
                at = values[name] - 0.5
                slope = slopes[int(at + length > 0.0)]
                values[name] = float(np.clip(0.5 + at + share * length / slope, LEAST_CHANGE, MOST_CHANGE))
    return values


def bones_m(joints: Mapping[str, np.ndarray]) -> np.ndarray:
    """Lengths [8] in the order of BONES from joints [T, 3] by name, means over time and sides; `HeadMiddle` is the middle of the head."""

    def apart(one: str, other: str) -> float:
        return float(np.sqrt(np.square(joints[one] - joints[other]).sum(axis=-1)).mean())

    def limb(one: str, other: str) -> float:
        return 0.5 * (apart(f"Left{one}", f"Left{other}") + apart(f"Right{one}", f"Right{other}"))

    return np.array([
        limb("UpLeg", "Leg"), limb("Leg", "Foot"), limb("Arm", "ForeArm"), limb("ForeArm", "Hand"), apart("Hips", "Neck"),
        apart("Neck", "HeadMiddle"), apart("LeftArm", "RightArm"), apart("LeftUpLeg", "RightUpLeg"),
    ])  # fmt: skip


def named_joints(names: Sequence[str], joints_m: np.ndarray, vertices_m: np.ndarray, bone_of_vertex: np.ndarray) -> dict[str, np.ndarray]:
    """Joints [1, 3] of a rest state by name, with the middle of the head (of the vertices that it moves)."""
    joints = {name: joints_m[[number]].astype(float) for number, name in enumerate(names)}
    return joints | {"HeadMiddle": vertices_m[bone_of_vertex == names.index("Head")].astype(float).mean(axis=0, keepdims=True)}
