"""Readers of LiDAR recordings: the same points from every format, and what they say of damaged ones."""

from collections.abc import Callable
from pathlib import Path

import lidar_files as files
import numpy as np
import pytest

from gaitbridge.capture.lidar import geometry
from gaitbridge.capture.lidar.readers import Wish, _optional, kinds, read
from gaitbridge.capture.lidar.readers._fields import offsets_s
from gaitbridge.capture.lidar.recordings import recordings, scans_of
from gaitbridge.capture.lidar.scans import Scan, cleaned
from gaitbridge.errors import UserError
from gaitbridge.geometry.range_view import to_points
from gaitbridge.geometry.sensors import open_sensor

RANDOM = np.random.default_rng(5)
SCANS = [RANDOM.uniform(-20, 20, (size, 3)).round(3) for size in (50, 64, 41)]
RINGS = [RANDOM.integers(0, 16, len(scan)) for scan in SCANS]
WISH = Wish(hz=10.0)

MANY: dict[str, Callable[[Path], Path]] = {
    "npz": lambda folder: files.npz(folder / "walk.npz", SCANS),
    "pkl": lambda folder: files.pkl(folder / "walk.pkl", SCANS),
    "las": lambda folder: files.las(folder / "walk.las", SCANS),
    "laz": lambda folder: files.las(folder / "walk.laz", SCANS),
    "ros1": lambda folder: files.ros(folder / "walk.bag", SCANS, RINGS),
    "ros2": lambda folder: files.ros(folder / "walk", SCANS, RINGS),
    "pcd": lambda folder: files.folder(folder, ".pcd", files.pcd, SCANS),
    "bin": lambda folder: files.folder(folder, ".bin", files.kitti, SCANS),
    "npy": lambda folder: files.folder(folder, ".npy", files.npy, SCANS),
}


@pytest.mark.parametrize("name", MANY)
def test_every_format_gives_the_same_points(name: str, tmp_path: Path) -> None:
    (recording,) = recordings([MANY[name](tmp_path)])
    found = list(scans_of(recording.files, WISH))
    assert len(found) == len(SCANS)
    for scan, truth in zip(found, SCANS, strict=True):
        np.testing.assert_allclose(scan.points, truth, atol=2e-3)
    times = [scan.time_s for scan in found]
    if name in ("las", "laz", "ros1", "ros2"):
        np.testing.assert_allclose(np.diff(np.array(times, float)), 0.1, atol=1e-6)
    else:
        assert times == [None] * 3


@pytest.mark.parametrize("kind", ["ascii", "binary", "binary_compressed"])
def test_pcd_with_rings_and_times(kind: str, tmp_path: Path) -> None:
    extra = {"intensity": np.arange(50, dtype="<f4"), "ring": np.arange(50, dtype="<u2") % 16, "t": np.linspace(0, 9e7, 50).astype("<u4")}
    (scan,) = read(files.pcd(tmp_path / "one.pcd", SCANS[0], kind, extra), WISH)
    np.testing.assert_allclose(scan.points, SCANS[0], atol=1e-5)
    assert scan.ring is not None
    assert scan.point_time_s is not None
    assert scan.intensity is not None
    assert scan.ring.tolist() == extra["ring"].tolist()
    assert scan.intensity.tolist() == extra["intensity"].tolist()
    np.testing.assert_allclose(scan.point_time_s, np.linspace(0, 0.09, 50), atol=1e-8)  # nanoseconds


def test_times_of_points_in_any_unit() -> None:
    turn = np.linspace(0.0, 0.1, 11)

    def close(moments: np.ndarray, time_s: float | None, wanted: np.ndarray, most: float) -> None:
        found = offsets_s(moments, time_s)
        assert found is not None
        np.testing.assert_allclose(found, wanted, atol=most)

    for unit in (1.0, 1e-3, 1e-6, 1e-9):
        close(turn / unit, None, turn, 1e-9)
    close(1.7e9 + turn, 1.7e9 + 0.05, turn - 0.05, 1e-6)
    close(5e12 + turn * 1e9, None, turn, 1e-6)  # by the LiDAR's own clock
    assert offsets_s(np.zeros(5), None) is None
    assert offsets_s(np.array([0.0, 1e30]), None) is None
    assert offsets_s(np.array([0.0, np.nan]), None) is None


