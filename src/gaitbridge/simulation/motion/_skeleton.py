"""The skeleton that motions are written on: names, the standing posture, rotations, and how feet meet the ground.

A *turn* is the world rotation that takes a bone from a reference orientation to where it is. Motions speak of turns from the
standing posture (arms and legs hanging straight down, feet forward), in which joint angles mean the same for every body; bodies
speak of world orientations. Axes of a turn: +x leans to the right (a leg hanging down swings to the left), +y bends forward
(a hanging leg swings back), +z turns to the left.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gaitbridge.errors import UserError
from gaitbridge.simulation.body import Body, Pose, Rest, Shape

ROOT = "Hips"
DOWN, FORWARD = np.array([0.0, 0.0, -1.0]), np.array([1.0, 0.0, 0.0])
NEXT = {"UpLeg": "Leg", "Leg": "Foot", "Foot": "ToeBase", "Shoulder": "Arm", "Arm": "ForeArm", "ForeArm": "Hand", "Hand": "FingerBase"}
HANGING = ("Arm", "ForeArm", "Hand", "UpLeg", "Leg")  # three of the arm, two of the leg
# How far the forearm and the hand are turned in the standing posture, radians, so that the palms face the thighs (pronated in the rest pose).
PALMS_RAD = {"ForeArm": 0.5, "Hand": 0.9}
# Fingers are spread in the rest pose and would show in silhouettes: radians of flexion from the hand.
CURL_RAD = {"FingerBase": 0.4, "HandFinger1": 0.7}


@dataclass(frozen=True)
class Skeleton:
    """A body's bones with one shape: rest state, and the standing posture's orientations [J, 3, 3].

    `follow` [J, 3, 3] is the orientation of each bone relative to its parent's in the rest pose with curled fingers:
    what a bone takes that no motion speaks of.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    rest: Rest
    standing: np.ndarray
    follow: np.ndarray

    def index(self, name: str) -> int:
        """Number of a joint; UserError where the body has none of that name."""
        if name not in self.names:
            raise UserError(f"this body has no joint {name!r}, which walking motions need: use a body with the joints of --body anny")
        return self.names.index(name)

    def orientations(self, turns: Mapping[str, np.ndarray]) -> np.ndarray:
        """World orientations float [T, J, 3, 3] from turns [T, 3, 3] by joint; other bones follow their parents."""
        frames = len(turns[ROOT])
        out = np.empty((frames, len(self.names), 3, 3))
        for joint, (name, parent) in enumerate(zip(self.names, self.parents, strict=True)):
            if name in turns:
                out[:, joint] = turns[name] @ self.standing[joint]
            else:
                out[:, joint] = out[:, parent] @ self.follow[joint]
        return out


def skeleton_of(body: Body, shape: Shape, straight_knees: bool = False) -> Skeleton:
    """The skeleton of a shape.

    `straight_knees`: thigh and shank each hang straight down, so that an angle of the knee is that between hip, knee and ankle; else they
    hang as they meet in the rest pose.
    """
    rest = body.rest(shape)
    rotations = rest.rotations_world.astype(float)
    follow = rotations.copy()
    for joint, parent in enumerate(body.parents[1:], start=1):
        follow[joint] = rotations[parent].T @ curl(body.joint_names, rest, joint) @ rotations[joint]
    skeleton = Skeleton(tuple(body.joint_names), tuple(body.parents), rest, rotations.copy(), follow)
    for side in ("Left", "Right"):
        for limb in HANGING[:3]:
            joint = skeleton.index(side + limb)
            inwards = np.array([0.0, 0.0, (1.0 if side == "Left" else -1.0) * PALMS_RAD.get(limb, 0.0)])
            hanging = smallest_turn(bone_direction(body.joint_names, rest, joint), DOWN) @ rotations[joint]
            skeleton.standing[joint] = rotation_matrices(inwards) @ hanging
        leg = (rest.joints_m[skeleton.index(f"{side}Foot")] - rest.joints_m[skeleton.index(f"{side}UpLeg")]).astype(float)
        for limb in HANGING[3:]:  # together: the bones of Anny's straight leg meet at an angle of ten degrees
            joint = skeleton.index(side + limb)
            along = bone_direction(body.joint_names, rest, joint) if straight_knees else leg / np.linalg.norm(leg)
            skeleton.standing[joint] = smallest_turn(along, DOWN) @ rotations[joint]
        toe_out = level(bone_direction(body.joint_names, rest, skeleton.index(f"{side}Foot")))
        for limb in ("Foot", "ToeBase"):  # soles stay flat: only turned to point forward
            joint = skeleton.index(side + limb)
            skeleton.standing[joint] = smallest_turn(toe_out, FORWARD) @ rotations[joint]
    return skeleton


