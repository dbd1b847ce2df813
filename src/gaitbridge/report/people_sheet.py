"""Simulated people to look at, from all sides and in motion, before anything is made of them.

A row a person; in it, a view after the other: the dressed walker in 3D as from the camera, the clean silhouette, the silhouette as the
segmentation gives it, and the LiDAR's range view.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from gaitbridge.progress import Progress, silent
from gaitbridge.report.lettering import write
from gaitbridge.report.moving_files import check_picture, write_picture
from gaitbridge.report.pictures import draw_range, draw_silhouette
from gaitbridge.report.shading import over, shade
from gaitbridge.report.walker_look import Moment, follower, from_sensor, moments
from gaitbridge.simulation.settings import CohortConfig
from gaitbridge.simulation.takes import Take, open_source, plan, rendered, take_of

PAPER, TEXT, SOFT = (255, 255, 255), (31, 41, 55), (100, 116, 139)
STAGE = (226, 231, 238)  # behind the walker in 3D
REACH_M = 0.45  # colours of range views run from this much before the walker's median range to this much behind it
TILES = ("walker", "clean", "segmented", "LiDAR")
GAP, ROW_GAP, LABELS, HEAD = 10, 4, 118, 38  # pixels between views and rows, of the names at the left, of the line at the top


def draw_people(config: CohortConfig, out: Path, rows: int = 10, scale: int = 2, steps: int = 0, progress: Progress = silent) -> list[Path]:
    """Sheets of everybody of a cohort, `rows` people each: PNG with another moment in each view, or WebP and GIF that move.

    steps: in place of all views so many successive frames of the first one, for a PNG.

    Each person is shown in one of the takes, in turn. The first sheet is `out`, further ones have -2, -3 before the suffix. scale: how many
    pixels wide and high a silhouette's pixel is drawn.
    """
    moves = check_picture(out)
    source = open_source(config.motion)
    people = plan(config, source)
    named = source.people or tuple(person.name for person in people)
    written: list[Path] = []
    strips: list[np.ndarray] = []
    progress(0, len(people), "")
    for place, (person, name) in enumerate(zip(people, named, strict=True)):
        number = place % len(person.takes)
        take = take_of(config, person, number, name)
        condition, count = person.takes[number]
        strips.append(_row(take, moves, scale, steps, person.name, f"{person.name}\n{condition}-{count}"))
        if len(strips) == rows or place == len(people) - 1:
            target = out if not written else out.with_stem(f"{out.stem}-{len(written) + 1}")
            views = [f"view {station.view}" for station in take.stations]
            titles = [f"{views[0]}, frame {step}" for step in range(steps)] if steps and not moves else views
            written.append(write_picture(_sheet(strips, titles, scale), target, config.lidar_hz))
            strips = []
        progress(place + 1, len(people), "")
    return written


def _sheet(strips: list[np.ndarray], titles: list[str], scale: int) -> list[np.ndarray]:
    """The frames uint8 [H, W, 3] of one sheet from its people's rows [T, h, W, 3]; whose walk is shorter stands still at its end."""
    frames = max(len(strip) for strip in strips)
    head = np.full((HEAD, strips[0].shape[2], 3), PAPER, np.uint8)
    across = (head.shape[1] - LABELS) / len(titles)
    for number, title in enumerate(titles):
        left = LABELS + number * across
        head = write(head, (left, 3), title, 13, TEXT, bold=True)
        for tile, name in enumerate(TILES):
            head = write(head, (left + tile * (across - GAP) / len(TILES), 21), name, 11 if scale > 1 else 8, SOFT)
    return [np.concatenate([head, *(strip[min(frame, len(strip) - 1)] for strip in strips)]) for frame in range(frames)]


def _row(take: Take, moves: bool, scale: int, steps: int, name: str, label: str) -> np.ndarray:
    """One person's row uint8 [T, h, W, 3]; T is 1 for a still one. steps: as in `draw_people`."""
    sensors = replace(take.sensors, extras=("clean_silhouettes",), truth=False)
    seen = rendered(replace(take, sensors=sensors))
    shown = moments(take.walker, take.clock.lidar_s, name)
    count, stations = len(shown), len(take.stations)
    strips = []
    for step in range(count if moves else 1):
        if steps and not moves:
            cells = [(0, min(frame, count - 1)) for frame in range(steps)]
        else:  # a still picture shows another moment of the walk in each view
            cells = [(number, step if moves else round(number * (count - 1) / max(stations - 1, 1))) for number in range(stations)]
        parts = [_name(label, sensors.camera.size[0] * scale)]
        for number, frame in cells:
            parts += list(_tiles(shown[frame], take.stations[number].T_world_from_camera, seen[number], frame, scale))
        strips.append(np.concatenate(parts, axis=1))
    row = np.stack(strips)
    return np.pad(row, ((0, 0), (0, ROW_GAP), (0, 0), (0, 0)), constant_values=255)


def _name(label: str, height: int) -> np.ndarray:
    return write(np.full((height, LABELS, 3), PAPER, np.uint8), (4, 4), label, 13, TEXT)


def _tiles(moment: Moment, T_world_from_camera: np.ndarray, arrays: dict[str, np.ndarray], frame: int, scale: int) -> Iterator[np.ndarray]:
    """What is shown of one view at one moment, and the gap after it."""
    height, width = arrays["silhouettes"].shape[1:]
    camera, pose = follower(moment, height * scale, width * scale, from_sensor(moment, T_world_from_camera))
    yield over(shade(moment.mesh, camera, pose), STAGE)
    for name in ("clean_silhouettes", "silhouettes"):
        yield _enlarged(draw_silhouette(arrays[name][frame]), scale)
    ranges = arrays["range_views"][frame]
    middle = float(np.nanmedian(ranges)) if np.isfinite(ranges).any() else 0.0
    yield _enlarged(draw_range(ranges, middle - REACH_M, middle + REACH_M), scale)
    yield np.full((height * scale, GAP, 3), PAPER, np.uint8)


def _enlarged(image: np.ndarray, scale: int) -> np.ndarray:
    """uint8 [h, w, 3] of uint8 [H, W, 4], each pixel `scale` pixels wide and high, with a thin line at its left."""
    grown: np.ndarray = image[..., :3].repeat(scale, 0).repeat(scale, 1)
    grown[:, 0] = STAGE
    return grown
