"""Nobody walks twice at once: of walks of one source that overlap in time, one alone is given a name, the nearest to it."""

from collections.abc import Iterable, Sequence
from typing import Any

AT_ONCE_S = 1.0  # shorter overlaps may be one person whom two tracks have at a change between them


def once(lines: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Answers (see `answering`) in their order; where several walks were given one name at once, all but the nearest are nobody."""
    answers, kept = list(lines), list[dict[str, Any]]()
    for number in sorted((number for number, line in enumerate(lines) if line["decision"] is not None), key=lambda number: _distance(lines[number])):
        if any(clash(lines[number], other) for other in kept):
            answers[number] = given_up(lines[number])
        else:
            kept.append(lines[number])
    return answers


def against(line: dict[str, Any], earlier: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """An answer beside those given before, which cannot be taken back: nobody where one of them has the name at once and is nearer."""
    others = [one for one in earlier if clash(line, one)]
    if not others:
        return line
    if min(map(_distance, others)) <= _distance(line):
        return given_up(line)
    return _warned(line, f"another walk was called {line['decision']} at the same time, and is farther: it was somebody else")


def clash(a: dict[str, Any], b: dict[str, Any]) -> bool:
    """Whether two walks have one name and were seen at once by one source."""
    where = ("source", "film", "part")
    together_s = min(a["end_s"], b["end_s"]) - max(a["start_s"], b["start_s"])
    same = a["decision"] is not None and a["decision"] == b["decision"]
    return same and together_s >= AT_ONCE_S and all(a[name] == b[name] for name in where)


def given_up(line: dict[str, Any]) -> dict[str, Any]:
    """The answer as nobody's."""
    who = line["decision"]
    return _warned(line, f"{who} was seen at the same time, in a walk that is nearer to {who}") | {"outcome": "nobody", "decision": None}


def _warned(line: dict[str, Any], words: str) -> dict[str, Any]:
    return line | {"warnings": [*line["warnings"], words]}


def _distance(line: dict[str, Any]) -> float:
    return float(line["hits"][0]["distance"])
