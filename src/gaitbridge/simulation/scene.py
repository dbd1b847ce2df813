"""The scene: the stations that watch a path, each a camera and a LiDAR, neither at the same place nor at the same time.

World: the path starts at the origin towards +x (see `conventions`). Time 0 is the start of the recording.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gaitbridge.errors import UserError
from gaitbridge.geometry import transforms
from gaitbridge.simulation.path import Path

VIEWS = ("000", "045", "090", "135", "180", "225", "270", "315")
LOOK_AT_M = 0.95  # cameras and LiDARs are aimed at this height, about the middle of a walker


@dataclass(frozen=True)
class Station:
    """A rig at one nominal view angle. The true angle changes as the person walks past."""

    view: str
    view_deg: float
    distance_m: float  # on the ground, from the middle of the path to the camera
    T_world_from_camera: np.ndarray
    T_world_from_lidar: np.ndarray


@dataclass(frozen=True)
class Clock:
    """When the T frames of a sequence were taken, seconds: lidar_s [T] the sweeps, camera_s the exposures paired with them, [T] of all stations
    or [N, T] of each."""

    lidar_s: np.ndarray
    camera_s: np.ndarray

    def exposures(self, stations: int) -> tuple[np.ndarray, np.ndarray]:
        """The different times at which any camera exposes [E], rising, and which of them each station's frames are [N, T]."""
        times, which = np.unique(self.camera_s, return_inverse=True)
        return times, np.broadcast_to(which.reshape(self.camera_s.shape), (stations, len(self.lidar_s)))


def paired_times(frames: int, camera_hz: float, lidar_hz: float, phase: float, late_s: np.ndarray | None = None) -> Clock:
    """LiDAR sweeps paired with the nearest exposure of cameras that are not locked to them.

    Cameras expose at j / camera_hz. `phase` in [0, 1) is the LiDAR's offset as a share of its period; all LiDARs point at the walker at
    the same time (phase-locked, as rigs of several LiDARs are, against interference). Pairs differ by 1 / (2 camera_hz) at most, and by
    `late_s` [N] where each station's pairing is off by a time of its own.
    """
    lidar_s = 0.5 / camera_hz + (np.arange(frames) + phase) / lidar_hz
    wanted_s = lidar_s if late_s is None else lidar_s + late_s[:, None]
    return Clock(lidar_s, np.rint(wanted_s * camera_hz) / camera_hz)


def view_angle_of(label: str) -> tuple[float, str]:
    """`090-far` -> (90.0, "far"); `045` -> (45.0, ""). UserError for another form."""
    digits, _, kind = label.partition("-")
    if not (digits.isdigit() and len(digits) == 3 and int(digits) < 360 and kind in ("", "near", "far")):
        raise UserError(f"view {label!r} is not three digits below 360 with -near or -far after them, such as 045 or 090-far")
    return float(digits), kind


@dataclass(frozen=True)
class Mounting:
    """How rigs are put up: each number is drawn for each station and take between the two limits, metres."""

    distance_m: tuple[float, float] = (6.0, 14.0)
    near_m: tuple[float, float] = (5.0, 6.0)
    far_m: tuple[float, float] = (15.0, 25.0)
    camera_height_m: tuple[float, float] = (1.5, 3.5)
    lidar_height_m: tuple[float, float] = (1.5, 3.0)
    baseline_m: tuple[float, float] = (0.2, 0.5)  # from the camera to the LiDAR along the ground, to either side
    bearing_deg: tuple[float, float] = (0.0, 0.0)  # between the directions from which camera and LiDAR see the walker, to either side
    middle_beam_deg: float = -1.0  # of the LiDAR, where its beams are densest; it is tipped to point this at the middle of a walker


def put_up(views: Sequence[str], path: Path, length_m: float, mounting: Mounting, random: np.random.Generator,
           apart: np.random.Generator | None = None) -> list[Station]:
    """The stations of one take around the middle of the walked path. `apart`: for `mounting.bearing_deg`, a stream of its own, so that a station is
    the same in all else whether its sensors look from one direction or two."""
    (middle,), (heading,) = path.place(np.array([length_m / 2]))
    stations = []
    for view in views:
        degrees, kind = view_angle_of(view)
        limits = {"": mounting.distance_m, "near": mounting.near_m, "far": mounting.far_m}[kind]
        distance, camera_z, lidar_z, baseline = (
            float(random.uniform(*pair)) for pair in (limits, mounting.camera_height_m, mounting.lidar_height_m, mounting.baseline_m)
        )
        side = 1.0 if random.random() < 0.5 else -1.0
        bearing = heading + np.deg2rad(degrees)
        out, across = np.array([np.cos(bearing), np.sin(bearing)]), np.array([-np.sin(bearing), np.cos(bearing)])
        camera = np.append(middle + distance * out, camera_z)
        if apart is not None and mounting.bearing_deg[1]:
            bearing += np.deg2rad(apart.uniform(*mounting.bearing_deg)) * (1.0 if apart.random() < 0.5 else -1.0)
            out, across = np.array([np.cos(bearing), np.sin(bearing)]), np.array([-np.sin(bearing), np.cos(bearing)])
        lidar = np.append(middle + distance * out + side * baseline * across, lidar_z)
        yaw = float(np.arctan2(*(middle - lidar[:2])[::-1]))
        pitch = float(np.arctan2(LOOK_AT_M - lidar_z, distance) - np.deg2rad(mounting.middle_beam_deg))
        T_camera = transforms.look_at(camera, np.append(middle, LOOK_AT_M))
        stations.append(Station(view, degrees, distance, T_camera, transforms.sensor_pose(lidar, yaw, pitch)))
    return stations
