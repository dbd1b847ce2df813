"""Point clouds to range views: against a slow twin, against the one-by-one functions, and what may not matter does not."""

import json
import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaitbridge.errors import UserError
from gaitbridge.geometry import projection, range_view, sensors
from gaitbridge.geometry.projection import SUSTECH1K, Projection
from gaitbridge.simulation.sensors import spinning_lidar

# Uneven steps: half-way between two cells, rounding errors would decide.
BEAMS = Projection("beams", 0.5123, (6.0, 5.0, 4.3, 3.6, 2.0, 1.0, 0.0, -1.0, -2.5, -4.0))
GRID = Projection("grid", 0.2531, elevation_step_deg=0.4971, field_deg=(-10, 5), forward="-x", left="-y")
SHARED = Path(__file__).parents[2].parent / "shared"


def cloud(sensor: Projection, azimuth_deg: np.ndarray, elevation_deg: np.ndarray, ranges: np.ndarray) -> np.ndarray:
    """Points in the sensor's own axes."""
    return range_view.to_points(np.deg2rad(azimuth_deg), np.deg2rad(elevation_deg), ranges) @ sensor.axes.T


def person(sensor: Projection, seed: int, count: int, heading_deg: float = 20.0) -> np.ndarray:
    random = np.random.default_rng(seed)
    azimuth = heading_deg + 1.5 * random.standard_normal(count)
    return cloud(sensor, azimuth, random.uniform(-3, 4, count), random.uniform(8, 9, count))


def slow_range_view(points: np.ndarray, sensor: Projection, size: tuple[int, int]) -> np.ndarray:
    """Cell by cell and pixel by pixel, in plain Python; degrees."""
    height, width = size
    beams = [float(np.rad2deg(beam)) for beam in sensor.elevations]
    gaps = [above - below for above, below in pairwise(beams)]
    upper = [beams[0] + gaps[0] / 2] + [beam - gap / 2 for beam, gap in zip(beams, gaps, strict=False)]
    lower = [*upper[1:], beams[-1] - gaps[-1] / 2]
    returns = []
    for row in points:
        ahead, left, up = (float(sum(row[k] * sensor.axes[k][axis] for k in range(3))) for axis in range(3))
        across = math.hypot(ahead, left)
        distance = math.hypot(across, up)
        elevation = math.degrees(math.atan2(up, across))
        if math.isfinite(distance) and distance > 0 and lower[-1] <= elevation <= upper[0]:
            returns.append((math.degrees(math.atan2(left, ahead)), elevation, distance))
    view = np.full(size, np.nan, np.float32)
    if not returns:
        return view
    middle = math.degrees(math.atan2(sum(math.sin(math.radians(a)) for a, _, _ in returns), sum(math.cos(math.radians(a)) for a, _, _ in returns)))
    placed = [((azimuth - middle + 180) % 360 - 180, elevation, distance) for azimuth, elevation, distance in returns]
    leftmost = max(azimuth for azimuth, _, _ in placed)
    cells: dict[tuple[int, int], float] = {}
    for azimuth, elevation, distance in placed:
        cell = (min(range(len(beams)), key=lambda beam: abs(beams[beam] - elevation)), round((leftmost - azimuth) / sensor.azimuth_step_deg))
        cells[cell] = min(distance, cells.get(cell, math.inf))
    top, bottom = upper[min(row for row, _ in cells)], lower[max(row for row, _ in cells)]
    step = (top - bottom) / height
    columns = sorted(column for _, column in cells)
    median = (columns[(len(columns) - 1) // 2] + columns[len(columns) // 2]) / 2
    for y in range(height):
        row = min(range(len(beams)), key=lambda beam: abs(beams[beam] - (top - (y + 0.5) * step)))
        for x in range(width):
            column = round(median + (x + 0.5 - width / 2) * step / sensor.azimuth_step_deg)
            view[y, x] = cells.get((row, column), math.nan)
    return view


@pytest.mark.parametrize("sensor", [BEAMS, GRID])
@pytest.mark.parametrize(("count", "size", "heading"), [(1, (16, 16), 10.0), (40, (23, 17), -100.0), (300, (64, 44), 180.0)])
def test_it_is_what_plain_code_makes(sensor: Projection, count: int, size: tuple[int, int], heading: float) -> None:
    points = person(sensor, count, count, heading)
    np.testing.assert_allclose(projection.range_view(points, sensor, size), slow_range_view(points, sensor, size), rtol=1e-6)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.floats(-180, 180)), max_size=5), st.sampled_from([BEAMS, GRID]))
