"""The tables of results: the protocol's numbers by direction and part, one number by condition, and two sides on the same probes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gaitbridge import printing
from gaitbridge.evaluation.comparing.paired import PairedRow
from gaitbridge.evaluation.results import DIRECTIONS, ResultRow, find_row
from gaitbridge.evaluation.scoring.measures import CELLS
from gaitbridge.report.tables import SENSOR_NAME, TextTable, number
from gaitbridge.report.wording import OPEN_SET_NOTE, how_in_words, in_mode, mode_words, note, protocol_of

if TYPE_CHECKING:
    from rich.console import Console

BESIDE = f"rank-1 {CELLS}"  # of a pooled protocol: kept with the rows, shown by pairs of views


def directions_of(rows: Sequence[ResultRow]) -> list[tuple[str, str]]:
    """The (probe, gallery) pairs among rows, across sensors first."""
    found = {(row.probe_modality, row.gallery_modality) for row in rows}
    return [direction for direction in DIRECTIONS if direction in found]


def conditions_of(rows: Sequence[ResultRow]) -> list[str]:
    """The conditions among rows: `all` first, then the protocol's parts in its order, else `normal` and the others by name."""
    found = list(dict.fromkeys(row.condition for row in rows if not row.is_open_set))
    if protocol_of(rows).parts:
        return found
    return ["all"] * ("all" in found) + sorted(set(found) - {"all"}, key=lambda name: (name != "normal", name))


def main_table(rows: Sequence[ResultRow]) -> TextTable:
    """Every direction, and every part that stands for the whole: what the protocol scores by first, further ranks, mAP, mINP, chance and counts."""
    protocol = protocol_of(rows)
    heads = [name for name in conditions_of(rows) if name in protocol.heads] or ["all"]
    shown_rows = [row for row in rows if row.condition in heads and not row.is_open_set]
    further = [name for name in dict.fromkeys(row.metric for row in shown_rows) if name not in ("rank-1", BESIDE)]
    several, same_view = heads != ["all"], any(row.views == "identical" for row in rows)
    lines = []
    for probe, gallery in directions_of(rows):
        for head in heads:
            across, same = (find_row(rows, "rank-1", probe, gallery, views, head) for views in ("excluded", "identical"))
            counted = across if across is not None and across.value is not None else same
            chance = "–" if counted is None or counted.chance is None else f"{counted.chance:.1f}"
            counts = ("–",) * 4 if counted is None else (counted.probes, counted.probes_without_mate, counted.gallery, counted.people)
            names = (SENSOR_NAME[probe], SENSOR_NAME[gallery], *([head] if several else []))
            shown = [number(across, True), *([number(same, True)] if same_view else [])]
            shown += [number(find_row(rows, name, probe, gallery, condition=head)) for name in further]
            lines.append((*names, *shown, chance, *(str(count) for count in counts)))
    title = f"Protocol {rows[0].protocol}" + (", all conditions" if len(conditions_of(rows)) > 1 and not several else "") if rows else "No results"
    header = ("probe", "gallery", *(["part"] if several else []), in_mode("rank-1", protocol, "excluded"),
              *([in_mode("rank-1", protocol, "identical")] if same_view else []), *further,
              "chance", "probes", "without mate", "gallery size", "people")  # fmt: skip
    return TextTable(title, header, tuple(lines), names=3 if several else 2)


def condition_table(rows: Sequence[ResultRow], views: str = "excluded", metric: str = "rank-1") -> TextTable:
    """One metric by condition (lines) and direction (columns) in one mode of views."""
    protocol, directions, lines = protocol_of(rows), directions_of(rows), []
    for condition in conditions_of(rows):
        found = [find_row(rows, metric, probe, gallery, views, condition) for probe, gallery in directions]
        probes = max((row.probes for row in found if row is not None), default=0)
        lines.append((condition, *(number(row, True) for row in found), str(probes)))
    header = ("condition", *(f"probe {SENSOR_NAME[probe]}, gallery {SENSOR_NAME[gallery]}" for probe, gallery in directions), "probes")
    return TextTable(f"{metric} by condition, {mode_words(protocol, views)}", header, tuple(lines))


def condition_tables(rows: Sequence[ResultRow], same_view: bool = True) -> list[TextTable]:
    """Rank-1 by condition in each mode that has a number (at the same view if asked for); nothing where there is one condition, or all are parts that
    the main table has."""
    if len(names := conditions_of(rows)) < 2 or set(names) == set(protocol_of(rows).heads):
        return []
    modes = ["excluded", *(["identical"] if same_view else [])]
    return [condition_table(rows, mode) for mode in modes if any(row.views == mode and row.value is not None for row in rows)]


