"""Files and folders come to be whole or not at all, and names that are read from files stay within their folder.

    .NAME.1f2e3d4c.part    what somebody is writing, locked as long as they live; renamed to NAME when it is whole and on the disk

A kill leaves such a name, never half of a NAME. The lock (flock) tells whether its writer lives: the system frees it with the process. Whoever
writes next in the same folder removes what the dead have left; of the living nothing is touched.
"""

import errno
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePath
from typing import Any

from gaitbridge.errors import StoreError, UserError

try:
    import fcntl
except ImportError:  # not on Windows: then nothing is locked, and nothing that was left is taken for dead
    fcntl = None  # type: ignore[assignment]

LEFT = re.compile(r"\..+\.[0-9a-f]{1,8}\.part")
LOOK_AGAIN_S = 10.0  # a folder may hold many thousand files: a process that writes them one after another does not list it for each
_looked: dict[Path, float] = {}


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A temporary name beside `path`, renamed to it when the block ends well and removed when it does not. StoreError where it cannot be written."""
    with _in_words(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _look(path.parent)
        temporary, handle = _begin(path, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        try:
            yield temporary
            settle([temporary])
            temporary.replace(path)
            settle([path.parent])
        finally:
            temporary.unlink(missing_ok=True)
            os.close(handle)


@contextmanager
def made_whole(folder: Path, last: str, ours: Collection[str] = ()) -> Iterator[Path]:
    """A temporary folder beside `folder`, renamed to it when the block ends well and removed when it does not.

    last: the file that makes the folder what it is; a folder without it that holds nothing but `ours` is one whose making was cut short, and is made
    anew. An empty folder is filled. UserError where there is anything else, StoreError where it cannot be written.
    """
    place = folder.resolve()
    with _in_words(folder):
        if not is_free(folder, last, ours):
            raise UserError(f"{folder} exists already: choose another name")
        place.parent.mkdir(parents=True, exist_ok=True)
        _look(place.parent)
        temporary, handle = _begin(place, None)
        try:
            yield temporary
            settle(temporary.rglob("*"))
            if place.exists():
                _fill(place, temporary, last, ours, folder)
            else:
                _renamed(temporary, place, folder)
            settle([place, place.parent])
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
            os.close(handle)


@contextmanager
def workplace(path: Path) -> Iterator[Path]:
    """A folder beside `path` to work in, gone afterwards. StoreError where it cannot be made."""
    with _in_words(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _look(path.parent)
        temporary, handle = _begin(path, None)
        try:
            yield temporary
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
            os.close(handle)


@contextmanager
def alone(folder: Path, together: bool = False) -> Iterator[None]:
    """A folder, made where it is missing, in which no other process writes within the block; left empty, what was made of it is gone afterwards.

    together: others who say so, too, may write in it at the same time. UserError where another process holds it. The lock is of those who ask for
    it, and goes with the process.
    """
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    with _in_words(folder):
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
    try:
        if _lock(handle, shared=together) is False:
            raise UserError(f"{folder}: another process is writing here: wait until it is done, or choose another folder")
        yield
    finally:
        os.close(handle)
        for place in missing:
            with suppress(OSError):  # something is in it, as there should be
                place.rmdir()


def _mark(mark: Path) -> int:
    """A file to lock, made where it is missing, opened."""
    with _in_words(mark):
        mark.parent.mkdir(parents=True, exist_ok=True)
        return os.open(mark, os.O_RDWR | os.O_CREAT, 0o666)


@contextmanager
def living(mark: Path) -> Iterator[bool]:
    """A file that tells, by its lock, that a process lives; several may hold it. Gives whether another holds it already."""
    handle = _mark(mark)
    try:
        others = _lock(handle) is False
        _lock(handle, wait=True, shared=True)
        yield others
    finally:
        os.close(handle)


def lives(mark: Path) -> bool | None:
    """Whether a process holds a file of `living`; None where that cannot be told."""
    try:
        handle = os.open(mark, os.O_RDWR)
    except FileNotFoundError:
        return False
    except OSError:
        return None
    try:
        free = _lock(handle)
        return None if free is None else not free
    finally:
        os.close(handle)


@contextmanager
def in_turn(mark: Path) -> Iterator[None]:
    """A block that processes pass one after the other, where there are locks."""
    handle = _mark(mark)
    try:
        _lock(handle, wait=True)
        yield
    finally:
        os.close(handle)


@contextmanager
def tried(mark: Path) -> Iterator[bool]:
    """Whether the block is this process's alone: it is not where another is in it."""
    handle = _mark(mark)
    try:
        yield _lock(handle) is not False
    finally:
        os.close(handle)


def placed(made: Path, out: Path) -> None:
    """Give a file of a workplace its name, once it is on the disk."""
    settle([made])
    made.replace(out)
    settle([out.parent])


