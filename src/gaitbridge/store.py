"""The store: sequences on disk, and nothing else that the rest needs to know of files.

    STORE/
      store.json          version, name, how it was made, licences, and for each shard: rows, bytes, content hash
      index.parquet       a row a sequence: the fields of `types.Labels`, shard and row, frames, modalities; of a store to which something was
                          added since, index-HASH.parquet, which store.json names
      shards/NAME.arrow   Arrow IPC file, lz4, one record batch a sequence:
                            labels    every field of `types.Labels` as a column
                            <field>   the array's bytes (null where the sequence has none)
                            <field>#  its shape, list<int32>
      .notes/             what each shard holds, until store.json says it (`store_notes`)

A shard is written to a temporary name and renamed when whole, and `store.json` last of all: what carries its final name is whole.
Writers of different shards may be different processes; an interrupted writer loses its shard and no other. Shards are
memory-mapped; a reader opens them anew in each process (fork or spawn), decodes the fields asked for and slices the frames asked for.
"""

import hashlib
import json
import math
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from collections.abc import Sequence as Rows
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
from typing_extensions import TypedDict

from gaitbridge import clouds
from gaitbridge.conventions import POINTS
from gaitbridge.documents import damaged, parsed, read_text
from gaitbridge.errors import StoreError, UserError, nearest
from gaitbridge.files import sweep, within, written_whole
from gaitbridge.names import canonical
from gaitbridge.store_notes import Entry, drop, note, noted
from gaitbridge.types import NAMES, Labels, Sequence

VERSION = 1
AGAIN = "make the store again"
INDEX = "index.parquet"  # of a store that was made at once
RANGE_UNIT_M = 0.002  # 16 bits reach 131 m in steps of 2 mm, below any LiDAR's noise; 0 is NaN


@dataclass(frozen=True)
class Field:
    """One named array of a sequence: how it is coded, and whether its first axis is time (and whose frames those are)."""

    codec: str  # bits (bytes where there is grey) | range | a NumPy dtype
    frames: str = ""  # the modality whose frames the first axis counts; empty: not by frame


