"""The LiDAR's beams and columns: by --sensor, from the file's own table, or measured from points that say their beam.

However the beams became known, the rest is found from the points in one way: a recording has the same geometry in every format.
"""

from dataclasses import replace

import numpy as np

from gaitbridge.capture.lidar.beams import cones, origin_of, step_deg
from gaitbridge.capture.lidar.scans import Scan
from gaitbridge.errors import UserError
from gaitbridge.geometry.projection import Projection
from gaitbridge.geometry.range_view import nearest_beam
from gaitbridge.geometry.sensors import AZIMUTH_STEPS_DEG, SENSORS, has_open_step, open_sensor

ALIKE_DEG = 0.15  # a unit's own calibration differs from its maker's table by less
SAME_DEG = 0.02  # measured beams that are so near to a table are the table's
SAME_STEP = 0.02  # of a step: what is so near to the maker's is the maker's
COLUMNS = (1 / 4, 1 / 2, 3 / 4, 1.0, 3 / 2, 2.0, 4.0)  # times the maker's step: LiDARs turn at several rates, or have several numbers of columns


def sensor_of(scan: Scan, given: str | None, name: str, named_points: tuple[np.ndarray, np.ndarray] | None = None) -> Projection:
    """The geometry of the LiDAR that made a scan: the one given by name or file, or the file's own; UserError where nobody says.

    named_points: points [P, 3] of many scans and their beams [P], by which beams are measured; by default the scan's own. What a table leaves open
    is found from the scan: where the beams start, and for LiDARs by name the step between columns, which depends on how they were set.
    """
    if given is not None:
        return _placed(open_sensor(given), scan, open_step=has_open_step(given))
    if scan.sensor is not None:
        return _placed(named(scan.sensor), scan, open_step=False)
    own = None
    if named_points is not None or scan.ring is not None:
        own = measured(*(named_points or (scan.points, scan.ring)), scan)  # type: ignore[arg-type]
    if own is None:
        raise UserError(f"{name}: it does not say which LiDAR made it: say --sensor, one of {', '.join(SENSORS)}, or a .json file that describes it")
    return _placed(named(own), scan, open_step=False)


def measured(points: np.ndarray, ring: np.ndarray, scan: Scan | None = None) -> Projection | None:
    """The geometry by points [P, 3] and their beams' numbers [P], the step by one scan of them; None where they do not lie in beams.

    Where its beams are those of a known LiDAR, the maker's table stands for the measured one.
    """
    found = cones(points, ring)
    if found is None:
        return None
    own = Projection("measured", 1.0, found.elevations_deg, origin_m=found.origin_m)
    step = _step(own, scan or Scan(points, ring=ring))
    if step is None:
        return None
    own = replace(own, azimuth_step_deg=step, origin_m=(0.0, 0.0))
    known = _known(own, SAME_DEG)
    return own if known is None else replace(known, azimuth_step_deg=_usual(step, known.azimuth_step_deg) or step)


def named(own: Projection) -> Projection:
    """The LiDAR with the name of the known one whose beams it has, where there is one: that goes into the store. Its own table stays."""
    known = _known(own, ALIKE_DEG) if own.name not in SENSORS else None
    return own if known is None else replace(own, name=known.name)


def _known(own: Projection, alike_deg: float) -> Projection | None:
    """The known LiDAR that has these beams, at least half of all, to within `alike_deg`; of several the nearest, then the one with its step."""
    beams = np.array(own.elevations_deg)
    found: list[tuple[tuple[float, int, float], Projection]] = []
    for name in AZIMUTH_STEPS_DEG:
        known = open_sensor(name)
        if len(beams) and len(known.elevations_deg) / 2 < len(beams) <= len(known.elevations_deg):
            apart = np.abs(np.subtract.outer(beams, np.array(known.elevations_deg))).min(1)
            if float(apart.max()) < alike_deg and float(np.median(apart)) < alike_deg / 3:
                unlike = abs(float(np.log(own.azimuth_step_deg / known.azimuth_step_deg)))
                found.append(((round(float(apart.mean()), 2), len(known.elevations_deg) - len(beams), unlike), known))
    return min(found, key=lambda pair: pair[0])[1] if found else None


def _placed(sensor: Projection, scan: Scan, open_step: bool) -> Projection:
    """The sensor with what a scan's points tell beyond its table: where its beams start, unless it says that, and the step where that is open."""
    points = scan.points @ sensor.axes
    if not any(sensor.origin_m):
        sensor = replace(sensor, origin_m=origin_of(points, sensor.elevations))
    step = _step(sensor, scan) if open_step and sensor.elevations_deg else None
    usual = None if step is None else _usual(step, sensor.azimuth_step_deg)
    return sensor if usual is None else replace(sensor, azimuth_step_deg=usual)


def _step(sensor: Projection, scan: Scan) -> float | None:
    """The step between columns, degrees, by the points of a scan; each belongs to the beam that is nearest to it."""
    azimuth, elevation, _, _ = sensor.returns([scan.points])
    return step_deg(azimuth, nearest_beam(sensor.elevations, elevation))


def _usual(step: float, maker: float) -> float | None:
    """The maker's step for the way to set the LiDAR to which a measured one is near; None where it is near to none."""
    usual = min((maker * share for share in COLUMNS), key=lambda one: abs(np.log(step / one)))
    return usual if abs(step / usual - 1) < SAME_STEP else None


def beam_gap(sensor: Projection) -> float:
    """A typical angle between two beams, radians."""
    return float(np.median(-np.diff(sensor.elevations))) if len(sensor.elevations) > 1 else float(np.deg2rad(1.0))
