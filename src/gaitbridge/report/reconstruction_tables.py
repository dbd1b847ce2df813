"""How wrong the recovered 3D bodies are and what the network costs: tables, a plot by view, and their section of the report."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gaitbridge import printing
from gaitbridge.evaluation.bodies.errors import METRICS
from gaitbridge.evaluation.bodies.reconstruction import MEAN, MEAN_OF_VIEW, NETWORK, ReconstructionRow, find_reconstruction
from gaitbridge.report import plots
from gaitbridge.report.html_parts import missing, plot
from gaitbridge.report.tables import TextTable, number

if TYPE_CHECKING:
    from plotly.graph_objects import Figure
    from rich.console import Console

COLUMNS = (  # source, mirroring, and how the plot draws it; a mean pose has a better mirroring too, which it needs no network for
    (NETWORK, "none", "#2563eb", "solid"),
    (NETWORK, "better", "#2563eb", "dot"),
    (MEAN_OF_VIEW, "none", "#ea580c", "solid"),
    (MEAN_OF_VIEW, "better", "#ea580c", "dot"),
    (MEAN, "none", "#94a3b8", "solid"),
)
NOTE = (
    "In mm over all frames with a known body, root-aligned, with 95 % bootstrap intervals over people. PA: after the best rotation, scale and shift "
    "of each frame. Better mirroring: the smaller error, frame by frame, of the body and of the other reading of the same outline (depth reversed, "
    "left and right exchanged), which favours any source. Mean poses are of training people and look at nothing; that of the view knows its angle."
)
COST_NOTE = (
    "FLOPs: two a multiply-add of matrix products, convolutions and attention, in `embed`. Time: of one network divided by that of the first in the "
    "same round, all networks timed in turn; median [quartiles] over rounds."
)


def column_name(source: str, mirroring: str) -> str:
    """`network` or `network, better mirroring`."""
    return source if mirroring == "none" else f"{source}, better mirroring"


def _columns(rows: Sequence[ReconstructionRow]) -> list[tuple[str, str]]:
    """The (source, mirroring) of COLUMNS that there are."""
    found = {(row.source, row.mirroring) for row in rows}
    return [(source, mirroring) for source, mirroring, *_ in COLUMNS if (source, mirroring) in found]


def reconstruction_table(rows: Sequence[ReconstructionRow]) -> TextTable:
    """Every metric over all views and conditions: the network, plainly and under the better mirroring, beside the mean poses."""
    columns = _columns(rows)
    known = {row.metric for row in rows}
    lines = [
        (metric, *(number(find_reconstruction(rows, metric, *column), True) for column in columns)) for metric in METRICS if metric in known
    ]
    return TextTable("Errors of recovered 3D bodies, mm", ("mm", *(column_name(*column) for column in columns)), tuple(lines))


def reconstruction_by(rows: Sequence[ReconstructionRow], what: str) -> TextTable:
    """The network's metrics by `what` (view or condition), beside them the MPJPE under the better mirroring and of the view's mean pose; counts."""
    names = {getattr(row, what) for row in rows} - {"all"}
    order = ["all", *sorted(names, key=lambda name: (name != "normal", name))]
    known = [metric for metric in METRICS if any(row.metric == metric for row in rows)]
    further = [column for column in ((NETWORK, "better"), (MEAN_OF_VIEW, "none")) if column in _columns(rows)]
    lines = []
    for name in order:
        found = [find_reconstruction(rows, metric, **{what: name}) for metric in known]
        beside = [find_reconstruction(rows, "MPJPE", *column, **{what: name}) for column in further]
        first = next((row for row in found if row is not None), None)
        counts = ("–", "–") if first is None else (f"{first.frames:,}", str(first.people))
        cells = [*(number(row, metric == known[0]) for metric, row in zip(known, found, strict=True)), *(number(row) for row in beside)]
        lines.append((name, *cells, *counts))
    header = (what, *known, *(f"MPJPE, {column_name(*column)}" for column in further), "frames", "people")
    return TextTable(f"Errors of the network's 3D bodies by {what}, mm", header, tuple(lines))


def cost_table(cost: Mapping[str, Any]) -> TextTable:
    """Parameters, arithmetic and time of each network of a `cost.json`."""
    latency, lines = cost["latency"], []
    for name, counted in cost["networks"].items():
        ratio, seconds = latency["ratios"].get(name), latency["seconds"].get(name)
        times = "–" if ratio is None else f"{ratio['median']:.2f} [{ratio['quartile_low']:.2f}, {ratio['quartile_high']:.2f}]"
        milliseconds = "–" if seconds is None else f"{1000 * seconds['median'] / latency['sequences']:.1f}"
        arithmetic = (f"{counted['flops_per_frame'] / 1e9:.3f}", f"{counted['flops_per_sequence'] / 1e9:.2f}")
        lines.append((name, f"{counted['parameters'] / 1e6:.2f}", *arithmetic, times, milliseconds))
    header = ("network", "parameters, M", "GFLOPs a frame", "GFLOPs a sequence", f"time / {latency['reference']}", "ms a sequence")
    return TextTable("Cost of an embedding", header, tuple(lines))


def cost_conditions(cost: Mapping[str, Any]) -> str:
    """What was timed where, in a line."""
    about = cost["latency"]
    threads = f", {about['threads']} thread{'s' if about['threads'] != 1 else ''}" if about["device"] == "cpu" else ""
    what = f"Sequences of {about['frames']} frames of {about['height']} x {about['width']}, {about['sequences']} at a time"
    return f"{what}; {about['device']} ({about['hardware']}){threads}, {about['rounds']} rounds."


def reconstruction_figure(rows: Sequence[ReconstructionRow], metric: str = "MPJPE") -> Figure:
    """One metric by view, a line a source, with 95 % intervals over people."""
    from plotly.graph_objects import Figure, Scatter

    figure, views = Figure(), sorted({row.view for row in rows} - {"all"})
    for source, mirroring, colour, dash in COLUMNS:
        found = [row for view in views if (row := find_reconstruction(rows, metric, source, mirroring, view)) is not None and row.value is not None]
        if not found:
            continue
        line = {"color": colour, "dash": dash, "width": 2.6 if source == NETWORK else 1.8}
        trace = Scatter(x=[row.view for row in found], y=[row.value for row in found], name=column_name(source, mirroring), mode="lines+markers")
        up, down = ([abs(end - row.value) if end is not None and row.value is not None else 0.0 for row, end in ends] for ends in _ends(found))
        error = {"type": "data", "symmetric": False, "array": up, "arrayminus": down, "thickness": 1.2, "width": 3}
        figure.add_trace(trace.update(line=line, marker={"size": 7}, error_y=error, hovertemplate="view %{x}<br>%{y:.1f} mm"))
    figure.update_xaxes(title="view angle", type="category", categoryorder="array", categoryarray=views)
    figure.update_yaxes(title=f"{metric}, mm", rangemode="tozero")
    return plots.styled(figure, 420)


def _ends(rows: Sequence[ReconstructionRow]) -> tuple[list[tuple[ReconstructionRow, float | None]], list[tuple[ReconstructionRow, float | None]]]:
    """Each row with the upper end of its interval, and with the lower one."""
    return [(row, row.high) for row in rows], [(row, row.low) for row in rows]


def reconstruction_section(rows: Sequence[ReconstructionRow] | None, cost: Mapping[str, Any] | None) -> str:
    """The HTML of the report's section on recovered bodies and on the network's cost; what is missing is said in a line."""
    parts = []
    if rows:
        main = find_reconstruction(rows, "MPJPE")
        if main is not None:
            left = f"; {main.frames_left_out:,} frames without a known body are left out" if main.frames_left_out else ""
            parts.append(f"<p>{main.frames:,} frames of {main.sequences:,} sequences of {main.people:,} people{left}.</p>")
        parts.append(f"{reconstruction_table(rows).to_html()}<p class='soft'>{html.escape(NOTE)} All are in <code>reconstruction.csv</code>.</p>")
        if any(row.view != "all" for row in rows):
            parts.append(f"<h3>By view</h3>{plot(reconstruction_figure(rows))}{reconstruction_by(rows, 'view').to_html()}")
        if any(row.condition != "all" for row in rows):
            parts.append(f"<h3>By condition</h3>{reconstruction_by(rows, 'condition').to_html()}")
    else:
        parts.append(missing("No evaluation/reconstruction.json in this run: its bodies were not measured against known ones."))
    if cost is not None:
        note = html.escape(f"{COST_NOTE} {cost_conditions(cost)}")
        parts.append(f"<h3>What an embedding costs</h3>{cost_table(cost).to_html()}<p class='soft'>{note}</p>")
    return "".join(parts)


def print_reconstruction(rows: Sequence[ReconstructionRow], cost: Mapping[str, Any] | None = None, console: Console | None = None) -> None:
    """The tables over all, by view and by condition, and of the cost where it is given, to the terminal; a wide table in several parts."""
    out = console or printing.console()
    tables = [reconstruction_table(rows), reconstruction_by(rows, "view"), reconstruction_by(rows, "condition")] if rows else []
    costs = [] if cost is None else [cost_table(cost)]
    notes = [*([NOTE] if rows else []), *([] if cost is None else [f"{COST_NOTE} {cost_conditions(cost)}"])]
    printing.say_tables(*(part.to_rich() for table in [*tables, *costs] for part in table.narrowed(out.width)), to=out, notes=notes)
