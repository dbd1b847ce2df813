"""The steps of capture from LiDAR, each alone: ground, background, clusters, the LiDAR's own way, gates."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from gaitbridge.capture.lidar import background, ego
from gaitbridge.capture.lidar.clusters import clusters
from gaitbridge.capture.lidar.gates import Gates, Size, may_be_person, size_of, speed_mps
from gaitbridge.capture.lidar.ground import level
from gaitbridge.capture.lidar.walk import view_of

RANDOM = np.random.default_rng(11)


def field(count: int = 20_000) -> np.ndarray:
    """Ground [P, 3] 1.7 m below the LiDAR, bending by 8 %, with 2 cm of noise."""
    x, y = RANDOM.uniform(-25, 25, (2, count))
    return np.stack([x, y, 0.03 * x + 0.4 * np.sin(y / 8) - 1.7 + RANDOM.normal(0, 0.02, count)], -1)


def pillar(x: float, y: float, high_m: float = 1.75, wide_m: float = 0.4, count: int = 150) -> np.ndarray:
    """Points of an upright thing on that ground."""
    z = RANDOM.uniform(0.0, high_m, count) + 0.03 * x + 0.4 * np.sin(y / 8) - 1.7
    return np.column_stack([RANDOM.uniform(-wide_m / 2, wide_m / 2, (count, 2)) + np.array([x, y]), z])


@pytest.mark.parametrize("tilt_deg", [0.0, 12.0, -20.0])
def test_heights_above_bending_ground_whatever_the_tilt(tilt_deg: float) -> None:
    ground, person = field(), pillar(8, 3)
    turn = Rotation.from_euler("yx", [tilt_deg, tilt_deg / 3], degrees=True).as_matrix()
    found = level(np.concatenate([ground, person]) @ turn.T)
    assert found.found
    assert np.percentile(np.abs(found.height_m[: len(ground)]), 95) < 0.1
    np.testing.assert_allclose(found.height_m[len(ground) :].max(), 1.75, atol=0.08)


def test_a_car_is_not_ground() -> None:
    roof = np.column_stack([RANDOM.uniform(5, 9.5, 600), RANDOM.uniform(2, 3.8, 600), np.full(600, -1.7 + 1.4)])
    ground = field() * [1, 1, 0] + [0, 0, -1.7]
    ground = ground[~((ground[:, 0] > 5) & (ground[:, 0] < 9.5) & (ground[:, 1] > 2) & (ground[:, 1] < 3.8))]
    found = level(np.concatenate([ground, roof]))
    np.testing.assert_allclose(np.median(found.height_m[len(ground) :]), 1.4, atol=0.1)


def test_without_ground_points_stay_upright() -> None:
    found = level(pillar(5, 0, count=60))
    assert not found.found
    np.testing.assert_allclose(found.T_level_from_lidar[:3, :3], np.eye(3))
    assert level(np.empty((0, 3))).points.shape == (0, 3)


def test_what_stands_still_is_background_and_who_walks_is_not() -> None:
    wall = np.column_stack([np.full(800, 6.0), RANDOM.uniform(-5, 5, 800), RANDOM.uniform(-1, 1, 800)])
    counted = background.Occupancy()
    for scan in range(60):
        assert counted.wanted()
        counted.add(np.concatenate([wall + RANDOM.normal(0, 0.02, wall.shape), pillar(3.0, -4 + 0.13 * scan)]))
    voxels = counted.background(6.0)
    assert background.stays(wall + RANDOM.normal(0, 0.02, wall.shape), voxels).mean() > 0.98
    assert background.stays(pillar(3.0, 0.0), voxels).mean() == 0
    assert len(counted.background(1.0)) == 0  # too short to tell


def test_long_recordings_are_counted_by_samples() -> None:
    counted = background.Occupancy()
    for _ in range(1000):
        if counted.wanted():
            counted.add(np.ones((1, 3)))
    assert counted.seen == 1000
    assert background.KEPT // 2 <= len(counted.kept) < background.KEPT


def test_two_people_apart_are_two_clusters_and_beams_apart_are_one() -> None:
    upright = pillar(0, 0, count=100) * [1, 1, 0] + np.column_stack([np.zeros((100, 2)), np.repeat(np.arange(5) * 0.35, 20)])
    both = np.concatenate([upright, upright + np.array([0.9, 0, 0])])
    labels = clusters(both, np.full(200, 0.25), np.full(200, 0.5))
    assert len(set(labels)) == 2
    assert len(set(labels[:100])) == 1
    assert len(set(clusters(both, np.full(200, 0.6), np.full(200, 0.5)))) == 1
    assert len(set(clusters(upright, np.full(100, 0.25), np.full(100, 0.2)))) == 5
    assert clusters(np.empty((0, 3)), np.empty(0), np.empty(0)).shape == (0,)


def test_the_lidars_own_way_is_found_among_walkers() -> None:
    y, z = RANDOM.uniform(-10, 10, (2, 12000))
    ahead = np.column_stack([np.full(6000, 8.0), y[:6000], z[:6000] / 4])
    walls = np.concatenate([ahead, np.column_stack([y[6000:], np.full(6000, -6.0), z[6000:] / 4])])
    true = ego.rigid(np.array([0.0, 0.0, np.deg2rad(1.5)]), np.array([0.3, 0.05, 0.0]))
    walker = pillar(4, 1, count=300)

    def seen(T: np.ndarray, shift: float) -> np.ndarray:
        chosen = RANDOM.permutation(len(walls))[:6000]
        points = np.concatenate([walls[chosen], walker + np.array([0, shift, 0])]) + RANDOM.normal(0, 0.01, (6300, 3))
        return (points - T[:3, 3]) @ T[:3, :3]

    found = ego.moved(ego.surfaces(seen(np.eye(4), 0.0)), ego.surfaces(seen(true, 0.13)), np.eye(4))
    np.testing.assert_allclose(found[:2, 3], true[:2, 3], atol=0.02)
    np.testing.assert_allclose(Rotation.from_matrix(found[:3, :3]).as_rotvec()[2], np.deg2rad(1.5), atol=0.004)
    guess = ego.rigid(np.zeros(3), np.array([0.2, 0, 0]))
    np.testing.assert_array_equal(ego.moved(ego.surfaces(np.empty((0, 3))), ego.surfaces(walls), guess), guess)  # nothing to see: as before


def test_sizes_and_gates() -> None:
    person = pillar(0, 0, wide_m=0.5)
    size = size_of(person, person[:, 2] + 1.7)
    assert size.top_m == pytest.approx(1.75, abs=0.05)
    assert 0.4 < size.deep_m <= size.wide_m < 0.8
    assert may_be_person(size, Gates())
    base = {"centre": np.zeros(2), "top_m": 1.7, "foot_m": 0.1, "wide_m": 0.6, "deep_m": 0.3, "points": 80}
    assert may_be_person(Size(**base), Gates())  # type: ignore[arg-type]
    for wrong in ({"top_m": 3.5}, {"top_m": 0.6}, {"foot_m": 1.1}, {"wide_m": 2.0}, {"wide_m": 0.1}, {"points": 8}, {"deep_m": 1.3}):
        assert not may_be_person(Size(**base | wrong), Gates())  # type: ignore[arg-type]


def test_speeds() -> None:
    time_s = np.arange(30) / 10
    line = np.column_stack([1.3 * time_s, 0 * time_s])
    assert speed_mps(time_s, line + RANDOM.normal(0, 0.02, line.shape)) == pytest.approx(1.3, abs=0.05)
    assert speed_mps(time_s, RANDOM.normal(0, 0.05, line.shape)) < 0.2
    assert speed_mps(time_s[:1], line[:1]) == 0.0


def test_views_follow_the_convention() -> None:
    sensor = np.zeros((20, 2))
    steps = np.linspace(0, 2.6, 20)[:, None]
    for way, wanted in ((np.array([[10.0, -1.3]]) + steps * [0, 1], 90), (np.array([[10.0, 0.0]]) - steps * [1, 0], 0),
                        (np.array([[6.0, 0.0]]) + steps * [1, 0], 180), (np.array([[10.0, 1.3]]) - steps * [0, 1], 270)):  # fmt: skip
        assert abs((view_of(way, sensor) - wanted + 180) % 360 - 180) < 1
    there = np.array([[10.0, 0.0]]) + np.concatenate([steps, steps[::-1]]) * [0, 1]
    assert np.isnan(view_of(there, np.zeros((40, 2))))
