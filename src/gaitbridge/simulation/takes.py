"""The plan of a cohort, and one person of it rendered. Everything is drawn from streams named after the person and the take."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from gaitbridge import plugins
from gaitbridge.conventions import CONDITIONS, stream
from gaitbridge.errors import UserError
from gaitbridge.simulation.body import Body, Shape
from gaitbridge.simulation.conditions import Clothes, Dress
from gaitbridge.simulation.conditions._clothes import Layer
from gaitbridge.simulation.conditions._garments import Wardrobe
from gaitbridge.simulation.motion import MotionSource
from gaitbridge.simulation.motion._own_bones import KnowsBones, with_bones
from gaitbridge.simulation.path import Path
from gaitbridge.simulation.render import Sensors, render_take
from gaitbridge.simulation.scene import Clock, Mounting, Station, paired_times, put_up
from gaitbridge.simulation.sensors.silhouette_camera import SilhouetteCamera, SiteErrors, site_errors
from gaitbridge.simulation.sensors.spinning_lidar import open_lidar
from gaitbridge.simulation.settings import CohortConfig
from gaitbridge.simulation.walker import Walker
from gaitbridge.types import Labels, Sequence

LICENCE = "CC0-1.0"
SETTLE_S = 1.2  # generated walks are recorded from this time on, so that what hangs has a past


@dataclass(frozen=True)
class Person:
    """One person of the plan: name, also of the shard; split; the condition of each take and its number within that condition.

    Sessions follow each other, each of `per_session` takes; None: all takes are of one.
    """

    name: str
    split: str
    takes: tuple[tuple[str, int], ...]
    per_session: int | None = None

    def session(self, number: int) -> int:
        """The session of take `number`, counted over all conditions."""
        return number // self.per_session if self.per_session else 0


def plan(config: CohortConfig, source: MotionSource) -> list[Person]:
    """Everybody of the cohort, in order. Captured people have as many takes as they were captured in, if fewer are asked for."""
    if source.people is None:
        names = [(f"p{number:04d}", split, place) for split, numbers in config.numbers.items() for place, number in enumerate(numbers)]
    else:
        names = [(re.sub(r"[^A-Za-z0-9_.-]", "_", name), config.captured_split, place) for place, name in enumerate(source.people)]
        if len({name for name, *_ in names}) < len(names):
            raise UserError(f"{config.motion}: two people have the same name once odd characters are replaced: rename their files")
    people = []
    for place, (name, split, within) in enumerate(names):
        random, counts, takes = stream(config.seed, "conditions", name), dict.fromkeys(CONDITIONS, 0), []
        asked = config.takes * config.sessions
        most = len(asked) if source.people is None else source.takes(source.people[place])
        for given in asked[:most]:
            choice = ("night",) if at_night(within, config.night_people) else given
            condition = choice[int(random.integers(len(choice)))]
            takes.append((condition, counts[condition]))
            counts[condition] += 1
        people.append(Person(name, split, tuple(takes), len(config.takes) if config.sessions > 1 else None))
    if not people:
        raise UserError("no people to simulate: ask for at least one in a split")
    return people


def at_night(place: int, share: float) -> bool:
    """Whether person `place` of a split, from 0 on, is one of those met at night: that share of the first so many, spread evenly."""
    return math.floor((place + 1) * share + 1e-9) > math.floor(place * share + 1e-9)


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


@dataclass(frozen=True)
class Take:
    """One take, ready to be rendered. `randoms` are the streams of the segmentation's errors and of the LiDARs' noise, `errors` the
    segmentation's that stay, for all but outlines."""

    walker: Walker
    stations: list[Station]
    clock: Clock
    sensors: Sensors
    randoms: tuple[np.random.Generator, np.random.Generator]
    errors: SiteErrors | None = None


def clothes_of(config: CohortConfig, person: Person, source_name: str, session: int = 0) -> Clothes:
    """What a person has to wear in a session."""
    if config.clothes == "layer":
        return Layer()
    return _wardrobe(_whose(config, person, source_name), session)


def shape_of(config: CohortConfig, person: Person, source_name: str) -> Shape:
    """A person's body: drawn, with bones of the person's own lengths where the motion source knows them; or the one body of all."""
    return _shape(_whose(config, person, source_name))


class _Whose(NamedTuple):
    """All that decides a person's body."""

    body: str
    detail: str
    shape: str
    proportions: str
    motion: str
    seed: int
    person: str
    source_name: str


def _whose(config: CohortConfig, person: Person, source_name: str) -> _Whose:
    return _Whose(config.body, config.body_detail, config.shape, config.proportions, config.motion, config.seed, person.name, source_name)


@lru_cache(maxsize=2)
def _shape(whose: _Whose) -> Shape:
    """A body, once for its takes."""
    body, source = open_body(whose.body, whose.detail), open_source(whose.motion)
    if whose.shape == "shared":
        return body.shared_shape()
    drawn = body.sample_shape(stream(whose.seed, "shape", whose.person), whose.proportions)
    if not isinstance(source, KnowsBones):
        return drawn
    return with_bones(body, drawn, source.asked_m(whose.source_name, float(body.measures(drawn)["leg_m"])))