FIELDS: dict[str, Field] = {
    "silhouettes": Field("bits", "silhouettes"),  # [T, H, W] 0 and 255, or with the grey edges that resizing left
    "silhouettes_time_s": Field("float64", "silhouettes"),  # [T]
    "silhouettes_box": Field("float32", "silhouettes"),  # [T, 4] top, left, bottom, right in native pixels
    "clean_silhouettes": Field("bits", "silhouettes"),  # [T, H, W] before the segmentation errors
    "body_parts": Field("uint8", "silhouettes"),  # [T, H, W] of conventions.BODY_PARTS
    "range_views": Field("range", "range_views"),  # [T, H, W] metres, NaN where nothing came back
    "range_views_time_s": Field("float64", "range_views"),  # [T]
    "points_on_person": Field("int32", "range_views"),  # [T] LiDAR returns
    "depth_pictures": Field("uint8", "depth_pictures"),  # [T, 3, H, W] range as colour, as SUSTech1K publishes it
    "pose_heatmaps": Field("uint8", "pose_heatmaps"),  # [T, 2, H, W] limbs and joints, as SkeletonGait draws them (geometry.skeleton_maps)
    "pose_heatmaps_time_s": Field("float64", "pose_heatmaps"),  # [T]
    "skeletons": Field("float32", "skeletons"),  # [T, J, 3] column, row, score of COCO's 17 joints or OpenPose's 18 (conventions.JOINT_ORDERS)
    "skeletons_time_s": Field("float64", "skeletons"),  # [T]
    "parsing": Field("uint8", "parsing"),  # [T, H, W] of conventions.PARSING_LABELS
    "parsing_time_s": Field("float64", "parsing"),  # [T]
    "landmarks": Field("float32", "silhouettes"),  # [T, 33, 4] x, y, z and visibility in native pixels (capture.video.pose), NaN where unknown
    "landmarks_m": Field("float32", "silhouettes"),  # [T, 33, 3] metres from the hips' middle, x right, y down, z away from the camera
    "presence": Field("float32", "silhouettes"),  # [T] 0 to 1, that a person was there, as the people model says
    "lidar_silhouettes": Field("bits", "range_views"),  # [T, H, W] where the LiDAR saw the person
    "smpl": Field("float32", "silhouettes"),  # [T, 85] camera 3, pose 72, shape 10 of an SMPL body
    "smpl_joints": Field("float32", "silhouettes"),  # [T, 24, 3]
    "smpl_vertices": Field("float32", "silhouettes"),  # [T, 6890, 3]
    "keypoints": Field("float32", "silhouettes"),  # [T, 17, 3] column, row, confidence in the published order (COCO)
    "frame_ratios": Field("float32", "silhouettes"),  # [T, 2] of the published crops
    "quality": Field("float32"),  # [6] of walks.quality.NAMES; the first, the score, is in the index, too
    "points": Field("float32", "points"),  # [P, 5] x, y, z in the LiDAR's frame (m), time (s), frame number: ragged (clouds)
    "joints": Field("float32", "silhouettes"),  # [T, J, 3] world, metres
    "markers": Field("float32", "silhouettes"),  # [T, M, 3] world, metres
    "pose": Field("float32", "silhouettes"),  # [T, J + 1, 3] rotation vectors of the bones in the world, then the root in metres
    "joints_lidar": Field("float32", "range_views"),  # [T, J, 3] world, at the LiDAR's times
    "shape": Field("float32"),  # [S] of the body model
    "intrinsics": Field("float64"),  # [6] fx, fy, cx, cy, width, height
    "T_world_from_camera": Field("float64"),  # [4, 4]
    "T_world_from_lidar": Field("float64"),  # [4, 4]
}
PRIMARY = tuple(name for name, field in FIELDS.items() if field.frames == name)  # the modalities, whose frames the index counts
_LABELS = {field.name: {"str": pa.string(), "int": pa.int32(), "float": pa.float64()}[str(field.type)] for field in fields(Labels)}
LATE_COUNT = f"{POINTS}_frames"
LATER = {"session": 0}  # labels that came after version 1, and what they are in stores without them; content hashes leave such values out


def _encode(name: str, array: np.ndarray) -> tuple[bytes, list[int]]:
    codec = FIELDS[name].codec
    if codec == "bits":
        black_and_white = bool(((array == 0) | (array == 255)).all())
        if not black_and_white and array.max() == 1:
            raise ValueError(f"{name}: holds 0 and 1, not 0 to 255: multiply it by 255")
        flat = np.packbits(array.reshape(len(array), -1) > 127, axis=1) if black_and_white else np.ascontiguousarray(array)
    elif codec == "range":
        steps = np.rint(np.nan_to_num(array, nan=0.0) / RANGE_UNIT_M)
        if steps.size and (steps.min() < 0 or steps.max() > 65535):
            raise ValueError(f"{name}: ranges must lie within 0 to {65535 * RANGE_UNIT_M:.0f} m")
        flat = steps.astype("<u2")
    else:
        flat = np.ascontiguousarray(array, dtype=np.dtype(codec).newbyteorder("<"))
    return flat.tobytes(), list(array.shape)


def _decode(name: str, data: Any, shape: list[int], frames: np.ndarray | None) -> np.ndarray:
    """Bytes to the array, only the rows `frames` where given. Reads from the buffer without copying what is not asked for."""
    codec = FIELDS[name].codec
    if name == POINTS and frames is not None:
        return clouds.picked(np.frombuffer(data, "<f4").reshape(shape), frames)
    if codec == "bits" and len(data) == np.prod(shape) and np.prod(shape[1:]) > 1:  # grey: a byte a pixel
        grey = np.frombuffer(data, np.uint8).reshape(shape)
        return grey.copy() if frames is None else grey[frames]
    if codec == "bits":
        packed = np.frombuffer(data, np.uint8).reshape(shape[0], -1)
        packed = packed if frames is None else packed[frames]
        bits = np.unpackbits(packed, axis=1, count=int(np.prod(shape[1:])))
        return (bits * np.uint8(255)).reshape(-1, *shape[1:])
    dtype = np.dtype("<u2") if codec == "range" else np.dtype(codec).newbyteorder("<")
    array = np.frombuffer(data, dtype).reshape(shape)
    array = array.copy() if frames is None else array[frames]
    if codec != "range":
        return array
    metres = array.astype(np.float32) * np.float32(RANGE_UNIT_M)
    metres[array == 0] = np.nan
    return metres


