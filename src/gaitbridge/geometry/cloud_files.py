"""Point clouds from files: .npy and .npz arrays, .pkl lists, .pcd (text, binary, compressed), .bin of bare floats; or a folder of them."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gaitbridge import foreign_pickles
from gaitbridge.errors import UserError, nearest, words_of
from gaitbridge.folders import data_in
from gaitbridge.geometry.headerless import columns_of, read_bin
from gaitbridge.geometry.pcd import read_pcd
from gaitbridge.names import canonical

KINDS = (".npy", ".npz", ".pkl", ".pcd", ".bin")


@dataclass(frozen=True)
class Cloud:
    """One frame: points [P, 3 or more], x, y, z first, metres; `name` says where it is from."""

    name: str
    points: np.ndarray


def natural(name: str) -> list[tuple[int, str]]:
    """A key to sort names by that counts: 2 before 10."""
    return [(int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"(\d+)", name)]


def cloud_files(source: Path) -> list[Path]:
    """The files of clouds that `source` means, itself or those of a folder in natural order; UserError where there are none."""
    if not source.exists():
        raise UserError(f"{source} is missing: give a file of point clouds ({' '.join(KINDS)}) or a folder of such files")
    if source.is_dir():
        found = sorted((file for file in data_in(source) if file.suffix.lower() in KINDS and file.is_file()), key=lambda file: natural(file.name))
        if not found:
            raise UserError(f"{source} holds no point clouds: its files should end in {', '.join(KINDS)}")
        return found
    if source.suffix.lower() not in KINDS:
        raise UserError(f"{source} is of no known kind: {nearest(source.suffix.lower(), KINDS)}")
    return [source]


def read_clouds(file: Path, columns: int | None = None) -> Iterator[Cloud]:
    """The clouds of one file, in order; UserError names what is wrong with the file.

    An array [P, 3 or more] is a frame, [T, P, 3 or more] are T frames; a .npz gives those of all its arrays that are such; a .pkl holds an
    array or a list of them; a .bin is float32 x, y, z and more, `columns` a point, see `headerless.columns_of`.
    """
    try:
        held = _read(file, columns)
    except foreign_pickles.Refused as error:
        raise UserError(f"{file} is refused: it asks for {error}, which no point cloud needs and which could run a program") from error
    except foreign_pickles.DAMAGED as error:
        raise UserError(f"{file} cannot be read as point clouds ({words_of(error)}): get it from its source again") from error
    single = len(held) == 1
    for name, value in held.items():
        place = canonical(file.name) if single else f"{canonical(file.name)}:{name}"
        frames = _frames(value)
        for number, frame in enumerate(frames):
            label = place if len(frames) == 1 else f"{place}[{number}]"
            yield Cloud(label, _checked(frame, file, label))


def _frames(value: Any) -> list[Any]:
    """The frames in an array or a list of arrays."""
    if not isinstance(value, np.ndarray):
        return list(value)
    several = value.ndim > 0 if value.dtype == object else value.ndim > 2
    return list(value) if several else [value]


def _read(file: Path, columns: int | None) -> dict[str, Any]:
    """What a file holds by name: arrays or lists of arrays."""
    kind = file.suffix.lower()
    if kind == ".npz":
        arrays = foreign_pickles.read_arrays(file)
        clouds = {name: value for name in sorted(arrays, key=natural) if _may_be_clouds(value := arrays[name])}
        if not clouds:
            shapes = ", ".join(f"{name} {list(np.shape(value))}" for name, value in arrays.items()) or "nothing"
            raise UserError(f"{file} has no array of points [P, 3 or more] (it holds {shapes}): write x, y, z in metres, a row a point, "
                            "an array a scan")
        return clouds
    if kind == ".pkl":
        with file.open("rb") as opened:
            value = foreign_pickles.load(opened)
        if isinstance(value, dict):
            raise ValueError("it holds values by name, not a list of clouds")
        return {"": value if isinstance(value, np.ndarray | list | tuple) else [value]}
    if kind == ".npy":
        return {"": _read_npy(file)}
    if kind == ".bin":
        return {"": read_bin(file, columns or columns_of([file]))}
    return {"": read_pcd(file)}


def _read_npy(file: Path) -> np.ndarray:
    """An array of numbers; ValueError where the file is none, or shorter than its header says (before memory is taken for it)."""
    with file.open("rb") as opened:
        version = np.lib.format.read_magic(opened)
        read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}.get(version)
        if read_header is not None:
            shape, _, dtype = read_header(opened)
            here = file.stat().st_size - opened.tell()
            if math.prod(shape) * dtype.itemsize > here:
                raise ValueError(f"its header announces {math.prod(shape) * dtype.itemsize:,} bytes, it holds {here:,}: it is cut off")
    return np.asarray(np.load(file, allow_pickle=False))


def _may_be_clouds(value: Any) -> bool:
    if isinstance(value, np.ndarray) and value.dtype != object:
        return value.dtype.kind in "fiu" and value.ndim in (2, 3) and value.shape[-1] >= 3
    return isinstance(value, np.ndarray | list) and all(np.ndim(one) == 2 for one in value) and len(value) > 0


def _checked(frame: Any, file: Path, label: str) -> np.ndarray:
    """A frame as an array of numbers [P, 3 or more]."""
    try:
        array = np.asarray(frame)
    except foreign_pickles.DAMAGED:  # a list of odd things
        array = np.empty((), object)
    if array.size == 0:
        return np.empty((0, 3), np.float32)
    if array.dtype.kind not in "fiu" or array.ndim != 2 or array.shape[1] < 3:
        raise UserError(f"{file}: {label} is {array.dtype} {list(array.shape)}, not points [P, 3 or more]: give x, y, z in metres, a row a point")
    return array
