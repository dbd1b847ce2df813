"""LiDAR recordings to a store: one shard a recording, read in a process of its own; a plan and reports as capture from video has them.

    STORE/.capture/plan/plan.json   recordings and options; another plan refuses the folder
    STORE/.capture/<name>.json      what one recording gave; it is written after the shard: a recording is done that has both
"""

import hashlib
import json
import math
from collections import Counter
from collections.abc import Callable, Mapping
from collections.abc import Sequence as Rows
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from gaitbridge.capture.growing import Growing, common
from gaitbridge.capture.isolated import run_isolated
from gaitbridge.capture.lidar.detect import Settings, find
from gaitbridge.capture.lidar.gates import Gates
from gaitbridge.capture.lidar.recordings import Recording
from gaitbridge.capture.lidar.recordings import recordings as recordings_of
from gaitbridge.capture.lidar.walk import Walk, walks
from gaitbridge.capture.stores import (
    FOLDER,
    NO_GROWING_PARTS,
    Told,
    captured_part,
    different,
    key_of,
    lost,
    names_of,
    paths_of,
    recording_hash,
    recording_name,
    settings_of_parts,
    start,
    undo,
    view_label,
)
from gaitbridge.errors import UserError
from gaitbridge.files import alone, in_turn, write_json
from gaitbridge.geometry.sensors import is_file
from gaitbridge.parts import PLACE, Part
from gaitbridge.progress import Progress, silent
from gaitbridge.store import finish_store, shard_path, write_shard
from gaitbridge.types import Labels, Sequence
from gaitbridge.walks.stored import with_quality

Show = Callable[[str, dict[str, Any], list[Walk]], None]  # name of the recording, what was found, the walks


@dataclass
class RecordingReport:
    """What became of one recording. out: tracks that were left out, by reason; walks: what is known of each sequence.

    recording: its hash (`stores.recording_hash`); named: its people are known by name, and are not tracks.
    """

    name: str
    source: str
    facts: dict[str, Any] = field(default_factory=dict)
    out: Counter[str] = field(default_factory=Counter)
    walks: list[dict[str, Any]] = field(default_factory=list)
    recording: str = ""
    named: bool = False
    site: str = ""
    time: str = ""

    @classmethod
    def read(cls, held: Mapping[str, Any]) -> "RecordingReport":
        """A report as it was written; TypeError or KeyError where it is none."""
        return cls(**{**held, "out": Counter(held["out"])})


@dataclass(frozen=True)
class Captured:
    """What a capture gave: store.json, and a report a recording. Of a part, as long as others are missing: an empty store.json."""

    document: dict[str, Any]
    reports: list[RecordingReport]


def capture_lidar(
    files: Rows[Recording] | Rows[Path | str] | Path | str, store: Path | str, settings: Settings | None = None, told: Told | None = None, *,
    size: tuple[int, int] = (64, 44), points: bool = False, stall_s: float = 120.0, megabytes: float = 4000.0, append: bool = False,
    part: Part | None = None, progress: Progress = silent, show: Show | None = None,
) -> Captured:  # fmt: skip
    """Walking people of LiDAR recordings to a store.

    files: recordings as `recordings.recordings` gives them, or paths of files and folders, which it then groups; size: height and width of the range
    views; points: keep each person's points, too; stall_s: a recording that does not go on for so long is given up; megabytes: memory that reading
    may take; show: is told what was found, and has recordings that are done read again. UserError for mistakes, for what cannot be read, and where
    nobody walks; what was finished before is kept. append, part: as of `capture_videos`.
    """
    settings, told, store = settings or Settings(), told or Told(), Path(store)
    recordings: Rows[Recording] = _recordings(files)
    if told.time and len(recordings) > 1:
        raise UserError("--time is of one recording: capture these one by one, each to a store of its own")
    if part is not None and append:
        raise UserError(NO_GROWING_PARTS)
    with alone(store, together=part is not None):
        options = {"settings": _settings_document(settings), "views": {"size": list(size), "points": points}}
        growing = Growing(store, "lidar", options) if append else None
        earlier = [RecordingReport.read(file) for file in growing.files] if growing else []
        if growing:
            digests = [_digest(recording, settings) for recording in recordings]
            recordings = growing.new(recordings, digests, [recording.name for recording in recordings])
            if not recordings:
                growing.done()  # a kill may have left that
                return Captured(growing.document, earlier)
        names = names_of(map(_stem, recordings), nameless="lidar", what="recordings", taken=growing.names if growing else ())
        mine = names if part is None else part.share(names)
        hashes = {name: _digest(recording, settings) for name, recording in zip(names, recordings, strict=True) if name in mine}
        different(hashes, "recordings")
        states = {name: _identity(recording) for name, recording in zip(names, recordings, strict=True)}
        if growing:
            growing.begin(told, hashes)
        else:
            start(store, {"told": asdict(told), "recordings": states, **options})
        reports = []

        def captured(name: str) -> RecordingReport:
            report, number = finished(store, name), names.index(name)
            recording = recordings[number]
            if report is None or show is not None:
                if not growing:
                    (store / "store.json").unlink(missing_ok=True)  # unfinished from here on
                of = f" ({number + 1} of {len(recordings)})" if len(recordings) > 1 else ""
                found = run_isolated(find, list(recording.files), recording.name, asdict(settings), seconds=stall_s, megabytes=megabytes,
                                     what=recording.name, progress=_named(progress, recording.name + of))  # fmt: skip
                report, kept = _shard(store, name, recording, found, told, settings, size, points, hashes[name])
                if show is not None:
                    show(recording.name, found, kept)
            return report

        if part is not None:
            return merge(store) if captured_part(store, names, part, "capture lidar", asdict(settings), captured) else Captured({}, [])
        try:
            for name in names:
                reports.append(captured(name))
        finally:
            if not growing and not any(finished(store, name) for name in names):
                undo(store)  # nothing is done: the next try may have other options
        if not any(report.walks for report in reports):
            if not growing:
                undo(store)
            raise UserError(_nobody(reports))
        reports = [*earlier, *reports]
        if growing:
            growing.add(told, states)
        document = finish_store(store, [report.name for report in reports if report.walks], _about(settings, reports))
        if growing:
            growing.done()
        return Captured(document, reports)


