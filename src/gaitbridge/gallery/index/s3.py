"""The back end for galleries that several machines share: LanceDB's tables in an S3 bucket, `s3://BUCKET/NAME`.

    NAME/gallery.json           version, network, shape, distance; the generation that counts; who writes (`_head`)
    NAME/g-0123456789abcdef/    a generation: all that is kept of people
      templates.lance/          the templates; every version of a table is committed only where there is none of its number (Lance's own way on S3)
      calibration.json ...      documents and entries, as in a folder
    NAME/audit/                 an object a command, `tidy` joins them; they name no one

A bucket has no lock. Writers take turns by conditional writes of gallery.json, and nothing rests on their clocks: `_head` says why. Within a
generation templates are only ever added, and an index built; all that takes something away copies what stays into a new generation, points
gallery.json to it, and then removes the old one: every object, every version of it and every upload that was not finished. So what a late writer
still puts there counts for nobody, and the next writer removes it. Readers hold nothing: where a table is gone under a question the new one is asked.
"""

import json
import re
import secrets
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gaitbridge.documents import parsed
from gaitbridge.errors import Busy, StoreError, UserError
from gaitbridge.files import workplace
from gaitbridge.gallery.index import VERSION
from gaitbridge.gallery.index._bucket import Bucket, Lost
from gaitbridge.gallery.index._head import HEAD, Head
from gaitbridge.gallery.index._lance import (
    MOST_FRAGMENTS,
    ROWS_AT_ONCE,
    TABLE,
    Table,
    among,
    as_table,
    cells_of,
    clear,
    ivf,
    removed,
    schema_of,
)
from gaitbridge.gallery.index._working_files import working_in
from gaitbridge.gallery.templates import Template, Where

GENERATION = re.compile(r"g-[0-9a-f]{16}/")
AUDIT = "audit/"
MOST_LINES = 500  # objects of the audit log, before `tidy` joins them
TRIES = 3
AWAY = ("error sending request", "timed out", "connection", "dns error", "commit conflict", "concurrent", "retry")
Found = TypeVar("Found")


def exists(place: str) -> bool:
    """Whether there is a gallery."""
    return Bucket(place).get(HEAD) is not None


def create(place: str, about: Mapping[str, Any]) -> "S3Index":
    """An empty gallery. UserError where there is one of that name, something else, or a store that no gallery is safe on."""
    bucket = Bucket(place)
    bucket.probe()
    taken = UserError(f"{place} is a gallery already: enrol into it, or choose another name")
    if bucket.get(HEAD) is not None:
        raise taken
    if other := [name for name in bucket.top() if not (GENERATION.fullmatch(name) or name == AUDIT or name.startswith("probe-"))]:
        raise UserError(f"{place} has other objects ({other[0]}): choose another name")
    made = _new_generation()
    with _clear(bucket, "create"):
        _connect(bucket, made).create_table(TABLE, schema=schema_of(about["dimension"]))
    try:
        Head(bucket).make({"version": VERSION, **about, "generation": made})
    except Lost as error:
        bucket.erase(f"{made}/")
        raise taken from error
    return open_index(place)


def open_index(place: str) -> "S3Index":
    """The gallery of that name. StoreError where it is missing, damaged or of another version; UserError of a store that no gallery is safe on."""
    bucket = Bucket(place)
    head = Head(bucket)
    about = head.read()[0]
    bucket.probe()
    return S3Index(bucket, head, about)


