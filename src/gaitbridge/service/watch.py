"""Sources watched until somebody ends it: each finished walk is kept, asked about, answered in a line, and posted.

    reading processes ---> a thread a source ---> waiting/ ---> this thread: embed, ask the gallery ---> walks.jsonl ---> standard output
    (capture.video.live)   (watching)             (journal)     (answering)                                          '--> webhook, a thread

Memory is bounded: what waits to be answered waits on the disk.
"""

import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from gaitbridge.capture.video.sources import Source
from gaitbridge.errors import UserError
from gaitbridge.files import alone, written_whole
from gaitbridge.printing import tell
from gaitbridge.service.answering import walk_id
from gaitbridge.service.at_once import against
from gaitbridge.service.journal import Journal
from gaitbridge.service.pictures import png, walk_picture
from gaitbridge.service.watching import Films, Options, Watcher
from gaitbridge.service.webhook import FileLines, Webhook

TURN_S = 0.5
NAMED = 1000  # answers with a name that are remembered, since nobody walks twice at once
GRACE_S = 10.0  # beyond the time after which a read is given up


class Answers(Protocol):
    """What asks a gallery about a walk: `answering.Answerer`."""

    def answer(self, walk: dict[str, Any]) -> dict[str, Any]:
        """The answer's line, but its id and its picture."""


def watch(
    sources: Sequence[Source], answerer: Answers, out: Path, options: Options, say: Callable[[dict[str, Any]], None], webhook: str = ""
) -> None:
    """Watch until all sources have ended, or a signal asks to end; then what has begun is finished and answered.

    say: is given each answer. UserError where a source cannot be watched (what the others showed is answered), or the disk is full.
    """
    with alone(out):
        journal = Journal(out)
        if not webhook:
            _Watch(sources, answerer, journal, options, say, None).run()
            return
        with Webhook(webhook, FileLines(journal.answers), out / "hook.json") as hook:
            _Watch(sources, answerer, journal, options, say, hook).run()


class _Watch:
    def __init__(self, sources: Sequence[Source], answerer: Answers, journal: Journal, options: Options, say: Callable[[dict[str, Any]], None],
                 hook: Webhook | None) -> None:
        self.answerer, self.journal, self.options, self.say, self.hook = answerer, journal, options, say, hook
        self.lock, self.wake = threading.Lock(), threading.Event()
        self.named: deque[dict[str, Any]] = deque(maxlen=NAMED)
        films = Films(lambda: journal.films, self._film_done)
        self.watchers = [Watcher(source, options, self._took, films) for source in sources]

    def run(self) -> None:
        """See `watch`."""
        with _signals(self._stop) as asked:
            try:
                for watcher in self.watchers:
                    watcher.start()
                self._answer_all()
            finally:
                self._kill()
        if asked:
            signal.raise_signal(asked[0])  # to whoever handled it before
        for watcher in self.watchers:
            if watcher.failed is not None:
                raise watcher.failed

    def _answer_all(self) -> None:
        told: set[Watcher] = set()
        while True:
            living = [watcher for watcher in self.watchers if watcher.is_alive()]
            self.wake.clear()
            for name, walk in self.journal.waiting():
                self._answer(name, walk)
            for watcher in self.watchers:
                if watcher.failed is not None and watcher not in told and len(self.watchers) > 1:
                    tell(f"{watcher.source.name}: {watcher.failed}; the others go on")
                    told.add(watcher)
            if self.hook is not None and self.hook.broken is not None:
                raise self.hook.broken
            if not living:  # seen before the last look
                return
            self.wake.wait(TURN_S)

    def _stop(self) -> None:
        tell("ending: what has begun is finished and answered; once more ends it at once")
        for watcher in self.watchers:
            watcher.stop()
        killer = threading.Timer(self.options.stall_s + GRACE_S, self._kill)
        killer.daemon = True
        killer.start()
        self.wake.set()

    def _kill(self) -> None:
        for watcher in self.watchers:
            watcher.stop()
            watcher.kill()

    def _took(self, source: Source, film: str, walk: dict[str, Any]) -> None:
        """Called by the threads of sources."""
        walk = walk | {"source": source.name, "film": film, "live": source.live}
        name = walk_id(walk, source.name if source.live else "")
        with self.lock:
            self.journal.finished(name, walk)
        self.wake.set()

    def _film_done(self, film: str, content: str, counts: dict[str, Any]) -> None:
        with self.lock:
            self.journal.film_done(film, content, read=datetime.now(UTC).isoformat(timespec="seconds"), **counts)

    def _answer(self, name: str, walk: dict[str, Any]) -> None:
        picture = f"pictures/{name}.png"
        silhouettes = np.concatenate([walk["track"]["silhouette"][run] for run in walk["track"]["runs"]])
        answer = against(self.answerer.answer(walk), self.named)
        if answer["decision"] is not None:
            self.named.append(answer)
        line = answer | {"picture": picture, "answered": datetime.now(UTC).isoformat(timespec="milliseconds")}
        with written_whole(self.journal.folder / picture) as temporary:
            temporary.write_bytes(png(walk_picture(walk["shot"], silhouettes)))
        with self.lock:
            self.journal.answered(name, line)
        self.say({"id": name} | line)
        if self.hook is not None:
            self.hook.tell()


@contextmanager
def _signals(stop: Callable[[], None]) -> Iterator[list[int]]:
    """Within the block the first Ctrl-C or SIGTERM calls `stop`, the second does what it did before; gives the list of those that came."""
    came: list[int] = []
    before: dict[int, Any] = {}

    def handle(number: int, frame: object) -> None:
        came.append(number)
        for one, handler in before.items():
            signal.signal(one, handler)
        stop()

    if threading.current_thread() is not threading.main_thread():
        yield came
        return
    before |= {one: signal.signal(one, handle) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield came
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def check(sources: Sequence[Source]) -> None:
    """UserError where a source is named twice, or nothing is."""
    if not sources:
        raise UserError("name what to watch: an rtsp:// or http:// stream, a camera such as /dev/video0, a folder, a film, or - for standard input")
    places = [source.place for source in sources]
    if len(set(places)) < len(places):
        raise UserError("a source is named twice: name each once")
