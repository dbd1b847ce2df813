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
from dataclasses import asdict, fields
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from gaitbridge import machine
from gaitbridge.documents import read_document, read_text
from gaitbridge.errors import StoreError, UserError
from gaitbridge.files import is_free, made_whole, settle, write_json
from gaitbridge.gallery.index import VERSION, read_about
from gaitbridge.gallery.index._working_files import remove_unnamed, unnamed, working_in
from gaitbridge.gallery.locks import append_line, locked
from gaitbridge.gallery.templates import Template, Where
from gaitbridge.names import spellings

TABLE = "templates"
UNFINISHED = {f"{TABLE}.lance", "lock"}  # what a creation that was cut short leaves at most
ROWS_AT_ONCE = 2048
MACHINE = ("No space left on device", "File too large", "Disk quota exceeded", "Permission denied", "Read-only file system")
TOO_MANY_FILES = "Too many open files"
PANICS = ("RustPanic", "PanicException")  # what its library gives up with on some damages; these types cannot be imported
MOST_FRAGMENTS = 100  # each addition is a file; from here on they are joined
COLUMNS = [field.name for field in fields(Template)]


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
    with made_whole(folder, "gallery.json", UNFINISHED) as made, _clear(place, "create"):
        made.chmod(0o700)
        (made / "lock").touch(mode=0o600)
        _connect(made).create_table(TABLE, schema=_schema(about["dimension"]))
        write_json({"version": VERSION, **about}, made / "gallery.json")
    return open_index(place)


def open_index(place: str) -> "LanceIndex":
    """The gallery in the folder `place`. StoreError where it is missing, damaged or of another version."""
    file = Path(place) / "gallery.json"
    if not file.is_file():
        what = "is not a gallery (no gallery.json)" if Path(place).exists() else "does not exist"
        raise StoreError(f"{place} {what}: make one with `gaitbridge gallery create {place} --model RUN`")
    return LanceIndex(place, read_about(read_text(file, "restore it from a copy"), str(file), place))


