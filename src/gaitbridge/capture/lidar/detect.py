"""One recording to the clusters that may be people: all steps, in a process of its own, since it reads files from anywhere.

Two passes: the first counts scans and what stands still; the second looks for people in each scan.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from gaitbridge.capture.clock import Clock, Placed
from gaitbridge.capture.isolated import report
from gaitbridge.capture.lidar import background, ego, geometry
from gaitbridge.capture.lidar.clusters import clusters, reach_m
from gaitbridge.capture.lidar.gates import Gates, Size, crowd, may_be_person, size_of
from gaitbridge.capture.lidar.ground import Levelled, level
from gaitbridge.capture.lidar.limbs import feet, limbs
from gaitbridge.capture.lidar.readers import Wish
from gaitbridge.capture.lidar.recordings import scans_of
from gaitbridge.capture.lidar.scans import Scan, cleaned, scaled
from gaitbridge.config import Hz, judged
from gaitbridge.errors import UserError
from gaitbridge.geometry.projection import Projection

OFF_GROUND_M = 0.1  # above the ranges' noise and the ground's roughness; the soles are lost
BODY_M = (0.25, 2.5)  # at these heights other things crowd a person: low grass and branches above do not
HIGHEST_M = 4.0  # more is not looked at: enough to tell trees, posts and walls from people
BEAM_POINTS = 8_000  # of a scan, to measure the beams by; the first scan alone may look into the sky where somebody comes to stand
SHOWN = 20_000  # points of the scene, for a picture
UNITS = {"m": 1.0, "cm": 0.01, "mm": 0.001}
MOST_SCANS = 200_000
Columns = Annotated[int, Field(ge=3, le=64)]  # of a scan without a header: x, y, z at least


@dataclass(frozen=True)
class Settings:
    """What the user chose: wish, see `readers.Wish`; unit of the files' coordinates; sensor, a name or a file, or None for the recording's own."""

    hz: Hz | None = None
    topic: str | None = None
    columns: Columns | None = None
    unit: str = "m"
    sensor: str | None = None
    gates: Gates = field(default_factory=Gates)

    def __post_init__(self) -> None:
        judged(self)


def find(files: list[Path], name: str, settings: dict[str, Any]) -> dict[str, Any]:
    """What may be a person in each scan of a recording, as plain values (`run_isolated` passes nothing else).

    settings: those of `Settings`, gates as a dict. Returns scan_time_s [T], from the first, by a clock that never falls; clock_s [T], by the
    file's; part [T], of the recording, see `capture.clock`; late and left_out, scans that were not in order; sensor, the fields of its
    Projection; T_world_from_lidar [T, 4, 4] (see `Way`); background, whether what stands still was taken away; levelled, the share of scans with
    ground; scene [S, 3], some points of a scan in the middle, in the world; of the candidates, scan by scan: scan [N], place [N, 3] in the
    LiDAR's frame, top_m [N], crowd [N], counts [N]; of all their points: points [Q, 3] in the LiDAR's frame, height_m [Q], point_time_s [Q], from
    the scan's time. UserError where the recording cannot be used.
    """
    own = Settings(**settings | {"gates": Gates(**settings["gates"])})
    still, first, times, beams = _first_pass(files, name, own)
    sensor = geometry.sensor_of(first, own.sensor, name, beams)
    return _second_pass(files, name, own, still, sensor, times)


@dataclass(frozen=True)
class Times:
    """When the scans of a recording were taken. scan_s [T] by a clock that never falls, clock_s [T] by the file's (the same where it has none),
    part [T] of the recording; late and left_out, see `Clock`."""

    scan_s: np.ndarray
    clock_s: np.ndarray
    part: np.ndarray
    late: int
    left_out: int


def _scans(files: list[Path], name: str, settings: Settings, clock: Clock[Scan]) -> Iterator[Placed[Scan]]:
    """The scans in the order of their times."""
    for number, placed in enumerate(clock.in_order(scans_of(files, Wish(settings.hz, settings.topic, settings.columns)))):
        if number >= MOST_SCANS:
            raise UserError(f"{name}: more than {MOST_SCANS:,} scans: cut it into parts")
        yield placed._replace(item=cleaned(scaled(placed.item, UNITS[settings.unit]), f"{name}, scan {number}"))


def _clock() -> Clock[Scan]:
    return Clock(lambda scan: scan.time_s)


def _first_pass(files: list[Path], name: str, settings: Settings) -> tuple[np.ndarray, Scan, Times, tuple[np.ndarray, np.ndarray] | None]:
    """The background's voxels; the fullest of the first scans; the scans' times; some points of many scans and their beams, where they say them."""
    counted = background.Occupancy()
    beams: list[tuple[np.ndarray, np.ndarray]] = []
    first: Scan | None = None
    given: list[tuple[int, float | None, float | None]] = []
    points = 0
    clock = _clock()
    for number, (part, time_s, scan) in enumerate(_scans(files, name, settings, clock)):
        report(number, 0, "first pass")
        given.append((part, time_s, scan.time_s))
        points += len(scan.points)
        if counted.wanted() and len(scan.points):
            counted.add(_upright(scan, settings))
            if scan.ring is not None and len(beams) < background.KEPT:
                some = slice(len(beams) % 7, None, -(-len(scan.points) // BEAM_POINTS))
                beams.append((scan.points[some], scan.ring[some]))
        if first is None or (number < 20 and len(scan.points) > len(first.points)):
            first = scan
    if first is None or not points:
        raise UserError(f"{name}: it has {len(given)} scans without a point: record again, or give another file")
    times = _times(given, name, settings.hz, clock)
    named = (np.concatenate([points for points, _ in beams]), np.concatenate([ring for _, ring in beams])) if beams else None
    return _still(counted, float(np.ptp(times.scan_s))), first, times, named


def _upright(scan: Scan, settings: Settings) -> np.ndarray:
    """The points [P, 3] of a scan that stand on the ground."""
    stands = standing(scan.points, settings.gates)
    return stands.points[stands.up]


def _times(given: list[tuple[int, float | None, float | None]], name: str, hz: float | None, clock: Clock[Scan]) -> Times:
    """The file's own times, else by --hz. UserError where neither says. given: part, time by the clock that never falls, and by the file's."""
    own = np.array([np.nan if time_s is None else time_s for _, time_s, _ in given])
    if np.isfinite(own).all() and (len(own) == 1 or float(np.median(np.diff(own))) > 0):
        parts, file_s = np.array([part for part, _, _ in given]), np.array([time_s for _, _, time_s in given], np.float64)
        return Times(own, file_s, parts, clock.late, clock.left_out)
    if hz is None:
        why = "most of its scans have the time of the one before" if np.isfinite(own).all() else "its scans have no times"
        raise UserError(f"{name}: {why}: say --hz, the LiDAR's turns a second (mostly 10)")
    counted = np.arange(len(own)) / hz
    return Times(counted, counted, np.zeros(len(own), np.int64), clock.late, clock.left_out)


def _still(counted: background.Occupancy, lasts_s: float) -> np.ndarray:
    """The background's voxels; none where the LiDAR moves, or the recording is too short to tell."""
    voxels = counted.background(lasts_s)
    shares = [float(np.isin(kept, voxels).mean()) for kept in counted.kept if len(kept)]
    return voxels if shares and float(np.median(shares)) >= background.STATIC else voxels[:0]


