"""Results as tables: one description, three ways out (terminal, Markdown, HTML)."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gaitbridge import printing
from gaitbridge.evaluation.results import DIRECTIONS, ResultRow, find_row

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from gaitbridge.evaluation.bodies.reconstruction import ReconstructionRow
    from gaitbridge.evaluation.comparing.paired import PairedRow

SENSOR_NAME = {"camera": "camera", "lidar": "LiDAR", "": "–"}  # empty: embeddings of a file that does not say
NOTE = (
    "In %, with 95 % bootstrap intervals over people. Other views: gallery sequences of the probe's own view angle are left out; same view: "
    "they alone are compared. Rank-5 and further columns are of other views. Chance: rank-1 of a random order."
)


@dataclass(frozen=True)
class TextTable:
    """A table of text: `header` and `lines` of equal length; the first `names` columns are words, the others numbers.

    What may not be printed as it is, such as a control character in a name, stands as its escape from the beginning.
    """

    title: str
    header: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]
    names: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "title", printing.shown(self.title))
        object.__setattr__(self, "header", tuple(map(printing.shown, self.header)))
        object.__setattr__(self, "lines", tuple(tuple(map(printing.shown, line)) for line in self.lines))

    def columns(self, *wanted: int) -> TextTable:
        """The same table with some of its columns; names stay names."""
        names = sum(number < self.names for number in wanted)
        picked = tuple(tuple(line[number] for number in wanted) for line in (self.header, *self.lines))
        return TextTable(self.title, picked[0], picked[1:], names)

    @property
    def width(self) -> int:
        """How many characters wide it is in a terminal when no cell is broken."""
        return sum(max(len(line[number]) for line in (self.header, *self.lines)) + 3 for number in range(len(self.header))) - 3

    def narrowed(self, width: int) -> list[TextTable]:
        """This table, or several of some of its columns beside the names, none wider than `width` characters where that can be."""
        names = list(range(self.names))
        parts = [names]
        for number in range(self.names, len(self.header)):
            if parts[-1] != names and self.columns(*parts[-1], number).width > width:
                parts.append(names)
            parts[-1] = [*parts[-1], number]
        return [self.columns(*part) for part in parts]

    def to_rich(self) -> Table:
        """For the terminal."""
        from rich.box import SIMPLE_HEAD
        from rich.table import Table
        from rich.text import Text

        looks: dict[str, Any] = {"box": SIMPLE_HEAD, "show_edge": False, "pad_edge": False, "header_style": "bold", "title_style": "bold"}
        table = Table(title=Text(f"\n{self.title}"), title_justify="left", **looks)
        for number, name in enumerate(self.header):
            table.add_column(Text(name), justify="left" if number < self.names else "right")
        for line in self.lines:
            table.add_row(*map(Text, line))
        return table

    def to_markdown(self) -> str:
        """A Markdown table without its title."""
        rule = ["---" if number < self.names else "---:" for number in range(len(self.header))]
        return "\n".join("| " + " | ".join(line) + " |" for line in (self.header, rule, *self.lines))

    def to_html(self) -> str:
        """An HTML table without its title; an interval in brackets is set smaller."""
        head = "".join(_cell("th", name, number < self.names) for number, name in enumerate(self.header))
        body = "".join("<tr>" + "".join(_cell("td", text, number < self.names) for number, text in enumerate(line)) + "</tr>" for line in self.lines)
        return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _cell(tag: str, text: str, word: bool) -> str:
    value, bracket, rest = html.escape(text).partition(" [")
    small = f' <span class="interval">[{rest}</span>' if bracket else ""
    kind = ' class="word"' if word else ""
    return f"<{tag}{kind}>{value}{small}</{tag}>"


def number(row: ResultRow | ReconstructionRow | None, interval: bool = False) -> str:
    """`53.4` or `53.4 [48.1, 59.0]`; a dash where there is no value."""
    if row is None or row.value is None:
        return "–"
    if not interval or row.low is None or row.high is None:
        return f"{row.value:.1f}"
    return f"{row.value:.1f} [{row.low:.1f}, {row.high:.1f}]"


def directions_of(rows: Sequence[ResultRow]) -> list[tuple[str, str]]:
    """The (probe, gallery) pairs among rows, across sensors first."""
    found = {(row.probe_modality, row.gallery_modality) for row in rows}
    return [direction for direction in DIRECTIONS if direction in found]


def main_table(rows: Sequence[ResultRow]) -> TextTable:
    """Every direction over all conditions: rank-1 across views and at the same view, further ranks, mAP, mINP, chance and counts."""
    further = [name for name in dict.fromkeys(row.metric for row in rows) if name not in ("rank-1", "rank-1 cell mean")]
    lines = []
    for probe, gallery in directions_of(rows):
        across, same = (find_row(rows, "rank-1", probe, gallery, views) for views in ("excluded", "identical"))
        counted = across if across is not None and across.value is not None else same
        chance = "–" if counted is None or counted.chance is None else f"{counted.chance:.1f}"
        counts = ("–",) * 4 if counted is None else (counted.probes, counted.probes_without_mate, counted.gallery, counted.people)
        metrics = [number(find_row(rows, name, probe, gallery)) for name in further]
        names = (SENSOR_NAME[probe], SENSOR_NAME[gallery])
        lines.append((*names, number(across, True), number(same, True), *metrics, chance, *(str(count) for count in counts)))
    title = f"Protocol {rows[0].protocol}, all conditions" if rows else "No results"
    header = ("probe", "gallery", "rank-1, other views", "rank-1, same view", *further, "chance", "probes", "without mate", "gallery size", "people")
    return TextTable(title, header, tuple(lines), names=2)


def condition_table(rows: Sequence[ResultRow], views: str = "excluded", metric: str = "rank-1") -> TextTable:
    """One metric by condition (lines) and direction (columns) in one mode of views."""
    directions = directions_of(rows)
    conditions = ["all", *sorted({row.condition for row in rows} - {"all"}, key=lambda name: (name != "normal", name))]
    lines = []
    for condition in conditions:
        found = [find_row(rows, metric, probe, gallery, views, condition) for probe, gallery in directions]
        probes = max((row.probes for row in found if row is not None), default=0)
        lines.append((condition, *(number(row, True) for row in found), str(probes)))
    mode = {"excluded": "other views", "identical": "same view", "all": "all views"}[views]
    header = ("condition", *(f"probe {SENSOR_NAME[probe]}, gallery {SENSOR_NAME[gallery]}" for probe, gallery in directions), "probes")
    return TextTable(f"{metric} by condition, {mode}", header, tuple(lines))


def print_tables(rows: Sequence[ResultRow], console: Console | None = None) -> None:
    """The main table and the table by condition, to the terminal; in a narrow one each as two tables, so that no number is cut."""
    out = console or printing.console()
    main, conditions = main_table(rows), condition_table(rows)
    last, directions = len(main.header) - 1, len(conditions.header) - 2
    main_parts = [(*range(4), last - 4, last), (0, 1, *range(4, last - 4), last - 3, last - 2, last - 1)]  # last - 4 is the chance level
    condition_parts = [(0, *range(start, min(start + 2, directions + 1)), directions + 1) for start in range(1, directions + 1, 2)]
    found = []
    for table, parts in ((main, main_parts), (conditions, condition_parts)):
        for columns in [range(len(table.header))] if out.width >= table.width else parts:
            found.append(table.columns(*columns).to_rich())
    printing.say_tables(*found, to=out, notes=[NOTE])


def markdown_tables(rows: Sequence[ResultRow]) -> str:
    """The same as Markdown."""
    tables = (main_table(rows), condition_table(rows), condition_table(rows, "identical"))
    return "\n\n".join([*(f"**{table.title}**\n\n{table.to_markdown()}" for table in tables), NOTE]) + "\n"


PAIRED_NOTE = (
    "a and b: mean over probes and runs, in %; b - a in percentage points with a 95 % bootstrap interval over people, the same people drawn for "
    "both; p: two-sided, by sign flips of people, for each row alone. They speak of other people, not of other training seeds."
)


def paired_table(rows: Sequence[PairedRow]) -> TextTable:
    """Two sides on the same probes: every metric over all conditions, rank-1 by condition; from other views, or the same if there are no others."""
    known = {row.views for row in rows if row.difference is not None}
    views = next((mode for mode in ("excluded", "identical", "all") if mode in known), "excluded")
    lines = []
    for row in rows:
        if row.views != views or (row.condition != "all" and row.metric != "rank-1"):
            continue
        a, b = ("–" if value is None else f"{value:.1f}" for value in (row.a, row.b))
        difference = "–" if row.difference is None else f"{row.difference:+.1f}"
        interval = "" if row.low is None or row.high is None else f" [{row.low:+.1f}, {row.high:+.1f}]"
        p = "–" if row.p is None else "< 0.001" if row.p < 0.001 else f"{row.p:.3f}"
        names = (SENSOR_NAME[row.probe_modality], SENSOR_NAME[row.gallery_modality], row.condition, row.metric)
        lines.append((*names, a, b, difference + interval, p, str(row.probes), str(row.people)))
    mode = {"excluded": "other views", "identical": "same view", "all": "all views"}[views]
    runs = f"a of {len(rows[0].runs_a)}, b of {len(rows[0].runs_b)} runs" if rows else "no runs"
    header = ("probe", "gallery", "condition", "metric", "a", "b", "b - a", "p", "probes", "people")
    return TextTable(f"The same probes, {mode}; {runs}", header, tuple(lines), names=4)


def print_paired(rows: Sequence[PairedRow], console: Console | None = None) -> None:
    """The table of a comparison, to the terminal; in a narrow one as several, so that no number is cut."""
    out = console or printing.console()
    printing.say_tables(*(part.to_rich() for part in paired_table(rows).narrowed(out.width)), to=out, notes=[PAIRED_NOTE])
