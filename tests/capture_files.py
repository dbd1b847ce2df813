"""Small captures that tests write, and what they measure on walks."""

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from gaitbridge.simulation.body import Body, Shape
from gaitbridge.simulation.motion import Walk, bvh
from gaitbridge.simulation.motion._skeleton import foot_vertices

SHARED = Path(__file__).parents[1].parent / "shared" / "motion"


FRAMES_HZ = 60.0


# name: parent, offset (x left, y up, z ahead; centimetres), in the order of the file
BONES: dict[str, tuple[str, tuple[float, float, float]]] = {
    "Hips": ("", (0, 95, 0)), "Spine": ("Hips", (0, 12, 0)), "Spine1": ("Spine", (0, 25, 0)), "Head": ("Spine1", (0, 22, 0)),
    "LeftArm": ("Spine1", (19, 18, 0)), "LeftForeArm": ("LeftArm", (30, 0, 0)), "LeftHand": ("LeftForeArm", (25, 0, 0)),
    "RightArm": ("Spine1", (-19, 18, 0)), "RightForeArm": ("RightArm", (-30, 0, 0)), "RightHand": ("RightForeArm", (-25, 0, 0)),
    "LeftUpLeg": ("Hips", (9, -8, 0)), "LeftLeg": ("LeftUpLeg", (0, -43, 0)), "LeftFoot": ("LeftLeg", (0, -42, 0)),
    "RightUpLeg": ("Hips", (-9, -8, 0)), "RightLeg": ("RightUpLeg", (0, -43, 0)), "RightFoot": ("RightLeg", (0, -42, 0)),
}  # fmt: skip


TIPS = {"Head": (0, 15, 0), "LeftHand": (15, 0, 0), "RightHand": (-15, 0, 0), "LeftFoot": (0, -5, 14), "RightFoot": (0, -5, 14)}


OTHER_NAMES = {
    "Hips": "hip", "Spine": "abdomen", "Spine1": "chest", "Head": "head", "LeftArm": "lShldr", "LeftForeArm": "lForeArm",
    "LeftHand": "lHand", "RightArm": "rShldr", "RightForeArm": "rForeArm", "RightHand": "rHand", "LeftUpLeg": "lThigh", "LeftLeg": "lShin",
    "LeftFoot": "lFoot", "RightUpLeg": "rThigh", "RightLeg": "rShin", "RightFoot": "rFoot",
}  # fmt: skip


def walking_angles(time_s: np.ndarray, cadence_hz: float, swing_deg: float, knee_deg: float, lean_deg: float) -> dict[str, np.ndarray]:
    """Degrees [T, 3] about x, y, z of a joint in the file's axes (x left, y up, z ahead); +x bends forward, a leg goes back."""
    phase = 2.0 * np.pi * cadence_hz * time_s
    zero = np.zeros_like(phase)

    def about_x(angle: np.ndarray) -> np.ndarray:
        return np.stack([angle, zero, zero], axis=1)

    angles = {name: about_x(zero) for name in BONES}
    angles["Spine1"] = about_x(zero + lean_deg)
    for side, half, down in (("Left", 0.0, -80.0), ("Right", np.pi, 80.0)):
        swing = np.cos(phase + half)
        angles[f"{side}UpLeg"] = about_x(-swing_deg * swing - 0.4 * knee_deg * (0.5 + 0.5 * np.cos(phase + half + 1.2)))
        angles[f"{side}Leg"] = about_x(5.0 + knee_deg * (0.5 + 0.5 * np.cos(phase + half + 1.2)) ** 2)
        angles[f"{side}Arm"] = np.stack([0.8 * swing_deg * swing, zero, zero + down], axis=1)
    return angles


