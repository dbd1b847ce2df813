"""Capture from LiDAR, whole: walkers whose every return is known, a real street, and the store that comes of it."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import lidar_files as files
import numpy as np
import pytest
from lidar_street import ANN, BEN, HZ, Shot, ground_m, sensor_of_street, street
from numpy.testing import assert_allclose

from gaitbridge.capture.lidar import run as running
from gaitbridge.capture.lidar.detect import Settings
from gaitbridge.capture.lidar.gates import Gates
from gaitbridge.capture.lidar.recordings import recordings
from gaitbridge.capture.lidar.run import Captured, capture_lidar
from gaitbridge.capture.stores import Told
from gaitbridge.cli import main
from gaitbridge.conventions import view_angle_deg
from gaitbridge.errors import UserError
from gaitbridge.files import alone
from gaitbridge.geometry.projection import range_views
from gaitbridge.geometry.sensors import open_sensor
from gaitbridge.store import Store

REAL = Path(__file__).parents[2].parent / "shared" / "lidar" / "os1_128_street.npz"
FIELDS = ("range_views", "range_views_time_s", "points_on_person", "points")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the street's recording and its LiDAR's description."""
    folder = tmp_path_factory.mktemp("street")
    files.pkl(folder / "street.pkl", [shot.points for shot in street()])
    (folder / "lidar.json").write_text(json.dumps(sensor_of_street()))
    return folder


@pytest.fixture(scope="module")
def store(place: Path) -> Store:
    """What is captured of it, by the command."""
    told = ["--hz", "10", "--sensor", str(place / "lidar.json"), "--points"]
    assert main(["capture", "lidar", str(place / "street.pkl"), str(place / "store"), *told]) == 0
    return Store(place / "store")


def truth(shot: Shot, owner: int) -> set[tuple[float, ...]]:
    """A walker's points, as rounded tuples."""
    return {tuple(point) for point in shot.of(owner).astype(np.float32).round(3).tolist()}


@pytest.mark.parametrize("owner", [ANN, BEN])
def test_both_walkers_keep_their_own_points(store: Store, owner: int) -> None:
    assert [re.sub(r"-[0-9a-f]{8}-", "-HASH-", row["person"]) for row in store.rows] == ["street-HASH-0001", "street-HASH-0002"]
    held = store.read(owner, FIELDS).arrays
    scans = np.rint(held["range_views_time_s"] * HZ).astype(int)
    assert len(scans) >= 44  # of 46; Ann hides Ben for a moment
    shares = []
    for frame, scan in enumerate(scans):
        mine = held["points"][held["points"][:, 4] == frame]
        assert len(mine) == held["points_on_person"][frame]
        found = {tuple(point) for point in mine[:, :3].round(3).tolist()}
        true = truth(street()[scan], owner)
        assert not found - true  # not a point of the ground, the walls, or of the other
        shares.append(len(found) / len(true))
    assert np.mean(shares) > 0.95
    assert min(shares) > 0.75


@pytest.mark.parametrize("owner", [ANN, BEN])
def test_range_views_are_those_of_the_true_points(store: Store, place: Path, owner: int) -> None:
    held = store.read(owner, FIELDS).arrays
    scans = np.rint(held["range_views_time_s"] * HZ).astype(int)
    sensor = open_sensor(str(place / "lidar.json"))
    mine = [held["points"][held["points"][:, 4] == frame, :3] for frame in range(len(scans))]
    assert held["range_views"].shape == (len(scans), 64, 44)
    assert_allclose(held["range_views"], range_views(mine, sensor, (64, 44)), atol=0.0011)  # the store's steps of 2 mm
    true = range_views([street()[scan].of(owner) for scan in scans], sensor, (64, 44))
    both, either = (way(np.isfinite(true), np.isfinite(held["range_views"])) for way in (np.logical_and, np.logical_or))
    assert np.median(both.sum((1, 2)) / either.sum((1, 2))) > 0.95
    assert np.median(np.abs(true - held["range_views"])[both]) < 0.002


