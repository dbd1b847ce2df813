"""Spinning LiDARs: beams, angles, points, sweeps, noise, and range views."""

import numpy as np
import pytest
from walking_figure import LENS, SHARED, facing, figure, overlap, with_wall

from gaitbridge.errors import UserError
from gaitbridge.geometry import transforms
from gaitbridge.geometry.rays import RayScene
from gaitbridge.simulation.sensors import silhouette_camera as camera
from gaitbridge.simulation.sensors import spinning_lidar as lidar


def test_beam_tables_are_the_makers() -> None:
    vls, ouster, puck = (lidar.open_lidar(name) for name in ("velodyne-vls128", "ouster-os1-128", "velodyne-vlp16"))
    assert (len(vls.elevations_deg), len(ouster.elevations_deg), len(puck.elevations_deg)) == (128, 128, 16)
    assert (vls.elevations_deg[0], vls.elevations_deg[-1]) == (15.0, -25.0)
    middle = np.array([e for e in vls.elevations_deg if -6.5 < e < 4.9])
    np.testing.assert_allclose(np.diff(middle), -0.11, atol=0.04)
    assert sorted(set(vls.azimuth_offsets_deg)) == [-6.354, -4.548, -2.732, -0.911, 0.911, 2.732, 4.548, 6.354]
    np.testing.assert_allclose(puck.elevations_deg, np.arange(15, -16, -2))
    assert (ouster.elevations_deg[0], ouster.elevations_deg[-1]) == (20.95, -21.82)
    assert ouster.azimuth_offsets_deg[0] == -4.21  # the top beam of this unit points right
    assert 360 / ouster.azimuth_step_deg == pytest.approx(1024)
    for model in (vls, ouster, puck):
        assert np.abs(model.shifts[1]).max() <= model.azimuth_step / 2 + 1e-12
        assert max(model.firing_us) * 1e-6 < np.deg2rad(model.azimuth_step_deg) / (2 * np.pi * model.rate_hz)


def test_unknown_lidars_and_impossible_tables_are_refused() -> None:
    with pytest.raises(UserError, match="did you mean 'velodyne-vls128'"):
        lidar.open_lidar("velodyne-vls-128")
    with pytest.raises(ValueError, match="as many"):
        lidar.LidarModel("odd", (1.0, 0.0), (0.0,), (0.0, 0.0), 0.2)
    with pytest.raises(ValueError, match="fall"):
        lidar.LidarModel("odd", (0.0, 1.0), (0.0, 0.0), (0.0, 0.0), 0.2)


@pytest.mark.parametrize("name", lidar.LIDARS)
@pytest.mark.parametrize("angle_deg", [0, 137])
def test_clean_points_lie_on_the_person_along_native_beams(name: str, angle_deg: float) -> None:
    mesh = figure()
    model = lidar.open_lidar(name)
    scene = RayScene(*mesh[:2])
    _, pose = facing(7, angle_deg)
    scan = lidar.scan(scene, model, pose, mesh[0])
    points = lidar.points(scan)
    assert scan.ranges_m.dtype == np.float32
    elevations = np.rad2deg(np.arcsin(points[:, 2] / np.linalg.norm(points[:, :3], axis=1)))
    assert np.abs(elevations[:, None] - np.array(model.elevations_deg)).min(1).max() < 1e-3
    assert (np.diff(scan.azimuths, axis=1) < 0).all()
    assert (np.diff(scan.elevations) < 0).all()
    world = transforms.apply(pose, points[:, :3])
    assert np.abs(scene.distance(pose[:3, 3], world - pose[:3, 3]) - 1).max() < 1e-4
    outer = np.isnan(scan.ranges_m)
    assert outer[:, 0].all()  # the window reaches beyond the person on both sides
    assert outer[:, -1].all()