@dataclass(frozen=True)
class Standing:
    """One scan within reach: points [P, 3] in the LiDAR's frame, their numbers [P] in the scan, and levelled with heights above the ground; of
    them `up`, numbers of those that stand on the ground, and `low`, of those that are the ground or near it."""

    points: np.ndarray
    rows: np.ndarray
    ground: Levelled
    up: np.ndarray
    low: np.ndarray


def standing(points: np.ndarray, gates: Gates) -> Standing:
    """What stands on the ground among the points [P, 3] of a scan."""
    ranges = np.linalg.norm(points, axis=1)
    near = np.flatnonzero((ranges >= gates.nearest_m) & (ranges <= gates.farthest_m))
    ground = level(points[near])
    height_m = ground.height_m
    return Standing(points[near], near, ground, np.flatnonzero((height_m > OFF_GROUND_M) & (height_m < HIGHEST_M)),
                    np.flatnonzero(height_m <= OFF_GROUND_M))  # fmt: skip


@dataclass(frozen=True)
class Candidate:
    """A cluster that may be a person: in which scan, its place [3] in the LiDAR's frame, its size, and its points [P, 3] there with heights
    above the ground and times from the scan's [P]."""

    scan: int
    place: np.ndarray
    size: Size
    points: np.ndarray
    height_m: np.ndarray
    time_s: np.ndarray


