"""A recording to the walks seen in it: by the same readers as the command line's, each in a process of its own."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from gaitbridge.capture.isolated import run_isolated
from gaitbridge.capture.lidar.detect import Settings as LidarSettings
from gaitbridge.capture.lidar.detect import find
from gaitbridge.capture.lidar.walk import Walk, walks
from gaitbridge.capture.video.gates import FRAME_GATES, SEQUENCE_GATES
from gaitbridge.capture.video.run import READER, segmenter
from gaitbridge.capture.video.settings import Settings
from gaitbridge.capture.video.walks import walk_arrays
from gaitbridge.conventions import CAMERA, DEPTH_PICTURES, LIDAR, SENSOR
from gaitbridge.errors import StoreError, UserError
from gaitbridge.files import workplace
from gaitbridge.gallery.kinds import Kind
from gaitbridge.progress import Progress, silent

ARCHIVES = "gaitbridge.capture.lidar.archives:find_archived"
SEQUENCES = "gaitbridge.service.sequences:read_sequences"


@dataclass(frozen=True)
class Seen:
    """One walker of a recording. runs: the arrays by name of each of their good walks, none where nothing was good enough, which `problem` then says.

    start_s, end_s: seconds in the recording; clock_s: when it was, in seconds since 1970, where the recording knows; about: what else is known.
    """

    name: str
    sensor: str
    runs: tuple[Mapping[str, np.ndarray], ...]
    start_s: float
    end_s: float
    part: int = 0
    clock_s: float | None = None
    problem: str = ""
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """What was seen in a recording: the walkers, of what kind their walks are, and what was counted and left out."""

    sensor: str
    seen: tuple[Seen, ...]
    kind: Kind
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Way:
    """How a recording is read. size: of the silhouettes and range views; stall_s, megabytes: as of `run_isolated`; wish: hz, sensor, topic,
    columns; unpack: beside it an archive is unpacked while it is read, into at most so many bytes."""

    size: tuple[int, int] = (64, 44)
    people: str = "auto"
    site: str = ""
    stall_s: float = 120.0
    megabytes: float = 4000.0
    wish: Mapping[str, Any] = field(default_factory=dict)
    unpack: Path = Path("unpacked")
    unpacked_bytes: int = 2**34


def read_recording(path: Path, kind: str, way: Way, progress: Progress = silent) -> Found:
    """The walkers of a recording of a kind (`content.kind_of`). UserError where it cannot be read."""
    if kind == "film":
        return _film(path, way, progress)
    if kind == "arrays":
        held = run_isolated(SEQUENCES, path, seconds=way.stall_s, megabytes=way.megabytes, progress=progress)
        if held is not None:
            return _sequences(held, way)
    return _scans(path, way, progress)


def _film(path: Path, way: Way, progress: Progress) -> Found:
    settings = Settings(size=way.size, people=way.people, hz=way.wish.get("hz"))  # type: ignore[arg-type]
    found = run_isolated(READER, path, asdict(settings), seconds=way.stall_s, megabytes=way.megabytes, progress=progress)
    out = Counter(reason for track in found["tracks"] for reason in track["reason"].tolist() if reason)
    words = {reason: _plain(text, settings) for reason, text in {**FRAME_GATES, **SEQUENCE_GATES}.items()}
    left_out = {words.get(reason, reason): count for reason, count in out.most_common()}
    facts = {"frames": found["frames"], "lasts_s": round(found["last_s"] - found["first_s"], 3), "hz": round(found["rate_hz"], 3),
             "height": found["height"], "width": found["width"], "tracks": len(found["tracks"]), "notes": found["notes"],
             "left_out": left_out, "left_out_of": "frames with a person"}  # fmt: skip
    kind = Kind(kind="captured", sites=(way.site,) if way.site else (), segmenters=(segmenter(settings),))
    return Found("camera", tuple(_of_track(track, found["first_s"], words) for track in found["tracks"]), kind, facts)


def _plain(words: str, settings: Settings) -> str:
    """Why something was left out, for those who have no command line before them."""
    return words.replace("--min-height", f"{settings.min_height_px:g} pixels").replace("--min-seconds", f"{settings.min_s:g} s")


def _of_track(track: dict[str, Any], first_s: float, words: Mapping[str, str]) -> Seen:
    reasons = Counter(reason for reason in track["reason"].tolist() if reason)
    why = words.get(reasons.most_common(1)[0][0], "") if reasons else "too short to be a walk"
    places = np.concatenate(track["runs"]) if track["runs"] else np.arange(len(track["time_s"]))
    start, end = (float(track["time_s"][places[end]]) - first_s for end in (0, -1))
    about = {"track": track["number"], "piece": track["piece"], "view_deg": _some(track["views"])}
    return Seen(f"{track['number']}-{track['piece']}", "camera", tuple(walk_arrays(track, run) for run in track["runs"]), start, end, track["part"],
                problem="" if track["runs"] else why, about=about)


def _some(views: Sequence[float]) -> float | None:
    """The view angle that is known first."""
    return next((round(float(view), 1) for view in views if not math.isnan(view)), None)


def _scans(path: Path, way: Way, progress: Progress) -> Found:
    settings = LidarSettings(way.wish.get("hz"), way.wish.get("topic"), way.wish.get("columns"), "m", way.wish.get("sensor"))
    if path.suffix == ".zip":
        found = _archived(path, way, settings, progress)
    else:
        found = run_isolated(find, [path], path.name, asdict(settings), seconds=way.stall_s, megabytes=way.megabytes, what=str(path),
                             progress=progress)
    kept, out = walks(found, settings.gates, way.size)
    facts = {"scans": len(found["scan_time_s"]), "lasts_s": round(float(np.ptp(found["scan_time_s"])), 3), "lidar": found["sensor"]["name"],
             "tracks": len(kept) + sum(out.values()), "notes": {"scans that came late": found["late"], "scans out of order": found["left_out"]},
             "left_out": dict(out.most_common()), "left_out_of": "tracks"}  # fmt: skip
    kind = Kind(kind="captured", sites=(way.site,) if way.site else (), lidars=(str(found["sensor"]["name"]),))
    return Found("lidar", tuple(_of_walk(walk, found) for walk in kept), kind, facts)


def _archived(path: Path, way: Way, settings: LidarSettings, progress: Progress) -> dict[str, Any]:
    """What was found in an archive of scans. StoreError where the disk has no room for them."""
    with workplace(way.unpack) as folder:
        try:
            found = run_isolated(ARCHIVES, path, folder, way.unpacked_bytes, asdict(settings), seconds=way.stall_s, megabytes=way.megabytes,
                                 what=str(path), progress=progress)
        except UserError as error:
            raise UserError(str(error).replace(f"{folder}/", "")) from error
    if found is None:
        raise StoreError(f"the disk is full: an archive of scans cannot be unpacked in {way.unpack.parent}; free some space")
    return dict(found)


def _of_walk(walk: Walk, found: dict[str, Any]) -> Seen:
    clock_s = float(found["clock_s"][walk.first_scan]) + walk.start_s - float(found["scan_time_s"][walk.first_scan])
    about = {"track": walk.number, "height_m": round(walk.height_m, 3), "speed_mps": round(walk.speed_mps, 3),
             "distance_m": round(walk.distance_m, 3), "points": float(np.median(walk.counts)), "view_deg": _some([walk.view_deg])}  # fmt: skip
    return Seen(str(walk.number), "lidar", ({LIDAR: walk.views, f"{LIDAR}_time_s": walk.time_s},), walk.start_s,
                walk.start_s + float(walk.time_s[-1]), int(found["part"][walk.first_scan]), clock_s if 1e9 < clock_s < 4e9 else None, about=about)


def _sequences(held: list[dict[str, Any]], way: Way) -> Found:
    seen = []
    for number, one in enumerate(held):
        arrays = one["arrays"]
        name = next(name for name in (CAMERA, LIDAR, DEPTH_PICTURES, *arrays) if name in arrays)
        times = arrays.get(f"{name}_time_s", np.zeros(0))
        end_s = float(times[-1] - times[0]) if len(times) else 0.0
        seen.append(Seen(str(one["name"]), SENSOR.get(name, "camera"), (arrays,), 0.0, end_s, part=number, about={"track": number}))
    if not seen:
        raise UserError("it holds no sequence")
    kind = Kind(sites=(way.site,) if way.site else ())
    return Found(seen[0].sensor, tuple(seen), kind, {"tracks": len(seen), "left_out": {}, "left_out_of": "sequences"})


def moment(clock_s: float | None) -> str | None:
    """A time as answers have it."""
    return None if clock_s is None else datetime.fromtimestamp(clock_s, UTC).isoformat(timespec="milliseconds")
