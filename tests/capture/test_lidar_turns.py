"""A stream of points cut into turns: at the LiDAR's own rate and phase, whatever was said, and not through anybody."""

from pathlib import Path

import numpy as np
import pytest

from gaitbridge.capture.lidar.readers import Wish, read
from gaitbridge.capture.lidar.turns import turns_of
from gaitbridge.errors import UserError

COLUMNS, WIDTH_M, ROOM_M = 360, 0.5, 12.0
TILTS = np.deg2rad([-20.0, -14.0, -8.0, -4.0, 0.0, 4.0])
OFFSETS = np.deg2rad([-4.2, -1.4, 1.4, 4.2, -4.2, 1.4])  # beams point aside of the head, as in an Ouster
Points = np.ndarray


def person(time_s: np.ndarray, from_deg: float) -> np.ndarray:
    """Where somebody walks [P, 2]: 5 m away, across the view at 1.5 m/s."""
    along = 1.5 * time_s - 3.0
    middle = np.deg2rad(from_deg)
    return np.stack([5 * np.cos(middle) - along * np.sin(middle), 5 * np.sin(middle) + along * np.cos(middle)], axis=-1)


def recorded(hz: float, lasts_s: float = 4.0, clockwise: bool = True, drift: float = 0.0, from_deg: float = 100.0, start: float = 0.37,
             field_deg: float = 360.0) -> tuple[Points, np.ndarray, np.ndarray]:  # fmt: skip
    """Points [P, 3], times [P] and whether each is the person's [P], of a round room; drift: how much faster the head is at the end."""
    times = np.arange(0, lasts_s, 1 / hz / COLUMNS)
    head = start + hz * (times + drift * times**2 / (2 * lasts_s))
    azimuth = ((-1 if clockwise else 1) * 2 * np.pi * head)[:, None] + OFFSETS
    ahead = np.stack([np.cos(azimuth), np.sin(azimuth)], axis=-1)
    where = person(times, from_deg)[:, None]
    nearest = (ahead * where).sum(-1)
    aside = np.abs(ahead[..., 0] * where[..., 1] - ahead[..., 1] * where[..., 0])
    hit = (nearest > 0) & (aside < WIDTH_M / 2)
    across = np.where(hit, nearest - np.sqrt(np.maximum((WIDTH_M / 2) ** 2 - aside**2, 0)), ROOM_M)
    points = np.concatenate([ahead * across[..., None], (across * np.tan(TILTS))[..., None]], axis=-1)
    seen = np.abs((np.rad2deg(azimuth) + 180) % 360 - 180) <= field_deg / 2
    return points[seen], np.repeat(times, len(TILTS)).reshape(hit.shape)[seen], hit[seen]


def spread_m(points: Points) -> float:
    """How far apart points lie across the ground."""
    return float(np.linalg.norm(np.ptp(points[:, :2], axis=0))) if len(points) else 0.0


@pytest.mark.parametrize("kind", [{"hz": 9.87, "from_deg": -40.0}, {"hz": 20.0, "clockwise": False}, {"hz": 10.2, "drift": 0.04},
                                  {"hz": 10.0, "from_deg": 133.0}, {"hz": 9.9, "from_deg": 180.0, "start": 0.0}])  # fmt: skip
def test_nobody_is_seen_twice_or_torn(kind: dict[str, float]) -> None:
    points, times, mine = recorded(**kind)  # type: ignore[arg-type]
    shuffled = np.random.default_rng(0).permutation(len(points))
    found = turns_of(points[shuffled], times[shuffled])
    assert found is not None
    number = np.empty(len(points), int)
    number[shuffled] = found.number
    mean_hz = kind["hz"] * (1 + kind.get("drift", 0.0) / 2)
    assert len(found.middle_s) == pytest.approx(4 * mean_hz, abs=2)
    assert np.diff(found.middle_s).mean() == pytest.approx(1 / mean_hz, rel=0.02)
    for turn in range(len(found.middle_s)):
        own = number == turn
        assert own.sum() == pytest.approx(COLUMNS * len(TILTS), rel=0.05)  # a whole turn, nothing twice
        assert 3 < (own & mine).sum() < 300
        assert spread_m(points[own & mine]) < WIDTH_M + 0.12  # and not two halves 15 cm apart, nor two people
        assert abs(times[own].mean() - found.middle_s[turn]) < 0.02


def test_windows_of_a_stated_rate_tear_people() -> None:
    """What the cut is for: the same recording in windows of a tenth of a second."""
    points, times, mine = recorded(9.87, from_deg=-40.0)
    window = np.floor(times * 10).astype(int)
    assert max(spread_m(points[(window == one) & mine]) for one in range(39)) > WIDTH_M + 0.12


def test_a_part_of_the_turn_is_enough() -> None:
    points, times, mine = recorded(10.0, from_deg=0.0, field_deg=120.0)
    found = turns_of(points, times)
    assert found is not None
    assert np.diff(found.middle_s).mean() == pytest.approx(0.1, rel=0.01)
    assert all(spread_m(points[(found.number == turn) & mine]) < WIDTH_M + 0.12 for turn in range(len(found.middle_s)))


def test_what_shows_no_turning_head_gives_nothing() -> None:
    random = np.random.default_rng(4)
    points, times, _ = recorded(10.0, 2.0)
    assert turns_of(points, random.permutation(times)) is None
    assert turns_of(points + np.array([500.0, 20.0, 0.0]), times) is None  # in a map's coordinates
    assert turns_of(points, np.round(times)) is None  # by a clock of seconds
    assert turns_of(points[:100], times[:100]) is None
    assert turns_of(points, np.zeros(len(points))) is None


def written(path: Path, points: Points, times: np.ndarray) -> Path:
    laspy = pytest.importorskip("laspy")
    header = laspy.LasHeader(point_format=1, version="1.2")
    header.scales = np.full(3, 0.001)
    cloud = laspy.LasData(header)
    cloud.x, cloud.y, cloud.z = points.T
    cloud.gps_time = times + 4.1e8
    cloud.write(str(path))
    return path


@pytest.mark.parametrize("hz", [None, 10.0, 5.0])
def test_a_las_file_is_cut_as_its_head_turned(hz: float | None, tmp_path: Path) -> None:
    """--hz is not needed, and a wrong one does no harm."""
    points, times, _ = recorded(9.87, 2.0)
    scans = list(read(written(tmp_path / "walk.las", points, times), Wish(hz)))
    assert len(scans) == pytest.approx(19, abs=1)
    assert np.median(np.diff([scan.time_s for scan in scans])) == pytest.approx(1 / 9.87, rel=0.01)
    assert all(scan.point_time_s is not None and np.abs(scan.point_time_s).max() < 0.08 for scan in scans)


def test_a_las_file_that_does_not_show_it_asks_for_the_rate(tmp_path: Path) -> None:
    points, times, _ = recorded(10.0, 2.0)
    file = written(tmp_path / "walk.las", points + np.array([500.0, 20.0, 0.0]), times)
    with pytest.raises(UserError, match="do not show when the LiDAR turned: say --hz"):
        list(read(file, Wish()))
    assert len(list(read(file, Wish(10.0)))) == 20
