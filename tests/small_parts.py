"""Launches of a long command in small (`part_program.py`), and what became of them."""

import time
from collections.abc import Callable
from pathlib import Path

from gaitbridge.launchers._errands import Errand
from gaitbridge.launchers._launching import Launch
from gaitbridge.parts import Survey

PROGRAM = ("-P", str(Path(__file__).with_name("part_program.py")))


def begun() -> Survey | None:
    """What is there of a work that nobody has begun."""
    return None


def work(folder: Path, on: str = "processes:2", parts: int = 3, bad: str = "", slow: str = "", look: Callable[[], Survey | None] = begun,
         options: dict[str, str] | None = None) -> Launch:
    return Launch((str(folder), bad, slow), on, parts, options or {}, folder / "logs", look, PROGRAM)


def errand(folder: Path, number: int, of: int, slow: str = "") -> Errand:
    return Errand((str(folder), "", slow), number, of, folder, folder / f"{number}.log", program=PROGRAM)


def done(folder: Path) -> dict[str, str]:
    return {path.stem: path.read_text() for path in folder.glob("*.done")}


def until(true: Callable[[], bool], seconds: float = 30) -> bool:
    """Whether it comes true within so many seconds."""
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.02)
    return true()
