"""One walk in every format, with and without the beams' names: the same LiDAR, the same range views."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import lidar_files as files
import numpy as np
import pytest
from lidar_street import ANN, Shot, street

from gaitbridge.capture.lidar import detect
from gaitbridge.capture.lidar.beams import cones, origin_of
from gaitbridge.capture.lidar.detect import Settings, find
from gaitbridge.capture.lidar.gates import Gates
from gaitbridge.capture.lidar.recordings import recordings
from gaitbridge.capture.lidar.walk import walks
from gaitbridge.geometry.range_view import nearest_beam
from gaitbridge.geometry.sensors import open_sensor

NAME = "ouster-os1-128"
FOOT_M = (0.0158, 0.0362)  # an OS1: its beams start so far out of the axis and above the points' origin
GATES = Gates(least_frames=5)
Points = np.ndarray


def in_foot(points: Points) -> Points:
    """The points as the LiDAR's maker gives them, from an origin in its foot."""
    across = np.hypot(points[:, 0], points[:, 1])
    return np.column_stack([points[:, :2] * ((across + FOOT_M[0]) / across)[:, None], points[:, 2] + FOOT_M[1]])


@pytest.fixture(scope="module")
def shots() -> list[Shot]:
    """Five turns of a walker before a street, a fifth of each turn."""
    kept = []
    for shot in street(5, walkers=(ANN,), every=1):
        near = np.abs(np.arctan2(shot.points[:, 1], shot.points[:, 0]) + 0.3) < np.pi / 5
        kept.append(Shot(shot.time_s, in_foot(shot.points[near]), shot.owner[near], shot.ring[near], shot.T_world_from_lidar))
    return kept


def grid(path: Path, shots: list[Shot]) -> Path:
    """Scans as the LiDAR's grid [128, 1024, 3], with its table of beams."""
    held: dict[str, np.ndarray] = {}
    for number, shot in enumerate(shots):
        xyz = np.zeros((128, 1024, 3), np.float32)
        column = np.floor((np.pi - np.arctan2(shot.points[:, 1], shot.points[:, 0])) / np.deg2rad(360 / 1024)).astype(int)
        xyz[shot.ring, column] = shot.points
        held |= {f"scan_{number}_xyz_m": xyz, f"scan_{number}_range_m": np.linalg.norm(xyz, axis=2)}
    np.savez(path, **held, beam_alt_deg=np.array(open_sensor(NAME).elevations_deg))  # type: ignore[arg-type]
    return path


def folder(place: Path, write: Callable[[Path, Shot], object], shots: list[Shot], ending: str) -> Path:
    place.mkdir()
    for number, shot in enumerate(shots):
        write(place / f"{number}{ending}", shot)
    return place


def beams(shot: Shot) -> dict[str, np.ndarray]:
    return {"ring": shot.ring.astype("<u2")}


# How each format is written, and which --sensor it needs
FORMATS: dict[str, tuple[Callable[[Path, list[Shot]], Path], str | None]] = {
    "grid.npz": (grid, None),
    "npz by name": (lambda place, shots: files.npz(place.with_suffix(".npz"), [shot.points for shot in shots]), NAME),
    "pcd with rings": (lambda place, shots: folder(place, lambda path, shot: files.pcd(path, shot.points, extra=beams(shot)), shots, ".pcd"), None),
    "pcd by name": (lambda place, shots: folder(place, lambda path, shot: files.pcd(path, shot.points), shots, ".pcd"), NAME),
    "five columns": (lambda place, shots: folder(place, lambda path, shot: files.kitti(path, shot.points, shot.ring), shots, ".bin"), None),
    "four columns": (lambda place, shots: folder(place, lambda path, shot: files.kitti(path, shot.points), shots, ".bin"), NAME),
    "bag with rings": (lambda place, shots: files.ros(place.with_suffix(".bag"), [s.points for s in shots], [s.ring for s in shots]), None),
    "las with rings": (lambda place, shots: files.las(place.with_suffix(".las"), [s.points for s in shots], rings=[s.ring for s in shots]), None),
    "las by name": (lambda place, shots: files.las(place.with_suffix(".las"), [s.points for s in shots]), NAME),
}


def views(place: Path, sensor: str | None) -> tuple[dict[str, object], np.ndarray]:
    """The LiDAR's geometry that was found, and the walker's range views."""
    (recording,) = recordings([place])
    found = find(list(recording.files), recording.name, asdict(Settings(10.0, sensor=sensor, gates=GATES)))
    kept, _ = walks(found, GATES, (64, 44))
    return found["sensor"], min(kept, key=lambda walk: walk.distance_m).views  # so short, a piece of wall may pass for a walker


