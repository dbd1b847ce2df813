"""How a walk measures: bone lengths, rhythm and the curves of joint angles, from nothing but where the joints are.

The definitions are those by which 110 people before a depth camera were measured (see `measured`), so that simulated walkers can be held
against real ones. A row has 140 numbers, named in `ROW`: logarithms of eight bone lengths and of the stride rate, five lengths over the leg's, and
of 18 angles the mean and three harmonics over the gait phase, in degrees. Phase 0 is where the left thigh is farthest ahead of the right one.

Angles: hip_flexion: thigh to the vertical, forward +; knee_flexion: thigh minus shank, bent +; abduction: outwards +; shoulder_flexion: upper
arm to the vertical, forward +; elbow_flexion: between upper arm and forearm; trunk: hips to neck, forward + and to the right +; yaw to the
left +; pelvis_roll: right hip low +; neck_pitch: neck to the middle of the head, forward +.
"""

from typing import Any

import numpy as np

from gaitbridge.simulation.body import Body, Shape
from gaitbridge.simulation.body._proportions import BONES, bones_m, named_joints
from gaitbridge.simulation.motion._harmonics import basis

PER_LEG = ("step", "pelvis_sway", "pelvis_bob", "ankle_rise", "step_width")
PAIRED = ("hip_flexion", "hip_abduction", "knee_flexion", "shoulder_flexion", "shoulder_abduction", "elbow_flexion")
ANGLES = (
    *(f"{name}_{side}" for name in PAIRED for side in "LR"),
    "trunk_pitch", "trunk_roll", "trunk_yaw_from_pelvis", "pelvis_yaw", "pelvis_roll", "neck_pitch",
)  # fmt: skip
CURVE = ("mean", "a1", "b1", "a2", "b2", "a3", "b3")
ROW = (
    *(f"log_{bone}_m" for bone in BONES), "log_stride_hz", *(f"{name}_per_leg" for name in PER_LEG),
    *(f"{angle}:{number}" for angle in ANGLES for number in CURVE),
)  # fmt: skip
FIRST_ANGLE = len(BONES) + 1 + len(PER_LEG)
STRIDES, FRAMES_A_STRIDE = 4, 30


def joints_at_rest(body: Body, shape: Shape) -> dict[str, np.ndarray]:
    """A shape's joints [1, 3] by name, with the middle of the head."""
    rest = body.rest(shape)
    return named_joints(body.joint_names, rest.joints_m, rest.vertices_m, body.bone_of_vertex)


def joints_of(walk: Any, body: Body, shape: Shape, time_s: np.ndarray) -> dict[str, np.ndarray]:
    """A walk's joints [T, 3] by name at times [T], by forward kinematics alone."""
    pose, rest = walk.at(time_s), body.rest(shape)
    turns = pose.rotations_world.astype(float) @ np.swapaxes(rest.rotations_world, 1, 2)
    joints = {body.joint_names[0]: pose.root_m.astype(float)}
    for number, name in enumerate(body.joint_names[1:], start=1):
        parent = body.parents[number]
        joints[name] = joints[body.joint_names[parent]] + turns[:, parent] @ (rest.joints_m[number] - rest.joints_m[parent])
    head = body.joint_names.index("Head")
    middle = joints_at_rest(body, shape)["HeadMiddle"][0] - rest.joints_m[head]
    return joints | {"HeadMiddle": joints["Head"] + turns[:, head] @ middle}


def measured_row(walk: Any, body: Body, shape: Shape) -> tuple[np.ndarray, dict[str, float]]:
    """A row [140] of a generated walk and its scalars by name, over STRIDES strides from its beginning."""
    cadence_hz = float(walk.phase(np.array([7.0 / walk.style.cadence_hz]))[0] - walk.start_phase) / (14.0 * np.pi) * walk.style.cadence_hz
    time_s = np.arange(STRIDES * FRAMES_A_STRIDE) / (FRAMES_A_STRIDE * walk.style.cadence_hz)
    joints, phase = joints_of(walk, body, shape, time_s), walk.phase(time_s)
    curves = angles_of(joints)
    waves = np.linalg.pinv(basis(phase))
    hips = waves @ (curves["hip_flexion_L"] - curves["hip_flexion_R"])
    phase = phase - np.arctan2(hips[2], hips[1])
    fit = np.linalg.pinv(basis(phase))
    return _row_and_scalars(joints, curves, fit, phase, cadence_hz)


