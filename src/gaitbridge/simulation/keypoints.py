"""COCO's 17 joints of a simulated walker in a camera's picture, exact: where a pose estimator that never errs would put them.

Limbs are the body's own joints. Nose, eyes and ears are vertices of its mesh, chosen once a body by where they are in the rest pose.
"""

import numpy as np

from gaitbridge.conventions import JOINT_ORDERS
from gaitbridge.errors import UserError
from gaitbridge.geometry import transforms
from gaitbridge.geometry.camera import Camera
from gaitbridge.simulation.body import Body

BONES = {"shoulder": "Arm", "elbow": "ForeArm", "wrist": "Hand", "hip": "UpLeg", "knee": "Leg", "ankle": "Foot"}  # each begins at the joint
FACE = 5  # of the joints, the first
EYE_ASIDE = 0.38  # of the ears' distance from the middle
EYE_BEHIND_M = 0.03  # the nose's tip


def keypoints_of(body: Body, vertices_m: np.ndarray, joints_m: np.ndarray) -> np.ndarray:
    """[T, 17, 3] in the world, of the bare body's vertices [T, V, 3] and joints [T, J, 3]. UserError where the body lacks some."""
    limbs = [_bone(body, name) for name in JOINT_ORDERS["coco"][FACE:]]
    return np.concatenate([vertices_m[:, face_vertices(body)], joints_m[:, limbs]], axis=1)


def skeletons_seen(keypoints_m: np.ndarray, T_world_from_camera: np.ndarray, camera: Camera) -> np.ndarray:
    """Keypoints [T, J, 3] in the world as a camera sees them: float32 [T, J, 3], column and row in pixels and a score of 1.

    A joint behind something counts as seen; one outside of the picture is not found: all zero.
    """
    pixels, depth = camera.project(transforms.apply(transforms.inverse(T_world_from_camera), keypoints_m))
    found = np.concatenate([pixels, np.ones((*pixels.shape[:2], 1))], axis=-1)
    return np.where((camera.contains(pixels) & (depth > 0))[..., None], found, 0.0).astype(np.float32)


def _bone(body: Body, name: str) -> int:
    """The number of the joint that COCO calls so."""
    side, part = name.split("_")
    if (bone := side.capitalize() + BONES[part]) not in body.joint_names:
        raise UserError(f"the body {body.name} has no joint {bone}: skeletons are of bodies with the simulator's own joints")
    return body.joint_names.index(bone)


def face_vertices(body: Body) -> list[int]:
    """Nose, left and right eye, left and right ear, of the head's vertices in the shared shape's rest pose, which faces +x with its left to +y.

    The foremost; those nearest to where eyes are, at the ears' height; the outermost.
    """
    if "Head" not in body.joint_names:
        raise UserError(f"the body {body.name} has no joint Head: skeletons are of bodies with the simulator's own joints")
    head = np.flatnonzero(body.bone_of_vertex == body.joint_names.index("Head"))
    places = body.rest(body.shared_shape()).vertices_m[head]
    nose = int(places[:, 0].argmax())
    ears = [int(places[:, 1].argmax()), int(places[:, 1].argmin())]
    eyes = []
    for ear in ears:
        aim = np.array([places[nose, 0] - EYE_BEHIND_M, EYE_ASIDE * places[ear, 1], places[ear, 2]])
        eyes.append(int(np.linalg.norm(places - aim, axis=1).argmin()))
    return [int(head[place]) for place in (nose, *eyes, *ears)]
