"""Where a range view shows a person whose crop nobody wrote down, against the crop as it was made."""

import numpy as np
import pytest

from gaitbridge.geometry.range_view import align, edge, grid_of_points, to_spherical
from gaitbridge.geometry.viewing import about_root, range_view_of

ELEVATIONS, STEP = np.radians(np.linspace(15, -25, 160)), np.radians(0.2)
HEIGHT = 64


def person(centre: tuple[float, float, float]) -> np.ndarray:
    """Points [P, 3] on a tall ellipsoid with an arm out to one side."""
    random = np.random.default_rng(0)
    ball = random.standard_normal((60_000, 3))
    ball /= np.linalg.norm(ball, axis=1, keepdims=True)
    arm = np.column_stack([random.uniform(-0.05, 0.05, 4000), random.uniform(0.2, 0.45, 4000), random.uniform(-0.1, 0.1, 4000)])
    return np.concatenate([ball * [0.2, 0.3, 0.9], arm]) + centre


def posed(turn: float) -> np.ndarray:
    made = np.eye(4)
    made[:2, :2] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    made[:3, 3] = 3, -2, 1.4
    return made


@pytest.mark.parametrize("turn", [0.0, 2.0, 3.1])  # before the sensor, and behind it
@pytest.mark.parametrize("off", [(0.0, 0.0, 0.0), (0.1, 0.05, 0.1)])
def test_the_root_lies_where_the_crop_has_it(turn: float, off: tuple[float, float, float]) -> None:
    inside = person((8, 1, -0.3))
    T_world_from_lidar = posed(0.3)
    spin = posed(turn)[:3, :3]
    inside = inside @ spin.T  # in the LiDAR's frame
    root = np.array([8, 1, -0.2]) @ spin.T
    grid, azimuths = grid_of_points(inside, ELEVATIONS, STEP)
    view = align(grid, ELEVATIONS, azimuths, STEP, off=off)
    rows = np.flatnonzero(~np.isnan(grid).all(1))
    top, bottom = edge(ELEVATIONS, rows[0], -1), edge(ELEVATIONS, rows[-1], 1)
    step = (top - bottom) * (1 + off[0] + off[1]) / HEIGHT
    middle = np.median(np.broadcast_to(azimuths, grid.shape)[~np.isnan(grid)]) + off[2] * (top - bottom)
    azimuth, elevation, distance = to_spherical(root)
    wanted = 21.5 + ((middle - azimuth + np.pi) % (2 * np.pi) - np.pi) / step, (top + off[0] * (top - bottom) - elevation) / step - 0.5
    world = [points @ T_world_from_lidar[:3, :3].T + T_world_from_lidar[:3, 3] for points in (root[None], inside[None])]
    found = range_view_of(world[0], world[1], T_world_from_lidar, view[None])
    assert found.seen.all()
    assert found.root_px[0] == pytest.approx(wanted, abs=1.0)
    assert found.scale_m[0] == pytest.approx(HEIGHT * step * distance, rel=0.03)
    above = about_root(world[0][:, None] + [[[0, 0, 0.5]]], world[0], found)  # half a metre up is up, and along the ray hardly anything
    assert above[0, 0] == pytest.approx([0, -0.5, 0], abs=0.03)


def test_a_sweep_without_returns_is_not_seen() -> None:
    surface = person((8, 1, -0.3))[None]
    found = range_view_of(surface[:, 0], surface, np.eye(4), np.full((1, 64, 44), np.nan, np.float32))
    assert not found.seen.any()
    assert np.isfinite(found.root_px).all()
