"""What a campaign is: a module of this folder that does something bad many times and tells what became of it.

    SHORT, LONG: int                                                        runs in the suite, and by `make campaigns`
    def campaign(count: int, seed: int, folder: Path) -> list[Failure]      `count` runs, in an empty folder; an empty list where all went well

Every module here is one, but for this one, the tests and names that begin with an underscore. Same count and seed, same runs, as far as kills by
the clock allow. Nothing is sent to the terminal: what is to be known stands in the failures.
"""

import importlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
from damaged import damaged

from gaitbridge.capture.isolated import report, run_isolated
from gaitbridge.errors import UserError

HERE = Path(__file__).parent
APART = {"contract"}


@dataclass(frozen=True)
class Failure:
    """One run that went wrong."""

    kind: str  # a word or two, by which failures are counted: traceback, several lines, crash or hang, left over, lost, ...
    case: str  # which run it was, so that it can be found again: file, damage and seed, or the kill's place
    said: str = ""  # what happened, in one line


def names() -> list[str]:
    """The campaigns there are."""
    return sorted(file.stem for file in HERE.glob("*.py") if file.stem not in APART and not file.stem.startswith(("_", "test_")))


def opened(name: str) -> ModuleType:
    """The module of a campaign."""
    return importlib.import_module(f"campaigns.{name}")


def mutations(read: Callable[[Path], object], file: Path, count: int, seed: int, place: Path | None = None, *, seconds: float = 30.0,
              megabytes: float = 3000.0) -> list[Failure]:
    """`read(place)` (by default the file itself) after each of `count` damages of a good file: right is that it reads, or one line of a UserError.

    read: of the top level of a module, for it is called in a process of its own: a crash or a hang costs one damage. It returns what it likes, and
    may raise AssertionError of its own where what it read is nonsense. seconds, megabytes: what one damage may take. The file is whole afterwards.
    """
    return all_mutations([(read, file, place or file, count)], seed, seconds=seconds, megabytes=megabytes)


def all_mutations(files: Sequence[tuple[Callable[[Path], object], Path, Path, int]], seed: int, *, seconds: float = 30.0,
                  megabytes: float = 3000.0) -> list[Failure]:
    """As `mutations`, of many files (read, file, place, count) one after another in one process, which saves its start for each."""
    whole = {file: file.read_bytes() for _, file, _, _ in files}
    asked = [(f"{read.__module__}:{read.__qualname__}", file, place, number) for read, file, place, count in files for number in range(count)]
    found, first = list[Failure](), 0

    def case(at: int) -> str:
        name, file, _, number = asked[at]
        return f"{name.rpartition(':')[2]}, damage {number} of seed {seed} to {file.name}"

    def told(done: int, total: int, note: str) -> None:
        nonlocal first
        if note:
            kind, said = json.loads(note)
            found.append(Failure(kind, case(done - 1), said))
        first = done

    def mend() -> None:
        for file, content in whole.items():
            file.write_bytes(content)

    try:
        while first < len(asked):
            try:
                run_isolated(_told, "damaged files", asked, first, seed, seconds=seconds, megabytes=megabytes, progress=told)
            except UserError as error:
                found.append(Failure("crash or hang", case(first), str(error)))
                first += 1
            finally:
                mend()
    finally:
        mend()
    return found


def _told(what: str, asked: Sequence[tuple[str, Path, Path, int]], first: int, seed: int) -> None:
    """In a process of its own: damage and read, from `first` on; each is reported when it is over."""
    for at in range(first, len(asked)):
        name, file, place, number = asked[at]
        module, _, function = name.partition(":")
        read = getattr(importlib.import_module(module), function)
        whole = file.read_bytes()
        file.write_bytes(damaged(whole, np.random.default_rng([seed, number])))
        try:
            wrong = _wrong(read, place)
        finally:
            file.write_bytes(whole)
        report(at + 1, len(asked), json.dumps(wrong) if wrong else "")


def _wrong(read: Callable[[Path], object], place: Path) -> tuple[str, str] | None:
    """What is wrong with what reading a damaged file came to: kind and words; None where nothing is."""
    try:
        read(place)
    except UserError as error:
        return ("several lines", " ".join(str(error).split())[:300]) if "\n" in str(error) else None
    except MemoryError:
        return "memory", "MemoryError"
    except BaseException as error:
        return "traceback", f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
    return None


def timed(name: str, count: int | None, seed: int, folder: Path) -> tuple[int, float, list[Failure]]:
    """Runs, seconds and failures of one campaign; `count` None: its LONG."""
    module, started = opened(name), time.monotonic()
    runs = module.LONG if count is None else count
    folder.mkdir(parents=True)
    failures = module.campaign(runs, seed, folder)
    return runs, time.monotonic() - started, failures


def shares(count: int, parts: int) -> Iterator[int]:
    """`count` runs spread over `parts` kinds of input, as evenly as they go, none without one where there are enough."""
    for number in range(parts):
        yield count * (number + 1) // parts - count * number // parts