@lru_cache(maxsize=2)
def _wardrobe(whose: _Whose, session: int) -> Wardrobe:
    """A person's wardrobe in a session, once for its takes."""
    streams = stream(whose.seed, "hair", whose.person), stream(whose.seed, "wardrobe", whose.person, session)
    return Wardrobe.drawn(open_body(whose.body, whose.detail), _shape(whose), *streams)


def take_of(config: CohortConfig, person: Person, number: int, source_name: str) -> Take:
    """Take `number` of a person, counted over all conditions; `source_name` is what the motion source calls them.

    Streams are named after person and number, not after the condition: the same take under another condition is the same walk
    before the same stations.
    """
    body, source, key = open_body(config.body, config.body_detail), open_source(config.motion), (person.name, number)
    shape = shape_of(config, person, source_name)
    walk = source.walk(source_name, number, config.seed, body, shape)
    random = stream(config.seed, "take", *key)
    frames, start_s = _window(walk.duration_s, config, float(random.random()))
    phase, apart = float(random.random()), stream(config.seed, "sensors apart", *key)
    late_s = apart.uniform(*config.camera_time_offset_s, len(config.views)) if config.camera_time_offset_s[1] else None
    clock = paired_times(frames, config.camera_hz, config.lidar_hz, phase, late_s)
    curved, left, radius = random.random() < config.curved_share, random.random() < 0.5, random.uniform(*config.curve_radius_m)
    path = Path((1.0 if left else -1.0) / radius if curved else 0.0)
    dress: Dress = plugins.load("gaitbridge.simulation.conditions", person.takes[number][0]).dress
    clothes = clothes_of(config, person, source_name, person.session(number))
    outfit = dress(body, body.rest(shape), clothes, stream(config.seed, "outfit", *key))
    walker = Walker(body, shape, walk, outfit, path, start_s, float(max(clock.lidar_s[-1], clock.camera_s.max())))
    lidar = replace(open_lidar(config.lidar), rate_hz=config.lidar_hz)
    mounting = Mounting(
        config.distance_m, config.near_m, config.far_m, config.camera_height_m, config.lidar_height_m, config.sensor_baseline_m,
        config.lidar_bearing_deg, middle_beam_deg=float(np.median(lidar.elevations_deg)),
    )  # fmt: skip
    stations = put_up(config.views, path, walker.length_m, mounting, stream(config.seed, "stations", *key), apart)
    camera = SilhouetteCamera(rate_hz=config.camera_hz)
    sensors = Sensors(
        camera,
        lidar,
        config.segmentation_error,
        config.lidar_noise,
        config.silhouettes,
        config.site,
        config.lidar_returns,
        config.truth,
        config.extras,
    )
    lidar_random = stream(config.seed, "lidar", *key)
    if config.silhouettes == "outline":
        return Take(walker, stations, clock, sensors, (stream(config.seed, "segmentation", *key), lidar_random))
    condition, session = person.takes[number][0], str(person.session(number))
    garment = f"{session} {condition}" if condition == "clothing" else condition if condition == "uniform" else session
    views, views_deg = [station.view for station in stations], [station.view_deg for station in stations]
    errors = site_errors(config.seed, config.site, person.name, garment, str(number), views, views_deg)
    return Take(walker, stations, clock, sensors, (stream(config.seed, config.silhouettes, config.site, *key), lidar_random), errors)


def rendered(take: Take) -> list[dict[str, np.ndarray]]:
    """The arrays of each station's sequence; see `render_take`. Once only: the take's random numbers are used up then."""
    return render_take(take.walker, take.stations, take.clock, take.sensors, *take.randoms, take.errors)


def render_person(config: CohortConfig, person: Person, source_name: str) -> Iterator[Sequence]:
    """All sequences of one person: takes x views."""
    source = open_source(config.motion)
    for number, (condition, count) in enumerate(person.takes):
        take = take_of(config, person, number, source_name)
        for station, arrays in zip(take.stations, rendered(take), strict=True):
            labels = Labels(
                key=f"{person.name}/{condition}-{count}/{station.view}", person=person.name, split=person.split, condition=condition,
                take=count, view=station.view, view_deg=station.view_deg, distance_m=round(station.distance_m, 3), camera="simulated",
                lidar=config.lidar, camera_hz=config.camera_hz, lidar_hz=config.lidar_hz,
                source=f"simulated, body {take.walker.body.name}, motion {source.name}", licence=source.licence or LICENCE,
                session=person.session(number),
            )  # fmt: skip
            yield Sequence(labels, arrays)


def _window(duration_s: float, config: CohortConfig, spare: float) -> tuple[int, float]:
    """How many frames fit into a walk, and when the recording starts: `spare` in [0, 1) chooses among what is left over."""
    lead = 0.5 / config.camera_hz
    longest = (config.frames / config.lidar_hz) + 2 * lead + config.camera_time_offset_s[1]
    if duration_s == np.inf:
        return config.frames, SETTLE_S + spare
    frames = config.frames if duration_s >= longest else int((duration_s - 2 * lead - config.camera_time_offset_s[1]) * config.lidar_hz)
    if frames < 1:
        raise UserError(f"a captured walk of {duration_s:.2f} s is too short for a single frame at {config.lidar_hz:g} Hz: leave its file out")
    return frames, spare * max(duration_s - longest, 0.0)
