"""One source watched, in a thread of its own: its reading process started, and started again, what it gives handed on.

A stream or a camera that is lost is opened again, after 1, 2, 4 ... 60 seconds; a folder's films are read one after another, each when it is whole.
"""

import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from gaitbridge.capture.isolated import Broken, Running
from gaitbridge.capture.video.settings import Settings
from gaitbridge.capture.video.sources import Source
from gaitbridge.errors import StoreError, UserError
from gaitbridge.names import canonical
from gaitbridge.printing import tell
from gaitbridge.progress import span

READER = "gaitbridge.capture.video.live:watch_source"  # not imported here: heavy
FIRST_S, MOST_S = 1.0, 60.0  # before a lost stream is opened again
STEADY_S = 30.0  # a stream that lasted so long is tried again at once, nearly
LOOK_S = 1.0  # between looks into a folder
FILMS = (".mp4", ".mkv", ".avi", ".mov", ".m4v", ".webm", ".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".3gp", ".wmv", ".flv", ".h264", ".h265", ".hevc",
         ".mjpeg")  # fmt: skip


@dataclass(frozen=True)
class Options:
    """How sources are read. once: each to its end, and no more; settle_s: a film of a folder is whole when it has not changed for so long."""

    settings: Settings = field(default_factory=Settings)
    longest_s: float = 30.0
    stall_s: float = 10.0
    settle_s: float = 3.0
    megabytes: float = 2000.0
    once: bool = False


class Watcher(threading.Thread):
    """Watches one source. took(source, film, walk): is given each walk, and returns when it is kept; films: contents of films that were read.

    failed: why it ended, where it could not go on.
    """

    def __init__(self, source: Source, options: Options, took: Callable[[Source, str, dict[str, Any]], None], films: "Films") -> None:
        super().__init__(name=source.name, daemon=True)
        self.source, self.options, self.took, self.films = source, options, took, films
        self.failed: BaseException | None = None
        self.ended = threading.Event()
        self._lock, self._running = threading.Lock(), list[Running]()
        self._number = os.dup(0) if source.kind == "input" else 0

    def run(self) -> None:
        """The thread."""
        try:
            {"folder": self._folder, "film": self._film, "input": self._input}.get(self.source.kind, self._stream)()
        except BaseException as error:  # told by who waits for this thread
            self.failed = error

    def stop(self) -> None:
        """Ask it to come to its end: what has not ended is finished."""
        self.ended.set()
        with self._lock:
            for running in self._running:
                running.stop()

    def kill(self) -> None:
        """End its reading process, which did not come to its end."""
        with self._lock:
            for running in self._running:
                running.kill()

    def _read(self, source: Source, film: str = "") -> tuple[bool, str, dict[str, int]]:
        """Read a source to its end: whether it was open, why it ended, what was counted. UserError where it cannot be, whenever it is tried."""
        settings, opened, why, counts = self.options, False, "its reader ended", dict[str, int]()
        running = Running(READER, source.kind, source.place, source.name, asdict(settings.settings), settings.longest_s, settings.stall_s,
                          self._number, seconds=settings.stall_s + 30.0, megabytes=settings.megabytes, what=source.name,
                          files=(self._number,) if source.kind == "input" else ())  # fmt: skip
        with running:
            with self._lock:
                self._running.append(running)
            if self.ended.is_set():
                running.stop()
            try:
                for item in running.items():
                    if item["kind"] == "open":
                        opened = True
                        if source.live:
                            tell(f"{source.name}: {item['width']} x {item['height']}, {item['codec']}")
                    elif item["kind"] == "walk":
                        self.took(self.source, film, item)
                    elif item["kind"] == "note":
                        tell(f"{source.name}: {item['words']}")
                    else:
                        why, counts = str(item["why"]), item["counts"]
            except Broken as error:
                why = str(error)
            finally:
                with self._lock:
                    self._running.remove(running)
        return opened, why, counts

    def _stream(self) -> None:
        """A stream or a camera, again and again."""
        wait_s = FIRST_S
        while not self.ended.is_set():
            began = time.monotonic()
            opened, why, counts = self._read(self.source)
            if self.ended.is_set():
                return
            if self.options.once:
                if not opened:
                    raise UserError(why)
                tell(f"{self.source.name}: {why}; {_counted(counts)}")
                return
            lasted = time.monotonic() - began
            wait_s = FIRST_S if opened and lasted > STEADY_S else wait_s
            tell(f"{self.source.name}: {'lost' if opened else 'not there'} ({why}): tried again in {span(wait_s)}")
            self.ended.wait(wait_s)
            wait_s = min(2 * wait_s, MOST_S)

    def _input(self) -> None:
        opened, why, counts = self._read(self.source)
        if not opened and not self.ended.is_set():
            raise UserError(why)
        tell(f"{self.source.name}: {why}; {_counted(counts)}")

    def _film(self) -> None:
        self._one(Path(self.source.place), self.source.name)

    def _folder(self) -> None:
        """The films of a folder, each when it has not changed for a while; then those that come."""
        seen: dict[Path, tuple[tuple[int, int], float]] = {}  # size and time of change; since when
        done: dict[Path, tuple[int, int]] = {}
        folder = Path(self.source.place)
        while not self.ended.is_set():
            waiting = False
            there = dict(_films_in(folder))
            seen = {path: was for path, was in seen.items() if path in there}
            done = {path: was for path, was in done.items() if path in there}
            for path, state in sorted(there.items(), key=lambda one: (one[1][1], one[0])):
                if done.get(path) == state or self.ended.is_set():
                    continue
                if path not in seen or seen[path][0] != state:
                    seen[path] = state, time.monotonic()
                if time.monotonic() - seen[path][1] < self.options.settle_s:
                    waiting = True
                    continue
                try:
                    self._one(path, canonical(str(path.relative_to(folder))))
                except StoreError:
                    raise
                except UserError as error:
                    tell(error)
                done[path] = state
            if self.options.once and not waiting:
                return
            self.ended.wait(LOOK_S)

    def _one(self, path: Path, name: str) -> None:
        """One film, unless one of its content was read to its end. A film that cannot be read counts as read: it is told, and not tried again."""
        content = _content(path)
        if content in self.films.done():
            tell(f"{name}: its content was answered already")
            return
        try:
            opened, why, counts = self._read(Source("film", str(path), name), name)
            if not opened and not self.ended.is_set():
                raise UserError(why)
        except StoreError:  # the journal's: nothing is wrong with the film
            raise
        except UserError as error:
            self.films.add(name, content, {"failed": str(error)})
            raise
        if self.ended.is_set():
            tell(f"{name}: stopped before its end: it is read again next time, what was answered is not answered again")
            return
        self.films.add(name, content, counts)
        tell(f"{name}: {_counted(counts)}{'' if why == 'it ended' else f'; {why}'}")


class Films:
    """Which films were read to their end: for threads."""

    def __init__(self, done: Callable[[], set[str]], add: Callable[[str, str, dict[str, Any]], None]) -> None:
        self.done, self.add = done, add


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {words}" for words, count in counts.items()) or "no picture"


def _films_in(folder: Path) -> Iterator[tuple[Path, tuple[int, int]]]:
    """The films in a folder and below, without hidden ones, and their size and time of change."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in names:
            path = Path(place) / name
            if path.suffix.lower() in FILMS and not name.startswith("."):
                try:
                    state = path.stat()
                except OSError:  # it has gone in this moment
                    continue
                yield path, (state.st_size, state.st_mtime_ns)


def _content(path: Path) -> str:
    """A hash of a file's bytes. UserError where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}") from error
