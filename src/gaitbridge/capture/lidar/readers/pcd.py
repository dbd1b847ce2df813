"""PCD of the Point Cloud Library (text, binary, compressed): a scan a file."""

from collections.abc import Iterator
from pathlib import Path

from gaitbridge.capture.lidar.readers import Wish
from gaitbridge.capture.lidar.readers._fields import scan_of_fields
from gaitbridge.capture.lidar.scans import Scan
from gaitbridge.geometry.pcd import pcd_fields

SUFFIXES, FRAME, WHAT = (".pcd",), True, "PCD"


def read(path: Path, wish: Wish) -> Iterator[Scan]:
    """The one scan of the file, with intensity, ring and times of points where it has such fields."""
    yield scan_of_fields({name: values[:, 0] for name, values in pcd_fields(path).items()}, None, path.name)