def test_many_frames_are_as_one_by_one(frames: list[tuple[int, float]], sensor: Projection) -> None:
    """Empty frames and single points between them; each as `grid_of_points` and `align` give it."""
    clouds = [person(sensor, number, count, heading) for number, (count, heading) in enumerate(frames)]
    views = projection.range_views(clouds, sensor, (20, 18))
    assert views.shape == (len(clouds), 20, 18)
    assert views.dtype == np.float32
    for view, points in zip(views, clouds, strict=True):
        grid, azimuths = range_view.grid_of_points(points @ sensor.axes, sensor.elevations, sensor.azimuth_step)
        np.testing.assert_allclose(view, range_view.align(grid, sensor.elevations, azimuths, sensor.azimuth_step, (20, 18)), rtol=1e-6)


def test_a_long_sequence_is_as_its_frames() -> None:
    clouds = [person(BEAMS, number, number % 5) for number in range(2 * projection.FRAMES_AT_ONCE + 3)]
    views = projection.range_views(clouds, BEAMS, (12, 10))
    for view, points in zip(views, clouds, strict=True):
        np.testing.assert_array_equal(view, projection.range_view(points, BEAMS, (12, 10)))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 99), st.integers(1, 60), st.integers(-3, 3), st.randoms(use_true_random=False))
def test_order_duplicates_and_a_turn_of_whole_columns_do_not_matter(seed: int, count: int, quarter: int, shuffled: object) -> None:
    azimuth, elevation = np.random.default_rng(seed).integers(-8, 8, count) * 0.5123, np.random.default_rng(seed + 1).integers(-3, 5, count) * 1.0
    ranges = np.random.default_rng(seed + 2).uniform(5, 6, count)
    view = projection.range_view(cloud(BEAMS, azimuth + 0.01, elevation, ranges), BEAMS)
    order = np.random.default_rng(seed + 3).permutation(count)
    points = cloud(BEAMS, azimuth + 0.01 + 90 * quarter, elevation, ranges)
    again = np.concatenate([points[order], points[:3], np.full((2, 3), np.nan), np.zeros((2, 3)), [[0, 0, 9.0], [np.inf, 0, 0]]])
    np.testing.assert_allclose(projection.range_view(again, BEAMS), view, rtol=1e-6)


def test_the_nearest_return_of_a_cell_wins_and_ranges_are_never_mixed() -> None:
    azimuth, elevation = np.array([0, 0, 0, 0.51, 1.02]), np.array([0, 0, 1.0, 1.0, 2.0])
    ranges = np.array([9.0, 7.0, 8.0, 12.0, 30.0])
    view = projection.range_view(cloud(BEAMS, azimuth, elevation, ranges), BEAMS)
    assert set(np.unique(view[np.isfinite(view)])) == {7.0, 8.0, 12.0, 30.0}


def test_left_is_left_and_up_is_up_in_the_published_axes() -> None:
    """SUSTech1K's clouds look along -x with -y to the left."""
    points = np.array([[-10, -0.4, 0.5], [-10, 0.4, 0.5], [-10, -0.4, -0.5], [-10, 0.4, -0.5], [-10, 0, 0.0]]) * [[1], [1.1], [1.2], [1.3], [1.4]]
    view = projection.range_view(points, SUSTECH1K)
    near, far = (np.argwhere(view == value) for value in (np.nanmin(view), np.nanmax(view)))
    assert near.max(0).tolist() < [8, 16]  # the nearest is top left
    assert np.abs(far.mean(0) - 31.5).max() < 3
    np.testing.assert_allclose(np.nanmax(view), 14)


def test_the_whole_turn_begins_behind_on_the_left() -> None:
    sensor = Projection("half a degree", 0.5, BEAMS.elevations_deg)
    view = projection.full_view(cloud(sensor, np.array([179.9, 90.2, 0.2, -179.9, 180.0]), np.zeros(5), np.array([1.0, 2, 3, 4, 5])), sensor)
    assert view.shape == (10, 720)
    row = view[6]
    assert row[[0, 179, 359, 719]].tolist() == [1, 2, 3, 4]  # the 5 shares a cell with the 1
    assert np.isfinite(view).sum() == 4
    assert SUSTECH1K.columns == 1877


def test_what_is_outside_the_field_is_no_return() -> None:
    sensor = Projection("narrow", 1.0, elevation_step_deg=1.0, field_deg=(-5, 5))
    points = cloud(sensor, np.zeros(4), np.array([5.4, 5.6, -5.4, -5.6]), np.full(4, 3.0))
    assert len(sensor.returns([points])[2]) == 2
    assert np.isnan(projection.range_view(points[[1, 3]], sensor)).all()


def test_no_frames_and_wrong_shapes() -> None:
    assert projection.range_views([], BEAMS, (8, 6)).shape == (0, 8, 6)
    with pytest.raises(ValueError, match=r"points must be \[P, 3 or more\], not \[4, 2\]"):
        projection.range_view(np.zeros((4, 2)), BEAMS)