def test_labels_say_where_and_how(store: Store) -> None:
    ann, ben = (store.labels(number) for number in (0, 1))
    for owner, labels in ((ANN, ann), (BEN, ben)):
        ranges = [float(np.linalg.norm(shot.of(owner), axis=1).mean()) for shot in street() if len(shot.of(owner))]
        assert labels.distance_m == pytest.approx(np.median(ranges), abs=0.05)
        assert labels.lidar_hz == pytest.approx(HZ)
        assert (labels.camera, labels.lidar, labels.source, labels.split) == ("", "lidar", "street.pkl", "test")
    assert ann.view_deg == pytest.approx(view_angle_deg(np.array([0.0, 1.0]), np.array([-7.0, 0.5])), abs=4)
    assert (ann.view, ben.view) == ("090", "270")
    walks = store.document["about"]["files"][0]["walks"]
    assert all(walk["speed_mps"] == pytest.approx(1.3, abs=0.08) for walk in walks)
    assert store.document["about"]["files"][0]["facts"]["background"]


def test_a_driving_lidar_finds_the_same_walkers(tmp_path: Path) -> None:
    shots = street(16, 2.0)
    files.pkl(tmp_path / "drive.pkl", [shot.points for shot in shots])
    (tmp_path / "lidar.json").write_text(json.dumps(sensor_of_street()))
    captured = captured_by(tmp_path / "drive.pkl", tmp_path / "store", least_frames=10)
    (report,) = captured.reports
    assert report.facts["moved_m"] == pytest.approx(3.0, abs=0.1)
    assert len(report.walks) == 2  # and neither post, bin nor car, which move as the LiDAR sees them
    assert all(walk["speed_mps"] == pytest.approx(1.3, abs=0.15) for walk in report.walks)


def captured_by(path: Path, out: Path, least_frames: int = 10, told: Told | None = None) -> Captured:
    settings = Settings(10.0, sensor=str(path.parent / "lidar.json"), gates=Gates(least_frames=least_frames))
    return capture_lidar(recordings([path]), out, settings, told)


def test_an_empty_street_has_nobody(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files.pkl(tmp_path / "empty.pkl", [shot.points for shot in street(12, walkers=())])
    (tmp_path / "lidar.json").write_text(json.dumps(sensor_of_street()))
    told = ["--hz", "10", "--sensor", str(tmp_path / "lidar.json")]
    assert main(["capture", "lidar", str(tmp_path / "empty.pkl"), str(tmp_path / "store"), *told]) == 2
    assert "empty.pkl: nobody walks in 12 scans" in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "store").exists()


def test_names_of_one_person_and_of_two_at_once(place: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"two people walk in it at 0\.\d s, they cannot both be ann"):
        captured_by(place / "street.pkl", tmp_path / "both", told=Told("ann"))
    (tmp_path / "lidar.json").write_text(json.dumps(sensor_of_street()))
    files.pkl(tmp_path / "walk.pkl", [shot.points for shot in street(14, walkers=(ANN,))])
    captured_by(tmp_path / "walk.pkl", tmp_path / "one", told=Told("ann", "yard", "2026-05-01T14:30:00+02:00", "ours"))
    found = Store(tmp_path / "one")
    (row,) = found.rows
    assert (row["person"], row["lidar"], row["licence"]) == ("ann", "yard", "ours")
    assert re.fullmatch(r"ann/yard-20260501T1430-[0-9a-f]{8}-0001-01/090", row["key"])
    (file,) = found.document["about"]["files"]
    assert file["walks"][0]["time"] == "2026-05-01T14:30:00+02:00"
    assert file["named"] is True
    assert "points" not in row["fields"]


