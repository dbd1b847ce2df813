"""The journal of a watch: no walk that was finished is lost, and none is answered twice, whenever the process is killed.

    OUT/
      walks.jsonl            the answers, a line each, in the order in which they were given
      pictures/ID.png        what was seen of each walk
      waiting/N-ID.walk      walks that have finished and are not answered yet
      films.jsonl            films of folders that were read to their end
      hook.json              up to which byte of walks.jsonl the webhook knows them

A walk is on the disk in `waiting` before anything is asked about it, and its line in `walks.jsonl` before anything is said of it. Its id is a hash
of what was seen and when: after a kill a film is read again from its start, and what was answered of it is known by its id.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typing_extensions import TypedDict

from gaitbridge.capture.isolated import pack, unpack
from gaitbridge.documents import parsed
from gaitbridge.errors import StoreError
from gaitbridge.files import sweep, written_whole
from gaitbridge.gallery.locks import append_line

KNOWN = 200_000  # ids that are kept in memory: some 30 MB
REMEDY = "move the folder away, or mend the line"


class Answer(TypedDict):
    """What every line of walks.jsonl holds."""

    id: str


class Film(TypedDict):
    """What every line of films.jsonl holds."""

    film: str
    content: str


class Journal:
    """The journal in a folder, for the one process that holds it (`files.alone`). StoreError where it is damaged or cannot be written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.answers, self._films, self._waiting = folder / "walks.jsonl", folder / "films.jsonl", folder / "waiting"
        for place in (self._waiting, folder / "pictures"):
            _made(place)
            sweep(place)
        for file in (self.answers, self._films):
            _whole_lines(file)
        self._known: dict[str, None] = {}
        for line in _lines(self.answers, Answer):
            self._know(line["id"])
        self.films = {line["content"] for line in _lines(self._films, Film)}
        self._number = max((int(path.name.partition("-")[0]) for path in self._waiting.glob("*.walk")), default=0)

    def _know(self, name: str) -> None:
        self._known[name] = None
        if len(self._known) > KNOWN:
            del self._known[next(iter(self._known))]

    def finished(self, name: str, walk: dict[str, Any]) -> bool:
        """Keep a walk that has finished; False where it is known already. It is on the disk when this returns."""
        if name in self._known or any(self._waiting.glob(f"*-{name}.walk")):
            return False
        self._number += 1
        with written_whole(self._waiting / f"{self._number:012d}-{name}.walk") as temporary:
            temporary.write_bytes(pack(walk))
        return True

    def waiting(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The walks that have finished and are not answered, oldest first. What is answered already, or no walk, is removed."""
        for path in sorted(self._waiting.glob("*.walk")):
            name = path.stem.partition("-")[2]
            try:
                walk = None if name in self._known else unpack(path.read_bytes())
            except ValueError:  # of a disk that lost what it had said to have
                walk = None
            if isinstance(walk, dict):
                yield name, walk
            else:
                path.unlink(missing_ok=True)

    def answered(self, name: str, line: dict[str, Any]) -> None:
        """Keep an answer, and let go of the walk. The answer is on the disk when this returns."""
        _append(self.answers, {"id": name} | line)
        self._know(name)
        for path in self._waiting.glob(f"*-{name}.walk"):
            path.unlink(missing_ok=True)

    def film_done(self, film: str, content: str, **about: Any) -> None:
        """Keep that a film was read to its end; content: a hash of its bytes."""
        _append(self._films, {"film": film, "content": content, **about})
        self.films.add(content)


def _append(file: Path, line: dict[str, Any]) -> None:
    try:
        append_line(file, json.dumps(line, ensure_ascii=False, allow_nan=False))
    except OSError as error:
        raise StoreError(f"cannot write {file}: {error.strerror or error}; free some space, then run again: what was finished is kept") from error


def _made(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot write {folder}: {error.strerror or error}: choose another --out") from error


def _whole_lines(file: Path) -> None:
    """Cut off a last line that a kill left unfinished: it was never said."""
    if not file.is_file():
        return
    with file.open("rb+") as opened:
        end = opened.seek(0, os.SEEK_END)
        while end and _byte(opened, end - 1) != b"\n":
            end -= 1
        opened.truncate(end)


def _byte(opened: Any, place: int) -> bytes:
    opened.seek(place)
    return bytes(opened.read(1))


def _lines(file: Path, shape: Any) -> Iterator[Any]:
    """The documents of a file, one a line, without holding them all."""
    if not file.is_file():
        return
    with file.open(encoding="utf-8", errors="replace") as opened:
        for number, line in enumerate(opened, 1):
            if line.strip():
                yield parsed(line, shape, f"{file}, line {number},", REMEDY)