class _Versioned(TypedDict):
    version: int


class _Document(TypedDict):
    """What store.json must hold."""

    content_hash: str
    about: dict[str, Any]
    licences: list[str]
    shards: dict[str, Entry]


def _schema() -> pa.Schema:
    arrays = [field for name in FIELDS for field in (pa.field(name, pa.large_binary()), pa.field(f"{name}#", pa.list_(pa.int32())))]
    return pa.schema([pa.field(name, kind) for name, kind in _LABELS.items()] + arrays)


def shard_path(store: Path, name: str) -> Path:
    """Where the shard `name` of a store lies; StoreError where that would be outside of it."""
    return within(store / "shards", f"{name}.arrow")


def write_shard(store: Path, name: str, sequences: Iterable[Sequence]) -> Path:
    """Write one shard, whole or not at all, and note what it holds for whoever finishes the store. Same sequences, same bytes."""
    path, schema = shard_path(store, name), _schema()
    options, held = pa.ipc.IpcWriteOptions(compression="lz4"), _Held(path.stem)
    with written_whole(path) as temporary:
        with pa.OSFile(os.fsencode(temporary), "wb") as file, pa.ipc.new_file(file, schema, options=options) as writer:
            for sequence in sequences:
                batch = _batch_of(sequence, schema)
                writer.write_batch(batch)
                held.add(batch)
        written = temporary.stat()
    note(store, name, held.rows, held.entry(written.st_size), written.st_mtime_ns)
    return path


def _batch_of(sequence: Sequence, schema: pa.Schema) -> Any:
    """A sequence as a shard keeps it."""
    if unknown := set(sequence.arrays) - set(FIELDS):
        raise ValueError(f"{sequence.labels.key}: unknown field {sorted(unknown)[0]!r}: {nearest(min(unknown), FIELDS)}")
    row: dict[str, list[Any]] = {key: [value] for key, value in asdict(sequence.labels).items()}
    for field in FIELDS:
        data, shape = _encode(field, sequence.arrays[field]) if field in sequence.arrays else (None, None)
        row[field], row[f"{field}#"] = [data], [shape]
    return pa.RecordBatch.from_pydict(row, schema=schema)


class _Held:
    """What a shard holds, batch after batch: its rows of the index, and the hash of its content, not of the compressed file."""

    def __init__(self, shard: str) -> None:
        self.rows = list[dict[str, Any]]()
        self._shard, self._digest = shard, hashlib.blake2b(digest_size=16)

    def add(self, batch: Any) -> None:
        """One more sequence."""
        row = batch.to_pylist()[0]
        present = [name for name in FIELDS if row.get(name) is not None]
        labels = {name: row.get(name, LATER.get(name)) for name in _LABELS}
        hashed = [value for name, value in labels.items() if name not in LATER or value != LATER[name]]
        self._digest.update(json.dumps(hashed + present, sort_keys=True).encode())
        for name in present:
            self._digest.update(np.asarray(row[f"{name}#"], "<i4").tobytes() + row[name])
        modalities = [name for name in present if name in PRIMARY]
        counts = {f"{name}_frames": (_frames(name, row) if name in present else 0) for name in PRIMARY}
        pictures = [name for name in modalities if name != POINTS]
        first = row[f"{pictures[0]}#"] if pictures else [0, 0, 0]
        place = {"shard": self._shard, "row": len(self.rows), "modalities": modalities, "fields": present, "height": first[-2], "width": first[-1]}
        score = float(np.frombuffer(row["quality"], "<f4")[0]) if "quality" in present else math.nan
        self.rows.append(labels | place | counts | {"quality": None if math.isnan(score) else score})

    def entry(self, size: int) -> Entry:
        """What store.json is to say of the shard. size: bytes of its file."""
        return Entry(rows=len(self.rows), bytes=size, content_hash=self._digest.hexdigest())