@pytest.mark.parametrize(("name", "lowest"), [("velodyne-vls128", 0.9), ("ouster-os1-128", 0.8)])
def test_a_simulated_scan_comes_back_as_its_own_view(name: str, lowest: float) -> None:
    """Points of a clean scan of a wall give nearly the scanner's own aligned view: beams point a little aside of the columns."""
    model, sensor = spinning_lidar.open_lidar(name), sensors.open_sensor(name)
    assert sensor.elevations_deg == model.elevations_deg
    assert sensor.azimuth_step == model.azimuth_step
    inside = slice(40, 70)
    azimuths = np.deg2rad(30.0) - model.azimuth_step * np.arange(12)
    ranges = np.random.default_rng(0).uniform(9, 10, (30, 12)).astype(np.float32)
    points = range_view.points_of_grid(ranges, model.elevations[inside], azimuths)
    own = range_view.align(ranges, model.elevations[inside], azimuths, model.azimuth_step, (64, 44))
    again = projection.range_view(points, sensor, (64, 44))
    assert (np.isclose(own, again) | (np.isnan(own) & np.isnan(again))).mean() > lowest


def test_a_real_scan_keeps_its_pedestrian() -> None:
    path = SHARED / "lidar" / "os1_128_street.npz"
    if not path.is_file():
        pytest.skip(f"no recording: {path.name} is not in a folder shared/lidar beside the repository")
    with np.load(path) as recording:
        ranges, xyz = recording["os1_128_0_range_mm"] / 1000, recording["os1_128_0_xyz_m"]
    window = np.zeros(ranges.shape, bool)
    window[67:86, 605:632] = True
    window &= (ranges > 12.85) & (ranges < 13.6)
    sensor = sensors.open_sensor("ouster-os1-128")
    view = projection.range_view(xyz[window], sensor)
    np.testing.assert_allclose(np.nanmin(view), ranges[window].min(), atol=0.03)  # the maker counts ranges from the beam's own origin
    assert 0.15 < np.isfinite(view).mean() < 0.5
    whole = projection.full_view(xyz.reshape(-1, 3), sensor)
    assert whole.shape == (128, 1024)
    assert 0.7 < np.isfinite(whole).sum() / (ranges > 0).sum() <= 1


def test_every_named_sensor_opens_and_a_wrong_name_names_the_nearest() -> None:
    for name in sensors.SENSORS:
        sensor = sensors.open_sensor(name)
        assert sensor.name == name
        assert (np.diff(sensor.elevations) < 0).all()
    assert sensors.open_sensor("sustech1k") is SUSTECH1K
    assert len(SUSTECH1K.elevations) == 201
    np.testing.assert_allclose(np.rad2deg(SUSTECH1K.elevations[[0, -1]]), [15, -25])
    with pytest.raises(UserError, match="did you mean 'velodyne-vlp16'"):
        sensors.open_sensor("velodyne-vlp61")


def test_a_sensor_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    file.write_text(json.dumps({"azimuth_step_deg": 0.4, "elevation_step_deg": 0.5, "field_deg": [-10, 10], "forward": "+y", "left": "-x"}))
    sensor = sensors.open_sensor(file)
    assert (sensor.name, len(sensor.elevations), sensor.columns) == ("mine", 41, 900)
    np.testing.assert_allclose(np.array([[0, 5.0, 1]]) @ sensor.axes, [[5, 0, 1]])
    for text, message in (
        ("{", "no JSON"),
        ("[]", "no JSON object"),
        ('{"azimuth_step": 1}', "no setting 'azimuth_step': did you mean 'azimuth_step_deg'"),
        ('{"elevations_deg": [1, 0]}', "azimuth_step_deg"),
        ('{"azimuth_step_deg": 0.2}', "give the rows once"),
        ('{"azimuth_step_deg": -1, "elevations_deg": [1, 0]}', "between 0 and 90"),
        ('{"azimuth_step_deg": 1, "elevations_deg": [0, 1]}', "must fall"),
        ('{"azimuth_step_deg": 1, "elevations_deg": [100, 1]}', "between -90 and 90"),
        ('{"azimuth_step_deg": 1, "elevations_deg": [1, 0], "left": "+x"}', "two different axes"),
        ('{"azimuth_step_deg": 1, "elevations_deg": [1, 0], "left": "up"}', "left: Input should be"),
        ('{"azimuth_step_deg": 1, "elevation_step_deg": 5, "field_deg": [5, 4]}', "no rows"),
    ):
        file.write_text(text)
        with pytest.raises(UserError, match=r"mine\.json") as caught:
            sensors.open_sensor(file)
        assert message in str(caught.value), text
    with pytest.raises(UserError, match="missing"):
        sensors.open_sensor(tmp_path / "none.json")
