"""The .bin of KITTI, nuScenes and others: float32 x, y, z, reflectance, and more, a scan a file."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from gaitbridge.capture.lidar.readers import Wish
from gaitbridge.capture.lidar.scans import Scan
from gaitbridge.geometry.headerless import columns_of, read_bin

SUFFIXES, FRAME, WHAT = (".bin",), True, "points of bare floats"
MOST_BEAMS = 256


def read(path: Path, wish: Wish) -> Iterator[Scan]:
    """The one scan of the file. A fifth column of small whole numbers is the beam, as nuScenes has it."""
    table = read_bin(path, wish.columns or columns_of([path]))
    yield Scan(table[:, :3], intensity=table[:, 3] if table.shape[1] > 3 else None, ring=_beams(table[:, 4]) if table.shape[1] > 4 else None)


def _beams(column: np.ndarray) -> np.ndarray | None:
    """Numbers of beams, if that is what a column [P] holds."""
    whole = bool(np.isfinite(column).all()) and len(column) > 0 and column.min() >= 0 and column.max() < MOST_BEAMS
    return column.astype(np.int64) if whole and bool((column == np.rint(column)).all()) and column.min() < column.max() else None