def bone_direction(names: Sequence[str], rest: Rest, joint: int) -> np.ndarray:
    """Unit vector [3] along a bone in the rest pose: to the next joint of the limb, else the bone's own y axis."""
    side, limb = side_of(names[joint])
    follower = side + NEXT.get(limb, "")
    if side and limb in NEXT and follower in names:
        along = (rest.joints_m[names.index(follower)] - rest.joints_m[joint]).astype(float)
        return along / np.linalg.norm(along)
    return rest.rotations_world[joint][:, 1].astype(float)


def side_of(name: str) -> tuple[str, str]:
    """`LeftArm` -> ("Left", "Arm"); a bone of the middle has no side."""
    for side in ("Left", "Right"):
        if name.startswith(side):
            return side, name[len(side) :]
    return "", name


def curl(names: Sequence[str], rest: Rest, joint: int) -> np.ndarray:
    """World rotation [3, 3] that bends a finger bone about its own x axis towards the palm; identity for other bones."""
    bone = side_of(names[joint])[1]
    if bone not in CURL_RAD:
        return np.eye(3)
    return rotation_matrices(CURL_RAD[bone] * rest.rotations_world[joint][:, 0].astype(float))


def level(vector: np.ndarray) -> np.ndarray:
    """The horizontal part of a vector [3], of length one."""
    flat = np.array([vector[0], vector[1], 0.0])
    return flat / np.linalg.norm(flat)


def smallest_turn(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The smallest rotation [3, 3] that takes one unit vector to another; opposite vectors turn about any normal."""
    axis, cosine = np.cross(source, target), float(source @ target)
    if cosine < -1.0 + 1e-9:
        normal = np.cross(source, [1.0, 0.0, 0.0] if abs(source[0]) < 0.9 else [0.0, 1.0, 0.0])
        return rotation_matrices(np.pi * normal / np.linalg.norm(normal))
    cross = np.array([[0.0, -axis[2], axis[1]], [axis[2], 0.0, -axis[0]], [-axis[1], axis[0], 0.0]])
    return np.eye(3) + cross + cross @ cross / (1.0 + cosine)


def rotation_matrices(vectors: np.ndarray) -> np.ndarray:
    """Rotation matrices [..., 3, 3] of rotation vectors [..., 3] in radians (Rodrigues' formula)."""
    x, y, z = np.moveaxis(vectors, -1, 0)
    square = x * x + y * y + z * z
    angle = np.sqrt(square)
    small = square < 1e-12
    safe = np.where(small, 1.0, square)
    s = np.where(small, 1.0, np.sin(angle) / np.sqrt(safe))
    c = np.where(small, 0.5, (1.0 - np.cos(angle)) / safe)
    out = np.empty((*np.shape(x), 3, 3))
    out[..., 0, 0], out[..., 1, 1], out[..., 2, 2] = 1 - c * (y * y + z * z), 1 - c * (x * x + z * z), 1 - c * (x * x + y * y)
    out[..., 0, 1], out[..., 1, 0] = c * x * y - s * z, c * x * y + s * z
    out[..., 0, 2], out[..., 2, 0] = c * x * z + s * y, c * x * z - s * y
    out[..., 1, 2], out[..., 2, 1] = c * y * z - s * x, c * y * z + s * x
    return out


def foot_vertices(body: Body) -> np.ndarray:
    """Numbers of the vertices that feet and toes move, the only ones that may touch the ground in a walk."""
    feet = [joint for joint, name in enumerate(body.joint_names) if side_of(name)[1] in ("Foot", "ToeBase")]
    return np.flatnonzero(np.isin(body.bone_of_vertex, feet))


def posed_feet(body: Body, shape: Shape, orientations: np.ndarray, feet: np.ndarray) -> np.ndarray:
    """Foot vertices [T, V', 3] with the hips at the origin."""
    pose = Pose(orientations.astype(np.float32), np.zeros((len(orientations), 3), np.float32))
    return body.posed(shape, pose).vertices_m[:, feet].astype(float)


def bent_toes(foot_turn: np.ndarray) -> np.ndarray:
    """Turns of the toes [T, 3, 3] from turns of the foot, for captures without toes: they stay on the ground as the heel rises.

    They give way from 5 degrees of heel rise on, by 50 degrees at most, as in adults before toe-off (our choice of numbers).
    """
    pitch = np.arcsin(np.clip(-foot_turn[:, 2, 0], -1.0, 1.0))  # how far the foot points down
    bend = np.clip(0.95 * (pitch - np.deg2rad(5.0)), 0.0, np.deg2rad(50.0))
    return foot_turn @ rotation_matrices(np.stack([np.zeros_like(bend), -bend, np.zeros_like(bend)], axis=-1))
