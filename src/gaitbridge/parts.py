"""Work in parts: any processes, on any machines that see one folder, each do their share of the items; what is there is there, whoever made it.

    PLACE/work.json            what is made: the command, what is needed to merge, and the files of each item, by which an item is there or missing
    PLACE/0003-of-0008.json    who did part 3 of 8 last, how far they came and how it ended; written anew every few seconds while they live
    PLACE/0003-of-0008.lock    locked as long as they live

PLACE is `.parts` in a store, and the hidden folder beside a file that is made in parts. An item is there when its files are: they come to be whole or
not at all, and the same bytes whoever makes them. So a part may run again at any time, twice at once, or under another number of parts.
"""

import json
import os
import re
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from typing_extensions import TypedDict

from gaitbridge.documents import read_document
from gaitbridge.errors import StoreError, UserError
from gaitbridge.files import lives, living, within, write_json
from gaitbridge.progress import Progress, silent

PLACE = ".parts"
BEAT_S = 10.0  # between two signs of life
SILENT_S = 90.0  # without one, a part of another machine is taken for dead
DONE, INTERRUPTED = "done", "interrupted"
AGAIN = "delete it and run any part again"
NAMED = re.compile(r"(\d+)-of-(\d+)\.json")
Item = TypeVar("Item")
State = Literal["done", "at work", "died", "failed", "not begun", "unfinished"]


@dataclass(frozen=True)
class Part:
    """Part `number`, from 1 on, of `of`."""

    number: int
    of: int

    def share(self, items: Sequence[Item]) -> list[Item]:
        """Which of the items are this part's: every `of`-th."""
        return list(items[self.number - 1 :: self.of]) if self.of else []

    def within(self, rank: int, processes: int) -> "Part":
        """What process `rank`, from 0 on, of several does of this part."""
        return Part((self.number - 1) * processes + rank + 1, self.of * processes)

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


WHOLE = Part(1, 1)
NOTHING = Part(0, 0)  # of whoever merges alone


def chosen(given: str | None, environment: Mapping[str, str] | None = None) -> Part | None:
    """The part that a command is to do: as given by --part K/N, or by the task of a SLURM array; None: all, in one piece. UserError of no part."""
    if given is not None:
        words = re.fullmatch(r"([0-9]{1,7})/([0-9]{1,7})", given)
        if not words or not 1 <= int(words[1]) <= int(words[2]):
            raise UserError(f"--part {given!r}: write K/N, part K of N, from 1/N to N/N, such as 3/8")
        return Part(int(words[1]), int(words[2]))
    environment = os.environ if environment is None else environment
    try:
        task, count = int(environment["SLURM_ARRAY_TASK_ID"]), int(environment["SLURM_ARRAY_TASK_COUNT"])
        first, step = int(environment.get("SLURM_ARRAY_TASK_MIN", "0")), int(environment.get("SLURM_ARRAY_TASK_STEP", "1"))
    except KeyError:
        return None
    except ValueError as error:
        raise UserError(f"the variables SLURM_ARRAY_TASK_... hold no numbers ({error}): say which part with --part K/N") from error
    number, odd = divmod(task - first, max(step, 1))
    if odd or not 0 <= number < count:
        raise UserError(f"task {task} of a SLURM array of {count} tasks from {first} on, by {step}: it has gaps, so say which part with --part K/N")
    return Part(number + 1, count)


class Work(TypedDict):
    """What is made in parts. items: the files of each, within the base; result: the file that is there when all is merged; what: items in a word."""

    command: str
    what: str
    items: dict[str, list[str]]
    result: str
    merging: dict[str, Any]


class Record(TypedDict):
    """What became of a part, as whoever did it last wrote it. ended: empty as long as it lives, then `done`, `interrupted`, or the error's words."""

    part: int
    of: int
    host: str
    process: int
    job: str
    began: str
    seconds: float
    done: int
    items: int
    ended: str


class Doing:
    """A part that is being done, by this process."""

    def __init__(self, place: Path, base: Path, work: Work, part: Part, others: bool, progress: Progress) -> None:
        self.place, self.base, self.work, self.part, self._show = place, base, work, part, progress
        self.mine = part.share(list(work["items"]))
        self.backwards = others  # somebody does this part already: from the other end there is something left to help with
        self._began, self._clock = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), time.monotonic()
        self._done, self._ended = 0, threading.Event()
        self.write("")

    def there(self, name: str) -> bool:
        """Whether an item is there."""
        return _there(self.base, self.work, name)

    def in_order(self) -> list[str]:
        """All items of this part, in the order to look at them in."""
        return self.mine[::-1] if self.backwards else self.mine

    def todo(self) -> list[str]:
        """The items of this part that are missing, in the order to make them in."""
        left = [name for name in self.in_order() if not self.there(name)]
        self.count(len(self.mine) - len(left))
        return left

    def missing(self) -> list[str]:
        """All that is missing, whoever's it is."""
        return [name for name in self.work["items"] if not self.there(name)]

    def count(self, done: int, note: str = "") -> None:
        """So many items of this part are there."""
        self._done = done
        self._show(done, len(self.mine), note)

    def following(self, progress: Progress) -> Progress:
        """A progress that goes on record, too."""

        def show(done: int, total: int, note: str = "") -> None:
            self._done = done
            progress(done, total, note)

        return show

    def one_more(self, note: str = "") -> None:
        """One more is there."""
        self.count(self._done + 1, note)

    def write(self, ended: str) -> None:
        """The record; ended: as of Record."""
        seconds = round(time.monotonic() - self._clock, 3)
        job = os.environ.get("SLURM_JOB_ID", "")
        record = Record(part=self.part.number, of=self.part.of, host=socket.gethostname(), process=os.getpid(), job=job, began=self._began,
                        seconds=seconds, done=self._done, items=len(self.mine), ended=ended)
        write_json(record, _record(self.place, self.part))

    def beat(self) -> None:
        """Give signs of life until the part has ended."""
        while not self._ended.wait(BEAT_S):
            with suppress(StoreError):  # a full disk: the work itself will meet it, and say so
                self.write("")

    def end(self) -> None:
        """No further sign of life."""
        self._ended.set()


