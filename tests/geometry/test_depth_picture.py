"""Depth pictures: the colours of the plotting library, its drawing, and what may not matter."""

import numpy as np
import pytest
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from walking_figure import figure

from gaitbridge.geometry import depth_picture, projection, sensors
from gaitbridge.geometry.projection import SUSTECH1K
from gaitbridge.geometry.rays import RayScene
from gaitbridge.geometry.transforms import sensor_pose
from gaitbridge.simulation.sensors import spinning_lidar


def walker(distance_m: float, seed: int = 0) -> np.ndarray:
    """What a VLS-128 sees of a walking figure, in the axes of SUSTech1K."""
    mesh = figure()
    scan = spinning_lidar.scan(RayScene(*mesh[:2]), spinning_lidar.open_lidar("velodyne-vls128"), sensor_pose(np.array([distance_m, 0, 1.6]), np.pi),
                               mesh[0], random=np.random.default_rng(seed))  # fmt: skip
    return spinning_lidar.points(scan)[:, :3] @ SUSTECH1K.axes.T


def drawn(points: np.ndarray) -> np.ndarray:
    """The whole turn as a plotting library draws it, uint8 [h, w, 3]: the farthest first."""
    points = points[np.argsort(-np.hypot(points[:, 0], points[:, 1]), kind="stable")]
    ahead, left = -points[:, 0], -points[:, 1]
    distance = np.hypot(ahead, left)
    right = (180 - np.rad2deg(np.arctan2(left, ahead))) / 0.19188
    up = (np.rad2deg(np.arctan2(points[:, 2], distance)) + 25) / 0.2
    width, height = 360 / 0.19188, 40 / 0.2
    plot = Figure(figsize=(width / 100, height / 100), dpi=100)
    canvas, axes = FigureCanvasAgg(plot), plot.add_axes((0, 0, 0.77, 0.77))
    axes.scatter(right, up, s=1, c=-distance, linewidths=0, cmap="jet")
    axes.set(xlim=(0, width), ylim=(0, height), facecolor="black", xticks=[], yticks=[])
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[-154:, :1444, :3]


def test_jet_is_jet() -> None:
    np.testing.assert_array_equal(depth_picture.jet(), colormaps["jet"](np.arange(256), bytes=True)[:, :3])


@pytest.mark.parametrize("distance_m", [6.0, 10.0, 20.0])
def test_it_looks_as_the_plotting_library_draws_it(distance_m: float) -> None:
    points = walker(distance_m)
    ours, first = depth_picture._drawn(*SUSTECH1K.returns([points]), SUSTECH1K)[0]
    theirs = drawn(points)
    rows = np.flatnonzero(theirs[:, first : first + ours.shape[1]].any((1, 2)))
    shown = np.flatnonzero(ours.any((1, 2)))
    top = rows[0] - shown[0]
    part = theirs[top : top + len(ours), first : first + ours.shape[1]].astype(int)
    assert part.any(-1).sum() == pytest.approx(theirs[2:-2, 2:-2].any(-1).sum(), rel=0.02)  # nothing of the person is elsewhere
    assert np.abs(part - ours)[part.any(-1)].mean() < 2.5
    # and the enlarged pictures
    own = depth_picture.depth_pictures([points])[0].astype(int)
    left, right = own[:, :, :32].sum(), own[:, :, 33:].sum()
    assert max(left, right) <= own.sum() / 2  # column 32 halves the brightness
    other = depth_picture._enlarged(np.ascontiguousarray(theirs[2:-2]), 0, SUSTECH1K, (64, 64))
    assert np.abs(own - other)[:, other.any(0)].mean() < 4


def test_the_enlargement_is_a_cubic_kernel() -> None:
    row = np.array([3.0, 7, 1, 4, 4, 9, 2])
    at = np.array([-0.4, 0, 0.3, 2.5, 5.9, 6.4])

    def kernel(x: float) -> float:
        x = abs(x)
        return 1.25 * x**3 - 2.25 * x**2 + 1 if x <= 1 else -0.75 * (x**3 - 5 * x**2 + 8 * x - 4) if x < 2 else 0.0

    expected = [sum(kernel(place - k) * row[min(max(k, 0), 6)] for k in range(-4, 11)) for place in at]
    np.testing.assert_allclose(depth_picture._cubic(at, 7) @ row, expected, rtol=1e-5)
    np.testing.assert_allclose(depth_picture._cubic(np.linspace(-0.5, 6.5, 30), 7).sum(1), 1, rtol=1e-5)


def test_order_and_batching_do_not_matter_and_direction_barely() -> None:
    points = walker(9)
    picture = depth_picture.depth_pictures([points])[0]
    assert picture.dtype == np.uint8
    assert picture.shape == (3, 64, 64)
    shuffled = points[np.random.default_rng(0).permutation(len(points))]
    frames = [points, np.empty((0, 3)), shuffled, *[walker(7, seed) for seed in range(20)]]
    many = depth_picture.depth_pictures(frames)
    np.testing.assert_array_equal(many[0], picture)
    assert not many[1].any()
    assert np.abs(many[2].astype(int) - picture).max() <= 1
    for number in (3, 17, 22):
        np.testing.assert_array_equal(many[number], depth_picture.depth_pictures([frames[number]])[0])
    turned = points * [-1, -1, 1]  # the person is behind the sensor, on the seam
    assert np.abs(depth_picture.depth_pictures([turned])[0].astype(int) - picture).mean() < 6


def test_the_nearest_is_red_the_farthest_blue_and_nothing_black() -> None:
    points = np.array([[-9.0, -0.3, 0.5], [-9.0, 0.3, 0.5], [-10.0, -0.3, -0.5], [-10.0, 0.3, -0.5]])
    picture = depth_picture.depth_pictures([points])[0]
    red, green, blue = picture[:, :20].max((1, 2)), picture[:, 20:44].max((1, 2)), picture[:, 44:].max((1, 2))
    assert red[0] > 60
    assert red[1] == red[2] == 0
    assert not green.any()
    assert blue[2] > 60
    assert blue[0] == blue[1] == 0


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_points_still_give_a_picture(count: int) -> None:
    picture = depth_picture.depth_pictures([walker(12)[:count]])[0]
    assert picture.any()


@pytest.mark.parametrize("name", sensors.SENSORS)
def test_any_sensor_draws(name: str) -> None:
    sensor = sensors.open_sensor(name)
    picture = depth_picture.depth_pictures([walker(9) @ SUSTECH1K.axes @ sensor.axes.T], sensor, (64, 44))[0]
    assert picture.shape == (3, 64, 44)
    assert picture.any(0).mean() > 0.05


def test_a_picture_of_a_range_view_keeps_its_cells() -> None:
    view = projection.range_view(walker(9), SUSTECH1K)
    picture = depth_picture.depth_picture(view)
    assert picture.shape == (3, 64, 64)
    np.testing.assert_array_equal(picture.any(0), np.isfinite(view))
    near, far = np.unravel_index(np.nanargmin(view), view.shape), np.unravel_index(np.nanargmax(view), view.shape)
    assert picture[:, near[0], near[1]].tolist() == [127, 0, 0]
    assert picture[:, far[0], far[1]].tolist() == [0, 0, 127]
    assert not depth_picture.depth_picture(np.full((4, 4), np.nan)).any()
