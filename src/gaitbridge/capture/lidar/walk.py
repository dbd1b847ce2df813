"""The candidates of a recording to walks: tracks in the world, those judged that may be people, and what a store keeps of each."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from gaitbridge.capture.lidar.gates import Gates, speed_mps
from gaitbridge.capture.tracking import Track, Tracker
from gaitbridge.conventions import view_angle_deg
from gaitbridge.geometry.projection import Projection, range_views

GAP_S = 1.0  # somebody behind a post or a car is the same person within this
SLACK_M = 0.3  # of a person's middle from scan to scan, as they turn and swing
HEIGHT_COUNTS = 0.5  # a metre of height counts as much as so many of distance: a child is not an adult
ALIKE = 0.15  # heights within this share of the track's usual one: otherwise half a person, or two


@dataclass(frozen=True)
class Walk:
    """One person's walk: frames T of points P. time_s [T] from its start; start_s, its start in the recording; points [P, 5], see the store;
    way [T, 2], where the person was in the world; sensor_way [T, 2], where the LiDAR was; first_scan, its number in the recording."""

    number: int
    start_s: float
    time_s: np.ndarray
    views: np.ndarray
    points: np.ndarray
    counts: np.ndarray
    way: np.ndarray
    sensor_way: np.ndarray
    height_m: float
    speed_mps: float
    distance_m: float
    view_deg: float
    first_scan: int


def walks(found: dict[str, Any], gates: Gates, size: tuple[int, int]) -> tuple[list[Walk], Counter[str]]:
    """The walks in what `detect.find` found, in order of time, and how many tracks were left out for which reason.

    size: height and width of the range views.
    """
    tracks = _tracks(found, gates)
    kept: list[Walk] = []
    out = Counter[str]()
    for rows in tracks:
        rows, reason = judged(found, rows, gates)
        if reason:
            out[reason] += 1
        else:
            kept.append(_walk(found, rows, len(kept) + 1, size))
    return kept, out


def in_world(found: dict[str, Any]) -> np.ndarray:
    """Where each candidate is in the world [N, 3]."""
    T = found["T_world_from_lidar"][found["scan"]]
    return np.asarray(np.einsum("nij,nj->ni", T[:, :3, :3], found["place"]) + T[:, :3, 3])


def cost(expected: np.ndarray, detected: np.ndarray) -> np.ndarray:
    """Metres on the ground and of height [N, M] between states [N, 3] and [M, 3]: x, y, height."""
    apart = expected[:, None] - detected[None]
    return np.hypot(apart[..., 0], apart[..., 1]) + HEIGHT_COUNTS * np.abs(apart[..., 2])


def _tracks(found: dict[str, Any], gates: Gates) -> list[np.ndarray]:
    """Numbers of the candidates of each track."""
    times = found["scan_time_s"]
    step = float(np.median(np.diff(times))) if len(times) > 1 else 0.1
    parts = found["part"]
    tracker = Tracker(cost, SLACK_M + gates.fastest_mps * step, GAP_S)
    states = np.column_stack([in_world(found)[:, :2], found["top_m"]])
    members: dict[int, list[int]] = {}
    for scan, time_s in enumerate(times):
        if scan and parts[scan] != parts[scan - 1]:
            tracker.cut()
        rows = np.flatnonzero(found["scan"] == scan)
        joined: list[Track] = tracker.step(scan, float(time_s), states[rows])
        for track, row in zip(joined, rows, strict=True):
            members.setdefault(track.number, []).append(int(row))
    return [np.array(rows) for _, rows in sorted(members.items())]


def judged(found: dict[str, Any], rows: np.ndarray, gates: Gates) -> tuple[np.ndarray, str]:
    """The candidates of a track that show the whole person, and why the track is no walk ("" where it is one)."""
    usual = float(np.median(found["top_m"][rows]))
    rows = rows[np.abs(found["top_m"][rows] / usual - 1) <= ALIKE]
    if len(rows) < gates.least_frames:
        return rows, f"fewer than {gates.least_frames} scans"
    times, places = found["scan_time_s"][found["scan"][rows]], in_world(found)[rows, :2]
    speed = speed_mps(times, places)
    if speed < gates.slowest_mps:
        return rows, "standing still"
    if speed > gates.fastest_mps:
        return rows, "too fast"
    if np.linalg.norm(places - places[0], axis=1).max() < gates.sure_m and float(np.median(found["crowd"][rows])) > gates.crowded:
        return rows, "among other things, and moved too little to be sure"
    return rows, ""


def _walk(found: dict[str, Any], rows: np.ndarray, number: int, size: tuple[int, int]) -> Walk:
    """What a store keeps of a track, see `Walk`."""
    ends = np.cumsum(found["counts"])
    parts = [slice(int(ends[row] - found["counts"][row]), int(ends[row])) for row in rows]
    clouds = [found["points"][part] for part in parts]
    scans = found["scan"][rows]
    swept = np.array([found["point_time_s"][part].mean() for part in parts])  # when the beams met the person
    clock = found["scan_time_s"][scans] + swept
    time_s = clock - clock[0]
    moments = [found["scan_time_s"][scan] + found["point_time_s"][part] - clock[0] for scan, part in zip(scans, parts, strict=True)]
    points = np.concatenate([np.column_stack([cloud, moment, np.full(len(cloud), frame)])
                             for frame, (cloud, moment) in enumerate(zip(clouds, moments, strict=True))])  # fmt: skip
    way, sensor_way = in_world(found)[rows, :2], found["T_world_from_lidar"][scans, :2, 3]
    ranges = [np.linalg.norm(cloud, axis=1).mean() for cloud in clouds]
    return Walk(
        number, float(clock[0]), time_s, range_views(clouds, Projection(**found["sensor"]), size), points.astype(np.float32),
        found["counts"][rows].astype(np.int32), way, sensor_way, float(np.median(found["top_m"][rows])), speed_mps(time_s, way),
        float(np.median(ranges)), view_of(way, sensor_way), int(scans[0]),
    )  # fmt: skip


def view_of(way: np.ndarray, sensor_way: np.ndarray) -> float:
    """The view angle in degrees of a walk [T, 2] by a LiDAR's way [T, 2]; NaN where the person turns or comes back: no one view is true.

    The walking direction is that of the line from the first to the last quarter's middle.
    """
    quarter = max(len(way) // 4, 1)
    ahead = way[-quarter:].mean(0) - way[:quarter].mean(0)
    smooth = np.array([part.mean(0) for part in np.array_split(way, max(len(way) // 5, 1))])
    length = np.linalg.norm(np.diff(smooth, axis=0), axis=1).sum()
    if len(smooth) > 2 and np.linalg.norm(smooth[-1] - smooth[0]) < 0.8 * length:
        return float("nan")
    return view_angle_deg(ahead, np.median(sensor_way - way, axis=0))
