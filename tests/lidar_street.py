"""A street with two walkers whose every return is known, for tests of capture from LiDAR: sloping, bending ground, walls, a car, posts."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import striding
from scipy.spatial.transform import Rotation

from gaitbridge.geometry.range_view import to_points
from gaitbridge.geometry.rays import RayScene
from gaitbridge.geometry.sensors import open_sensor

HZ = 10.0
HEIGHT_M = 1.8
SCENE, ANN, BEN = -1, 0, 1
# start [2] (m), heading (degrees): they pass each other, Ben behind Ann as the LiDAR sees them, 2.6 s after the start
WAYS = {ANN: ((7.0, -3.4), 90.0), BEN: ((11.0, 3.9), 262.0)}
SPEED_MPS = 1.3


@dataclass(frozen=True)
class Shot:
    """A scan: points [P, 3] in the LiDAR's frame, whose they are [P], beams [P]; where the LiDAR is in the world [4, 4]."""

    time_s: float
    points: np.ndarray
    owner: np.ndarray
    ring: np.ndarray
    T_world_from_lidar: np.ndarray

    def of(self, owner: int) -> np.ndarray:
        """The points of one walker."""
        return self.points[self.owner == owner]


def ground_m(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A slope of five per cent with a hollow."""
    return 0.05 * x + 0.15 * np.sin(x / 7.0) * np.cos(y / 9.0)


def box(low: tuple[float, float, float], high: tuple[float, float, float]) -> tuple[np.ndarray, np.ndarray]:
    """A box's vertices and triangles."""
    corners = np.array([[(low, high)[k >> axis & 1][axis] for axis in range(3)] for k in range(8)], float)
    faces = [[0, 1, 3, 2], [4, 5, 7, 6], [0, 1, 5, 4], [2, 3, 7, 6], [0, 2, 6, 4], [1, 3, 7, 5]]
    return corners, np.array([part for a, b, c, d in faces for part in ((a, b, c), (a, c, d))])


def terrain() -> tuple[np.ndarray, np.ndarray]:
    """The ground as a mesh of cells of a metre."""
    side = np.arange(-30.0, 31.0)
    x, y = np.meshgrid(side, side, indexing="ij")
    vertices = np.stack([x, y, ground_m(x, y)], -1).reshape(-1, 3)
    first = (np.arange(60)[:, None] * 61 + np.arange(60)).ravel()
    return vertices, np.concatenate([np.stack([first, first + 61, first + 1], 1), np.stack([first + 1, first + 61, first + 62], 1)])


def stage() -> list[tuple[np.ndarray, np.ndarray]]:
    """What stands still: walls, a parked car, a post, a bin as high as a child."""
    return [terrain(), box((16, -25, -2), (16.4, 25, 5)), box((-12, -25, -2), (-11.6, 25, 5)), box((3.0, 7.0, -1), (7.3, 8.8, 1.75)),
            box((9.0, -6.0, -1), (9.12, -5.88, 3.2)), box((5.0, -7.0, -1), (5.5, -6.5, 1.45))]  # fmt: skip


def walker(owner: int, time_s: float) -> np.ndarray:
    """A walker's vertices [V, 3] in the world at a time."""
    (x, y), heading = WAYS[owner]
    body, shape = striding.body(), striding.body().shared_shape()
    posed = body.posed(shape, striding.Stride(shape).at(np.array([time_s + 0.37 * owner]))).vertices_m[0].astype(float)
    posed[:, 0] -= SPEED_MPS * 0.37 * owner
    turned = posed @ Rotation.from_euler("z", heading, degrees=True).as_matrix().T + [x, y, 0.0]
    middle = turned[:, :2].mean(0)
    turned[:, 2] += float(ground_m(*middle)) - turned[:, 2].min()
    return turned


@lru_cache(maxsize=4)
def street(scans: int = 46, moves_mps: float = 0.0, tilt_deg: float = 4.0, walkers: tuple[int, ...] = (ANN, BEN), every: int = 2) -> tuple[Shot, ...]:
    """The scans of an Ouster OS1 of every second beam; tilted, and driving ahead where it moves. Ranges with 1.5 cm of noise."""
    sensor = open_sensor("ouster-os1-128")
    elevations = sensor.elevations[::every]
    azimuths = np.pi - (np.arange(sensor.columns) + 0.5) * sensor.azimuth_step
    local = to_points(azimuths[None], elevations[:, None], np.ones((len(elevations), len(azimuths)))).reshape(-1, 3)
    ring = np.repeat(np.arange(len(elevations)), len(azimuths))
    random = np.random.default_rng(3)
    shots = []
    for number in range(scans):
        time_s = number / HZ
        T = np.eye(4)
        T[:3, :3] = Rotation.from_euler("yx", [tilt_deg, tilt_deg / 2], degrees=True).as_matrix()
        T[:3, 3] = [moves_mps * time_s, 0.0, HEIGHT_M]
        parts = [(*part, SCENE) for part in stage()] + [(walker(owner, time_s), striding.body().triangles, owner) for owner in walkers]
        starts = np.cumsum([0, *(len(part[0]) for part in parts)])
        scene = RayScene(np.concatenate([part[0] for part in parts]),
                         np.concatenate([part[1] + start for part, start in zip(parts, starts, strict=False)]))
        whose = np.concatenate([np.full(len(part[1]), part[2]) for part in parts])
        ranges, hit = scene.first_hit(T[:3, 3], local @ T[:3, :3].T)
        back = (hit >= 0) & (ranges < 60)
        noisy = ranges[back] + random.normal(0, 0.015, int(back.sum()))
        shots.append(Shot(time_s, local[back] * noisy[:, None], whose[hit[back]], ring[back], T))
    return tuple(shots)


def sensor_of_street(every: int = 2) -> dict[str, object]:
    """What describes the LiDAR, as a .json file of it would."""
    sensor = open_sensor("ouster-os1-128")
    return {"azimuth_step_deg": sensor.azimuth_step_deg, "elevations_deg": list(sensor.elevations_deg[::every])}

