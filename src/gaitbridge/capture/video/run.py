"""Videos to a store: one shard a file, read in a process of its own; a plan, reports and what they count.

    STORE/.capture/plan/plan.json   files and options; another plan refuses the folder
    STORE/.capture/<name>.json      what one file gave; it is written after the shard: a file is done that has both
"""

import hashlib
import json
import math
from collections import Counter
from collections.abc import Sequence as Rows
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from gaitbridge.capture.fetched import known
from gaitbridge.capture.growing import Growing, common
from gaitbridge.capture.isolated import run_isolated
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
from gaitbridge.capture.video.reports import FileReport, count_lines, nobody
from gaitbridge.capture.video.settings import Settings
from gaitbridge.capture.video.walks import walk_arrays
from gaitbridge.errors import UserError
from gaitbridge.files import alone, check_out, in_turn, workplace, write_json, written_whole
from gaitbridge.names import canonical
from gaitbridge.parts import PLACE, Part
from gaitbridge.progress import Progress, silent
from gaitbridge.store import finish_store, shard_path, write_shard
from gaitbridge.types import Labels, Sequence
from gaitbridge.walks.stored import with_quality

READER, PAINTER = "gaitbridge.capture.video.reader:read_video", "gaitbridge.capture.video.preview:write_preview"  # not imported here: heavy


@dataclass(frozen=True)
class Captured:
    """What a capture gave: store.json, and a report a file. Of a part, as long as others are missing: an empty store.json."""

    document: dict[str, Any]
    reports: list[FileReport]


def capture_videos(
    videos: Rows[Path | str] | Path | str, store: Path | str, settings: Settings | None = None, told: Told | None = None, *,
    preview: Path | None = None, sheet: Path | None = None, stall_s: float = 120.0, megabytes: float = 4000.0, append: bool = False,
    part: Part | None = None, progress: Progress = silent,
) -> Captured:  # fmt: skip
    """Walking people of videos (a file, or several) to a store.

    append: add them to a finished store that was captured with the same settings; files whose content is there already are left out.

    part: only these of the files; whoever finds the others there, too, finishes the store.

    preview: an .mp4 or .html to draw what was found (a name a file where there are several); sheet: a .png of the silhouettes; stall_s: a file
    that does not go on for so long is given up; megabytes: memory that reading may take. UserError for mistakes, for what cannot be read, and
    where no file shows a walking person; what was finished before is kept.
    """
    settings, told, store, files = settings or Settings(), told or Told(), Path(store), paths_of(videos)
    settings = replace(settings, people=settings.found_by)  # so that the plan and the store say which, and a model fetched meanwhile changes nothing
    _check(files, store, told, preview, sheet)
    if part is not None and append:
        raise UserError(NO_GROWING_PARTS)
    with alone(store, together=part is not None):
        growing = Growing(store, "camera", _options(settings)) if append else None
        earlier = [FileReport.read(file) for file in growing.files] if growing else []
        if growing:
            files = growing.new(files, [_digest(file, settings) for file in files], [canonical(file.name) for file in files])
            if not files:
                growing.done()  # a kill may have left that
                return Captured(growing.document, earlier)
        names = names_of((file.stem for file in files), nameless="video", what="files", taken=growing.names if growing else ())
        mine = names if part is None else part.share(names)
        hashes = {name: _digest(file, settings) for file, name in zip(files, names, strict=True) if name in mine}
        different(hashes, "files")
        previews = {} if preview is None else {name: preview if len(files) == 1 else preview.with_stem(f"{preview.stem}-{name}") for name in names}
        for out in previews.values():
            check_out(f"--preview {out}", out, files)
        stats = {name: [canonical(file.name), file.stat().st_size, file.stat().st_mtime_ns] for file, name in zip(files, names, strict=True)}
        if growing:
            growing.begin(told, hashes)
        else:
            start(store, {"files": stats, "told": asdict(told), **_options(settings)})
        reports: list[FileReport] = []
        paths = dict(zip(names, files, strict=True))

        def captured(name: str) -> FileReport:
            file, report = paths[name], finished(store, name)
            if report is None or preview is not None:  # a preview needs the tracks again
                if not growing:
                    (store / "store.json").unlink(missing_ok=True)
                show = _named(progress, file, files)
                found = run_isolated(READER, file, asdict(settings), seconds=stall_s, megabytes=megabytes, progress=show)
                report = _shard(store, name, file, found, told, hashes[name])
                if preview is not None:
                    _preview(file, found, report, previews[name], settings, stall_s, megabytes, show)
            return report

        if part is not None:
            whole = captured_part(store, names, part, "capture video", asdict(settings), captured)
            made = merge(store) if whole else Captured({}, [])
            if whole and sheet is not None:
                _sheet(store, sheet)
            return made
        try:
            for name in names:
                reports.append(captured(name))
            if not any(report.sequences for report in reports):
                raise UserError(nobody(reports))
        except BaseException:
            if not growing and not any(report.sequences for report in reports) and not any(finished(store, name) for name in names[len(reports):]):
                undo(store)  # nothing to go on from, and other options may come
            raise
        reports = [*earlier, *reports]
        if growing:
            growing.add(told, stats)
        document = finish_store(store, [report.name for report in reports if report.sequences], _about(settings, reports))
        if growing:
            growing.done()
        if sheet is not None:
            _sheet(store, sheet)
        return Captured(document, reports)