def _second_pass(
    files: list[Path], name: str, settings: Settings, still: np.ndarray, sensor: Projection, times: Times
) -> dict[str, Any]:  # fmt: skip
    """What `find` returns."""
    found: list[Candidate] = []
    way = Way(not len(still))
    grounds, scene = 0, np.empty((0, 3))
    count = len(times.scan_s)
    for number, (_, _, scan) in enumerate(_scans(files, name, settings, _clock())):
        report(number, count, f"{len(found)} clusters")
        stands = standing(scan.points, settings.gates)
        if number and times.part[number] != times.part[number - 1]:
            way.lost()
        way.add(stands)
        grounds += stands.ground.found
        if number == count // 2 or not len(scene):
            scene = way.to_world(stands.points[stands.up[:: -(-len(stands.up) // SHOWN) or 1]])
        when = np.zeros(len(scan.points)) if scan.point_time_s is None else scan.point_time_s
        found += _people(number, stands, when[stands.rows], still, sensor, settings.gates)
    if not way.poses:
        raise UserError(f"{name}: it could be read but once: give a file, not a pipe")
    return {
        "scan_time_s": times.scan_s - times.scan_s[0], "clock_s": times.clock_s, "part": times.part, "late": times.late,
        "left_out": times.left_out, "sensor": asdict(sensor), "T_world_from_lidar": np.stack(way.poses),
        "background": bool(len(still)),
        "levelled": grounds / count, "scene": scene.astype(np.float32), "scan": np.array([one.scan for one in found], np.int64),
        "place": np.array([one.place for one in found]).reshape(-1, 3), "top_m": np.array([one.size.top_m for one in found]),
        "crowd": np.array([one.size.crowd for one in found]),
        "counts": np.array([len(one.points) for one in found], np.int64),
        "points": np.concatenate([one.points for one in found]) if found else np.empty((0, 3)),
        "height_m": np.concatenate([one.height_m for one in found]) if found else np.empty(0),
        "point_time_s": np.concatenate([one.time_s for one in found]) if found else np.empty(0),
    }  # fmt: skip


class Way:
    """The LiDAR's poses, scan by scan. The world is the first scan's frame, levelled, z = 0 on the ground below."""

    def __init__(self, moves: bool) -> None:
        self.moves = moves
        self.poses: list[np.ndarray] = []
        self.before: ego.Surfaces | None = None
        self.step = np.eye(4)

    def add(self, stands: Standing) -> None:
        """The pose at the next scan: where the LiDAR stands still the one it has, else by what stands around."""
        if not self.poses:
            self.poses.append(stands.ground.T_level_from_lidar)
        else:
            self.poses.append(self.poses[-1])
        if not self.moves:
            return
        now = ego.surfaces(stands.points[stands.up])
        if self.before is not None:
            self.step = ego.moved(self.before, now, self.step)
            self.poses[-1] = self.poses[-1] @ self.step
        self.before = now

    def lost(self) -> None:
        """Another part of the recording begins: how the LiDAR came to be where it is now is not known."""
        self.before, self.step = None, np.eye(4)

    def to_world(self, points: np.ndarray) -> np.ndarray:
        """Points [P, 3] of the newest scan in the world."""
        return np.asarray(points @ self.poses[-1][:3, :3].T + self.poses[-1][:3, 3])


def _people(scan: int, stands: Standing, when: np.ndarray, still: np.ndarray, sensor: Projection, gates: Gates) -> Iterator[Candidate]:
    """The clusters of one scan that may be people; `when` [P], the times of its points."""
    flat, height_m = stands.ground.points, stands.ground.height_m
    body = np.zeros(len(flat), bool)
    body[stands.up] = (height_m[stands.up] > BODY_M[0]) & (height_m[stands.up] < BODY_M[1])
    parts = list(_parts(stands, still, sensor, gates))
    pieces = [part for part in parts if len(part) < gates.least_points]
    middles = np.array([flat[piece, :2].mean(0) for piece in pieces]).reshape(-1, 2)
    for part in parts:
        if len(part) < gates.least_points or not may_be_person(size_of(flat[part], height_m[part]), gates):
            continue
        part = np.concatenate([part, limbs(flat, part, pieces, middles, gates.widest_m)])
        size = size_of(flat[part], height_m[part])
        others = body.copy()
        others[part] = False
        size = replace(size, crowd=crowd(flat[part], flat[others]))
        place = stands.ground.given(np.array([*size.centre, float(flat[part, 2].mean())]))
        whole = np.sort(np.concatenate([part, feet(flat, height_m, part, stands.low)]))
        yield Candidate(scan, place, size, stands.points[whole], height_m[whole], when[whole])


def _parts(stands: Standing, still: np.ndarray, sensor: Projection, gates: Gates) -> Iterator[np.ndarray]:
    """Numbers of the points of each cluster that does not stand still; one that is too wide for a person is tried again with half the reach."""
    flat = stands.ground.points
    rows = stands.up[~background.stays(stands.points[stands.up], still)]
    across, up = reach_m(stands.points, sensor.azimuth_step, geometry.beam_gap(sensor))
    for part in _groups(rows, clusters(flat[rows], across[rows], up[rows])):
        if len(part) < gates.least_points or float(np.ptp(flat[part, :2], axis=0).max()) <= gates.widest_m:
            yield part
            continue
        yield from _groups(part, clusters(flat[part], across[part] / 2, up[part]))


def _groups(rows: np.ndarray, labels: np.ndarray) -> list[np.ndarray]:
    """The rows of each label."""
    order = np.argsort(labels, kind="stable")
    return np.split(rows[order], np.flatnonzero(np.diff(labels[order])) + 1) if len(rows) else []
