"""Progress of anything longer than two seconds: a bar on a terminal, a line every few seconds elsewhere, on standard error."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gaitbridge.printing import console, shown, tell

Progress = Callable[[int, int, str], None]  # done, total, note


def silent(done: int, total: int, note: str = "") -> None:
    """A progress that shows nothing."""


def span(seconds: float) -> str:
    """Seconds for people: 42 s, 3 min 05 s, 2 h 10 min."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 1:
        return f"{rest} s"
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


@contextmanager
def progress(title: str, unit: str, every_s: float = 4.0) -> Iterator[Progress]:
    """Within the block, call the value given with (done, total, note); it shows speed and an estimate of the time left.

    Where nothing is counted for a while (a model loads, a cache fills), it says so by itself: nobody waits before a silent screen.
    """
    if sys.stderr.isatty():
        with _bar(title, unit) as show:
            yield show
    else:
        lines = _Lines(title, unit, every_s)
        try:
            yield lines.show
        finally:
            lines.ended.set()


class _Lines:
    """Progress as lines of text, at most one every `every_s` seconds, and about as often while nothing is counted."""

    def __init__(self, title: str, unit: str, every_s: float) -> None:
        self.title, self.unit, self.every_s = title, unit, every_s
        self.started = self.written = time.monotonic()
        self.first: int | None = None  # resumed work does not count as speed
        self.at = (0, 0)
        self.ended, self.lock = threading.Event(), threading.Lock()
        threading.Thread(target=self._beat, daemon=True).start()

    def show(self, done: int, total: int, note: str = "") -> None:
        """Say how far it is, if it is time to."""
        with self.lock:
            begins, now = self.first is None, time.monotonic()
            self.first, self.at = (done if self.first is None else self.first), (done, total)
            if not begins and now - self.written < self.every_s and done < total:
                return
            rate = (done - self.first) / max(now - self.started, 1e-9)
            left = f", {span((total - done) / rate)} left" if rate > 0 and done < total else ""
            took = f", took {span(now - self.started)}" if done >= total else ""
            self._write(f"{done}/{total} {self.unit}{left}{took}{'  ' + note if note else ''}")

    def _beat(self) -> None:
        """Say that it is still at work, when it has been silent for long."""
        while not self.ended.wait(0.5):
            with self.lock:
                if time.monotonic() - self.written >= 1.25 * self.every_s and not self.ended.is_set():
                    done, total = self.at
                    where = f"{done}/{total} {self.unit}" if total else "preparing"
                    self._write(f"{where}, at work for {span(time.monotonic() - self.started)}")

    def _write(self, text: str) -> None:
        self.written = time.monotonic()
        tell(f"{self.title}: {text}")


@contextmanager
def _bar(title: str, unit: str) -> Iterator[Progress]:
    from rich import progress as parts

    def words(text: str) -> parts.TextColumn:
        return parts.TextColumn(text, markup=False)

    columns = (words("{task.description}"), parts.BarColumn(), parts.MofNCompleteColumn(), words(unit), parts.TimeElapsedColumn(), words("left"),
               parts.TimeRemainingColumn(), words("{task.fields[note]}"))
    with parts.Progress(*columns, console=console(errors=True)) as bar:
        task = bar.add_task(shown(title), total=None, note="")

        def show(done: int, total: int, note: str = "") -> None:
            bar.update(task, completed=done, total=total, note=shown(note))

        yield show