def test_velodyne_packets(tmp_path: Path) -> None:
    def wall(azimuth: np.ndarray, elevation: np.ndarray) -> np.ndarray:
        """A wall 6 m ahead (+x), nothing elsewhere."""
        cosine = np.cos(azimuth)[:, None] * np.cos(elevation)[None]
        return np.where(cosine > 0.5, 6.0 / np.maximum(cosine, 0.5), 0.0)

    scans = list(read(files.pcap(tmp_path / "walk.pcap", wall, turns=3), WISH))
    assert 3 <= len(scans) <= 4  # the first and the last turn are cut where the recording is
    whole = max(scans, key=lambda scan: len(scan.points))
    assert np.median(np.abs(whole.points[:, 0] - 6.0)) < 0.1
    sensor = geometry.sensor_of(cleaned(whole, "walk"), None, "walk")
    assert sensor.name == "velodyne-vlp16"
    times = [scan.time_s for scan in scans]
    assert 1.7e9 < (times[0] or 0) < 1.7e9 + 1


def grid_of(name: str) -> tuple[np.ndarray, np.ndarray]:
    """A whole turn at 5 m: points [B, C, 3], and noisy ranges [B, C]."""
    sensor = open_sensor(name)
    azimuth = np.pi - (np.arange(sensor.columns) + 0.5) * sensor.azimuth_step
    ranges = 5 + RANDOM.normal(0, 0.01, (len(sensor.elevations), len(azimuth)))
    return to_points(azimuth[None], sensor.elevations[:, None], ranges), ranges


def test_grids_bring_their_geometry(tmp_path: Path) -> None:
    points, ranges = grid_of("ouster-os1-128")
    beams = np.rad2deg(open_sensor("ouster-os1-128").elevations)
    np.savez(tmp_path / "walk.npz", scan_0_xyz_m=points, scan_0_range_mm=ranges, beam_alt_deg=beams, time_s=np.array([4.5]))
    (scan,) = read(tmp_path / "walk.npz", WISH)
    assert scan.points.shape == (128 * 1024, 3)
    assert scan.time_s == 4.5
    assert geometry.sensor_of(scan, None, "walk").name == "ouster-os1-128"
    np.savez(tmp_path / "other.npz", xyz=points[::2], range=ranges[::2])  # no table: measured from its rows
    (scan,) = read(tmp_path / "other.npz", WISH)
    measured = geometry.sensor_of(scan, None, "other")
    np.testing.assert_allclose(measured.elevations_deg, beams[::2], atol=0.02)
    assert measured.azimuth_step_deg == pytest.approx(360 / 1024, rel=0.01)


@pytest.mark.parametrize("name", ["velodyne-vls128", "velodyne-vlp16", "ouster-os1-128"])
def test_known_lidars_are_recognised_by_their_beams(name: str) -> None:
    points, _ = grid_of(name)
    ring = np.repeat(np.arange(len(points)), points.shape[1])
    keep = RANDOM.random(len(ring)) < 0.7
    assert geometry.sensor_of(Scan(points.reshape(-1, 3)[keep], ring=ring[keep]), None, "x").name == name


def test_numbers_that_are_no_beams_measure_nothing() -> None:
    points = RANDOM.uniform(-10, 10, (2000, 3))
    assert geometry.measured(points, RANDOM.integers(0, 16, 2000)) is None
    with pytest.raises(UserError, match="say --sensor, one of sustech1k"):
        geometry.sensor_of(Scan(points), None, "walk.bin")


def test_several_lidars_in_a_bag_need_a_choice(tmp_path: Path) -> None:
    bag = files.ros(tmp_path / "walk.bag", SCANS, RINGS, topics=("/left", "/right"))
    with pytest.raises(UserError, match="/left, /right: choose one by --topic"):
        list(read(bag, WISH))
    assert len(list(read(bag, Wish(topic="/left")))) == 3
    with pytest.raises(UserError, match="did you mean '/left'"):
        list(read(bag, Wish(topic="/lefd")))


