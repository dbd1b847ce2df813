"""Hair and what covers it: volume over the skull as an offset, and meshes for what hangs or stands off."""

import numpy as np

from gaitbridge.simulation.body import Body, Rest
from gaitbridge.simulation.conditions import Frames, Prop
from gaitbridge.simulation.conditions._frames import fixed_to, heading, joint, pendulum
from gaitbridge.simulation.conditions._meshes import grid_triangles, super_ellipsoid
from gaitbridge.simulation.conditions._places import Places, zone_of
from gaitbridge.simulation.conditions._wardrobe import Hair, Top

RINGS, AROUND = 6, 8  # of what hangs; widths of long hair are given for six rings
HAIRLINE = ((0.0, 0.35, 0.62, 0.85, 1.0), (0.22, 0.24, 0.45, 0.80, 0.88))  # how high above the chin it runs, from the back of the head to the nose
LOW_LINE = ((0.0, 0.45, 0.70, 0.88, 1.0), (-0.5, -0.5, -0.2, 0.80, 0.86))  # of long hair and hoods, which cover the neck's sides


def scalp(hair: Hair, where: Places) -> np.ndarray:
    """How much [V] of the hair's volume is above each vertex, 0 to 1; a hood covers the neck too."""
    covers = hair.kind in ("long", "hood")
    line = np.interp(np.nan_to_num(where.head[:, 0]), *(LOW_LINE if covers else HAIRLINE))
    share = np.clip((np.nan_to_num(where.head[:, 2], nan=-9.0) - line) / 0.14 + 0.3, 0, 1)
    if covers:
        share = np.where(where.neck >= 0, np.clip(0.2 + where.neck, 0, 1) * (where.normals[:, 0] < 0.3), share)
    return share


def hair_props(body: Body, outer: Rest, hair: Hair, top: Top) -> list[Prop]:
    """Tails, buns, the peak of a cap, a hood on the back."""
    head = joint(body, "Head")
    skull = outer.vertices_m[body.bone_of_vertex == head].astype(float)
    low, high = skull.min(0), skull.max(0)
    found = []
    if hair.tail == "bun":
        size = 0.06 + 0.3 * hair.width - 0.02
        found.append(_lump(outer, head, (size, size, size), np.array([low[0] - 0.2 * size, 0, low[2] + 0.70 * (high[2] - low[2])]), hair.shade))
    elif hair.tail:
        found.append(_tail(body, outer, hair, low, high))
    if hair.kind == "cap":
        front = skull[np.abs(skull[:, 2] - (low[2] + 0.78 * (high[2] - low[2]))) < 0.03][:, 0].max()
        found.append(_lump(outer, head, (0.13, 0.16, 0.016), np.array([front + 0.02, 0, low[2] + 0.78 * (high[2] - low[2])]), hair.shade, 0.7))
    if top.kind == "hoodie" and hair.kind != "hood":
        neck = outer.joints_m[joint(body, "Neck")].astype(float)
        back = _back(body, outer, np.array([neck[2] - 0.03]))[0]
        found.append(_lump(outer, joint(body, "Spine1"), (0.11, 0.22, 0.17), np.array([back + 0.025, 0, neck[2] - 0.035]), top.shade, 0.9, "torso"))
    return found


def fixed_prop(rest: Rest, bone: int, points_m: np.ndarray, triangles: np.ndarray, part: str, shade: float) -> Prop:
    """A mesh [V', 3], given where it is in the rest pose, that moves with a bone."""

    def vertices_m(now: Frames, trace: Frames) -> np.ndarray:
        return fixed_to(now, rest, bone, points_m).astype(np.float32)

    return Prop(vertices_m, triangles, part=part, reflectivity=shade)


def _lump(rest: Rest, bone: int, size: tuple[float, float, float], centre: np.ndarray, shade: float, corner: float = 1.0, part: str = "head") -> Prop:
    """A rounded thing fixed to a bone."""
    vertices, triangles = super_ellipsoid(size, corner, rings=3, around=8)
    return fixed_prop(rest, bone, vertices + centre, triangles, part, shade)


