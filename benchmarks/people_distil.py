"""Makes `measured_people.npz` of the package and `people_spread_real.npz` beside this file, from the covariances of 110 measured people.

    python benchmarks/people_distil.py SPREAD.npz

SPREAD.npz holds aggregates of the skeletons of V. O. Andersson, R. M. Araujo (AAAI 2015; github.com/Vortander/KinectGait): `joint_between`,
`joint_take`, `joint_within_true`, each [140, 140] in the order of `_measures.ROW`, `joint_mean` [140] and `angle_shape_gain` [18].
Calibration that the package's file has already (`people_spread.py --calibrate`) is kept.
"""

import sys
from pathlib import Path

import numpy as np

from gaitbridge.simulation.body._proportions import BONES
from gaitbridge.simulation.motion import measured
from gaitbridge.simulation.motion._measures import ANGLES, CURVE, FIRST_ANGLE, ROW

REAL = Path(__file__).with_name("people_spread_real.npz")
OUT = Path(measured.__file__).with_name("measured_people.npz")
ABOUT = (
    "Covariances of 110 walking people, from skeletons of V. O. Andersson, R. M. Araujo, 'Person identification using anthropometric and gait data "
    "from Kinect sensor', AAAI 2015 (github.com/Vortander/KinectGait). No take of anybody."
)
KEPT = 0.995  # of the variance, in units of total deviations
RIDGE = 0.03  # of the bones' variance: eight bones of 110 people tell less than they seem to
UNTOLD = ("trunk_yaw_from_pelvis", "pelvis_yaw", "pelvis_roll")  # of a hip line of ten centimetres: mostly noise
FULL_GAIN = ("elbow_flexion_L", "elbow_flexion_R")  # the mean curve is flat because elbows bend at different times; their ranges agree


# Degrees of phase by which the camera's mean curve of an angle comes before ours (the same for left and right within 17): a deviation keeps its
# place on the mean curve, so that who has more of the curve in one has more of it in the other. Shoulder and hip flexion agree.
DELAY_DEG = {"hip_abduction": -46.0, "shoulder_abduction": 18.0, "elbow_flexion": 17.0, "trunk_pitch": -34.0,
             "trunk_roll": -75.0, "neck_pitch": 22.0}  # fmt: skip


def factor(covariance: np.ndarray, kept: float = KEPT) -> np.ndarray:
    """Components [k, n] whose squares sum to a covariance, largest first, with its diagonal restored."""
    scale = np.sqrt(np.maximum(np.diag(covariance), 1e-12))
    sizes, axes = np.linalg.eigh(covariance / scale / scale[:, None])
    sizes, axes = sizes[::-1].clip(min=0.0), axes[:, ::-1]
    keep = int(np.searchsorted(np.cumsum(sizes) / sizes.sum(), kept)) + 1
    rows = np.sqrt(sizes[:keep, None]) * axes[:, :keep].T
    rows *= 1.0 / np.maximum(np.sqrt(np.square(rows).sum(axis=0)), 1e-9)
    return (rows * scale).astype(np.float32)


def deviation(covariance: np.ndarray) -> np.ndarray:
    """Standard deviations of a covariance; 0 where more was taken for noise than there is."""
    return np.sqrt(np.diag(covariance).clip(min=0.0)).astype(np.float32)


def gain_of(file: dict) -> np.ndarray:
    """[18]: how flat the camera shows the harmonics of an angle."""
    return np.where(np.isin(ANGLES, FULL_GAIN), 1.0, file["angle_shape_gain"])


def scale_of(file: dict) -> np.ndarray:
    """[132]: from a depth camera's unit to ours: lengths over the leg's as shares of their mean, amplitudes as large as they are flattened."""
    angles = np.repeat(1.0 / gain_of(file)[:, None], len(CURVE), axis=1)
    angles[:, 0] = 1.0
    angles[np.isin(ANGLES, UNTOLD)] = 0.0
    lengths = 1.0 / file["joint_mean"][len(BONES) + 1 : FIRST_ANGLE]
    return np.concatenate([[1.0], lengths, angles.ravel()])


def delays() -> np.ndarray:
    """[132, 132], which delays a row's curves by DELAY_DEG."""
    out = np.eye(len(ROW) - len(BONES))
    for number, angle in enumerate(ANGLES):
        delay = np.deg2rad(DELAY_DEG.get(angle.removesuffix("_L").removesuffix("_R"), 0.0))
        for k in (1, 2, 3):
            at = FIRST_ANGLE - len(BONES) + len(CURVE) * number + 2 * k - 1
            out[at : at + 2, at : at + 2] = [[np.cos(k * delay), -np.sin(k * delay)], [np.sin(k * delay), np.cos(k * delay)]]
    return out


def main() -> None:
    """Distil."""
    with np.load(sys.argv[1]) as opened:
        file = {name: opened[name].astype(float) if opened[name].dtype.kind == "f" else opened[name] for name in opened.files}
    assert tuple(file["joint_names"].tolist()) == ROW, "other rows"
    bones = len(BONES)
    between = file["joint_between"]
    sizes, both = between[:bones, :bones], between[:bones, bones:]
    of_bones = np.linalg.solve(sizes + RIDGE * np.diag(np.diag(sizes)), both)
    left = between[bones:, bones:] - of_bones.T @ sizes @ of_bones
    late = delays()
    old = dict(np.load(OUT)) if OUT.exists() else {}
    np.savez_compressed(
        OUT, of_bones=(of_bones @ late.T).astype(np.float32), between=factor(late @ left @ late.T),
        take_least=factor(late @ file["joint_take"][bones:, bones:] @ late.T),
        take_most=factor(late @ file["joint_within_true"][bones:, bones:] @ late.T),
        scale=scale_of(file).astype(np.float32), calibrated=old.get("calibrated", np.ones((2, len(ROW) - bones), np.float32)),
        about=np.array(ABOUT),
    )  # fmt: skip
    np.savez_compressed(
        REAL, allow_pickle=False, about=np.array(ABOUT), gain=gain_of(file).astype(np.float32),
        mean=file["joint_mean"].astype(np.float32), late=late.astype(np.float32),
        mirror=file["joint_mirror"].astype(np.int8), between_rows=factor(between, 1.0), near_rows=factor(file["joint_between_u"], 1.0),
        far_rows=factor(file["joint_between_v"], 1.0), take_rows=factor(file["joint_take"], 1.0), pass_rows=factor(file["joint_pass"], 1.0),
        **{name: deviation(file[f"joint_{of}"]) for name, of in (("between", "between"), ("take", "take"), ("true", "within_true"))},
        **{f"scalar_{name}": deviation(file[f"scalar_{name}"]) for name in ("between", "take")},
        scalar_true=deviation(file["scalar_within"] - file["scalar_noise"]), scalar_names=file["scalar_names"],
        scalar_mean=file["scalar_mean"].astype(np.float32), pairs=file["correlation_pairs"],
        correlation=file["correlation_real"].astype(np.float32), correlation_error=file["correlation_se"].astype(np.float32),
        nn_names=np.array([str(name).removesuffix("|multi") for name in file["nn_names"] if str(name).endswith("multi")]),
        nn_rates=file["nn_rates"][[str(name).endswith("multi") for name in file["nn_names"]], :3].astype(np.float32),
    )  # fmt: skip
    print(OUT, OUT.stat().st_size)


if __name__ == "__main__":
    main()
