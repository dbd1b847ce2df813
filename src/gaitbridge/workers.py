"""Worker processes that may be stopped: each finishes what it has begun, and what is finished is kept."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from typing import TypeVar

from gaitbridge.errors import Fault, StoreError, UserError

Result = TypeVar("Result")
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Worker processes started inside use one thread for arithmetic: several of them share the machine, and sums keep their order."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _ignore_interrupt() -> None:
    """Ctrl-C reaches every process of a terminal; only the parent acts on it, and lets each worker finish what it has begun."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def each(
    work: Callable[..., Result], todo: Sequence[tuple[object, ...]], workers: int, *, what: Callable[..., str], killed: str
) -> Generator[Result, None, None]:
    """`work(*arguments)` for each of `todo`, in `workers` spawned processes (0: in this one), as they are finished.

    UserErrors of the work pass; anything else in a worker becomes one that says `what(*arguments)` failed. A worker that is killed is a
    StoreError with the words `killed`. When the generator is closed, the running ones are waited for and no other is begun.
    """
    if workers == 0 or not todo:
        for arguments in todo:
            yield work(*arguments)
        return
    with _one_thread_each():
        pool = ProcessPoolExecutor(min(workers, len(todo)), mp_context=multiprocessing.get_context("spawn"), initializer=_ignore_interrupt)
        waiting, running = iter(todo), dict[Future[Result], tuple[object, ...]]()
        try:
            while True:
                # Only as many as there are workers: what waits inside the pool could not be called back after Ctrl-C.
                for arguments in islice(waiting, workers - len(running)):
                    running[pool.submit(work, *arguments)] = arguments
                if not running:
                    return
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    yield finished(future, what(*running.pop(future)))
        except BrokenProcessPool as error:
            raise StoreError(killed) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def finished(future: Future[Result], what: str) -> Result:
    """What a worker gave, or what went wrong in it as one line that says what it was at, such as: rendering p0007."""
    try:
        return future.result()
    except (UserError, BrokenProcessPool):
        raise
    except Exception as error:
        raise Fault(f"{what} failed ({type(error).__name__}: {error}): what is finished is kept; report this, with what --debug prints") from error