def _back(body: Body, outer: Rest, levels: np.ndarray) -> np.ndarray:
    """The x of the back's surface [L] at some heights of the rest pose."""
    zones = np.array([zone_of(bone) for bone in body.joint_names])[body.bone_of_vertex]
    trunk = outer.vertices_m[(zones == "torso") & (np.abs(outer.vertices_m[:, 1]) < 0.13)].astype(float)
    return np.array([trunk[np.argsort(np.abs(trunk[:, 2] - level))[:12], 0].min() for level in levels])


def _tail(body: Body, outer: Rest, hair: Hair, low: np.ndarray, high: np.ndarray) -> Prop:
    """A ponytail, or long hair over neck and back: a tube from the back of the head, which sways where it does not lie on the back."""
    head, spine, hips = joint(body, "Head"), joint(body, "Spine1"), joint(body, "Hips")
    tall, curtain = high[2] - low[2], hair.tail == "curtain"
    down = np.linspace(0, 1, RINGS)
    start = low[2] + (0.80 if curtain else 0.78) * tall
    levels = start - down * (start - low[2] + hair.length if curtain else hair.length)
    shoulders = float(outer.joints_m[joint(body, "Neck"), 2]) - 0.02
    behind = low[0] + (0.05 * (1 - np.minimum(1.0, 3 * down)) + 0.012 if curtain else -0.045 * np.minimum(1.0, 3 * down) + 0.015)
    half_depth = np.array([0.034, 0.050, 0.050, 0.040, 0.030, 0.018]) if curtain else 0.012 + 0.024 * np.sin(np.pi * np.minimum(0.15 + down, 0.9))
    half_width = 0.5 * hair.width * np.array([0.6, 0.95, 1.05, 1.0, 0.9, 0.6]) if curtain else half_depth * 1.1
    x = np.minimum(behind, np.where(levels < shoulders + 0.06, _back(body, outer, levels) - 0.5 * half_depth, np.inf))
    turn = np.arange(AROUND) * 2 * np.pi / AROUND
    ring = np.stack(
        [x[:, None] + half_depth[:, None] * np.cos(turn), half_width[:, None] * np.sin(turn), np.broadcast_to(levels[:, None], (RINGS, AROUND))], -1
    )
    points = np.concatenate([ring.reshape(-1, 3), ring[[0, -1]].mean(1)])
    share = np.append(np.repeat(down, AROUND), [0.0, 1.0])
    lies = np.clip((outer.joints_m[head, 2] + 0.02 - levels) / 0.12, 0, 1) * (1.0 if curtain else 0.5)  # on the back, which moves it then
    lies = np.append(np.repeat(lies, AROUND), [lies[0], lies[-1]])[:, None]
    length = float(levels[0] - levels[-1])

    def vertices_m(now: Frames, trace: Frames) -> np.ndarray:
        yaw = heading(now.turns[:, hips])
        swing = pendulum(trace, trace.joints_m[:, head], length, 0.5, now.time_s)
        local = np.einsum("tba,tb->ta", yaw[:, :2, :2], swing) * (np.array([0.1, 0.4]) if curtain else 0.9)
        local[:, 0] = np.minimum(local[:, 0], 0.0)  # the back holds it
        sway = length * np.einsum("tab,tb->ta", yaw[:, :2, :2], local)
        placed = (1 - lies) * fixed_to(now, outer, head, points) + lies * fixed_to(now, outer, spine, points)
        placed[..., :2] += share[:, None] ** 1.5 * sway[:, None]
        return placed.astype(np.float32)

    return Prop(vertices_m, np.ascontiguousarray(grid_triangles(RINGS, AROUND, caps=True)[:, ::-1]), part="head", reflectivity=hair.shade)
