"""Points by named fields, as PCD, PointCloud2 and pcap decoders have them: which field is what."""

from collections.abc import Mapping

import numpy as np

from gaitbridge.capture.lidar.scans import Scan
from gaitbridge.errors import UserError

INTENSITY = ("intensity", "reflectivity", "reflectance", "signal", "i")
RING = ("ring", "channel", "laser_id", "line", "row")
TIME = ("time", "t", "timestamp", "time_stamp", "offset_time", "time_offset", "point_time")
TURN_S = 0.5  # no turn takes longer


def scan_of_fields(fields: Mapping[str, np.ndarray], time_s: float | None, name: str) -> Scan:
    """A scan of columns [P] by name; time_s: the scan's own time, if known. UserError where x, y or z is not among them."""
    by_name = {key.lower(): key for key in fields}
    if missing := [axis for axis in "xyz" if axis not in by_name]:
        raise UserError(f"{name}: its points have no field {', '.join(missing)} (it has {', '.join(fields) or 'none'}): "
                        "give a recording with x, y, z in metres")

    def first(names: tuple[str, ...]) -> np.ndarray | None:
        column = next((fields[by_name[one]] for one in names if one in by_name), None)
        return None if column is None or column.dtype.kind not in "iuf" else column.astype(np.float64)

    points = np.stack([np.asarray(fields[by_name[axis]], np.float64) for axis in "xyz"], axis=-1)
    ring, moments = first(RING), first(TIME)
    rings = None if ring is None or not np.isfinite(ring).all() else np.clip(ring, -1, 2**31).astype(np.int64)
    return Scan(points, time_s, first(INTENSITY), rings, None if moments is None else offsets_s(moments, time_s))


def offsets_s(moments: np.ndarray, time_s: float | None) -> np.ndarray | None:
    """Times of points as seconds [P] from the scan's own time; None where they say nothing, or nothing that can be in one turn.

    Makers write seconds, milli-, micro- or nanoseconds, from the scan's time, from any start, or by the clock: the unit is the largest with
    which they lie within one turn; the start is the scan's time where that fits, otherwise the first point.
    """
    if not len(moments) or not np.isfinite(moments).all() or not (span := float(np.ptp(moments))):
        return None
    unit = next((unit for unit in (1.0, 1e-3, 1e-6, 1e-9) if span * unit <= TURN_S), None)
    if unit is None:
        return None
    for start in (0.0, time_s or 0.0):
        seconds = moments * unit - start
        if float(np.abs(seconds).max()) <= TURN_S:
            return seconds
    return np.asarray((moments - moments.min()) * unit)