def open_set_tables(rows: Sequence[ResultRow]) -> list[TextTable]:
    """Open-set identification by direction, and by part where parts have galleries of their own; nothing where it was not measured."""
    of = [row for row in rows if row.is_open_set]
    metrics, parts = (list(dict.fromkeys(names)) for names in ([row.metric for row in of], [row.condition for row in of]))
    lines = []
    for probe, gallery in directions_of(of):
        for part in parts:
            found = [find_row(of, metric, probe, gallery, condition=part) for metric in metrics]
            if (one := next((row for row in found if row is not None), None)) is not None:
                names = (SENSOR_NAME[probe], SENSOR_NAME[gallery], *([part] if parts != ["all"] else []))
                counts = (one.probes, one.stranger_searches, one.enrolled, one.people)
                lines.append((*names, *(number(row, True) for row in found), *map(_count, counts)))
    header = ("probe", "gallery", *(["part"] if parts != ["all"] else []), *metrics, "known searches", "stranger searches", "enrolled", "people")
    return [TextTable("Open-set identification", header, tuple(lines), names=len(header) - len(metrics) - 4)] if of else []


def _count(value: int | None) -> str:
    return "–" if value is None else str(value)


def footnote(rows: Sequence[ResultRow]) -> str:
    """What is said below all tables of results."""
    return f"{note(rows)} {OPEN_SET_NOTE}" if any(row.is_open_set for row in rows) else note(rows)


def print_tables(rows: Sequence[ResultRow], console: Console | None = None) -> None:
    """The main table and the table by condition, to the terminal; in a narrow one each as several tables, so that no number is cut."""
    out = console or printing.console()
    tables = [main_table(rows), *condition_tables(rows, same_view=False), *open_set_tables(rows)]
    printing.say_tables(*(part.to_rich() for table in tables for part in table.narrowed(out.width)), to=out, notes=[footnote(rows)])


def markdown_tables(rows: Sequence[ResultRow]) -> str:
    """The same as Markdown."""
    tables = (main_table(rows), *condition_tables(rows), *open_set_tables(rows))
    return "\n\n".join([*(f"**{table.title}**\n\n{table.to_markdown()}" for table in tables), footnote(rows)]) + "\n"


PAIRED_NOTE = (
    "a and b: means over runs, in %; b - a in percentage points with a 95 % bootstrap interval over people, the "
    "same people drawn for both; p: two-sided, by sign flips of people, for each row alone. They speak of other people, not of other training seeds."
)


def paired_table(rows: Sequence[PairedRow]) -> TextTable:
    """Two sides on the same probes: of what stands for the whole rank-1, mAP and so on, else rank-1; at other views, or the same without others."""
    protocol = protocol_of(rows)
    known = {row.views for row in rows if row.difference is not None}
    views = next((mode for mode in ("excluded", "identical", "all") if mode in known), "excluded")
    lines = []
    for row in rows:
        further = row.metric == BESIDE or (row.metric.startswith("rank-") and row.metric[5:].isdigit() and row.metric != "rank-1")
        if row.views != views or further or (row.condition not in protocol.heads and row.metric != "rank-1"):
            continue
        a, b = ("–" if value is None else f"{value:.1f}" for value in (row.a, row.b))
        difference = "–" if row.difference is None else f"{row.difference:+.1f}"
        interval = "" if row.low is None or row.high is None else f" [{row.low:+.1f}, {row.high:+.1f}]"
        p = "–" if row.p is None else "< 0.001" if row.p < 0.001 else f"{row.p:.3f}"
        names = (SENSOR_NAME[row.probe_modality], SENSOR_NAME[row.gallery_modality], row.condition, row.metric)
        lines.append((*names, a, b, difference + interval, p, str(row.probes), str(row.people)))
    runs = f"a of {len(rows[0].runs_a)}, b of {len(rows[0].runs_b)} runs" if rows else "no runs"
    header = ("probe", "gallery", "condition", "metric", "a", "b", "b - a", "p", "probes", "people")
    title = f"Protocol {rows[0].protocol}, the same probes, {mode_words(protocol, views)}; {runs}" if rows else "The same probes; no runs"
    return TextTable(title, header, tuple(lines), names=4)


def print_paired(rows: Sequence[PairedRow], console: Console | None = None) -> None:
    """The table of a comparison, to the terminal; in a narrow one as several, so that no number is cut."""
    out = console or printing.console()
    words = f"{how_in_words(protocol_of(rows))} {PAIRED_NOTE}"
    printing.say_tables(*(part.to_rich() for part in paired_table(rows).narrowed(out.width)), to=out, notes=[words])
