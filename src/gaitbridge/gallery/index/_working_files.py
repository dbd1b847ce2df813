"""What LanceDB writes before a table knows it, so that a kill leaves it: where it lies, and how it goes.

    GALLERY/templates.lance/**/.tmpXXXXXX   a file before it has its name
    GALLERY/templates.lance/**/NAME#1       likewise
    GALLERY/working/                        what it sorts on the disk while it builds or joins an index; else in the system's temporary folder, where
                                            nobody would look for it

LanceDB itself removes none of these. Only who holds the gallery's lock alone may: then nobody else writes.
"""

import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gaitbridge.files import left

WORKING = "working"
_one_at_a_time = threading.RLock()  # the temporary folder is the process's


def unnamed(gallery: Path, table: str) -> list[Path]:
    """What a killed writer left that no version of the table counts, nor ever will."""
    files = [path for path in (gallery / table).rglob("*") if path.name.startswith(".") or "#" in path.name]
    return [*files, *left(gallery), *([gallery / WORKING] if (gallery / WORKING).exists() else [])]


def remove_unnamed(gallery: Path, table: str) -> None:
    """Remove it. The caller holds the gallery's lock alone. OSError where it cannot be removed."""
    for path in unnamed(gallery, table):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


@contextmanager
def working_in(gallery: Path) -> Iterator[None]:
    """Within the block LanceDB's temporary files lie in the gallery; they are gone afterwards. Other galleries' writers in this process wait."""
    with _one_at_a_time:
        before, here = os.environ.get("TMPDIR"), str((gallery / WORKING).absolute())
        (gallery / WORKING).mkdir(mode=0o700, exist_ok=True)
        if before == here:  # a block within one
            yield
            return
        tempfile.gettempdir()  # Python remembers its answer to the first who asks: not this one
        os.environ["TMPDIR"] = here
        try:
            yield
        finally:
            if before is None:
                del os.environ["TMPDIR"]
            else:
                os.environ["TMPDIR"] = before
            shutil.rmtree(gallery / WORKING, ignore_errors=True)