def merge(store: Path) -> Captured:
    """Finish a store whose recordings were all captured, in parts. UserError where nobody walks in any, StoreError where something is lost since."""
    said, names = settings_of_parts(store)
    settings = Settings(**{**said, "gates": Gates(**said["gates"])})
    reports = []
    with in_turn(store / PLACE / "merging.lock"):
        for name in names:
            if (report := finished(store, name)) is None:
                raise lost(store, name)
            reports.append(report)
        different({report.source: report.recording for report in reports}, "recordings")
        if not any(report.walks for report in reports):
            raise UserError(f"{_nobody(reports)}: delete {store} to begin anew")
        return Captured(finish_store(store, [report.name for report in reports if report.walks], _about(settings, reports)), reports)


def _recordings(files: Rows[Recording] | Rows[Path | str] | Path | str) -> list[Recording]:
    """What was given, as recordings."""
    given = [] if isinstance(files, str | Path) else [one for one in files if isinstance(one, Recording)]
    if given:
        return given
    found = recordings_of(paths_of(files))  # type: ignore[arg-type]
    if not found:
        raise UserError("no LiDAR recording to capture: give paths of files or folders")
    return found


def _named(progress: Progress, name: str) -> Progress:
    """Progress that says which recording it is about."""

    def show(done: int, total: int, note: str = "") -> None:
        progress(done, total or done + 1, f"{name} {note}")  # while scans are being counted there is no total

    return show


def _stem(recording: Recording) -> str:
    """A recording's name without the ending of a file."""
    return recording.name if len(recording.files) > 1 or recording.files[0].is_dir() else Path(recording.name).stem


def _settings_document(settings: Settings) -> dict[str, Any]:
    """What the plan says of how people are found."""
    return asdict(settings) | {"sensor": _sensor_text(settings.sensor)}


def _digest(recording: Recording, settings: Settings) -> str:
    """The hash of a recording."""
    return recording_hash(recording.files, _settings_document(settings))


def _sensor_text(sensor: str | None) -> str:
    """A LiDAR's name, or what its file says: a changed file is another plan."""
    return Path(sensor).read_text(encoding="utf-8", errors="replace") if sensor and is_file(sensor) else sensor or ""


def _identity(recording: Recording) -> str:
    """A hash of the names, sizes and times of a recording's files."""
    digest = hashlib.blake2b(digest_size=16)
    for file in recording.files:
        for one in sorted(file.rglob("*")) if file.is_dir() else [file]:
            state = one.stat()
            digest.update(f"{one.name}\x1f{state.st_size}\x1f{state.st_mtime_ns}\x1e".encode(errors="surrogateescape"))
    return digest.hexdigest()


