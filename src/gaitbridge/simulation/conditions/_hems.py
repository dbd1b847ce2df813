"""What hangs about both legs: the hems of shirts, jackets and coats, skirts and dresses.

A hem is a tube. Each ring is the convex outline of the body's left and right half at that height, moved with the left and the right leg: where
they are now, or where they were `delay_s` ago if that is farther out, so that legs push the hem at once and it falls back late.
Legend: T frames, L rings, K directions about a ring, V' vertices.
"""

from dataclasses import dataclass

import numpy as np

from gaitbridge.simulation.body import Body, Rest
from gaitbridge.simulation.conditions import REFLECTIVITY, Frames, Prop
from gaitbridge.simulation.conditions._frames import fixed_to, heading, joint, lagged
from gaitbridge.simulation.conditions._meshes import grid_triangles
from gaitbridge.simulation.conditions._places import zone_of

WAIST_M = 0.12  # above the hip joints: where a hem begins
NEAR_M = 0.06  # what lies within this height of a ring shapes it
TRIM_M = 0.035  # and within this one above the hips where a garment is fitted
THIGH_M = 0.08  # from the middle of a thigh to its front
LEG_DELAY_S = 0.08  # of wide trousers after the shin
SUNK_M = 0.008  # they begin this far within the knee, so that no step shows


@dataclass(frozen=True)
class Hem:
    """How a hem is cut.

    length: how far it reaches down along the leg, 0 the hip joint, 1 the knee, 2 the ankle; ease_m: the room about the body; flare_m: how much
    wider the lowest ring is; waves: float [K], metres, folds of the lowest ring.
    fitted: it follows the body closely: the waist is as narrow as the body there and leans as the lower back does, and a thigh that is raised
    pushes it by how far out its front is at a height, not only by its share of how far the knee is.
    """

    length: float
    ease_m: float
    flare_m: float
    delay_s: float
    rings: int = 6
    around: int = 24
    waist_m: float = WAIST_M
    waves: np.ndarray | None = None
    reflectivity: float = REFLECTIVITY
    fitted: bool = False


