"""People who pass filmed: shaded walkers before a place that stands still, with their shadows, and a sensor's noise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from gaitbridge.conventions import stream
from gaitbridge.files import written_whole
from gaitbridge.geometry import transforms
from gaitbridge.geometry.camera import Camera
from gaitbridge.progress import Progress, silent
from gaitbridge.report.place import yard
from gaitbridge.report.shading import SHADOW_RADIUS_M, Mesh, over, shade
from gaitbridge.report.walker_look import colours_of
from gaitbridge.simulation.passing import Passing
from gaitbridge.simulation.walker import vertex_normals

SUN = np.array([0.55, 0.0, 1.0])  # towards it, before it is turned to stand at the left of the camera
NOISE = 2.0  # of a pixel's 255
CRF = 20  # how near the file comes to the pictures; lower is nearer
CODECS = ("libx264", "mpeg4")
X264 = {"preset": "veryfast", "mbtree": "0", "crf": str(CRF)}  # mbtree with AVX-512 reads memory that nobody wrote: other bytes now and then


def pictures(passing: Sequence[Passing], camera: Camera, T_world_from_camera: np.ndarray, hz: float, seed: int) -> Iterator[np.ndarray]:
    """The film's pictures uint8 [H, W, 3], from its beginning to a second after the last one has passed."""
    empty = yard(camera, T_world_from_camera, seed)
    towards = T_world_from_camera[:2, 3] / np.linalg.norm(T_world_from_camera[:2, 3])
    sun = np.array([towards[0] * 0.6 - towards[1] * 0.5, towards[1] * 0.6 + towards[0] * 0.5, SUN[2]])
    random = stream(seed, "film")
    time_s = np.arange(int((passing[-1].ends_s + 1.0) * hz)) / hz
    parts = {at: mesh for one in passing for at, mesh in zip(one.here(time_s).tolist(), _meshes(one, time_s[one.here(time_s)]), strict=True)}
    for at in range(len(time_s)):
        picture = empty.astype(np.float32)
        if at in parts:
            _paint(picture, parts[at], camera, T_world_from_camera, sun)
        noisy = picture + NOISE * random.standard_normal(picture.shape, dtype=np.float32)
        yield np.rint(np.clip(noisy, 0, 255)).astype(np.uint8)


def _meshes(one: Passing, time_s: np.ndarray) -> Iterator[Mesh]:
    vertices, triangles = one.vertices_m(time_s), one.walker.triangles
    colours = colours_of(one.walker, one.name)
    for placed, normals in zip(vertices, vertex_normals(vertices, triangles), strict=True):
        yield Mesh(placed, triangles, normals, colours)


def _paint(picture: np.ndarray, mesh: Mesh, camera: Camera, T_world_from_camera: np.ndarray, sun: np.ndarray) -> None:
    """Draw a walker and the shadow, in the part of the picture that shows them; nothing where that is none."""
    middle = np.append(mesh.vertices_m[:, :2].mean(0), 0.0).astype(np.float32)
    round_m = SHADOW_RADIUS_M * np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]], np.float32)
    seen, depth = camera.project(transforms.apply(transforms.inverse(T_world_from_camera), np.concatenate([mesh.vertices_m, middle + round_m])))
    if depth.min() <= 0.1:
        return
    low = np.maximum(np.floor(seen.min(0)).astype(int) - 1, 0)
    high = np.minimum(np.ceil(seen.max(0)).astype(int) + 2, [camera.width, camera.height])
    if (high <= low).any():
        return
    part = Camera(camera.fx, camera.fy, camera.cx - low[0], camera.cy - low[1], int(high[0] - low[0]), int(high[1] - low[1]))
    window = picture[low[1] : high[1], low[0] : high[0]]
    window[:] = over(shade(mesh, part, T_world_from_camera, sun), window)


def write_film(frames: Iterator[np.ndarray], count: int, out: Path, hz: float, progress: Progress = silent) -> Path:
    """Pictures to a film file, an .mp4 that any browser plays where PyAV has x264."""
    import av

    codec = next(name for name in CODECS if name in av.codecs_available)
    with written_whole(out) as temporary, av.open(str(temporary), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream_: Any = container.add_stream(codec, rate=Fraction(hz).limit_denominator(1001), options=X264 if codec == "libx264" else {})
        stream_.codec_context.thread_count = 1
        for done, picture in enumerate(frames):
            if not done:
                stream_.height, stream_.width, stream_.pix_fmt = *picture.shape[:2], "yuv420p"
            container.mux(stream_.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            progress(done + 1, count, "")
        container.mux(stream_.encode(None))
    return out
