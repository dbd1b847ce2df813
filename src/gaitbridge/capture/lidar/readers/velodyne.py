"""Raw packets of Velodyne LiDARs as captured from the network (.pcap), by velodyne-decoder."""

from collections.abc import Iterator
from pathlib import Path

from gaitbridge.capture.lidar.readers import Wish
from gaitbridge.capture.lidar.readers._fields import scan_of_fields
from gaitbridge.capture.lidar.readers._optional import needed
from gaitbridge.capture.lidar.scans import Scan
from gaitbridge.errors import UserError

SUFFIXES, FRAME = (".pcap",), False


def read(path: Path, wish: Wish) -> Iterator[Scan]:
    """A scan a turn, at the times at which the packets came. The model is told from the packets."""
    decoder = needed("velodyne_decoder", path)
    scans = 0
    try:
        for stamp, points in decoder.read_pcap(path):
            time_s = float(getattr(stamp, "host", stamp))
            scans += 1
            columns = ("x", "y", "z", "intensity", "time", "ring")
            yield scan_of_fields({name: points[:, int(decoder.PointField[name])] for name in columns}, time_s, path.name)
    except Exception as error:  # the library raises whatever its parts do; said in words, and this process reads nothing else
        raise UserError(f"{path} cannot be read as packets of a Velodyne ({type(error).__name__}: {error}): "
                        "get it from its source again, or export it as .pcd, .las or a ROS bag") from error
    if not scans:
        raise UserError(f"{path}: no packets of a Velodyne LiDAR in it: export recordings of other makers as .pcd, .las or a ROS bag")
