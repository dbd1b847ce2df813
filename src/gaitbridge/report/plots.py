"""Interactive plots of the report: each function takes what was read and returns a plotly figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gaitbridge.evaluation.results import ResultRow
from gaitbridge.report.tables import SENSOR_NAME

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

COLOURS = {("camera", "lidar"): "#2563eb", ("lidar", "camera"): "#ea580c", ("camera", "camera"): "#0d9488", ("lidar", "lidar"): "#9333ea"}
CYCLE = ("#2563eb", "#ea580c", "#0d9488", "#9333ea", "#ca8a04", "#db2777", "#475569", "#65a30d", "#0891b2", "#b91c1c")
CURVE_NAMES = {
    "camera_to_lidar": "rank-1, probe camera, gallery LiDAR",
    "lidar_to_camera": "rank-1, probe LiDAR, gallery camera",
    "rank1": "their mean",
}
MOST_POINTS = 800  # of one curve: a page is looked at, not computed with


def direction_name(probe: str, gallery: str) -> str:
    """`probe camera, gallery LiDAR`."""
    return f"probe {SENSOR_NAME.get(probe, probe)}, gallery {SENSOR_NAME.get(gallery, gallery)}"


def styled(figure: Figure, height: int) -> Figure:
    """The report's look."""
    figure.update_layout(
        template="plotly_white",
        height=height,
        font={"family": "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif", "size": 13, "color": "#1f2937"},
        margin={"l": 56, "r": 16, "t": 34, "b": 48},
        legend={"orientation": "h", "yanchor": "top", "y": -0.18, "x": 0},
        hoverlabel={"font_size": 13},
    )
    return figure


def cmc_figure(cmc: Mapping[str, Any], views: str = "excluded") -> Figure:
    """Cumulative match curves of all directions in one mode of views, and what chance would give."""
    from plotly.graph_objects import Figure, Scatter

    figure, ranks = Figure(), cmc["ranks"]
    shown = [curve for curve in cmc["curves"] if curve["views"] == views]
    several = len({curve.get("condition", "all") for curve in shown}) > 1
    for curve in shown:
        pair = (curve["probe_modality"], curve["gallery_modality"])
        across = pair[0] != pair[1]
        line = {"color": COLOURS.get(pair, CYCLE[6]), "width": 3 if across else 1.8, "dash": "solid" if across else "dot"}
        name = direction_name(*pair) + (f", {curve['condition']}" if several else "")
        if several:
            line["color"] = CYCLE[len(figure.data) % len(CYCLE)]
        figure.add_trace(Scatter(x=ranks, y=curve["values"], name=name, line=line, mode="lines+markers", marker={"size": 5}))
    if shown:
        figure.add_trace(Scatter(x=ranks, y=shown[0]["chance"], name="chance", line={"color": "#94a3b8", "dash": "dash"}, mode="lines"))
    figure.update_xaxes(title="rank", dtick=1 if len(ranks) <= 20 else None, range=[0.7, max(ranks, default=1) + 0.3])
    figure.update_yaxes(title="probes with a mate up to this rank, %", range=[0, 101])
    return styled(figure, 430)


def view_pair_figure(rows: Sequence[ResultRow], pairs: Sequence[tuple[str, str]], what: str = "view") -> Figure:
    """Rank-1 by probe view and gallery view (or camera, as `what` says), one heat map for each of the directions `pairs`."""
    from plotly.graph_objects import Heatmap
    from plotly.subplots import make_subplots

    titles = [direction_name(*pair) for pair in pairs]
    figure = make_subplots(1, max(len(pairs), 1), subplot_titles=titles, shared_yaxes=True, horizontal_spacing=0.05)
    for column, pair in enumerate(pairs):
        cells = {(row.probe_view, row.gallery_view): row for row in rows if row.probe_view and (row.probe_modality, row.gallery_modality) == pair}
        probes, gallery = (sorted({str(key[side]) for key in cells}) for side in (0, 1))
        values = [[_value(cells.get((p, g))) for g in gallery] for p in probes]
        text = [["" if value is None else f"{value:.0f}" for value in line] for line in values]
        hover = f"probe {what} %{{y}}<br>gallery {what} %{{x}}<br>" + "rank-1 %{z:.1f} %<extra></extra>"
        figure.add_trace(
            Heatmap(x=gallery, y=probes, z=values, text=text, texttemplate="%{text}", hovertemplate=hover, coloraxis="coloraxis"), 1, column + 1
        )
        figure.update_xaxes(title=f"gallery {what}", type="category", row=1, col=column + 1)
        figure.update_yaxes(type="category", autorange="reversed", row=1, col=column + 1, title=f"probe {what}" if column == 0 else None)
    styled(figure, 470)
    figure.update_layout(coloraxis={"colorscale": "Blues", "cmin": 0, "cmax": 100, "colorbar": {"title": "%", "thickness": 12}})
    return figure