def merge(store: Path) -> Captured:
    """Finish a store whose files were all captured, in parts. UserError where nobody walks in any, StoreError where something is lost since."""
    said, names = settings_of_parts(store)
    settings = Settings(**said)
    reports = []
    with in_turn(store / PLACE / "merging.lock"):
        for name in names:
            if (report := finished(store, name)) is None:
                raise lost(store, name)
            reports.append(report)
        different({report.file: report.recording for report in reports}, "files")
        if not any(report.sequences for report in reports):
            raise UserError(f"{nobody(reports)}: delete {store} to begin anew")
        return Captured(finish_store(store, [report.name for report in reports if report.sequences], _about(settings, reports)), reports)


def _named(progress: Progress, file: Path, files: Rows[Path]) -> Progress:
    """Progress that says which of several files it is about."""
    if len(files) == 1:
        return progress

    def show(done: int, total: int, note: str = "") -> None:
        progress(done, total, f"{canonical(file.name)} ({list(files).index(file) + 1} of {len(files)}) {note}")

    return show


def _check(files: Rows[Path], store: Path, told: Told, preview: Path | None, sheet: Path | None) -> None:
    """The mistakes that can be seen before anything is read."""
    if not files:
        raise UserError("no video given: name one or more files, and the store last")
    for file in files:
        if not file.is_file():
            raise UserError(f"{file} is {'a folder' if file.is_dir() else 'missing'}: give video files, and the store last")
    if len({file.resolve() for file in files}) < len(files):
        raise UserError("a file is given twice: name each once")
    if store.is_file():
        raise UserError(f"{store} is a file: the last argument is the folder of the store to make")
    if told.time and len(files) > 1:
        raise UserError("--time is of one recording: capture these files one by one, each to a store of its own")
    if preview is not None and preview.suffix.lower() not in (".mp4", ".html"):
        raise UserError(f"--preview {preview}: end its name in .mp4 or .html")
    if sheet is not None and sheet.suffix.lower() != ".png":
        raise UserError(f"--sheet {sheet}: end its name in .png")
    if sheet is not None:
        check_out(f"--sheet {sheet}", sheet, files)


def _options(settings: Settings) -> dict[str, Any]:
    """What the plan says of how people are found."""
    return {"settings": asdict(settings), "model": _model_hash(settings), "segmenter": segmenter(settings)}


def _digest(file: Path, settings: Settings) -> str:
    """The hash of a recording."""
    return recording_hash([file], _options(settings))


def segmenter(settings: Settings) -> str:
    """What told people from the scene, for those who compare walks of several captures: a model by its name and hash."""
    if settings.found_by == "learnt":
        return "people " + next(file.sha256[:8] for file in known("people").files if "landmark" in file.name)
    return f"{settings.model_path.name} {_model_hash(settings)[:8]}" if settings.model_path else settings.background


def _model_hash(settings: Settings) -> str:
    """The hash of the user's own model, or nothing."""
    path = settings.model_path
    return hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest() if path is not None and path.is_file() else ""