def angles_of(joints: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The 18 angles [T] in degrees, in the order of ANGLES."""
    out: dict[str, np.ndarray] = {}

    def along(one: str, other: str) -> np.ndarray:
        return joints[other] - joints[one]

    for side, letter, sign in (("Left", "L", 1.0), ("Right", "R", -1.0)):
        thigh, shank = along(f"{side}UpLeg", f"{side}Leg"), along(f"{side}Leg", f"{side}Foot")
        upper, fore = along(f"{side}Arm", f"{side}ForeArm"), along(f"{side}ForeArm", f"{side}Hand")
        out[f"hip_flexion_{letter}"] = np.arctan2(thigh[:, 0], -thigh[:, 2])
        out[f"hip_abduction_{letter}"] = np.arctan2(sign * thigh[:, 1], -thigh[:, 2])
        out[f"knee_flexion_{letter}"] = np.arctan2(thigh[:, 0], -thigh[:, 2]) - np.arctan2(shank[:, 0], -shank[:, 2])
        out[f"shoulder_flexion_{letter}"] = np.arctan2(upper[:, 0], -upper[:, 2])
        out[f"shoulder_abduction_{letter}"] = np.arctan2(sign * upper[:, 1], -upper[:, 2])
        cosine = (upper * fore).sum(1) / np.linalg.norm(upper, axis=1) / np.linalg.norm(fore, axis=1)
        out[f"elbow_flexion_{letter}"] = np.arccos(np.clip(cosine, -1.0, 1.0))
    trunk, neck = along("Hips", "Neck"), along("Neck", "HeadMiddle")
    hips, shoulders = along("RightUpLeg", "LeftUpLeg"), along("RightArm", "LeftArm")
    out["trunk_pitch"], out["trunk_roll"] = np.arctan2(trunk[:, 0], trunk[:, 2]), np.arctan2(-trunk[:, 1], trunk[:, 2])
    out["pelvis_yaw"] = np.arctan2(-hips[:, 0], hips[:, 1])
    out["trunk_yaw_from_pelvis"] = np.arctan2(-shoulders[:, 0], shoulders[:, 1]) - out["pelvis_yaw"]
    out["pelvis_roll"] = np.arctan2(hips[:, 2], hips[:, 1])
    out["neck_pitch"] = np.arctan2(neck[:, 0], neck[:, 2])
    return {name: np.rad2deg(out[name]) for name in ANGLES}


def _row_and_scalars(joints: dict[str, np.ndarray], curves: dict[str, np.ndarray], fit: np.ndarray, phase: np.ndarray,
                     cadence_hz: float) -> tuple[np.ndarray, dict[str, float]]:  # fmt: skip
    bones = bones_m(joints)
    leg_m, height_m = float(bones[:2].sum()), float(bones[[0, 1, 4, 5]].sum())
    pelvis, shoulders = joints["Hips"], joints["Neck"]
    even = np.linspace(0.0, 2.0 * np.pi, 120, endpoint=False)
    shown = basis(even, 3)

    def swing(values: np.ndarray, harmonic: int) -> float:
        """Peak to peak of one harmonic."""
        return 2.0 * float(np.hypot(*(fit @ values)[2 * harmonic - 1 : 2 * harmonic + 1]))

    angles = np.array([(fit @ values)[:7] for values in curves.values()])
    cycle = dict(zip(ANGLES, angles @ shown.T, strict=True))
    feet = {side: joints[f"{side}Foot"] - pelvis * np.array([1.0, 1.0, 0.0]) for side in ("Left", "Right")}
    ahead = {side: basis(even) @ (fit @ feet[side][:, 0]) for side in feet}
    rise = [float(np.ptp(basis(even) @ (fit @ feet[side][:, 2]))) for side in feet]
    apart = basis(even) @ (fit @ (feet["Left"][:, 1] - feet["Right"][:, 1]))
    steps = [float((ahead["Left"] - ahead["Right"]).max()), float((ahead["Right"] - ahead["Left"]).max())]
    hands = [float(np.ptp(shown @ (fit @ (joints[f"{side}Hand"] - joints[f"{side}Arm"])[:, 0])[:7])) for side in feet]
    scalars = dict(zip((f"{bone}_rel" for bone in BONES), bones / height_m, strict=True))

    def both(angle: str, reduce: Any) -> np.ndarray:
        return np.array([reduce(cycle[f"{angle}_{letter}"]) for letter in "LR"])

    def late_deg(angle: str) -> float:
        return float(np.rad2deg(np.arctan2(*angles[ANGLES.index(angle), 2:0:-1])))

    lags = [(late_deg(f"shoulder_flexion_{letter}") - late_deg(f"hip_flexion_{letter}")) % 360.0 - 180.0 for letter in "LR"]
    scalars |= {
        "height_proxy_m": height_m, "leg_m": leg_m, "stride_hz": cadence_hz, "stride_hz_scaled": cadence_hz * float(np.sqrt(leg_m / 9.81)),
        "step_per_leg": 0.5 * sum(steps) / leg_m, "speed_mps": sum(steps) * cadence_hz,
        "trunk_pitch_deg": angles[ANGLES.index("trunk_pitch"), 0], "neck_pitch_deg": angles[ANGLES.index("neck_pitch"), 0],
        "shoulder_sway_over_pelvis_m": swing(shoulders[:, 1] - pelvis[:, 1], 1), "pelvis_sway_m": swing(pelvis[:, 1], 1),
        "pelvis_bob_m": swing(pelvis[:, 2], 2), "shoulder_bob_m": swing(shoulders[:, 2], 2),
        "arm_swing_L_m": hands[0], "arm_swing_R_m": hands[1], "arm_swing_mean_per_leg": 0.5 * sum(hands) / leg_m,
        "arm_swing_asym": (hands[0] - hands[1]) / sum(hands), "arm_angle_swing_mean_deg": both("shoulder_flexion", np.ptp).mean(),
        "elbow_mean_deg": angles[[ANGLES.index("elbow_flexion_L"), ANGLES.index("elbow_flexion_R")], 0].mean(),
        "elbow_rom_deg": both("elbow_flexion", np.ptp).mean(),
        "knee_peak_deg": both("knee_flexion", np.max).mean(), "knee_rom_deg": both("knee_flexion", np.ptp).mean(),
        "knee_min_deg": both("knee_flexion", np.min).mean(), "hip_rom_deg": both("hip_flexion", np.ptp).mean(),
        "ankle_rise_m": 0.5 * sum(rise), "ankle_rise_per_leg": 0.5 * sum(rise) / leg_m,
        "step_width_m": float(apart.mean()), "step_width_per_leg": float(apart.mean()) / leg_m, "step_asym": (steps[0] - steps[1]) / sum(steps),
        "knee_peak_asym_deg": -np.diff(both("knee_flexion", np.max))[0], "hip_rom_asym_deg": -np.diff(both("hip_flexion", np.ptp))[0],
        "shoulder_abduction_mean_deg": angles[[ANGLES.index("shoulder_abduction_L"), ANGLES.index("shoulder_abduction_R")], 0].mean(),
        "arm_leg_lag_deg": float(np.mean(lags)), "pelvis_yaw_rom_deg": np.ptp(cycle["pelvis_yaw"]),
        "shoulder_yaw_rom_deg": np.ptp(cycle["pelvis_yaw"] + cycle["trunk_yaw_from_pelvis"]), "trunk_roll_rom_deg": np.ptp(cycle["trunk_roll"]),
    }  # fmt: skip
    lengths = [scalars["step_per_leg"], scalars["pelvis_sway_m"] / leg_m, scalars["pelvis_bob_m"] / leg_m]
    lengths += [scalars["ankle_rise_per_leg"], scalars["step_width_per_leg"]]
    row = np.concatenate([np.log(bones), [np.log(cadence_hz)], lengths, angles.ravel()])
    return row, {name: float(value) for name, value in scalars.items()}
