"""Conditions are geometry that both sensors see, and look like what they are called."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import cKDTree
from striding import bare, body, outfit_of, walker

from gaitbridge import plugins
from gaitbridge.conventions import CONDITIONS, stream
from gaitbridge.geometry.rays import RayScene
from gaitbridge.simulation.conditions import Frames, Outfit, bag
from gaitbridge.simulation.conditions._clothes import inflation
from gaitbridge.simulation.conditions._frames import joint, lagged, pendulum
from gaitbridge.simulation.conditions._meshes import super_ellipsoid
from gaitbridge.simulation.conditions._places import zone_of
from gaitbridge.simulation.path import Path
from gaitbridge.simulation.scene import Mounting, put_up
from gaitbridge.simulation.sensors import silhouette_camera, spinning_lidar
from gaitbridge.simulation.sensors.silhouette_camera import SilhouetteCamera

TIMES = np.arange(4) / 10
FIXED = Mounting((8, 8), (5, 5), (20, 20), (1.6, 1.6), (1.6, 1.6), (0.3, 0.3))


def seen(outfit: Outfit, view: str, time_s: float = 0.3) -> tuple[float, float, np.ndarray]:
    """Silhouette area (native pixels), top row (native), and the LiDAR's clean ranges of a walker in an outfit."""
    person = walker(outfit)
    (station,) = put_up((view,), Path(), 1.3, FIXED, stream(0, "stations"))
    vertices = person.dressed(np.array([time_s])).vertices_m[0]
    scene, worn = RayScene(vertices, person.triangles), vertices[: person.worn_vertices]
    camera, size = SilhouetteCamera().camera, (256, 256)
    shot = silhouette_camera.render(scene, camera, station.T_world_from_camera, worn, size, person.is_person)
    top, _, bottom, _ = shot.boxes[0]
    lidar = spinning_lidar.open_lidar("velodyne-vls128")
    scan = spinning_lidar.scan(scene, lidar, station.T_world_from_lidar, worn, is_person=person.is_person)
    return float((shot.masks > 0).sum()) * ((bottom - top) / 256) ** 2, float(top), scan.ranges_m[~np.isnan(scan.ranges_m)]


def test_every_condition_of_the_convention_is_there() -> None:
    assert tuple(plugins.names("gaitbridge.simulation.conditions")) == tuple(sorted(CONDITIONS))


@pytest.mark.parametrize("condition", CONDITIONS)
def test_outfits_are_whole_and_drawn_from_the_stream_alone(condition: str) -> None:
    first, again, other = (walker(outfit_of(condition, seed)) for seed in (1, 1, 2))
    vertices = first.dressed(TIMES).vertices_m
    assert vertices.shape[1] == first.triangles.max() + 1
    assert np.isfinite(vertices).all()
    assert first.outfit.inflate_m.shape == (len(body().bone_of_vertex),)
    assert first.outfit.inflate_m.dtype == np.float32
    np.testing.assert_array_equal(vertices, again.dressed(TIMES).vertices_m)
    if condition != "uniform":
        others = other.dressed(TIMES).vertices_m
        assert others.shape != vertices.shape or not np.array_equal(others, vertices)


def test_everyone_wears_a_thin_layer_and_a_coat_is_thicker() -> None:
    zones = np.array([zone_of(name) for name in body().joint_names])[body().bone_of_vertex]
    thin, coat = outfit_of("normal").inflate_m, outfit_of("clothing").inflate_m
    assert 0.004 <= thin[zones == "torso"].mean() <= 0.014
    assert thin[zones == "hand"].max() < 0.006
    assert 0.018 <= coat[zones == "torso"].mean() <= 0.05
    assert coat[zones == "forearm"].mean() < coat[zones == "torso"].mean()
    spread = [outfit_of("normal", seed).inflate_m[zones == "torso"].mean() for seed in range(4)]
    assert np.std(spread) > 1e-4  # drawn anew for each take


def test_uniform_is_the_same_on_everybody() -> None:
    np.testing.assert_array_equal(outfit_of("uniform", 1).inflate_m, outfit_of("uniform", 2).inflate_m)


