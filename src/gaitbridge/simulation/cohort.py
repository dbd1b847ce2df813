"""A cohort: people with takes under conditions, rendered to a store, one shard a person, by worker processes that may be stopped.

Everything is a pure function of the config: the same config gives the same bytes with any number of workers, and after any interruption.
"""

from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import Any

from gaitbridge.files import alone, sweep
from gaitbridge.progress import Progress, silent
from gaitbridge.simulation.sensors.spinning_lidar import open_lidar
from gaitbridge.simulation.settings import VERSION_1, CohortConfig
from gaitbridge.simulation.takes import Person, open_body, open_source, plan, render_person
from gaitbridge.store import finish_store, shard_path, write_shard
from gaitbridge.store_plans import begin
from gaitbridge.workers import each

__all__ = ["CohortConfig", "simulate"]

PLAN = ".plan.json"


def _render_shard(store: Path, config: CohortConfig, person: Person, source_name: str) -> str:
    """What a worker process does."""
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
    open_lidar(config.lidar)  # mistakes show before anything is written or waited for
    source = open_source(config.motion)
    people = plan(config, source)
    named = source.people or tuple(person.name for person in people)
    with alone(store):
        _start(store, config)
        open_body(config.body, config.body_detail)  # a first load fills the body model's cache once, not in each worker
        sweep(store / "shards")  # of workers that were killed: none stands in the way of room
        todo = [(store, config, person, name) for person, name in zip(people, named, strict=True) if not shard_path(store, person.name).is_file()]
        done = len(people) - len(todo)
        progress(done, len(people), "")
        killed = f"a worker process was killed while rendering to {store} (out of memory?): what is finished is kept, run the same again"
        with closing(each(_render_shard, todo, workers, what=_what, killed=killed)) as finished:
            for _ in finished:
                done += 1
                progress(done, len(people), "")
        about = {"kind": "simulated", "config": config.model_dump(mode="json"), "motion": source.name, "gaitbridge": version("gaitbridge")}
        return finish_store(store, [person.name for person in people], about)
