"""Commands of capture from LiDAR: capture lidar."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from gaitbridge.cli._app import PartOf, say, say_tables
from gaitbridge.cli._capture import capture
from gaitbridge.cli._parts import say_waiting
from gaitbridge.errors import UserError
from gaitbridge.files import check_out

if TYPE_CHECKING:
    from gaitbridge.capture.lidar.run import RecordingReport
    from gaitbridge.capture.lidar.walk import Walk


@capture.command
def lidar(
    *files: Annotated[Path, Parameter(name="FILE")], hz: float | None = None, sensor: str | None = None, topic: str | None = None,
    columns: int | None = None, unit: Literal["m", "cm", "mm"] = "m", size: str = "64x44", points: Annotated[bool, Parameter(negative=())] = False,
    person: str = "", site: str = "", time: str = "", licence: str = "", least_frames: int = 10, least_points: int = 20, farthest: float = 40.0,
    sheet: Path | None = None, stall_seconds: float = 120.0, memory_mb: float = 4000.0, append: bool = False,
    part: PartOf = None,
) -> None:  # fmt: skip
    """Take walking people from LiDAR recordings to a store: gaitbridge capture lidar FILE... STORE. Interrupted, it goes on where it was.

    Parameters
    ----------
    files
        Recordings, and last the folder of the store to make: .pcd, .bin (KITTI, nuScenes), .npy, .npz, .pkl, .las, .laz, .pcap (Velodyne), ROS bags
        (.bag, .mcap, .db3, or a ROS 2 bag's folder), or a folder of scans. Single scans of one folder make up one recording.
    hz
        Turns a second, for recordings that do not have the times of their scans.
    sensor
        The LiDAR's name (a wrong one lists the nearest, or all), or a file: an Ouster's metadata (.json), a Hesai's angles (.csv), or a .json that
        describes it; for recordings that do not say which LiDAR made them.
    topic
        Of a ROS bag with several LiDARs.
    columns
        How many floats a point has in .bin files (KITTI 4, nuScenes 5); by default found from the data.
    unit
        Of the coordinates.
    size
        Height x width of the range views.
    points
        Keep each person's points, too.
    person
        Who walks, in recordings of one person; without it each track is a person of its own.
    site
        Name of the place or LiDAR; by default the LiDAR's model.
    time
        When the recording began, such as 2026-05-01T14:30:00+02:00.
    licence
        Under which the recording may be used; it stays with the sequences.
    least_frames
        A walk is at least so many scans.
    least_points
        A person is at least so many points in a scan.
    farthest
        People beyond so many metres are left out.
    sheet
        Write a .png of what was found: the scene from above, and range views. Of several recordings, each its own.
    stall_seconds
        Give a recording up that does not go on for so long.
    memory_mb
        Memory that reading a recording may take.
    append
        Add the recordings to a finished store that was captured with the same settings; what is in it already is not added again.
    part
        K/N: only part K of N of the recordings, for many machines; by default the task of a SLURM array. Whoever finishes last merges the store.
    """
    from gaitbridge.capture.lidar.detect import Settings
    from gaitbridge.capture.lidar.gates import Gates
    from gaitbridge.capture.lidar.recordings import recordings
    from gaitbridge.capture.lidar.run import capture_lidar
    from gaitbridge.capture.stores import Told
    from gaitbridge.cli._sizes import height_width
    from gaitbridge.geometry.sensors import is_file, open_sensor
    from gaitbridge.parts import chosen
    from gaitbridge.progress import progress

    if len(files) < 2:
        raise UserError("give one or more LiDAR recordings and, last, the store to make: gaitbridge capture lidar FILE... STORE")
    *sources, store = files
    if store.is_file():
        raise UserError(f"{store} is a file: the last argument is the folder of the store to make")
    for name, value, least, most in (("--hz", 10.0 if hz is None else hz, 0.5, 200), ("--least-frames", least_frames, 2, 1e6),
                                     ("--least-points", least_points, 5, 1e6), ("--columns", 4 if columns is None else columns, 3, 64),
                                     ("--farthest", farthest, 2, 120),
                                     ("--stall-seconds", stall_seconds, 1, 1e9), ("--memory-mb", memory_mb, 100, 1e9)):
        if not least <= value <= most:
            raise UserError(f"{name} {value:g}: give {least:g} to {most:g}")
    if sheet is not None and sheet.suffix.lower() != ".png":
        raise UserError(f"--sheet {sheet}: end its name in .png")
    if sheet is not None:
        check_out(f"--sheet {sheet}", sheet)
    if sensor is not None:
        open_sensor(sensor)  # a wrong one is said before anything is read
    gates = Gates(least_frames=least_frames, least_points=least_points, farthest_m=farthest)
    settings = Settings(hz, topic, columns, unit, str(Path(sensor).resolve()) if sensor and is_file(sensor) else sensor, gates)
    found = recordings(sources)
    draw = None if sheet is None else lambda *what: _draw(sheet, len(found), *what)
    own = chosen(part)
    with progress("capture", "scans") as show:
        done = capture_lidar(found, store, settings, Told(person, site, time, licence), size=height_width(size), points=points, stall_s=stall_seconds,
                             megabytes=memory_mb, append=append, part=own, progress=show, show=draw)
    if not done.document:
        say_waiting(store, own)
        return
    for report in done.reports:
        _tell(report)
    say(f"{store}: content {done.document['content_hash']}")


def _tell(report: RecordingReport) -> None:
    """A table of the walks in a recording, and what was left out."""
    from gaitbridge.report.tables import TextTable

    facts = report.facts
    rows = tuple((walk["key"], f"{walk['start_s']:.1f} s", str(walk["frames"]), f"{walk['points']:.0f}", f"{walk['distance_m']:.1f} m",
                  f"{walk['height_m']:.2f} m", f"{walk['speed_mps']:.1f} m/s", "turns" if walk["view_deg"] is None else f"{walk['view_deg']:.0f}",
                  f"{walk['quality']['score']:.2f}" if "quality" in walk else "")
                 for walk in report.walks)  # fmt: skip
    moved = f", the LiDAR moved {facts['moved_m']:.1f} m" if facts["moved_m"] > 0.1 else ""
    parts = f", in {facts['parts']} parts, as its clock was set back" if facts.get("parts", 1) > 1 else ""
    title = f"{report.source}: {facts['scans']} scans in {facts['lasts_s']:.1f} s by {facts['lidar']}{moved}{parts}"
    if rows:
        say_tables(TextTable(title, ("sequence", "from", "scans", "points", "distance", "height", "speed", "view", "quality"), rows).to_rich())
    else:
        say(f"{title}: nobody walks in it")
    if facts["levelled"] < 0.5:
        say("no ground was found in most scans, heights are above the lowest points: does z point up?")
    for words, count in (("came late and were sorted in", facts.get("late", 0)), ("out of order were left out", facts.get("left_out", 0))):
        if count:
            say(f"{count} scans {words}")
    for reason, count in report.out.most_common():
        say(f"left out: {count} tracks, {reason}")


def _draw(sheet: Path, recordings: int, source: str, found: dict[str, Any], walks: list[Walk]) -> None:
    """The sheet of one recording."""
    from gaitbridge.report.lidar_sheet import Row, write_sheet

    out = sheet if recordings == 1 else sheet.with_name(f"{sheet.stem}-{source}.png")
    rows = [Row(f"walk {walk.number}", f"{walk.distance_m:.1f} m away, {walk.height_m:.2f} m tall, {walk.speed_mps:.1f} m/s, "
                f"{float(sorted(walk.counts)[len(walk.counts) // 2]):.0f} points a scan", walk.way, walk.views) for walk in walks]  # fmt: skip
    title = f"{source}: {len(found['scan_time_s'])} scans by {found['sensor']['name']}"
    write_sheet(out, title, found["scene"], found["T_world_from_lidar"][:, :2, 3], rows)