def test_a_coat_shows_in_both_sensors() -> None:
    area, _, ranges = seen(bare(), "090")
    coat_area, _, coat_ranges = seen(outfit_of("clothing"), "090")
    assert coat_area > 1.06 * area
    assert len(coat_ranges) > 1.04 * len(ranges)
    assert coat_ranges.min() < ranges.min() - 0.01


def test_a_hem_covers_the_thighs_and_swings_after_the_legs() -> None:
    coat = next(outfit_of("clothing", seed) for seed in range(9) if outfit_of("clothing", seed).props)
    person = walker(coat)
    times = np.linspace(0, 1, 12)
    dressed = person.dressed(times)
    hem = dressed.vertices_m[:, len(body().bone_of_vertex) :]
    thighs = np.isin(body().bone_of_vertex, [joint(body(), "LeftUpLeg"), joint(body(), "RightUpLeg")])
    for frame in range(len(times)):
        low, high = hem[frame, :, 2].min(), hem[frame, :, 2].max()
        inside = dressed.bare_m[frame][thighs]
        inside = inside[(inside[:, 2] > low + 0.02) & (inside[:, 2] < high - 0.1)]
        reach = hem[frame][np.abs(hem[frame, :, 2] - low) < 0.25]
        assert inside[:, 0].max() < reach[:, 0].max() + 0.02
        assert inside[:, 0].min() > reach[:, 0].min() - 0.02
    width = np.ptp(hem[:, -24:, 0], axis=1)
    assert np.ptp(width) > 0.04  # opens with the stride


def test_an_umbrella_raises_the_top_and_stays_clear_of_the_head() -> None:
    _, top, ranges = seen(bare(), "090")
    _, umbrella_top, umbrella_ranges = seen(outfit_of("umbrella"), "090")
    assert umbrella_top < top - 10
    assert len(umbrella_ranges) > len(ranges) + 40
    for seed in range(6):
        dressed = walker(outfit_of("umbrella", seed)).dressed(TIMES)
        head = np.isin(body().bone_of_vertex, [joint(body(), "Head"), joint(body(), "Neck1")])
        person = len(body().bone_of_vertex)
        for frame in range(len(TIMES)):
            clear, _ = cKDTree(dressed.vertices_m[frame, person:]).query(dressed.bare_m[frame][head])
            assert clear.min() > 0.04


def test_a_backpack_changes_the_back_and_not_the_front() -> None:
    prop = bag.backpack(body(), body().rest(body().shared_shape()), stream(0, "bag"))
    packed = Outfit(bare().inflate_m, (prop,))
    nearest = {view: [float(np.quantile(seen(outfit, view)[2], 0.05)) for outfit in (bare(), packed)] for view in ("000", "180")}
    assert nearest["180"][1] < nearest["180"][0] - 0.05
    assert abs(nearest["000"][1] - nearest["000"][0]) < 0.03
    assert seen(packed, "090")[0] > 1.06 * seen(bare(), "090")[0]


@pytest.mark.parametrize("condition", ["bag", "carrying"])
def test_what_is_carried_touches_the_carrier(condition: str) -> None:
    for seed in range(8):
        dressed = walker(outfit_of(condition, seed)).dressed(TIMES)
        worn = len(body().bone_of_vertex)
        gap = [cKDTree(dressed.vertices_m[t, :worn]).query(dressed.vertices_m[t, worn:])[0].min() for t in range(len(TIMES))]
        assert max(gap) < 0.06, f"seed {seed} floats by {max(gap):.3f} m"


def test_arms_that_carry_do_not_swing() -> None:
    boxes = next(outfit for outfit in (outfit_of("carrying", seed) for seed in range(9)) if len(outfit.arm_carry) == 2)
    wrist, hips = joint(body(), "LeftHand"), joint(body(), "Hips")
    swing = []
    for outfit in (bare(), boxes):
        joints = walker(outfit).dressed(np.linspace(0, 1, 10)).joints_m
        swing.append(float(np.linalg.norm(np.ptp(joints[:, wrist] - joints[:, hips], axis=0))))
    assert swing[1] < 0.5 * swing[0]  # what is left is the trunk turning
    ahead = walker(boxes).dressed(TIMES).joints_m
    assert (ahead[:, wrist, 0] - ahead[:, hips, 0] > 0.2).all()


