"""Each line of the conventions page, pinned."""

import numpy as np
import pytest

from gaitbridge import conventions
from gaitbridge.conventions import stream, view_angle_deg
from gaitbridge.geometry.camera import Camera
from gaitbridge.geometry.range_view import align, to_spherical
from gaitbridge.geometry.transforms import about_axis, apply, look_at, rigid
from gaitbridge.store import Store


@pytest.mark.parametrize(("to_sensor", "degrees"), [((1, 0), 0), ((0, 1), 90), ((-1, 0), 180), ((0, -1), 270)])
def test_view_zero_walks_towards_the_sensor_and_ninety_shows_the_left(to_sensor: tuple[int, int], degrees: float) -> None:
    assert view_angle_deg(np.array([1.0, 0.0]), np.array(to_sensor)) == pytest.approx(degrees)


def test_view_angle_turns_with_the_walker() -> None:
    assert view_angle_deg(np.array([0.0, 2.0]), np.array([0.0, 5.0])) == 0
    assert view_angle_deg(np.array([0.0, 1.0]), np.array([1.0, 0.0])) == pytest.approx(270)


def test_streams_are_repeatable_and_independent() -> None:
    first = stream(7, "shape", "p1").random(4)
    assert (stream(7, "shape", "p1").random(4) == first).all()
    for other in (stream(8, "shape", "p1"), stream(7, "shape", "p2"), stream(7, "motion", "p1"), stream(7, "shapep1")):
        assert not np.isclose(other.random(4), first).any()


def test_stream_values_never_change_between_versions() -> None:
    assert stream(0, "pinned").integers(1000, size=3).tolist() == [511, 467, 283]


def test_modalities_go_by_name() -> None:
    assert conventions.MODALITIES["camera"] == conventions.CAMERA == "silhouettes"
    assert conventions.MODALITIES["lidar"] == conventions.LIDAR == "range_views"


def test_transforms_map_column_vectors_from_source_to_target() -> None:
    T_world_from_sensor = rigid(about_axis("z", np.pi / 2), np.array([1.0, 2.0, 3.0]))
    assert T_world_from_sensor @ np.array([1.0, 0.0, 0.0, 1.0]) == pytest.approx([1.0, 3.0, 3.0, 1.0])
    assert apply(T_world_from_sensor, np.array([[1.0, 0.0, 0.0]]))[0] == pytest.approx([1.0, 3.0, 3.0])


def test_the_world_is_right_handed_with_z_up_and_the_walkers_left_is_y() -> None:
    from gaitbridge.simulation.body.anny import open_body

    body = open_body("reduced")
    joints = dict(zip(body.joint_names, body.rest(body.shared_shape()).joints_m, strict=True))
    assert joints["LeftUpLeg"][1] > 0.03 > -0.03 > joints["RightUpLeg"][1]
    assert joints["Head"][2] > 1.3
    assert joints["LeftToeBase"][0] > joints["LeftFoot"][0] + 0.05  # it faces +x


def test_camera_axes_and_the_first_pixel() -> None:
    camera = Camera.from_focal(100.0, 64, 48)
    right, down = camera.project(np.array([[0.5, 0.0, 1.0], [0.0, 0.2, 1.0]]))[0]
    assert right == pytest.approx([31.5 + 50, 23.5])  # x right: the column grows
    assert down == pytest.approx([31.5, 23.5 + 20])  # y down: the row grows
    assert camera.contains(np.array([[0.0, 0.0], [-0.6, 0.0], [63.4, 47.4]])).tolist() == [True, False, True]
    T_world_from_camera = look_at(np.array([5.0, 0.0, 1.0]), np.array([0.0, 0.0, 1.0]))
    assert T_world_from_camera[:3, 2] == pytest.approx([-1, 0, 0])  # z is the optical axis
    assert T_world_from_camera[:3, 1] == pytest.approx([0, 0, -1])


def test_lidar_angles() -> None:
    azimuth, elevation, ranges = to_spherical(np.array([[0.0, 2.0, 0.0], [3.0, 0.0, 3.0]]))
    assert azimuth == pytest.approx([np.pi / 2, 0])
    assert elevation == pytest.approx([0, np.pi / 4])
    assert ranges == pytest.approx([2, np.sqrt(18)])


def test_range_view_has_the_highest_beam_first_and_the_sensors_left_first() -> None:
    elevations, azimuths = np.deg2rad([2.0, 0.0, -2.0]), np.deg2rad([1.0, 0.0, -1.0])
    high_left = np.full((3, 3), 9.0, np.float32)
    high_left[0, 0], high_left[2, 2] = 5.0, np.nan
    view = align(high_left, elevations, azimuths, np.deg2rad(1.0), size=(6, 6))
    assert view.dtype == np.float32
    row, column = (axis.mean() for axis in np.nonzero(view == 5.0))
    assert row < 2
    assert column < 3
    assert np.isnan(view[5]).any()


def test_silhouettes_are_0_and_255_and_times_start_at_zero(toy_store: Store) -> None:
    arrays = toy_store.read(0, ["silhouettes", "silhouettes_time_s"]).arrays
    assert set(np.unique(arrays["silhouettes"])) == {conventions.BACKGROUND, conventions.PERSON}
    assert arrays["silhouettes_time_s"][0] == 0.0
