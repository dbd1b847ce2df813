"""A captured subject's own bone lengths, and the body that has them.

Joint centres of a capture's skeleton are not where the body model has them: above all the ends of its spine, the middle of its head and its
shoulders. So a length is asked of the body in proportion: what the subject's length is to that of subjects in the mean, over the leg. The leg itself,
thigh and shank together, is asked for in metres.
"""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import numpy as np

from gaitbridge.simulation.body import Body, Shape
from gaitbridge.simulation.body._proportions import BONES, CHANGES, MEANS_LOG_M, bones_m, fitted, named_joints
from gaitbridge.simulation.motion._captures import Capture

# Between which joints a bone is; the middle of the head is half of the head's bone from its beginning.
ENDS = {
    "thigh": ("UpLeg", "Leg"), "shank": ("Leg", "Foot"), "upper_arm": ("Arm", "ForeArm"), "forearm": ("ForeArm", "Hand"),
    "torso": ("Hips", "Neck"), "neck": ("Neck", "HeadMiddle"), "shoulder_width": ("LeftArm", "RightArm"), "hip_width": ("LeftUpLeg", "RightUpLeg"),
}  # fmt: skip
# What is asked of the body for a length of one in Acclaim's skeletons: the mean of its adults' shares of the leg over that of seven CMU subjects'.
ON_BODY = dict(zip(BONES, (0.974, 1.024, 0.908, 0.852, 1.569, 0.631, 0.971, 1.255), strict=True))
LEGS_M = (0.4, 1.3)  # hip to ankle; where a file's unit says otherwise, its lengths are taken as proportions alone
LEAST_SHARE, MOST_SHARE = 0.5, 2.0  # of the usual length, that are asked of a body


@runtime_checkable
class KnowsBones(Protocol):
    """A motion source whose people have bones of their own."""

    def asked_m(self, person: str, leg_m: float) -> np.ndarray:
        """The lengths [8] in metres, in the order of `BONES`, that are asked of a body; `leg_m` where the captures know proportions alone."""
        ...


def bone_lengths(capture: Capture) -> dict[str, float]:
    """The subject's bone lengths by name, in the capture's unit, between joint centres as its skeleton has them; means of both sides.

    Bones whose joints the capture lacks are left out.
    """
    recording, joints = capture.recording, capture.joints
    places = np.zeros((len(recording.joints), 3))
    for number, joint in enumerate(recording.joints[1:], start=1):
        places[number] = places[joint.parent] + joint.offset
    at = {name: places[number] for name, number in joints.items()}
    if "Head" in joints and joints["Head"] in recording.end_sites:
        at["HeadMiddle"] = at["Head"] + 0.5 * recording.end_sites[joints["Head"]]
    found = {}
    for bone, (one, other) in ENDS.items():
        sides = [(side + one, side + other) for side in ("Left", "Right")] if "Left" + one in at else [(one, other)]
        if all(name in at for ends in sides for name in ends):
            found[bone] = float(np.mean([np.linalg.norm(at[begin] - at[end]) for begin, end in sides]))
    return found


def bone_lengths_m(capture: Capture) -> dict[str, float] | None:
    """`bone_lengths` in metres; None where the format names no unit, or one by which these are no legs of an adult."""
    unit_m = capture.recording.unit_m
    if unit_m is None or not LEGS_M[0] <= capture.leg * unit_m <= LEGS_M[1]:
        return None
    return {name: unit_m * length for name, length in bone_lengths(capture).items()}


def asked_of_body(capture: Capture, leg_m: float) -> np.ndarray:
    """The lengths [8] in metres that are asked of a body for a subject: in the subject's proportions, the leg as long as the subject's own.

    `leg_m` is the leg where the capture does not tell it in metres. A bone that the capture lacks is as long as usual for that leg.
    """
    lengths = bone_lengths_m(capture) or {name: leg_m / capture.leg * length for name, length in bone_lengths(capture).items()}
    leg = lengths["thigh"] + lengths["shank"]
    usual = np.exp(MEANS_LOG_M)
    usual *= leg / usual[:2].sum()
    asked = np.array([ON_BODY[name] * lengths.get(name, length / ON_BODY[name]) for name, length in zip(BONES, usual, strict=True)])
    asked = np.clip(asked, LEAST_SHARE * usual, MOST_SHARE * usual)
    asked[:2] *= leg / asked[:2].sum()
    return asked


def with_bones(body: Body, shape: Shape, asked_m: np.ndarray) -> Shape:
    """The shape with bones as long as asked [8], within the limits of the body model; unchanged where it cannot be asked for lengths."""
    values = dict(zip(body.shape_names, shape.values.tolist(), strict=True))
    changes = [name for change, _ in CHANGES for name in change]
    if not {"height", *changes} <= set(values):
        return shape

    def lengths_of(named: Mapping[str, float]) -> np.ndarray:
        rest = body.rest(shape_of(named))
        return np.log(bones_m(named_joints(body.joint_names, rest.joints_m, rest.vertices_m, body.bone_of_vertex)))

    def shape_of(named: Mapping[str, float]) -> Shape:
        return Shape(np.array([named[name] for name in body.shape_names], np.float32))

    return shape_of(fitted(values | dict.fromkeys(changes, 0.5), np.log(asked_m), lengths_of))
