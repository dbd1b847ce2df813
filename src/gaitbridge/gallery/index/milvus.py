"""The back end for galleries that outgrow one machine: a Milvus server or cluster, `milvus://HOST:PORT/NAME` (`milvuss://` with TLS).

Two collections a gallery: NAME holds the templates, NAME_notes the description, the thresholds and the audit log (texts; Milvus wants a
vector in every collection, theirs says nothing); a third has what can be undone. A user's name and password, or a token, come from
GAITBRIDGE_MILVUS_TOKEN.

Milvus has no lock for its clients; threads of one process wait for one another here. Templates are named by the content of their sequence and
written over one another, so two writers double nothing; two that enrol the same new person at the same moment give them two random numbers, and
`forget`, which goes by name, removes both. Deleted templates are out of every answer at once; their bytes stay in the server's files until it
compacts those, in its own time. `tidy` copies what is left into a new collection and drops the old one, whose files go with the server's garbage
collection (`dataCoord.gc.dropTolerance`; Milvus Lite: at once). It must run while nobody writes.
"""

import hashlib
import json
import logging
import os
import re
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields
from typing import Any

import numpy as np

from gaitbridge.documents import parsed
from gaitbridge.errors import Busy, StoreError, UserError
from gaitbridge.gallery.index import VERSION, read_about
from gaitbridge.gallery.templates import LONGEST_NAME, Template, Where
from gaitbridge.names import spellings

COLUMNS = [field.name for field in fields(Template)]
NUMBERS = {"recorded_s", "enrolled_s", "expires_s"}
ROWS_AT_ONCE = 500  # 4,096 numbers each: 8 MB a message
MOST_NEAREST = 16_384  # that Milvus returns
LONGEST_TEXT = 65_000
FLUSH_S = 120.0  # a server was seen that never said it was done; what it had taken was in its log by then, and may be written again
APART = ("undo",)  # kinds of entries that hold names or vectors: each in a collection of its own, made anew whenever it changes
KEEPALIVE = {"grpc.keepalive_time_ms": 300_000, "grpc.keepalive_permit_without_calls": 0}  # more often is refused ("too many pings")


def _parts(place: str) -> tuple[str, str]:
    found = re.fullmatch(r"(milvuss?)://([^/\s]+:\d+)/([A-Za-z_][A-Za-z0-9_]{0,200})", place)
    if not found:
        raise UserError(f"{place!r} names no gallery: write it as milvus://HOST:PORT/NAME, the name of letters, digits and _")
    return f"{'https' if found[1] == 'milvuss' else 'http'}://{found[2]}", found[3]


def _client(place: str) -> tuple[Any, str]:
    uri, name = _parts(place)
    try:
        from pymilvus import MilvusClient
    except ImportError as error:
        raise UserError("a gallery on Milvus needs its client: pip install 'gaitbridge[milvus]'") from error
    logging.getLogger("pymilvus").setLevel(logging.ERROR)  # what matters comes as an exception
    with _clear(place, "reach"):
        return MilvusClient(uri=uri, token=os.environ.get("GAITBRIDGE_MILVUS_TOKEN", ""), timeout=20, grpc_options=KEEPALIVE), name


def exists(place: str) -> bool:
    """Whether there is a gallery."""
    client, name = _client(place)
    with _clear(place, "read"):
        return bool(client.has_collection(f"{name}_notes")) and bool(_texts(client, name, "about", name))


def create(place: str, about: Mapping[str, Any]) -> "MilvusIndex":
    """An empty gallery. UserError where there is one of that name."""
    client, name = _client(place)
    if exists(place):
        raise UserError(f"{place} is a gallery already: enrol into it, or choose another name")
    with _clear(place, "create"):
        for collection in (name, f"{name}_notes"):
            if client.has_collection(collection):
                client.drop_collection(collection)  # of a creation that did not come to its end
        _create_notes(client, f"{name}_notes")
        _create_table(client, name, int(about["dimension"]))
        MilvusIndex(place, client, name, {}).keep_document("about", {"version": VERSION, **about})
    return open_index(place)


def _create_notes(client: Any, collection: str) -> None:
    from pymilvus import DataType

    schema = client.create_schema()
    schema.add_field("id", DataType.VARCHAR, max_length=300, is_primary=True)
    schema.add_field("kind", DataType.VARCHAR, max_length=20)
    schema.add_field("text", DataType.VARCHAR, max_length=65_535)
    schema.add_field("nothing", DataType.FLOAT_VECTOR, dim=2)
    _create_collection(client, collection, schema, "nothing")


