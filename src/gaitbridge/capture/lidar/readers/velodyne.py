"""Raw packets of Velodyne LiDARs as captured from the network (.pcap), by velodyne-decoder."""

from collections.abc import Iterator
from pathlib import Path

from gaitbridge.capture.lidar.readers import Wish
from gaitbridge.capture.lidar.readers._fields import scan_of_fields
from gaitbridge.capture.lidar.readers._optional import needed
from gaitbridge.capture.lidar.scans import Scan
from gaitbridge.errors import UserError

SUFFIXES, FRAME, WHAT = (".pcap",), False, "packets of a Velodyne"
REMEDY = "get it from its source again, or export it as .pcd, .las or a ROS bag"


def read(path: Path, wish: Wish) -> Iterator[Scan]:
    """A scan a turn, at the times at which the packets came. The model is told from the packets."""
    decoder = needed("velodyne_decoder", path)
    scans = 0
    columns = ("x", "y", "z", "intensity", "time", "ring")
    for stamp, points in decoder.read_pcap(path):
        scans += 1
        yield scan_of_fields({name: points[:, int(decoder.PointField[name])] for name in columns}, float(getattr(stamp, "host", stamp)), path.name)
    if not scans:
        raise UserError(f"{path}: no packets of a Velodyne LiDAR in it: export recordings of other makers as .pcd, .las or a ROS bag")
