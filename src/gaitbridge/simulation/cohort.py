"""A cohort: people with takes under conditions, rendered to a store, one shard a person, by worker processes that may be stopped.

Everything is a pure function of the config: the same config gives the same bytes with any number of workers, and after any interruption.
"""

import json
import multiprocessing
import os
import signal
from collections.abc import Generator, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

from gaitbridge.errors import StoreError, UserError
from gaitbridge.progress import Progress, silent
from gaitbridge.simulation.sensors.spinning_lidar import open_lidar
from gaitbridge.simulation.settings import CohortConfig
from gaitbridge.simulation.takes import Person, open_body, open_source, plan, render_person
from gaitbridge.store import finish_store, shard_path, write_shard, written_whole

__all__ = ["CohortConfig", "simulate"]

PLAN = ".plan.json"


def _render_shard(store: Path, config: CohortConfig, person: Person, source_name: str) -> str:
    """What a worker process does."""
    write_shard(store, person.name, render_person(config, person, source_name))
    return person.name


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Worker processes started inside use one thread for arithmetic: several of them share the machine, and sums keep their order."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _ignore_interrupt() -> None:
    """Ctrl-C reaches every process of a terminal; only the parent acts on it, and lets each worker finish its shard."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _start(store: Path, config: CohortConfig) -> None:
    """Write the plan, or check that the one in the folder is this one."""
    wanted = {"gaitbridge": version("gaitbridge"), **config.model_dump(mode="json")}
    file = store / PLAN
    if file.is_file():
        try:
            here = json.loads(file.read_text())
        except ValueError as error:
            raise StoreError(f"{file} is damaged: choose another folder, or delete this one") from error
        here = CohortConfig().model_dump(mode="json") | here  # of settings that came after the plan, the default
        if different := sorted(name for name in {*here, *wanted} if here.get(name) != wanted.get(name)):
            raise UserError(f"{store} holds a simulation with another {', '.join(different)}: choose another folder, or delete this one")
        return
    if (store / "store.json").exists() or (store / "shards").exists():
        raise UserError(f"{store} already holds a store that was not simulated here: choose another folder")
    with written_whole(file) as temporary:
        temporary.write_text(json.dumps(wanted, indent=1, sort_keys=True) + "\n")


def simulate(store: Path, config: CohortConfig, workers: int = 1, progress: Progress = silent) -> dict[str, Any]:
    """Render a cohort to a store and return its store.json.

    `workers` processes render one person each at a time; 0 renders in this process. Shards that are there are kept, so an interrupted run
    goes on where it was; another config in the folder raises UserError.
    """
    open_lidar(config.lidar)  # mistakes show before anything is written or waited for
    source = open_source(config.motion)
    people = plan(config, source)
    named = source.people or tuple(person.name for person in people)
    _start(store, config)
    open_body(config.body, config.body_detail)  # a first load fills the body model's cache once, not in each worker
    for left in (store / "shards").glob(".*.part"):  # of workers that were killed
        left.unlink(missing_ok=True)
    todo = [(person, name) for person, name in zip(people, named, strict=True) if not shard_path(store, person.name).is_file()]
    done = len(people) - len(todo)
    progress(done, len(people), "")
    with closing(_rendered(store, config, todo, workers)) as finished:
        for _ in finished:
            done += 1
            progress(done, len(people), "")
    about = {"kind": "simulated", "config": config.model_dump(mode="json"), "motion": source.name, "gaitbridge": version("gaitbridge")}
    return finish_store(store, [person.name for person in people], about)


def _rendered(store: Path, config: CohortConfig, todo: list[tuple[Person, str]], workers: int) -> Generator[str, None, None]:
    """Names of the shards as they are finished."""
    if workers == 0 or not todo:
        for person, name in todo:
            yield _render_shard(store, config, person, name)
        return
    with _one_thread_each():
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(min(workers, len(todo)), mp_context=context, initializer=_ignore_interrupt)
        waiting, running = iter(todo), dict[Future[str], Person]()
        try:
            while True:
                # Only as many as there are workers: what waits inside the pool could not be called back after Ctrl-C.
                for person, name in islice(waiting, workers - len(running)):
                    running[pool.submit(_render_shard, store, config, person, name)] = person
                if not running:
                    return
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    yield _finished(future, running.pop(future), store)
        except BrokenProcessPool as error:
            raise StoreError(
                f"a worker process was killed while rendering to {store} (out of memory?): what is finished is kept, run the same again"
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _finished(future: Future[str], person: Person, store: Path) -> str:
    """The name of a shard, or what went wrong in the worker as one line that says whose shard it was."""
    try:
        return future.result()
    except (UserError, BrokenProcessPool):
        raise
    except Exception as error:
        what = f"rendering {person.name} to {store} failed ({type(error).__name__}: {error})"
        raise UserError(f"{what}: what is finished is kept; please report this") from error
