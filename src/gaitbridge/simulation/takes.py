"""The plan of a cohort, and one person of it rendered. Everything is drawn from streams named after the person and the take."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from gaitbridge import plugins
from gaitbridge.conventions import CONDITIONS, SPLITS, stream
from gaitbridge.errors import UserError
from gaitbridge.simulation.body import Body
from gaitbridge.simulation.motion import MotionSource
from gaitbridge.simulation.path import Path
from gaitbridge.simulation.render import Sensors, render_take
from gaitbridge.simulation.scene import Mounting, paired_times, put_up
from gaitbridge.simulation.sensors.silhouette_camera import SilhouetteCamera
from gaitbridge.simulation.sensors.spinning_lidar import open_lidar
from gaitbridge.simulation.settings import CohortConfig
from gaitbridge.simulation.walker import Walker
from gaitbridge.types import Labels, Sequence

LICENCE = "CC0-1.0"
SETTLE_S = 1.2  # generated walks are recorded from this time on, so that what hangs has a past


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
def open_body(name: str, detail: str) -> Body:
    """The body model, once a process."""
    body: Body = plugins.load("gaitbridge.simulation.body", name).open_body(detail)
    return body


@lru_cache(maxsize=2)
def open_source(motion: str) -> MotionSource:
    """The motion source `name:argument`, once a process."""
    name, _, argument = motion.partition(":")
    source: MotionSource = plugins.load("gaitbridge.simulation.motion", name).open_source(argument or None)
    return source


def render_person(config: CohortConfig, person: Person, source_name: str) -> Iterator[Sequence]:
    """All sequences of one person: takes x views."""
    body, source = open_body(config.body, config.body_detail), open_source(config.motion)
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
            middle_beam_deg=float(np.median(sensors.lidar.elevations_deg)),
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
