"""Progress of anything longer than two seconds: a bar on a terminal, a line every few seconds elsewhere, on standard error."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

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
    """Within the block, call the value given with (done, total, note); it shows speed and an estimate of the time left."""
    if sys.stderr.isatty():
        with _bar(title, unit) as show:
            yield show
    else:
        yield _lines(title, unit, every_s)


def _lines(title: str, unit: str, every_s: float) -> Progress:
    started, before = time.monotonic(), [-1e9, -1.0]  # when and at how many the last line was written; the first call sets the start

    def show(done: int, total: int, note: str = "") -> None:
        now = time.monotonic()
        if before[1] < 0:
            before[1] = done  # resumed work does not count as speed
        if now - before[0] < every_s and done < total:
            return
        before[0] = now
        rate = (done - before[1]) / max(now - started, 1e-9)
        left = f", {span((total - done) / rate)} left" if rate > 0 and done < total else ""
        took = f", took {span(now - started)}" if done >= total else ""
        print(f"{title}: {done}/{total} {unit}{left}{took}{'  ' + note if note else ''}", file=sys.stderr, flush=True)

    return show


@contextmanager
def _bar(title: str, unit: str) -> Iterator[Progress]:
    from rich import progress as parts
    from rich.console import Console

    columns = (parts.TextColumn("{task.description}"), parts.BarColumn(), parts.MofNCompleteColumn(), parts.TextColumn(unit),
               parts.TimeElapsedColumn(), parts.TextColumn("left"), parts.TimeRemainingColumn(), parts.TextColumn("{task.fields[note]}"))
    with parts.Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(title, total=None, note="")

        def show(done: int, total: int, note: str = "") -> None:
            bar.update(task, completed=done, total=total, note=note)

        yield show
