"""Umbrella (ub): an open umbrella held above the head by one bent arm; it hides the head from above."""

import numpy as np

from gaitbridge.simulation.body import Body, Rest
from gaitbridge.simulation.conditions import ArmHold, Clothes, Frames, Outfit, Prop
from gaitbridge.simulation.conditions._frames import fixed_to, heading, joint, lagged, placed
from gaitbridge.simulation.conditions._meshes import dome, joined_triangles, rod, rod_triangles

ABOVE_M = {1: (0.17, 0.28), 2: (0.30, 0.42)}  # of the canopy's top above the crown, by version: real ones hide little of a head from poles
RISE_M = {1: (0.18, 0.28), 2: (0.16, 0.24)}  # of the canopy's top above its rim
RADIUS_M = {1: (0.45, 0.60), 2: (0.45, 0.55)}


def dress(body: Body, rest: Rest, clothes: Clothes, random: np.random.Generator) -> Outfit:
    """Everyday clothes, and an umbrella of 0.9 to 1.2 m in the left or the right hand."""
    worn = clothes.everyday(body, rest, random)
    side = "Left" if random.random() < 0.35 else "Right"
    out = 1.0 if side == "Left" else -1.0
    hold = ArmHold((0.35, 0.18 * out, -1.0), (0.65, -0.10 * out, 0.85), swing=0.06)
    radius, rise = float(random.uniform(*RADIUS_M[clothes.version])), float(random.uniform(*RISE_M[clothes.version]))
    above = float(random.uniform(*ABOVE_M[clothes.version]))
    ahead, beside = float(random.uniform(0.04, 0.14)), out * float(random.uniform(0.04, 0.12))
    vertices, triangles = dome(radius, rise)
    hand, fingers, hips, head = joint(body, f"{side}Hand"), joint(body, f"{side}FingerBase"), joint(body, "Hips"), joint(body, "Head")
    crown = float((worn.outer or rest).vertices_m[:, 2].max() - rest.joints_m[head, 2])
    fist = (0.3 * rest.joints_m[hand] + 0.7 * rest.joints_m[fingers])[None]

    def vertices_m(now: Frames, trace: Frames) -> np.ndarray:
        yaw = heading(now.turns[:, hips])
        grip = fixed_to(now, rest, hand, fist)[:, 0]
        follows = np.concatenate([now.joints_m[:, head, :2], lagged(trace.time_s, trace.joints_m[:, head, 2:], 0.1, now.time_s)], 1)
        apex = follows + np.einsum("tab,b->ta", yaw, np.array([ahead, beside, crown + above]))
        shaft = apex - grip
        axis = shaft / np.linalg.norm(shaft, axis=1, keepdims=True) + np.array([0, 0, 1.0])  # half-way between the shaft and upright
        canopy = placed(apex, _upright_to(axis), vertices)
        return np.concatenate([canopy, rod(grip - 0.08 * shaft, apex + 0.05 * shaft, 0.014)], 1).astype(np.float32)

    prop = Prop(vertices_m, joined_triangles([(len(vertices), triangles), (14, rod_triangles())]), belongs="carried")
    return worn.with_props(prop, arm_carry={side.lower(): hold})


def _upright_to(axis: np.ndarray) -> np.ndarray:
    """The rotations [T, 3, 3] that tip z to the directions [T, 3] (any length, pointing up)."""
    z = axis / np.linalg.norm(axis, axis=1, keepdims=True)
    x = np.cross(np.array([0.0, 1.0, 0.0]), z)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    return np.stack([x, np.cross(z, x), z], -1)
