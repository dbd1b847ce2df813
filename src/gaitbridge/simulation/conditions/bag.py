"""Bag (bg): a backpack, a shoulder bag at the hip, or a bag in the hand that hangs and sways."""

import numpy as np

from gaitbridge.simulation.body import Body, Rest
from gaitbridge.simulation.conditions import ArmHold, Clothes, Frames, Outfit, Prop
from gaitbridge.simulation.conditions._frames import fixed_to, heading, joint, pendulum, placed, tilted
from gaitbridge.simulation.conditions._meshes import joined_triangles, rod, rod_triangles, super_ellipsoid

KINDS, SHARES = ("backpack", "shoulder", "hand"), (0.5, 0.25, 0.25)


def dress(body: Body, rest: Rest, clothes: Clothes, random: np.random.Generator) -> Outfit:
    """Everyday clothes and one bag, drawn by SHARES."""
    worn = clothes.everyday(body, rest, random)
    outer = worn.outer or rest
    kind = KINDS[int(random.choice(len(KINDS), p=SHARES))]
    side = "Left" if random.random() < 0.5 else "Right"
    if kind == "backpack":
        return worn.with_props(backpack(body, outer, random))
    if kind == "shoulder":
        return worn.with_props(shoulder_bag(body, outer, side, random))
    size = (float(random.uniform(0.26, 0.40)), float(random.uniform(0.10, 0.16)), float(random.uniform(0.24, 0.36)))
    prop = hand_held(body, rest, side, size, handle_m=float(random.uniform(0.06, 0.16)), corner=0.4, damping=0.7)
    out = 1.0 if side == "Left" else -1.0
    hold = ArmHold((0.02, 0.15 * out, -1.0), (0.10, 0.10 * out, -1.0), swing=0.45)  # the arm that carries swings less
    return worn.with_props(prop, arm_carry={side.lower(): hold})


def backpack(body: Body, rest: Rest, random: np.random.Generator) -> Prop:
    """A backpack fixed to the upper spine, its front pressed 4 cm into the back, its top at the shoulders."""
    depth, width, tall = float(random.uniform(0.15, 0.26)), float(random.uniform(0.27, 0.36)), float(random.uniform(0.40, 0.52))
    vertices, triangles = super_ellipsoid((depth, width, tall), corner=0.45)
    spine, shoulder = joint(body, "Spine1"), joint(body, "LeftArm")
    top_z = float(rest.joints_m[shoulder, 2]) + 0.02
    of_back = np.isin(body.bone_of_vertex, [spine, joint(body, "Spine"), joint(body, "LeftShoulder"), joint(body, "RightShoulder")])
    back = rest.vertices_m[of_back & (np.abs(rest.vertices_m[:, 1]) < 0.15) & (rest.vertices_m[:, 2] < top_z)]
    centre = np.array([back[:, 0].min() + 0.04 - depth / 2, 0.0, top_z - tall / 2])

    def vertices_m(now: Frames, trace: Frames) -> np.ndarray:
        return fixed_to(now, rest, spine, vertices + centre).astype(np.float32)

    return Prop(vertices_m, triangles, belongs="bag")


def shoulder_bag(body: Body, rest: Rest, side: str, random: np.random.Generator) -> Prop:
    """A bag at the hip, on a strap over one shoulder; it sways as a damped pendulum and never into the body."""
    size = (float(random.uniform(0.26, 0.38)), float(random.uniform(0.09, 0.15)), float(random.uniform(0.22, 0.32)))
    vertices, triangles = super_ellipsoid(size, corner=0.4)
    outward = 1.0 if side == "Left" else -1.0
    hips, spine = joint(body, "Hips"), joint(body, "Spine1")
    across = random.random() < 0.5  # the chest, or straight down from the shoulder of this side
    strap_from = joint(body, "LeftArm" if (side == "Left") != across else "RightArm")
    hip_z = float(rest.joints_m[joint(body, f"{side}UpLeg"), 2])
    of_hip = np.isin(body.bone_of_vertex, [hips, joint(body, f"{side}UpLeg")])
    flank = rest.vertices_m[of_hip & (np.abs(rest.vertices_m[:, 2] - hip_z) < 0.12)]
    beside = float((outward * flank[:, 1]).max()) + size[1] / 2 - 0.01
    hangs = np.array([float(random.uniform(-0.10, 0.0)), outward * beside, hip_z + float(random.uniform(-0.02, 0.08))])
    shoulder = rest.joints_m[strap_from] * np.array([1, 0.8, 1]) + np.array([0, 0, 0.06])
    length = float(shoulder[2] - hangs[2])

    def vertices_m(now: Frames, trace: Frames) -> np.ndarray:
        yaw = heading(now.turns[:, hips])
        angles = pendulum(trace, trace.joints_m[:, hips], length, 0.3, now.time_s)
        local = np.einsum("tba,tb->ta", yaw[:, :2, :2], angles)
        local[:, 1] = outward * np.maximum(outward * local[:, 1], 0.0)  # the hip holds it from the inside
        angles = np.einsum("tab,tb->ta", yaw[:, :2, :2], local)
        rotation = tilted(yaw, angles)
        hip = now.joints_m[:, hips]
        middle = hip + np.einsum("tab,b->ta", yaw, hangs - rest.joints_m[hips]) + length * np.pad(angles, ((0, 0), (0, 1)))
        start = fixed_to(now, rest, spine, shoulder[None])[:, 0]
        top = middle + np.einsum("tab,b->ta", rotation, np.array([0, 0, 0.45 * size[2]]))
        return np.concatenate([placed(middle, rotation, vertices), rod(start, top, 0.018)], 1).astype(np.float32)

    return Prop(vertices_m, joined_triangles([(len(vertices), triangles), (14, rod_triangles())]), belongs="bag")


def hand_held(
    body: Body, rest: Rest, side: str, size_m: tuple[float, float, float], handle_m: float, corner: float, damping: float, belongs: str = "bag"
) -> Prop:
    """A bag or suitcase that hangs from the fist by a handle of `handle_m` and sways."""
    vertices, triangles = super_ellipsoid(size_m, corner)
    hand, fingers, hips = joint(body, f"{side}Hand"), joint(body, f"{side}FingerBase"), joint(body, "Hips")
    length = handle_m + size_m[2] / 2
    below = vertices - np.array([0, 0, length], np.float32)
    fist = (0.2 * rest.joints_m[hand] + 0.8 * rest.joints_m[fingers])[None]

    def vertices_m(now: Frames, trace: Frames) -> np.ndarray:
        grip = fixed_to(now, rest, hand, fist)[:, 0]
        angles = pendulum(trace, fixed_to(trace, rest, hand, fist)[:, 0], length, damping, now.time_s)
        rotation = tilted(heading(now.turns[:, hips]), angles)
        case = placed(grip, rotation, below)
        handle = rod(grip, grip + np.einsum("tab,b->ta", rotation, np.array([0, 0, -handle_m - 0.02])), 0.02)
        return np.concatenate([case, handle], 1).astype(np.float32)

    return Prop(vertices_m, joined_triangles([(len(vertices), triangles), (14, rod_triangles())]), belongs=belongs)
