"""Tables as Markdown and LaTeX, for papers and pages."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gaitbridge.errors import UserError, nearest
from gaitbridge.report.tables import TextTable

FORMATS = ("text", "markdown", "latex")
_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}", "–": "--",
}


def written(tables: Iterable[TextTable], form: str, note: str = "") -> str:
    """Tables as text of one of FORMATS, and a footnote below them (in LaTeX a comment). UserError for another format."""
    if form not in FORMATS:
        raise UserError(f"unknown format {form!r}: {nearest(form, FORMATS)}")
    make = {"text": lambda table: f"{table.title}\n{table.to_markdown()}", "markdown": markdown, "latex": latex}[form]
    below = [f"% {note}" if form == "latex" else note] if note else []
    return "\n\n".join([*map(make, tables), *below]) + "\n"


def markdown(table: TextTable) -> str:
    """A Markdown table under its title."""
    safe = TextTable(table.title, _each(table.header, _bars), tuple(_each(line, _bars) for line in table.lines), table.names)
    return f"**{table.title}**\n\n{safe.to_markdown()}"


def _bars(text: str) -> str:
    return text.replace("|", "\\|")


def latex(table: TextTable) -> str:
    """A LaTeX table with rules of the package booktabs; the title is its caption."""
    columns = "l" * table.names + "r" * (len(table.header) - table.names)
    lines = [" & ".join(_each(line, escaped)) + r" \\" for line in (table.header, *table.lines)]
    return "\n".join([
        r"\begin{table}", r"\centering", rf"\caption{{{escaped(table.title)}}}", rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule", lines[0], r"\midrule", *lines[1:], r"\bottomrule", r"\end{tabular}", r"\end{table}",
    ])  # fmt: skip


def escaped(text: str) -> str:
    """Text as LaTeX takes it."""
    return "".join(_LATEX.get(letter, letter) for letter in text)


def _each(cells: Sequence[str], change: Any) -> tuple[str, ...]:
    return tuple(change(cell) for cell in cells)


def score_note(document: Mapping[str, Any]) -> str:
    """What a score's document says of who was compared with whom."""
    said = [f"{name[0].upper()}{name[1:]}: {document[key]}." for name, key in (("probe", "probe"), ("gallery", "gallery"), ("left out", "excluded"))
            if document.get(key)]
    return " ".join(said)


def score_tables(document: Mapping[str, Any]) -> list[TextTable]:
    """The tables of a score's document: its numbers; its parts; verification and rank-1 by pair of views where they are in it."""
    made = [_numbers(document)]
    if counts := _parts(document):
        made.append(counts)
    for direction, found in (document.get("verification") or {}).items():
        made.append(_verification(direction, found))
    for direction, found in (document.get("open_set") or {}).items():
        made.append(_open_set(direction, found))
    for direction, parts in (document.get("cells") or {}).items():
        made += [_cells(direction, name, found) for name, found in parts.items()]
    return made


def _number(value: float | None, digits: int = 2) -> str:
    return "–" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def _numbers(document: Mapping[str, Any]) -> TextTable:
    intervals = document.get("intervals") or {}
    header = ["number", document["rounding"], "exact", *(["95 % over people"] if intervals else [])]
    lines = []
    for name, value in document["metrics"].items():
        digits = 4 if document["rounding"] == "published" else 2
        line = [name, _number(value, digits), _number(document["exact"][name], 4)]
        found = intervals.get(name)
        lines.append((*line, *(["–" if found is None else f"[{found[0]:.1f}, {found[1]:.1f}]"] if intervals else [])))
    reranked = ", re-ranked" if document["reranked"] else ""
    return TextTable(f"{document['protocol']}, {document['distance']}{reranked}, in %", tuple(header), tuple(lines))


def _parts(document: Mapping[str, Any]) -> TextTable | None:
    lines = []
    for name, counts in (document["counts"].items() if "probes" not in document["counts"] else [("", document["counts"])]):
        parts = counts.get("parts", {})
        for part, found in (parts if len(parts) == 1 else {"all": counts, **parts}).items():
            lines.append((f"{name} {part}".strip(), str(found["probes"]), str(found["probes_without_mate"]), str(found["gallery"])))
    return TextTable("Sequences", ("part", "probes", "without mate", "gallery size"), tuple(lines))


def _verification(direction: str, found: Mapping[str, Any]) -> TextTable:
    by_part = found if "EER" not in found else {"all": found}
    names = [name for name in next(iter(by_part.values())) if name == "EER" or name.startswith("TAR")]
    lines = [(part, *(_number(one[name]) for name in names), str(one["genuine_pairs"]), str(one["impostor_pairs"])) for part, one in by_part.items()]
    return TextTable(f"One against one {direction}".strip() + ", in %", ("part", *names, "genuine pairs", "impostor pairs"), tuple(lines))


def _open_set(direction: str, found: Mapping[str, Any]) -> TextTable:
    by_part = found if "intervals" not in found else {"all": found}
    lines = []
    for part, one in by_part.items():
        for name, ends in one["intervals"].items():
            said = "–" if ends is None else f"[{ends[0]:.1f}, {ends[1]:.1f}]"
            counts = (str(one.get(count, "–")) for count in ("known_searches", "stranger_searches", "enrolled", "people"))
            lines.append((part, name, _number(one[name]), said, *counts))
    header = ("part", "number", "value", "95 % over people", "known searches", "stranger searches", "enrolled", "people")
    return TextTable(f"Open-set identification {direction}".strip() + ", in %", header, tuple(lines))


def _cells(direction: str, part: str, found: Mapping[str, Any]) -> TextTable:
    lines = [(view, *(_number(cell, 1) for cell in line)) for view, line in zip(found["views"], found["rank-1"], strict=True)]
    what = found.get("of", "view")
    title = f"{direction} {part}: rank-1 in %, exact, by probe {what} (lines) and gallery {what}".strip()
    return TextTable(title, ("probe", *found["views"]), tuple(lines))
