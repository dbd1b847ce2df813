"""One simulated walker on a lap around a small circle before one camera and one LiDAR: seen from all sides, and a loop without a seam."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from gaitbridge.errors import UserError
from gaitbridge.geometry import transforms
from gaitbridge.progress import Progress, silent
from gaitbridge.report import cards
from gaitbridge.report.moving_files import check_picture, write_picture
from gaitbridge.report.walker_look import from_sensor, moments
from gaitbridge.simulation import path
from gaitbridge.simulation.motion import Walk
from gaitbridge.simulation.scene import LOOK_AT_M, Clock, Station
from gaitbridge.simulation.settings import CohortConfig
from gaitbridge.simulation.takes import Take, open_source, plan, rendered, take_of

VIEW = "000"  # what the one station is called: the walker is seen from all sides
AWAY_M, HEIGHT_M, APART_M = 6.0, 1.9, 0.3  # of the sensors from the middle of the circle, above the floor, from each other
FIRST_DEG = -75.0  # where they stand, from the middle of the circle: the first picture shows the walker obliquely from before
STRIDES_S = (0.7, 1.6)  # a stride takes between these
SMOOTH = 2  # pictures of the walker to one of a sensor's
TALL_M = 2.08  # shown of the walker from top to bottom
WIDE = 56  # of the walker's picture from left to right, in pixels of a silhouette


def draw_lap(config: CohortConfig, out: Path, seconds: float = 6.0, scale: int = 6, progress: Progress = silent) -> Path:
    """The first person of a cohort in the first take: a moving picture of about `seconds`, a PNG of its first frame where `out` is one.

    scale: how many pixels wide and high a silhouette's pixel is drawn. UserError where walks are captured ones, which end.
    """
    check_picture(out)
    config, source = config.model_copy(update={"views": (VIEW,)}), open_source(config.motion)
    person = plan(config, source)[0]
    if source.people is not None:
        raise UserError(f"a lap needs a walk that does not end, and those of --motion {config.motion} do: take a generated one")
    take, hz = lap_of(take_of(config, person, 0, person.name), seconds)
    progress(0, 3, "sensors")
    seen = rendered(take)[0]
    progress(1, 3, "walker")
    between = np.arange(len(take.clock.lidar_s) * SMOOTH) / (SMOOTH * hz)
    shown = moments(take.walker, between, person.name)
    towards = [from_sensor(moment, take.stations[0].T_world_from_camera) for moment in shown]
    panels = {
        cards.WALKER: cards.stage(shown, seen["silhouettes"].shape[1] * scale, WIDE * scale, towards, TALL_M),
        cards.CAMERA: cards.silhouettes(seen["silhouettes"].repeat(SMOOTH, 0), scale),
        cards.LIDAR: cards.ranges(seen["range_views"].repeat(SMOOTH, 0), scale),
    }
    progress(2, 3, "writing")
    write_picture(cards.card(panels), out, SMOOTH * hz, quality=60, effort=4)
    progress(3, 3, "")
    return out


def lap_of(take: Take, seconds: float) -> tuple[Take, float]:
    """The take, of one view, on a circle as long as a whole number of strides, before one station; and how many frames a second close the lap."""
    walker = take.walker
    period = stride_s(walker.walk, walker.start_s)
    strides = max(round(seconds / period), 2)
    lasts = strides * period
    frames = max(round(lasts * take.sensors.lidar.rate_hz), 1)
    begins, ends = (float(walker.walk.at(np.array([time])).root_m[0, 0]) for time in (walker.start_s, walker.start_s + lasts))
    radius = (ends - begins) / (2 * np.pi)
    time_s = np.arange(frames) * lasts / frames
    around = replace(walker, path=path.Path(1 / radius), duration_s=lasts)
    station = _station(np.array([0.0, radius]), float(np.median(take.sensors.lidar.elevations_deg)))
    return replace(take, walker=around, stations=[station], clock=Clock(time_s, time_s)), frames / lasts


def stride_s(walk: Walk, start_s: float, watched_s: float = 6.0, hz: float = 100.0) -> float:
    """How long a stride takes: after what time the body's turns are most like they were, seconds."""
    turns = walk.at(start_s + np.arange(round(watched_s * hz)) / hz).rotations_world
    flat = turns.reshape(len(turns), -1).astype(float)
    lags = np.arange(round(STRIDES_S[0] * hz), round(STRIDES_S[1] * hz))
    unlike = [float(np.abs(flat[lag:] - flat[:-lag]).mean()) for lag in lags]
    return float(lags[int(np.argmin(unlike))] / hz)


def _station(middle_m: np.ndarray, middle_beam_deg: float) -> Station:
    """A camera and a LiDAR beside each other that look at the middle of the circle."""
    bearing = np.deg2rad(FIRST_DEG)
    out, across = np.array([np.cos(bearing), np.sin(bearing)]), np.array([-np.sin(bearing), np.cos(bearing)])
    camera = np.append(middle_m + AWAY_M * out, HEIGHT_M)
    lidar = np.append(middle_m + AWAY_M * out + APART_M * across, HEIGHT_M)
    yaw = float(np.arctan2(*(middle_m - lidar[:2])[::-1]))
    pitch = float(np.arctan2(LOOK_AT_M - HEIGHT_M, AWAY_M) - np.deg2rad(middle_beam_deg))
    T_camera = transforms.look_at(camera, np.append(middle_m, LOOK_AT_M))
    return Station(VIEW, 0.0, AWAY_M, T_camera, transforms.sensor_pose(lidar, yaw, pitch))
