"""A cohort: people with takes under conditions, rendered to a store, one shard a person, by worker processes that may be stopped.

Everything is a pure function of the config: the same config gives the same bytes with any number of workers, and after any interruption.
"""

import json
import multiprocessing
import os
import re
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path as File
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from gaitbridge import plugins
from gaitbridge.conventions import CONDITIONS, SPLITS, stream
from gaitbridge.errors import StoreError, UserError, nearest
from gaitbridge.simulation.body import Body
from gaitbridge.simulation.motion import MotionSource
from gaitbridge.simulation.path import Path
from gaitbridge.simulation.render import EXTRAS, Sensors, render_take
from gaitbridge.simulation.scene import VIEWS, Mounting, paired_times, put_up, view_angle_of
from gaitbridge.simulation.sensors.silhouette_camera import SilhouetteCamera
from gaitbridge.simulation.sensors.spinning_lidar import open_lidar
from gaitbridge.simulation.walker import Walker
from gaitbridge.store import finish_store, shard_path, write_shard, written_whole
from gaitbridge.types import Labels, Sequence

Limits = tuple[float, float]
PLAN = ".plan.json"
LICENCE = "CC0-1.0 (simulated)"
SETTLE_S = 1.2  # generated walks are recorded from this time on, so that what hangs has a past


