"""The pinhole camera: pixels and rays undo each other, axes and borders are where the conventions put them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaitbridge.geometry.camera import Camera

CAMERA = Camera(1100.0, 1050.0, 630.5, 470.0, 1280, 960)


@given(st.floats(-0.5, 1279.5), st.floats(-0.5, 959.5), st.floats(0.1, 100))
def test_rays_and_project_undo_each_other(u: float, v: float, distance: float) -> None:
    ray = CAMERA.rays(np.array([u, v]))
    np.testing.assert_allclose(np.linalg.norm(ray), 1.0)
    pixels, depth = CAMERA.project(ray * distance)
    np.testing.assert_allclose(pixels, [u, v], atol=1e-8)
    assert depth == pytest.approx(distance * ray[2])


def test_x_is_right_y_is_down_and_the_principal_point_is_ahead() -> None:
    pixels, depth = CAMERA.project(np.array([[0.0, 0, 4], [1, 0, 4], [0, 1, 4]]))
    np.testing.assert_allclose(pixels, [[630.5, 470], [630.5 + 275, 470], [630.5, 470 + 262.5]])
    np.testing.assert_allclose(depth, 4)


def test_field_of_view_reaches_from_border_to_border() -> None:
    camera = Camera.from_fov(60.0, 1280, 960)
    left, right = camera.rays(np.array([[-0.5, camera.cy], [1279.5, camera.cy]]))
    assert np.rad2deg(np.arccos(left @ right)) == pytest.approx(60.0)
    assert Camera.from_focal(camera.fx, 1280, 960) == camera


def test_contains_goes_by_the_pixels_outer_borders() -> None:
    inside = CAMERA.contains(np.array([[-0.5, 0], [-0.51, 0], [1279.4, 959.4], [1279.5, 5], [3, -0.6], [3, 959.5]]))
    assert inside.tolist() == [True, False, True, False, False, False]


def test_impossible_cameras_are_refused() -> None:
    with pytest.raises(ValueError, match="positive"):
        Camera(0.0, 1.0, 0, 0, 10, 10)
    with pytest.raises(ValueError, match="field of view"):
        Camera.from_fov(180.0, 10, 10)