def _scan_shard(path: Path) -> tuple[pa.Table, Entry]:
    """The index rows of a shard, and its entry in store.json, by reading all of it. StoreError of a damaged one."""
    held = _Held(path.stem)
    try:
        with pa.memory_map(os.fsencode(path)) as source:
            reader = pa.ipc.open_file(source)
            for number in range(reader.num_record_batches):
                held.add(_whole_batch(reader, number))
        return pa.Table.from_pylist(held.rows), held.entry(path.stat().st_size)
    except (OSError, pa.ArrowException, ValueError, TypeError, KeyError, IndexError) as error:
        raise damaged(str(path), _words(error), f"delete it and store.json and {AGAIN}") from error


def _frames(name: str, row: Mapping[str, Any]) -> int:
    """Frames of a modality that a sequence has."""
    shape = row[f"{name}#"]
    return clouds.frame_count(np.frombuffer(row[name], "<f4").reshape(shape)) if name == POINTS else int(shape[0])


def finish_store(store: Path, names: Iterable[str], about: Mapping[str, Any]) -> dict[str, Any]:
    """Index the shards `names` and write store.json, which makes them a store. `about` says how it was made; returns store.json.

    Of shards with a note of the file that is there the notes are read (`store_notes`), of others all.
    """
    tables: list[pa.Table] = []
    shards: dict[str, Entry] = {}
    for name in sorted(names):
        path = shard_path(store, name)
        table, shards[name] = noted(store, name, path) or _scan_shard(path)
        tables.append(table)
    rows = pa.concat_tables(tables, promote_options="permissive").combine_chunks() if tables else pa.table({})
    keys, licences = (rows[name].to_pylist() if rows.num_rows else [] for name in ("key", "licence"))
    if len(set(keys)) != len(keys):
        raise StoreError(f"{store}: two sequences have the key {next(key for key, count in Counter(keys).items() if count > 1)!r}")
    index = _write_index(store, rows)
    content = hashlib.blake2b(json.dumps([entry["content_hash"] for entry in shards.values()]).encode(), digest_size=16).hexdigest()
    document = {"version": VERSION, "content_hash": content, "licences": sorted(set(filter(None, licences))), "about": dict(about), "shards": shards}
    document |= {"index": index} if index != INDEX else {}
    with written_whole(store / "store.json") as temporary:
        temporary.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    drop(store)
    for folder in (store, store / "shards"):
        sweep(folder)
    return document


def _write_index(store: Path, rows: pa.Table) -> str:
    """Write the index beside the one of a store that is there, which stays whole until store.json names the new one; the new one's name."""
    if rows.num_rows and not any(rows[LATE_COUNT].to_pylist()):  # stores without points keep the index that they had before there was the column
        rows = rows.drop_columns([LATE_COUNT])
    buffer = pa.BufferOutputStream()
    pq.write_table(rows, buffer)
    data = buffer.getvalue().to_pybytes()
    before = _index_of(store)
    if before is None or (before.is_file() and before.read_bytes() == data):
        name = INDEX if before is None else before.name
    else:
        name = f"index-{hashlib.blake2b(data, digest_size=8).hexdigest()}.parquet"
    with written_whole(store / name) as temporary:
        temporary.write_bytes(data)
    for path in store.glob("index*.parquet"):  # the one before stays for those who read it now, until the next is written
        if path != before and path.name != name:
            path.unlink(missing_ok=True)
    return name


