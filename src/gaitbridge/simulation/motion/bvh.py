"""Captured walks: `bvh:DIR`, a folder of BVH files named `<person>_<take>.bvh`. What they share with other captures: `_captures`."""

from pathlib import Path

from gaitbridge.errors import UserError
from gaitbridge.simulation.motion import MotionSource
from gaitbridge.simulation.motion._bvh_file import read_bvh
from gaitbridge.simulation.motion._captures import Capture, checked, files_in, source_of


def open_capture(path: Path) -> Capture:
    """Read and check a file."""
    return checked(read_bvh(path))


def open_source(argument: str | None) -> MotionSource:
    """The captures of a folder, all of them read and checked now; UserError for an empty folder or an unusable file."""
    if not argument:
        raise UserError("--motion bvh needs a folder: write bvh:DIR, where DIR holds <person>_<take>.bvh files")
    folder = Path(argument)
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder: write bvh:DIR, where DIR holds <person>_<take>.bvh files")
    paths = files_in(folder, ".bvh")
    if not paths:
        other = "write amc:DIR for its .amc files" if files_in(folder, ".amc", deep=True) else "put <person>_<take>.bvh files into it"
        raise UserError(f"{folder} holds no .bvh file: {other}")
    return source_of(f"bvh:{folder.name}", folder, map(open_capture, paths))
