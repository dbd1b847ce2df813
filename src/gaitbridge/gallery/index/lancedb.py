"""The embedded back end: a folder, read and written by the processes of one machine.

    GALLERY/
      gallery.json        version, network, shape, distance; written last, which makes the folder a gallery
      templates.lance/    the templates: versions of a table, each whole; what an answer was given for is in the newest
      calibration.json    thresholds, where they were fixed
      links.json          which people are taken for one, and together.json who was seen at one time, by their random numbers
      audit.jsonl         a line a command
      lock, writing       the lock between processes; a mark that a writer is at work (or was killed)
      working/            temporary files of LanceDB, while a writer is at work

LanceDB keeps what is deleted in older versions and, where few rows of a large file are concerned, in the newest file as well: `optimize` rewrites
a file only when a tenth of it is gone. So removing writes the table anew without the rows and then prunes every older version. What a killed writer
left is removed by the next one: versions by `optimize`, the rest as `_working_files` says.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from gaitbridge.documents import read_document, read_text
from gaitbridge.errors import StoreError, UserError
from gaitbridge.files import is_free, made_whole, settle, write_json
from gaitbridge.gallery.index import VERSION, read_about
from gaitbridge.gallery.index._lance import MOST_FRAGMENTS, ROWS_AT_ONCE, TABLE, Table, among, as_table, cells_of, clear, ivf, removed, schema_of
from gaitbridge.gallery.index._working_files import remove_unnamed, unnamed, working_in
from gaitbridge.gallery.locks import append_line, locked
from gaitbridge.gallery.templates import Template, Where

UNFINISHED = {f"{TABLE}.lance", "lock"}  # what a creation that was cut short leaves at most


def exists(place: str) -> bool:
    """Whether there is a gallery."""
    return (Path(place) / "gallery.json").is_file()


def create(place: str, about: Mapping[str, Any]) -> "LanceIndex":
    """An empty gallery in the folder `place`. UserError where there is one, or something else."""
    folder = Path(place)
    if exists(place):
        raise UserError(f"{place} is a gallery already: enrol into it, or choose another name")
    if not is_free(folder, "gallery.json", UNFINISHED):
        raise UserError(f"{place} exists and is no gallery: choose another name")
    with made_whole(folder, "gallery.json", UNFINISHED) as made, clear(place, "create"):
        made.chmod(0o700)
        (made / "lock").touch(mode=0o600)
        _connect(made).create_table(TABLE, schema=schema_of(about["dimension"]))
        write_json({"version": VERSION, **about}, made / "gallery.json")
    return open_index(place)


def open_index(place: str) -> "LanceIndex":
    """The gallery in the folder `place`. StoreError where it is missing, damaged or of another version."""
    file = Path(place) / "gallery.json"
    if not file.is_file():
        what = "is not a gallery (no gallery.json)" if Path(place).exists() else "does not exist"
        raise StoreError(f"{place} {what}: make one with `gaitbridge gallery create {place} --model RUN`")
    return LanceIndex(place, read_about(read_text(file, "restore it from a copy"), str(file), place))


class LanceIndex(Table):
    """See `gallery.index.Index`."""

    backend = "lancedb"

    def __init__(self, place: str, about: dict[str, Any]) -> None:
        self.place, self.about, self.folder = place, about, Path(place)
        self._handle: Any = None

    @property
    def _table(self) -> Any:
        if not (self.folder / f"{TABLE}.lance").is_dir():
            raise StoreError(f"{self.place} is damaged (its templates are missing): restore it from a copy")
        if self._handle is None:
            self._handle = _connect(self.folder).open_table(TABLE)
        return self._handle

    @contextmanager
    def reading(self) -> Iterator[None]:
        with locked(self.folder / "lock", alone=False):
            yield

    @contextmanager
    def writing(self) -> Iterator[None]:
        with locked(self.folder / "lock", alone=True):
            if self.interrupted():
                self._sweep()
            yield

    def interrupted(self) -> bool:
        """Whether a writer was killed and left files that no version counts."""
        return (self.folder / "writing").exists() or bool(unnamed(self.folder, f"{TABLE}.lance"))

    def tidy(self) -> None:
        self._sweep()

    def _sweep(self) -> None:
        """Remove every file that the newest version does not need. The caller holds the lock alone."""
        (self.folder / "writing").touch()
        with clear(self.place, "tidy"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what it does to other processes, which the lock keeps away
            remove_unnamed(self.folder, f"{TABLE}.lance")
            with working_in(self.folder):
                self._table.optimize(cleanup_older_than=timedelta(0), delete_unverified=True)
        (self.folder / "writing").unlink(missing_ok=True)

    @contextmanager
    def _changing(self, what: str) -> Iterator[None]:
        """A change that is whole or not at all, on the disk when the block ends; what a failed one wrote is removed."""
        before = set(self._files())
        try:
            (self.folder / "writing").touch()
            with clear(self.place, what), working_in(self.folder):
                yield
            settle(new := set(self._files()) - before)
            settle({file.parent for file in new})
        except BaseException:
            with suppress(UserError):  # then the mark stays and the next writer tries again; the first error is the one to tell
                self._sweep()
            raise
        (self.folder / "writing").unlink(missing_ok=True)

    def _files(self) -> Iterator[Path]:
        return (path for path in (self.folder / f"{TABLE}.lance").rglob("*") if path.is_file())

    def add(self, templates: Sequence[Template], vectors: np.ndarray) -> None:
        with self._changing("write"):
            self._table.add(as_table(templates, vectors))
        if self._table.stats()["fragment_stats"]["num_fragments"] > MOST_FRAGMENTS:
            self._sweep()

    def change(self, ids: Sequence[str], values: Mapping[str, str]) -> None:
        if ids:
            with self._changing("write"):
                self._table.update(where=among("id", ids), values=dict(values))
                self._sweep()

    def drop(self, ids: Sequence[str]) -> None:
        if ids:
            with self._changing("write"):
                self._table.delete(among("id", ids))
                self._sweep()

    def version(self) -> tuple[int, int, int]:
        with clear(self.place, "read"):
            number = int(self._table.version)
        made = (self.folder / "gallery.json").stat()  # a gallery made anew in the same place counts its versions from the beginning
        return number, made.st_mtime_ns, made.st_ino

    def remove(self, where: Where | None, expired_s: float | None) -> str:
        note = "the index for approximate search went with them: build it anew with `gallery index`" if self.indexed() else ""
        with self._changing("rewrite"):
            old = self._table
            kept = old.search().where(removed(where, expired_s)).to_batches(ROWS_AT_ONCE)
            schema = schema_of(self.about["dimension"])
            anew = pa.RecordBatchReader.from_batches(schema, (batch.select(schema.names) for batch in kept if batch.num_rows))
            self._handle = _connect(self.folder).create_table(TABLE, data=anew, schema=schema, mode="overwrite")
            self._sweep()
        if note:
            self._describe({name: value for name, value in self.about.items() if name != "index"})
        return note

    def build(self) -> str:
        """IVF with residuals quantised to a few bits a number, in cells of some hundred templates; what it finds is compared by whole vectors."""
        cells, index = cells_of(self.count(Where()))
        with self._changing("index"):
            self._table.create_index("vector", config=ivf(cells), replace=True)
            self._sweep()
        self._describe({**self.about, "index": index})
        return self.indexed()

    def _describe(self, about: dict[str, Any]) -> None:
        write_json(about, self.folder / "gallery.json")
        self.about = about

    def document(self, name: str) -> dict[str, Any] | None:
        file = self.folder / f"{name}.json"
        return read_document(file, dict[str, Any], "delete it and calibrate again") if file.is_file() else None

    def keep_document(self, name: str, document: Mapping[str, Any]) -> None:
        write_json(document, self.folder / f"{name}.json")

    def entries(self, kind: str) -> dict[str, dict[str, Any]]:
        file = self.folder / f"{kind}.json"
        return read_document(file, dict[str, dict[str, Any]], f"restore it from a copy, or delete it and all its {kind}") if file.is_file() else {}

    def keep_entries(self, kind: str, changed: Mapping[str, Mapping[str, Any] | None]) -> None:
        kept = {**self.entries(kind), **changed}
        write_json({name: entry for name, entry in sorted(kept.items()) if entry is not None}, self.folder / f"{kind}.json")

    def log(self, line: str) -> None:
        file = self.folder / "audit.jsonl"
        try:
            append_line(file, line)
        except OSError as error:
            raise UserError(f"cannot write {file}: {error.strerror}; nothing is done that is not logged") from error

    def log_lines(self) -> list[str]:
        file = self.folder / "audit.jsonl"
        return file.read_text(encoding="utf-8", errors="replace").splitlines() if file.is_file() else []


def _connect(folder: Path) -> Any:
    import lancedb

    return lancedb.connect(str(folder), read_consistency_interval=timedelta(0))  # every question sees the newest version
