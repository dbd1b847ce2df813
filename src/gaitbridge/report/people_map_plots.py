"""The map of people drawn: as a plot to move in, and as a PNG. One point a walk: coloured by person, shaped by condition, hollow for the LiDAR."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gaitbridge.errors import UserError
from gaitbridge.evaluation.embedding.file import read_any
from gaitbridge.files import written_whole
from gaitbridge.printing import shown
from gaitbridge.report.figure_files import write_png
from gaitbridge.report.files import RunFiles
from gaitbridge.report.people_map import PeopleMap, people_map
from gaitbridge.report.plots import CYCLE, styled
from gaitbridge.report.tables import SENSOR_NAME

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

SHAPES = (("circle", "o"), ("square", "s"), ("diamond", "D"), ("triangle-up", "^"), ("triangle-down", "v"), ("cross", "P"), ("x", "X"),
          ("pentagon", "p"), ("hexagram", "h"), ("star", "*"))  # plotly's names and Matplotlib's; beyond these they begin anew
INK = "#475569"
NAMED = 20  # people whom the picture's legend can hold


def colours_of(people: Sequence[str]) -> dict[str, str]:
    """A colour each: of the report's where they suffice, else hues a golden section apart, which no two neighbours share."""
    if len(people) <= len(CYCLE):
        return dict(zip(people, CYCLE, strict=False))
    found = {}
    for number, person in enumerate(people):
        rgb = colorsys.hls_to_rgb(number * 0.618034 % 1, (0.38, 0.52, 0.64)[number % 3], 0.72)
        found[person] = "#" + "".join(f"{round(255 * share):02x}" for share in rgb)
    return found


def _shapes_of(drawn: PeopleMap) -> dict[str, tuple[str, str]]:
    """Of the conditions, the most frequent first."""
    names, counts = np.unique(drawn.conditions, return_counts=True)
    order = [str(names[place]) for place in np.lexsort((names, -counts))]
    return {name: SHAPES[number % len(SHAPES)] for number, name in enumerate(order)}


def map_figure(drawn: PeopleMap) -> Figure:
    """To move in: what a point is on touching it; a click on a person in the legend hides them, a double click leaves them alone."""
    from plotly.graph_objects import Figure, Scatter

    figure, shapes, people = Figure(), _shapes_of(drawn), [str(name) for name in np.unique(drawn.people)]
    hollow = _hollow(drawn)
    for person, colour in colours_of(people).items():
        rows = np.flatnonzero(drawn.people == person)
        symbols = [shapes[str(drawn.conditions[row])][0] + ("-open" if hollow[row] else "") for row in rows]
        about = [[*(_text(column[row]) for column in (drawn.keys, drawn.conditions, drawn.views)), SENSOR_NAME.get(drawn.sensors[row], "")]
                 for row in rows]
        figure.add_trace(Scatter(
            x=drawn.places[rows, 0].round(3), y=drawn.places[rows, 1].round(3), name=_text(person), mode="markers", customdata=about,
            marker={"color": colour, "symbol": symbols, "size": 8, "line": {"width": 1.4, "color": colour}}, opacity=0.85,
            hovertemplate="<b>%{fullData.name}</b><br>%{customdata[1]}, view %{customdata[2]}, %{customdata[3]}<br>%{customdata[0]}<extra></extra>"))
    legend = [(name, shape[0]) for name, shape in shapes.items()] if len(shapes) > 1 else []
    sensors = [SENSOR_NAME.get(str(name), str(name)) for name in np.unique(drawn.sensors)]
    if len(sensors) > 1:
        legend += [(name, "circle-open" if name == SENSOR_NAME["lidar"] else "circle") for name in sensors]
    for name, symbol in legend:
        figure.add_trace(Scatter(x=[None], y=[None], name=_text(name), mode="markers", legend="legend2", hoverinfo="skip",
                                 marker={"color": INK, "symbol": symbol, "size": 9, "line": {"width": 1.4, "color": INK}}))
    styled(figure, 640)
    figure.update_layout(
        legend={"orientation": "v", "x": 1.01, "y": 1, "yanchor": "top", "maxheight": 540, "title": {"text": "person"}, "itemsizing": "constant"},
        legend2={"orientation": "h", "x": 0, "y": -0.02, "yanchor": "top", "itemclick": False, "itemdoubleclick": False},
        margin={"l": 8, "r": 8, "t": 8, "b": 60}, hovermode="closest")  # fmt: skip
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False, scaleanchor="x")
    return figure


def _hollow(drawn: PeopleMap) -> np.ndarray:
    """bool [N]: the LiDAR's, where there is a camera to be told from."""
    return (drawn.sensors == "lidar") & (len(np.unique(drawn.sensors)) > 1)


def _text(name: object) -> str:
    """A name for a plot, which takes some tags for its own."""
    return shown(str(name)).replace("<", "&lt;")


def draw_map(drawn: PeopleMap, out: Path, title: str = "") -> Path:
    """Write it as a PNG, whole or not at all."""
    from matplotlib.figure import Figure as Drawing
    from matplotlib.lines import Line2D

    shapes, people, hollow = _shapes_of(drawn), [str(name) for name in np.unique(drawn.people)], _hollow(drawn)
    drawing = Drawing(figsize=(9.5, 7.6), dpi=130, layout="constrained")
    axes = drawing.add_subplot()
    colours = colours_of(people)
    inks = np.asarray([colours[str(person)] for person in drawn.people])
    for condition, (_, shape) in shapes.items():
        for empty in (False, True):
            some = (drawn.conditions == condition) & (hollow == empty)
            fill = "none" if empty else inks[some]
            x, y = drawn.places[some].T
            axes.scatter(x, y, marker=shape, s=26, facecolors=fill, edgecolors=inks[some], linewidths=0.9, alpha=0.85)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    handles = [Line2D([], [], marker=shape, color=INK, linestyle="", label=name) for name, (_, shape) in shapes.items() if len(shapes) > 1]
    if hollow.any():
        handles += [Line2D([], [], marker="o", color=INK, linestyle="", label=SENSOR_NAME["camera"]),
                    Line2D([], [], marker="o", color=INK, markerfacecolor="none", linestyle="", label=SENSOR_NAME["lidar"])]
    if handles:
        drawing.legend(handles=handles, loc="outside lower center", ncols=5, frameon=False, fontsize=9)
    if len(people) <= NAMED:
        named = [Line2D([], [], marker="o", color=colour, linestyle="", label=person) for person, colour in colours.items()]
        drawing.legend(handles=named, loc="outside right upper", frameon=False, fontsize=8)
    axes.set_title(f"{title}\n{map_note(drawn)}".strip(), fontsize=10, loc="left")
    with written_whole(Path(out)) as temporary:
        write_png(drawing, temporary)
    return Path(out)


def draw_map_of(run: RunFiles, out: Path) -> Path:
    """The map of a run's embeddings as a PNG. UserError where it has none, or as `people_map`."""
    if not run.embeddings:
        raise UserError(f"{run.path} has no embeddings to make a map of: evaluate it")
    return draw_map(people_map([read_any(file) for file in run.embeddings]), out, run.path.resolve().name)


def map_note(drawn: PeopleMap) -> str:
    """How many of how many are on it."""
    sequences, people = drawn.asked
    here = len(np.unique(drawn.people))
    if len(drawn) == sequences:
        return f"{sequences:,} walks of {people:,} people"
    whom = f"all {people:,}" if here == people else f"{here:,} of {people:,}"
    return f"{len(drawn):,} of {sequences:,} walks of {whom} people, drawn at random"
