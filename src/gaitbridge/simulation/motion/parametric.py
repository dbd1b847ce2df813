"""Generated walks: `parametric`, as many people as asked for, or `parametric:FILE.json` with numbers fitted to your own captures.

A person is a sample of what differs between people: captured deviations and published ones in the shares that the number of captured
people deserves. A take adds a sample of what differs between takes. The root's path is not sampled but solved: its height
from the lowest vertex, its travel from the feet that stand, so that they do not slide.
"""

import json
import math
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from gaitbridge.conventions import stream
from gaitbridge.errors import UserError
from gaitbridge.simulation.body import Body, Pose, Shape
from gaitbridge.simulation.motion._fit import FORMAT
from gaitbridge.simulation.motion._ground import Travel, fitted_to_body
from gaitbridge.simulation.motion._harmonics import BEND, JOINTS, NUMBERS, delayed, turns_at
from gaitbridge.simulation.motion._skeleton import Skeleton, side_of, skeleton_of

TAKES = 1_000_000
SPEED_LIMITS_M_S = (0.9, 1.7)  # people outside are drawn again
DRAWS = 20
SPREAD_LIMIT = 2.5  # standard deviations at which samples are cut, so that nobody is a freak
CADENCE_WAVES_STRIDES = (2.7, 4.3, 7.1)  # periods of the slow changes of cadence
LICENCE = "Apache-2.0; mean gait learnt from the CMU Graphics Lab Motion Capture Database (mocap.cs.cmu.edu)"


@dataclass(frozen=True)
class Style:
    """How somebody walks: coefficients [19, 3, 9] (see `_harmonics`), strides a second, stride length over leg length."""

    coefficients: np.ndarray
    cadence_hz: float
    stride_per_leg: float


@dataclass(frozen=True)
class WalkModel:
    """The fitted distribution; `numbers` is the JSON, arrays are taken out of it once."""

    numbers: dict[str, Any]
    mean: np.ndarray
    between: np.ndarray
    within: np.ndarray

    def sample_person(self, random: np.random.Generator) -> Style:
        """A person: mean + captured deviations + published ones."""
        share = self.numbers["captured_share"]["between"]
        curves = self._vary(self.mean, random, self.between, share, 1.0)
        rhythm = self.numbers["rhythm"]
        cadence, stride = _correlated(random, rhythm["between"], rhythm["correlation"])
        return Style(curves, rhythm["cadence_hz"] * math.exp(cadence), rhythm["stride_per_leg"] * math.exp(stride))

    def sample_take(self, person: Style, random: np.random.Generator) -> Style:
        """The person in one take."""
        share, published = self.numbers["captured_share"]["within"], self.numbers["published"]["within"]
        curves = self._vary(person.coefficients, random, self.within, share, published)
        rhythm = self.numbers["rhythm"]
        cadence, stride = _correlated(random, rhythm["within"], rhythm["correlation"])
        return Style(curves, person.cadence_hz * math.exp(cadence), person.stride_per_leg * math.exp(stride))

    def _vary(self, curves: np.ndarray, random: np.random.Generator, components: np.ndarray, share: float, scale: float) -> np.ndarray:
        """Curves with a sample of both kinds of deviation; `scale` multiplies the published ones."""
        draw = bounded(random, len(components))
        captured = (draw @ components).reshape(curves.shape) if len(components) else 0.0
        return self._published(curves, random, scale * math.sqrt(1.0 - share)) + math.sqrt(share) * captured

    def _published(self, curves: np.ndarray, random: np.random.Generator, scale: float) -> np.ndarray:
        """Curves moved, stretched and delayed by the published deviations, partly alike on both sides, partly not."""
        table, asymmetry = self.numbers["published"]["between"], self.numbers["published"]["asymmetry"]
        alike = {limb: bounded(random, 9).reshape(3, 3) for limb in table}
        out = np.array(curves)
        for number, name in enumerate(JOINTS):
            side, limb = side_of(name)
            own = bounded(random, 9).reshape(3, 3)
            odd = asymmetry.get(limb, 0.0) if side else 0.0
            draw = math.sqrt(1.0 - odd) * alike[limb] + math.sqrt(odd) * own
            for axis, letter in enumerate("xyz"):
                offset_deg, gain, delay_deg = (scale * np.array(table[limb][letter])) * draw[axis]
                moved = delayed(out[number, axis], np.deg2rad(delay_deg)) * max(0.1, 1.0 + gain)
                moved[0] = out[number, axis, 0] + np.deg2rad(offset_deg) * (-1.0 if side == "Right" and axis != BEND else 1.0)
                out[number, axis] = moved
        return out


def bounded(random: np.random.Generator, count: int, limit: float = SPREAD_LIMIT) -> np.ndarray:
    """Standard normal numbers, cut at `limit`."""
    return np.clip(random.standard_normal(count), -limit, limit)


def _correlated(random: np.random.Generator, deviations: list[float], correlation: float) -> tuple[float, float]:
    """Two normal numbers with these deviations and this correlation."""
    first, second = bounded(random, 2)
    return deviations[0] * first, deviations[1] * (correlation * first + math.sqrt(1.0 - correlation**2) * second)