def hem(body: Body, rest: Rest, cut: Hem) -> Prop:
    """The tube from the waist over both legs; `rest` with the clothes on that it goes over."""
    hips, out = joint(body, "Hips"), _directions(cut.around)
    legs = [tuple(joint(body, side + bone) for bone in ("UpLeg", "Leg", "Foot")) for side in ("Left", "Right")]
    hip_z, knee_z, ankle_z = (float(np.mean([rest.joints_m[leg[place], 2] for leg in legs])) for place in range(3))
    thigh_m, shank_m = hip_z - knee_z, knee_z - ankle_z
    lowest = hip_z - cut.length * thigh_m if cut.length <= 1 else knee_z - (cut.length - 1) * shank_m
    levels = np.linspace(hip_z + cut.waist_m, lowest, cut.rings)
    thigh_share, shank_share = np.clip((hip_z - levels) / thigh_m, 0, 1), np.clip((knee_z - levels) / shank_m, 0, 1)
    along_thigh = np.minimum(thigh_share, 2 * (1 - thigh_share))  # nothing at the knee, whose place is known
    down = np.linspace(0, 1, cut.rings)
    near_m = np.where(cut.fitted & (levels > hip_z), TRIM_M, NEAR_M)  # a waist is not as wide as the hips below it
    halves = _half_supports(body, rest, levels, near_m, out) + (cut.ease_m + cut.flare_m * down**1.5)[:, None, None]  # [L, 2, K]
    if cut.waves is not None:
        halves = halves + (down**2)[:, None, None] * cut.waves
    spine = joint(body, "Spine")
    lean_share = np.maximum(levels - rest.joints_m[hips, 2], 0) / (rest.joints_m[spine, 2] - rest.joints_m[hips, 2])
    height = (levels - rest.joints_m[hips, 2])[None, :, None, None]

    def moved(frames: Frames, yaw: np.ndarray, upper: int, lower: int) -> np.ndarray:
        at_rest = (rest.joints_m[lower] - rest.joints_m[upper])[:2]
        shift: np.ndarray = np.einsum("tba,tb->ta", yaw, frames.joints_m[:, lower] - frames.joints_m[:, upper])[:, :2] - at_rest
        return shift

    def slanted(frames: Frames, yaw: np.ndarray, upper: int, lower: int) -> np.ndarray:
        along = np.einsum("tba,tb->ta", yaw, frames.joints_m[:, lower] - frames.joints_m[:, upper])
        aside, drop = along[:, :2], np.maximum(-along[:, 2], 0.6 * thigh_m)[:, None]
        longer = np.linalg.norm(along, axis=1)[:, None] / drop - 1  # of the thigh's section at a height, over its own
        more: np.ndarray = aside * (thigh_m / drop - 1 + longer * THIGH_M / np.maximum(np.linalg.norm(aside, axis=1)[:, None], THIGH_M))
        return more

    def vertices_m(now: Frames, trace: Frames) -> np.ndarray:
        yaw, trace_yaw = heading(now.turns[:, hips]), heading(trace.turns[:, hips])
        reach = np.full((len(now.time_s), cut.rings, cut.around), -np.inf)
        for side, (up, knee, ankle) in enumerate(legs):
            bones = [(up, knee, thigh_share)] + ([(knee, ankle, shank_share)] if shank_share.any() else [])
            here, late = halves[:, side], halves[:, side]
            for upper, lower, share in bones:
                shift_trace = lagged(trace.time_s, moved(trace, trace_yaw, upper, lower), cut.delay_s, now.time_s)
                here = here + (moved(now, yaw, upper, lower) @ out.T)[:, None] * share[:, None]
                late = late + (shift_trace @ out.T)[:, None] * share[:, None]
            if cut.fitted:
                slant_trace = lagged(trace.time_s, slanted(trace, trace_yaw, up, knee), cut.delay_s, now.time_s)
                here = here + (slanted(now, yaw, up, knee) @ out.T)[:, None] * along_thigh[:, None]
                late = late + (slant_trace @ out.T)[:, None] * along_thigh[:, None]
            reach = np.maximum(reach, np.maximum(here, late))
        if cut.fitted:
            reach = reach + (moved(now, yaw, hips, spine) @ out.T)[:, None] * lean_share[:, None]
        local = np.concatenate([_outline(reach), np.broadcast_to(height, (*reach.shape, 1))], -1)
        world = np.einsum("tab,tlkb->tlka", yaw, local) + now.joints_m[:, None, None, hips]
        return world.reshape(len(world), -1, 3).astype(np.float32)

    triangles = np.ascontiguousarray(grid_triangles(cut.rings, cut.around)[:, ::-1])  # rings run downwards
    return Prop(vertices_m, triangles, part="torso", reflectivity=cut.reflectivity)


def _directions(around: int) -> np.ndarray:
    """Unit vectors [K, 2] about a ring."""
    turn = np.arange(around) * 2 * np.pi / around
    return np.stack([np.cos(turn), np.sin(turn)], -1)


def _half_supports(body: Body, rest: Rest, levels: np.ndarray, near_m: np.ndarray, out: np.ndarray) -> np.ndarray:
    """Support function [L, 2, K] of the body's left and right half without arms about the hips' axis, at each height of the rest pose."""
    zones = np.array([zone_of(bone) for bone in body.joint_names])[body.bone_of_vertex]
    trunk = rest.vertices_m[np.isin(zones, ("torso", "thigh", "shin"))] - np.r_[rest.joints_m[joint(body, "Hips"), :2], 0]
    supports = np.zeros((len(levels), 2, len(out)))
    halves = trunk[trunk[:, 1] > -0.01], trunk[trunk[:, 1] < 0.01]
    for row, level in enumerate(levels):
        for side, half in enumerate(halves):
            away = np.abs(half[:, 2] - level)
            near = near_m[row] if near_m[row] >= NEAR_M else max(near_m[row], np.partition(away, 5)[5])  # six at least
            supports[row, side] = (half[away <= near][:, :2] @ out.T).max(0)
    return supports


