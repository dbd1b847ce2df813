"""Folders that others made: which files in them are data."""

from collections.abc import Iterator
from pathlib import Path

LITTER = ("thumbs.db", "desktop.ini", "__macosx", "icon\r")  # of file managers; what begins with a dot is theirs, too: .DS_Store, ._0001.pcd


def is_data(path: Path) -> bool:
    """Whether a name is that of data: neither hidden nor what file managers leave behind."""
    return not path.name.startswith(".") and path.name.lower() not in LITTER


def data_in(folder: Path) -> Iterator[Path]:
    """What lies in a folder, in no order, without hidden files and litter; OSError where it cannot be read."""
    return (path for path in folder.iterdir() if is_data(path))
