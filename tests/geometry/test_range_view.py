"""Range views: angles and points undo each other, and the aligned view follows the field's alignment."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaitbridge.geometry import range_view

STEP = np.deg2rad(0.2)
ELEVATIONS = np.deg2rad(np.arange(10, -11, -0.2))


@given(st.floats(-3.1, 3.1), st.floats(-1.5, 1.5), st.floats(0.1, 200))
def test_spherical_and_points_undo_each_other(azimuth: float, elevation: float, ranges: float) -> None:
    found = range_view.to_spherical(range_view.to_points(np.array(azimuth), np.array(elevation), np.array(ranges)))
    np.testing.assert_allclose(found, [azimuth, elevation, ranges], rtol=1e-6, atol=1e-8)


def test_azimuth_grows_to_the_left_and_elevation_upwards() -> None:
    azimuth, elevation, ranges = range_view.to_spherical(np.array([[1.0, 0, 0], [1, 1, 0], [0, 3, 4]]))
    np.testing.assert_allclose(np.rad2deg(azimuth), [0, 45, 90])
    np.testing.assert_allclose(elevation, [0, 0, np.arcsin(0.8)])
    np.testing.assert_allclose(ranges, [1, np.sqrt(2), 5])


@pytest.mark.parametrize("heading", [0.0, 2.0, np.pi])
def test_points_go_to_the_native_grid_and_back(heading: float) -> None:
    beams, columns = np.meshgrid(np.arange(30, 60), np.arange(-6, 7), indexing="ij")
    azimuth = heading + columns.ravel() * STEP
    points = range_view.to_points(azimuth, ELEVATIONS[beams.ravel()], 8 + 0.01 * beams.ravel())
    grid, azimuths = range_view.grid_of_points(points, ELEVATIONS, STEP)
    assert grid.shape == (len(ELEVATIONS), 13)
    np.testing.assert_allclose(np.diff(azimuths), -STEP)
    np.testing.assert_allclose(grid[30:60], np.repeat(8 + 0.01 * np.arange(30, 60)[:, None], 13, 1), rtol=1e-6)
    assert np.isnan(grid[:30]).all()
    assert np.isnan(grid[60:]).all()
    back = range_view.points_of_grid(grid, ELEVATIONS, azimuths)
    np.testing.assert_allclose(np.sort(back, 0), np.sort(points, 0), atol=1e-5)


def test_the_nearest_point_of_a_cell_wins_and_no_points_give_no_columns() -> None:
    points = range_view.to_points(np.zeros(3), np.zeros(3), np.array([9.0, 7.0, 8.0]))
    grid, _ = range_view.grid_of_points(points, ELEVATIONS, STEP)
    assert np.nanmin(grid) == np.nanmax(grid) == 7
    assert range_view.grid_of_points(np.empty((0, 3)), ELEVATIONS, STEP)[0].shape == (len(ELEVATIONS), 0)


def grid_with(cells: dict[tuple[int, int], float]) -> np.ndarray:
    grid = np.full((len(ELEVATIONS), 41), np.nan, np.float32)
    for where, metres in cells.items():
        grid[where] = metres
    return grid


def test_align_fills_the_height_keeps_the_aspect_and_centres_on_the_median() -> None:
    block = {(row, column): 5.0 + row for row in range(20, 52) for column in range(14, 26)}  # 32 rows x 12 columns, columns off centre
    view = range_view.align(grid_with(block), ELEVATIONS, (20 - np.arange(41)) * STEP, STEP)
    shown = ~np.isnan(view)
    assert view.shape == (64, 44)
    assert view.dtype == np.float32
    assert shown[0].any()
    assert shown[-1].any()
    columns = np.flatnonzero(shown.any(0))
    assert len(columns) == 24  # each native cell becomes 2 x 2 pixels
    assert columns.mean() == pytest.approx(21.5, abs=1)
    np.testing.assert_array_equal(view[:, 22], 5.0 + np.repeat(np.arange(20, 52), 2))  # row 0 is the highest beam
    assert view.dtype == np.float32


def test_align_shows_the_left_on_the_left_and_never_fills_what_did_not_come_back() -> None:
    block = {(row, column): 6.0 if column < 20 else 9.0 for row in range(20, 52) for column in range(12, 28)}
    del block[30, 15]
    view = range_view.align(grid_with(block), ELEVATIONS, (20 - np.arange(41)) * STEP, STEP)
    left, right = view[:, :20], view[:, 24:]
    assert np.nanmax(left) == 6.0
    assert np.nanmin(right) == 9.0
    inside = view[:, ~np.isnan(view).all(0)]
    assert inside.shape[1] == 32
    assert np.isnan(inside).sum() == 4  # one native cell is 2 x 2 pixels here


def test_align_adds_nothing_beside_a_grid_without_margins() -> None:
    azimuth, elevation = np.meshgrid(np.arange(8) * STEP, ELEVATIONS[20:60])
    points = range_view.to_points(azimuth.ravel(), elevation.ravel(), np.full(azimuth.size, 4.0))
    grid, azimuths = range_view.grid_of_points(points, ELEVATIONS, STEP)
    assert not np.isnan(grid[20:60]).any()
    view = range_view.align(grid, ELEVATIONS, azimuths, STEP)
    assert (~np.isnan(view)).any(0).sum() == pytest.approx(8 * 64 / 40, abs=1)


def test_align_takes_uneven_beams_by_the_middle_of_their_gaps() -> None:
    elevations = np.array([0.10, 0.06, 0.04, 0.03])
    view = range_view.align(np.array([[1.0], [2], [3], [4]], np.float32), elevations, np.zeros(1), 0.02, (90, 30))
    shown = [int((view[:, 15] == metres).sum()) for metres in (1, 2, 3, 4)]
    assert shown == [40, 30, 15, 10] or np.abs(np.array(shown) / 90 * 0.095 - [0.04, 0.03, 0.015, 0.01]).max() < 0.0015


def test_align_of_nothing_is_nothing() -> None:
    assert np.isnan(range_view.align(grid_with({}), ELEVATIONS, (20 - np.arange(41)) * STEP, STEP)).all()


def test_align_of_one_return_shows_it() -> None:
    view = range_view.align(grid_with({(30, 11): 12.5}), ELEVATIONS, (20 - np.arange(41)) * STEP, STEP)
    assert np.nanmin(view) == np.nanmax(view) == 12.5
    assert not np.isnan(view[:, 22]).any()
