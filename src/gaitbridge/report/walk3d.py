"""A walk in 3D to turn and play in the report: the true body beside the recovered one, drawn by a few lines of JavaScript in `walk3d.html`."""

from __future__ import annotations

import base64
import html
import json
import re
from importlib.resources import files
from typing import Any

import numpy as np

from gaitbridge.types import Bodies

MOST_FRAMES = 40  # a longer walk is thinned: a frame of two bodies is 20 kB
STEPS = 32767  # int16 on either side of the root: 0.03 mm for a body that reaches 1 m from it


def walk3d_figure(recovered: Bodies, truth: Bodies | None, triangles: np.ndarray, parents: np.ndarray, time_s: np.ndarray, title: str) -> str:
    """An HTML fragment that plays a walk in a loop at its true times: the truth at the left, where there is one, and what was recovered.

    It needs nothing else, has no ids, and there may be several on a page. triangles [F, 3], counter-clockwise seen from outside; parents [J],
    -1 for the root; time_s [T] seconds. Frames that are not known in both are left out; without any a line says so.
    """
    bodies = {"truth": truth, "recovered": recovered} if truth is not None else {"recovered": recovered}
    frames = np.flatnonzero(recovered.known if truth is None else recovered.known & truth.known)
    frames = frames[:: max(1, -(-len(frames) // MOST_FRAMES))]
    if not len(frames):
        return f'<p class="missing">{html.escape(title)}: there is no frame whose bodies are known.</p>'
    shown = {name: body for name, body in bodies.items() if body is not None}
    values = {
        "title": html.escape(title),
        "stages": "".join(_stage(name) for name in shown),
        "last": str(len(frames) - 1),
        "data": json.dumps(_document(shown, frames, triangles, parents, time_s), separators=(",", ":")),
    }
    template = files("gaitbridge.report").joinpath("walk3d.html").read_text(encoding="utf-8")
    return re.sub(r"@(title|stages|last|data)@", lambda found: values[found[1]], template)


def _stage(name: str) -> str:
    about = f"{name}: a walking body in 3D; the arrow keys turn it"
    canvas = f'<canvas tabindex="0" role="img" aria-label="{about}"></canvas>'
    return f'<div class="walk3d-stage"><div class="walk3d-name {name}">{name}</div>{canvas}</div>'


def _document(bodies: dict[str, Bodies], frames: np.ndarray, triangles: np.ndarray, parents: np.ndarray, time_s: np.ndarray) -> dict[str, Any]:
    """What the JavaScript reads: coordinates as int16 times `unit` metres, [T, V, 3] and [T, J, 3], triangles as uint32, all in base64."""
    points = {name: (body.vertices[frames], body.joints[frames]) for name, body in bodies.items()}
    unit = max(float(np.abs(array).max(initial=0.0)) for pair in points.values() for array in pair) / STEPS or 1.0
    return {
        "unit": unit,
        "times": [round(float(time), 4) for time in np.asarray(time_s)[frames]],
        "parents": [int(parent) for parent in parents],
        "triangles": _base64(np.asarray(triangles).astype("<u4")),
        "bodies": [
            {"name": name, "vertices": _base64(np.rint(vertices / unit).astype("<i2")), "joints": _base64(np.rint(joints / unit).astype("<i2"))}
            for name, (vertices, joints) in points.items()
        ],
    }


def _base64(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