def _outline(support: np.ndarray) -> np.ndarray:
    """Points [..., K, 2] of the convex outline with the support function [..., K] in the directions of `_directions`: h u + h' u'."""
    out = _directions(support.shape[-1])
    slope = (np.roll(support, -1, -1) - np.roll(support, 1, -1)) / (2 * 2 * np.pi / support.shape[-1])
    return support[..., None] * out + slope[..., None] * np.stack([-out[:, 1], out[:, 0]], -1)


def _section(body: Body, rest: Rest, chosen: np.ndarray, level_m: float) -> np.ndarray:
    """Where the edges between chosen vertices (bool [V]) cross a height: [n, 2], the nearest vertices where none does."""
    edges = np.concatenate([body.triangles[:, pair] for pair in ([0, 1], [1, 2], [2, 0])])
    ends = rest.vertices_m[edges[chosen[edges].all(1)]].astype(float)  # [E, 2, 3]
    height = ends[..., 2] - level_m
    ends, height = ends[height[:, 0] * height[:, 1] < 0], height[height[:, 0] * height[:, 1] < 0]
    if not len(ends):
        points = rest.vertices_m[chosen].astype(float)
        return points[np.argsort(np.abs(points[:, 2] - level_m))[:8], :2]
    share = height[:, 0] / (height[:, 0] - height[:, 1])
    found: np.ndarray = ends[:, 0, :2] + share[:, None] * (ends[:, 1, :2] - ends[:, 0, :2])
    return found


def trouser_leg(body: Body, rest: Rest, side: str, room_m: float, reflectivity: float, rings: int = 4, around: int = 10) -> Prop:
    """The lower leg of wide trousers: a tube about the shin that widens to `room_m` about it at the ankle and comes a little late."""
    knee, ankle = joint(body, f"{side}Leg"), joint(body, f"{side}Foot")
    start, end = rest.joints_m[knee].astype(float), rest.joints_m[ankle].astype(float)
    down, out = np.linspace(0.02, 0.97, rings), _directions(around)
    of_leg = np.isin(body.bone_of_vertex, [bone for bone, name in enumerate(body.joint_names) if side in name and zone_of(name) in ("thigh", "shin")])
    centres, room = start + down[:, None] * (end - start), room_m * down**1.2
    points = np.empty((rings, around, 3))
    for row, centre in enumerate(centres):
        between = [0.0] if row == 0 else [-0.5, 0.0, 0.5]  # a calf that bulges between two rings stays within
        cuts = [_section(body, rest, of_leg, float(centre[2] + part * (start[2] - end[2]) / (rings - 1))) for part in between]
        points[row, :, :2] = centre[:2] + _outline(((np.concatenate(cuts) - centre[:2]) @ out.T).max(0) + room[row] - SUNK_M * (1 - down[row]))
        points[row, :, 2] = centre[2]
    flat = points.reshape(-1, 3)

    def vertices_m(now: Frames, trace: Frames) -> np.ndarray:
        here, before = (frames.joints_m[:, ankle] - frames.joints_m[:, knee] for frames in (now, trace))
        late = lagged(trace.time_s, before, LEG_DELAY_S, now.time_s) - here
        shift = late[:, None] * down[:, None]  # [T, L, 3]
        most = 0.7 * room / np.maximum(np.linalg.norm(shift, axis=-1), 1e-9)
        shift = shift * np.minimum(most, 1.0)[..., None]
        return (fixed_to(now, rest, knee, flat) + np.repeat(shift, around, axis=1)).astype(np.float32)

    triangles = np.ascontiguousarray(grid_triangles(rings, around)[:, ::-1])
    return Prop(vertices_m, triangles, part=f"{side.lower()}_leg", reflectivity=reflectivity)