def finished(store: Path, name: str) -> FileReport | None:
    """The report of a file that is done; None where there is something to do."""
    try:
        report = FileReport.read(json.loads((store / FOLDER / f"{name}.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return report if not report.sequences or shard_path(store, name).is_file() else None


def _shard(store: Path, name: str, file: Path, found: dict[str, Any], told: Told, recording: str) -> FileReport:
    """Write the shard of one file and its report. recording: its hash."""
    report = FileReport(name, canonical(file.name), found["frames"], found["rate_hz"], len(found["tracks"]), notes=Counter(found["notes"]),
                        recording=recording, named=bool(told.person), site=told.site, time=told.time)
    prefix = recording_name(told.site or name, told.began, recording)
    sequences: list[Sequence] = []
    for track in found["tracks"]:
        report.people_frames += len(track["frame"])
        report.kept_frames += sum(map(len, track["runs"]))
        report.out.update(reason for reason in track["reason"].tolist() if reason)
        for take, (run, view) in enumerate(zip(track["runs"], track["views"], strict=True)):
            number = f"{prefix}-{track['number'] + 1:04d}"
            sequence, quality = with_quality(_sequence(name, file, found, track, number, take, run, view, told))
            sequences.append(sequence)
            start_s = float(track["time_s"][run[0]]) - found["first_s"]
            about = {"key": sequences[-1].labels.key, "track": number, "frames": len(run), "start_s": round(start_s, 6),
                     "quality": quality.document()}
            if found["parts"] > 1:
                about["part"] = track["part"]
            if told.began:
                about["time"] = (told.began + timedelta(seconds=start_s)).isoformat()
            report.sequences.append(about)
    if told.person:
        _alone(file, found)
    if sequences:
        write_shard(store, name, sequences)
    else:
        shard_path(store, name).unlink(missing_ok=True)
    write_json(vars(report), store / FOLDER / f"{name}.json")
    return report


def _sequence(
    name: str, file: Path, found: dict[str, Any], track: dict[str, Any], number: str, take: int, run: np.ndarray, view_deg: float, told: Told
) -> Sequence:
    """One good run of the track called `number`. Its time begins at 0."""
    person, view = told.person or number, view_label(view_deg)
    labels = Labels(
        key=key_of(person, number, take, view), person=person, split=told.split, condition="", take=take, view=view, view_deg=view_deg,
        distance_m=math.nan, camera=told.site or name, lidar="", camera_hz=found["rate_hz"], lidar_hz=math.nan, source=canonical(file.name),
        licence=told.licence,
    )  # fmt: skip
    return Sequence(labels, walk_arrays(track, run))


def _alone(file: Path, found: dict[str, Any]) -> None:
    """UserError where two people are to be seen at a time: they cannot both be --person."""
    first: dict[int, int] = {}
    for track in found["tracks"]:
        for run in track["runs"]:
            for frame, time_s in zip(track["frame"][run].tolist(), track["time_s"][run].tolist(), strict=True):
                if first.setdefault(frame, track["number"]) != track["number"]:
                    raise UserError(f"{file}: two people walk in it at {time_s - found['first_s']:.1f} s: --person is for recordings of one person; "
                                    "cut it, or leave --person out")


def _preview(
    file: Path, found: dict[str, Any], report: FileReport, out: Path, settings: Settings, stall_s: float, megabytes: float, progress: Progress
) -> None:
    """Write one file's preview."""
    from gaitbridge.capture.video.page import preview_page

    names = ("number", "frame", "box", "window", "silhouette", "reason")
    tracks = [{name: track[name] for name in names} for track in found["tracks"]]
    if out.suffix.lower() == ".mp4":
        with written_whole(out) as temporary:
            run_isolated(PAINTER, file, tracks, temporary, found["rate_hz"], settings.hz, seconds=stall_s, megabytes=megabytes, progress=progress)
        return
    with written_whole(out) as temporary, workplace(out) as folder:
        movie = folder / "preview.mp4"
        run_isolated(PAINTER, file, tracks, movie, found["rate_hz"], settings.hz, seconds=stall_s, megabytes=megabytes, progress=progress)
        temporary.write_text(preview_page(canonical(file.name), movie.read_bytes(), found, count_lines([report])), encoding="utf-8")


def _about(settings: Settings, reports: Rows[FileReport]) -> dict[str, Any]:
    files = [{**vars(report), "out": dict(report.out), "notes": dict(report.notes)} for report in reports]
    kept = {name: value for name, value in asdict(settings).items() if name != "model"}
    model = settings.model_path.name if settings.model_path else ""
    return {"kind": "captured", "sensor": "camera", "gaitbridge": version("gaitbridge"), "settings": kept | {"model": model},
            "segmenter": segmenter(settings), "time": common(report.time for report in reports), "site": common(report.site for report in reports),
            "files": files, "summary": [{"what": what, "found": found} for what, found in count_lines(reports)]}


def _sheet(store: Path, sheet: Path) -> None:
    from gaitbridge.capture.video.sheet import write_sheet
    from gaitbridge.store import Store

    opened = Store(store)
    frames = [opened.read(number, ["silhouettes"]).arrays["silhouettes"] for number in range(len(opened.rows))]
    write_sheet(frames, [row["key"].rpartition("/")[0] for row in opened.rows], sheet)
