"""Carrying (cr): a box before the body in both arms, or a suitcase in one hand; the arms that carry do not swing as they would."""

import numpy as np

from gaitbridge.simulation.body import Body, Rest
from gaitbridge.simulation.conditions import ArmHold, Clothes, Frames, Outfit, Prop
from gaitbridge.simulation.conditions._frames import heading, joint, placed
from gaitbridge.simulation.conditions._meshes import super_ellipsoid
from gaitbridge.simulation.conditions.bag import hand_held

BOXES = {1: 0.5, 2: 0.3}  # share of boxes, by version; the others are suitcases


def dress(body: Body, rest: Rest, clothes: Clothes, random: np.random.Generator) -> Outfit:
    """Everyday clothes, and a box or a suitcase."""
    worn = clothes.everyday(body, rest, random)
    if random.random() < BOXES[clothes.version]:
        return box(body, worn, random)
    side = "Left" if random.random() < 0.5 else "Right"
    size = (float(random.uniform(0.42, 0.58)), float(random.uniform(0.15, 0.22)), float(random.uniform(0.30, 0.40)))
    case = hand_held(body, rest, side, size, handle_m=0.03, corner=0.2, damping=0.5, belongs="carried")
    out = 1.0 if side == "Left" else -1.0
    hold = ArmHold((0.02, 0.22 * out, -1.0), (0.06, 0.12 * out, -1.0), swing=0.3)  # held clear of the leg
    return worn.with_props(case, arm_carry={side.lower(): hold})


def box(body: Body, worn: Outfit, random: np.random.Generator) -> Outfit:
    """A box between both hands, before the belly."""
    lift, depth, tall = float(random.uniform(-0.1, 0.25)), float(random.uniform(0.24, 0.36)), float(random.uniform(0.20, 0.34))
    hold = {side: ArmHold((0.10, 0.12 * out, -1.0), (1.0, -0.12 * out, lift), swing=0.08) for side, out in (("left", 1.0), ("right", -1.0))}
    vertices, triangles = super_ellipsoid((depth, 1.0, tall), corner=0.2)
    wrists = [joint(body, "LeftHand"), joint(body, "RightHand")]
    hips = joint(body, "Hips")

    def vertices_m(now: Frames, trace: Frames) -> np.ndarray:
        yaw = heading(now.turns[:, hips])
        apart = np.linalg.norm(now.joints_m[:, wrists[0], :2] - now.joints_m[:, wrists[1], :2], axis=1).mean() - 0.03
        middle = now.joints_m[:, wrists].mean(1) + np.einsum("tab,b->ta", yaw, np.array([0.06, 0.0, 0.02]))
        return placed(middle, yaw, vertices * np.array([1.0, apart, 1.0])).astype(np.float32)

    return worn.with_props(Prop(vertices_m, triangles, belongs="carried"), arm_carry=hold)
