"""A miniature subject and trial in Acclaim's format, written by the test itself."""

from pathlib import Path

import numpy as np
from capture_files import walking_angles
from scipy.spatial.transform import Rotation

HZ = 120.0
UNIT = 0.45  # inches times this are the file's numbers, as in CMU's
# name: parent, direction (x left, y up, z ahead), length in metres, axis in degrees (about fixed X, Y, Z), dof
BONES: dict[str, tuple[str, tuple[float, float, float], float, tuple[float, float, float], str]] = {
    "lhipjoint": ("root", (0.75, -0.66, 0), 0.12, (0, 0, 0), ""), "lfemur": ("lhipjoint", (0.342, -0.94, 0), 0.43, (0, 0, 20), "rx ry rz"),
    "ltibia": ("lfemur", (0.342, -0.94, 0), 0.42, (0, 0, 20), "rx"), "lfoot": ("ltibia", (0.09, -0.24, 0.97), 0.13, (-80, 0, 20), "rx rz"),
    "rhipjoint": ("root", (-0.75, -0.66, 0), 0.12, (0, 0, 0), ""), "rfemur": ("rhipjoint", (-0.342, -0.94, 0), 0.43, (0, 0, -20), "rx ry rz"),
    "rtibia": ("rfemur", (-0.342, -0.94, 0), 0.42, (0, 0, -20), "rx"), "rfoot": ("rtibia", (-0.09, -0.24, 0.97), 0.13, (-80, 0, -20), "rx rz"),
    "lowerback": ("root", (0, 1, 0), 0.12, (0, 0, 0), "rx ry rz"), "thorax": ("lowerback", (0, 1, 0), 0.25, (0, 0, 0), "rx ry rz"),
    "head": ("thorax", (0, 1, 0), 0.25, (0, 0, 0), ""),
    "lclavicle": ("thorax", (0.97, 0.25, 0), 0.19, (0, 0, 0), ""), "lhumerus": ("lclavicle", (1, 0, 0), 0.30, (170, -30, -80), "rx ry rz"),
    "lradius": ("lhumerus", (1, 0, 0), 0.17, (170, -30, -80), "rx"), "lwrist": ("lradius", (1, 0, 0), 0.08, (0, 80, 70), "ry"),
    "lhand": ("lwrist", (1, 0, 0), 0.08, (0, 80, 70), "rx rz"),
    "rclavicle": ("thorax", (-0.97, 0.25, 0), 0.19, (0, 0, 0), ""), "rhumerus": ("rclavicle", (-1, 0, 0), 0.30, (170, 30, 80), "rx ry rz"),
    "rradius": ("rhumerus", (-1, 0, 0), 0.17, (170, 30, 80), "rx"), "rwrist": ("rradius", (-1, 0, 0), 0.08, (0, -80, -70), "ry"),
    "rhand": ("rwrist", (-1, 0, 0), 0.08, (0, -80, -70), "rx rz"),
}  # fmt: skip
MOVED_BY = {"femur": "UpLeg", "tibia": "Leg", "humerus": "Arm"}  # of `walking_angles`


def write_asf(path: Path, size: float = 1.0, order: str = "XYZ", factors: dict[str, float] | None = None) -> None:
    """A subject; `size` makes all bones longer, `factors` some (by their name without the side); `order` is of the letters of the axes."""
    lines = [":version 1.10", ":name small", ":units", "  mass 1.0", f"  length {UNIT}", "  angle deg", ":documentation", "  made by a test",
             ":root", "  order TX TY TZ RX RY RZ", "  axis XYZ", "  position 0 0 0", "  orientation 0 0 0", ":bonedata"]  # fmt: skip
    for number, (name, (_, direction, length_m, axis, dof)) in enumerate(BONES.items(), start=1):
        length = size * (factors or {}).get(name, (factors or {}).get(name[1:], 1.0)) * length_m / 0.0254 * UNIT
        turned = Rotation.from_euler("xyz", axis, degrees=True).as_euler(order.lower(), degrees=True)
        by_axis = [turned[order.lower().index(letter)] for letter in "xyz"]
        lines += ["  begin", f"     id {number}", f"     name {name}", f"     direction {' '.join(map(str, direction))}", f"     length {length:.6f}",
                  f"     axis {' '.join(f'{angle:.9f}' for angle in by_axis)}  {order}"]  # fmt: skip
        if dof:
            limits = ["(-160.0 20.0)"] * len(dof.split())
            lines += [f"    dof {dof}", f"    limits {limits[0]}", *[f"           {limit}" for limit in limits[1:]]]
        lines.append("  end")
    lines += [":hierarchy", "  begin"]
    for parent in ("root", *BONES):
        if children := [name for name, bone in BONES.items() if bone[0] == parent]:
            lines.append(f"    {parent} {' '.join(children)}")
    path.write_text("\r\n".join([*lines, "  end"]) + "\r\n")


def write_amc(path: Path, speed_m_s: float = 1.2, seconds: float = 3.0, first: int = 1, hz: float | None = None, swing_deg: float = 24.0,
              cadence_hz: float = 0.9, knee_deg: float = 55.0) -> dict[str, np.ndarray]:
    """A trial of a walker on `write_asf`'s subject; returns what its bones' world rotations are [T, 3, 3], in the file's axes by bone."""
    frames = round(seconds * (hz or HZ))
    time_s = np.arange(frames) / (hz or HZ)
    angles = walking_angles(time_s, cadence_hz, swing_deg, knee_deg, 3.0)
    world = {"root": np.broadcast_to(np.eye(3), (frames, 3, 3))}
    columns: dict[str, np.ndarray] = {"root": np.zeros((frames, 6))}
    columns["root"][:, 1] = 0.95 / 0.0254 * UNIT
    columns["root"][:, 2] = speed_m_s * time_s / 0.0254 * UNIT
    for name, (parent, _, _, axis, dof) in BONES.items():
        limb = MOVED_BY.get(name[1:])
        own = np.zeros((frames, 3))
        if limb:  # bones that turn by rx alone: their frame's x lies across, as the knee does
            own = angles[("Left" if name[0] == "l" else "Right") + limb].copy()
        frame = Rotation.from_euler("xyz", axis, degrees=True).as_matrix()
        local = Rotation.from_matrix(frame.T @ Rotation.from_euler("XYZ", own, degrees=True).as_matrix() @ frame).as_euler("xyz", degrees=True)
        letters = ["xyz".index(word[1]) for word in dof.split()]
        if dof:
            columns[name] = local[:, letters]
        kept = np.zeros_like(local)
        kept[:, letters] = local[:, letters]
        world[name] = world[parent] @ (frame @ Rotation.from_euler("xyz", kept, degrees=True).as_matrix() @ frame.T)
    lines = ["#!OML:ASF made by a test", ":FULLY-SPECIFIED", ":DEGREES", *([f":SAMPLES-PER-SECOND {hz:g}"] if hz else [])]
    for at in range(frames):
        lines.append(str(first + at))
        lines += [f"{name} {' '.join(f'{value:.6f}' for value in values[at])}" for name, values in columns.items()]
    path.write_text("\n".join(lines) + "\n")
    return world
