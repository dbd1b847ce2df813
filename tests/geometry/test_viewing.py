"""A body along its camera's viewing ray, and where it shows in the silhouette."""

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gaitbridge.geometry.camera import Camera
from gaitbridge.geometry.viewing import about_root, view_of

CAMERA = Camera.from_focal(1100.0, 1280, 960)
INTRINSICS = np.array([1100.0, 1100.0, CAMERA.cx, CAMERA.cy, 1280, 960])
# a camera at (10, 0, 2) that looks along -x: its z is -x, its x is +y, its y is -z of the world
LOOKING_BACK = np.array([[0, 0, -1, 10.0], [1, 0, 0, 0], [0, -1, 0, 2.0], [0, 0, 0, 1]])


def projected(points_m: np.ndarray, T_world_from_camera: np.ndarray) -> np.ndarray:
    """Native pixels of world points, by the plain pinhole."""
    inside = (points_m - T_world_from_camera[:3, 3]) @ T_world_from_camera[:3, :3]
    return CAMERA.project(inside)[0]


@settings(max_examples=40, deadline=None)
@example(3.0, -1.5, 0.5)
@given(st.floats(-2, 3), st.floats(-1.5, 1.5), st.floats(0.5, 1.5))
def test_the_root_shows_where_it_is_and_small_bodies_around_it_too(x: float, y: float, z: float) -> None:
    root = np.array([[x, y, z]])
    u, v = projected(root, LOOKING_BACK)[0]
    box = np.array([[v - 90.0, u - 60.0, v + 102.0, u + 72.0]])  # 192 x 132 native pixels: 3 to one of the silhouette's
    view = view_of(root, LOOKING_BACK, INTRINSICS, box, (64, 44))
    assert np.allclose(view.root_px[0], [60 / 3 - 0.5, 90 / 3 - 0.5], atol=1e-4)
    assert view.seen.all()
    around = root + np.random.default_rng(0).normal(0, 0.03, (30, 3))  # small, so that perspective within it does not count
    seen = about_root(around[None], root, view)[0]
    px = view.root_px[0] + seen[:, :2] / view.scale_m[0] * 64
    truth = (projected(around, LOOKING_BACK) - [u - 60.0, v - 90.0]) / 3 - 0.5
    off_m = np.abs(px - truth) / 64 * view.scale_m[0]
    assert off_m.max() < 0.004  # what the ray's slant leaves, most where the root is near and at the picture's edge: 3.2 mm


def test_axes_are_right_down_and_away_and_lengths_stay() -> None:
    root = np.array([[0.0, 0.0, 1.0]])
    view = view_of(root, LOOKING_BACK, INTRINSICS, np.array([[100.0, 100, 300, 200]]), (64, 44))
    ends = root + np.array([[0.0, 0.5, 0.0], [0.0, 0.0, 0.5], [-0.5, 0.0, 0.0]])  # to the camera's right, up, away
    seen = about_root(ends[None], root, view)[0]
    assert seen[0, 0] > 0.499
    assert seen[1, 1] < -0.49
    assert seen[2, 2] > 0.49
    assert np.allclose(np.linalg.norm(seen, axis=1), 0.5, atol=1e-6)
    assert np.allclose(view.R_view_from_world[0] @ view.R_view_from_world[0].T, np.eye(3), atol=1e-6)
    assert np.linalg.det(view.R_view_from_world[0]) > 0.99


def test_a_person_who_is_not_seen_is_said_to_be_so() -> None:
    root = np.tile([[0.0, 0.0, 1.0]], (2, 1))
    boxes = np.array([[np.nan] * 4, [100.0, 100, 300, 200]])
    view = view_of(root, LOOKING_BACK, INTRINSICS, boxes, (64, 44))
    assert view.seen.tolist() == [False, True]
    assert np.isfinite(view.root_px).all()
    assert np.isfinite(view.scale_m).all()
