"""What a captured store says of its sequences: in which recording each was seen, when, as whose track, and whether its person is known by name.

`capture` writes it into store.json, as nobody can tell from a name whether it is a person's or a track's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NotRequired

from typing_extensions import TypedDict

from gaitbridge.documents import checked_shape, damaged
from gaitbridge.errors import UserError
from gaitbridge.store import Store

AGAIN = "capture it again"


class _Sequence(TypedDict):
    key: str
    track: str
    start_s: float | int
    part: NotRequired[int]
    time: NotRequired[str]


class _File(TypedDict):
    recording: str
    named: bool
    site: NotRequired[str]
    sequences: NotRequired[list[_Sequence]]  # of a camera
    walks: NotRequired[list[_Sequence]]  # of a LiDAR


class _About(TypedDict):
    files: list[_File]


@dataclass(frozen=True)
class Caught:
    """One sequence of a recording. Seconds."""

    recording: str  # its hash
    site: str  # empty: nobody said
    part: int  # of the recording: its clock goes on within one, and nobody is followed from one to the next
    track: str
    named: bool  # whether its person is known by name; otherwise it is a track
    start_s: float  # of the first frame, from the recording's start
    clock_s: float | None  # of the first frame, since 1970; None where nobody knows


def is_captured(store: Store) -> bool:
    """Whether a store was made of recordings."""
    return store.document["about"].get("kind") == "captured"


def caught(store: Store) -> dict[str, Caught]:
    """By key, what is known of each sequence of a captured store; UserError where it is none, or was captured before this was written down."""
    if not is_captured(store):
        raise UserError(f"{store.path} is not captured: nobody knows who was seen together in it")
    if any("recording" not in file for file in store.document["about"].get("files", ())):
        raise UserError(f"{store.path} was captured by an earlier version, which did not write down who is a track of what: {AGAIN}")
    where = str(store.path / "store.json")
    about = checked_shape(store.document["about"], _About, where, AGAIN)
    found = {}
    of_all = str(store.document["about"].get("site") or "")
    for file in about["files"]:
        site = file.get("site") or of_all
        for one in (*file.get("sequences", ()), *file.get("walks", ())):
            clock_s = _clock_s(one.get("time"), where)
            found[one["key"]] = Caught(file["recording"], site, one.get("part", 0), one["track"], file["named"], float(one["start_s"]), clock_s)
    if missing := [row["key"] for row in store.rows if row["key"] not in found]:
        raise UserError(f"{store.path}: its store.json does not say when {missing[0]} was seen: {AGAIN}")
    return found


def _clock_s(time: str | None, where: str) -> float | None:
    if time is None:
        return None
    try:
        found = datetime.fromisoformat(time)
    except ValueError as error:
        raise damaged(where, error, AGAIN) from error
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def nameless(store: Store, numbers: Iterable[int]) -> set[str]:
    """People of some sequences that are tracks of recordings, whom nobody knows by name: one person may be several of those."""
    if not is_captured(store):
        return set()
    known = caught(store)
    return {store.rows[number]["person"] for number in numbers if not known[store.rows[number]["key"]].named}
