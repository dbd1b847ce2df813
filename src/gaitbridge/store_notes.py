"""What a shard holds, noted by whoever wrote it: to finish a store its notes are read, not its shards.

    STORE/.notes/NAME.arrow    the shard's rows of the index; in the schema's metadata its entry in store.json and when the file was written

A note counts as long as its shard has the size and the time of writing that are noted. Of a shard that was changed, copied without its time or has no
note all is read. The notes go once store.json is there, which says the same.
"""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.ipc
from typing_extensions import TypedDict

from gaitbridge.documents import parsed
from gaitbridge.errors import StoreError
from gaitbridge.files import sweep, within, written_whole

PLACE = ".notes"
VERSION = 1
KEY = b"gaitbridge"


class Entry(TypedDict):
    """What store.json says of a shard."""

    bytes: int
    rows: int
    content_hash: str


class _Note(TypedDict):
    version: int
    written_ns: int
    entry: Entry


def note(store: Path, name: str, rows: list[dict[str, Any]], entry: Entry, written_ns: int) -> None:
    """Note what the shard `name` holds. written_ns: the time of writing that its file has. Where that cannot be written the shard will be read."""
    words = json.dumps(_Note(version=VERSION, written_ns=written_ns, entry=entry))
    table = pa.Table.from_pylist(rows).replace_schema_metadata({KEY: words.encode()})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
        writer.write_table(table)
    with suppress(StoreError), written_whole(_path(store, name)) as temporary:
        temporary.write_bytes(sink.getvalue())


def noted(store: Path, name: str, shard: Path) -> tuple[pa.Table, Entry] | None:
    """The index rows of a shard and its entry in store.json, as they were noted; None where there is no note of the file that is there now."""
    try:
        table = pa.ipc.open_stream(_path(store, name).read_bytes()).read_all()
        found = parsed((table.schema.metadata or {})[KEY].decode(), _Note, str(store), "")
        there = shard.stat()
    except (OSError, pa.ArrowException, KeyError, UnicodeDecodeError, StoreError):
        return None
    entry = found["entry"]
    if (found["version"], found["written_ns"], entry["bytes"], entry["rows"]) != (VERSION, there.st_mtime_ns, there.st_size, table.num_rows):
        return None
    return table.replace_schema_metadata(None), entry


def drop(store: Path) -> None:
    """Remove the notes of a store that is finished; another may be writing one in this moment, and keep it."""
    sweep(store / PLACE)
    for path in (store / PLACE).glob("*.arrow"):
        path.unlink(missing_ok=True)
    with suppress(OSError):
        (store / PLACE).rmdir()


def _path(store: Path, name: str) -> Path:
    return within(store / PLACE, f"{name}.arrow")
