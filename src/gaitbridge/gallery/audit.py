"""The audit log: a line for every command that reads or changes what a gallery holds of people.

It names no one. A person appears by the random number they were given when first enrolled, which is kept with their templates and nowhere
else: while they are enrolled `gallery list PERSON` gives it, after `forget` nothing leads from a line back to a name.
"""

import getpass
import json
import os
from collections.abc import Collection
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, NotRequired

from typing_extensions import TypedDict

from gaitbridge import __version__
from gaitbridge.documents import parsed
from gaitbridge.errors import StoreError
from gaitbridge.gallery.index import Index


class Line(TypedDict):
    """A line of the log. people: random numbers of those it speaks of."""

    time: str
    command: str
    people: NotRequired[list[str]]


acting: ContextVar[str] = ContextVar("acting", default="")  # for whom this thread or task works, where one process works for many


def actor() -> str:
    """Who calls: `acting` or GAITBRIDGE_ACTOR where a service sets it, else the user of the operating system."""
    if own := acting.get():
        return own
    if named := os.environ.get("GAITBRIDGE_ACTOR"):
        return named
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return str(os.getuid())


def note(index: Index, command: str, **what: Any) -> None:
    """Log a command before it is carried out or answered, so that nothing is done unseen; UserError where the log cannot be written."""
    line = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "command": command, "actor": actor(), **what, "code": __version__}
    index.log(json.dumps(line, ensure_ascii=False))


def read(index: Index, people: Collection[str] = ()) -> tuple[list[dict[str, Any]], int]:
    """The lines of the log, oldest first, and how many cannot be read (cut off by a kill). people: of those numbers alone."""
    lines: list[dict[str, Any]] = []
    broken = 0
    for text in index.log_lines():
        if people and not any(number in text for number in people):  # a log grows long, and few lines are of one person
            continue
        try:
            lines.append(dict(parsed(text, Line, "the audit log", "")))
        except StoreError:
            broken += 1
    return [line for line in lines if set(line.get("people", [])) & set(people)] if people else lines, broken
