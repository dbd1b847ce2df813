"""PCD of the Point Cloud Library (text, binary, compressed): a scan a file."""

from collections.abc import Iterator
from pathlib import Path

from gaitbridge.capture.lidar.readers import Wish
from gaitbridge.capture.lidar.readers._fields import scan_of_fields
from gaitbridge.capture.lidar.scans import Scan
from gaitbridge.errors import UserError
from gaitbridge.foreign_pickles import DAMAGED
from gaitbridge.geometry.cloud_files import pcd_fields

SUFFIXES, FRAME = (".pcd",), True


def read(path: Path, wish: Wish) -> Iterator[Scan]:
    """The one scan of the file, with intensity, ring and times of points where it has such fields."""
    try:
        fields = pcd_fields(path)
    except DAMAGED as error:
        raise UserError(f"{path} cannot be read as PCD ({error}): get it from its source again") from error
    yield scan_of_fields({name: values[:, 0] for name, values in fields.items()}, None, path.name)
