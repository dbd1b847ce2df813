"""Files of one's own as the store takes them: pictures, pickles, .npy and .npz, by the modality that they are said to hold."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from gaitbridge.data.importers._arrays import (
    SIZES,
    WITHOUT,
    cloud_of,
    clouds_of,
    frames_of,
    pictures,
    silhouettes_of,
    within_reach,
)
from gaitbridge.data.importers._dataset import Arrays, Reading
from gaitbridge.data.importers._poses import POSE_FIELDS, poses, read_json
from gaitbridge.data.importers._smpl import smpl
from gaitbridge.errors import UserError, words_of
from gaitbridge.geometry.silhouette import align

PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".pgm")
Aligning = Literal["auto", "always", "never"]


@dataclass(frozen=True)
class Ways:
    """How files become arrays. size: of silhouettes that are aligned; aligning: auto aligns what is neither 64 x 64 nor 64 x 44."""

    size: tuple[int, int] = (64, 64)
    aligning: Aligning = "auto"


def read_files(reading: Reading, modality: str, paths: Sequence[Path], ways: Ways) -> Arrays:
    """The arrays of one sequence's files of a modality: several pictures, or one file of any other kind."""
    return MODALITIES[modality](reading, _value(modality, paths), paths[0], ways)


def _value(modality: str, paths: Sequence[Path]) -> Any:
    """A list of pictures, or what the one file holds."""
    if paths[0].suffix.lower() in PICTURES:
        return [_picture(path) for path in paths]
    if paths[0].suffix.lower() == ".json" and modality == "keypoints":
        return read_json(paths[0])
    from gaitbridge.foreign_pickles import read_value

    value = read_value(paths[0])
    if paths[0].suffix.lower() == ".npz" and isinstance(value, dict) and modality != "smpl":
        if len(value) != 1 and modality not in value:
            raise UserError(f"{paths[0]} holds several arrays ({', '.join(sorted(value)[:6])}) and none is called {modality}: name it so, or give "
                            "a file for each")
        value = value.get(modality, next(iter(value.values())))
    return value


def _picture(path: Path) -> np.ndarray:
    """uint8 [H, W] or [H, W, 3] of a picture."""
    from PIL import Image

    try:
        with Image.open(path) as opened:
            if opened.mode in ("1", "L", "P"):
                return np.asarray(opened.convert("L"))
            if opened.mode.startswith("I"):
                raise UserError(f"{path} has more than 8 bits a pixel: give depths as a .npy of metres")
            return np.asarray(opened.convert("RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UserError(f"{path} is no picture that can be read ({words_of(error)}): {WITHOUT}") from error


def _silhouettes(reading: Reading, value: Any, path: Path, ways: Ways) -> Arrays:
    """`silhouettes`; where they were aligned here `silhouettes_box`, too, what part of the given picture each shows."""
    frames = _masks(value, path)
    sizes = {frame.shape for frame in frames}
    as_they_are = ways.aligning == "never" or (ways.aligning == "auto" and len(sizes) == 1 and sizes <= set(SIZES))
    if as_they_are:
        return {"silhouettes": silhouettes_of(reading, frames, path)}
    reading.note(f"silhouettes aligned to {ways.size[0]} x {ways.size[1]}", path)
    highest = max(float(frame.max(initial=0)) for frame in frames)
    if 1 < highest < 128:
        raise UserError(f"{path} holds masks of values up to {highest:g}, neither 0 and 1 nor 0 to 255: make the person 255 and all else 0")
    aligned = [align(frame > (0 if highest <= 1 else 127), ways.size) for frame in frames]
    made = silhouettes_of(reading, [one for one, _ in aligned], path) if ways.size in SIZES else np.stack([one for one, _ in aligned])
    return {"silhouettes": made, "silhouettes_box": np.stack([box for _, box in aligned]).astype(np.float32)}


def _masks(value: Any, path: Path) -> list[np.ndarray]:
    """A mask [H, W] for each frame, of whatever size each."""
    given = list(value) if isinstance(value, list | tuple | np.ndarray) and np.ndim(value) != 0 else []
    frames = [np.asarray(frame) for frame in given if isinstance(frame, np.ndarray | list)]
    if not frames or len(frames) != len(given):
        raise UserError(f"{path} holds no masks, a list of arrays [H, W] or one array [T, H, W]: {WITHOUT}")
    frames = [frame.max(-1) if frame.ndim == 3 and frame.shape[-1] == 3 else frame for frame in frames]
    for frame in frames:
        if frame.ndim != 2 or frame.dtype.kind not in "buif" or not frame.size or (frame.dtype.kind == "f" and not np.isfinite(frame).all()):
            raise UserError(f"{path} holds {frame.dtype} {list(frame.shape)} a frame, not masks [H, W]: {WITHOUT}")
    return frames


def _range_views(reading: Reading, value: Any, path: Path, ways: Ways) -> Arrays:
    given = frames_of(value, path)
    if given.ndim != 3 or given.dtype.kind != "f":
        raise UserError(f"{path} holds {given.dtype} {list(given.shape)}, not range views [T, H, W] in metres (float): {WITHOUT}")
    if (given == 0).any():
        reading.note("ranges of 0, taken for nothing", path)
    return {"range_views": within_reach(reading, np.where(given == 0, np.nan, given).astype(np.float32), path)}


def _points(reading: Reading, value: Any, path: Path, ways: Ways) -> Arrays:
    return {"points": cloud_of(clouds_of(reading, value, path))}


def _depth_pictures(reading: Reading, value: Any, path: Path, ways: Ways) -> Arrays:
    return {"depth_pictures": pictures(value, path)}


def _pose_heatmaps(reading: Reading, value: Any, path: Path, ways: Ways) -> Arrays:
    return {"pose_heatmaps": heatmaps(value, path)}


def heatmaps(value: Any, path: Path) -> np.ndarray:
    """uint8 [T, 2, H, W] of an array or list of pose heatmaps. UserError where it is none."""
    given = frames_of(value, path)
    if given.ndim != 4 or given.shape[1] != 2 or given.dtype != np.uint8:
        raise UserError(f"{path} holds {given.dtype} {list(given.shape)}, not pose heatmaps uint8 [T, 2, H, W]: {WITHOUT}")
    return given


def _smpl(reading: Reading, value: Any, path: Path, ways: Ways) -> Arrays:
    return smpl(value, path)


def _keypoints(reading: Reading, value: Any, path: Path, ways: Ways) -> Arrays:
    return poses(reading, value, path)


MODALITIES: dict[str, Callable[[Reading, Any, Path, Ways], Arrays]] = {
    "silhouettes": _silhouettes, "range_views": _range_views, "points": _points, "depth_pictures": _depth_pictures,
    "pose_heatmaps": _pose_heatmaps, "smpl": _smpl, "keypoints": _keypoints,
}  # fmt: skip
MAKES: dict[str, tuple[str, ...]] = {"silhouettes": ("silhouettes", "silhouettes_box"), "smpl": ("smpl", "smpl_joints", "smpl_vertices"),
                                    "keypoints": POSE_FIELDS}


def fields_made(modalities: Iterable[str]) -> tuple[str, ...]:
    """The fields of the store that may come of files of these modalities."""
    return tuple(field for name in modalities for field in MAKES.get(name, (name,)))
