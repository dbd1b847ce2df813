"""Beams of some width: edges, cloth, the ground, limbs, packets."""

from dataclasses import replace

import numpy as np
import pytest
from walking_figure import facing, figure

from gaitbridge.geometry import projection
from gaitbridge.geometry.depth_picture import depth_pictures
from gaitbridge.geometry.rays import RayScene
from gaitbridge.geometry.sensors import open_sensor
from gaitbridge.simulation.sensors import beams, spinning_lidar
from gaitbridge.simulation.sensors.spinning_lidar import LidarModel, Scan, open_lidar

VLS = open_lidar("velodyne-vls128")
STILL = np.zeros(3)


def nothing_wrong(views: int = 1, frames: int = 1) -> beams.Upsets:
    """A pipeline that takes no feet and crops right."""
    grid = (views, frames)
    none, nobody = np.zeros(views), np.zeros(views, bool)
    return beams.Upsets(np.full(grid, -9.0), none, nobody, np.zeros((*grid, 3)), np.zeros(grid, np.uint8), np.zeros((*grid, 2)))


def plain(mesh: tuple[np.ndarray, np.ndarray], reflectivity: float = 0.3, part: int = 2) -> beams.Surface:
    count = len(mesh[1])
    return beams.Surface(np.full(count, reflectivity, np.float32), np.full(count, part, np.uint8))


def swept(
    mesh: tuple[np.ndarray, np.ndarray], model: LidarModel = VLS, distance_m: float = 10.0, seed: int = 0, surface: beams.Surface | None = None,
    upset: beams.Upsets | None = None,
) -> Scan:  # fmt: skip
    pose = facing(distance_m, 30)[1][None]
    given = (surface or plain(mesh), upset or nothing_wrong(), 0)
    return beams.scan_many(RayScene(*mesh), model, pose, mesh[0], STILL, np.random.default_rng(seed), *given)[0]


def boards(gap_m: float) -> tuple[np.ndarray, np.ndarray]:
    """A board over the left half of the view and, farther by a gap, one over the right half; both stand off the ground, across the view."""
    _, pose = facing(10.0, 30)
    ahead, left = pose[:3, 0] * [1, 1, 0], pose[:3, 1]
    corners = []
    for away, low, high in ((0.0, -0.02, 0.4), (gap_m, -0.4, 0.02)):
        corners += [ahead * away + left * side + [0, 0, height] for side, height in ((low, 1.0), (high, 1.0), (high, 1.6), (low, 1.6))]
    return np.array(corners, np.float32), np.array([[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]], np.int32)


def count(scan: Scan) -> int:
    return int(np.isfinite(scan.ranges_m).sum())


def test_the_same_stream_gives_the_same_bytes() -> None:
    mesh = figure()[:2]
    one, again, other = (swept(mesh, seed=seed).ranges_m for seed in (1, 1, 2))
    assert one.tobytes() == again.tobytes() != other.tobytes()


def test_wide_beams_make_outlines_grow_by_a_part_of_a_spot() -> None:
    mesh = figure()[:2]
    thin, wide = (swept(mesh, replace(VLS, divergence_mrad=size, dropout=0.0)) for size in ((1e-3, 1e-3), (3.0, 1.5)))
    assert 1.03 < count(wide) / count(thin) < 1.4
    clean = spinning_lidar.scan(RayScene(*mesh), VLS, facing(10.0, 30)[1], mesh[0])
    assert count(thin) == pytest.approx(count(clean), rel=0.02)


def test_a_spot_on_an_edge_mixes_what_is_near_and_not_what_is_far() -> None:
    between = {}
    for gap in (0.4, 2.0):
        quiet = replace(VLS, range_noise_m=0.0, dropout=0.0)
        ranges = swept(boards(gap), quiet).ranges_m
        there = ranges[np.isfinite(ranges)]
        near = np.percentile(there, 20)
        between[gap] = int(((there > near + 0.08) & (there < near + gap - 0.08)).sum())
    assert between[0.4] > 5
    assert between[2.0] == 0


def test_dark_cloth_loses_returns_and_comes_late() -> None:
    mesh = figure()[:2]
    dark, bright = (swept(mesh, surface=plain(mesh, reflectivity)) for reflectivity in (0.04, 0.6))
    assert count(dark) < 0.93 * count(bright)
    both = np.isfinite(dark.ranges_m) & np.isfinite(bright.ranges_m)
    assert 0.005 < float(np.mean(dark.ranges_m[both] - bright.ranges_m[both])) < 0.03


def test_a_filter_of_the_veil_takes_what_grew_and_what_mixed() -> None:
    mesh = figure()[:2]
    thin = swept(mesh, replace(VLS, divergence_mrad=(1e-3, 1e-3), dropout=0.0))
    whole, less = (swept(mesh, replace(VLS, dropout=0.0), upset=replace(nothing_wrong(), veil=np.array([veil]))) for veil in (0.0, 1.0))
    assert count(less) < count(thin) < count(whole)
    assert count(less) > 0.85 * count(thin)


