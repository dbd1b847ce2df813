"""One file lock between processes: many may read, or one write."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gaitbridge.errors import Busy, StoreError
from gaitbridge.printing import tell

PATIENCE_S = 600.0


@contextmanager
def locked(file: Path, alone: bool, patience_s: float = PATIENCE_S) -> Iterator[None]:
    """Hold `file` within the block, shared or alone; the system frees it when a process dies. Busy where another keeps it too long."""
    try:
        handle = os.open(file, os.O_RDWR if alone else os.O_RDONLY)
    except OSError as error:
        raise StoreError(f"{file}: {error.strerror}; the gallery is damaged, or not yours to {'change' if alone else 'read'}") from error
    try:
        _wait(handle, file, fcntl.LOCK_EX if alone else fcntl.LOCK_SH, patience_s)
        yield
    finally:
        os.close(handle)


def _wait(handle: int, file: Path, kind: int, patience_s: float) -> None:
    started, told = time.monotonic(), False
    while True:
        try:
            return fcntl.flock(handle, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            waited = time.monotonic() - started
            if waited > patience_s:
                raise Busy(f"{file.parent} is used by another process for {waited:.0f} s; try again when it is done") from None
            if waited > 2 and not told:
                tell(f"gallery: waiting for another process that uses {file.parent}")
                told = True
            time.sleep(0.02)


def append_line(file: Path, line: str) -> None:
    """Append a line to a text file, on the disk when this returns, whole or not at all; a line that a kill cut off stays on its own.

    OSError where it cannot be written.
    """
    handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        size = os.fstat(handle).st_size
        begun = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
        data = ("\n" if begun else "").encode() + line.encode() + b"\n"
        try:
            if os.write(handle, data) != len(data):
                raise OSError(28, "No space left on device", str(file))
            os.fsync(handle)
        except OSError:
            os.ftruncate(handle, size)
            raise
    finally:
        os.close(handle)