def _index_of(store: Path) -> Path | None:
    """The index of a store that is finished; None where there is none, or it is damaged."""
    try:
        return within(store, json.loads((store / "store.json").read_text(encoding="utf-8")).get("index", INDEX))
    except (OSError, ValueError, AttributeError, StoreError):
        return None


def _table(path: Path) -> pa.Table:
    """A table of a Parquet file, read in this thread.

    Arrow's threads may hold the last reference to a Python file; one that gives it up while the interpreter ends aborts the process.
    """
    with pa.OSFile(os.fsencode(path)) as file, pq.ParquetFile(file, pre_buffer=False) as table:
        return table.read(use_threads=False)


def _whole_batch(reader: Any, number: int) -> Any:
    """A record batch whose buffers are as long as its rows need: reading beyond them would end the process. ArrowInvalid where they are not."""
    batch = reader.get_batch(number)
    batch.validate(full=True)
    if batch.num_rows != 1:
        raise ValueError(f"batch {number} has {batch.num_rows} rows")
    return batch


def _words(error: Exception) -> str:
    """What an error says, in one line."""
    return " ".join(str(error).split())[:300]


class Store:
    """A store opened for reading. `rows` is the index, a dict a sequence; `read` fetches arrays.

    Raises StoreError where the folder is missing, unfinished, of another version, or has lost or changed a shard.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.document = self._checked_document()
        self.index = within(self.path, self.document.get("index", INDEX), self.path / "store.json")
        try:
            self.rows: list[dict[str, Any]] = _table(self.index).to_pylist()
            lacking = {*_LABELS, "shard", "row", "modalities", "fields"} - {*LATER, *(self.rows[0] if self.rows else ())}
        except (OSError, pa.ArrowException, ValueError) as error:
            raise StoreError(f"{self.index} is missing or damaged ({_words(error)}); make the store again") from error
        if self.rows and lacking:
            raise StoreError(f"{self.index} is damaged (it lacks {min(lacking)}); make the store again")
        if len(self.rows) != sum(entry["rows"] for entry in self.document["shards"].values()):
            raise StoreError(f"{self.index} does not belong to store.json beside it; make the store again")
        for row in self.rows:
            if POINTS in row["fields"] and LATE_COUNT not in row:  # of a store that kept points before they were a modality: frames of range views
                row[LATE_COUNT] = row.get("range_views_frames", 0)
                row["modalities"] = [*row["modalities"], POINTS]
            for name in PRIMARY:
                row.setdefault(f"{name}_frames", 0)  # of a modality that came after the store
            row.setdefault("quality", None)
            for name, value in LATER.items():
                row.setdefault(name, value)
            for name in NAMES:  # of a store that was written before names had one spelling
                row[name] = canonical(row[name])
        self.row_of_key = {canonical(row["key"]): number for number, row in enumerate(self.rows)}
        self.row_of_key |= {row["key"]: number for number, row in enumerate(self.rows)}
        self._readers: dict[tuple[int, str, tuple[str, ...]], Any] = {}

    def __getstate__(self) -> dict[str, Any]:
        """A spawned worker opens the shards anew."""
        return self.__dict__ | {"_readers": {}}

    def _checked_document(self) -> dict[str, Any]:
        file = self.path / "store.json"
        if not file.is_file():
            started = (self.path / "shards").is_dir()
            what = "is unfinished: run the command that makes it again, it goes on where it was" if started else "is not a store (no store.json)"
            raise StoreError(f"{self.path} {what}")
        text = read_text(file, AGAIN)
        if (version := parsed(text, _Versioned, str(file), AGAIN)["version"]) != VERSION:
            raise StoreError(f"{file} has version {version}, this program reads version {VERSION}; make the store again or use its program")
        document = parsed(text, _Document, str(file), AGAIN)
        for name, entry in document["shards"].items():
            path = shard_path(self.path, name)
            size = path.stat().st_size if path.is_file() else None
            if size != entry["bytes"]:
                state = "is missing" if size is None else f"has {size} bytes instead of {entry['bytes']}"
                raise StoreError(f"{path} {state}: the store is damaged; delete that file and store.json and make the store again")
        return dict(document)

    @property
    def content_hash(self) -> str:
        """Hash of the content of all sequences: same content, same hash, on any machine."""
        return str(self.document["content_hash"])

    def verify(self) -> None:
        """Read everything and compare the content hashes; StoreError names the first shard that differs."""
        for name, entry in self.document["shards"].items():
            if _scan_shard(shard_path(self.path, name))[1]["content_hash"] != entry["content_hash"]:
                raise StoreError(f"{shard_path(self.path, name)} is damaged (its content hash differs); delete it and make the store again")

    def labels(self, number: int) -> Labels:
        """The labels of sequence `number` (its place in `rows`)."""
        return Labels(**{name: self.rows[number][name] for name in _LABELS})

    def select(self, **named: str | Rows[str] | None) -> list[int]:
        """Numbers of the sequences whose named fields have the values given (one or several; None: any), in index order.

        `select(split="test", condition=["normal", "bag"], modality="silhouettes")`. UserError where a field has no such name.
        """
        modality = named.pop("modality", None)
        for name in named:
            if name not in _LABELS:
                raise UserError(f"no field {name!r} in a store: {nearest(name, _LABELS)}")
        wanted = {name: {value} if isinstance(value, str) else set(value) for name, value in named.items() if value is not None}
        wanted = {name: set(map(canonical, values)) if name in NAMES else values for name, values in wanted.items()}
        fits = [all(row[name] in values for name, values in wanted.items()) for row in self.rows]
        needed = {modality} if isinstance(modality, str) else set(modality or ())
        return [number for number, row in enumerate(self.rows) if fits[number] and needed <= set(row["modalities"])]

    def _batch(self, shard: str, row: int, columns: tuple[str, ...]) -> Any:
        place = (os.getpid(), shard, columns)  # a forked child must not share the parent's file position
        if place not in self._readers:
            try:
                source = pa.memory_map(os.fsencode(shard_path(self.path, shard)))
                known = pa.ipc.open_file(source).schema
                numbers = [known.get_field_index(column) for column in columns]
                options = pa.ipc.IpcReadOptions(included_fields=numbers, use_threads=False)
                self._readers[place] = pa.ipc.open_file(source, options=options)
            except (OSError, pa.ArrowException) as error:
                raise StoreError(f"{shard_path(self.path, shard)} cannot be read ({_words(error)}); make the store again") from error
        return _whole_batch(self._readers[place], row)

    def read(self, number: int, names: Iterable[str], frames: Mapping[str, np.ndarray] | None = None) -> Sequence:
        """Sequence `number` with the arrays `names` (those it has); `frames` picks frame numbers by modality."""
        wanted = tuple(name for name in names if name in self.rows[number]["fields"])
        columns = tuple(sorted([*wanted, *(f"{name}#" for name in wanted)]))
        arrays: dict[str, np.ndarray] = {}
        shard, row = self.rows[number]["shard"], self.rows[number]["row"]
        try:
            batch: Any = self._batch(shard, row, columns) if wanted else None
            for name in wanted:
                shape = batch.column(f"{name}#")[0].as_py()
                chosen = (frames or {}).get(FIELDS[name].frames)
                arrays[name] = _decode(name, batch.column(name)[0].as_buffer(), shape, chosen)
            return Sequence(self.labels(number), arrays)
        except (OSError, pa.ArrowException, ValueError, TypeError) as error:
            raise StoreError(
                f"{shard_path(self.path, shard)}: {self.rows[number]['key']} cannot be read ({_words(error)}); the file is damaged: "
                "delete it and store.json and make the store again"
            ) from error

    def read_many(self, numbers: Iterable[int], names: Rows[str], frames: Rows[Mapping[str, np.ndarray] | None] | None = None) -> list[Sequence]:
        """A batch in one call: the sequences in the order asked for."""
        numbers = list(numbers)
        chosen = frames if frames is not None else [None] * len(numbers)
        return [self.read(number, names, picked) for number, picked in zip(numbers, chosen, strict=True)]
