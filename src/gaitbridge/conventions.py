"""The conventions, on one page. Each line is pinned by a test in `tests/test_conventions.py`.

World      right-handed, z up, metres; the walker starts at the origin and walks along +x, so its left is +y.
Time       seconds from the sequence's start; a frame's time is the middle of its exposure or sweep of the person.
Angles     radians inside, degrees only in names that end in `_deg`.
View       the angle from the walking direction to the direction of the sensor, anticlockwise seen from above:
           0 walks towards the sensor, 90 shows the walker's left side, 180 walks away, 270 shows the right side.
Transforms `T_target_from_source` [4, 4] maps column vectors: p_target = T_target_from_source @ p_source.
Camera     x right, y down, z forward (the optical axis); pixel (u, v) = (column, row), (0, 0) the centre of the top-left pixel.
LiDAR      x forward, y left, z up; azimuth = atan2(y, x), elevation = asin(z / range), range = distance from the origin.
Range view row 0 is the highest beam, columns run from left to right as the sensor sees them (azimuth falls);
           values are metres, NaN where nothing came back.
Silhouette uint8, 255 person, 0 background, row 0 the top.
Skeleton   `skeletons` float32 [T, J, 3]: column x and row y in pixels of the camera's picture (y down), and a score from 0 to 1, in the order of
           COCO's 17 joints or OpenPose's 18 (JOINT_ORDERS); all three 0 where a joint was not found, which is never NaN.
Parsing    `parsing` uint8 [T, H, W]: which of PARSING_LABELS a pixel is of, 0 background; cut and aligned as silhouettes are.
Legend     N sequences, T frames, C channels, H/W pixels, P points, K parts, J joints, M markers, V vertices, D depth or latent.
"""

import hashlib

import numpy as np

BACKGROUND, PERSON = 0, 255
BODY_PARTS = ("background", "head", "torso", "left_arm", "right_arm", "left_leg", "right_leg", "object")
CONDITIONS = ("normal", "bag", "clothing", "carrying", "umbrella", "uniform", "occlusion", "night")
CAMERA, LIDAR = "silhouettes", "range_views"  # the two modalities; on the command line also `camera` and `lidar`
POSE_HEATMAPS, DEPTH_PICTURES, POINTS = "pose_heatmaps", "depth_pictures", "points"  # what some of the field's networks take in their place
SKELETONS, PARSING = "skeletons", "parsing"
SENSOR = {CAMERA: "camera", LIDAR: "lidar", POSE_HEATMAPS: "camera", DEPTH_PICTURES: "lidar", SKELETONS: "camera",
          PARSING: "camera", POINTS: "lidar"}  # what a modality comes from
MODALITIES = {"camera": CAMERA, "lidar": LIDAR, **{name: name for name in SENSOR}}
JOINT_ORDERS: dict[str, tuple[str, ...]] = {
    "coco": ("nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist",
             "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle"),
    "openpose": ("nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist", "right_hip",
                 "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "right_eye", "left_eye", "right_ear", "left_ear"),
}  # fmt: skip
PARSING_LABELS = ("background", "head", "torso", "left_arm", "right_arm", "left_hand", "right_hand", "left_leg", "right_leg", "left_foot",
                  "right_foot", "dress")  # as Gait3D-Parsing has them
PARSING_MIRRORED = tuple(
    PARSING_LABELS.index({"left": "right", "right": "left"}[side] + "_" + part if part else side)
    for side, _, part in (label.partition("_") for label in PARSING_LABELS)
)  # by label: the same part of the other side
SPLITS = ("train", "val", "test")


def stream(seed: int, *purpose: str | int) -> np.random.Generator:
    """The random stream of one purpose: the same (seed, purpose) always gives the same numbers, others are independent.

    `stream(7, "shape", "p0003")` does not change when another stream is drawn from, added or removed.
    """
    text = "\x1f".join(str(word) for word in (seed, *purpose))
    key = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16).digest(), "little")
    return np.random.Generator(np.random.Philox(key=key))


def view_angle_deg(walking_direction: np.ndarray, to_sensor: np.ndarray) -> float:
    """View angle in [0, 360) from two horizontal vectors [2+] (x, y, ...): where the walker goes, where the sensor is."""
    difference = np.arctan2(to_sensor[1], to_sensor[0]) - np.arctan2(walking_direction[1], walking_direction[0])
    return float(np.round(np.rad2deg(difference), 9) % 360.0)
