"""A cohort: people with takes under conditions, rendered to a store, one shard a person, by worker processes that may be stopped.

Everything is a pure function of the config: the same config gives the same bytes with any number of workers, and after any interruption.
"""

from collections.abc import Generator, Iterable, Mapping
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import Any

from gaitbridge.files import alone, sweep
from gaitbridge.parts import PLACE, Part, doing
from gaitbridge.progress import Progress, silent
from gaitbridge.simulation.sensors.spinning_lidar import open_lidar
from gaitbridge.simulation.settings import VERSION_1, CohortConfig
from gaitbridge.simulation.takes import Person, open_body, open_source, plan, render_person
from gaitbridge.store import finish_store, shard_path, write_shard
from gaitbridge.store_parts import merge_store, store_work
from gaitbridge.store_plans import begin
from gaitbridge.workers import each

__all__ = ["CohortConfig", "simulate", "simulate_part"]

PLAN = ".plan.json"


def _render_shard(store: Path, config: CohortConfig, person: Person, source_name: str) -> str:
    """What a worker process does; another may have done it meanwhile."""
    if not shard_path(store, person.name).is_file():
        write_shard(store, person.name, render_person(config, person, source_name))
    return person.name


def _what(store: Path, config: CohortConfig, person: Person, source_name: str) -> str:
    """A worker's task in words."""
    return f"rendering {person.name} to {store}"


def _start(store: Path, config: CohortConfig) -> None:
    """Write the plan, or check that the one in the folder is this one."""
    plan = {"gaitbridge": version("gaitbridge"), **config.model_dump(mode="json")}
    begin(store, store / PLAN, plan, "a simulation", "simulated", CohortConfig(**VERSION_1).model_dump(mode="json"))


def simulate(store: Path, config: CohortConfig, workers: int = 1, progress: Progress = silent) -> dict[str, Any]:
    """Render a cohort to a store and return its store.json.

    `workers` processes render one person each at a time; 0 renders in this process. Shards that are there are kept, so an interrupted run
    goes on where it was; another config in the folder raises UserError.
    """
    cohort = _Cohort(store, config)
    with alone(store):
        _start(store, config)
        todo = [name for name in cohort.names if not shard_path(store, name).is_file()]
        done = len(cohort.names) - len(todo)
        progress(done, len(cohort.names), "")
        with closing(cohort.rendered(todo, workers)) as rendered:
            for _ in rendered:
                done += 1
                progress(done, len(cohort.names), "")
        return finish_store(store, cohort.names, cohort.about())


def simulate_part(store: Path, config: CohortConfig, part: Part, workers: int = 1, progress: Progress = silent, command: str = "simulate",
                  more: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
    """Render one part of a cohort; store.json where nothing is missing then, None where other parts are.

    Parts may run at the same time and in any order; a part that is done costs nothing. command, more: of a work that makes a cohort, for whoever
    merges it; else as `simulate`.
    """
    cohort = _Cohort(store, config)
    with alone(store, together=True):
        _start(store, config)
        work = store_work(command, "people", cohort.names, {"about": cohort.about(), **(more or {})})
        with doing(store / PLACE, store, work, part, progress) as done, closing(cohort.rendered(done.todo(), workers)) as rendered:
            for _ in rendered:
                done.one_more()
            return None if done.missing() else merge_store(store, work)


class _Cohort:
    """A cohort that is to be rendered to a store. Mistakes show here, before anything is written or waited for."""

    def __init__(self, store: Path, config: CohortConfig) -> None:
        open_lidar(config.lidar)
        self.store, self.config, self.source = store, config, open_source(config.motion)
        self.people = {person.name: person for person in plan(config, self.source)}
        self.names = list(self.people)
        self.named = dict(zip(self.names, self.source.people or self.names, strict=True))

    def about(self) -> dict[str, Any]:
        """What the store says of how it was made."""
        return {"kind": "simulated", "config": self.config.model_dump(mode="json"), "motion": self.source.name, "gaitbridge": version("gaitbridge")}

    def rendered(self, todo: Iterable[str], workers: int) -> Generator[str, None, None]:
        """Render these people, and give each one's name when they are done."""
        tasks = [(self.store, self.config, self.people[name], self.named[name]) for name in todo]
        if not tasks:
            return
        open_body(self.config.body, self.config.body_detail)  # a first load fills the body model's cache once, not in each worker
        sweep(self.store / "shards")  # of workers that were killed: none stands in the way of room
        killed = f"a worker process was killed while rendering to {self.store} (out of memory?): what is finished is kept, run the same again"
        with closing(each(_render_shard, tasks, workers, what=_what, killed=killed)) as finished:
            yield from finished
