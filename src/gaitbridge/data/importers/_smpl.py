"""SMPL parameters as the datasets publish them: rows of 85, dicts of arrays, a dict a frame, or a file a frame.

Into `smpl` float32 [T, 85]: camera 3, pose 72, betas 10 (NaN for a camera that is not published), and where there are any `smpl_joints`
[T, 24, 3] and `smpl_vertices` [T, 6890, 3].
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gaitbridge.data.importers._arrays import WITHOUT, floats, frames_of
from gaitbridge.data.importers._dataset import Arrays, Reading
from gaitbridge.errors import UserError

# Ours -> names in the files, and axes of one frame.
PARTS: dict[str, tuple[tuple[str, ...], tuple[int, ...]]] = {
    "camera": (("cam", "cams", "camera"), (3,)),
    "pose": (("poses", "pose", "theta"), (72,)),
    "betas": (("betas", "beta", "shape", "shapes"), (10,)),
    "smpl_joints": (("j3d_smpl24", "joints3d", "joints", "hc3d"), (24, 3)),
    "smpl_vertices": (("verts", "vertices"), (6890, 3)),
}


def smpl(value: Any, path: Path) -> Arrays:
    """The three fields, those that are there, of what one file holds for a whole sequence. UserError with `path` for another form."""
    value = opened(value)
    if isinstance(value, Mapping):
        return _together([_parts(value, path)], path)
    if isinstance(value, list | tuple) and value and all(isinstance(frame, Mapping) for frame in value):
        return _together([_parts(frame, path) for frame in value], path)
    return {"smpl": floats(value, path, 85)}


def smpl_of_files(reading: Reading, paths: Sequence[Path]) -> Arrays:
    """The same of a .npz or .json a frame, as Gait3D and OUMVLP-Mesh are first published."""
    frames = []
    for path in paths:
        value = opened(_json(path) if path.suffix == ".json" else reading.value(path))
        if isinstance(value, list | tuple) and value:
            value = value[0]  # of several people in a picture, the first is the walker
        if not isinstance(value, Mapping):
            raise UserError(f"{path} holds a {type(value).__name__}, not SMPL parameters by name: {WITHOUT}")
        frames.append(_parts(value, path))
    return _together(frames, paths[0].parent)


def opened(value: Any) -> Any:
    """What lies in `results` (an array of objects that holds a list of one dict), or the value itself."""
    if isinstance(value, Mapping) and "results" in value:
        value = value["results"]
    if isinstance(value, np.ndarray) and value.dtype == object:
        value = value.item() if value.ndim == 0 else list(value.ravel())
    if isinstance(value, list | tuple) and len(value) == 1 and isinstance(value[0], Mapping):
        value = value[0]
    return value


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path} is no JSON ({error}): {WITHOUT}") from error


def _parts(given: Mapping[str, Any], path: Path) -> Arrays:
    """The parts of a dict, each [T, ...]; what has no time axis is one frame."""
    found: Arrays = {}
    for part, (names, shape) in PARTS.items():
        name = next((name for name in names if name in given), None)
        if name is None:
            continue
        made = frames_of(given[name], path)
        if part == "pose" and made.shape[-2:] == (24, 3):
            made = made.reshape(*made.shape[:-2], 72)
        if part == "smpl_joints" and made.ndim >= 2 and made.shape[-1] > 3:
            made = made[..., :3]  # a confidence follows
        made = made if made.ndim == len(shape) + 1 else made[None]
        if made.shape[1:] != shape:
            raise UserError(f"{path}: its {name!r} is {list(made.shape)}, not [T, {', '.join(map(str, shape))}]: {WITHOUT}")
        found[part] = made.astype(np.float32)
    if not {"pose", "smpl_joints"} & set(found):
        raise UserError(f"{path} has neither a pose nor joints (it has {', '.join(sorted(map(str, given))[:8]) or 'nothing'}): {WITHOUT}")
    return found


def _together(frames: list[Arrays], path: Path) -> Arrays:
    if any(set(frame) != set(frames[0]) for frame in frames):
        raise UserError(f"{path}: some frames have other SMPL parameters than the first: {WITHOUT}")
    parts = {name: np.concatenate([frame[name] for frame in frames]) for name in frames[0]}
    count = max(len(part) for part in parts.values())
    for name, part in parts.items():
        if len(part) == 1:
            parts[name] = part.repeat(count, axis=0)  # one shape for the whole sequence
        elif len(part) != count:
            raise UserError(f"{path}: {len(part)} frames of {name}, {count} of another: {WITHOUT}")
    made = {name: part for name, part in parts.items() if name.startswith("smpl_")}
    if {"pose", "betas"} <= set(parts):
        camera = parts.get("camera", np.full((count, 3), np.nan, np.float32))
        made["smpl"] = np.concatenate([camera, parts["pose"], parts["betas"]], axis=1)
    return made
