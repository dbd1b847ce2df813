"""Where clothes are on a body: its zones, and places on them. Joint names are those of the body's rig (cmu_mb)."""

from dataclasses import dataclass

import numpy as np

from gaitbridge.simulation.body import Body, Rest
from gaitbridge.simulation.body._normals import vertex_normals

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


def zone_of(bone: str) -> str:
    """The zone of clothing that a bone belongs to."""
    return next(zone for zone, words in ZONES.items() if any(word in bone for word in words))


@dataclass(frozen=True)
class Places:
    """Where each vertex [V] is on its owner, in the rest pose.

    arm: 0 the shoulder, 1 the elbow, 2 the wrist, -1 off the arms; leg: 0 the hip, 1 the knee, 2 the ankle, 3 on the foot, -1 off the legs;
    trunk: 0 the hip joints' height, 1 the base of the neck, -1 off the trunk; neck: 0 its base, 1 the head, -1 elsewhere;
    head: along (0 the back, 1 the nose), across (metres) and up (0 the chin, 1 the crown) [V, 3], NaN elsewhere; normals [V, 3].
    """

    arm: np.ndarray
    leg: np.ndarray
    trunk: np.ndarray
    neck: np.ndarray
    head: np.ndarray
    normals: np.ndarray


def places(body: Body, rest: Rest) -> Places:
    """Where each vertex of a body is."""
    vertices, joints = rest.vertices_m.astype(float), rest.joints_m.astype(float)
    zones = np.array([zone_of(bone) for bone in body.joint_names])[body.bone_of_vertex]
    left = np.array([bone.startswith("L") for bone in body.joint_names])[body.bone_of_vertex]
    arm, leg, trunk, neck = (np.full(len(vertices), -1.0) for _ in range(4))
    for side, of_side in (("Left", left), ("Right", ~left)):
        for field, start, zone, bones in ((arm, 0, "upper_arm", "Arm ForeArm"), (arm, 1, "forearm", "ForeArm Hand"),
                                          (leg, 0, "thigh", "UpLeg Leg"), (leg, 1, "shin", "Leg Foot")):  # fmt: skip
            upper, lower = (joints[body.joint_names.index(side + bone)] for bone in bones.split())
            of_bone = of_side & (zones == zone)
            along = (vertices[of_bone] - upper) @ (lower - upper) / np.sum((lower - upper) ** 2)
            field[of_bone] = start + np.clip(along, 0, 1)
    arm[zones == "hand"], leg[zones == "foot"] = 2.2, 3.0
    hip_z = float(joints[[body.joint_names.index(f"{side}UpLeg") for side in ("Left", "Right")], 2].mean())
    neck_z, head_z = (float(joints[body.joint_names.index(name), 2]) for name in ("Neck", "Head"))
    of_trunk, of_neck = zones == "torso", zones == "neck"
    of_head = np.array([bone == "Head" for bone in body.joint_names])[body.bone_of_vertex]
    of_neck |= (zones == "head") & ~of_head
    trunk[of_trunk] = np.clip((vertices[of_trunk, 2] - hip_z) / (neck_z - hip_z), 0, 1)
    neck[of_neck] = np.clip((vertices[of_neck, 2] - neck_z) / (head_z - neck_z), 0, 1)
    head, skull = np.full((len(vertices), 3), np.nan), vertices[of_head]
    low, high = skull.min(0), skull.max(0)
    head[of_head] = (skull - low) / (high - low)
    head[of_head, 1] = skull[:, 1]
    return Places(arm, leg, trunk, neck, head, vertex_normals(rest.vertices_m[None], body.triangles)[0].astype(float))