def _create_table(client: Any, collection: str, dimension: int) -> None:
    from pymilvus import DataType

    schema = client.create_schema()
    schema.add_field("id", DataType.VARCHAR, max_length=80, is_primary=True)
    for column in COLUMNS[1:]:
        if column in NUMBERS:
            schema.add_field(column, DataType.DOUBLE)
        else:
            schema.add_field(column, DataType.VARCHAR, max_length=4 * LONGEST_NAME + 200)  # bytes
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dimension)
    _create_collection(client, collection, schema, "vector")


def _create_collection(client: Any, collection: str, schema: Any, vector: str) -> None:
    params = client.prepare_index_params()
    params.add_index(field_name=vector, index_type="FLAT", metric_type="L2")
    client.create_collection(collection, schema=schema, index_params=params, consistency_level="Strong")


def open_index(place: str) -> "MilvusIndex":
    """The gallery of that name. StoreError where it is missing, damaged or of another version."""
    client, name = _client(place)
    with _clear(place, "read"):
        there = client.has_collection(f"{name}_notes")
    if not there:
        raise StoreError(f"{place} does not exist: make it with `gaitbridge gallery create {place} --model RUN`")
    index = MilvusIndex(place, client, name, {})
    if (about := index.text("about")) is None:
        raise StoreError(f"{place} is damaged (its description is missing): create it anew and enrol again")
    index.about = read_about(about, f"the description of {place}", place)
    return index


def _texts(client: Any, name: str, kind: str, only: str = "", notes: str = "") -> list[tuple[str, str]]:
    """(id, text) of the notes of a kind, sorted by id; notes: their collection, where it is not that of all."""
    condition = f"kind == {json.dumps(kind)}" + (f" and id == {json.dumps(f'{kind}-{only}')}" if only else "")
    found: list[tuple[str, str]] = []
    pages = client.query_iterator(notes or f"{name}_notes", filter=condition, output_fields=["id", "text"], batch_size=500)
    while page := pages.next():
        found += [(row["id"], row["text"]) for row in page]
    pages.close()
    return sorted(found)