def test_occluders_hide_each_side_for_a_part_of_the_walk() -> None:
    person = walker(outfit_of("occlusion", 3), duration_s=2.0)
    clear = replace(person, outfit=Outfit(person.outfit.inflate_m))
    stations = put_up(("000", "045", "090", "135", "180", "225", "270", "315"), Path(), person.length_m, FIXED, stream(0, "stations"))
    poses = np.stack([station.T_world_from_camera for station in stations])
    lidar_poses = np.stack([station.T_world_from_lidar for station in stations])
    times = np.linspace(0, 2, 12)
    visible, returns = np.empty((12, 8)), np.empty((12, 8))
    hidden, alone = person.dressed(times), clear.dressed(times)
    lidar = spinning_lidar.open_lidar("velodyne-vls128")
    for frame in range(12):
        worn = alone.vertices_m[frame]
        counts = []
        for scene, mine in ((RayScene(hidden.vertices_m[frame], person.triangles), person.is_person), (RayScene(worn, clear.triangles), None)):
            shots = silhouette_camera.render_many(scene, SilhouetteCamera().camera, poses, worn, (64, 44), mine)
            scale = np.nan_to_num((shots.boxes[:, 2] - shots.boxes[:, 0]) / 64)
            scans = spinning_lidar.scan_many(scene, lidar, lidar_poses, worn, is_person=mine)
            counts.append(((shots.masks > 0).sum((1, 2)) * scale**2, [np.count_nonzero(~np.isnan(scan.ranges_m)) for scan in scans]))
        visible[frame] = counts[0][0] / counts[1][0]
        returns[frame] = np.array(counts[0][1]) / np.array(counts[1][1])
    for share in (visible, returns):
        assert (share.min(0) < 0.9).all()
        assert (share.max(0) > 0.97).all()


def test_night_is_normal_in_the_dark() -> None:
    night, normal = outfit_of("night", 5), outfit_of("normal", 5)
    assert night.night
    assert not normal.night
    np.testing.assert_array_equal(night.inflate_m, normal.inflate_m)


def test_a_pendulum_hangs_back_and_a_lag_follows() -> None:
    time_s = np.arange(0, 12, 1 / 60)
    trace = Frames(time_s, np.zeros((len(time_s), 1, 3, 3)), np.zeros((len(time_s), 1, 3)))
    speeding = np.stack([0.5 * 1.0 * time_s**2, 0 * time_s, 0 * time_s], -1)  # 1 m/s^2
    angle = pendulum(trace, speeding, 0.5, 0.4, np.array([11.0]))
    np.testing.assert_allclose(angle, [[-1.0 / 9.81, 0.0]], atol=2e-3)
    wave = np.sin(2 * np.pi * time_s)[:, None]
    late = lagged(time_s, wave, 0.1, time_s[300:])[:, 0]
    delay = int(np.argmax([np.dot(late[60:], wave[360 - k : len(wave) - k, 0]) for k in range(30)])) / 60
    assert 0.05 <= delay <= 0.15


def test_props_point_outward() -> None:
    vertices, triangles = super_ellipsoid((0.4, 0.3, 0.2), corner=0.4)
    a, b, c = (vertices[triangles[:, corner]].astype(float) for corner in range(3))
    volume = np.einsum("fi,fi->", np.cross(a, b), c) / 6
    assert 0.4 * 0.3 * 0.2 * 0.7 < volume < 0.4 * 0.3 * 0.2


def test_seams_are_soft() -> None:
    offsets = inflation(body(), {"torso": 0.04})
    corners = body().triangles
    assert np.abs(offsets[corners[:, 0]] - offsets[corners[:, 1]]).max() < 0.03  # of 4 cm