def finished(store: Path, name: str) -> RecordingReport | None:
    """The report of a recording that is done; None where there is something to do."""
    try:
        report = RecordingReport.read(json.loads((store / FOLDER / f"{name}.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return report if not report.walks or shard_path(store, name).is_file() else None


def _shard(
    store: Path, name: str, recording: Recording, found: dict[str, Any], told: Told, settings: Settings, size: tuple[int, int], points: bool,
    digest: str,
) -> tuple[RecordingReport, list[Walk]]:
    """Write the shard of one recording (none where nobody walks) and its report. digest: the recording's hash."""
    kept, out = walks(found, settings.gates, size)
    if told.person:
        _alone(recording, kept, told.person)
    times, T = found["scan_time_s"], found["T_world_from_lidar"]
    facts = {"scans": len(times), "lasts_s": float(np.ptp(times)), "lidar": found["sensor"]["name"], "levelled": found["levelled"],
             "background": found["background"], "clusters": len(found["scan"]), "hz": _rate(times),
             "parts": int(found["part"][-1]) + 1, "late": found["late"], "left_out": found["left_out"],
             "moved_m": float(np.linalg.norm(T[:, :3, 3] - T[0, :3, 3], axis=1).max())}  # fmt: skip
    report = RecordingReport(name, recording.name, facts, out, recording=digest, named=bool(told.person), site=told.site, time=told.time)
    prefix = recording_name(told.site or name, _when(told, 0.0, float(found["clock_s"][0])), digest)
    judged = [with_quality(_sequence(f"{prefix}-{walk.number:04d}", recording, walk, facts, told, points)) for walk in kept]
    sequences = [sequence for sequence, _ in judged]
    for (sequence, quality), walk in zip(judged, kept, strict=True):
        about = {"key": sequence.labels.key, "track": f"{prefix}-{walk.number:04d}", "start_s": round(walk.start_s, 6),
                 "frames": len(walk.time_s), "points": float(np.median(walk.counts)), "distance_m": round(walk.distance_m, 3),
                 "height_m": round(walk.height_m, 3), "speed_mps": round(walk.speed_mps, 3),
                 "view_deg": None if math.isnan(walk.view_deg) else round(walk.view_deg, 3), "quality": quality.document()}  # fmt: skip
        if facts["parts"] > 1:
            about["part"] = int(found["part"][walk.first_scan])
        when = _when(told, walk.start_s, float(found["clock_s"][walk.first_scan]) + walk.start_s - float(times[walk.first_scan]))
        report.walks.append(about | ({"time": when.isoformat()} if when else {}))
    (store / FOLDER / f"{name}.json").unlink(missing_ok=True)
    if sequences:
        write_shard(store, name, sequences)
    else:
        shard_path(store, name).unlink(missing_ok=True)
    write_json(vars(report), store / FOLDER / f"{name}.json")
    return report, kept


def _rate(times: np.ndarray) -> float:
    """Turns a second; 0 of a single scan."""
    return float(1 / np.median(np.diff(times))) if len(times) > 1 and np.median(np.diff(times)) > 0 else 0.0


def _when(told: Told, start_s: float, clock_s: float) -> datetime | None:
    """When a walk began: so long after the time that the user says, or by the LiDAR's clock where it shows a date."""
    if told.began:
        return told.began + timedelta(seconds=start_s)
    return datetime.fromtimestamp(clock_s, UTC) if 1e9 < clock_s < 4e9 else None


def _alone(recording: Recording, kept: Rows[Walk], person: str) -> None:
    """UserError where several people walk at once: they cannot all be `person`."""
    for before, after in pairwise(kept):
        if before.start_s + before.time_s[-1] > after.start_s:
            raise UserError(f"{recording.name}: two people walk in it at {after.start_s:.1f} s, they cannot both be {person}: --person is for "
                            "recordings of one person; cut it, or leave --person out")


def _sequence(number: str, recording: Recording, walk: Walk, facts: dict[str, Any], told: Told, points: bool) -> Sequence:
    """What the store keeps of the walk called `number`. Its time begins at 0."""
    person, view = told.person or number, view_label(walk.view_deg)
    labels = Labels(
        key=key_of(person, number, 0, view), person=person, split=told.split, condition="", take=0, view=view, view_deg=walk.view_deg,
        distance_m=walk.distance_m, camera="", lidar=told.site or facts["lidar"], camera_hz=math.nan, lidar_hz=facts["hz"] or math.nan,
        source=recording.name, licence=told.licence,
    )  # fmt: skip
    arrays = {"range_views": walk.views, "range_views_time_s": walk.time_s, "points_on_person": walk.counts}
    return Sequence(labels, arrays | ({"points": walk.points} if points else {}))


def _nobody(reports: Rows[RecordingReport]) -> str:
    """Why there is nothing to store, in a line."""
    what = reports[0].source if len(reports) == 1 else f"{len(reports)} recordings"
    scans = sum(report.facts["scans"] for report in reports)
    out = sum((report.out for report in reports), Counter[str]()).most_common(3)
    why = ", ".join(f"{count} tracks: {reason}" for reason, count in out) or "nothing of a person's size stands free on the ground"
    return (f"{what}: nobody walks in {scans} scans ({why}); see --sheet, --least-frames, --least-points and --farthest, and check that the unit is "
            "metres and that z points up")  # fmt: skip


def _about(settings: Settings, reports: Rows[RecordingReport]) -> dict[str, Any]:
    kept = asdict(settings) | {"sensor": Path(settings.sensor).name if settings.sensor else ""}
    files = [{**vars(report), "out": dict(report.out)} for report in reports]
    return {"kind": "captured", "sensor": "lidar", "gaitbridge": version("gaitbridge"), "settings": kept,
            "time": common(report.time for report in reports), "site": common(report.site for report in reports), "files": files}  # fmt: skip