@pytest.fixture(scope="module")
def first(shots: list[Shot], tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, object], np.ndarray]:
    return views(grid(tmp_path_factory.mktemp("grid") / "grid.npz", shots), None)


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "grid.npz"])
def test_the_same_walk_is_the_same_in_every_format(name: str, first: tuple[dict[str, object], np.ndarray], shots: list[Shot], tmp_path: Path) -> None:
    """The geometry to the last digit; ranges to what a format rounds. LAS moves points by half a millimetre: few pixels at the outline may change."""
    pytest.importorskip("laspy")
    write, sensor = FORMATS[name]
    known, expected = first
    found, seen = views(write(tmp_path / "walk", shots), sensor)
    assert found == known
    assert seen.shape == expected.shape
    changed = np.isfinite(seen) != np.isfinite(expected)
    both = np.isfinite(seen) & np.isfinite(expected)
    assert changed.mean() <= (0.002 if "las" in name else 0.0)
    assert np.quantile(np.abs(seen - expected)[both], 0.99) < 0.002


def test_beams_are_measured_though_they_start_elsewhere(shots: list[Shot]) -> None:
    shot, sensor = shots[0], open_sensor(NAME)
    found = cones(shot.points, shot.ring)
    assert found is not None
    table = np.array(sensor.elevations_deg)
    assert np.abs(np.subtract.outer(found.elevations_deg, table)).min(1).max() < 0.002
    assert found.origin_m == pytest.approx(FOOT_M, abs=0.001)
    assert origin_of(shot.points, sensor.elevations) == pytest.approx(FOOT_M, abs=0.002)  # without their names


def test_a_point_is_of_the_beam_that_took_it(shots: list[Shot]) -> None:
    """Seen from the points' own origin, near and far points of a beam lie in different rows."""
    shot, sensor = shots[0], open_sensor(NAME)
    placed = detect.geometry.sensor_of(detect.Scan(shot.points), NAME, "walk")
    for geometry, most, least in ((placed, 0.001, 0.0), (sensor, 1.0, 0.3)):
        _, elevation, _, _ = geometry.returns([shot.points])
        wrong = float((nearest_beam(geometry.elevations, elevation) != shot.ring).mean())
        assert least <= wrong <= most


def test_beams_that_the_first_scan_does_not_show(shots: list[Shot], tmp_path: Path) -> None:
    """In the first scans only the lower beams come back, of the sky nothing; the person who comes nearer is not cut off at the top."""
    low = [Shot(shot.time_s, shot.points[shot.ring >= 70], shot.owner[shot.ring >= 70], shot.ring[shot.ring >= 70], shot.T_world_from_lidar)
           for shot in shots[:2]]  # fmt: skip
    place = files.ros(tmp_path / "walk.bag", [s.points for s in [*low, *shots[2:]]], [s.ring for s in [*low, *shots[2:]]])
    (recording,) = recordings([place])
    found = find(list(recording.files), recording.name, asdict(Settings(10.0, gates=GATES)))
    assert found["sensor"]["name"] == NAME
    assert len(found["sensor"]["elevations_deg"]) == 128


def test_what_starts_at_the_origin_stays_there() -> None:
    sensor = open_sensor(NAME)
    (shot,) = street(1, walkers=(ANN,), every=1)
    assert origin_of(shot.points, sensor.elevations) == (0.0, 0.0)
    assert origin_of(np.random.default_rng(0).uniform(-9, 9, (5000, 3)), sensor.elevations) == (0.0, 0.0)
    found = cones(shot.points, shot.ring)
    assert found is not None
    assert found.origin_m == (0.0, 0.0)


@pytest.mark.parametrize("columns", [512, 1024, 2048])
def test_a_lidar_by_name_has_the_columns_that_it_was_set_to(columns: int) -> None:
    sensor, random = open_sensor(NAME), np.random.default_rng(1)
    azimuth = np.tile(np.arange(columns) * 2 * np.pi / columns, 128)
    tilt = np.repeat(sensor.elevations, columns)
    ranges = random.uniform(3, 30, len(azimuth))
    points = np.column_stack([np.cos(tilt) * np.cos(azimuth), np.cos(tilt) * np.sin(azimuth), np.sin(tilt)]) * ranges[:, None]
    kept = random.random(len(points)) < 0.6
    by_name = detect.geometry.sensor_of(detect.Scan(points[kept]), NAME, "x")
    by_ring = detect.geometry.sensor_of(detect.Scan(points[kept], ring=np.repeat(np.arange(128), columns)[kept]), None, "x")
    assert by_name == by_ring
    assert by_name.azimuth_step_deg == 360 / columns
