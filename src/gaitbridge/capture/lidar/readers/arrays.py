"""Arrays of NumPy (.npy, .npz) and lists of them (.pkl): points [P, 3 or more], frames of them [T, P, 3 or more], or a LiDAR's own grid.

A .npz may hold more by name: time_s [T]; elevations_deg (or beam_alt_deg) [B], the beams from the highest to the lowest, with
azimuth_step_deg or with scans as grids [B, C, 3], whose columns give the step. A grid is an array named ...xyz... or ...points... [B, C, 3]
beside any [B, C] array, such as its ranges.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gaitbridge import foreign_pickles
from gaitbridge.capture.lidar.readers import Wish
from gaitbridge.capture.lidar.scans import Scan
from gaitbridge.errors import UserError
from gaitbridge.geometry.cloud_files import natural, read_clouds
from gaitbridge.geometry.projection import Projection

SUFFIXES, FRAME, WHAT = (".npy", ".npz", ".pkl"), False, "arrays"
BEAMS = ("elevations_deg", "elevation_deg", "beam_alt_deg", "beam_altitude_angles")
TIMES = ("time_s", "times_s", "timestamps", "timestamp", "range_views_time_s")


def read(path: Path, wish: Wish) -> Iterator[Scan]:
    """The scans of the file, in the natural order of their names."""
    held: Mapping[str, Any] = foreign_pickles.read_arrays(path) if path.suffix.lower() == ".npz" else {}
    grids = _grids(held)
    rings: list[np.ndarray] | list[None]
    beams = next((np.asarray(held[name], np.float64) for name in held if name.lower().endswith(BEAMS)), None)
    if grids:
        clouds = [grid.reshape(-1, grid.shape[-1]) for grid in grids]
        rings = [np.repeat(np.arange(len(grid)), grid.shape[1]) for grid in grids]
        sensor = _sensor(path, beams, 360 / grids[0].shape[1] if beams is not None and len(beams) == len(grids[0]) else None)
    else:
        clouds = [cloud.points for cloud in read_clouds(path)]
        rings = [None] * len(clouds)
        step = next((np.asarray(held[name]) for name in held if name.lower().endswith("azimuth_step_deg")), None)
        sensor = _sensor(path, beams, None if step is None or step.size != 1 else float(step.ravel()[0]))
    times = _times(held, len(clouds), path)
    for cloud, ring, time_s in zip(clouds, rings, times, strict=True):
        yield Scan(cloud[:, :3], time_s, ring=ring, sensor=sensor)


def _grids(held: Mapping[str, Any]) -> list[np.ndarray]:
    """The scans that are LiDAR grids [B, C, 3 or more]."""
    arrays = {name: value for name, value in held.items() if isinstance(value, np.ndarray) and value.dtype.kind in "fiu"}
    flat = {value.shape for value in arrays.values() if value.ndim == 2}
    names = [name for name, value in arrays.items() if value.ndim == 3 and value.shape[-1] >= 3 and value.shape[:2] in flat]
    return [arrays[name] for name in sorted(names, key=natural) if "xyz" in name.lower() or "points" in name.lower()]


def _sensor(path: Path, beams: np.ndarray | None, step_deg: float | None) -> Projection | None:
    """The LiDAR that the file describes, if it does."""
    if beams is None or step_deg is None:
        return None
    try:
        return Projection(path.stem, step_deg, tuple(sorted((float(beam) for beam in beams.ravel()), reverse=True)))
    except ValueError as error:
        raise UserError(f"{path}: its table of beams is none ({error}): mend it, or leave it out and say --sensor") from error


def _times(held: Mapping[str, Any], scans: int, path: Path) -> list[float | None]:
    """Seconds of each scan, where the file says them."""
    for name, value in held.items():
        if name.lower() in TIMES:
            times = np.asarray(value)
            if times.dtype.kind not in "fiu" or times.shape != (scans,):
                raise UserError(f"{path}: {name} is {times.dtype} {list(times.shape)} for {scans} scans: give seconds, one a scan")
            unit = 1e-9 if times.size and float(np.abs(times).max()) > 1e15 else 1.0  # a clock in nanoseconds
            return [float(one) * unit for one in times]
    return [None] * scans
