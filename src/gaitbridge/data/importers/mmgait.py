"""MMGait: 725 people before a camera, an infrared and a depth camera, a LiDAR and a 4D radar (BNU-IVC, CVPR 2026).

A store has one camera and one LiDAR, so `--frames` chooses which two sensors take their places: rgb or ir, and lidar, radar or depth. Each pair is
a store of its own, and its two directions are scored. Pairs within one place (rgb and ir; lidar, radar and depth among each other) have none.
"""

import re
from pathlib import Path
from typing import Any

from gaitbridge.data.importers._arrays import cloud_of, clouds, pictures, silhouettes
from gaitbridge.data.importers._dataset import Arrays, Dataset, Reading
from gaitbridge.data.importers._formats import heatmaps
from gaitbridge.data.importers._poses import poses

CAMERAS = {"rgb": {"silhouettes": "rgb_sils", "pose_heatmaps": "heatmap", "keypoints": "pose2d"}, "ir": {"silhouettes": "ir_sils"}}
LIDARS = {"lidar": {"depth_pictures": "lidar_depth", "points": "lidar_points"}, "radar": {"depth_pictures": "radar_depth", "points": "radar4d"},
          "depth": {"depth_pictures": "depth"}}
DATASET = Dataset(
    name="MMGait",
    citation="MMGait: Towards Multi-Modal Gait Recognition. CVPR 2026 (arXiv 2604.15979)",
    apply="https://github.com/BNU-IVC/MMGait",
    licence="MMGait: academic purposes only, by agreement with its owners (BNU-IVC, Beijing Normal University)",
    layout="0418/NM-01/000/{rgb_sils,ir_sils,heatmap,pose2d,lidar_points,lidar_depth,radar4d,radar_depth,depth}.pkl",
    split="by a list of ids: give mmgait.json, which comes with the dataset's tools, with --partition (200 train, 525 test)",
    fields=("silhouettes", "pose_heatmaps", "keypoints", "skeletons", "depth_pictures", "points"),
    people={"train": 200, "test": 525},
    frames=tuple(f"{camera}-{lidar}" for camera in CAMERAS for lidar in LIDARS),
)


def named(kind: str, view: str) -> dict[str, Any]:
    """BG-01 is condition BG, take 1; a view of digits is its angle."""
    found = re.fullmatch(r"([A-Z]+)-(\d+)", kind)
    if found is None:
        return {}
    return {"condition": found[1], "take": int(found[2])} | ({"view_deg": float(view)} if re.fullmatch(r"\d{3}", view) else {})


def rates(frames: str) -> dict[str, Any]:
    """Which sensors stand for camera and LiDAR; how fast they are is not published."""
    camera, lidar = frames.split("-")
    return {"camera": camera, "lidar": lidar}


def read(reading: Reading) -> Arrays:
    """All fields of the two sensors that are wanted and there; a missing file is a note, a sequence with none an error."""
    camera, lidar = reading.frames.split("-")
    arrays: Arrays = {}
    for field, name in (CAMERAS[camera] | LIDARS[lidar]).items():
        wanted = ("keypoints", "skeletons") if field == "keypoints" else (field,)
        if not reading.wants(*wanted):
            continue
        if (path := reading.place.file(f"{name}.pkl")) is None:
            reading.note(f"sequences without {name}", reading.place.folders[0])
            continue
        made = _part(reading, field, path)
        arrays |= {key: array for key, array in made.items() if key in wanted and reading.wants(key)}
    if not arrays:
        looked_for = ", ".join(f"{name}.pkl" for name in (CAMERAS[camera] | LIDARS[lidar]).values())
        raise reading.missing(f"files of the sensors {reading.frames}", looked_for)
    return arrays


def _part(reading: Reading, field: str, path: Path) -> Arrays:
    """The arrays of one file."""
    if field == "silhouettes":
        return {field: silhouettes(reading, path)}
    if field == "points":
        return {field: cloud_of(clouds(reading, path))}
    value = reading.value(path)
    if field == "pose_heatmaps":
        return {field: heatmaps(value, path)}
    return poses(reading, value, path) if field == "keypoints" else {field: pictures(value, path)}