@pytest.mark.parametrize("name", ["velodyne-vls128", "ouster-os1-128"])
def test_no_return_is_left_outside_the_window(name: str) -> None:
    """All beams over the whole turn give as many returns as the window does."""
    mesh, model = figure(), lidar.open_lidar(name)
    scene = RayScene(*mesh[:2])
    _, pose = facing(6, 40, height_m=1.2)
    _, rest = model.shifts
    azimuths = np.arange(-120, 121) * model.azimuth_step + rest[:, None]
    local = np.stack(np.broadcast_arrays(np.cos(azimuths) * np.cos(model.elevations)[:, None], np.sin(azimuths) * np.cos(model.elevations)[:, None],
                                         np.sin(model.elevations)[:, None]), -1)  # fmt: skip
    everywhere = np.isfinite(scene.distance(pose[:3, 3], local.reshape(-1, 3) @ pose[:3, :3].T)).sum()
    assert np.count_nonzero(~np.isnan(lidar.scan(scene, model, pose, mesh[0]).ranges_m)) == everywhere
    assert everywhere > 300


def test_the_left_is_on_the_left_and_the_highest_beam_on_top() -> None:
    vertices = np.array([[8, 1, 0.2], [8, 0.6, 0.2], [8, 0.8, 0.6], [6, -0.6, -0.6], [6, -1, -0.6], [6, -0.8, -0.2]], np.float32)
    scene = RayScene(vertices, np.array([[0, 1, 2], [3, 4, 5]]))  # high, far and to the left; low, near and to the right
    scan = lidar.scan(scene, lidar.open_lidar("ouster-os1-128"), np.eye(4), vertices)
    rows, columns = np.nonzero(~np.isnan(scan.ranges_m))
    high = rows < rows.mean()
    assert columns[high].max() < columns[~high].min()
    assert np.nanmin(scan.ranges_m[rows[high], columns[high]]) > 8 > 6.5 > np.nanmax(scan.ranges_m[rows[~high], columns[~high]])
    view = lidar.range_view(scan, (64, 256))
    assert np.nanmin(view[:20, :128]) > 8
    assert np.nanmax(view[-20:, 128:]) < 6.5
    assert np.isnan(view[:20, 128:]).all()


def test_a_person_behind_the_sensor_is_not_torn_apart() -> None:
    mesh, model = figure(), lidar.open_lidar("velodyne-vls128")
    scene = RayScene(*mesh[:2])
    ahead = lidar.scan(scene, model, transforms.sensor_pose(np.array([-8.0, 0, 1.5]), 0.0), mesh[0])
    behind = lidar.scan(scene, model, transforms.sensor_pose(np.array([-8.0, 0, 1.5]), np.pi), mesh[0])
    assert behind.ranges_m.shape[1] < 60
    assert np.count_nonzero(~np.isnan(behind.ranges_m)) == pytest.approx(np.count_nonzero(~np.isnan(ahead.ranges_m)), rel=0.05)
    assert overlap(~np.isnan(lidar.range_view(behind)), ~np.isnan(lidar.range_view(ahead))) > 0.85


def test_farther_means_fewer_points_and_their_number_is_plausible() -> None:
    mesh = figure()
    scene = RayScene(*mesh[:2])
    grid = lidar.LidarModel("0.2 x 0.2", tuple(np.arange(15, -25, -0.2)), (0.0,) * 200, (0.0,) * 200, 0.2)
    counts = [np.count_nonzero(~np.isnan(lidar.scan(scene, grid, facing(distance, 0)[1], mesh[0]).ranges_m)) for distance in (5, 10, 20, 40)]
    assert 350 < counts[1] < 550
    np.testing.assert_allclose(np.array(counts) * np.array([25, 100, 400, 1600]) / 100 / counts[1], 1, atol=0.2)


