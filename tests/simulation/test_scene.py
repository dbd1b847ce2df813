"""Paths, stations and clocks agree with the conventions."""

import numpy as np
import pytest
from striding import bare, body, outfit_of, walker

from gaitbridge.conventions import stream, view_angle_deg
from gaitbridge.errors import UserError
from gaitbridge.geometry import transforms
from gaitbridge.geometry.rays import RayScene
from gaitbridge.simulation.conditions import ArmHold
from gaitbridge.simulation.path import Path
from gaitbridge.simulation.scene import VIEWS, Mounting, paired_times, put_up, view_angle_of
from gaitbridge.simulation.sensors import spinning_lidar
from gaitbridge.simulation.walker import frames_of, hold_arm


@pytest.mark.parametrize("curvature", [0.0, 0.1, -0.1])
def test_view_labels_are_the_angles_from_the_walking_direction(curvature: float) -> None:
    person = walker(bare(), curvature, duration_s=2.0)
    roots = person.pose(np.array([0.95, 1.0, 1.05])).root_m
    for station in put_up(VIEWS, person.path, person.length_m, Mounting(), stream(0, "stations")):
        to_camera = station.T_world_from_camera[:3, 3] - roots[1]
        angle = view_angle_deg(roots[2] - roots[0], to_camera)
        assert abs((angle - float(station.view) + 180) % 360 - 180) < 2.5
        assert station.view_deg == float(station.view)
        np.testing.assert_allclose(np.hypot(*to_camera[:2]), station.distance_m, atol=0.25)


def test_at_view_090_the_sensors_see_the_left_side() -> None:
    person = walker(bare())
    left, right = put_up(("090", "270"), person.path, person.length_m, Mounting(), stream(0, "stations"))
    joints = person.dressed(np.array([0.5])).joints_m[0]
    hands = [joints[body().joint_names.index(name)] for name in ("LeftArm", "RightArm")]
    for station, nearer in ((left, 0), (right, 1)):
        for T in (station.T_world_from_camera, station.T_world_from_lidar):
            distances = [float(np.linalg.norm(T[:3, 3] - hand)) for hand in hands]
            assert int(np.argmin(distances)) == nearer


def test_the_walk_starts_at_the_origin_and_keeps_its_length_on_a_curve() -> None:
    times = np.linspace(0, 2, 41)
    straight, curved = (walker(bare(), curvature, 2.0).pose(times) for curvature in (0.0, 0.125))
    np.testing.assert_allclose(straight.root_m[0, :2], 0, atol=1e-6)
    np.testing.assert_allclose(straight.root_m[:, 1], 0, atol=1e-6)
    assert straight.root_m[-1, 0] > 2
    steps = [np.linalg.norm(np.diff(pose.root_m[:, :2], axis=0), axis=1).sum() for pose in (straight, curved)]
    np.testing.assert_allclose(steps[1], steps[0], rtol=1e-3)
    # an arc of radius 8 m about (0, 8), the hips turned along it
    np.testing.assert_allclose(np.linalg.norm(curved.root_m[:, :2] - [0, 8.0], axis=1), 8.0, atol=1e-3)
    turned = curved.rotations_world[-1, 0] @ straight.rotations_world[-1, 0].T
    np.testing.assert_allclose(np.arctan2(turned[1, 0], turned[0, 0]), steps[0] / 8.0, atol=1e-3)


@pytest.mark.parametrize("phase", [0.0, 0.31, 0.77, 0.999])
def test_pairs_are_within_half_a_camera_frame(phase: float) -> None:
    clock = paired_times(20, 30.0, 10.0, phase)
    assert np.abs(clock.camera_s - clock.lidar_s).max() <= 1 / 60 + 1e-9
    np.testing.assert_allclose(np.diff(clock.lidar_s), 0.1)
    np.testing.assert_allclose(clock.camera_s * 30, np.rint(clock.camera_s * 30), atol=1e-9)
    assert clock.camera_s[0] >= 0
    assert len(set(np.rint(clock.camera_s * 30).astype(int))) == 20


