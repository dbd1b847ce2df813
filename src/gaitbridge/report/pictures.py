"""Pictures of sequences: silhouettes, range views coloured by range, and 3D joints; as arrays and as PNG files."""

from __future__ import annotations

import base64
import difflib
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gaitbridge.errors import UserError
from gaitbridge.files import written_whole
from gaitbridge.names import canonical
from gaitbridge.report.figure_files import write_png
from gaitbridge.store import Store

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLANK = np.asarray((244, 246, 249, 255), np.uint8)  # where nothing came back: nearly the page, so that the person stands out
INK = np.asarray((31, 41, 55, 255), np.uint8)
RIGHT, WRONG, NEUTRAL = "#15803d", "#dc2626", "#64748b"
RANGE_COLOURS = "turbo_r"  # near is warm; the field shows its depth pictures in jet, whose false edges this map has not


def draw_silhouette(frame: np.ndarray) -> np.ndarray:
    """uint8 [H, W, 4] of one silhouette [H, W]: dark on light."""
    return np.where(frame[..., None] > 127, INK, BLANK)


def draw_range(range_view: np.ndarray, near_m: float | None = None, far_m: float | None = None) -> np.ndarray:
    """uint8 [H, W, 4] of a range view [H, W] in metres: near warm, far cold, blank where nothing came back.

    near_m and far_m: the ends of the colours; without them the 2nd and 98th percentile of this frame, at least 0.2 m apart.
    """
    from matplotlib import colormaps

    seen = range_view[np.isfinite(range_view)]
    if not len(seen):
        return np.full((*range_view.shape, 4), BLANK, np.uint8)
    low = float(np.percentile(seen, 2)) if near_m is None else near_m
    high = float(np.percentile(seen, 98)) if far_m is None else far_m
    span = max(high - low, 0.2)
    middle = (low + high) / 2
    share = np.clip((np.nan_to_num(range_view, nan=middle) - middle) / span + 0.5, 0, 1)
    coloured: np.ndarray = colormaps[RANGE_COLOURS](0.06 + 0.88 * share, bytes=True)
    return np.where(np.isfinite(range_view)[..., None], coloured, BLANK)


def frames_at(time_s: np.ndarray, wanted_s: np.ndarray) -> np.ndarray:
    """The frame numbers nearest to the times `wanted_s`: the same moments in the other sensor."""
    return np.abs(np.asarray(time_s)[None, :] - np.asarray(wanted_s)[:, None]).argmin(1)


def seen_from(row: Mapping[str, Any]) -> str:
    """Where a sequence was seen from, in words: its view, and the distance where it is known."""
    distance = row["distance_m"]
    return f"view {row['view']}" + ("" if distance is None or math.isnan(distance) else f", {distance:.1f} m")


def pick_frames(store: Store, number: int, count: int) -> dict[str, np.ndarray]:
    """Frame numbers by modality for up to `count` moments spread over the sequence, the same moments in both sensors."""
    names = ["silhouettes_time_s", "range_views_time_s"]
    times = store.read(number, names).arrays
    length = {name: store.rows[number][f"{name}_frames"] for name in ("silhouettes", "range_views")}
    clock = {name: times.get(f"{name}_time_s", np.arange(frames, dtype=float)) for name, frames in length.items() if frames}
    if not clock:
        return {}
    first = min(clock, key=lambda name: len(clock[name]))  # the slower sensor sets the moments
    chosen = clock[first][np.unique(np.linspace(0, len(clock[first]) - 1, min(count, len(clock[first]))).round().astype(int))]
    return {name: frames_at(time_s, chosen) for name, time_s in clock.items()}


def strip(store: Store, number: int, modality: str, frames: np.ndarray | None = None, count: int = 4) -> np.ndarray:
    """uint8 [H, W', 4]: frames of one sequence side by side, each range view on its own scale. UserError where it has none of that modality."""
    if not store.rows[number][f"{modality}_frames"]:
        raise UserError(f"{store.rows[number]['key']} has no {modality}; choose a sequence that has")
    chosen = pick_frames(store, number, count)[modality] if frames is None else frames
    images = store.read(number, [modality], {modality: chosen}).arrays[modality]
    drawn = [draw_silhouette(image) if modality == "silhouettes" else draw_range(image) for image in images]
    gap = np.full((len(drawn[0]), 2, 4), 255, np.uint8)
    return np.concatenate([part for image in drawn for part in (image, gap)][:-1], axis=1)


def thumbnail(store: Store, number: int, modality: str) -> np.ndarray:
    """uint8 [H, W, 4]: a frame of a sequence where the person is wide, which is mid-stride, and not an empty one if there is another."""
    row = store.rows[number]
    if not row[f"{modality}_frames"]:
        raise UserError(f"{row['key']} has no {modality}; choose a sequence that has")
    images = store.read(number, [modality]).arrays[modality]
    seen = images > 0 if modality == "silhouettes" else np.isfinite(images)
    width = seen.any(1).sum(1)
    order = np.argsort(width, kind="stable")[(width == 0).sum() :]
    if not len(order):
        return strip(store, number, modality, np.asarray([0]))
    return strip(store, number, modality, order[[round(0.8 * (len(order) - 1))]])  # the very widest is often a damaged silhouette


def png_bytes(image: np.ndarray, scale: int = 1) -> bytes:
    """A PNG of uint8 [H, W, 4], each pixel `scale` pixels wide and high."""
    from matplotlib.image import imsave

    buffer = io.BytesIO()
    imsave(buffer, np.ascontiguousarray(image.repeat(scale, 0).repeat(scale, 1)), format="png")
    return buffer.getvalue()


def data_uri(picture: bytes, kind: str = "png") -> str:
    """A picture as text for an <img>, so that a page needs no other file."""
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"


