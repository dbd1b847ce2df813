"""LAS and LAZ by laspy: one scan, or many, told apart by the times of their points."""

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from gaitbridge.capture.lidar.readers import Wish
from gaitbridge.capture.lidar.readers._fields import TURN_S
from gaitbridge.capture.lidar.readers._optional import needed
from gaitbridge.capture.lidar.scans import Scan
from gaitbridge.capture.lidar.turns import Turns, turns_of
from gaitbridge.errors import UserError

SUFFIXES, FRAME, WHAT = (".las", ".laz"), False, "LAS or LAZ"
RING = ("ring", "channel")


def read(path: Path, wish: Wish) -> Iterator[Scan]:
    """The file's scans: turns of the LiDAR by times and azimuths of the points (GPS time), or of 1 / wish.hz seconds where those do not show them; a
    file without such times is one scan."""
    laspy = needed("laspy", path)
    _check_header(path)
    las = laspy.read(path)
    points = np.stack([np.asarray(las.x), np.asarray(las.y), np.asarray(las.z)], axis=-1)
    names = list(las.point_format.dimension_names)
    intensity = np.asarray(las.intensity, np.float64)
    moments = np.asarray(las.gps_time, np.float64) if "gps_time" in names else np.zeros(len(points))
    ring = next((np.asarray(las[name], np.int64) for name in RING if name in names), None)
    finite = np.isfinite(moments)
    seen = moments[finite]
    lasts_s = float(np.ptp(seen)) if len(seen) else 0.0
    found = turns_of(points[finite], seen) if lasts_s else None
    if (found is None or len(found.middle_s) < 2) and lasts_s <= (TURN_S if wish.hz is None else 1.5 / wish.hz):
        yield Scan(points, float(seen.mean()) if len(seen) and seen.any() else None, intensity, ring)
        return
    found = found or _windows(seen, wish.hz, path)
    rows = np.flatnonzero(finite)
    order = np.lexsort((seen, found.number))
    order = order[found.number[order] >= 0]
    starts = np.flatnonzero(np.diff(found.number[order], prepend=-1))
    for some in np.split(order, starts[1:]):
        time_s, chosen = float(found.middle_s[found.number[some[0]]]), rows[some]
        yield Scan(points[chosen], time_s, intensity[chosen], None if ring is None else ring[chosen], moments[chosen] - time_s)


def _windows(seen: np.ndarray, hz: float | None, path: Path) -> Turns:
    """Turns of 1 / hz seconds, for points that do not show when the head turned. UserError where nobody says the rate."""
    lasts_s = float(np.ptp(seen))
    if hz is None:
        raise UserError(f"{path}: its points were taken over {lasts_s:.1f} s and do not show when the LiDAR turned: say --hz, its turns a second, to "
                        "cut it into scans")
    if lasts_s * hz > 1e6:
        raise UserError(f"{path}: its points were taken over {lasts_s:.0f} s, which is no recording: check the times of its points")
    number = np.floor((seen - seen.min()) * hz + 1e-6).astype(np.int64)  # times in seconds by the clock are rounded
    return Turns(number, float(seen.min()) + (np.arange(int(number.max()) + 1) + 0.5) / hz)


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
