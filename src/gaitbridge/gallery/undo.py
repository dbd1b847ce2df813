"""What was changed by hand and can be undone for a while: names, merges, templates that were moved or dropped. Kept with the gallery.

    undo       {id: {"what", "time_s", "until_s", "by", "people", "before", "after", "template", "vector"}}

An entry is written before its change is made, so nothing is lost by a kill between the two; undoing what was not made changes nothing. Entries hold
names, and of a dropped template its vector: they go when their time is over, and with whoever they speak of when that one is forgotten.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, cast

import numpy as np
from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict

from gaitbridge.documents import checked_shape, damaged
from gaitbridge.errors import Unknown, UserError
from gaitbridge.gallery.index import Index
from gaitbridge.gallery.templates import Template
from gaitbridge.names import canonical

KIND = "undo"
KEPT_S = 30 * 86_400.0  # as long a change can be undone
MOST = 200  # changes that are kept; the oldest go first
REMEDY = "restore it from a copy, or delete it: then nothing older can be undone"

What = Literal["rename", "merge", "move", "drop"]


class _Entry(TypedDict):
    what: What
    time_s: float | int
    until_s: float | int
    by: str
    people: list[str]
    before: str
    after: str
    template: dict[str, Any] | None
    vector: str


@dataclass(frozen=True)
class Change:
    """One change. before, after: names, the latter empty of what was dropped; people: random numbers of both. template: as it was before, of what was
    moved or dropped; vector: of what was dropped. Seconds since 1970; by: who did it, as the audit log says."""

    id: str
    what: What
    time_s: float
    until_s: float
    by: str
    people: tuple[str, ...]
    before: str
    after: str = ""
    template: Template | None = None
    vector: np.ndarray | None = None

    def of(self, numbers: Collection[str], names: Collection[str]) -> bool:
        """Whether it speaks of any of these people."""
        return bool(set(self.people) & set(numbers) or {self.before, self.after} & set(names))


def changed(what: What, now: float, by: str, people: Collection[str], before: str, after: str = "", template: Template | None = None,
            vector: np.ndarray | None = None) -> Change:
    """A change that is about to be made; ids rise with time."""
    name = f"{int(now * 1000):013d}-{secrets.token_hex(4)}"
    return Change(name, what, now, now + KEPT_S, by, tuple(sorted(people)), before, after, template, vector)


def read_changes(index: Index) -> list[Change]:
    """All that are kept, newest first; StoreError where they are damaged."""
    where = f"{index.place}: what can be undone"
    found = checked_shape(index.entries(KIND), dict[str, _Entry], where, REMEDY)
    return [_made(name, found[name], where) for name in sorted(found, reverse=True)]


def keep_change(index: Index, change: Change) -> None:
    """Keep it, before it is made."""
    entry = asdict(replace(change, vector=None)) | {"people": list(change.people)}
    entry["vector"] = "" if change.vector is None else base64.b64encode(np.ascontiguousarray(change.vector, "<f4").tobytes()).decode()
    index.keep_entries(KIND, {change.id: {name: value for name, value in entry.items() if name != "id"}})


def let_go(index: Index, gone: Collection[Change]) -> bool:
    """Forget changes; whether templates were dropped by any, whose bytes the gallery's files may have until they are written anew."""
    if gone:
        index.keep_entries(KIND, dict.fromkeys(change.id for change in gone))
    return any(change.what == "drop" for change in gone)


def over(changes: list[Change], now: float) -> list[Change]:
    """Those of changes, newest first, that are kept no longer."""
    return [change for number, change in enumerate(changes) if change.until_s <= now or number >= MOST]


def the_change(index: Index, name: str, now: float) -> Change:
    """The change of an id; Unknown where there is none."""
    for change in read_changes(index):
        if change.id == name and change.until_s > now:
            return change
    raise Unknown(f"{name!r} is nothing that can be undone: it was undone already, its time is over, or somebody it spoke of was forgotten")


def overtaken(change: Change, why: str) -> UserError:
    """The error where something that came later stands in the way."""
    return UserError(f"the {change.what} of {change.before!r} cannot be undone: {why}")


def _made(name: str, entry: Mapping[str, Any], where: str) -> Change:
    try:
        template = None if entry["template"] is None else TypeAdapter(Template).validate_python(entry["template"])
        vector = np.frombuffer(base64.b64decode(entry["vector"], validate=True), "<f4") if entry["vector"] else None
    except (ValidationError, ValueError) as error:
        raise damaged(where, error, REMEDY) from error
    return Change(name, cast(What, entry["what"]), float(entry["time_s"]), float(entry["until_s"]), entry["by"], tuple(entry["people"]),
                  canonical(entry["before"]), canonical(entry["after"]), template, vector)