class MilvusIndex:
    """See `gallery.index.Index`."""

    backend = "milvus"

    def __init__(self, place: str, client: Any, name: str, about: dict[str, Any]) -> None:
        self.place, self.client, self.name, self.about = place, client, name, about
        self._alone = threading.RLock()

    @property
    def table(self) -> str:
        """The collection of the templates: NAME, until `tidy` made another."""
        return str(self.about.get("table", self.name))

    @contextmanager
    def reading(self) -> Iterator[None]:
        self.about = self.document("about") or self.about  # another process may have tidied
        yield

    @contextmanager
    def writing(self) -> Iterator[None]:
        with self._alone, self.reading():  # of the threads of this process one at a time
            yield

    def add(self, templates: Sequence[Template], vectors: np.ndarray) -> None:
        with _clear(self.place, "write"):
            for start in range(0, len(templates), ROWS_AT_ONCE):
                rows = [asdict(one) | {"vector": vector} for one, vector in zip(templates[start : start + ROWS_AT_ONCE],
                                                                                vectors[start : start + ROWS_AT_ONCE], strict=True)]
                self.client.upsert(self.table, rows)
            self.client.flush(self.table, timeout=FLUSH_S)

    def change(self, ids: Sequence[str], values: Mapping[str, str]) -> None:
        for page in self._pages(_condition(Where(ids=tuple(ids))), [*COLUMNS, "vector"]) if ids else ():
            with _clear(self.place, "write"):
                self.client.upsert(self.table, [{**row, **values} for row in page])
                self.client.flush(self.table, timeout=FLUSH_S)

    def drop(self, ids: Sequence[str]) -> None:
        if ids:
            with _clear(self.place, "write"):
                self.client.delete(self.table, filter=_condition(Where(ids=tuple(ids))))
                self.client.flush(self.table, timeout=FLUSH_S)

    def _pages(self, condition: str, columns: Sequence[str]) -> Iterator[list[dict[str, Any]]]:
        with _clear(self.place, "read"):
            pages = self.client.query_iterator(self.table, filter=condition, output_fields=list(columns), batch_size=ROWS_AT_ONCE)
            while page := pages.next():
                yield list(page)
            pages.close()

    def rows(self, where: Where) -> list[Template]:
        return [_template(row) for page in self._pages(_condition(where), COLUMNS) for row in page]

    def known(self, ids: Sequence[str], people: Sequence[str]) -> list[Template]:
        spelt = [spelling for person in people for spelling in spellings(person)]
        clauses = [f"{name} in {json.dumps(list(values), ensure_ascii=False)}" for name, values in (("id", ids), ("person", spelt)) if values]
        return [_template(row) for page in self._pages(" or ".join(clauses), COLUMNS) for row in page] if clauses else []

    def names_of(self, person_ids: Sequence[str]) -> dict[str, str]:
        condition = f"person_id in {json.dumps(list(person_ids))}"
        return {row["person_id"]: row["person"] for page in self._pages(condition, ["person_id", "person"]) for row in page} if person_ids else {}

    def blocks(self, where: Where) -> Iterator[tuple[list[Template], np.ndarray]]:
        for page in self._pages(_condition(where), [*COLUMNS, "vector"]):
            yield [_template(row) for row in page], np.asarray([row["vector"] for row in page], np.float32)

    def nearest(self, vector: np.ndarray, count: int, where: Where) -> tuple[list[Template], np.ndarray]:
        with _clear(self.place, "search"):
            found = self.client.search(self.table, data=[vector.tolist()], anns_field="vector", limit=min(count, MOST_NEAREST),
                                       filter=_condition(where), output_fields=[*COLUMNS, "vector"], search_params={"metric_type": "L2"})[0]
        rows = [hit["entity"] for hit in found]
        return [_template(row) for row in rows], np.asarray([row["vector"] for row in rows], np.float32).reshape(len(rows), len(vector))

    def version(self) -> None:
        return None  # the server searches

    def count(self, where: Where) -> int:
        with _clear(self.place, "read"):
            found = self.client.query(self.table, filter=_condition(where), output_fields=["count(*)"])
        return int(found[0]["count(*)"])

    def remove(self, where: Where | None, expired_s: float | None) -> str:
        with _clear(self.place, "write"):
            for condition in ([_condition(where)] if where is not None else []) + ([f"expires_s <= {expired_s!r}"] if expired_s is not None else []):
                self.client.delete(self.table, filter=condition)
            self.client.flush(self.table, timeout=FLUSH_S)
            self.client.compact(self.table)
        return "out of every answer; their bytes go when the server compacts its files, or now, while nobody writes, with `gallery check --purge`"

    def tidy(self) -> None:
        old, new = self.table, f"{self.name}_{uuid.uuid4().hex[:8]}"
        with _clear(self.place, "tidy"):
            _create_table(self.client, new, int(self.about["dimension"]))
            for page in self._pages(_condition(Where()), [*COLUMNS, "vector"]):
                self.client.upsert(new, page)
            self.client.flush(new, timeout=FLUSH_S)
            self.about = {name: value for name, value in self.about.items() if name != "index"} | {"table": new}
            self.keep_document("about", self.about)
            self.client.drop_collection(old)

    def interrupted(self) -> bool:
        return False

    def build(self) -> str:
        """A graph of neighbours (HNSW), kept by the server."""
        with _clear(self.place, "index"):
            self.client.release_collection(self.table)
            self.client.drop_index(self.table, "vector")
            params = self.client.prepare_index_params()
            params.add_index(field_name="vector", index_type="HNSW", metric_type="L2", params={"M": 16, "efConstruction": 200})
            self.client.create_index(self.table, params)
            self.client.load_collection(self.table)
        self.about = {**self.about, "index": {"kind": "HNSW", "templates": self.count(Where())}}
        self.keep_document("about", self.about)
        return self.indexed()

    def indexed(self) -> str:
        index = self.about.get("index")
        return f"{index['kind']}, {index['templates']} templates" if index else ""

    def text(self, name: str) -> str | None:
        """The text of a note of its own, or None."""
        with _clear(self.place, "read"):
            found = _texts(self.client, self.name, name, self.name)
        return found[0][1] if found else None

    def document(self, name: str) -> dict[str, Any] | None:
        where, remedy = f"the {name} of {self.place}", "make it again"
        for _ in range(3):  # another client may put a new one in its place between the two questions
            if (text := self.text(name)) is None:
                return None
            if set(found := parsed(text, dict[str, Any], where, remedy)) != {"parts", "digest"}:
                return found
            with _clear(self.place, "read"):
                rows = [part for key, part in _texts(self.client, self.name, f"{name}-part") if f"-{found['digest']}-" in key]
            if len(rows) == found["parts"]:
                return parsed("".join(rows), dict[str, Any], where, remedy)
        raise StoreError(f"{where} is damaged (parts of it are missing): {remedy}")

    def keep_document(self, name: str, document: Mapping[str, Any]) -> None:
        """As the protocol says; what is longer than Milvus keeps in one text goes in parts, which count once the note that names them is there."""
        text, kind = json.dumps(document, allow_nan=False), f"{name}-part"
        digest = hashlib.blake2b(text.encode(), digest_size=8).hexdigest() if len(text) > LONGEST_TEXT else ""
        if digest:
            parts = [text[start : start + LONGEST_TEXT] for start in range(0, len(text), LONGEST_TEXT)]
            for number, part in enumerate(parts):
                self._note(f"{kind}-{digest}-{number:06d}", kind, part)
            text = json.dumps({"parts": len(parts), "digest": digest})
        self._note(f"{name}-{self.name}", name, text)
        with _clear(self.place, "write"):
            old = [key for key, _ in _texts(self.client, self.name, kind) if not digest or f"-{digest}-" not in key]
            if old:
                self.client.delete(f"{self.name}_notes", ids=old)

    def entries(self, kind: str) -> dict[str, dict[str, Any]]:
        if kind in APART and kind not in self._apart:
            return {}
        with _clear(self.place, "read"):
            found = _texts(self.client, self.name, kind, notes=self._apart.get(kind, ""))
        return {name.removeprefix(f"{kind}-"): parsed(text, dict[str, Any], f"the {kind} of {self.place}", "make it again") for name, text in found}

    @property
    def _apart(self) -> dict[str, str]:
        """The collections of the kinds that have one of their own."""
        return dict(self.about.get("apart", {}))

    def _keep_apart(self, kind: str, changed: Mapping[str, Mapping[str, Any] | None]) -> None:
        """Write the entries of a kind into a new collection, and drop the old one, whose files go with it: nothing that was removed stays in them."""
        kept = {name: entry for name, entry in {**self.entries(kind), **changed}.items() if entry is not None}
        old, new = self._apart.get(kind, ""), f"{self.name}_{kind}_{uuid.uuid4().hex[:8]}"
        rows = [{"id": f"{kind}-{name}", "kind": kind, "text": self._fitting(kind, json.dumps(entry, allow_nan=False)), "nothing": [0.0, 0.0]}
                for name, entry in kept.items()]
        with _clear(self.place, "write"):
            _create_notes(self.client, new)
            for row in rows:
                self.client.upsert(new, [row])
            self.client.flush(new, timeout=FLUSH_S)
            self.about = self.about | {"apart": self._apart | {kind: new}}
            self.keep_document("about", self.about)
            for collection in self.client.list_collections():
                if collection == old or (collection.startswith(f"{self.name}_{kind}_") and collection != new):  # of a killed writer
                    self.client.drop_collection(collection)

    def keep_entries(self, kind: str, changed: Mapping[str, Mapping[str, Any] | None]) -> None:
        if kind in APART and changed:
            return self._keep_apart(kind, changed)
        for name, entry in changed.items():
            if entry is not None:
                self._note(f"{kind}-{name}", kind, json.dumps(entry, allow_nan=False))
        if gone := [f"{kind}-{name}" for name, entry in changed.items() if entry is None]:
            with _clear(self.place, "write"):
                self.client.delete(f"{self.name}_notes", filter=f"id in {json.dumps(gone)}")
                self.client.flush(f"{self.name}_notes", timeout=FLUSH_S)

    def log(self, line: str) -> None:
        self._note(f"audit-{time.time_ns():020d}-{uuid.uuid4().hex[:8]}", "audit", line)

    def log_lines(self) -> list[str]:
        with _clear(self.place, "read"):
            return [text for _, text in _texts(self.client, self.name, "audit")]

    def _fitting(self, kind: str, text: str) -> str:
        if len(text.encode()) > LONGEST_TEXT:
            raise UserError(f"{self.place}: {kind} of {len(text.encode())} bytes is more than Milvus keeps in one text: enrol fewer at once")
        return text

    def _note(self, name: str, kind: str, text: str) -> None:
        self._fitting(kind, text)
        with _clear(self.place, "write"):
            self.client.upsert(f"{self.name}_notes", [{"id": name, "kind": kind, "text": text, "nothing": [0.0, 0.0]}])
            self.client.flush(f"{self.name}_notes", timeout=FLUSH_S)


def _template(row: Mapping[str, Any]) -> Template:
    return Template(**{name: row[name] for name in COLUMNS})


def _condition(where: Where) -> str:
    clauses = [f"{name} in {json.dumps(values, ensure_ascii=False)}" for name, values in where.values().items()]
    clauses += [f"recorded_s >= {where.since_s!r}"] if where.since_s is not None else []
    clauses += [f"recorded_s < {where.until_s!r}"] if where.until_s is not None else []
    clauses += [f"expires_s > {where.alive_s!r}"] if where.alive_s is not None else []
    return " and ".join(clauses) or 'id != ""'  # a question without a condition is refused by Milvus where it has no limit


@contextmanager
def _clear(place: str, doing: str) -> Iterator[None]:
    """Errors of the client and the server as one line."""
    from grpc import RpcError
    from pymilvus.exceptions import MilvusException

    try:
        yield
    except (MilvusException, RpcError, ConnectionError, TimeoutError) as error:
        text = " ".join(str(error).split())[:300]
        raise Busy(f"cannot {doing} {place}: {text}; is the Milvus server up and reachable?") from error
