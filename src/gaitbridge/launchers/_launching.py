"""What is done around the parts, whoever runs them: which are still to do, how far they are, which failed and what they said."""

import re
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from gaitbridge import plugins
from gaitbridge.errors import StoreError, UserError
from gaitbridge.launchers._errands import PROGRAM, Ended, Errand
from gaitbridge.launchers.processes import count
from gaitbridge.parts import Part, Survey
from gaitbridge.printing import tell
from gaitbridge.progress import Progress, progress

LOOK_S = 5.0  # between two looks at how many items are there
NAMED = 5  # failed parts that get a line each


@dataclass(frozen=True)
class Launch:
    """A command to run in parts. words: its own, without `gaitbridge`; on: where, as `--on` takes it; options: of `--with`; logs: a folder for what
    the parts say; look: what of the work is there by now, None before a first part began; program: as of Errand."""

    words: tuple[str, ...]
    on: str
    parts: int
    options: Mapping[str, str]
    logs: Path
    look: Callable[[], Survey | None]
    program: tuple[str, ...] = PROGRAM


def number_of_parts(on: str, parts: int | None) -> int:
    """How many parts, where it is not said: as many as processes. UserError where that is not known."""
    if parts is not None:
        return parts
    if _engine(on) == "processes":
        return count(on)
    raise UserError(f"--on {on}: say in how many parts with --parts N: several for each machine, and each of some minutes at least")


def launch(work: Launch) -> None:
    """Run all parts that owe something. UserError that names those that failed; the logs stay then."""
    numbers = _owing(work)
    logs = work.logs.absolute()
    errands = [Errand(work.words, number, work.parts, Path.cwd(), logs / f"part-{number:04d}-of-{work.parts:04d}.log", program=work.program)
               for number in numbers]
    engine, failed = plugins.load("gaitbridge.launchers", _engine(work.on)), list[Ended]()
    work.logs.mkdir(parents=True, exist_ok=True)
    title = f"{work.words[0]} on {work.on.partition(':')[0]}"
    with (progress(title, "items") as show, _shown(work, show, len(errands)) as one_more,
          closing(engine.launch(errands, work.on, work.options)) as ending):
        for ended in ending:
            if ended.code != 0:
                failed.append(ended)
                if len(failed) <= NAMED:
                    tell(_named(ended))
            one_more(len(failed))
    if failed:
        names = ", ".join(ended.errand.part for ended in failed[:20]) + (" and more" if len(failed) > 20 else "")
        raise UserError(f"{len(failed)} of {len(errands)} parts failed ({names}): what they said is in {work.logs}; what is done is kept, and the "
                        "same command again does what is missing")
    shutil.rmtree(work.logs)


def _engine(on: str) -> str:
    """The file of a launcher. UserError where there is none."""
    name = re.split(r":", on, maxsplit=1)[0]
    plugins.load("gaitbridge.launchers", name)
    return name


def _owing(work: Launch) -> list[int]:
    """The numbers of the parts that owe something; the first where none does: it checks that what is there is of this command, and merges it."""
    found = work.look()
    if found is None:
        return list(range(1, work.parts + 1))
    names, missing = list(found.work["items"]), set(found.missing)
    return [number for number in range(1, work.parts + 1) if missing.intersection(Part(number, work.parts).share(names))] or [1]


def _named(ended: Ended) -> str:
    """A line of a part that failed."""
    how = "failed" if ended.code is None else f"ended by signal {-ended.code}" if ended.code < 0 else f"ended with code {ended.code}"
    place = f" on {ended.host}" if ended.host else ""
    return f"part {ended.errand.part} {how}{place}: {ended.last or 'it said nothing'} ({ended.errand.log})"


@contextmanager
def _shown(work: Launch, show: Progress, parts: int) -> Iterator[Callable[[int], None]]:
    """Show, within the block, how many items are there; call the value given, with how many failed, for each part that ended."""
    stop, ended, failed = threading.Event(), 0, 0

    def look() -> None:
        note = f"{ended} of {parts} parts ended{f', {failed} failed' if failed else ''}"
        try:
            found = work.look()
        except (StoreError, OSError):  # written in this moment
            return
        if found is not None:
            items = len(found.work["items"])
            show(items - len(found.missing), items, note)

    def beat() -> None:
        while not stop.wait(LOOK_S):
            look()

    def one_more(failures: int) -> None:
        nonlocal ended, failed
        ended, failed = ended + 1, failures

    watching = threading.Thread(target=beat, daemon=True)
    watching.start()
    try:
        yield one_more
    finally:
        stop.set()
        watching.join()
        look()


def read_options(given: Sequence[str]) -> dict[str, str]:
    """Options of `--with NAME=VALUE`. UserError where one is written otherwise, or given twice."""
    options: dict[str, str] = {}
    for word in given:
        name, sign, value = word.partition("=")
        if not (name and sign and value) or name in options:
            raise UserError(f"--with {word}: write NAME=VALUE, each name once, such as --with time=60")
        options[name] = value
    return options