def check_out(said: str, out: Path, read: Iterable[Path] = ()) -> None:
    """UserError, before hours of work, where a file could not be written in the end: `out` is a folder, is one of the files that are `read`, or lies
    where nobody may write. said: what the user calls it, such as "--sheet a.png"."""
    if out.is_dir():
        raise UserError(f"{said} is a folder: give the name of a file")
    if out.exists() and any(file.exists() and out.samefile(file) for file in read):
        raise UserError(f"{said} is the film itself, which would be lost: choose another name")
    nearest = next((place for place in out.absolute().parents if place.exists()), Path("/"))
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise UserError(f"{said}: nothing can be written into {nearest}: choose another place")


def is_free(folder: Path, last: str, ours: Collection[str] = ()) -> bool:
    """Whether `made_whole` may make the folder: it is not there, or empty, or one whose making was cut short."""
    if not folder.exists():
        return not folder.is_symlink()
    if not folder.is_dir():
        return False
    there = {name for name in os.listdir(folder) if not LEFT.fullmatch(name)}
    return last not in there and there <= set(ours)


def _fill(place: Path, temporary: Path, last: str, ours: Collection[str], folder: Path) -> None:
    """Give the content of a temporary folder to one that is there, which may be a mount point or where the user stands: it stays the same folder."""
    handle = os.open(place, os.O_RDONLY)
    try:
        _lock(handle, wait=True)  # two may want to fill it
        if not is_free(place, last, ours):
            raise UserError(f"{folder} exists already: choose another name")
        for entry in sorted(temporary.iterdir(), key=lambda entry: entry.name == last):
            _remove(place / entry.name)
            shutil.move(entry, place / entry.name)
    finally:
        os.close(handle)


def _renamed(temporary: Path, place: Path, folder: Path) -> None:
    try:
        temporary.rename(place)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            raise UserError(f"{folder} exists already: choose another name") from error
        raise


def write_json(document: Any, out: Path) -> None:
    """A JSON file, whole or not at all; ValueError where it holds NaN, which JSON has not."""
    text = json.dumps(document, indent=1, allow_nan=False)
    with written_whole(out) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def sweep(folder: Path) -> bool:
    """Remove what killed writers left in a folder; whether there was anything."""
    found = False
    with suppress(FileNotFoundError, NotADirectoryError, PermissionError), os.scandir(folder) as entries:
        for entry in entries:
            if LEFT.fullmatch(entry.name) and not entry.is_symlink():
                found |= _sweep_one(Path(entry.path))
    return found


def left(folder: Path) -> list[Path]:
    """What is being written in a folder, or was when its writer was killed."""
    return sorted(path for path in folder.iterdir() if LEFT.fullmatch(path.name)) if folder.is_dir() else []


def _sweep_one(path: Path) -> bool:
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:  # its writer ended in this moment, or it is another user's
        return False
    try:
        return _lock(handle) is True and _remove(path)
    except PermissionError:  # another user's, who will sweep as well
        return False
    finally:
        os.close(handle)


def _remove(path: Path) -> bool:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    return True


def _look(folder: Path) -> None:
    now = time.monotonic()
    if now - _looked.get(folder, -LOOK_AGAIN_S) >= LOOK_AGAIN_S:
        sweep(folder)
        _looked[folder] = now


def _begin(path: Path, flags: int | None) -> tuple[Path, int]:
    """A new file (flags: how it is opened) or folder (None) of a temporary name, locked where there are locks; its handle."""
    while True:
        temporary = path.with_name(f".{path.name[:50]}.{secrets.token_hex(4)}.part")
        if flags is None:
            temporary.mkdir()
        handle = os.open(temporary, os.O_RDONLY if flags is None else flags, 0o666)
        mine = _lock(handle)
        if mine is None or (mine and temporary.exists()):
            return temporary, handle
        os.close(handle)  # somebody swept between these lines and took it for dead


def _lock(handle: int, wait: bool = False, shared: bool = False) -> bool | None:
    """Whether the lock is ours now; None where there are no locks, as on some file systems of other machines."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def settle(paths: Iterable[Path]) -> None:
    """See that files are on the disk, and names in their folders. OSError where a disk is full or broken."""
    for path in paths:
        if not path.exists():
            continue
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        except OSError:
            if not path.is_dir():  # some file systems know it of files alone
                raise
        finally:
            os.close(handle)


@contextmanager
def _in_words(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror or error}; free some space or choose another place, then run again") from error


def within(folder: Path, name: Any, file: Path | None = None) -> Path:
    """The path of what is called `name` in a folder, or deeper in it; StoreError where it would lie elsewhere. file: what the name was read from."""
    path = PurePath(name) if isinstance(name, str) and "\0" not in name else PurePath()
    if not path.parts or path.anchor or ".." in path.parts:
        raise StoreError(f"{file or folder} names {str(name)[:100]!r}, which is not in its folder: it is damaged, or not to be trusted")
    return folder / path