def row_number(store: Store, key: str) -> int:
    """The number of the sequence `key`; an unknown key raises UserError with the nearest one."""
    for spelt in (key, canonical(key)):
        if spelt in store.row_of_key:
            return store.row_of_key[spelt]
    person = (difflib.get_close_matches(key.split("/")[0], {row["person"] for row in store.rows}, n=1, cutoff=0.5) or [""])[0]
    close = difflib.get_close_matches(key, [row["key"] for row in store.rows if row["person"] == person], n=1, cutoff=0.5)
    example = f"did you mean {close[0]!r}?" if close else f"keys look like {next(iter(store.row_of_key), 'nothing, it is empty')!r}"
    raise UserError(f"{store.path} has no sequence {key!r}: {example}")


def bones(joints: np.ndarray) -> list[tuple[int, int]]:
    """The bones of joints [T, J, 3]: the shortest tree over pairs of joints whose distance stays the same while the person walks.

    A store does not say which joints are joined, but bones do not change their length: pairs that do (by more than some millimetres) are
    joined only where nothing else connects the body.
    """
    from scipy.sparse.csgraph import minimum_spanning_tree

    length = np.linalg.norm(joints[:, :, None] - joints[:, None], axis=-1)  # [T, J, J]
    cost = length.mean(0) + 100.0 * np.maximum(length.std(0) - 0.002, 0.0) + 1e-6
    tree = minimum_spanning_tree(np.triu(cost, 1)).tocoo()
    return sorted(zip(tree.row.tolist(), tree.col.tolist(), strict=True))


def draw_skeletons(axes: Axes, joints: np.ndarray, joined: Sequence[tuple[int, int]]) -> None:
    """Joints [T, J, 3] in metres, seen obliquely (30 degrees round, 8 up), set apart by 0.9 m, one colour a frame from light to dark."""
    from matplotlib import colormaps
    from matplotlib.collections import LineCollection

    around, up = np.deg2rad(30.0), np.deg2rad(8.0)
    centred = joints - joints.mean(1, keepdims=True) * (1, 1, 0)
    across = centred[..., 0] * np.cos(around) + centred[..., 1] * np.sin(around) + 0.9 * np.arange(len(joints))[:, None]
    depth = centred[..., 1] * np.cos(around) - centred[..., 0] * np.sin(around)
    flat = np.stack([across, centred[..., 2] * np.cos(up) + depth * np.sin(up)], axis=-1)  # [T, J, 2]
    for points, shade in zip(flat, np.linspace(0.35, 0.95, len(flat)), strict=True):
        colour = colormaps["Blues"](shade)
        axes.add_collection(LineCollection([points[list(ends)] for ends in joined], colors=[colour], linewidths=1.8, capstyle="round"))
        axes.scatter(points[:, 0], points[:, 1], s=4, color=[colour], zorder=3)
    axes.set_aspect("equal")
    axes.set_axis_off()


def skeleton_png(store: Store, number: int, count: int = 8, width: float = 11.0, height: float = 3.2) -> bytes | None:
    """A PNG of up to `count` moments of a sequence's 3D joints, or None where it has no joints."""
    arrays = store.read(number, ["joints"]).arrays
    if "joints" not in arrays or not len(arrays["joints"]):
        return None
    from matplotlib.figure import Figure

    joints = arrays["joints"]
    chosen = joints[np.unique(np.linspace(0, len(joints) - 1, min(count, len(joints))).round().astype(int))]
    figure = Figure(figsize=(width, height), dpi=110, layout="tight")
    draw_skeletons(figure.add_subplot(), chosen, bones(joints))
    buffer = io.BytesIO()
    write_png(figure, buffer)
    return buffer.getvalue()


def draw_sequence(store: Store, key: str, out: Path, frames: int = 8, walker: np.ndarray | None = None) -> Path:
    """A PNG of one sequence: silhouettes, range views at the same moments, and 3D joints. UserError where the key is unknown.

    walker: a picture uint8 [h, w, 4] of the walker at these moments, to be shown first.
    """
    from matplotlib.figure import Figure

    number = row_number(store, key)
    row, chosen = store.rows[number], pick_frames(store, number, frames)
    panels = [("walker", walker)] if walker is not None else []
    panels += [(name, strip(store, number, name, chosen[name])) for name in ("silhouettes", "range_views") if name in chosen]
    joints = store.read(number, ["joints"]).arrays.get("joints")
    heights = [11 * len(image) / image.shape[1] for _, image in panels] + ([3.0] if joints is not None else [])
    if not heights:
        raise UserError(f"{key} has nothing to draw; choose a sequence with silhouettes, range views or joints")
    figure = Figure(figsize=(11.5, sum(heights) + 0.4 * len(heights) + 0.5), dpi=120, layout="constrained")
    grid = figure.add_gridspec(len(heights), 1, height_ratios=heights)
    for place, (name, image) in enumerate(panels):
        axes = figure.add_subplot(grid[place])
        axes.imshow(image, interpolation="nearest")
        axes.set_title(
            {"walker": "the walker", "silhouettes": "camera: silhouettes", "range_views": "LiDAR: range views (near warm, far cold)"}[name],
            fontsize=10, loc="left",
        )  # fmt: skip
        axes.set_axis_off()
    if joints is not None and len(joints):
        axes = figure.add_subplot(grid[len(panels)])
        draw_skeletons(axes, joints[chosen.get("silhouettes", slice(None))], bones(joints))
        axes.set_title("3D joints", fontsize=10, loc="left")
    figure.suptitle(f"{key}: {row['condition']}, {seen_from(row)}", fontsize=12, x=0.01, ha="left")
    with written_whole(Path(out)) as temporary:
        write_png(figure, temporary)
    return Path(out)