def test_missing_fields_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no field z \(it has x, y, intensity, ring\)"):
        list(read(files.ros(tmp_path / "flat", SCANS, RINGS, fields="xy"), WISH))
    (tmp_path / "flat.pcd").write_text("FIELDS x y\nSIZE 4 4\nTYPE F F\nPOINTS 1\nDATA ascii\n1 2\n")
    with pytest.raises(UserError, match=r"lacks the fields x, y, z"):
        list(read(tmp_path / "flat.pcd", WISH))


def test_long_las_needs_the_rate(tmp_path: Path) -> None:
    path = files.las(tmp_path / "walk.las", SCANS * 4)
    with pytest.raises(UserError, match="say --hz"):
        list(read(path, Wish()))


def test_a_library_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    readers = kinds()

    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(_optional.importlib, "import_module", missing)
    for name, package in (("a.las", "laspy"), ("a.bag", "rosbags"), ("a.pcap", "velodyne-decoder")):
        (tmp_path / name).write_bytes(b"x")
        with pytest.raises(UserError, match=rf"needs {package}: pip install 'gaitbridge\[lidar\]'"):
            list(readers[name[1:]].read(tmp_path / name, WISH))


def test_millimetres_and_maps_are_recognised() -> None:
    with pytest.raises(UserError, match=r"they seem to be millimetres.*--unit mm"):
        cleaned(Scan(SCANS[0] * 1000), "walk.pcd, scan 0")
    with pytest.raises(UserError, match="map coordinates"):
        cleaned(Scan(SCANS[0] + [4.5e5, 5.4e6, 100]), "walk.las, scan 0")


def test_points_that_are_no_returns_are_left_out() -> None:
    points = np.array([[1, 2, 3], [np.nan, 0, 0], [0, 0, 0], [np.inf, 0, 0], [1e30, 0, 0], [5, 5, 5]])
    kept = cleaned(Scan(points, ring=np.arange(6)), "x")
    assert kept.ring is not None
    assert kept.ring.tolist() == [0, 5]
    assert len(cleaned(Scan(np.empty((0, 3))), "x").points) == 0


def test_scans_of_a_folder_are_one_recording(tmp_path: Path) -> None:
    folder = tmp_path / "velodyne" / "data"
    folder.mkdir(parents=True)
    singles = [files.kitti(folder / f"{k}.bin", scan) for k, scan in zip((10, 9, 2), SCANS, strict=True)]
    (one,) = recordings([singles[0], singles[1], singles[2]])
    assert [file.name for file in one.files] == ["2.bin", "9.bin", "10.bin"]
    assert one.name == "data"
    stamps = [f"2011-09-26 13:02:2{whole}.{tenth}64389445\n" for whole, tenth in ((5, 9), (6, 0), (6, 1))]
    (tmp_path / "velodyne" / "timestamps.txt").write_text("".join(stamps))
    times = np.array([scan.time_s for scan in scans_of(one.files, Wish())], float)
    np.testing.assert_allclose(np.diff(times), 0.1, atol=1e-5)
    (tmp_path / "velodyne" / "timestamps.txt").write_text("1\n2\n")
    with pytest.raises(UserError, match="2 times for 3 scans"):
        list(scans_of(one.files, Wish()))


def test_wrong_paths(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is missing"):
        recordings([tmp_path / "none.pcd"])
    with pytest.raises(UserError, match="holds no LiDAR recording"):
        recordings([tmp_path])
    (tmp_path / "a.pcapng").write_bytes(b"")
    with pytest.raises(UserError, match=r"did you mean '\.pcap'"):
        recordings([tmp_path / "a.pcapng"])
    walk = files.npz(tmp_path / "walk.npz", SCANS)
    with pytest.raises(UserError, match="given twice"):
        recordings([walk, walk])
