"""Files of embeddings in any of the field's forms, mapped from the disk where they can be, and checked with words that say what is wrong.

The field's form has `embeddings` [n, C, K], `labels`, `types`, `views` [n] and perhaps `modalities` [n] (camera or lidar). Ours has `values`, `keys`
(person/type/view) and `provenance`, one JSON text, and what the store knew of each sequence: `people`, `conditions`, `takes`, `views`, `splits`, and
`in_probe_set` where the dataset has a partition. Files that lack those are read by their keys.
"""

from __future__ import annotations

import math
import struct
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NotRequired

import numpy as np
from typing_extensions import TypedDict

from gaitbridge.conventions import MODALITIES, SENSOR
from gaitbridge.documents import parsed
from gaitbridge.errors import StoreError, UserError, nearest
from gaitbridge.foreign_pickles import DAMAGED
from gaitbridge.names import canonical
from gaitbridge.types import Distance, Embeddings

FIELD = ("embeddings", "labels", "types", "views")
OWN = ("values", "keys", "provenance")
LABELS = {"people": "U", "conditions": "U", "views": "U", "splits": "U", "takes": "iu", "in_probe_set": "b"}  # and the kind of each
UNREADABLE = (*DAMAGED, RuntimeError, struct.error)  # RuntimeError: it says that it is encrypted
CHECK_BYTES = 1 << 26


class Provenance(TypedDict):
    """What a file of ours says of itself, at least."""

    weights_hash: str
    modality: str
    distance: Literal["euclidean", "cosine"]
    data_hash: NotRequired[str]
    protocol: NotRequired[str]


@dataclass(frozen=True)
class EmbeddingsFile:
    """What a file holds: values float32 [n, C, K]; people, types, views [n] of text; modalities [n] of camera and lidar, empty text where unknown.

    labels: of `conditions`, `takes`, `splits` and `in_probe_set`, arrays [n], those that are known; about: the provenance, empty where there is none.
    """

    path: Path
    values: np.ndarray
    people: np.ndarray
    types: np.ndarray
    views: np.ndarray
    modalities: np.ndarray
    about: dict[str, Any] = field(default_factory=dict)
    labels: dict[str, np.ndarray] = field(default_factory=dict)
    own_keys: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.values)

    @property
    def keys(self) -> np.ndarray:
        """person/type/view of each row, as the file has it."""
        if self.own_keys is not None:
            return self.own_keys
        return np.char.add(np.char.add(np.char.add(self.people, "/"), np.char.add(self.types, "/")), self.views)

    @property
    def distance(self) -> Distance:
        """The distance that it says it is meant for; euclidean where it says none."""
        return "cosine" if self.about.get("distance") == "cosine" else "euclidean"


def read_any(path: Path) -> EmbeddingsFile:
    """A file of embeddings. UserError where it is missing or not as it should be, StoreError where it is damaged; both name the file."""
    held, texts = _arrays(path, ("labels", "types", "views", "modalities", "keys", "provenance", *LABELS))
    wanted = FIELD if "embeddings" in held or "keys" not in held else OWN
    if missing := [key for key in wanted if key not in held]:
        raise UserError(
            f"{path} has no array {' nor '.join(map(repr, missing))} (it holds {', '.join(sorted(held)) or 'nothing'}); "
            f"a file of embeddings has {', '.join(wanted)}"
        )
    name = wanted[0]
    values = _checked_values(path, _values(path, name), name)
    made = _of_field(path, values, texts) if wanted is FIELD else _of_ours(path, values, texts)
    _check_finite(made)
    return made


def read_embeddings(path: Path | str) -> Embeddings:
    """The embeddings of a file of ours, in memory. UserError where it is missing, StoreError where it is damaged or something else."""
    file = read_any(Path(path))
    if not file.about:
        raise StoreError(f"{path} is no file of embeddings of ours (it has no provenance); embed the store again")
    values = np.array(file.values)
    return Embeddings(values, file.distance, file.about["modality"], file.about["weights_hash"], tuple(file.keys.tolist()))


def read_keys(path: Path) -> list[str]:
    """The keys of a file of ours, without its values. Errors as read_embeddings."""
    held, texts = _arrays(path, ("keys",))
    if "keys" not in held:
        raise StoreError(f"{path} is no file of embeddings of ours, or damaged (it has no keys); embed the store again")
    return [str(key) for key in texts["keys"].reshape(-1)]