class LanceIndex:
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
        with _clear(self.place, "tidy"), warnings.catch_warnings():
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
            with _clear(self.place, what), working_in(self.folder):
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
            self._table.add(_table(templates, vectors))
        if self._table.stats()["fragment_stats"]["num_fragments"] > MOST_FRAGMENTS:
            self._sweep()

    def change(self, ids: Sequence[str], values: Mapping[str, str]) -> None:
        if ids:
            with self._changing("write"):
                self._table.update(where=_among("id", ids), values=dict(values))
                self._sweep()

    def drop(self, ids: Sequence[str]) -> None:
        if ids:
            with self._changing("write"):
                self._table.delete(_among("id", ids))
                self._sweep()

    def rows(self, where: Where) -> list[Template]:
        return self._rows(_sql(where))

    def _rows(self, condition: str) -> list[Template]:
        with _clear(self.place, "read"):
            query = self._table.search().select(COLUMNS)
            found = (query.where(condition) if condition else query).to_arrow()
        return _templates(found)

    def known(self, ids: Sequence[str], people: Sequence[str]) -> list[Template]:
        spelt = [spelling for person in people for spelling in spellings(person)]
        clauses = [_among(name, values) for name, values in (("id", ids), ("person", spelt)) if values]
        return self._rows(" OR ".join(clauses)) if clauses else []

    def names_of(self, person_ids: Sequence[str]) -> dict[str, str]:
        return {one.person_id: one.person for one in self._rows(_among("person_id", person_ids))} if person_ids else {}

    def blocks(self, where: Where) -> Iterator[tuple[list[Template], np.ndarray]]:
        with _clear(self.place, "read"):
            query = self._table.search().select([*COLUMNS, "vector"])
            condition = _sql(where)
            for batch in (query.where(condition) if condition else query).to_batches(ROWS_AT_ONCE):
                if batch.num_rows:
                    yield _templates(batch), _vectors(batch)

    def nearest(self, vector: np.ndarray, count: int, where: Where) -> tuple[list[Template], np.ndarray]:
        with _clear(self.place, "search"):
            query = self._table.search(vector, vector_column_name="vector").distance_type("l2").select([*COLUMNS, "vector", "_distance"])
            if self.about.get("index"):
                query = query.nprobes(self.about["index"]["probes"])
            condition = _sql(where)
            found = (query.where(condition, prefilter=True) if condition else query).limit(count).to_arrow()
        return _templates(found), _vectors(found)

    def version(self) -> tuple[int, int, int]:
        with _clear(self.place, "read"):
            number = int(self._table.version)
        made = (self.folder / "gallery.json").stat()  # a gallery made anew in the same place counts its versions from the beginning
        return number, made.st_mtime_ns, made.st_ino

    def count(self, where: Where) -> int:
        with _clear(self.place, "read"):
            return int(self._table.count_rows(_sql(where) or None))

    def remove(self, where: Where | None, expired_s: float | None) -> str:
        gone = [f"({_sql(where)})"] if where is not None else []
        gone += [f"expires_s <= {expired_s!r}"] if expired_s is not None else []
        note = "the index for approximate search went with them: build it anew with `gallery index`" if self.indexed() else ""
        with self._changing("rewrite"):
            old = self._table
            kept = old.search().where(f"NOT ({' OR '.join(gone)})").to_batches(ROWS_AT_ONCE)
            schema = _schema(self.about["dimension"])
            anew = pa.RecordBatchReader.from_batches(schema, (batch.select(schema.names) for batch in kept if batch.num_rows))
            self._handle = _connect(self.folder).create_table(TABLE, data=anew, schema=schema, mode="overwrite")
            self._sweep()
        if note:
            self._describe({name: value for name, value in self.about.items() if name != "index"})
        return note

    def build(self) -> str:
        """IVF with residuals quantised to a few bits a number, in cells of some hundred templates; what it finds is compared by whole vectors."""
        count = self.count(Where())
        cells = int(np.clip(count // 500, 1, 1024))
        with self._changing("index"):
            self._table.create_index("vector", config=_index(cells), replace=True)
            self._sweep()
        self._describe({**self.about, "index": {"kind": "IVF_RQ", "cells": cells, "probes": max(1, min(cells, round(cells * 0.2) + 4)),
                                                "templates": count}})
        return self.indexed()

    def indexed(self) -> str:
        index = self.about.get("index")
        return f"{index['kind']}, {index['cells']} cells, {index['probes']} of them searched, {index['templates']} templates" if index else ""

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


def _index(cells: int) -> Any:
    from lancedb.index import IvfRq

    return IvfRq(distance_type="l2", num_partitions=cells)


def _schema(dimension: int) -> pa.Schema:
    numbers = {"recorded_s", "enrolled_s", "expires_s"}
    plain = {"lance-encoding:compression": "none"}  # what is kept of a person can be looked for in the files' bytes
    columns = [pa.field(name, pa.float64() if name in numbers else pa.string(), nullable=False, metadata=plain) for name in COLUMNS]
    return pa.schema([*columns, pa.field("vector", pa.list_(pa.field("item", pa.float32(), nullable=True), dimension), nullable=False)])


def _table(templates: Sequence[Template], vectors: np.ndarray) -> pa.Table:
    rows = [asdict(template) for template in templates]
    schema = _schema(vectors.shape[1])
    flat = pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(vectors, np.float32).ravel()), vectors.shape[1])
    return pa.Table.from_arrays([*(pa.array([row[name] for row in rows], schema.field(name).type) for name in COLUMNS), flat], schema=schema)


def _templates(found: Any) -> list[Template]:
    columns = [found.column(name).to_pylist() for name in COLUMNS]
    return [Template(*row) for row in zip(*columns, strict=True)]


def _vectors(found: Any) -> np.ndarray:
    column = found.column("vector")
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return np.asarray(column.flatten()).reshape(-1, column.type.list_size)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _among(name: str, values: Sequence[str]) -> str:
    return f"{name} IN ({', '.join(map(_text, values))})"


def _sql(where: Where) -> str:
    clauses = [_among(name, values) for name, values in where.values().items()]
    clauses += [f"recorded_s >= {where.since_s!r}"] if where.since_s is not None else []
    clauses += [f"recorded_s < {where.until_s!r}"] if where.until_s is not None else []
    clauses += [f"expires_s > {where.alive_s!r}"] if where.alive_s is not None else []
    return " AND ".join(clauses)


@contextmanager
def _clear(place: str, doing: str) -> Iterator[None]:
    """Errors of the back end as one line. LanceDB raises RuntimeError, OSError and ValueError alike for what goes wrong on the disk."""
    try:
        yield
    except UserError:
        raise
    except BaseException as error:  # panics of its library are no Exceptions
        if not isinstance(error, (RuntimeError, OSError, ValueError, KeyError, pa.ArrowException)) and type(error).__name__ not in PANICS:
            raise
        text = " ".join(str(error).split())
        if TOO_MANY_FILES in text:
            raise UserError(f"cannot {doing} {place}: {machine.few_files()}") from error
        if reason := next((word for word in MACHINE if word.lower() in text.lower()), ""):
            raise UserError(f"cannot {doing} {place}: {reason}; the gallery is as it was: free some space or choose another place, "
                            "then run again") from error
        raise StoreError(f"cannot {doing} {place}: {text[:300]}; it is damaged: look with `gallery check`, restore it from a copy") from error
