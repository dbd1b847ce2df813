"""Formats of LiDAR recordings: a file a format, found by its name's end.

A module has SUFFIXES; FRAME, whether a file is one scan of a recording (several files of a folder then make up one); WHAT it reads, in words,
and REMEDY, what to do with a file that it cannot read, where that is not the usual; and `read(path, wish) -> Iterator[Scan]`, scans as the
format gives them, not yet clean nor in order. It raises UserError where the file lacks what is needed, and anything where it is damaged: `read`
below makes one line of it. It runs in a process of its own: a library that crashes on a hostile file harms nobody.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from gaitbridge import foreign_pickles, plugins
from gaitbridge.capture.lidar.scans import Scan
from gaitbridge.errors import UserError, nearest, words_of

REMEDY = "get it from its source again"


@dataclass(frozen=True)
class Wish:
    """What the user says of a recording: hz, turns a second; topic, which of several LiDARs in a bag; columns, floats a point in .bin files."""

    hz: float | None = None
    topic: str | None = None
    columns: int | None = None


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
    """The scans of a file, by the reader of its kind. Whatever its library raises becomes one line: this process reads nothing else."""
    reader = reader_of(path)
    try:
        yield from reader.read(path, wish)
    except (UserError, MemoryError, KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except foreign_pickles.Refused as error:
        raise UserError(f"{path} is refused: it asks for {error}, which no point cloud needs and which could run a program") from error
    except BaseException as error:  # also what is no Exception: the panic of a library in Rust
        raise UserError(f"{path} cannot be read as {reader.WHAT} ({words_of(error)}): {getattr(reader, 'REMEDY', REMEDY)}") from error