def write_bvh(
    path: Path, speed_m_s: float = 1.2, seconds: float = 4.0, order: str = "ZXY", names: dict[str, str] | None = None,
    still_s: float = 0.0, t_pose_frames: int = 0, drop: str = "", cadence_hz: float = 0.9, swing_deg: float = 24.0,
    knee_deg: float = 55.0, lean_deg: float = 3.0, heading_deg: float = 0.0, noise_deg: float = 0.0,
    bend_deg_s: float = 0.0,
) -> dict[str, np.ndarray]:  # fmt: skip
    """Write a walker; returns its world rotations [T, 3, 3] in the file's axes by joint."""
    frames = round(seconds * FRAMES_HZ)
    time_s = np.arange(frames) / FRAMES_HZ
    walking_s = np.clip(time_s - still_s, 0.0, seconds - 2.0 * still_s)
    angles = walking_angles(walking_s, cadence_hz, swing_deg, knee_deg, lean_deg)
    random = np.random.default_rng(0)
    for name in angles:
        angles[name] = angles[name] + noise_deg * random.standard_normal((frames, 3))
        if t_pose_frames:  # smeared, as filtering leaves it
            angles[name] *= np.clip((np.arange(frames) + 0.3) / t_pose_frames, 0.0, 1.0)[:, None]
    heading = heading_deg + bend_deg_s * walking_s
    angles["Hips"] = angles["Hips"] + heading[:, None] * [0.0, 1.0, 0.0]
    way = np.stack([np.sin(np.deg2rad(heading)), np.zeros(frames), np.cos(np.deg2rad(heading))], axis=1)
    gone = np.diff(walking_s, prepend=0.0)[:, None] * way
    place = np.array([0.0, 95.0, 0.0]) + 100.0 * speed_m_s * np.cumsum(gone, axis=0)
    kept = [name for name in BONES if name != drop]
    lines, columns = ["HIERARCHY"], []
    depth = 0

    def write(name: str) -> None:
        nonlocal depth
        pad = "  " * depth
        parent, offset = BONES[name]
        lines.append(f"{pad}{'JOINT' if parent else 'ROOT'} {(names or {}).get(name, name)}")
        lines.append(f"{pad}{{")
        lines.append(f"{pad}  OFFSET {' '.join(str(number) for number in offset)}")
        rotation = [f"{axis}rotation" for axis in order]
        lines.append(f"{pad}  CHANNELS {3 if parent else 6} {'' if parent else 'Xposition Yposition Zposition '}{' '.join(rotation)}")
        if not parent:
            columns.append(place)
        turns = Rotation.from_euler("XYZ", angles[name], degrees=True)
        columns.append(turns.as_euler(order, degrees=True))
        depth += 1
        for child in kept:
            if BONES[child][0] == name:
                write(child)
        if name in TIPS:
            lines.extend([f"{pad}  End Site", f"{pad}  {{", f"{pad}    OFFSET {' '.join(str(n) for n in TIPS[name])}", f"{pad}  }}"])
        depth -= 1
        lines.append(f"{pad}}}")

    write("Hips")
    lines += ["MOTION", f"Frames: {frames}", f"Frame Time: {1.0 / FRAMES_HZ:.7f}"]
    lines += [" ".join(f"{value:.6f}" for value in row) for row in np.concatenate(columns, axis=1)]
    path.write_text("\n".join(lines) + "\n")
    world: dict[str, np.ndarray] = {}
    for name, (parent, _) in BONES.items():
        own = Rotation.from_euler("XYZ", angles[name], degrees=True).as_matrix()
        world[name] = world[parent] @ own if parent else own
    return world


def walk_of(folder: Path, body: Body, person: str = "ann", take: int = 0) -> Walk:
    return bvh.open_source(str(folder)).walk(person, take, 0, body, body.shared_shape())


def external(name: str) -> Path:
    folder = SHARED / name
    if not folder.is_dir():
        pytest.skip(f"the captures {name} are not beside this repository")
    return folder


def stance_speed(walk: Walk, body: Body, shape: Shape, seconds: float) -> float:
    """Mean horizontal speed in m/s of the sole's lowest vertices while the other ankle swings past, at twice the speed of the hips."""
    step_s = 1.0 / 120.0
    time_s = np.arange(0.1, seconds - 0.1, step_s)
    feet = foot_vertices(body)
    posed = body.posed(shape, walk.at(time_s))
    vertices, joints = posed.vertices_m[:, feet].astype(float), posed.joints_m.astype(float)
    left = np.array([body.joint_names[bone].startswith("Left") for bone in body.bone_of_vertex[feet]])
    hips = np.gradient(joints[:, 0, 0], step_s)
    speeds = []
    for own, other in ((left, "Right"), (~left, "Left")):
        swings = np.gradient(joints[:, body.joint_names.index(f"{other}Foot"), 0], step_s) > 2.0 * hips
        velocity = np.linalg.norm(np.gradient(vertices[:, own, :2], step_s, axis=0), axis=2)
        low = vertices[:, own, 2] < vertices[:, own, 2].min(axis=1, keepdims=True) + 0.008
        speeds += [float(velocity[t, low[t]].mean()) for t in np.flatnonzero(swings)]
    return float(np.mean(speeds))


def knee_angles(body: Body, joints_m: np.ndarray, side: str) -> np.ndarray:
    """Degrees of flexion between thigh and shin bones [T], negative where the knee bends the wrong way (the shin ahead of the thigh)."""
    hip, knee, ankle = (joints_m[:, body.joint_names.index(side + name)] for name in ("UpLeg", "Leg", "Foot"))
    thigh, shin = knee - hip, ankle - knee
    across = np.arctan2(thigh[:, 0], -thigh[:, 2]) - np.arctan2(shin[:, 0], -shin[:, 2])
    return np.asarray(np.rad2deg(across))
