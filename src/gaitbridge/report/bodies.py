"""Pictures of 3D bodies recovered from silhouettes: heatmaps, and meshes over the silhouette and from the side, beside the truth."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gaitbridge.files import written_whole
from gaitbridge.report.figure_files import write_png
from gaitbridge.report.pictures import draw_silhouette
from gaitbridge.types import Bodies

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RECOVERED, TRUTH = (0.15, 0.39, 0.92), (0.39, 0.45, 0.55)  # the page's blue and slate
LIGHT = np.array([-0.35, -0.5, -0.8]) / np.linalg.norm([-0.35, -0.5, -0.8])  # from above, before and to the left of the body
REACH_M = 1.0  # half of what a view from the side shows, from top to bottom


def draw_bodies(silhouettes: np.ndarray, recovered: Bodies, truth: Bodies | None, read_out: Any, out: Path, frames: int = 6, title: str = "") -> Path:
    """`bodies_png` to a file; read_out: what has the mesh's `triangles` and the joints' `parents`."""
    with written_whole(out) as temporary:
        temporary.write_bytes(bodies_png(silhouettes, recovered, truth, read_out.triangles, read_out.parents, frames, title))
    return out


def bodies_png(silhouettes: np.ndarray, recovered: Bodies, truth: Bodies | None, triangles: np.ndarray, parents: np.ndarray, frames: int = 6,
               title: str = "", other: str = "truth") -> bytes:
    """A PNG of up to `frames` moments, one a column: the silhouette, the heatmaps' slices from the front and from the side where they were
    kept, the recovered and the true mesh over the silhouette, and both from the side; of bodies without a mesh the skeleton.

    silhouettes uint8 [T, H, W]; triangles [F, 3]; parents [J], -1 for the root. other: what the second body is called where it is not the truth.
    """
    from matplotlib.figure import Figure

    known = np.flatnonzero(recovered.known if truth is None else recovered.known & truth.known)
    chosen = known[np.unique(np.linspace(0, len(known) - 1, min(frames, len(known))).round().astype(int))] if len(known) else np.zeros(1, int)
    rows = ["silhouette", *(["heatmaps,\nfront", "heatmaps,\nside"] if recovered.heatmaps is not None else []), "recovered"]
    rows += [other] if truth is not None else []
    rows += ["from the\nside"] if truth is None else [f"from the side:\nrecovered,\n{other}"]
    figure = Figure(figsize=(1.0 + 1.55 * len(chosen), 0.5 + 2.15 * len(rows)), dpi=110, layout="constrained", facecolor="white")
    cells = figure.subplots(len(rows), len(chosen), squeeze=False)
    for column, frame in enumerate(chosen):
        image = silhouettes[frame]
        for row, name in enumerate(rows):
            axes = cells[row, column]
            if name.startswith("heatmaps"):
                assert recovered.heatmaps is not None
                _heatmaps(axes, recovered.heatmaps[frame, : recovered.joints.shape[1]], image.shape, side=name.endswith("side"))
            elif name.startswith("from"):
                _from_the_side(axes, recovered, truth, frame, triangles, parents)
            else:
                axes.imshow(draw_silhouette(image if name == "silhouette" else image // 4), interpolation="nearest")
                if name == "silhouette":
                    axes.set_title(f"frame {frame}", fontsize=9, color="#64748b")
                elif recovered.known[frame]:
                    body, colour = (recovered, RECOVERED) if name == "recovered" else (truth, TRUTH)
                    assert body is not None
                    _body(axes, *over_silhouette(body, frame, image.shape[0]), triangles, parents, colour)
                _outline(axes, image) if name != "silhouette" else None
                axes.set_xlim(-0.5, image.shape[1] - 0.5)
                axes.set_ylim(image.shape[0] - 0.5, -0.5)
            _bare(axes)
    for row, name in enumerate(rows):
        cells[row, 0].set_ylabel(name, fontsize=10, color="#1f2937", rotation=0, ha="right", va="center", labelpad=8)
    if title:
        figure.suptitle(title, fontsize=11, x=0.01, ha="left")
    buffer = io.BytesIO()
    write_png(figure, buffer)
    return buffer.getvalue()


def over_silhouette(bodies: Bodies, frame: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """Vertices [V, 3] and joints [J, 3] of a frame: column and row in the silhouette of `height` rows, and depth in the same unit."""
    scale, root = height / bodies.scale_m[frame], np.append(bodies.root_px[frame], 0.0)
    return bodies.vertices[frame] * scale + root, bodies.joints[frame] * scale + root


def shaded(vertices: np.ndarray, triangles: np.ndarray, colour: tuple[float, float, float]) -> tuple[np.ndarray, np.ndarray]:
    """What is seen of a mesh [V, 3] along z: corners [F', 3, 2] from far to near, and colours [F', 3]. Faces turned away are left out."""
    corners = vertices[triangles]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal = normal / (np.linalg.norm(normal, axis=1, keepdims=True) + 1e-12)
    seen = np.flatnonzero(normal[:, 2] < 0)
    order = seen[np.argsort(-corners[seen, :, 2].mean(1), kind="stable")]
    light = 0.45 + 0.55 * np.clip(normal[order] @ LIGHT, 0, 1)
    lit = 1 - (1 - np.asarray(colour)) * 0.75
    return corners[order, :, :2], light[:, None] * lit


def _body(axes: Axes, vertices: np.ndarray, joints: np.ndarray, triangles: np.ndarray, parents: np.ndarray,
          colour: tuple[float, float, float]) -> None:
    """The mesh, or the skeleton of a body that has none."""
    from matplotlib.collections import LineCollection, PolyCollection

    if len(vertices):
        corners, colours = shaded(vertices, triangles, colour)
        axes.add_collection(PolyCollection(list(corners), facecolors=colours, edgecolors=colours, linewidths=0.3))
        return
    bones = [joints[[joint, parent], :2] for joint, parent in enumerate(parents) if parent >= 0]
    axes.add_collection(LineCollection(bones, colors=[colour], linewidths=2.0, capstyle="round"))


def _outline(axes: Axes, image: np.ndarray) -> None:
    if image.any():
        axes.contour(image > 127, levels=[0.5], colors="#111827", linewidths=0.8)


def _from_the_side(axes: Axes, recovered: Bodies, truth: Bodies | None, frame: int, triangles: np.ndarray, parents: np.ndarray) -> None:
    """Seen from the camera's right: the camera is at the left, depth goes to the right. The true body stands beside the recovered one."""
    turned = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])
    for place, (body, colour) in enumerate(((recovered, RECOVERED), (truth, TRUTH))):
        if body is not None and body.known[frame]:
            vertices, joints = (points @ turned.T + np.array([0.85 * place, 0.0, 0.0]) for points in (body.vertices[frame], body.joints[frame]))
            _body(axes, vertices, joints, triangles, parents, colour)
    axes.set_xlim(-0.45, 0.45 if truth is None else 1.3)
    axes.set_ylim(REACH_M, -REACH_M)
    axes.set_aspect("equal")


def _heatmaps(axes: Axes, heatmaps: np.ndarray, shape: tuple[int, ...], side: bool) -> None:
    """How much of all joints' heatmaps [J, D, H', W'] lies in each column along the ray (front) or across the picture (side), by its square root."""
    image = np.sqrt(heatmaps.sum((0, 1) if not side else (0, 3)))                 # [H', W'] or [D, H']
    height, width = shape[:2]
    axes.imshow(image.T if side else image, cmap="magma", extent=(-0.5, width - 0.5, height - 0.5, -0.5), aspect="auto", interpolation="nearest")
    axes.set_aspect("equal")


def _bare(axes: Axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_visible(False)