def read_provenance(path: Path | str) -> dict[str, Any]:
    """What a file of ours says of itself: run, weights_hash, data_hash, modality, distance, code_version, left_out. Errors as read_embeddings."""
    held, texts = _arrays(Path(path), ("provenance",))
    if "provenance" not in held:
        raise StoreError(f"{path} is no file of embeddings of ours, or damaged (it has no provenance); embed the store again")
    return _provenance(Path(path), texts["provenance"])


def _arrays(path: Path, names: Sequence[str]) -> tuple[set[str], dict[str, np.ndarray]]:
    """The names of all arrays of a .npz, and those of `names` that it has."""
    if path.is_dir():
        raise UserError(f"{path} is a folder; give a file of embeddings, such as RUN/evaluation/silhouettes.npz")
    if not path.is_file():
        raise UserError(f"{path} is missing; give a .npz with {', '.join(FIELD)}, or one of `gaitbridge embed` or `gaitbridge evaluate`")
    if not zipfile.is_zipfile(path):
        raise _unreadable(path, "it is no .npz")
    try:
        with np.load(path, allow_pickle=False) as file:
            held = set(file.files)
            arrays = {name: file[name] for name in names if name in held}
    except UNREADABLE as error:
        raise _unreadable(path, error) from error
    if bad := [name for name, array in arrays.items() if not isinstance(array, np.ndarray)]:
        raise _unreadable(path, f"{bad[0]} is no array")
    return held, arrays


def _unreadable(path: Path, why: object) -> StoreError:
    if "allow_pickle" in str(why):
        why = "an array holds objects"
    return StoreError(f"{path} is no .npz of plain arrays, or damaged ({' '.join(str(why).split())[:200]}); embed the store again, or write it again "
                      "with numpy.savez, texts as text")


def _values(path: Path, name: str) -> np.ndarray:
    try:
        values = _mapped(path, name)
        if values is None:
            with np.load(path, allow_pickle=False) as file:
                values = file[name]
    except UNREADABLE as error:
        raise _unreadable(path, error) from error
    if not isinstance(values, np.ndarray):
        raise _unreadable(path, f"{name} is no array")
    return values


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
    if by_columns or dtype.hasobject or 0 in shape or not shape or header + dtype.itemsize * math.prod(shape) > member.file_size:
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
    about = _provenance(path, arrays["provenance"])
    columns = zip(*((parts[0], "/".join(parts[1:-1]), parts[-1]) for parts in pieces), strict=True)
    people, types, views = (_spelt(np.asarray(column)) for column in columns)
    labels = {name: arrays[name] for name in LABELS if name in arrays}
    for name, array in labels.items():
        if array.shape != (len(values),) or array.dtype.kind not in LABELS[name]:
            raise StoreError(f"{path}: {name} are {array.dtype} {list(array.shape)}, not one for each of {len(values)}; embed the store again")
        labels[name] = _text(path, name, array, len(values)) if LABELS[name] == "U" else array
    sensors = np.full(len(values), SENSOR.get(about["modality"], about["modality"]))
    return EmbeddingsFile(path, values, labels.pop("people", people), types, labels.pop("views", views), sensors, about, labels, keys)


def _provenance(path: Path, array: np.ndarray) -> dict[str, Any]:
    remedy = "embed the store again"
    if array.shape or array.dtype.kind != "U":
        raise StoreError(f"{path}: its provenance is damaged ({array.dtype} {list(array.shape)}, not one text); {remedy}")
    try:
        text = str(array)
    except ValueError as error:  # no characters
        raise StoreError(f"{path}: its provenance is damaged ({error}); {remedy}") from error
    about = dict(parsed(text, Provenance, f"{path}: its provenance", remedy))
    return {"data_hash": "", **about}


def _text(path: Path, name: str, array: np.ndarray, size: int) -> np.ndarray:
    """str [n], names in their one spelling; whole numbers and bytes become text."""
    if array.shape != (size,):
        raise UserError(f"{path}: {name} are {list(array.shape)}, but there are {size} embeddings; give one for each")
    if array.dtype.kind == "S":
        return _spelt(np.char.decode(array, "utf-8", "replace"))
    if array.dtype.kind not in "Uiu":
        raise UserError(f"{path}: {name} are {array.dtype}; write them as text, such as '0001'")
    try:
        array.tolist()
    except ValueError as error:
        raise StoreError(f"{path}: {name} are damaged ({error}); write them again") from error
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