@contextmanager
def doing(place: Path, base: Path, work: Work, part: Part, progress: Progress = silent) -> Iterator[Doing]:
    """Do a part within the block: it is on record who does it, as long as they live, and how it ended. base: the folder that holds the items."""
    file, work = place / "work.json", json.loads(json.dumps(work))  # as it will be read
    if not file.is_file() or read_work(place) != work:
        write_json(work, file)
    with living(_lock(place, part)) as others:
        done = Doing(place, base, work, part, others, progress)
        beating = threading.Thread(target=done.beat, daemon=True)
        beating.start()
        try:
            yield done
        except BaseException as error:
            _stop(done, beating)
            with suppress(StoreError):  # what went wrong is more than that it cannot be noted
                done.write(str(error)[:500] or INTERRUPTED)
            raise
        _stop(done, beating)
        done.write(DONE)


def _stop(done: Doing, beating: threading.Thread) -> None:
    done.end()
    beating.join()


def read_work(place: Path) -> Work:
    """What is made in parts; StoreError where that is damaged."""
    return read_document(place / "work.json", Work, AGAIN)


@dataclass(frozen=True)
class PartState:
    """What became of a part: its state, the items that it owes, and the record that it left."""

    part: Part
    state: State
    owes: tuple[str, ...]
    record: Record | None

    def in_words(self) -> str:
        """One line: who did it, how far they came, what became of them."""
        if self.record is None:
            return f"part {self.part} {self.state}, {len(self.owes)} missing"
        record = self.record
        who = f"on {record['host']} (process {record['process']}{', job ' + record['job'] if record['job'] else ''})"
        how = f": {record['ended']}" if self.state == "failed" else ""
        return (f"part {self.part} {self.state} {who} at {record['done']} of {record['items']}, {record['seconds']:.0f} s after {record['began']}, "
                f"{len(self.owes)} missing{how}")


@dataclass(frozen=True)
class Survey:
    """What there is of a work in parts. parts: those of every number of parts that was tried; merged: whether the result is there."""

    work: Work
    missing: tuple[str, ...]
    parts: tuple[PartState, ...]
    merged: bool

    def of(self, state: State) -> list[PartState]:
        """The parts in a state."""
        return [one for one in self.parts if one.state == state]


def survey(place: Path, base: Path) -> Survey:
    """Look at what is there. StoreError where a document is damaged."""
    work = read_work(place)
    names = list(work["items"])
    there = {name: _there(base, work, name) for name in names}
    records = {found.group(): (int(found.group(1)), int(found.group(2))) for path in place.iterdir() if (found := NAMED.fullmatch(path.name))}
    states = [_state(place, Part(number, of), names, there) for of in sorted({of for _, of in records.values()}) for number in range(1, of + 1)]
    missing = tuple(name for name in names if not there[name])
    return Survey(work, missing, tuple(states), (base / work["result"]).is_file())


def _state(place: Path, part: Part, names: Sequence[str], there: Mapping[str, bool]) -> PartState:
    owes, path = tuple(name for name in part.share(names) if not there[name]), _record(place, part)
    record = read_document(path, Record, AGAIN) if path.is_file() else None
    if not owes:
        return PartState(part, "done", owes, record)
    if record is None:
        return PartState(part, "not begun", owes, None)
    if record["ended"]:
        state: State = "unfinished" if record["ended"] in (DONE, INTERRUPTED) else "failed"
        return PartState(part, state, owes, record)
    heard = time.time() - path.stat().st_mtime < SILENT_S
    alive = lives(_lock(place, part))
    if alive is None or record["host"] != socket.gethostname():  # locks may be of one machine alone
        alive = bool(alive) or heard
    return PartState(part, "at work" if alive else "died", owes, record)


def _there(base: Path, work: Work, name: str) -> bool:
    return all(within(base, file).is_file() for file in work["items"][name])


def _record(place: Path, part: Part) -> Path:
    return place / f"{part.number:04d}-of-{part.of:04d}.json"


def _lock(place: Path, part: Part) -> Path:
    return _record(place, part).with_suffix(".lock")
