"""Point clouds from files: .npy and .npz arrays, .pkl lists, .pcd (text, binary, compressed), .bin of four floats a point; or a folder of them."""

import pickle
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gaitbridge import foreign_pickles
from gaitbridge.errors import UserError, nearest

KINDS = (".npy", ".npz", ".pkl", ".pcd", ".bin")
PCD_TYPES = {"F": "f", "I": "i", "U": "u"}


@dataclass(frozen=True)
class Cloud:
    """One frame: points [P, 3 or more], x, y, z first, metres; `name` says where it is from."""

    name: str
    points: np.ndarray


def natural(name: str) -> list[tuple[int, str]]:
    """A key to sort names by that counts: 2 before 10."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", name)]


def cloud_files(source: Path) -> list[Path]:
    """The files of clouds that `source` means, itself or those of a folder in natural order; UserError where there are none."""
    if not source.exists():
        raise UserError(f"{source} is missing: give a file of point clouds ({' '.join(KINDS)}) or a folder of such files")
    if source.is_dir():
        found = sorted((file for file in source.iterdir() if file.suffix.lower() in KINDS and file.is_file()), key=lambda file: natural(file.name))
        if not found:
            raise UserError(f"{source} holds no point clouds: its files should end in {', '.join(KINDS)}")
        return found
    if source.suffix.lower() not in KINDS:
        raise UserError(f"{source} is of no known kind: {nearest(source.suffix.lower(), KINDS)}")
    return [source]


def read_clouds(file: Path) -> Iterator[Cloud]:
    """The clouds of one file, in order; UserError names what is wrong with the file.

    An array [P, 3 or more] is a frame, [T, P, 3 or more] are T frames; a .npz gives those of all its arrays that are such; a .pkl holds an
    array or a list of them; a .bin is float32 x, y, z, reflectivity.
    """
    try:
        held = _read(file)
    except foreign_pickles.Refused as error:
        raise UserError(f"{file} is refused: it asks for {error}, which no point cloud needs and which could run a program") from error
    except (*foreign_pickles.DAMAGED, pickle.UnpicklingError, zipfile.BadZipFile) as error:
        raise UserError(f"{file} cannot be read as point clouds ({error}): get it from its source again") from error
    single = len(held) == 1
    for name, value in held.items():
        place = file.name if single else f"{file.name}:{name}"
        frames: Any = [value] if isinstance(value, np.ndarray) and value.ndim == 2 and value.dtype != object else value
        for number, frame in enumerate(frames):
            label = place if len(frames) == 1 else f"{place}[{number}]"
            yield Cloud(label, _checked(frame, file, label))


def _read(file: Path) -> dict[str, Any]:
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
        return {"": np.load(file, allow_pickle=False)}
    if kind == ".bin":
        raw = file.read_bytes()
        if len(raw) % 16:
            raise ValueError("its size is no multiple of 16 bytes, four floats a point")
        return {"": np.frombuffer(raw, "<f4").reshape(-1, 4)}
    return {"": read_pcd(file)}


def _may_be_clouds(value: Any) -> bool:
    if isinstance(value, np.ndarray) and value.dtype != object:
        return value.dtype.kind in "fiu" and value.ndim in (2, 3) and value.shape[-1] >= 3
    return isinstance(value, np.ndarray | list) and all(np.ndim(one) == 2 for one in value) and len(value) > 0


def _checked(frame: Any, file: Path, label: str) -> np.ndarray:
    """A frame as an array of numbers [P, 3 or more]."""
    array = np.asarray(frame)
    if array.size == 0:
        return np.empty((0, 3), np.float32)
    if array.dtype.kind not in "fiu" or array.ndim != 2 or array.shape[1] < 3:
        raise UserError(f"{file}: {label} is {array.dtype} {list(array.shape)}, not points [P, 3 or more]: give x, y, z in metres, a row a point")
    return array


def read_pcd(file: Path) -> np.ndarray:
    """The points [P, 3] float64 of a .pcd file; NaN rows, which mark no return, stay. ValueError if damaged."""
    fields = pcd_fields(file)
    return np.stack([fields[axis][:, 0] for axis in "xyz"], axis=-1).astype(np.float64)


def pcd_fields(file: Path) -> dict[str, np.ndarray]:
    """All fields [P, count] of a .pcd file (Point Cloud Library, version .7) by name, x, y, z among them. ValueError if damaged."""
    raw = file.read_bytes()
    end = re.search(rb"^DATA[ \t]+(\w+)[ \t\r]*\n", raw, re.MULTILINE)
    if end is None:
        raise ValueError("no .pcd header that ends with a DATA line")
    lines = (line.split() for line in raw[: end.start()].decode("latin1").splitlines() if line.strip() and not line.startswith("#"))
    header = {words[0].upper(): words[1:] for words in lines}
    missing = {"FIELDS", "SIZE", "TYPE", "POINTS"} - set(header)
    if missing or not {"x", "y", "z"} <= set(header["FIELDS"]):
        raise ValueError(f"its header lacks {', '.join(sorted(missing)) or 'the fields x, y, z'}")
    names, counts = header["FIELDS"], [int(count) for count in header.get("COUNT", ["1"] * len(header["FIELDS"]))]
    types = [np.dtype("<" + PCD_TYPES[kind] + size) for kind, size in zip(header["TYPE"], header["SIZE"], strict=True)]
    points, body, kind = int(header["POINTS"][0]), raw[end.end() :], end.group(1).decode().lower()
    if not len(names) == len(types) == len(counts) or min(counts) < 1 or points < 0:
        raise ValueError("its header does not say the same number of fields throughout")
    columns = list(zip(names, types, counts, strict=True))
    if kind == "ascii":
        values = np.array(body.split(), np.float64).reshape(points, sum(counts))
        starts = np.cumsum([0, *counts])
        return {name: values[:, starts[n] : starts[n + 1]] for n, name in enumerate(names)}
    if kind == "binary":
        table = np.frombuffer(body, np.dtype([(f"{n}", type_, (count,)) for n, (_, type_, count) in enumerate(columns)]), points)
        return {name: table[f"{n}"] for n, name in enumerate(names)}
    if kind == "binary_compressed":
        packed, unpacked = np.frombuffer(body, "<u4", 2).tolist()
        held = unlzf(body[8 : 8 + packed], unpacked)
        offsets = np.cumsum([0, *(type_.itemsize * count * points for _, type_, count in columns)]).tolist()
        return {name: np.frombuffer(held, type_, points * count, offsets[n]).reshape(points, count) for n, (name, type_, count) in enumerate(columns)}
    raise ValueError(f"DATA {kind} is none of ascii, binary, binary_compressed")


def unlzf(packed: bytes, length: int) -> bytes:
    """`length` bytes unpacked by LZF, the compression of .pcd files: runs of literals, and copies of what came before. ValueError if damaged."""
    out, at = bytearray(), 0
    while at < len(packed):
        control = packed[at]
        at += 1
        if control < 32:
            out += packed[at : at + control + 1]
            at += control + 1
            continue
        count, back = control >> 5, (control & 31) << 8
        if count == 7:
            count += packed[at]
            at += 1
        back += packed[at] + 1
        at += 1
        if back > len(out) or len(out) > length:
            raise ValueError("its compressed part is damaged")
        piece = out[len(out) - back : len(out) - back + count + 2]
        out += (piece * ((count + 1) // len(piece) + 1))[: count + 2]  # a copy may overlap itself: then it repeats
    if len(out) != length:
        raise ValueError("its compressed part is damaged")
    return bytes(out)