def test_farther_means_fewer_points() -> None:
    person = walker(outfit_of("normal"))
    vertices = person.dressed(np.array([0.5])).vertices_m[0]
    scene, counts = RayScene(vertices, person.triangles), []
    for metres in (6.0, 12.0, 24.0):
        fixed = Mounting(distance_m=(metres, metres), lidar_height_m=(1.5, 1.5))
        (station,) = put_up(("045",), person.path, person.length_m, fixed, stream(0, "stations"))
        scan = spinning_lidar.scan(scene, spinning_lidar.open_lidar("velodyne-vls128"), station.T_world_from_lidar, vertices)
        counts.append(np.count_nonzero(~np.isnan(scan.ranges_m)))
    assert counts[0] > 2.5 * counts[1] > 6 * counts[2] > 0


def test_near_and_far_labels_and_the_baseline() -> None:
    mounting = Mounting(baseline_m=(3.0, 3.0))
    near, usual, far = put_up(("090-near", "090", "090-far"), Path(), 2.6, mounting, stream(0, "stations"))
    assert near.distance_m <= 6 <= usual.distance_m <= 14 < 15 <= far.distance_m
    for station in (near, usual, far):
        apart = station.T_world_from_lidar[:2, 3] - station.T_world_from_camera[:2, 3]
        np.testing.assert_allclose(np.linalg.norm(apart), 3.0, atol=1e-9)


@pytest.mark.parametrize("label", ["90", "400", "045-close", "abc", ""])
def test_a_wrong_view_is_named(label: str) -> None:
    with pytest.raises(UserError, match="three digits"):
        view_angle_of(label)


def test_cameras_and_lidars_look_at_the_middle_of_the_walker() -> None:
    for station in put_up(VIEWS, Path(), 2.6, Mounting(middle_beam_deg=-1.0), stream(3, "stations")):
        middle = np.array([[1.3, 0.0, 0.95]])
        in_camera = transforms.apply(transforms.inverse(station.T_world_from_camera), middle)[0]
        assert in_camera[2] > 0
        np.testing.assert_allclose(in_camera[:2], 0, atol=1e-9)
        x, y, z = transforms.apply(transforms.inverse(station.T_world_from_lidar), middle)[0]
        assert x > 0
        assert abs(np.rad2deg(np.arctan2(y, x))) < 1e-6
        assert abs(np.rad2deg(np.arctan2(z, x)) + 1.0) < 0.1


def test_props_and_body_agree_on_the_joints() -> None:
    person = walker(outfit_of("carrying"))
    times = np.array([0.1, 0.7])
    pose = person.pose(times)
    np.testing.assert_allclose(frames_of(body(), person.rest, pose, times).joints_m, person.dressed(times).joints_m, atol=1e-5)


def test_a_held_arm_points_where_it_is_told() -> None:
    person = walker(bare())
    pose = person.pose(np.array([0.2, 0.5]))
    held = hold_arm(body(), person.rest, pose, "left", ArmHold((0.0, 0.2, -1.0), (1.0, 0.0, 0.0), swing=0.0))
    joints = body().posed(person.shape, held).joints_m
    names = body().joint_names
    spine = names.index("Spine1")
    trunk = held.rotations_world[:, spine] @ person.rest.rotations_world[spine].T
    fore = np.einsum("tba,tb->ta", trunk, joints[:, names.index("LeftHand")] - joints[:, names.index("LeftForeArm")])
    np.testing.assert_allclose(fore / np.linalg.norm(fore, axis=1, keepdims=True), [[1.0, 0, 0]] * 2, atol=1e-3)
    np.testing.assert_array_equal(held.rotations_world[:, names.index("RightArm")], pose.rotations_world[:, names.index("RightArm")])


def test_the_velocity_is_along_the_path() -> None:
    times = np.array([0.3, 0.9])
    speed = walker(bare(), 0.125, 2.0).velocity_mps(times)
    _, heading = Path(0.125).place(1.3 * times)
    np.testing.assert_allclose(speed[:, 0], 1.3 * np.cos(heading), atol=0.01)
    np.testing.assert_allclose(speed[:, 1], 1.3 * np.sin(heading), atol=0.01)