class CohortConfig(BaseModel):
    """All that decides a simulated store. The defaults are the demonstration: 60 + 12 + 50 people, 3 takes, 8 views."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = 0
    people: dict[str, int] = Field(default={"train": 60, "val": 12, "test": 50}, description="How many of each split; identities are disjoint.")
    captured_split: Literal["train", "val", "test"] = Field(default="test", description="Where people of a captured motion source go.")
    takes: tuple[tuple[str, ...], ...] = Field(
        default=(("normal",), ("normal",), ("bag", "clothing")), description="For each take the conditions it is drawn from."
    )
    views: tuple[str, ...] = VIEWS
    frames: int = Field(default=20, ge=1, le=2000)
    motion: str = Field(default="parametric", description="A motion source and its argument, such as bvh:DIR.")
    body: str = "anny"
    body_detail: str = "reduced"
    shape: Literal["person", "shared"] = Field(default="person", description="Each person's own body, or one body for all.")
    lidar: str = "velodyne-vls128"
    camera_hz: float = Field(default=30.0, gt=0)
    lidar_hz: float = Field(default=10.0, gt=0)
    distance_m: Limits = (6.0, 14.0)
    near_m: Limits = (5.0, 6.0)
    far_m: Limits = (15.0, 25.0)
    camera_height_m: Limits = (1.5, 3.5)
    lidar_height_m: Limits = (1.5, 3.0)
    sensor_baseline_m: Limits = Field(default=(0.2, 0.5), description="From camera to LiDAR, drawn for each station.")
    curved_share: float = Field(default=0.5, ge=0, le=1, description="Share of takes on a gently curved path.")
    curve_radius_m: Limits = (8.0, 25.0)
    segmentation_error: float = Field(default=1.0, ge=0, description="0: clean silhouettes, 1: as real pipelines make them.")
    lidar_noise: bool = True
    truth: bool = Field(default=True, description="Keep joints, markers, pose and shape.")
    extras: tuple[str, ...] = Field(default=(), description=f"Keep also any of {', '.join(EXTRAS)}.")

    @field_validator("people")
    @classmethod
    def _splits(cls, people: dict[str, int]) -> dict[str, int]:
        for split, count in people.items():
            if split not in SPLITS:
                raise ValueError(f"unknown split {split!r}: {nearest(split, SPLITS)}")
            if count < 0:
                raise ValueError(f"{split} cannot have {count} people")
        return people

    @field_validator("takes")
    @classmethod
    def _conditions(cls, takes: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
        for choice in takes:
            for condition in choice:
                if condition not in CONDITIONS:
                    raise ValueError(f"unknown condition {condition!r}: {nearest(condition, CONDITIONS)}")
        if not takes or not all(takes):
            raise ValueError("at least one take, each with at least one condition")
        return takes

    @field_validator("views")
    @classmethod
    def _views(cls, views: tuple[str, ...]) -> tuple[str, ...]:
        for view in views:
            try:
                view_angle_of(view)
            except UserError as error:
                raise ValueError(str(error)) from error
        if not views or len(set(views)) != len(views):
            raise ValueError("at least one view, and each once")
        return views

    @field_validator("extras")
    @classmethod
    def _extras(cls, extras: tuple[str, ...]) -> tuple[str, ...]:
        for name in extras:
            if name not in EXTRAS:
                raise ValueError(f"unknown extra {name!r}: {nearest(name, EXTRAS)}")
        return extras

    @field_validator("distance_m", "near_m", "far_m", "camera_height_m", "lidar_height_m", "sensor_baseline_m", "curve_radius_m")
    @classmethod
    def _limits(cls, limits: Limits) -> Limits:
        if not 0 <= limits[0] <= limits[1]:
            raise ValueError(f"from {limits[0]} to {limits[1]} m is no range of lengths")
        return limits


def checked_config(**values: Any) -> CohortConfig:
    """A config from keyword arguments; UserError in one line where one is wrong."""
    try:
        return CohortConfig(**values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or "config"
        if first["type"] == "extra_forbidden":
            raise UserError(f"unknown simulation setting {name!r}: {nearest(name, CohortConfig.model_fields)}") from error
        raise UserError(f"simulation setting {name}: {first['msg'].removeprefix('Value error, ')}") from error


@dataclass(frozen=True)
class Person:
    """One person of the plan: name, also of the shard; split; the condition of each take and its number within that condition."""

    name: str
    split: str
    takes: tuple[tuple[str, int], ...]


def plan(config: CohortConfig, source: MotionSource) -> list[Person]:
    """Everybody of the cohort, in order. Captured people have as many takes as they were captured in, if fewer are asked for."""
    if source.people is None:
        names = [(f"p{number:04d}", split) for number, split in enumerate(split for split in SPLITS for _ in range(config.people.get(split, 0)))]
    else:
        names = [(re.sub(r"[^A-Za-z0-9_.-]", "_", name), config.captured_split) for name in source.people]
    people = []
    for place, (name, split) in enumerate(names):
        random, counts, takes = stream(config.seed, "conditions", name), dict.fromkeys(CONDITIONS, 0), []
        most = len(config.takes) if source.people is None else source.takes(source.people[place])
        for choice in config.takes[:most]:
            condition = choice[int(random.integers(len(choice)))]
            takes.append((condition, counts[condition]))
            counts[condition] += 1
        people.append(Person(name, split, tuple(takes)))
    if not people:
        raise UserError("no people to simulate: ask for at least one in a split")
    return people


@lru_cache(maxsize=2)
def _open_body(name: str, detail: str) -> Body:
    body: Body = plugins.load("gaitbridge.simulation.body", name).open_body(detail)
    return body


@lru_cache(maxsize=2)
def _open_source(motion: str) -> MotionSource:
    name, _, argument = motion.partition(":")
    source: MotionSource = plugins.load("gaitbridge.simulation.motion", name).open_source(argument or None)
    return source


def render_person(config: CohortConfig, person: Person, source_name: str) -> Iterator[Sequence]:
    """All sequences of one person: takes x views."""
    body, source = _open_body(config.body, config.body_detail), _open_source(config.motion)
    shape = body.shared_shape() if config.shape == "shared" else body.sample_shape(stream(config.seed, "shape", person.name))
    sensors = Sensors(
        SilhouetteCamera(rate_hz=config.camera_hz), replace(open_lidar(config.lidar), rate_hz=config.lidar_hz),
        config.segmentation_error, config.lidar_noise, config.truth, config.extras,
    )  # fmt: skip
    for number, (condition, take) in enumerate(person.takes):
        key = (person.name, number)  # not the condition: the same take under another condition is the same walk before the same sensors
        random = stream(config.seed, "take", *key)
        walk = source.walk(source_name, number, config.seed, body, shape)
        phase, spare, radius = random.random(), random.random(), random.uniform(*config.curve_radius_m)
        frames, start_s = _window(walk.duration_s, config, float(spare))
        clock = paired_times(frames, config.camera_hz, config.lidar_hz, float(phase))
        curved, left = random.random() < config.curved_share, random.random() < 0.5
        path = Path((1.0 if left else -1.0) / radius if curved else 0.0)
        outfit = plugins.load("gaitbridge.simulation.conditions", condition).dress(body, body.rest(shape), stream(config.seed, "outfit", *key))
        walker = Walker(body, shape, walk, outfit, path, start_s, float(max(clock.lidar_s[-1], clock.camera_s[-1])))
        mounting = Mounting(
            config.distance_m, config.near_m, config.far_m, config.camera_height_m, config.lidar_height_m, config.sensor_baseline_m,
            lowest_beam_deg=float(min(sensors.lidar.elevations_deg)),
        )  # fmt: skip
        stations = put_up(config.views, path, walker.length_m, mounting, stream(config.seed, "stations", *key))
        rendered = render_take(
            walker, stations, clock, sensors, stream(config.seed, "segmentation", *key), stream(config.seed, "lidar", *key)
        )
        for station, arrays in zip(stations, rendered, strict=True):
            labels = Labels(
                key=f"{person.name}/{condition}-{take}/{station.view}", person=person.name, split=person.split, condition=condition,
                take=take, view=station.view, view_deg=station.view_deg, distance_m=round(station.distance_m, 3), camera="simulated",
                lidar=config.lidar, camera_hz=config.camera_hz, lidar_hz=config.lidar_hz,
                source=f"simulated, body {body.name}, motion {source.name}", licence=source.licence or LICENCE,
            )  # fmt: skip
            yield Sequence(labels, arrays)


def _window(duration_s: float, config: CohortConfig, spare: float) -> tuple[int, float]:
    """How many frames fit into a walk, and when the recording starts: `spare` in [0, 1) chooses among what is left over."""
    lead = 0.5 / config.camera_hz
    longest = (config.frames / config.lidar_hz) + 2 * lead
    if duration_s == np.inf:
        return config.frames, SETTLE_S + spare
    frames = config.frames if duration_s >= longest else int((duration_s - 2 * lead) * config.lidar_hz)
    if frames < 1:
        raise UserError(f"a captured walk of {duration_s:.2f} s is too short for a single frame at {config.lidar_hz:g} Hz: leave its file out")
    return frames, spare * max(duration_s - longest, 0.0)


def _render_shard(store: File, config: CohortConfig, person: Person, source_name: str) -> str:
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
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _start(store: File, config: CohortConfig) -> None:
    """Write the plan, or check that the one in the folder is this one."""
    wanted = json.dumps(config.model_dump(mode="json"), indent=1, sort_keys=True) + "\n"
    file = store / PLAN
    if file.is_file():
        if file.read_text() != wanted:
            here, asked = json.loads(file.read_text()), json.loads(wanted)
            different = sorted(name for name in {*here, *asked} if here.get(name) != asked.get(name))
            raise UserError(f"{store} holds a simulation with another {', '.join(different)}: choose another folder, or delete this one")
        return
    if (store / "store.json").exists() or (store / "shards").exists():
        raise UserError(f"{store} already holds a store that was not simulated here: choose another folder")
    with written_whole(file) as temporary:
        temporary.write_text(wanted)


def simulate(store: File, config: CohortConfig, workers: int = 1, progress: Callable[[int, int], None] | None = None) -> dict[str, Any]:
    """Render a cohort to a store and return its store.json.

    `workers` processes render one person each at a time; 0 renders in this process. Shards that are there are kept, so an interrupted run
    goes on where it was; another config in the folder raises UserError. `progress(done, all)` is called after each person.
    """
    source = _open_source(config.motion)
    people = plan(config, source)
    named = source.people or tuple(person.name for person in people)
    _open_body(config.body, config.body_detail) if workers == 0 else plugins.load("gaitbridge.simulation.body", config.body)
    open_lidar(config.lidar)
    _start(store, config)
    for left in (store / "shards").glob(".*.part"):  # of workers that were killed
        left.unlink(missing_ok=True)
    todo = [(person, name) for person, name in zip(people, named, strict=True) if not shard_path(store, person.name).is_file()]
    done = len(people) - len(todo)
    if progress:
        progress(done, len(people))
    for _ in _rendered(store, config, todo, workers):
        done += 1
        if progress:
            progress(done, len(people))
    about = {"kind": "simulated", "config": config.model_dump(mode="json"), "motion": source.name, "gaitbridge": version("gaitbridge")}
    return finish_store(store, [person.name for person in people], about)


def _rendered(store: File, config: CohortConfig, todo: list[tuple[Person, str]], workers: int) -> Iterator[str]:
    """Names of the shards as they are finished."""
    if workers == 0:
        for person, name in todo:
            yield _render_shard(store, config, person, name)
        return
    with _one_thread_each():
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(min(workers, max(len(todo), 1)), mp_context=context, initializer=_ignore_interrupt)
        try:
            futures: dict[Future[str], Person] = {pool.submit(_render_shard, store, config, person, name): person for person, name in todo}
            for future in as_completed(futures):
                try:
                    yield future.result()
                except BrokenProcessPool as error:
                    raise StoreError(
                        f"a worker process was killed while rendering to {store} (out of memory?): what is finished is kept, run the same again"
                    ) from error
                except UserError:
                    raise
                except Exception as error:
                    raise RuntimeError(f"rendering {futures[future].name} failed: {type(error).__name__}: {error}") from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
