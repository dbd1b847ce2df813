"""Files of embeddings in any of the field's forms, mapped from the disk where they can be, and checked with words that say what is wrong.

The field's form has `embeddings` [n, C, K], `labels`, `types`, `views` [n] and perhaps `modalities` [n] (camera or lidar). Ours has `values`, `keys`
(person/type/view) and `provenance`.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gaitbridge.conventions import MODALITIES, SENSOR
from gaitbridge.errors import StoreError, UserError, nearest
from gaitbridge.names import canonical

FIELD = ("embeddings", "labels", "types", "views")
OWN = ("values", "keys", "provenance")
CHECK_BYTES = 1 << 26


@dataclass(frozen=True)
class EmbeddingsFile:
    """What a file holds: values float32 [n, C, K]; people, types, views [n] of text; modalities [n] of camera and lidar, empty text where unknown."""

    path: Path
    values: np.ndarray
    people: np.ndarray
    types: np.ndarray
    views: np.ndarray
    modalities: np.ndarray
    about: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.values)

    @property
    def keys(self) -> np.ndarray:
        """person/type/view of each row."""
        return np.char.add(np.char.add(np.char.add(self.people, "/"), np.char.add(self.types, "/")), self.views)


def read_any(path: Path) -> EmbeddingsFile:
    """A file of embeddings. UserError where it is missing or not as it should be, StoreError where it is damaged; both name the file."""
    if not path.is_file():
        raise UserError(f"{path} is missing; give a .npz with {', '.join(FIELD)}, or one of `gaitbridge evaluate`")
    try:
        with np.load(path, allow_pickle=False) as file:
            held = set(file.files)
            name = "embeddings" if "embeddings" in held else "values"
            values = _mapped(path, name) if name in held else None
            if values is None and name in held:
                values = file[name]
            texts = {key: file[key] for key in ("labels", "types", "views", "modalities", "keys", "provenance") if key in held}
    except (OSError, ValueError, TypeError, AttributeError, EOFError, zipfile.BadZipFile, MemoryError) as error:
        raise StoreError(f"{path} is no .npz of plain arrays, or damaged ({error}); write it again with numpy.savez, texts as text") from error
    wanted = FIELD if "embeddings" in held or "keys" not in held else OWN
    if missing := [key for key in wanted if key not in held]:
        raise UserError(
            f"{path} has no array {' nor '.join(map(repr, missing))} (it holds {', '.join(sorted(held)) or 'nothing'}); "
            f"a file of embeddings has {', '.join(wanted)}"
        )
    assert values is not None
    values = _checked_values(path, values, name)
    made = _of_field(path, values, texts) if wanted is FIELD else _of_ours(path, values, texts)
    _check_finite(made)
    return made


def _mapped(path: Path, name: str) -> np.ndarray | None:
    """The array of a .npz mapped from the disk; None where it is compressed or in another order."""
    with zipfile.ZipFile(path) as archive:
        member = archive.getinfo(f"{name}.npy")
        if member.compress_type != zipfile.ZIP_STORED:
            return None
        with archive.open(member) as stream:
            version = np.lib.format.read_magic(stream)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, by_columns, dtype = read(stream)
            header = stream.tell()
    with path.open("rb") as file:
        file.seek(member.header_offset)
        local = file.read(30)
    start = member.header_offset + 30 + int.from_bytes(local[26:28], "little") + int.from_bytes(local[28:30], "little") + header
    if by_columns or dtype.hasobject or 0 in shape or not shape:
        return None
    return np.memmap(path, dtype, "r", start, shape)


def _checked_values(path: Path, values: np.ndarray, name: str) -> np.ndarray:
    if values.dtype.kind != "f":
        raise UserError(f"{path}: {name} are {values.dtype}, not real numbers; write them as float32")
    if values.ndim != 3 or 0 in values.shape[1:]:
        raise UserError(f"{path}: {name} are {list(values.shape)}, not [n, C, K] (sequences, channels, parts); give one part as [n, C, 1]")
    if not len(values):
        raise UserError(f"{path}: {name} hold no sequence; embed some first")
    return values if values.dtype == np.float32 else values.astype(np.float32)


def _of_field(path: Path, values: np.ndarray, arrays: dict[str, np.ndarray]) -> EmbeddingsFile:
    people, types, views = (_text(path, name, arrays[name], len(values)) for name in FIELD[1:])
    kinds = _text(path, "modalities", arrays["modalities"], len(values)) if "modalities" in arrays else np.full(len(values), "", dtype=str)
    return EmbeddingsFile(path, values, people, types, views, _sensors(path, kinds))


def _of_ours(path: Path, values: np.ndarray, arrays: dict[str, np.ndarray]) -> EmbeddingsFile:
    keys = _text(path, "keys", arrays["keys"], len(values))
    pieces = [str(key).split("/") for key in keys]
    if bad := [str(key) for key, parts in zip(keys, pieces, strict=True) if len(parts) < 3]:
        raise UserError(f"{path}: the key {bad[0]!r} is not person/type/view; embed a store, whose keys are")
    try:
        about = json.loads(str(arrays["provenance"]))
        modality = str(about["modality"])
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{path}: its provenance is damaged ({error}); embed the store again") from error
    columns = zip(*((parts[0], "/".join(parts[1:-1]), parts[-1]) for parts in pieces), strict=True)
    people, types, views = (_spelt(np.asarray(column)) for column in columns)
    return EmbeddingsFile(path, values, people, types, views, np.full(len(values), SENSOR.get(modality, modality)), about)


def _text(path: Path, name: str, array: np.ndarray, size: int) -> np.ndarray:
    """str [n], names in their one spelling; whole numbers and bytes become text."""
    if array.shape != (size,):
        raise UserError(f"{path}: {name} are {list(array.shape)}, but there are {size} embeddings; give one for each")
    if array.dtype.kind == "S":
        return _spelt(np.char.decode(array, "utf-8", "replace"))
    if array.dtype.kind not in "Uiu":
        raise UserError(f"{path}: {name} are {array.dtype}; write them as text, such as '0001'")
    return _spelt(array.astype(str))


def _spelt(names: np.ndarray) -> np.ndarray:
    """Each of the names str [n] in its one spelling."""
    known, number = np.unique(names, return_inverse=True)
    return np.asarray([canonical(str(name)) for name in known])[number] if len(known) else names


def _sensors(path: Path, kinds: np.ndarray) -> np.ndarray:
    """camera and lidar of the names given; an unknown one is an error."""
    names = {str(kind): SENSOR[MODALITIES[str(kind)]] for kind in np.unique(kinds) if str(kind) in MODALITIES}
    if unknown := [str(kind) for kind in np.unique(kinds) if str(kind) and str(kind) not in names]:
        raise UserError(f"{path}: unknown modality {unknown[0]!r}: {nearest(unknown[0], MODALITIES)}")
    return np.asarray([names.get(str(kind), "") for kind in kinds])


def _check_finite(file: EmbeddingsFile) -> None:
    """UserError that names the first row with NaN or infinity."""
    for some in _slices(file.values):
        finite = np.isfinite(file.values[some])
        if not finite.all():
            row = some.start + int(np.argmin(finite.all((1, 2))))
            raise UserError(
                f"{file.path}: the embedding of row {row} ({file.keys[row]}) is not finite (NaN or infinity); look at its input, and embed it again"
            )


def _slices(values: np.ndarray) -> Iterator[slice]:
    step = max(1, CHECK_BYTES // max(values[0].nbytes, 1))
    for start in range(0, len(values), step):
        yield slice(start, start + step)
