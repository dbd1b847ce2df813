"""A sheet of what was captured from one LiDAR recording: the scene from above with everybody's way, and range views of each walk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gaitbridge.files import written_whole
from gaitbridge.report.figure_files import write_png
from gaitbridge.report.pictures import draw_range

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("#dc2626", "#2563eb", "#15803d", "#9333ea", "#ea580c", "#0891b2", "#be185d", "#4d7c0f")
ROWS, FRAMES = 8, 8  # walks and frames that are shown


@dataclass(frozen=True)
class Row:
    """A walk on the sheet: its name, a line about it, its way [T, 2] in the world, range views [T, H, W]."""

    name: str
    facts: str
    way: np.ndarray
    views: np.ndarray


def write_sheet(out: Path, title: str, scene: np.ndarray, sensor_way: np.ndarray, rows: Sequence[Row]) -> None:
    """Write a PNG. scene [S, 3], points of the world; sensor_way [T, 2], where the LiDAR was."""
    from matplotlib.figure import Figure
    from matplotlib.gridspec import GridSpec

    shown = rows[:ROWS]
    figure = Figure(figsize=(14, max(6.0, 1.6 * len(shown) + 1)), dpi=110, layout="constrained")
    grid = GridSpec(max(len(shown), 4), FRAMES + 6, figure=figure)
    _from_above(figure.add_subplot(grid[:, :6]), scene, sensor_way, rows)
    for number, row in enumerate(shown):
        frames = np.unique(np.linspace(0, len(row.views) - 1, min(FRAMES, len(row.views))).round().astype(int))
        for place in range(FRAMES):
            axes = figure.add_subplot(grid[number, 6 + place])
            axes.set_axis_off()
            if place < len(frames):
                axes.imshow(draw_range(row.views[frames[place]]), interpolation="nearest")
        words = figure.add_subplot(grid[number, 6:])
        words.set_axis_off()
        words.set_title(f"{row.name}: {row.facts}", fontsize=8, loc="left", color=COLOURS[number % len(COLOURS)])
    more = f" ({len(rows) - ROWS} more walks)" if len(rows) > ROWS else ""
    figure.suptitle(title + more, fontsize=10)
    with written_whole(out) as temporary:
        write_png(figure, temporary)


def _from_above(axes: Axes, scene: np.ndarray, sensor_way: np.ndarray, rows: Sequence[Row]) -> None:
    """The scene's points by height, the LiDAR, and the ways of all walks, cut to what is around them."""
    low = scene[np.argsort(scene[:, 2])]
    axes.scatter(low[:, 0], low[:, 1], s=0.5, c=low[:, 2], cmap="Greys", vmin=-1.0, vmax=4.0, linewidths=0)
    axes.plot(sensor_way[:, 0], sensor_way[:, 1], color="black", linewidth=1.5)
    axes.plot(*sensor_way[-1], marker="^", color="black", markersize=8)
    axes.annotate("LiDAR", sensor_way[-1], textcoords="offset points", xytext=(7, 4), fontsize=8)
    for number, row in enumerate(rows):
        colour = COLOURS[number % len(COLOURS)]
        axes.plot(row.way[:, 0], row.way[:, 1], color=colour, linewidth=2)
        axes.plot(*row.way[-1], marker="o", color=colour, markersize=5)
        axes.annotate(row.name, row.way[-1], textcoords="offset points", xytext=(6, 4), fontsize=8, color=colour)
    around = np.concatenate([sensor_way, *(row.way for row in rows)])
    middle, reach = (around.min(0) + around.max(0)) / 2, float(np.ptp(around, axis=0).max()) / 2 + 6.0
    axes.set(xlim=(middle[0] - reach, middle[0] + reach), ylim=(middle[1] - reach, middle[1] + reach), aspect="equal", xlabel="m", ylabel="m")