def test_ouster_sees_as_much_of_a_person_as_the_real_one_did() -> None:
    """A pedestrian of about 1.55 m at 13.1 m before a real OS-1-128: 19 rows and 9 columns, 87 returns, in the first scan."""
    path = SHARED / "lidar" / "os1_128_street.npz"
    if not path.exists():
        pytest.skip(f"needs the recording {path.name} beside the repository")
    with np.load(path) as recording:
        ranges, points = recording["os1_128_0_range_mm"] / 1000, recording["os1_128_0_xyz_m"]
        table = recording["os1_128_beam_alt_deg"]
    model = lidar.open_lidar("ouster-os1-128")
    np.testing.assert_allclose(model.elevations_deg, table)
    real = (ranges > 12.85) & (ranges < 13.6) & (points[..., 2] > -1.80)
    real[:60], real[90:], real[:, :605], real[:, 632:] = False, False, False, False
    mesh = figure(0.3, 1.55)
    pose = facing(13.1, 60, 1.88)[1]  # they walk across
    ours = ~np.isnan(lidar.scan(RayScene(*mesh[:2]), model, pose, mesh[0], random=np.random.default_rng(0)).ranges_m)
    assert abs(ours.any(1).sum() - real.any(1).sum()) <= 2
    assert abs(ours.any(0).sum() - real.any(0).sum()) <= 2
    assert 0.55 < ours.sum() / real.sum() < 1.2  # the figure wears no coat, and a real beam is some centimetres wide


@pytest.mark.parametrize("name", lidar.LIDARS)
def test_the_sweep_takes_time_and_moves_the_person(name: str) -> None:
    model = lidar.open_lidar(name)
    wall = np.array([[10, -2, -1], [10, 2, -1], [10, 2, 1], [10, -2, 1]], np.float32)
    scene = RayScene(wall * [1, 2, 2], np.array([[0, 1, 2], [0, 2, 3]]))
    pose = transforms.sensor_pose(np.zeros(3), 0.3)
    points = lidar.points(lidar.scan(scene, model, pose, wall, velocity_mps=np.array([30.0, 0, 0])))
    world = transforms.apply(pose, points[:, :3])
    assert np.abs(world[:, 0] - (10 + 30 * points[:, 3])).max() < 1e-3  # at each point's time the wall is elsewhere
    azimuth = np.arctan2(points[:, 1], points[:, 0])
    expected = -(azimuth + 0.3) / (2 * np.pi * model.rate_hz)  # clockwise; zero towards the wall's middle
    spread = max(np.abs(model.azimuth_offsets_deg)) / 360 / model.rate_hz + 2e-4
    assert np.abs(points[:, 3] - expected).max() < spread
    assert np.polyfit(expected, points[:, 3], 1)[0] == pytest.approx(1, abs=0.05)
    still = lidar.scan(scene, model, pose, wall)
    np.testing.assert_allclose(transforms.apply(pose, lidar.points(still)[:, :3])[:, 0], 10, atol=1e-4)


def test_beams_that_point_to_the_left_sweep_later() -> None:
    model = lidar.LidarModel("two", (0.5, -0.5), (6.0, -6.0), (0.0, 20.0), 0.2)
    wall = np.array([[10, -2, -1], [10, 2, -1], [10, 2, 1], [10, -2, 1]], np.float32)
    scan = lidar.scan(RayScene(wall, np.array([[0, 1, 2], [0, 2, 3]])), model, np.eye(4), wall)
    later = np.median(scan.time_s[0] - scan.time_s[1])
    assert later == pytest.approx(12 / 360 * 0.1 - 20e-6, abs=2e-6)


def test_noise_is_as_large_as_the_model_says_and_follows_the_seed() -> None:
    mesh, model = figure(), lidar.open_lidar("ouster-os1-128")
    scene = RayScene(*mesh[:2])
    _, pose = facing(6, 20)
    clean = lidar.scan(scene, model, pose, mesh[0]).ranges_m
    noisy, again, other = (lidar.scan(scene, model, pose, mesh[0], random=np.random.default_rng(seed)).ranges_m for seed in (1, 1, 2))
    assert noisy.tobytes() == again.tobytes() != other.tobytes()
    error = (noisy - clean)[~np.isnan(noisy)]
    assert error.std() == pytest.approx(model.range_noise_m, rel=0.15)
    assert abs(error.mean()) < 0.003
    lost = np.isnan(noisy) & ~np.isnan(clean)
    assert not (np.isnan(clean) & ~np.isnan(noisy)).any()
    assert 0.003 < lost.sum() / (~np.isnan(clean)).sum() < 0.1


