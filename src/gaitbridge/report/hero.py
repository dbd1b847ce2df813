"""The first picture of the README: one simulated walker as both sensors see it, and one retrieval from camera to LiDAR."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gaitbridge.errors import UserError
from gaitbridge.files import written_whole
from gaitbridge.report.figure_files import write_png
from gaitbridge.report.pictures import NEUTRAL, RIGHT, WRONG, pick_frames, strip, thumbnail
from gaitbridge.store import Store

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GREY = "#475569"


def hero_sequence(store: Store, one_will_do: bool = False) -> int:
    """The number of a sequence to show first: a normal test walk with both modalities, seen obliquely where there is one.

    one_will_do: take a sequence with silhouettes or range views alone where none has both. UserError where there is none.
    """
    counts = [(row["silhouettes_frames"] > 0) + (row["range_views_frames"] > 0) for row in store.rows]
    most = max(counts, default=0)
    if most < (1 if one_will_do else 2):
        wanted = "silhouettes or range views" if one_will_do else "both silhouettes and range views"
        raise UserError(f"{store.path} has no sequence with {wanted}; choose another store")
    both = [number for number, count in enumerate(counts) if count == most]

    def order(number: int) -> tuple[bool, bool, float, str]:
        row = store.rows[number]
        return row["split"] != "test", row["condition"] != "normal", _from_oblique(row["view_deg"]), row["key"]

    return min(both, key=order)


def _from_oblique(view_deg: float | None) -> float:
    return 360.0 if view_deg is None or math.isnan(view_deg) else abs(view_deg - 60.0)


def first_example(retrieval: Mapping[str, Any] | None, store: Store, probe: str = "camera") -> Mapping[str, Any] | None:
    """The first example from `probe` to the other sensor that found its person and whose sequences are all in the store."""
    for example in (retrieval or {}).get("examples", []):
        keys = [example["probe"]["key"], *(found["key"] for found in example["nearest"])]
        if example["probe_modality"] == probe and example["correct"] and all(key in store.row_of_key for key in keys):
            found: Mapping[str, Any] = example
            return found
    return None


def draw_hero(store: Store, retrieval: Mapping[str, Any] | None, out: Path, frames: int = 8) -> Path:
    """Write the picture to `out` as PNG. retrieval: the document of `evaluation/retrieval.json`; without it the lower half is left out."""
    from matplotlib.figure import Figure

    number, example = hero_sequence(store), first_example(retrieval, store)
    chosen = pick_frames(store, number, frames)
    upper = {name: strip(store, number, name, chosen[name]) for name in ("silhouettes", "range_views")}
    heights = [11 * len(image) / image.shape[1] for image in upper.values()]
    lower = 2.9 if example else 0.0
    figure = Figure(figsize=(12, sum(heights) + 0.9 + lower), dpi=130, layout="constrained", facecolor="white")
    parts = figure.subfigures(2 if example else 1, 1, height_ratios=[sum(heights) + 0.9, lower] if example else None, squeeze=False)
    for axes, (name, image) in zip(parts[0, 0].subplots(2, 1, height_ratios=heights), upper.items(), strict=True):
        axes.imshow(image, interpolation="nearest")
        axes.set_axis_off()
        title = {"silhouettes": "The camera sees a silhouette", "range_views": "The LiDAR sees the same walk as ranges"}[name]
        axes.set_title(title, fontsize=13, loc="left", color=GREY)
    if example:
        _retrieval_row(parts[1, 0].subplots(1, 1 + len(example["nearest"])), store, example)
    with written_whole(Path(out)) as temporary:
        write_png(figure, temporary)
    return Path(out)


def _retrieval_row(axes: Any, store: Store, example: Mapping[str, Any]) -> None:
    probe = example["probe"]
    _thumbnail(axes[0], store, probe["key"], "silhouettes", f"who is this?\nview {probe['view']}, {probe['condition']}", NEUTRAL)
    for place, (cell, found) in enumerate(zip(axes[1:], example["nearest"], strict=True)):
        mark, colour = ("the same person", RIGHT) if found["correct"] else ("someone else", WRONG)
        _thumbnail(cell, store, found["key"], "range_views", f"{place + 1}. {mark}\nview {found['view']}", colour)


def _thumbnail(axes: Axes, store: Store, key: str, modality: str, title: str, colour: str) -> None:
    axes.imshow(thumbnail(store, store.row_of_key[key], modality), interpolation="nearest")
    axes.set_title(title, fontsize=11, color=colour)
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set(color=colour, linewidth=3)
