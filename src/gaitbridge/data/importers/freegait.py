"""FreeGait: 1,195 people walking freely before a 128-beam LiDAR and a camera (Han et al., ACM MM 2024).

What the elements of `range_pkl` are is not published, so the array decides: bytes, numbers of 0 to 1 and whole numbers are pictures
(`depth_pictures`), other numbers up to 131 are metres (`range_views`, 0 where nothing came back). Neither are joints and axes of `kp3d` (3D key
points): it is drawn as `pose_heatmaps`, as the LiDAR sees it, where head, hips and ankles stand as in SMPL's or COCO's order, else left out.
"""

import re
from pathlib import Path
from typing import Any

import numpy as np

from gaitbridge.data.contents import FARTHEST_M
from gaitbridge.data.importers._arrays import WITHOUT, cloud_of, clouds, frames_of, pictures, silhouettes
from gaitbridge.data.importers._dataset import Arrays, Dataset, Reading, same_frames
from gaitbridge.data.importers._poses import POSE_FIELDS, poses_in_space
from gaitbridge.data.importers._silhouettes import SMPL_FIELDS
from gaitbridge.data.importers._smpl import smpl
from gaitbridge.errors import UserError

PARTS = {"image": ("silhouettes",), "range_pkl": ("range_views", "depth_pictures"), "lidar": ("points",), "kp3d": POSE_FIELDS, "smpl": SMPL_FIELDS}
DATASET = Dataset(
    name="FreeGait",
    citation="Han, Ren, Cong, Sun, Wang, Xu, Ma: Gait Recognition in Large-scale Free Environment via Single LiDAR. ACM Multimedia 2024",
    apply="https://4dvlab.github.io/project_page/FreeGait.html",
    licence="FreeGait: research only, on the terms of its owners (4DV Lab, ShanghaiTech University)",
    layout="0001/devid_3/seq_02_new/{image,lidar,range_pkl,kp3d,smpl}.pkl (or image/image.pkl and so on)",
    split="by a list of ids: give FreeGait.json, which comes with the field's tools, with --partition (500 train, 695 test, PROBE_SET of 3,571)",
    fields=("silhouettes", "range_views", "depth_pictures", "points", "pose_heatmaps", "keypoints", "skeletons", *SMPL_FIELDS),
    people={"train": 500, "test": 695},
    sequences={"test": 6921},
)


def named(kind: str, view: str) -> dict[str, Any]:
    """devid_3 (or devid3) is camera 3; seq_02_new is take 2."""
    device, take = re.fullmatch(r"devid_?(\d+)", kind), re.match(r"seq_?(\d+)", view)
    return {"camera": device[1], "take": int(take[1]), "lidar": "ouster-128"} if device and take else {}


def read(reading: Reading) -> Arrays:
    """All fields that are wanted and there; a missing file is a note, a sequence with neither sensor an error."""
    arrays: Arrays = {}
    lengths: dict[Path, int] = {}
    for part, fields in PARTS.items():
        if not reading.wants(*fields):
            continue
        if (path := reading.place.file(f"{part}.pkl", f"{part}/{part}.pkl")) is None:
            reading.note(f"sequences without {part}", reading.place.folders[0])
            continue
        made, frames = _part(reading, part, path, arrays)
        arrays |= {name: array for name, array in made.items() if reading.wants(name)}
        if part in ("range_pkl", "lidar"):
            lengths[path] = frames
    if not arrays:
        raise reading.missing("files", "image, range_pkl, lidar, kp3d or smpl, each .pkl")
    same_frames(lengths)
    for name in ("range_views", "depth_pictures"):
        if name in arrays and "silhouettes" in arrays and len(arrays[name]) != len(arrays["silhouettes"]):
            reading.note("camera and LiDAR with different numbers of frames, kept", reading.place.folders[0])
    return arrays


def _part(reading: Reading, part: str, path: Path, before: Arrays) -> tuple[Arrays, int]:
    """The arrays of one file, and its number of frames."""
    if part == "image":
        made = silhouettes(reading, path)
        return {"silhouettes": made}, len(made)
    if part == "lidar":
        frames = clouds(reading, path)
        return {"points": cloud_of(frames)}, len(frames)
    if part == "range_pkl":
        name, views = ranges(reading.value(path), path)
        return {name: views}, len(views)
    if part == "kp3d":
        return _of_camera_frames(reading, poses_in_space(reading, reading.value(path), path), "keypoints", path, before), 0
    return _bodies(reading, path, before), 0


def _bodies(reading: Reading, path: Path, before: Arrays) -> Arrays:
    """SMPL, where it has a known form and the silhouettes' frames; otherwise a note: what is published says no more of it."""
    value = reading.value(path)  # a damaged or hostile file is an error all the same
    try:
        found = smpl(value, path)
    except UserError as error:
        reading.note("SMPL of a form that is not known, left out", error)
        return {}
    return _of_camera_frames(reading, found, "SMPL", path, before)


def _of_camera_frames(reading: Reading, found: Arrays, what: str, path: Path, before: Arrays) -> Arrays:
    """What was found where it has the silhouettes' frames, else nothing and a note."""
    frames = {len(array) for array in (*found.values(), *(before[name] for name in ("silhouettes",) if name in before))}
    if found and len(frames) > 1:
        reading.note(f"{what} with other frames than the silhouettes, left out", path)
        return {}
    return found


def ranges(value: Any, path: Path) -> tuple[str, np.ndarray]:
    """The field that ready-made range views are for, and the array for it; see the head of this file. UserError where they are neither."""
    given = frames_of(value, path)
    if given.ndim == 4 and given.shape[1] == 1:
        given = given[:, 0]
    coloured = given.ndim == 4
    if not (given.ndim == 3 or (coloured and 3 in (given.shape[1], given.shape[3]))):
        raise UserError(f"{path} holds {list(given.shape)}, not range views [T, H, W] or pictures [T, 3, H, W]: {WITHOUT}")
    if given.dtype.kind == "f":
        known = given[np.isfinite(given)]
        low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
        if low < 0 or high > 255:
            raise UserError(f"{path} holds values from {low:g} to {high:g}, neither metres nor a picture: {WITHOUT}")
        whole = bool((known == np.rint(known)).all())
        if not whole and high > 1:
            if coloured or high > FARTHEST_M:
                raise UserError(f"{path} holds fractions up to {high:g} in {list(given.shape)}, neither metres nor a picture: {WITHOUT}")
            return "range_views", np.where(np.isfinite(given) & (given > 0), given, np.nan).astype(np.float32)
        given = np.rint(np.nan_to_num(given, posinf=0.0, neginf=0.0) * (1 if high > 1 else 255)).astype(np.uint8)
    if given.dtype != np.uint8:
        raise UserError(f"{path} holds {given.dtype}, neither metres nor a picture: {WITHOUT}")
    return "depth_pictures", pictures(given if coloured else np.repeat(given[:, None], 3, axis=1), path)
