"""LAS and LAZ by laspy: one scan, or many, told apart by the times of their points."""

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from gaitbridge.capture.lidar.readers import Wish
from gaitbridge.capture.lidar.readers._fields import TURN_S
from gaitbridge.capture.lidar.readers._optional import needed
from gaitbridge.capture.lidar.scans import Scan
from gaitbridge.errors import UserError

SUFFIXES, FRAME, WHAT = (".las", ".laz"), False, "LAS or LAZ"
RING = ("ring", "channel")


def read(path: Path, wish: Wish) -> Iterator[Scan]:
    """The file's scans: turns of 1 / wish.hz seconds by the times of the points (GPS time); a file without such times is one scan."""
    laspy = needed("laspy", path)
    _check_header(path)
    las = laspy.read(path)
    points = np.stack([np.asarray(las.x), np.asarray(las.y), np.asarray(las.z)], axis=-1)
    names = list(las.point_format.dimension_names)
    intensity = np.asarray(las.intensity, np.float64)
    moments = np.asarray(las.gps_time, np.float64) if "gps_time" in names else np.zeros(len(points))
    ring = next((np.asarray(las[name], np.int64) for name in RING if name in names), None)
    seen = moments[np.isfinite(moments)]
    if not len(seen) or np.ptp(seen) <= (TURN_S if wish.hz is None else 1.5 / wish.hz):
        yield Scan(points, float(seen.mean()) if len(seen) and seen.any() else None, intensity, ring)
        return
    if wish.hz is None:
        raise UserError(f"{path}: its points were taken over {np.ptp(seen):.1f} s: say --hz, the LiDAR's turns a second, to cut it into scans")
    if np.ptp(seen) * wish.hz > 1e6:
        raise UserError(f"{path}: its points were taken over {np.ptp(seen):.0f} s, which is no recording: check the times of its points")
    turn = np.floor((moments - seen.min()) * wish.hz + 1e-6)  # times in seconds by the clock are rounded
    order = np.lexsort((moments, turn))
    order = order[np.isfinite(moments[order])]
    starts = np.flatnonzero(np.diff(turn[order], prepend=-1))
    for rows in np.split(order, starts[1:]):
        time_s = float(seen.min() + (turn[rows[0]] + 0.5) / wish.hz)
        yield Scan(points[rows], time_s, intensity[rows], None if ring is None else ring[rows], moments[rows] - time_s)


def _check_header(path: Path) -> None:
    """ValueError where the header announces more than the file holds: the library would read on and on, or take memory for all of it."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(375)
    if head[:4] != b"LASF" or len(head) < 227:
        raise ValueError("it has no header of such a file")
    minor, header_bytes, points_at, records = head[25], *struct.unpack_from("<HII", head, 94)
    kind, point_bytes, points = struct.unpack_from("<BHI", head, 104)
    late_at, late = 0, 0
    if minor >= 4 and len(head) >= 255:
        late_at, late, points = struct.unpack_from("<QIQ", head, 235)
    if header_bytes + 54 * records > min(points_at, size) or late_at + 60 * late > size:
        raise ValueError(f"its header announces {records + late:,} records, which it cannot hold")
    if not kind & 0xC0 and points_at + points * point_bytes > size:  # not compressed
        raise ValueError(f"its header announces {points:,} points, it cannot hold so many: it is cut off")
