"""Lines of the audit log, for people to read: who did what with whom."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from gaitbridge.gallery import audit
from gaitbridge.names import canonical
from gaitbridge.service.state import State

LINES = 100  # on a page
MOST_PEOPLE = 5  # named in a line
SAID_ELSEWHERE = ("time", "command", "actor", "people", "code")


def shown_audit(state: State, command: str, actor: str, person: str, after: int) -> dict[str, Any]:
    """The values of the template audit.html: lines of a command, by somebody, about a person (by name or number), beyond the `after` newest."""
    lines, _ = audit.read(state.gallery.index)
    templates = state.gallery.people()
    names = {one.person_id: one.person for own in templates.values() for one in own}
    asked = [one.person_id for one in templates.get(canonical(person), ())] or [person] if person else None
    found = chosen(lines, command, actor, asked)
    address = {"command": command, "actor": actor, "person": person}

    def at(place: int) -> str:
        return "/audit?" + urlencode({name: value for name, value in (address | {"after": place}).items() if value})

    return {**address, "lines": [line_in_words(line, names) for line in found[after : after + LINES]], "total": len(found),
            "commands": sorted({line["command"] for line in lines}), "actors": sorted({line.get("actor", "") for line in lines}),
            "older": at(after + LINES) if len(found) > after + LINES else "",
            "newer": at(max(0, after - LINES)) if after else ""}


def line_in_words(line: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """A line as the page shows it. names: of those who are enrolled, by their number."""
    people = [{"number": number, "name": names.get(number, "")} for number in line.get("people", ())]
    people.sort(key=lambda one: (not one["name"], one["name"]))
    return {"time": line["time"], "command": line["command"], "actor": line.get("actor", ""), "people": people[:MOST_PEOPLE],
            "more": max(0, len(people) - MOST_PEOPLE), "what": what(line)}


def what(line: Mapping[str, Any]) -> str:
    """The rest of a line: templates 3, sensor camera."""
    return ", ".join(f"{name.replace('_', ' ')} {_value(value)}" for name, value in line.items()
                     if name not in SAID_ELSEWHERE and value not in (None, "", [], 0))


def chosen(lines: Sequence[Mapping[str, Any]], command: str = "", actor: str = "", numbers: Sequence[str] | None = None) -> list[Mapping[str, Any]]:
    """The newest first: those of a command, of an actor, about people of these numbers."""
    wanted = None if numbers is None else set(numbers)
    return [line for line in reversed(lines)
            if command in ("", line["command"]) and actor in ("", line.get("actor")) and (wanted is None or wanted & set(line.get("people", ())))]


def _value(value: Any) -> str:
    if isinstance(value, list):
        return " and ".join(map(_value, value))
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)[:8] if isinstance(value, str) and len(value) in (32, 64) and all(one in "0123456789abcdef" for one in value) else str(value)
