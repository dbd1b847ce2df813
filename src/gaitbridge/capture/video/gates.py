"""Which frames of a track are good enough to recognise somebody by, and why the others are not. Pure functions of a track's arrays."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from gaitbridge.capture.video.settings import Settings

# In the order in which they are asked; a frame counts for the first that it fails.
FRAME_GATES = {
    "border": "cut off by the border of the picture",
    "small": "smaller than --min-height",
    "merged": "more than one person",
    "shape": "not shaped like a person",
    "jump": "height or width jumps: partly hidden, or merged",
    "still": "standing still",
}
SEQUENCE_GATES = {"short": "in runs shorter than --min-seconds"}
AROUND_S = 1.0  # what a frame is compared with, on each side
TORN = 0.05  # of the height
HEADS_ROWS = (0.03, 0.12)  # where two people show as two heads


@dataclass(frozen=True)
class Judged:
    """A track judged: its good runs as arrays of places in the track, and how many frames each gate kept out."""

    runs: list[np.ndarray]
    out: Counter[str]
    reason: np.ndarray  # [T] the gate that each frame failed, "" where it is in a run


def judge(track: dict[str, np.ndarray], settings: Settings) -> Judged:
    """Judge one track: `Followed.arrays` with boxes in the working picture. Runs are split where frames lack for longer than `hole_s`."""
    failed = frame_gates(track, settings)
    reason = np.full(len(track["time_s"]), "", dtype="<U8")
    for name in reversed(FRAME_GATES):
        reason[failed[name]] = name
    good = np.flatnonzero(reason == "")
    runs = []
    step_s = float(np.median(np.diff(track["time_s"]))) if len(good) > 1 else 0.0  # a frame lasts until the next one
    for run in _split(good, track["time_s"], settings.hole_s):
        times = track["time_s"][run]
        if len(run) >= settings.min_frames and times[-1] - times[0] + step_s >= settings.min_s - 1e-6:
            runs.append(run)
        else:
            reason[run] = "short"
    return Judged(runs, Counter(reason[reason != ""].tolist()), reason)


def frame_gates(track: dict[str, np.ndarray], settings: Settings) -> dict[str, np.ndarray]:
    """Which frames [T] fail which gate."""
    boxes, times = track["box"], track["time_s"]
    height, width = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    lone = ~(track["merged"] | track["border"])
    usual_height = _running_median(height, times, lone)
    usual_width = _running_median(width, times, lone)
    usual_area = _running_median(track["area"], times, lone)
    # A stride widens a person and moves the area little; a second person, or half a person, moves both or the height.
    jump = (np.abs(height / usual_height - 1) > settings.jump) | (np.abs(track["area"] / usual_area - 1) > 2 * settings.jump)
    jump |= width > np.maximum(settings.wide * usual_width, 0.62 * usual_height)
    aspect = usual_height / usual_width
    low, high = settings.aspect
    return {
        "border": track["border"], "small": height < settings.min_height_px, "merged": track["merged"] | two_heads(track["silhouette"]),
        "shape": (aspect < low) | (aspect > high) | (usual_area > settings.stout * usual_height**2) | torn(track["silhouette"]), "jump": jump,
        "still": speed(track) < settings.still_per_s,
    }  # fmt: skip


def torn(silhouettes: np.ndarray) -> np.ndarray:
    """Whether silhouettes [T, H, W] have a band of empty rows across: half of a body is missing, or they are two people: bool [T]."""
    empty = ~(silhouettes > 0).any(2)
    band = max(2, round(TORN * silhouettes.shape[1]))
    bands: np.ndarray = np.lib.stride_tricks.sliding_window_view(empty, band, axis=1)
    return np.asarray(np.any(np.all(bands, axis=2), axis=1))


def two_heads(silhouettes: np.ndarray) -> np.ndarray:
    """Whether silhouettes [T, H, W] show two heads beside each other: bool [T]."""
    height = silhouettes.shape[1]
    rows = silhouettes[:, max(1, round(HEADS_ROWS[0] * height)) : round(HEADS_ROWS[1] * height) + 1] > 0
    begins = rows & ~np.pad(rows, ((0, 0), (0, 0), (1, 0)))[:, :, :-1]
    far = np.zeros(len(rows), bool)
    for t, k in zip(*np.nonzero(begins.sum(2) > 1), strict=True):
        columns = np.flatnonzero(rows[t, k])
        far[t] |= bool(np.diff(columns).max() > 0.05 * height)
    return far


def speed(track: dict[str, np.ndarray]) -> np.ndarray:
    """Body heights a second [T] that a person covers within `AROUND_S` on each side; growing and shrinking count too, as they walk along the view."""
    boxes, times = track["box"], track["time_s"]
    foot = np.stack([boxes[:, 2], (boxes[:, 1] + boxes[:, 3]) / 2], axis=1) - track["place"]
    height = np.maximum(boxes[:, 2] - boxes[:, 0], 1.0)
    found = np.zeros(len(times))
    low = np.searchsorted(times, times - AROUND_S - 1e-9)
    high = np.searchsorted(times, times + AROUND_S + 1e-9) - 1
    for t, (a, b) in enumerate(zip(low, high, strict=True)):
        if b > a:
            third = max(1, (b - a + 1) // 3)  # of medians: a box flickers
            ends = [np.median(foot[part], axis=0) for part in (slice(a, a + third), slice(b + 1 - third, b + 1))]
            moments = [np.median(times[part]) for part in (slice(a, a + third), slice(b + 1 - third, b + 1))]
            heights = [np.median(height[part]) for part in (slice(a, a + third), slice(b + 1 - third, b + 1))]
            apart = np.hypot(np.linalg.norm(ends[1] - ends[0]) / np.mean(heights), 2.0 * np.log(heights[1] / heights[0]))
            found[t] = apart / max(moments[1] - moments[0], 1e-9)
    return found


def _running_median(values: np.ndarray, times: np.ndarray, use: np.ndarray) -> np.ndarray:
    """Median [T] of the frames to use within `AROUND_S`; of all frames where none can be used."""
    low = np.searchsorted(times, times - AROUND_S - 1e-9)
    high = np.searchsorted(times, times + AROUND_S + 1e-9)
    found = np.empty(len(values))
    for t, (a, b) in enumerate(zip(low, high, strict=True)):
        part = values[a:b][use[a:b]]
        found[t] = np.median(part if len(part) else values[a:b])
    return np.maximum(found, 1.0)


def _split(places: np.ndarray, times: np.ndarray, hole_s: float) -> list[np.ndarray]:
    """Runs of places between which no more than `hole_s`, or two and a half usual steps of time, pass."""
    if not len(places):
        return []
    usual = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    return np.split(places, np.flatnonzero(np.diff(times[places]) > max(hole_s, 2.5 * usual)) + 1)
