"""What a reader gives: one turn of the LiDAR, made clean."""

from dataclasses import dataclass, replace

import numpy as np

from gaitbridge.errors import UserError
from gaitbridge.geometry.projection import Projection

FARTHEST_M = 1000.0  # no LiDAR for people sees so far: such ranges are in another unit
NEAREST_M = 0.05  # at the sensor itself: makers write (0, 0, 0) where nothing came back


@dataclass(frozen=True)
class Scan:
    """One turn. points float [P, 3], metres, x, y, z in the LiDAR's frame; None where the file has not: time_s, seconds by any clock;
    intensity [P]; ring int [P], the beam of each point; point_time_s [P], from time_s; sensor, its geometry.
    """

    points: np.ndarray
    time_s: float | None = None
    intensity: np.ndarray | None = None
    ring: np.ndarray | None = None
    point_time_s: np.ndarray | None = None
    sensor: Projection | None = None

    def __post_init__(self) -> None:
        if self.points.ndim != 2 or self.points.shape[1] != 3:
            raise ValueError(f"points must be [P, 3], not {list(self.points.shape)}")
        for name in ("intensity", "ring", "point_time_s"):
            values = getattr(self, name)
            if values is not None and values.shape != (len(self.points),):
                raise ValueError(f"{len(self.points)} points but {name} of {list(values.shape)}")

    def chosen(self, rows: np.ndarray) -> "Scan":
        """The scan with the points `rows` (a mask or numbers) alone."""
        parts = {name: getattr(self, name)[rows] for name in ("intensity", "ring", "point_time_s") if getattr(self, name) is not None}
        return replace(self, points=self.points[rows], **parts)


def cleaned(scan: Scan, name: str) -> Scan:
    """The scan with its true returns alone, points float64. UserError where the ranges are no metres; `name` says where the scan is from."""
    points = np.asarray(scan.points, np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        ranges = np.sqrt((points * points).sum(1))
        back = np.isfinite(ranges) & (ranges > NEAREST_M)
    if back.any() and float(np.median(ranges[back])) > FARTHEST_M:
        if float(np.abs(np.median(points[back], axis=0)).max()) > 1e5:
            raise UserError(f"{name}: its points lie {np.median(ranges[back]) / 1000:,.0f} km from the origin, they seem to be map coordinates: "
                            "give the points in the LiDAR's own frame, in metres")
        raise UserError(f"{name}: half of its ranges are above {np.median(ranges[back]):,.0f}, they seem to be millimetres: "
                        "scale the points to metres, or say --unit mm")
    back &= ranges <= FARTHEST_M
    return replace(scan, points=points).chosen(back)


def scaled(scan: Scan, factor: float) -> Scan:
    """The scan with its coordinates times `factor`, which makes metres of another unit."""
    return replace(scan, points=np.asarray(scan.points, np.float64) * factor) if factor != 1 else scan
