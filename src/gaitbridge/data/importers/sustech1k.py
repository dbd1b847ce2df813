"""SUSTech1K: 1,050 people before a LiDAR and a camera (Shen et al., LidarGait, CVPR 2023).

A sequence has sixteen files; they are found by the words in their names, never by their order. `sync` takes the eight that pair each LiDAR
frame with the nearest camera frame, `all` the eight before them: LiDAR at 10 Hz, camera at 30 Hz, with frame counts of their own.
The published depth pictures have lost the range (a jet map scaled per frame); `range_views` are made again from the clouds, in metres.
Colour pictures and silhouettes that are not aligned stay where they are.
"""

import re
from pathlib import Path
from typing import Any

from gaitbridge.data.importers._arrays import cloud_of, clouds, floats, lidar_silhouettes, pictures, silhouettes, within_reach
from gaitbridge.data.importers._dataset import Arrays, Dataset, Reading, same_frames
from gaitbridge.data.importers._poses import POSE_FIELDS, poses
from gaitbridge.errors import UserError

DATASET = Dataset(
    name="SUSTech1K",
    citation="Shen, Fan, Wu, Wang, Huang, Yu: LidarGait: Benchmarking 3D Gait Recognition with Point Clouds. CVPR 2023",
    apply="https://lidargait.github.io",
    licence="SUSTech1K: research only, by agreement with its owners (Southern University of Science and Technology)",
    layout="0000/00-nm/000/{08-sync-000-LiDAR-PCDs.pkl, 14-sync-000-Camera-Sils_aligned.pkl, ...}",
    split="by a list of ids: give SUSTech1K.json, which comes with the dataset's tools, with --partition (250 train, 800 test)",
    fields=("silhouettes", "range_views", "depth_pictures", "points", *POSE_FIELDS, "frame_ratios", "lidar_silhouettes"),
    people={"train": 250, "test": 800},
    sequences={"all": 25239},
    frames=("sync", "all"),
)
WORDS = {"clouds": "LiDAR-PCDs", "depth_pictures": "LiDAR-PCDs_depths", "lidar_silhouettes": "LiDAR-PCDs_sils", "keypoints": "Camera-Pose",
         "frame_ratios": "Camera-Ratios-HW", "silhouettes": "Camera-Sils_aligned"}
LIDAR = ("range_views", "points", "depth_pictures", "lidar_silhouettes")
CAMERA = ("silhouettes", "keypoints", "frame_ratios")
MAKES = {"clouds": ("range_views", "points"), "keypoints": POSE_FIELDS}
LIDAR_HZ, CAMERA_HZ = 10.0, 30.0


def named(kind: str, view: str) -> dict[str, Any]:
    """03-nt-nm is take 3, condition nt-nm; 000-far is 0 degrees. Cameras' frames come at 30 Hz, or with the LiDAR's when synchronised."""
    found, angle = re.fullmatch(r"(\d\d)-([a-z]+(?:-[a-z]+)*)", kind), re.fullmatch(r"(\d{3})(-far|-near)?", view)
    if found is None or angle is None:
        return {}
    return {"take": int(found[1]), "condition": found[2], "view_deg": float(angle[1]), "lidar": "velodyne-vls128", "lidar_hz": LIDAR_HZ}


def rates(frames: str) -> dict[str, Any]:
    """What the choice of frames says of the labels."""
    return {"camera_hz": LIDAR_HZ if frames == "sync" else CAMERA_HZ}


def files_of(reading: Reading) -> dict[str, Path | None]:
    """The files of the parts, by the words of their names; UserError where two have the same ones."""
    chosen = [path for path in reading.place.files() if ("sync" in path.name.split("-")) == (reading.frames == "sync")]
    found: dict[str, Path | None] = {}
    for part, words in WORDS.items():
        fits = [path for path in chosen if path.name.endswith(f"-{words}.pkl")]
        if len(fits) > 1:
            raise UserError(f"{fits[0].parent} has two files of {words} ({fits[0].name}, {fits[1].name}): leave the right one")
        found[part] = fits[0] if fits else None
    return found


def read(reading: Reading) -> Arrays:
    """All fields that are wanted and there; a missing file is a note, a sequence with neither sensor an error."""
    arrays: Arrays = {}
    lengths: dict[Path, int] = {}
    paths = files_of(reading)
    for part, path in paths.items():
        if not reading.wants(*MAKES.get(part, (part,))):
            continue
        if path is None:
            reading.note(f"sequences without {WORDS[part]}", reading.place.folders[0])
            continue
        made, lengths[path] = _part(reading, part, path)
        arrays |= {name: array for name, array in made.items() if reading.wants(name)}
    if not arrays:
        other = "" if reading.frames == "all" else "; --frames all takes the files that are not synchronised"
        raise reading.missing(f"files of the choice --frames {reading.frames}", f"names with {', '.join(WORDS.values())}{other}")
    for group in ((*LIDAR, *CAMERA),) if reading.frames == "sync" else (LIDAR, CAMERA):
        parts = {"clouds" if name in ("range_views", "points") else name for name in group}
        same_frames({path: lengths[path] for part, path in paths.items() if part in parts and path in lengths})
    return arrays


def _part(reading: Reading, part: str, path: Path) -> tuple[Arrays, int]:
    """The arrays of one file, and its number of frames."""
    if part == "clouds":
        frames = clouds(reading, path)
        made = {"points": cloud_of(frames)}
        if reading.wants("range_views"):
            from gaitbridge.geometry.projection import SUSTECH1K, range_views

            made["range_views"] = within_reach(reading, range_views(frames, SUSTECH1K), path)
        return made, len(frames)
    if part == "depth_pictures":
        array = pictures(reading.value(path), path)
    elif part == "keypoints":
        value = reading.value(path)
        return poses(reading, value, path), len(value)
    elif part == "frame_ratios":
        array = floats(reading.value(path), path, 2)
    else:
        array = (silhouettes if part == "silhouettes" else lidar_silhouettes)(reading, path)
    return {part: array}, len(array)
