"""The LiDAR's beams and columns: by --sensor, from the file's own table, or measured from points that say their beam."""

from dataclasses import replace

import numpy as np

from gaitbridge.capture.lidar.scans import Scan
from gaitbridge.errors import UserError
from gaitbridge.geometry.projection import Projection
from gaitbridge.geometry.range_view import to_spherical
from gaitbridge.geometry.sensors import AZIMUTH_STEPS_DEG, SENSORS, open_sensor

ALIKE_DEG = 0.15  # a unit's own calibration differs from its maker's table by less
LEAST_POINTS = 8  # of a beam, to measure its elevation by
LEAST_BEAMS = 4


def sensor_of(scan: Scan, given: str | None, name: str) -> Projection:
    """The geometry of the LiDAR that made a scan: the one given by name or file, or the file's own; UserError where nobody says."""
    if given is not None:
        return open_sensor(given)
    own = scan.sensor or (None if scan.ring is None else measured(scan.points, scan.ring))
    if own is None:
        raise UserError(f"{name}: it does not say which LiDAR made it: say --sensor, one of {', '.join(SENSORS)}, or a .json file that describes it")
    return named(own)


def measured(points: np.ndarray, ring: np.ndarray) -> Projection | None:
    """The geometry by the points [P, 3] of one scan and their beams' numbers [P]; None where they do not lie in beams."""
    azimuth, elevation, _ = (np.rad2deg(angle) for angle in to_spherical(points))
    elevations, steps = [], []
    for beam in np.unique(ring):
        mine = ring == beam
        if mine.sum() < LEAST_POINTS:
            continue
        middle = float(np.median(elevation[mine]))
        if float(np.median(np.abs(elevation[mine] - middle))) > 0.5:
            return None  # no cone: the numbers are not beams, or the LiDAR does not spin
        elevations.append(middle)
        gaps = np.diff(np.sort(azimuth[mine]))
        steps.append(gaps[gaps > 0.02])  # below: two echoes of one shot
    table = sorted(set(elevations), reverse=True)
    gaps = np.concatenate(steps) if steps else np.empty(0)
    if len(table) < LEAST_BEAMS or len(gaps) < LEAST_POINTS:
        return None
    shortest = float(np.percentile(gaps, 20))
    step = float(np.median(gaps[gaps < 1.5 * shortest]))  # longer ones are where nothing came back
    return Projection("measured", step, tuple(table))


def named(own: Projection) -> Projection:
    """The known LiDAR whose beams these are, where there is one: its name goes into the store. A unit's own table of all beams stays."""
    beams = np.array(own.elevations_deg)
    for name in AZIMUTH_STEPS_DEG:
        known = open_sensor(name)
        if not len(known.elevations_deg) / 2 < len(beams) <= len(known.elevations_deg):
            continue
        apart = np.abs(np.subtract.outer(beams, np.array(known.elevations_deg))).min(1)
        steps = own.azimuth_step_deg / known.azimuth_step_deg
        if float(apart.max()) < ALIKE_DEG and float(np.median(apart)) < ALIKE_DEG / 3 and 0.9 < steps < 1.1:
            return replace(own, name=name) if len(beams) == len(known.elevations_deg) else known
    return own


def beam_gap(sensor: Projection) -> float:
    """A typical angle between two beams, radians."""
    return float(np.median(-np.diff(sensor.elevations))) if len(sensor.elevations) > 1 else float(np.deg2rad(1.0))