def test_what_is_done_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, scans in (("a", 14), ("b", 15)):
        files.pkl(tmp_path / f"{name}.pkl", [shot.points for shot in street(scans, walkers=(ANN,))])
    (tmp_path / "lidar.json").write_text(json.dumps(sensor_of_street()))
    settings = Settings(10.0, sensor=str(tmp_path / "lidar.json"))
    both = recordings([tmp_path / "a.pkl", tmp_path / "b.pkl"])
    once: Callable[..., object] = running.run_isolated
    read: list[str] = []

    def stopped(function: object, chosen: list[Path], *rest: object, **more: object) -> object:
        read.append(chosen[0].name)
        if len(read) == 2:
            raise KeyboardInterrupt
        return once(function, chosen, *rest, **more)

    monkeypatch.setattr(running, "run_isolated", stopped)
    with pytest.raises(KeyboardInterrupt):
        capture_lidar(both, tmp_path / "store", settings)
    assert not (tmp_path / "store" / "store.json").exists()
    document = capture_lidar(both, tmp_path / "store", settings).document
    assert read == ["a.pkl", "b.pkl", "b.pkl"]
    assert sorted(document["shards"]) == ["a", "b"]
    assert capture_lidar(both, tmp_path / "store", settings).document == document
    assert len(read) == 3
    assert capture_lidar(both, tmp_path / "other", settings).document["content_hash"] == document["content_hash"]
    with alone(tmp_path / "store"), pytest.raises(UserError, match="another process is writing here"):
        capture_lidar(both, tmp_path / "store", settings)
    with pytest.raises(UserError, match="holds a capture that differs in settings"):
        capture_lidar(both, tmp_path / "store", Settings(20.0, sensor=str(tmp_path / "lidar.json")))


@pytest.mark.skipif(not REAL.is_file(), reason="the scans of a real street are not beside this repository")
def test_the_pedestrian_of_a_real_street_and_nothing_else(tmp_path: Path) -> None:
    """Three scans of a driving OS1-128; a pedestrian 13.1 m away, rows 67 to 85, columns 615 to 622 of the first."""
    sheet = tmp_path / "sheet.png"
    told = ["--hz", "10", "--least-frames", "3", "--points", "--sheet", str(sheet)]
    assert main(["capture", "lidar", str(REAL), str(tmp_path / "store"), *told]) == 0
    found = Store(tmp_path / "store")
    (row,) = found.rows
    assert row["lidar"] == "ouster-os1-128"
    assert row["distance_m"] == pytest.approx(13.1, abs=0.1)
    held = found.read(0, FIELDS).arrays
    assert len(held["range_views"]) == 3
    assert 85 <= held["points_on_person"][0] <= 93
    with np.load(REAL, allow_pickle=False) as real:
        xyz = real["os1_128_0_xyz_m"]
    cells = {tuple(point): (row, column) for row in range(60, 92) for column in range(606, 632)
             for point in [xyz[row, column].round(3).tolist()]}  # fmt: skip
    places = np.array([cells[tuple(point)] for point in held["points"][held["points"][:, 4] == 0, :3].round(3).tolist()])
    assert places[:, 0].min() in (66, 67)
    assert places[:, 0].max() in range(83, 88)
    assert np.abs(places[:, 1] - 618).max() <= 6
    assert sheet.read_bytes()[:4] == b"\x89PNG"


def test_the_street_is_what_it_says() -> None:
    """The test's own ground truth: walkers stand on the ground, and their returns lie on them."""
    shot = street()[10]
    for owner in (ANN, BEN):
        world = shot.of(owner) @ shot.T_world_from_lidar[:3, :3].T + shot.T_world_from_lidar[:3, 3]
        height = world[:, 2] - ground_m(world[:, 0], world[:, 1])
        assert -0.08 < height.min() < 0.2
        assert 1.5 < height.max() < 1.8


def test_recordings_are_added_to_a_store(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store, told = tmp_path / "store", ["--hz", "10", "--sensor", str(place / "lidar.json"), "--points"]
    (tmp_path / "other").mkdir()
    files.pkl(tmp_path / "other" / "street.pkl", [shot.points for shot in street()][:40])
    assert main(["capture", "lidar", str(place / "street.pkl"), str(store), *told]) == 0
    before = Store(store)
    assert main(["capture", "lidar", str(tmp_path / "other" / "street.pkl"), str(store), *told, "--append", "--site", "yard"]) == 0
    after = Store(store)
    after.verify()
    assert {row["shard"] for row in after.rows} == {"street", "street-2"}
    assert len(after.rows) == len({row["key"] for row in after.rows}) > len(before.rows)
    assert main(["capture", "lidar", str(place / "street.pkl"), str(store), *told, "--append"]) == 0  # it is there already
    assert "it is not added again" in capsys.readouterr().err
    assert Store(store).content_hash == after.content_hash
    assert main(["capture", "lidar", str(place / "street.pkl"), str(store), *told, "--append", "--least-points", "25"]) == 2
    assert "captured with other gates" in capsys.readouterr().err