@dataclass
class GeneratedWalk:
    """A walk without end. Phase runs with the cadence, which changes slowly; the root's path is a function of phase."""

    skeleton: Skeleton
    style: Style
    travel: Travel
    start_phase: float
    wave_phases: np.ndarray
    variation: float
    duration_s: float = field(default=math.inf)

    def phase(self, time_s: np.ndarray) -> np.ndarray:
        """Unwrapped gait phase [T] in radians at times [T]; strides vary by `variation` (a standard deviation over their mean)."""
        strides = self.style.cadence_hz * np.asarray(time_s, float)
        warp = np.zeros_like(strides)
        for period, begin in zip(CADENCE_WAVES_STRIDES, self.wave_phases, strict=True):
            rate = 2.0 * np.pi / period
            size = self.variation * math.sqrt(2.0 / len(CADENCE_WAVES_STRIDES)) / rate
            warp += size * (np.sin(rate * strides + begin) - math.sin(begin))
        return self.start_phase + 2.0 * np.pi * (strides + warp)

    def at(self, time_s: np.ndarray) -> Pose:
        """The pose at any times [T], exactly (nothing is interpolated)."""
        phase = self.phase(time_s)
        orientations = self.travel.heading @ self.skeleton.orientations(turns_at(self.style.coefficients, phase))
        root = self.travel.at(phase) - self.travel.at(np.array([self.start_phase])) * np.array([1.0, 1.0, 0.0])
        return Pose(orientations.astype(np.float32), root.astype(np.float32))


@dataclass
class GeneratedSource:
    """Generated people; see `simulation.motion.MotionSource`."""

    name: str
    licence: str
    model: WalkModel
    people: tuple[str, ...] | None = None

    def takes(self, person: str) -> int:
        """As many as anyone asks for."""
        return TAKES

    def walk(self, person: str, take: int, seed: int, body: Body, shape: Shape) -> GeneratedWalk:
        """Take `take` of a person: streams (seed, walk, person) and (seed, walk, person, take)."""
        skeleton = skeleton_of(body, shape)
        style = self.model.sample_take(self._person(person, seed, body, shape), stream(seed, "walk", person, take))
        random = stream(seed, "walk rhythm", person, take)
        wanted_m = style.stride_per_leg * float(body.measures(shape)["leg_m"])
        coefficients, travel = fitted_to_body(style.coefficients, wanted_m, skeleton, body, shape)
        start, *waves = random.uniform(0.0, 2.0 * np.pi, 1 + len(CADENCE_WAVES_STRIDES))
        variation = float(self.model.numbers["rhythm"]["stride_time_variation"])
        fitted = Style(coefficients, style.cadence_hz, style.stride_per_leg)
        return GeneratedWalk(skeleton, fitted, travel, float(start), np.array(waves), variation)

    def _person(self, person: str, seed: int, body: Body, shape: Shape) -> Style:
        """The person's own style; drawn again while its speed on this body would be unusual."""
        leg_m = float(body.measures(shape)["leg_m"])
        for draw in range(DRAWS):
            style = self.model.sample_person(stream(seed, "walk", person, "style", draw))
            if SPEED_LIMITS_M_S[0] * 1.06 <= style.cadence_hz * style.stride_per_leg * leg_m <= SPEED_LIMITS_M_S[1] / 1.06:
                break
        return style


def read_model(text: str, where: str) -> WalkModel:
    """A model from its JSON; UserError that says what is wrong with the file."""
    try:
        numbers = json.loads(text)
    except json.JSONDecodeError as error:
        raise UserError(f"{where}: no JSON ({error}): make it with `gaitbridge fit-motion DIR --out FILE.json`") from error
    if not isinstance(numbers, dict) or numbers.get("format") != FORMAT or numbers.get("joints") != list(JOINTS):
        raise UserError(f"{where}: no fitted walk of this version ({FORMAT}): make it with `gaitbridge fit-motion DIR --out FILE.json`")
    try:
        size = len(JOINTS) * 3 * NUMBERS
        mean = np.array(numbers["mean"], float).reshape(len(JOINTS), 3, NUMBERS)
        rows = [np.array(numbers[name], float).reshape(-1, size + 2)[:, :size] for name in ("between", "within")]
        missing = {"captured_share", "published", "rhythm"} - set(numbers)
        if missing:
            raise KeyError(", ".join(sorted(missing)))
    except (KeyError, ValueError) as error:
        raise UserError(f"{where}: the fitted walk is damaged ({error}): make it again with `gaitbridge fit-motion`") from error
    return WalkModel(numbers, mean, rows[0], rows[1])


def shipped(file: str) -> WalkModel:
    """Fitted numbers of this package: parametric_walk.json, or measured_walk_mean.json of more people with their own bones."""
    return read_model(files("gaitbridge.simulation.motion").joinpath(file).read_text(encoding="utf-8"), file)


def open_source(argument: str | None) -> GeneratedSource:
    """Generated walks from the shipped numbers, or from a file of `gaitbridge fit-motion`."""
    if not argument:
        return GeneratedSource("parametric", LICENCE, shipped("parametric_walk.json"))
    path = Path(argument)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({error}): give a file made by `gaitbridge fit-motion DIR --out FILE.json`") from error
    model = read_model(text, str(path))
    return GeneratedSource(f"parametric:{path.name}", str(model.numbers.get("learnt_from", {}).get("licence", "")), model)