class S3Index(Table):
    """See `gallery.index.Index`."""

    backend = "s3"

    def __init__(self, bucket: Bucket, head: Head, about: dict[str, Any]) -> None:
        self.place, self.bucket, self.head, self.about = bucket.place, bucket, head, _said(about)
        self._opened: tuple[Any, Any] = (None, None)
        self._writer = 0  # the thread that writes
        self._dirty = False  # something was begun that counts for nobody yet

    @property
    def generation(self) -> str:
        """The folder in the bucket that counts."""
        about = self.head.held if self._writer == threading.get_ident() else self.about  # another thread may have looked before this one's change
        return str(about.get("generation", ""))

    @property
    def _table(self) -> Any:
        wanted = self.generation, self.bucket.options()
        known, table = self._opened
        if known != wanted:
            table = _connect(self.bucket, self.generation).open_table(TABLE)
            self._opened = wanted, table
        return table

    def _asked(self, doing: str, ask: Callable[[Any], Found]) -> Found:
        for attempt in range(TRIES):
            try:
                with _clear(self.bucket, doing):
                    return ask(self._table)
            except StoreError:
                if attempt == TRIES - 1:
                    raise
                self._look_again()  # somebody may have been forgotten meanwhile, and the files with them
        raise AssertionError

    def _look_again(self) -> None:
        self._opened = None, None
        self.about = _said(self.head.read()[0])

    def blocks(self, where: Where) -> Iterator[tuple[list[Template], np.ndarray]]:
        generation, begun = self.generation, False
        try:
            with _clear(self.bucket, "read"):
                for block in super().blocks(where):
                    begun = True
                    yield block
        except StoreError as error:
            self._look_again()
            if self.generation == generation:
                raise
            if begun:
                raise Busy(f"{self.place} was written anew while it was read: ask again") from error
            yield from self.blocks(where)

    @contextmanager
    def reading(self) -> Iterator[None]:
        self.about = _said(self.head.read()[0])
        yield

    @contextmanager
    def writing(self) -> Iterator[None]:
        """As the protocol says, by turns; what is written within is checked to have been this writer's turn still."""
        if self._writer == threading.get_ident():  # a block within one
            yield
            return
        died, whole = self.head.take(), False
        try:
            self._writer = threading.get_ident()
            self.about = _said(self.head.held)
            if died:
                self._anew("tidy")
            elif self._left():
                self._erase_left()
            self._opened = None, None
            whole = True
            yield
        except BaseException:
            whole = whole and not self._dirty
            raise
        finally:
            self._writer, self._dirty = 0, False
            self.head.release(whole)

    @contextmanager
    def _changing(self, doing: str) -> Iterator[None]:
        """A change that is whole or not at all; what a failed one wrote is removed, now or by the next writer."""
        with self.writing():
            try:
                with _clear(self.bucket, doing):
                    before = self._table.version
                    self._dirty = True
                    yield
                self.head.check()
            except BaseException as error:
                over = False
                if self._dirty:
                    with suppress(UserError):  # then the head says so, and the next writer tries again; the first error is the one to tell
                        over = self._clear_away(before)
                if over:
                    raise self.head.over() from error
                raise
            self._dirty = False

    def _clear_away(self, version: int) -> bool:
        """Remove what a change that failed has written since a version of the table; whether it failed as somebody took over."""
        own, now = str(self.about.get("generation")), self.head.read()[0]
        if over := now["generation"] != own:  # what this one wrote lies where nobody reads
            self.about = _said(now)
            self.bucket.erase(f"{own}/")
        else:
            self._anew("tidy", version=version)
        self._dirty = False
        return over

    def add(self, templates: Sequence[Template], vectors: np.ndarray) -> None:
        with self.writing():
            with self._changing("write"):
                self._table.add(as_table(templates, vectors))
            if self._table.stats()["fragment_stats"]["num_fragments"] > MOST_FRAGMENTS:
                self._join()

    def _join(self) -> None:
        """Few files in place of many, and none that only older versions of the table need."""
        with self._changing("tidy"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what it does to readers, who ask again, and to writers, who wait
            self._table.optimize(cleanup_older_than=timedelta(0), delete_unverified=True)

    def change(self, ids: Sequence[str], values: Mapping[str, str]) -> None:
        if ids:
            self._anew("write", change=(ids, values))

    def drop(self, ids: Sequence[str]) -> None:
        if ids:
            self._anew("write", keep=f"NOT ({among('id', ids)})")

    def remove(self, where: Where | None, expired_s: float | None) -> str:
        note = "the index for approximate search went with them: build it anew with `gallery index`" if self.indexed() else ""
        self._anew("rewrite", keep=removed(where, expired_s))
        return note

    def _anew(self, doing: str, keep: str = "", change: tuple[Sequence[str], Mapping[str, str]] | None = None, version: int | None = None) -> None:
        """Copy what stays into a new generation, count that one, and remove the one before with every version of its objects.

        keep: the condition of rows that stay; change: ids of rows, and what they get; version: of the table, by default its newest.
        """
        with self.writing():
            old, new = self.generation, _new_generation()
            self._dirty = True
            self.head.check()
            schema = schema_of(self.about["dimension"])
            with _clear(self.bucket, doing):
                source = _connect(self.bucket, old).open_table(TABLE)
                if version is not None:
                    source.checkout(version)
                query = source.search()
                batches = (query.where(keep) if keep else query).to_batches(ROWS_AT_ONCE)
                rows = (_changed(batch.select(schema.names), change) for batch in batches if batch.num_rows)
                table = _connect(self.bucket, new).create_table(TABLE, data=pa.RecordBatchReader.from_batches(schema, rows), schema=schema)
            for name in self.bucket.names(f"{old}/"):
                if name.count("/") == 1:  # documents; the table has files further below
                    self.bucket.copy(name, f"{new}/{name.partition('/')[2]}")
            self.about = _said(self.head.switch({"generation": new}, without="index"))
            self._opened = (new, self.bucket.options()), table
            self._dirty = False
            self._erase_left()

    def _left(self) -> list[str]:
        """Generations that count no more: of writers that died, or were taken over from."""
        return [name for name in self.bucket.top() if GENERATION.fullmatch(name) and name != f"{self.generation}/"]

    def _erase_left(self) -> None:
        for name in self._left():
            self.bucket.erase(name)

    def tidy(self) -> None:
        with self.writing():
            self._erase_left()
            self._join()
            self._join_log()
            self.bucket.erase("", old=True)

    def interrupted(self) -> bool:
        return self.head.stands_still() or bool(self._left())

    def version(self) -> tuple[str, int]:
        return self.generation, self._asked("read", lambda table: int(table.version))

    def build(self) -> str:
        """As in a folder; what is sorted on the disk meanwhile lies in the system's temporary folder, and goes."""
        with self.writing():
            cells, index = cells_of(self.count(Where()))
            with workplace(Path(tempfile.gettempdir()) / "gaitbridge-index") as folder, working_in(folder), self._changing("index"):
                self._table.create_index("vector", config=ivf(cells), replace=True)
            self._join()
            self.about = _said(self.head.switch({"index": index}))
            return self.indexed()

    def _document(self, name: str, shape: type[Found], remedy: str) -> Found | None:
        """A JSON document of the generation that counts, or None."""
        for _ in range(TRIES):
            generation = self.generation
            if (found := self.bucket.get(f"{generation}/{name}.json")) is not None:
                return parsed(found[0].decode("utf-8", "replace"), shape, f"{self.place}, {name}.json", remedy)
            self.about = _said(self.head.read()[0])
            if self.generation == generation:
                return None
        raise Busy(f"{self.place} was written anew while it was read: ask again")

    def document(self, name: str) -> dict[str, Any] | None:
        return self._document(name, dict[str, Any], "delete it and calibrate again")

    def keep_document(self, name: str, document: Mapping[str, Any]) -> None:
        with self._changing("write"):
            self.bucket.put(f"{self.generation}/{name}.json", json.dumps(document, allow_nan=False).encode())

    def entries(self, kind: str) -> dict[str, dict[str, Any]]:
        return self._document(kind, dict[str, dict[str, Any]], f"restore it from a copy, or delete it and all its {kind}") or {}

    def keep_entries(self, kind: str, changed: Mapping[str, Mapping[str, Any] | None]) -> None:
        with self.writing():
            kept = {**self.entries(kind), **changed}
            self.keep_document(kind, {name: entry for name, entry in sorted(kept.items()) if entry is not None})

    def log(self, line: str) -> None:
        try:
            self.bucket.put_if(f"{AUDIT}{time.time_ns():020d}-{secrets.token_hex(8)}", line.encode())
        except (Busy, Lost) as error:
            raise UserError(f"{error or self.place}; nothing is done that is not logged") from error

    def _lines(self) -> dict[str, str]:
        """The lines of the log by the names of their objects, also of those that were joined into one."""
        names = self.bucket.names(AUDIT)
        found: dict[str, str] = {}
        for name, data in zip(names, self.bucket.many(names), strict=True):
            text = (data or b"").decode("utf-8", "replace")
            if name.endswith(".joined"):
                found |= parsed(text, dict[str, str], f"{self.place}, {name}", "restore it from a copy")
            elif data is not None:  # else it was joined meanwhile
                found[name] = text
        return found

    def log_lines(self) -> list[str]:
        return [line for _, line in sorted(self._lines().items())]

    def _join_log(self) -> None:
        names = self.bucket.names(AUDIT)
        if len(names) > MOST_LINES:
            self.bucket.put(f"{AUDIT}{time.time_ns():020d}-{secrets.token_hex(8)}.joined", json.dumps(self._lines()).encode())
            for name in names:
                self.bucket.erase(name)


def _said(about: Mapping[str, Any]) -> dict[str, Any]:
    """What a gallery says of itself, without who writes it."""
    return {name: value for name, value in about.items() if name not in ("writer", "write")}


def _new_generation() -> str:
    return f"g-{secrets.token_hex(8)}"


def _connect(bucket: Bucket, generation: str) -> Any:
    import lancedb

    return lancedb.connect(bucket.address(generation), read_consistency_interval=timedelta(0), storage_options=bucket.options())


def _changed(batch: Any, change: tuple[Sequence[str], Mapping[str, str]] | None) -> Any:
    """Rows, those of some ids with other values."""
    if change is None:
        return batch
    ids, values = change
    those = pc.is_in(batch.column("id"), pa.array(list(ids)))
    for name, value in values.items():
        place = batch.schema.get_field_index(name)
        batch = batch.set_column(place, batch.schema.field(place), pc.if_else(those, value, batch.column(name)))
    return batch


@contextmanager
def _clear(bucket: Bucket, doing: str) -> Iterator[None]:
    """Errors of LanceDB as one line: those of the way to the store apart from those of what is there."""
    try:
        with clear(bucket.place, doing):
            yield
    except StoreError as error:
        text = str(error).lower()
        if any(word in text for word in ("403", "accessdenied", "forbidden")):
            raise UserError(f"cannot {doing} {bucket.place}: access is denied; are these the right credentials, and may they do it?") from None
        if any(word in text for word in AWAY):
            raise Busy(f"cannot {doing} {bucket.place}: the store does not answer, or another writer was quicker; try again") from None
        raise
