"""The pose of one person in one picture: 33 landmarks in pixels and in metres, and the 17 keypoints (COCO) that much of the field takes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LANDMARKS = (
    "nose", "left_eye_inner", "left_eye", "left_eye_outer", "right_eye_inner", "right_eye", "right_eye_outer", "left_ear", "right_ear",
    "mouth_left", "mouth_right", "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_pinky",
    "right_pinky", "left_index", "right_index", "left_thumb", "right_thumb", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle",
    "right_ankle", "left_heel", "right_heel", "left_foot", "right_foot",
)  # fmt: skip  # the person's own left and right
OF_COCO = (0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28)  # of the landmarks, in the order of COCO's 17 keypoints
POSE_ARRAYS = ("landmarks", "landmarks_m", "presence")  # of a track, and in the store


@dataclass(frozen=True)
class Pose:
    """Where one person's landmarks are. The left side is the person's own.

    landmarks float32 [33, 3]: x and y in pixels of the picture in which the person was found (pixel centres at whole numbers, x right, y down), and z
    in the same pixels, from the hips' middle, away from the camera. visibility float32 [33]: 0 to 1, whether each is in the picture and not hidden.
    world float32 [33, 3]: metres from the hips' middle, the same axes. presence: 0 to 1, whether there is a person at all.
    """

    landmarks: np.ndarray
    visibility: np.ndarray
    world: np.ndarray
    presence: float

    def __post_init__(self) -> None:
        shapes = self.landmarks.shape, self.visibility.shape, self.world.shape
        if shapes != ((33, 3), (33,), (33, 3)):
            raise ValueError(f"a pose has landmarks [33, 3], visibility [33] and world [33, 3], not {shapes}")


def pose_arrays(poses: Sequence[Pose | None], scale: np.ndarray) -> dict[str, np.ndarray]:
    """A run of T poses as the store keeps them: landmarks float32 [T, 33, 4] (x, y, z, visibility), landmarks_m [T, 33, 3], presence [T].

    scale [2]: pixels of the film a pixel of the picture in which they were found, down and across. NaN, with a presence of 0, where there is none.
    """
    landmarks, world = np.full((len(poses), 33, 4), np.nan, np.float32), np.full((len(poses), 33, 3), np.nan, np.float32)
    presence = np.zeros(len(poses), np.float32)
    for t, pose in enumerate(poses):
        if pose is not None:
            ratio = np.array([scale[1], scale[0]])
            landmarks[t, :, :2] = (pose.landmarks[:, :2] + 0.5) * ratio - 0.5
            landmarks[t, :, 2] = pose.landmarks[:, 2] * scale[1]
            landmarks[t, :, 3] = pose.visibility
            world[t], presence[t] = pose.world, pose.presence
    return {"landmarks": landmarks, "landmarks_m": world, "presence": presence}


def coco_keypoints(landmarks: np.ndarray) -> np.ndarray:
    """COCO's 17 keypoints [..., 17, 3] (x, y, visibility) of landmarks [..., 33, 4] (x, y, z, visibility)."""
    return np.asarray(landmarks[..., list(OF_COCO), :][..., [0, 1, 3]])
