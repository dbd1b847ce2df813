"""Clothes: offsets along the normals by zone of the body, and coat hems. Joint names are those of the body's rig (cmu_mb)."""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from scipy.sparse import csr_matrix, diags_array, identity

from gaitbridge.simulation.body import Body, Rest
from gaitbridge.simulation.conditions import Frames, Prop
from gaitbridge.simulation.conditions._frames import heading, joint, lagged
from gaitbridge.simulation.conditions._meshes import grid_triangles

HEM_RINGS, HEM_AROUND = 6, 24
_TURN = np.arange(HEM_AROUND) * 2 * np.pi / HEM_AROUND
_OUT = np.stack([np.cos(_TURN), np.sin(_TURN)], -1)  # [K, 2]
ZONES = {  # by words in the bone's name, the first that fits
    "hand": ("Hand", "Finger", "Thumb"),
    "forearm": ("ForeArm",),
    "upper_arm": ("Arm",),
    "foot": ("Foot", "Toe"),
    "thigh": ("UpLeg",),
    "shin": ("Leg",),
    "head": ("Head", "Neck1"),
    "neck": ("Neck",),
    "torso": ("",),
}
DEFAULT_LAYER_M = {  # a thin layer that everyone wears, drawn anew for each take: 0.4 to 1.4 cm
    "torso": (0.006, 0.014), "upper_arm": (0.004, 0.010), "forearm": (0.004, 0.009), "thigh": (0.005, 0.014), "shin": (0.005, 0.013),
    "foot": (0.004, 0.009), "neck": (0.0, 0.004), "head": (0.003, 0.012), "hand": (0.0, 0.001),
}  # fmt: skip


def default_layer(random: np.random.Generator) -> dict[str, float]:
    """A thin default layer by zone, metres."""
    return {zone: float(random.uniform(*limits)) for zone, limits in DEFAULT_LAYER_M.items()}


def zone_of(bone: str) -> str:
    """The zone of clothing that a bone belongs to."""
    return next(zone for zone, words in ZONES.items() if any(word in bone for word in words))


def inflation(body: Body, by_zone: Mapping[str, float]) -> np.ndarray:
    """Offsets along the normals float32 [V] from a thickness by zone in metres, softened over the seams."""
    by_bone = np.array([by_zone.get(zone_of(bone), 0.0) for bone in body.joint_names])
    offsets = by_bone[body.bone_of_vertex]
    soften = _soften(body.triangles.tobytes(), len(body.bone_of_vertex))
    for _ in range(2):
        offsets = soften @ offsets
    return np.asarray(offsets, np.float32)


@lru_cache(maxsize=4)
def _soften(triangles: bytes, count: int) -> csr_matrix:
    """The matrix [V, V] that averages each vertex with its neighbours, half and half."""
    corners = np.frombuffer(triangles, np.int32).reshape(-1, 3)
    a, b = corners[:, [0, 1, 2]].ravel(), corners[:, [1, 2, 0]].ravel()
    near = csr_matrix((np.ones(2 * len(a)), (np.r_[a, b], np.r_[b, a])), shape=(count, count))
    near.data[:] = 1.0
    degree = np.maximum(np.asarray(near.sum(axis=1)).ravel(), 1.0)
    return csr_matrix(0.5 * identity(count) + 0.5 * (diags_array(1.0 / degree) @ near))


def coat_hem(body: Body, rest: Rest, below_hip: float, ease_m: float, flare_m: float, delay_s: float) -> Prop:
    """The skirt of a coat: a tube from the waist over both thighs.

    Each ring is the convex outline of the body's left and right half at that height, moved with the left and the right thigh: where they
    are now, or where they were `delay_s` ago if that is farther out, so that legs push the hem at once and it falls back late.
    `below_hip`: how far it reaches down, in lengths of the thigh (0.5 mid-thigh, 1.0 the knee); `ease_m` the room about the body,
    `flare_m` how much wider the hem is.
    """
    hips = joint(body, "Hips")
    legs = [(joint(body, f"{side}UpLeg"), joint(body, f"{side}Leg")) for side in ("Left", "Right")]
    hip_z = float(np.mean([rest.joints_m[up, 2] for up, _ in legs]))
    thigh_m = hip_z - float(np.mean([rest.joints_m[knee, 2] for _, knee in legs]))
    levels = np.linspace(hip_z + 0.12, hip_z - below_hip * thigh_m, HEM_RINGS)
    drop = np.clip((hip_z - levels) / thigh_m, 0, 1)  # 0 at the hip joint, 1 at the knee
    room = ease_m + flare_m * np.linspace(0, 1, HEM_RINGS) ** 1.5
    halves = _half_supports(body, rest, levels) + room[:, None, None]  # [L, 2, K]
    height = (levels - rest.joints_m[hips, 2])[None, :, None, None]

    def vertices_m(now: Frames, trace: Frames) -> np.ndarray:
        yaw, trace_yaw = heading(now.turns[:, hips]), heading(trace.turns[:, hips])
        reach = np.full((len(now.time_s), HEM_RINGS, HEM_AROUND), -np.inf)
        for side, (up, knee) in enumerate(legs):
            at_rest = (rest.joints_m[knee] - rest.joints_m[up])[:2]
            shift_now = np.einsum("tba,tb->ta", yaw, now.joints_m[:, knee] - now.joints_m[:, up])[:, :2] - at_rest
            shift_trace = np.einsum("tba,tb->ta", trace_yaw, trace.joints_m[:, knee] - trace.joints_m[:, up])[:, :2] - at_rest
            for shift in (shift_now, lagged(trace.time_s, shift_trace, delay_s, now.time_s)):
                reach = np.maximum(reach, halves[:, side] + (shift @ _OUT.T)[:, None] * drop[:, None])
        local = np.concatenate([_outline(reach), np.broadcast_to(height, (*reach.shape, 1))], -1)
        world = np.einsum("tab,tlkb->tlka", yaw, local) + now.joints_m[:, None, None, hips]
        return world.reshape(len(world), -1, 3).astype(np.float32)

    return Prop(vertices_m, np.ascontiguousarray(grid_triangles(HEM_RINGS, HEM_AROUND)[:, ::-1]), part="torso")  # rings run downwards


def _half_supports(body: Body, rest: Rest, levels: np.ndarray) -> np.ndarray:
    """Support function [L, 2, K] of the body's left and right half without arms about the hips' axis, at each height of the rest pose."""
    zones = np.array([zone_of(bone) for bone in body.joint_names])[body.bone_of_vertex]
    trunk = rest.vertices_m[np.isin(zones, ("torso", "thigh", "shin"))] - np.r_[rest.joints_m[joint(body, "Hips"), :2], 0]
    supports = np.zeros((len(levels), 2, HEM_AROUND))
    for row, level in enumerate(levels):
        near = trunk[np.abs(trunk[:, 2] - level) < 0.06][:, :2]
        for side, half in enumerate((near[near[:, 1] > -0.01], near[near[:, 1] < 0.01])):
            supports[row, side] = (half @ _OUT.T).max(0)
    return supports


def _outline(support: np.ndarray) -> np.ndarray:
    """Points [..., K, 2] of the convex outline with the support function [..., K] in the directions _OUT: h u + h' u'."""
    slope = (np.roll(support, -1, -1) - np.roll(support, 1, -1)) / (2 * 2 * np.pi / HEM_AROUND)
    return support[..., None] * _OUT + slope[..., None] * np.stack([-_OUT[:, 1], _OUT[:, 0]], -1)
