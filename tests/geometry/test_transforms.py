"""Rigid transforms against homogeneous multiplication, and the poses of cameras and LiDARs against the conventions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaitbridge.geometry import transforms

numbers = st.floats(-3, 3, allow_nan=False)
vectors = st.tuples(numbers, numbers, numbers).map(np.array)


@given(vectors, vectors, vectors)
def test_apply_is_homogeneous_multiplication_and_inverse_undoes_it(turn: np.ndarray, shift: np.ndarray, point: np.ndarray) -> None:
    T = transforms.rigid(transforms.from_rotation_vector(turn), shift)
    moved = transforms.apply(T, point[None])
    np.testing.assert_allclose(moved[0], (T @ np.append(point, 1))[:3], atol=1e-12)
    np.testing.assert_allclose(transforms.apply(transforms.inverse(T), moved)[0], point, atol=1e-12)


def test_apply_broadcasts_over_poses_and_keeps_the_dtype() -> None:
    T = transforms.rigid(transforms.about_axis("z", np.array([0.0, np.pi / 2])), np.array([0.0, 0, 1]))
    moved = transforms.apply(T, np.array([[1, 0, 0], [0, 2, 0]], np.float32))
    assert moved.dtype == np.float32
    np.testing.assert_allclose(moved, [[[1, 0, 1], [0, 2, 1]], [[0, 1, 1], [-2, 0, 1]]], atol=1e-6)


@pytest.mark.parametrize(("axis", "start", "end"), [("x", [0, 1, 0], [0, 0, 1]), ("y", [0, 0, 1], [1, 0, 0]), ("z", [1, 0, 0], [0, 1, 0])])
def test_about_axis_turns_anticlockwise(axis: str, start: list[float], end: list[float]) -> None:
    np.testing.assert_allclose(transforms.about_axis(axis, np.pi / 2) @ start, end, atol=1e-12)


@given(vectors)
def test_rotation_vectors_round_trip(turn: np.ndarray) -> None:
    turn = turn / max(1.0, float(np.linalg.norm(turn)) / 3.0)  # below pi, where they are unique
    np.testing.assert_allclose(transforms.to_rotation_vector(transforms.from_rotation_vector(turn)), turn, atol=1e-9)


def test_look_at_puts_the_target_on_the_optical_axis_with_the_picture_upright() -> None:
    T = transforms.look_at(np.array([5.0, -3.0, 2.5]), np.array([0.0, 1.0, 0.9]))
    np.testing.assert_allclose(np.linalg.det(T[:3, :3]), 1.0)
    target = transforms.apply(transforms.inverse(T), np.array([[0.0, 1.0, 0.9]]))[0]
    np.testing.assert_allclose(target[:2], 0, atol=1e-12)
    assert target[2] > 0
    above, left = transforms.apply(transforms.inverse(T), np.array([[0.0, 1.0, 1.9], [-1.0, 0.0, 0.9]]))
    assert above[1] < 0  # y down
    assert abs(T[2, 0]) < 1e-12  # x level
    assert left[0] < 0  # seen from +x, -y: what lies towards -x, -y is on the left


def test_look_at_refuses_to_look_straight_down() -> None:
    with pytest.raises(ValueError, match="vertical"):
        transforms.look_at(np.array([1.0, 1.0, 5.0]), np.array([1.0, 1.0, 0.0]))


def test_sensor_pose_yaws_anticlockwise_and_pitches_up() -> None:
    T = transforms.sensor_pose(np.array([1.0, 2.0, 3.0]), np.pi / 2, np.deg2rad(30))
    np.testing.assert_allclose(transforms.apply(T, np.array([[2.0, 0.0, 0.0]]))[0], [1, 2 + 2 * np.cos(np.pi / 6), 3 + 1], atol=1e-12)
    np.testing.assert_allclose(transforms.apply(T, np.array([[0.0, 1.0, 0.0]]))[0], [0, 2, 3], atol=1e-12)  # y left
