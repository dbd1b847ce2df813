"""Robustness in one table, one figure and raw rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from gaitbridge.evaluation.results import DIRECTIONS, ResultRow
from gaitbridge.evaluation.row_files import read_row_file
from gaitbridge.files import written_whole
from gaitbridge.report.figure_files import write_png
from gaitbridge.report.study import MAIN, METRICS, number_of, of_views, training_of, write_csv, write_paragraphs
from gaitbridge.report.tables import SENSOR_NAME, TextTable
from gaitbridge.run_documents import read_config

COLOURS = ("#2563eb", "#ea580c", "#0d9488", "#9333ea")
STYLES: tuple[tuple[str, Literal["-", "--", ":", "-."]], ...] = (("o", "-"), ("s", "--"), ("^", ":"), ("D", "-."))  # marker and line, run by run


@dataclass(frozen=True)
class RobustnessRow:
    """One number of one run on one level; points: the median over sequences of LiDAR returns on the person in a frame."""

    factor: str
    level: str
    points: float
    arm: str
    seed: int
    probe: str
    gallery: str
    metric: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    commit: str
    hardware: str
    minutes: float


def robustness_rows(levels: Sequence[Mapping[str, Any]]) -> list[RobustnessRow]:
    """The rows of the evaluations that `training.robustness.execute` returned."""
    found = []
    for one in levels:
        run = Path(one["run"])
        settings = read_config(run)
        made: dict[str, Any] = {"factor": one["factor"], "level": one["level"], "points": round(one["points"], 1), "arm": run.resolve().name,
                                "seed": int(settings["seed"]), **training_of(run)}
        for row in read_row_file(one["folder"] / "results.json", ResultRow, "run it again"):
            if of_views(row) and row.metric in METRICS and row.condition == "all":
                found.append(RobustnessRow(**number_of(row), **made))
    return found


def robustness_table(rows: Sequence[RobustnessRow]) -> TextTable:
    """A level and run a line: rank-1 at other views by direction with its interval over people."""
    shown = [row for row in rows if row.metric == MAIN]
    pairs = [pair for pair in DIRECTIONS if any((row.probe, row.gallery) == pair for row in shown)]
    lines = []
    for factor, level, arm in dict.fromkeys((row.factor, row.level, row.arm) for row in shown):
        mine = [row for row in shown if (row.factor, row.level, row.arm) == (factor, level, arm)]
        cells = ["–" if row is None or row.value is None else _with_interval(row)
                 for row in (next((row for row in mine if (row.probe, row.gallery) == pair), None) for pair in pairs)]
        lines.append((factor, level, arm, *cells, f"{mine[0].points:.0f}"))
    header = ("factor", "level", "run", *(f"probe {SENSOR_NAME[a]}, gallery {SENSOR_NAME[b]}" for a, b in pairs), "points on the person")
    return TextTable("Robustness", header, tuple(lines), names=3)


def _with_interval(row: RobustnessRow) -> str:
    return f"{row.value:.1f}" + ("" if row.low is None or row.high is None else f" [{row.low:.1f}, {row.high:.1f}]")


def write_robustness(levels: Sequence[Mapping[str, Any]], command: str, out: Path) -> TextTable:
    """`robustness.csv`, `robustness.md` and `robustness.png` in the folder `out`; returns the table."""
    rows = robustness_rows(levels)
    table = robustness_table(rows)
    write_csv(rows, out / "robustness.csv")
    draw_robustness(rows, out / "robustness.png")
    stores = "; ".join(dict.fromkeys(f"{one['factor']} {one['level']}: `{one['data_hash']}`" for one in levels))
    note = ("Rank-1 in %, other views, with 95 % bootstrap intervals over people, of trained networks as they are, one seed each. Each store "
            "differs from the ground in one thing, in probes and gallery alike. Points: median over sequences of LiDAR returns in a frame. "
            "Simulated people: synthetic results.")
    parts = ["# Robustness", table.to_markdown(), note, f"`{command}`", f"Stores: {stores}.", "![Robustness](robustness.png)",
             "Raw rows: [robustness.csv](robustness.csv)."]
    write_paragraphs(parts, out / "robustness.md")
    return table


def draw_robustness(rows: Sequence[RobustnessRow], out: Path) -> None:
    """A panel a factor: rank-1 at other views by level, a colour a direction, a marker and kind of line a run. The last panel has all levels of
    distance and LiDAR against the points on the person."""
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.ticker import NullFormatter, ScalarFormatter

    shown = [row for row in rows if row.metric == MAIN and row.value is not None]
    factors, arms = list(dict.fromkeys(row.factor for row in shown)), list(dict.fromkeys(row.arm for row in shown))
    panels = [*factors, *(["points on the person"] if {"distance, m", "LiDAR"} & set(factors) else [])]
    figure = Figure(figsize=(12, 2.6 * ((len(panels) + 3) // 4) + 0.5), layout="constrained", dpi=150)
    axes = figure.subplots((len(panels) + 3) // 4 or 1, 4, squeeze=False).ravel()
    for axis, panel in zip(axes, panels, strict=False):
        among = [row for row in shown if row.factor == panel or (panel not in factors and row.factor in ("distance, m", "LiDAR"))]
        for number, arm in enumerate(arms):
            marker, dash = STYLES[number % len(STYLES)]
            for colour, pair in zip(COLOURS, DIRECTIONS, strict=True):
                line = [row for row in among if row.arm == arm and (row.probe, row.gallery) == pair]
                line = line if panel in factors else sorted(line, key=lambda row: row.points)
                places = [row.level if panel in factors else row.points for row in line]
                axis.plot(places, [row.value for row in line], marker=marker, linestyle=dash if panel in factors else "", color=colour, markersize=3,
                          linewidth=1)
        if panel not in factors:
            axis.set_xscale("log")
            axis.xaxis.set_major_formatter(ScalarFormatter())
            axis.xaxis.set_minor_formatter(NullFormatter())
        axis.set_title(panel, fontsize=8)
        axis.set_ylim(0, 100)
        axis.tick_params(labelsize=6)
        axis.grid(color="#e5e7eb")
    for axis in axes[len(panels):]:
        axis.set_axis_off()
    known = [Line2D([], [], color=colour, label=f"probe {SENSOR_NAME[a]}, gallery {SENSOR_NAME[b]}")
             for colour, (a, b) in zip(COLOURS, DIRECTIONS, strict=True)]
    known += [Line2D([], [], color="#6b7280", marker=marker, linestyle=dash, label=arm) for arm, (marker, dash) in zip(arms, STYLES, strict=False)]
    figure.legend(handles=known, loc="outside lower center", ncols=len(COLOURS), fontsize=7)
    figure.supylabel("rank-1, other views, %", fontsize=8)
    with written_whole(out) as temporary:
        write_png(figure, temporary)