def test_grazing_and_far_targets_come_back_less_often() -> None:
    model = lidar.open_lidar("velodyne-vlp16")

    def share(distance_m: float, turn_deg: float, reflectivity: float) -> float:
        turn = transforms.about_axis("z", np.deg2rad(turn_deg))
        reach = 0.04 * distance_m
        wall = (np.array([[0, -2, -1], [0, 2, -1], [0, 2, 1], [0, -2, 1]]) * reach / np.cos(np.deg2rad(turn_deg))) @ turn.T + [distance_m, 0, 0]
        scene = RayScene(wall, np.array([[0, 1, 2], [0, 2, 3]]))
        clean, noisy = (lidar.scan(scene, model, np.eye(4), wall, random=random, reflectivity=reflectivity)
                        for random in (None, np.random.default_rng(0)))  # fmt: skip
        return np.count_nonzero(~np.isnan(noisy.ranges_m)) / np.count_nonzero(~np.isnan(clean.ranges_m))

    assert share(10, 0, 0.3) > 0.97
    assert share(50, 0, 0.1) == pytest.approx(0.9 * 0.99, abs=0.04)  # the data sheets' nine in ten
    assert share(50, 75, 0.1) < 0.7
    assert share(90, 0, 0.1) < 0.65


def test_occluders_hide_from_the_lidar_and_are_not_the_person() -> None:
    mesh, model = figure(), lidar.open_lidar("velodyne-vls128")
    scene, is_person = with_wall(mesh, [[2, -3, 0], [2, 3, 0], [2, 3, 1.2], [2, -3, 1.2]])
    _, pose = facing(8, 0)
    clear = lidar.scan(RayScene(*mesh[:2]), model, pose, mesh[0]).ranges_m
    half = lidar.scan(scene, model, pose, mesh[0], is_person=is_person).ranges_m
    assert half.shape == clear.shape
    shown = ~np.isnan(half)
    np.testing.assert_array_equal(half[shown], clear[shown])
    assert 0.2 < shown.sum() / (~np.isnan(clear)).sum() < 0.8
    leaking = lidar.scan_many(scene, model, pose[None], mesh[0], random=np.random.default_rng(0), is_person=is_person, leak=0.2)[0].ranges_m
    assert 0.1 < (leaking < 6.5).sum() / (np.isnan(half).sum()) < 0.25  # of the wall's returns, at about 6 m
    hidden, mine = with_wall(mesh, [[2, -3, 0], [2, 3, 0], [2, 3, 3], [2, -3, 3]])
    nothing = lidar.scan(hidden, model, pose, mesh[0], is_person=mine)
    assert np.isnan(nothing.ranges_m).all()
    assert np.isnan(lidar.range_view(nothing)).all()
    assert lidar.points(nothing).shape == (0, 4)


def test_lidars_scanned_together_are_those_scanned_alone() -> None:
    mesh, model = figure(), lidar.open_lidar("velodyne-vls128")
    scene = RayScene(*mesh[:2])
    poses = np.stack([facing(distance, angle)[1] for distance, angle in ((6, 0), (9, 90), (14, 200))])
    velocity = np.array([1.4, 0, 0])
    many = lidar.scan_many(scene, model, poses, mesh[0], velocity)
    views = lidar.range_views(many)
    assert views.shape == (3, 64, 44)
    assert views.dtype == np.float32
    for view, one in enumerate(lidar.scan(scene, model, pose, mesh[0], velocity) for pose in poses):
        np.testing.assert_allclose(np.sort(lidar.points(one), 0), np.sort(lidar.points(many[view]), 0), atol=2e-6)
        np.testing.assert_allclose(lidar.range_view(one), views[view], atol=1e-5)


def test_range_views_look_like_silhouettes_of_the_same_view() -> None:
    mesh = figure()
    scene = RayScene(*mesh[:2])
    for angle in (0, 90, 220):
        camera_pose, lidar_pose = facing(9, angle, 1.2)
        mask = camera.render(scene, LENS, camera_pose, mesh[0]).masks[0]
        view = lidar.range_view(lidar.scan(scene, lidar.open_lidar("velodyne-vls128"), lidar_pose, mesh[0]))
        assert overlap(~np.isnan(view), mask) > 0.75
        assert np.nanmin(view) > 8
        assert np.nanmax(view) < 10