def test_what_is_low_is_taken_for_the_ground() -> None:
    mesh = figure()[:2]
    whole = swept(mesh)
    cut = swept(mesh, upset=replace(nothing_wrong(), ground_m=np.array([[0.3]])))
    pose = facing(10.0, 30)[1]
    heights = [(spinning_lidar.points(scan)[:, :3] @ pose[:3, :3].T + pose[:3, 3])[:, 2] for scan in (whole, cut)]
    assert heights[0].min() < 0.1 < 0.28 < heights[1].min()
    assert count(cut) < count(whole)


def test_the_ground_about_the_feet_stays_in_where_the_plane_is_too_low() -> None:
    mesh = figure()[:2]
    shares = []
    for cut in (0.05, -1.0):
        scan = swept(mesh, upset=replace(nothing_wrong(), ground_m=np.array([[cut]])))
        pose = facing(10.0, 30)[1]
        world = spinning_lidar.points(scan)[:, :3] @ pose[:3, :3].T + pose[:3, 3]
        shares.append(int((world[:, 2] < 0.04).sum()))
        assert np.linalg.norm(world[:, :2], axis=1).max() < 1.2  # nothing from far behind
    assert shares[0] == 0 < shares[1]


def test_a_limb_loses_returns_between_two_heights() -> None:
    mesh = figure()[:2]
    hurt = replace(nothing_wrong(), limb=np.array([[5]], np.uint8), limb_m=np.array([[[0.3, 0.6]]]))
    surface = plain(mesh, part=5)
    whole, less = swept(mesh, surface=surface), swept(mesh, surface=surface, upset=hurt)
    pose = facing(10.0, 30)[1]
    inside = [((z := (spinning_lidar.points(scan)[:, :3] @ pose[:3, :3].T + pose[:3, 3])[:, 2]) > 0.33) & (z < 0.57) for scan in (whole, less)]
    assert inside[1].sum() < 0.5 * inside[0].sum()
    assert count(less) - inside[1].sum() > 0.9 * (count(whole) - inside[0].sum())
    assert count(swept(mesh, surface=plain(mesh, part=6), upset=hurt)) == count(swept(mesh, surface=plain(mesh, part=6)))


def test_lost_packets_leave_whole_columns_out(monkeypatch: pytest.MonkeyPatch) -> None:
    mesh = figure()[:2]
    monkeypatch.setattr(beams, "PACKETS_LOST", 0.4)
    gone = swept(mesh)
    monkeypatch.setattr(beams, "PACKETS_LOST", 0.0)
    there = swept(mesh)
    lost = np.isfinite(there.ranges_m).any(0) & ~np.isfinite(gone.ranges_m).any(0)
    assert lost.sum() >= 3


def test_errors_of_a_station_last_and_a_site_has_its_own_cut() -> None:
    many = [beams.upsets(200, 20, site, np.random.default_rng(0)) for site in (0, 1)]
    ground = many[0].ground_m
    assert ground.mean(1).std() == pytest.approx(beams.GROUND_ERROR_M, rel=0.2)
    assert (ground - ground.mean(1, keepdims=True)).std() < 0.6 * beams.GROUND_ERROR_M
    assert abs(float((many[1].ground_m - ground).mean())) > 1e-3
    np.testing.assert_allclose(many[1].ground_m - ground, (many[1].ground_m - ground).mean(), atol=1e-12)
    assert many[0].limb.any()


def test_a_tracker_that_errs_moves_the_crop() -> None:
    mesh = figure()[:2]
    scan = swept(mesh)
    right = spinning_lidar.range_view(scan)
    high, low, beside = spinning_lidar.range_views([scan] * 3, off=0.1 * np.eye(3))
    assert np.isfinite(right[0]).any()
    assert np.isnan(high[:4]).all()
    assert np.isnan(low[-4:]).all()
    middles = [np.median(np.nonzero(np.isfinite(view))[1]) for view in (right, beside)]
    assert middles[1] - middles[0] == pytest.approx(6.4, abs=1.1)


def test_points_give_the_published_look_alike_and_the_same_view() -> None:
    mesh = figure()[:2]
    scan = swept(mesh)
    cloud = spinning_lidar.points(scan)[:, :3]
    picture = depth_pictures([cloud * [-1, -1, 1]])[0]
    assert 0.1 < (picture > 0).any(0).mean() < 0.5
    seen, own = np.isfinite(projection.range_view(cloud, open_sensor("velodyne-vls128"), (64, 44))), np.isfinite(spinning_lidar.range_view(scan))
    assert (seen & own).sum() / (seen | own).sum() > 0.8
