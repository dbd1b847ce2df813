"""Each line of the conventions page, pinned."""

from pathlib import Path

import numpy as np
import pytest

from gaitbridge import conventions
from gaitbridge.conventions import stream, view_angle_deg
from gaitbridge.data.contents import content_problem
from gaitbridge.geometry.camera import Camera
from gaitbridge.geometry.range_view import align, to_spherical
from gaitbridge.geometry.transforms import about_axis, apply, look_at, rigid
from gaitbridge.store import Store, finish_store, write_shard
from gaitbridge.types import Labels, Sequence, array_problem


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


@pytest.mark.parametrize(("order", "joints"), [("coco", 17), ("openpose", 18)])
def test_skeletons_are_columns_rows_and_scores_in_a_named_order(order: str, joints: int) -> None:
    names = conventions.JOINT_ORDERS[order]
    assert len(set(names)) == joints
    assert sum(name.startswith("left_") for name in names) == sum(name.startswith("right_") for name in names) == 8
    assert names[0] == "nose"
    found = np.full((4, joints, 3), 5.0, np.float32)
    found[:, 2] = 0.0  # not found
    assert not array_problem("skeletons", found)
    assert not content_problem("skeletons", found)
    found[1, 2] = np.nan
    assert "put 0 for column, row and score" in content_problem("skeletons", found)
    assert "has no joint" in content_problem("skeletons", np.zeros((2, joints, 3), np.float32))
    assert "scores below 0" in content_problem("skeletons", np.full((2, joints, 3), -1.0, np.float32))
    assert "float32 [T, J, 3]" in array_problem("skeletons", np.zeros((2, joints, 2), np.float32))


def test_parsing_has_a_label_a_pixel() -> None:
    assert conventions.PARSING_LABELS.index("background") == 0
    assert (conventions.PARSING_LABELS.index("left_arm"), conventions.PARSING_LABELS.index("dress")) == (3, 11)
    labels = np.arange(2 * 3 * 2, dtype=np.uint8).reshape(2, 3, 2)
    assert not array_problem("parsing", labels)
    assert not content_problem("parsing", labels)
    assert "labels up to 255, not 0 to 11" in content_problem("parsing", 255 * (labels > 3).astype(np.uint8))
    assert "has no pixel of a person" in content_problem("parsing", 0 * labels)


def test_stores_keep_skeletons_and_parsing_frame_for_frame(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    arrays: dict[str, np.ndarray] = {"skeletons": random.uniform(0, 300, (5, 18, 3)).astype(np.float32),
                                     "parsing": random.integers(0, 12, (5, 64, 44)).astype(np.uint8)}
    write_shard(tmp_path, "all", [Sequence(Labels("a", "p", "test", "normal", 0, "000", 0.0, 9.0), arrays)])
    finish_store(tmp_path, ["all"], {})
    store = Store(tmp_path)
    assert {"skeletons", "parsing"} == set(store.rows[0]["modalities"]) <= set(conventions.SENSOR)
    found = store.read(0, ["skeletons", "parsing"], {"skeletons": np.array([3, 1]), "parsing": np.array([4])}).arrays
    assert np.array_equal(found["skeletons"], arrays["skeletons"][[3, 1]])
    assert np.array_equal(found["parsing"], arrays["parsing"][[4]])


def test_silhouettes_are_0_and_255_and_times_start_at_zero(toy_store: Store) -> None:
    arrays = toy_store.read(0, ["silhouettes", "silhouettes_time_s"]).arrays
    assert set(np.unique(arrays["silhouettes"])) == {conventions.BACKGROUND, conventions.PERSON}
    assert arrays["silhouettes_time_s"][0] == 0.0
