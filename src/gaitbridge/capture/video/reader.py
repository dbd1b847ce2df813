"""One video file to tracks of silhouettes: decode, find, follow, judge. Made to run in a process of its own (`capture.isolated`)."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from gaitbridge.capture.isolated import report
from gaitbridge.capture.video import gates, people
from gaitbridge.capture.video.background import Background
from gaitbridge.capture.video.decode import Picture, Video
from gaitbridge.capture.video.follow import Follower
from gaitbridge.capture.video.settings import Settings
from gaitbridge.capture.video.view import view_of_walk
from gaitbridge.errors import UserError


def read_video(path: Path, told: dict[str, Any]) -> dict[str, Any]:
    """Tracks of the people in a video, as plain values and arrays.

    told: the fields of `Settings`. Returns frames, first_s, last_s, rate_hz, height, width, parts, codec, notes (what was odd, counted), and
    tracks: for each, number, part of the recording, frame [T], time_s [T] of the file's clock, box [T, 4] and window [T, 4] in native pixels,
    area [T], silhouette [T, h, w], reason [T] (the gate that a frame failed), runs (places [R] of each good run) and views (degrees, of each
    run). UserError where it cannot be read, or its camera moves.
    """
    settings = Settings(**told)
    video = Video(path, settings.hz)
    find, learnt = _finder(video, settings)
    follower = Follower(settings.size, settings.gap_s)
    times: list[float] = []
    parts: list[int] = []
    changed, shape = 0, (1, 1)
    for picture in video.pictures():
        times.append(picture.time_s)
        parts.append(picture.part)
        follower.begin(picture.part)
        shape = picture.pixels.shape[:2]
        masks = find(picture)
        if masks is None:
            changed += 1
        else:
            follower.take(picture.number, picture.time_s, _people(masks, settings, follower.expected(picture.time_s)), shape)
        total = max(video.total, picture.number + 1)
        report(learnt + picture.number + 1, learnt + (learnt or total), f"{len(follower.found)} tracks")
    steps = np.diff(times)
    if len(steps) and not float(np.median(steps)) > 0:
        raise UserError(f"{path}: most of its pictures have the time of the one before: say --hz, how many pictures a second has")
    if changed > 0.5 * len(times):
        raise UserError(f"{path}: the whole picture moves in {changed} of {len(times)} frames: people are found against a static camera only; "
                        "give a model of your own (--model) for moving ones")
    if changed:
        video.notes["frames in which the whole picture changed, left out"] = changed
    scale = np.array([*video.size, *video.size]) / np.array([*shape, *shape])
    return {
        "frames": len(times), "first_s": times[0], "last_s": times[-1], "rate_hz": float(1.0 / np.median(steps)) if len(steps) else 0.0,
        "height": video.size[0], "width": video.size[1], "parts": parts[-1] + 1, "codec": video.codec, "notes": dict(video.notes),
        "tracks": [_track(followed.arrays(), followed.number, settings, scale, video.size) | {"part": parts[followed.seen[0].frame]}
                   for _, followed in sorted(follower.found.items())],
    }  # fmt: skip


def _people(masks: list[np.ndarray], settings: Settings, expected: np.ndarray) -> list[people.Person]:
    """The people in one mask of all, or in one each."""
    found = [people.people_in(people.cleaned(mask), settings.min_height_px, expected) for mask in masks]
    if len(masks) == 1:
        return found[0]
    return [max(persons, key=lambda person: person.area) for persons in found if persons]


def _finder(video: Video, settings: Settings) -> tuple[Callable[[Picture], list[np.ndarray] | None], int]:
    """What turns a picture into masks of people, or None where it cannot; and how many frames were read to learn the empty scene."""
    model = None
    if settings.model_path is not None:
        from gaitbridge.capture.video.onnx_model import PeopleModel

        model = PeopleModel(settings.model_path, settings.model_class)
        if not model.detects_only:
            return model.masks, 0
    background = Background(settings.background, settings.memory_s)

    def reported(picture: Picture) -> Picture:
        report(picture.number + 1, 2 * max(video.total, picture.number + 1), "learning the empty scene")
        return picture

    learnt = background.learn(map(reported, video.pictures()))
    video.notes.clear()  # counted again by the pass that follows
    if model is not None:
        return partial(model.masks, background=background), learnt

    def moving(picture: Picture) -> list[np.ndarray] | None:
        mask = background.mask(picture)
        return None if mask is None else [mask]

    return moving, learnt


def _track(arrays: dict[str, np.ndarray], number: int, settings: Settings, scale: np.ndarray, size: tuple[int, int]) -> dict[str, Any]:
    """A track as it goes to the parent, in native pixels; pixel centres are whole numbers."""
    native = arrays | {"box": arrays["box"] * scale - 0.5, "window": (arrays["window"] + 0.5) * scale - 0.5}
    judged = gates.judge(native, settings)
    views = [view_of_walk(native["box"][run], size, settings.fov_deg) for run in judged.runs]
    kept = {name: native[name] for name in ("frame", "time_s", "box", "window", "area", "silhouette")}
    return kept | {"number": number, "reason": judged.reason, "runs": judged.runs, "views": views}