def _value(row: ResultRow | None) -> float | None:
    return None if row is None else row.value


def _thinned(lines: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    stride = max(1, -(-len(lines) // MOST_POINTS))
    return list(lines[::stride])


def _curves(lines: Sequence[Mapping[str, Any]], field: str) -> dict[str, tuple[list[int], list[float]]]:
    """Steps and values of each name under `field`, in order of first appearance."""
    found: dict[str, tuple[list[int], list[float]]] = {}
    for line in lines:
        for name, value in line.get(field, {}).items():
            if isinstance(value, int | float):
                steps, values = found.setdefault(name, ([], []))
                steps.append(line["step"])
                values.append(value)
    return found


def _readable(name: str) -> str:
    return CURVE_NAMES.get(name, name.replace("_", " "))


def loss_figure(training: Sequence[Mapping[str, Any]]) -> Figure:
    """The losses against the step, the total bold."""
    from plotly.graph_objects import Figure, Scatter

    figure, lines = Figure(), _thinned(training)
    for number, (name, (steps, values)) in enumerate(_curves(lines, "losses").items()):
        figure.add_trace(Scatter(x=steps, y=values, name=_readable(name), mode="lines", line={"width": 1.5, "color": CYCLE[number % len(CYCLE)]}))
    total = [line for line in lines if isinstance(line.get("total"), int | float)]
    if total:
        x, y = [line["step"] for line in total], [line["total"] for line in total]
        figure.add_trace(Scatter(x=x, y=y, name="total", mode="lines", line={"width": 2.6, "color": "#111827"}))
    figure.update_xaxes(title="step")
    figure.update_yaxes(title="loss", rangemode="tozero")
    return styled(figure, 400)


def validation_figure(validation: Sequence[Mapping[str, Any]]) -> Figure:
    """The validation metrics against the step."""
    from plotly.graph_objects import Figure, Scatter

    figure = Figure()
    for number, (name, (steps, values)) in enumerate(_curves(validation, "metrics").items()):
        line = {"width": 2, "color": CYCLE[number % len(CYCLE)]}
        figure.add_trace(Scatter(x=steps, y=values, name=_readable(name), mode="lines+markers", line=line, marker={"size": 6}))
    figure.update_xaxes(title="step")
    figure.update_yaxes(title="validation", rangemode="tozero")
    return styled(figure, 400)


TRAJECTORY_NAMES = {"recovered": "recovered clean latents", "noise": "predicted noise", "bottleneck": "bottleneck"}


def trajectory_figure(trajectory: Mapping[str, Any]) -> Figure:
    """The gap between the sensors at each step, relative to the spread between people: 1 means as far apart as two people are."""
    from plotly.graph_objects import Figure, Scatter

    figure = Figure()
    for number, (name, gap) in enumerate(trajectory["gaps"].items()):
        raw = list(zip(gap.get("gap", []), gap.get("between_people", []), strict=False))
        hover = "t = %{x}<br>relative %{y:.3f}<br>gap %{customdata[0]:.3f}, between people %{customdata[1]:.3f}<extra></extra>"
        trace = Scatter(x=trajectory["t"], y=gap["relative"], name=TRAJECTORY_NAMES.get(name, name), mode="lines+markers")
        trace.update(line={"width": 2.4, "color": CYCLE[number % len(CYCLE)]}, marker={"size": 7})
        if raw:
            trace.update(customdata=raw, hovertemplate=hover)
        figure.add_trace(trace)
    figure.add_hline(y=1.0, line={"color": "#94a3b8", "dash": "dash", "width": 1})
    figure.update_xaxes(title="diffusion step t (of 100)", tickvals=trajectory["t"])
    figure.update_yaxes(title="gap / distance between people", rangemode="tozero")
    return styled(figure, 400)
