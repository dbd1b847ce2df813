"""A LanceDB table of templates: how it goes, what it is asked, its errors in one line. For the back ends that keep one: a folder's and a bucket's."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa

from gaitbridge import machine
from gaitbridge.errors import StoreError, UserError
from gaitbridge.gallery.templates import Template, Where
from gaitbridge.names import spellings

TABLE = "templates"
ROWS_AT_ONCE = 2048
MACHINE = ("No space left on device", "File too large", "Disk quota exceeded", "Permission denied", "Read-only file system")
TOO_MANY_FILES = "Too many open files"
PANICS = ("RustPanic", "PanicException")  # what its library gives up with on some damages; these types cannot be imported
MOST_FRAGMENTS = 100  # each addition is a file; from here on they are joined
COLUMNS = [field.name for field in fields(Template)]
Found = TypeVar("Found")


class Table:
    """What a gallery is asked that keeps its templates in a table of LanceDB. Whoever inherits it says which table that is, and keeps it safe."""

    place: str
    about: dict[str, Any]

    @property
    def _table(self) -> Any:
        """The table, as it is now."""
        raise NotImplementedError

    def _asked(self, doing: str, ask: Callable[[Any], Found]) -> Found:
        """What `ask` finds in the table; errors in one line."""
        with clear(self.place, doing):
            return ask(self._table)

    def rows(self, where: Where) -> list[Template]:
        return self._rows(condition_of(where))

    def _rows(self, condition: str) -> list[Template]:
        return self._asked("read", lambda table: templates_in(_narrowed(table.search().select(COLUMNS), condition).to_arrow()))

    def known(self, ids: Sequence[str], people: Sequence[str]) -> list[Template]:
        spelt = [spelling for person in people for spelling in spellings(person)]
        clauses = [among(name, values) for name, values in (("id", ids), ("person", spelt)) if values]
        return self._rows(" OR ".join(clauses)) if clauses else []

    def names_of(self, person_ids: Sequence[str]) -> dict[str, str]:
        return {one.person_id: one.person for one in self._rows(among("person_id", person_ids))} if person_ids else {}

    def blocks(self, where: Where) -> Iterator[tuple[list[Template], np.ndarray]]:
        with clear(self.place, "read"):
            for batch in _narrowed(self._table.search().select([*COLUMNS, "vector"]), condition_of(where)).to_batches(ROWS_AT_ONCE):
                if batch.num_rows:
                    yield templates_in(batch), vectors_in(batch)

    def nearest(self, vector: np.ndarray, count: int, where: Where) -> tuple[list[Template], np.ndarray]:
        condition = condition_of(where)

        def ask(table: Any) -> Any:
            query = table.search(vector, vector_column_name="vector").distance_type("l2").select([*COLUMNS, "vector", "_distance"])
            if self.about.get("index"):
                query = query.nprobes(self.about["index"]["probes"])
            return (query.where(condition, prefilter=True) if condition else query).limit(count).to_arrow()

        found = self._asked("search", ask)
        return templates_in(found), vectors_in(found)

    def count(self, where: Where) -> int:
        return self._asked("read", lambda table: int(table.count_rows(condition_of(where) or None)))

    def indexed(self) -> str:
        index = self.about.get("index")
        return f"{index['kind']}, {index['cells']} cells, {index['probes']} of them searched, {index['templates']} templates" if index else ""


def cells_of(count: int) -> tuple[int, dict[str, Any]]:
    """Into how many cells an index of so many templates goes, of some hundred each; what the gallery then says of it."""
    cells = int(np.clip(count // 500, 1, 1024))
    return cells, {"kind": "IVF_RQ", "cells": cells, "probes": max(1, min(cells, round(cells * 0.2) + 4)), "templates": count}


def removed(where: Where | None, expired_s: float | None) -> str:
    """The condition of rows that `Index.remove` leaves."""
    gone = [f"({condition_of(where)})"] if where is not None else []
    gone += [f"expires_s <= {expired_s!r}"] if expired_s is not None else []
    return f"NOT ({' OR '.join(gone)})"


def _narrowed(query: Any, condition: str) -> Any:
    return query.where(condition) if condition else query


def ivf(cells: int) -> Any:
    from lancedb.index import IvfRq

    return IvfRq(distance_type="l2", num_partitions=cells)


def schema_of(dimension: int) -> pa.Schema:
    numbers = {"recorded_s", "enrolled_s", "expires_s"}
    plain = {"lance-encoding:compression": "none"}  # what is kept of a person can be looked for in the files' bytes
    columns = [pa.field(name, pa.float64() if name in numbers else pa.string(), nullable=False, metadata=plain) for name in COLUMNS]
    return pa.schema([*columns, pa.field("vector", pa.list_(pa.field("item", pa.float32(), nullable=True), dimension), nullable=False)])


def as_table(templates: Sequence[Template], vectors: np.ndarray) -> pa.Table:
    rows = [asdict(template) for template in templates]
    schema = schema_of(vectors.shape[1])
    flat = pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(vectors, np.float32).ravel()), vectors.shape[1])
    return pa.Table.from_arrays([*(pa.array([row[name] for row in rows], schema.field(name).type) for name in COLUMNS), flat], schema=schema)


def templates_in(found: Any) -> list[Template]:
    columns = [found.column(name).to_pylist() for name in COLUMNS]
    return [Template(*row) for row in zip(*columns, strict=True)]


def vectors_in(found: Any) -> np.ndarray:
    column = found.column("vector")
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return np.asarray(column.flatten()).reshape(-1, column.type.list_size)


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def among(name: str, values: Sequence[str]) -> str:
    return f"{name} IN ({', '.join(map(_quoted, values))})"


def condition_of(where: Where) -> str:
    clauses = [among(name, values) for name, values in where.values().items()]
    clauses += [f"recorded_s >= {where.since_s!r}"] if where.since_s is not None else []
    clauses += [f"recorded_s < {where.until_s!r}"] if where.until_s is not None else []
    clauses += [f"expires_s > {where.alive_s!r}"] if where.alive_s is not None else []
    return " AND ".join(clauses)


@contextmanager
def clear(place: str, doing: str) -> Iterator[None]:
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
