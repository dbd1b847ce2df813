"""Work beside the requests: a thread for each module in `background/`. What fails is tried again, and makes the service's health say so."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gaitbridge import plugins
from gaitbridge.errors import words_of
from gaitbridge.printing import tell
from gaitbridge.service.state import State

PLACE = "gaitbridge.service.background"
AGAIN_S = 5.0
PATIENCE_S = 20.0  # for what is being done when the service ends; what takes longer is done again at its next start

Work = Callable[[State, threading.Event], None]


@contextmanager
def workers_beside(state: State) -> Iterator[None]:
    """Run all of `background/` within the block."""
    stop = threading.Event()
    threads = [threading.Thread(target=_kept_going, args=(name, plugins.load(PLACE, name).run, state, stop), name=name, daemon=True)
               for name in plugins.names(PLACE)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(PATIENCE_S)


def _kept_going(name: str, work: Work, state: State, stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            work(state, stop)
        except Exception as error:  # whatever it was: the service goes on, says so in its health, and tries again
            state.failing[name] = words_of(error)
            state.metrics.failures.labels(name).inc()
            tell(f"{name}: {type(error).__name__}: {words_of(error)}; tried again in {AGAIN_S:g} s")
            stop.wait(AGAIN_S)
