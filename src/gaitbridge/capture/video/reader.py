"""One video file to tracks of silhouettes: decode, find, follow, judge. Made to run in a process of its own (`capture.isolated`)."""

from pathlib import Path
from typing import Any

import numpy as np

from gaitbridge.capture.isolated import report
from gaitbridge.capture.video.ahead import ahead
from gaitbridge.capture.video.decode import Picture, Video
from gaitbridge.capture.video.finders import finder
from gaitbridge.capture.video.settings import Settings
from gaitbridge.capture.video.track_reader import TrackReader
from gaitbridge.errors import UserError


def read_video(path: Path, told: dict[str, Any]) -> dict[str, Any]:
    """Tracks of the people in a video, as plain values and arrays.

    told: the fields of `Settings`. Returns frames, first_s, last_s, rate_hz (of the frames looked at), height, width, parts, codec, notes (what was
    odd, counted), and tracks, as `TrackReader.take` gives them. A film is read twice where its finder learns the empty scene. UserError where it
    cannot be read, or its camera moves and its finder needs one that stands still.
    """
    settings = Settings(**told)
    video = Video(path, settings.hz)
    find = finder(settings)

    def reported(picture: Picture) -> Picture:
        report(picture.number + 1, 2 * max(video.total, picture.number + 1), "learning the empty scene")
        return picture

    learnt = find.learn(map(reported, ahead(video.pictures()))) if find.learns else 0
    video.notes.clear()  # counted again by the pass that follows
    reader = TrackReader(find, settings)
    times: list[float] = []
    tracks: list[dict[str, Any]] = []
    frames = 0
    for picture in ahead(video.pictures()):
        looked = reader.frames
        tracks += reader.take(picture, video.size)
        frames = picture.number + 1
        if reader.frames > looked:
            times.append(picture.time_s)
        total = max(video.total, picture.number + 1)
        report(learnt + picture.number + 1, learnt + (learnt or total), f"{reader.people} tracks")
    tracks += reader.finish()
    steps = np.diff(times)
    if len(steps) and not float(np.median(steps)) > 0:
        raise UserError(f"{path}: most of its pictures have the time of the one before: say --hz, how many pictures a second has")
    if not find.moves and reader.moved > 0.5 * len(times):
        raise UserError(f"{path}: the camera moves in {reader.moved} of {len(times)} frames: movement finds people only where it stands still; "
                        "gaitbridge models get people fetches a model that finds them, or give one of your own (--model)")
    if reader.changed > 0.5 * len(times):
        raise UserError(f"{path}: the whole picture moves in {reader.changed} of {len(times)} frames: people are found against a static camera only; "
                        "give a model of your own (--model) for moving ones")
    changed = reader.changed - (0 if find.moves else reader.moved)
    if changed > 0:
        video.notes["frames in which the whole picture changed, left out"] = changed
    if reader.moved:
        video.notes[f"frames in which the camera moves{'' if find.moves else ', left out'}"] = reader.moved
    if reader.frames < frames:
        video.notes["frames between, not looked at: 30 a second are enough"] = frames - reader.frames
    if reader.cuts:
        video.notes["cuts to another scene, where nobody goes on"] = reader.cuts
    video.notes.update(find.notes)
    return {
        "frames": frames, "first_s": times[0], "last_s": times[-1], "rate_hz": float(1.0 / np.median(steps)) if len(steps) else 0.0,
        "height": video.size[0], "width": video.size[1], "parts": reader.part + 1, "codec": video.codec, "notes": dict(video.notes),
        "tracks": sorted(tracks, key=lambda track: (track["number"], track["piece"])),
    }  # fmt: skip
