"""Formats of LiDAR recordings: a file a format, found by its name's end.

A module has SUFFIXES; FRAME, whether a file is one scan of a recording (several files of a folder then make up one); and
`read(path, wish) -> Iterator[Scan]`, scans in order of time, as the format gives them, not yet clean. UserError where the file is damaged or
lacks what is needed. It runs in a process of its own: a library that crashes on a hostile file harms nobody.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from gaitbridge import plugins
from gaitbridge.capture.lidar.scans import Scan
from gaitbridge.errors import UserError, nearest


@dataclass(frozen=True)
class Wish:
    """What the user says of a recording: hz, turns a second; topic, which of several LiDARs in a bag."""

    hz: float | None = None
    topic: str | None = None


def kinds() -> dict[str, ModuleType]:
    """The reader of each ending, such as .pcd."""
    modules = [plugins.load(__name__, name) for name in plugins.names(__name__)]
    return {suffix: module for module in modules for suffix in module.SUFFIXES}


def reader_of(path: Path) -> ModuleType:
    """The reader of a file, or of a folder that is a ROS 2 bag; UserError where none is."""
    if path.is_dir():
        return plugins.load(__name__, "ros")
    known = kinds()
    if path.suffix.lower() not in known:
        what = f"ends in {path.suffix!r}, which" if path.suffix else "has no ending that"
        raise UserError(f"{path} {what} is no known kind of LiDAR recording: {nearest(path.suffix.lower(), known)}")
    return known[path.suffix.lower()]


def read(path: Path, wish: Wish) -> Iterator[Scan]:
    """The scans of a file, by the reader of its kind. Its errors are one line each."""
    try:
        yield from reader_of(path).read(path, wish)
    except UserError as error:
        raise UserError(" ".join(str(error).split())) from error
