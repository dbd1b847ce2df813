"""KITTI's .bin: float32 x, y, z, reflectance, a scan a file."""

from collections.abc import Iterator
from pathlib import Path

from gaitbridge.capture.lidar.readers import Wish
from gaitbridge.capture.lidar.scans import Scan
from gaitbridge.geometry.cloud_files import read_clouds

SUFFIXES, FRAME = (".bin",), True


def read(path: Path, wish: Wish) -> Iterator[Scan]:
    """The one scan of the file."""
    for cloud in read_clouds(path):
        yield Scan(cloud.points[:, :3], intensity=cloud.points[:, 3] if len(cloud.points) else None)
