"""A good run of a track as arrays by name, as the store and the networks have them: silhouettes, and where the learnt model looked, poses."""

from typing import Any

import numpy as np

from gaitbridge.capture.video.pose import POSE_ARRAYS, coco_keypoints
from gaitbridge.geometry.skeleton_maps import filled, skeleton_maps


def walk_arrays(track: dict[str, Any], run: np.ndarray) -> dict[str, np.ndarray]:
    """`silhouettes` with their times, from 0, and boxes of the places `run` [T] of a track of `track_reader`; where it has poses also
    `landmarks`, `landmarks_m`, `presence`, and with their times, a frame each, `pose_heatmaps` and `skeletons` (COCO's 17 joints in pixels of the
    film): black, and zero, where the pose is unknown for a while."""
    times = track["time_s"][run]
    arrays = {"silhouettes": np.ascontiguousarray(track["silhouette"][run]), "silhouettes_time_s": times - times[0],
              "silhouettes_box": track["window"][run].astype(np.float32)}
    if "presence" not in track or not (track["presence"][run] > 0).any():
        return arrays
    arrays |= {name: np.ascontiguousarray(track[name][run]) for name in POSE_ARRAYS}
    height, width = arrays["silhouettes"].shape[1:]
    keypoints = filled(coco_keypoints(arrays["landmarks"]), times)
    known = np.isfinite(keypoints).all(2, keepdims=True)
    if known.any():
        arrays |= {"skeletons": np.where(known, keypoints, 0.0).astype(np.float32), "skeletons_time_s": times - times[0]}
    if width <= height:
        maps = skeleton_maps(keypoints, (height, width))
        if maps.any():
            arrays |= {"pose_heatmaps": maps, "pose_heatmaps_time_s": times - times[0]}
    return arrays
