"""How far simulated people differ from one another, and from take to take, beside 110 measured people: rows, couplings, nearest neighbours.

    python benchmarks/people_spread.py [--people 110] [--takes 5] [--seed 0] [--only v1|v2] [--mean FILE.json] [--draws 2] [--calibrate ROUNDS]

Takes are generated (`parametric` on `drawn` bodies, v1; `measured` on `measured` bodies, v2) and their true joints measured by the definitions of
`gaitbridge.simulation.motion._measures`; nothing is rendered. 550 takes need about half a minute of processor. The real numbers are in
`people_spread_real.npz` beside this file: aggregates (no take of anybody) of the skeletons of V. O. Andersson, R. M. Araujo, "Person identification
using anthropometric and gait data from Kinect sensor", AAAI 2015, github.com/Vortander/KinectGait.

The camera flattens amplitudes, so real spreads of amplitudes and lengths are scaled: by our mean over theirs for scalars that cannot be negative, by
the flattening of the mean curve for harmonics. `between` is to be within 20 % of the real; `within` between what both directions of a take share and
what passes differ by without the camera's noise. Angles of the camera's hip line (10 cm) and bodies' own `within` cannot be judged.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy is imported
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gaitbridge.conventions import stream
from gaitbridge.simulation.body._proportions import BONES
from gaitbridge.simulation.motion import measured
from gaitbridge.simulation.motion._measures import ANGLES, CURVE, FIRST_ANGLE, PAIRED, ROW, measured_row
from gaitbridge.simulation.takes import open_body, open_source

REAL = Path(__file__).with_name("people_spread_real.npz")
SHIPPED = Path(measured.__file__).with_name("measured_people.npz")
FACTORS = (0.6, 1.8)  # of what is drawn, by calibration
BETWEEN_RATIO, COUPLING_APART = (0.8, 1.2), 0.15
VERSIONS = {"v1": ("parametric", "drawn"), "v2": ("measured", "measured")}
SIGNED = ("trunk_pitch_deg", "neck_pitch_deg", "elbow_mean_deg", "knee_min_deg", "shoulder_abduction_mean_deg", "arm_leg_lag_deg", "arm_swing_asym",
          "step_asym", "knee_peak_asym_deg", "hip_rom_asym_deg")  # in their own unit  # fmt: skip
# What follows a range is scaled as the range.
AS_THE_RANGE = {"knee_peak_deg": "knee_rom_deg", "knee_peak_asym_deg": "knee_rom_deg", "hip_rom_asym_deg": "hip_rom_deg"}
UNJUDGED = ("pelvis_yaw", "pelvis_roll", "trunk_yaw", "shoulder_yaw")


@dataclass(frozen=True)
class Takes:
    """Measured takes: rows [people, takes, 140], scalars [people, takes, n] and their names."""

    rows: np.ndarray
    scalars: np.ndarray
    names: tuple[str, ...]


def simulated(motion: str, proportions: str, people: int, takes: int, seed: int) -> Takes:
    """Measure so many takes of so many people."""
    body, source = open_body("anny", "reduced"), open_source(motion)
    rows: list[np.ndarray] = []
    scalars: list[list[float]] = []
    names: tuple[str, ...] = ()
    for person in (f"p{number:04d}" for number in range(people)):
        shape = body.sample_shape(stream(seed, "shape", person), proportions)
        for take in range(takes):
            row, found = measured_row(source.walk(person, take, seed, body, shape), body, shape)
            rows.append(row)
            scalars.append(list(found.values()))
            names = tuple(found)
    return Takes(np.array(rows).reshape(people, takes, -1), np.array(scalars).reshape(people, takes, -1), names)


def spread(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, deviation between people (takes taken off) and within of values [people, takes, n]."""
    within = values.var(axis=1, ddof=1).mean(axis=0)
    between = values.mean(axis=1).var(axis=0, ddof=1) - within / values.shape[1]
    return values.mean(axis=(0, 1)), np.sqrt(between.clip(min=0.0)), np.sqrt(within)


@dataclass(frozen=True)
class Line:
    """A row of the table: real and simulated between, least and most within, simulated within, in the simulator's unit."""

    name: str
    real: float
    between: float
    least: float
    most: float
    within: float

    @property
    def ratio(self) -> float:
        """Simulated over real between."""
        return self.between / self.real

    @property
    def judged(self) -> bool:
        """Whether the camera could tell."""
        return not self.name.startswith(UNJUDGED)

    @property
    def between_holds(self) -> bool:
        """Whether people differ as real ones."""
        return BETWEEN_RATIO[0] <= self.ratio <= BETWEEN_RATIO[1]

    @property
    def within_holds(self) -> bool | None:
        """Whether takes do; None where there is no range (bodies; where more is taken for noise than there is)."""
        if (self.name.startswith("log_") and self.name != "log_stride_hz") or self.name.endswith(("_rel", "height_proxy_m", "leg_m")):
            return None
        return self.least <= self.within <= self.most if self.most > self.least else None


def lines_of(takes: Takes, real: dict[str, np.ndarray]) -> list[Line]:
    """All rows: scalars, offsets and shapes of angles, lengths."""
    return [*_scalar_lines(takes, real), *_angle_lines(takes, real), *_length_lines(takes, real)]


def _scalar_lines(takes: Takes, real: dict[str, np.ndarray]) -> list[Line]:
    mean, between, within = spread(takes.scalars)
    place = {str(name): number for number, name in enumerate(real["scalar_names"])}
    found = []
    for at, name in enumerate(takes.names):
        ruler = AS_THE_RANGE.get(name, name)
        scale = 1.0 if ruler in SIGNED else mean[takes.names.index(ruler)] / real["scalar_mean"][place[ruler]]
        numbers = [float(real[f"scalar_{kind}"][place[name]] * scale) for kind in ("between", "take", "true")]
        found.append(Line(name, numbers[0], float(between[at]), numbers[1], numbers[2], float(within[at])))
    return found


def _angle_lines(takes: Takes, real: dict[str, np.ndarray]) -> list[Line]:
    _, between, within = spread(takes.rows)
    found = []
    for part in ("offset", "shape"):
        for name in (*PAIRED, *ANGLES[2 * len(PAIRED) :]):
            of = [number for number, angle in enumerate(ANGLES) if angle.removesuffix("_L").removesuffix("_R") == name]
            scale = 1.0 if part == "offset" else float(1.0 / real["gain"][of[0]])
            numbers = [scale * _rms(real[kind], of, part) for kind in ("between", "take", "true")]
            found.append(Line(f"{name} {part}", numbers[0], _rms(between, of, part), numbers[1], numbers[2], _rms(within, of, part)))
    return found


def _rms(deviations: np.ndarray, angles: list[int], part: str) -> float:
    """Over the cycle and both sides, from deviations [140]."""
    curves = np.array([deviations[FIRST_ANGLE + len(CURVE) * angle :][: len(CURVE)] for angle in angles])
    return float(np.sqrt(np.square(curves[:, 0]).mean() if part == "offset" else np.square(curves[:, 1:]).sum(axis=1).mean() / 2.0))


def _length_lines(takes: Takes, real: dict[str, np.ndarray]) -> list[Line]:
    mean, between, within = spread(takes.rows)
    found = []
    for at, name in enumerate(ROW[:FIRST_ANGLE]):
        if name in takes.names:
            continue
        scale = float(mean[at] / real["mean"][at]) if "per_leg" in name else 1.0
        numbers = [float(real[kind][at]) * scale for kind in ("between", "take", "true")]
        found.append(Line(name, numbers[0], float(between[at]), numbers[1], numbers[2], float(within[at])))
    return found


def couplings(takes: Takes) -> np.ndarray:
    """Correlations between people [n, n] of the scalars, what takes add taken off."""
    means = takes.scalars.mean(axis=1)
    inside = (takes.scalars - means[:, None]).reshape(-1, means.shape[1])
    covariance = np.cov(means.T) - inside.T @ inside / (len(means) * takes.scalars.shape[1] * (takes.scalars.shape[1] - 1))
    scale = np.sqrt(np.maximum(np.diag(covariance), 1e-12))
    return np.asarray(covariance / scale / scale[:, None])


# Nearest neighbours: simulated people as the camera would see them.

def camera_units(takes: Takes, real: dict[str, np.ndarray]) -> np.ndarray:
    """Deviations [people, takes, 140] from the mean as flat as the camera shows them."""
    mean, bones = takes.rows.mean(axis=(0, 1)), len(BONES)
    apart = takes.rows - mean
    lengths = slice(bones + 1, FIRST_ANGLE)
    apart[..., lengths] *= real["mean"][lengths] / mean[lengths]
    flat = np.repeat(real["gain"][:, None], len(CURVE), axis=1)
    flat[:, 0] = 1.0
    apart[..., FIRST_ANGLE:] *= flat.ravel()
    apart[..., bones:] = apart[..., bones:] @ real["late"]
    return np.asarray(apart)


def as_seen(true: np.ndarray, real: dict[str, np.ndarray], random: np.random.Generator) -> np.ndarray:
    """Passes [people, takes, 2 directions, 140] with what the camera adds: of a person near and far, and of a pass.

    What is alike on both sides of a person and what is not each get an artefact of the person, so that people of the measured covariance come out
    with the covariance that was seen. Where less was seen than people differ by, they are drawn in (`_within`): an artefact cannot take away.
    Bodies do not change, so what the bones of a real take differ by is the camera's as well.
    """
    people, takes, size = true.shape
    mirror, between = real["mirror"], _square(real["between_rows"])
    usual = true.mean(axis=1, keepdims=True)
    sides = []
    for part, rows in ((0.5 * (np.eye(size) + mirror), "near_rows"), (0.5 * (np.eye(size) - mirror), "far_rows")):
        outer = _square(real[rows])
        kept, artefact = _within(part @ between @ part.T, outer)
        sides.append(usual @ part.T @ kept.T + random.standard_normal((people, 1, size)) @ artefact)
    near, far = sides
    steadiness = np.exp(0.27 * random.standard_normal((people, 1, 1)) - 0.07)
    noise = random.standard_normal((people, takes, 2, size)) @ _root(_square(real["pass_rows"]))
    noise *= np.where(np.arange(size) < len(BONES), 0.89, 1.04)
    noise *= steadiness[..., None] * np.exp(0.18 * random.standard_normal((people, takes, 2, 1)) - 0.03)
    of_take = true - usual
    bones = _root(_square(real["take_rows"])[: len(BONES), : len(BONES)])
    of_take[..., : len(BONES)] += 0.89 * steadiness * (random.standard_normal((people, takes, len(BONES))) @ bones)
    return np.stack([near + far + noise[:, :, 0] + of_take, (near - far + noise[:, :, 1]) @ mirror.T + of_take], axis=2)


def _within(inner: np.ndarray, outer: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(W, root), [n, n] each, of two covariances: W x keeps what of x lies within `outer` and draws in the rest, bones and motion each by itself, and
    W x + z root, z of unit variance, has about the covariance `outer` where x has `inner`."""
    kept = np.zeros_like(outer)
    for block in (slice(0, len(BONES)), slice(len(BONES), None)):
        sizes, axes = np.linalg.eigh(outer[block, block])
        real = sizes > 1e-9 * sizes[-1]
        scale, axes = np.sqrt(sizes[real]), axes[:, real]
        to_unit, back = (axes / scale).T, axes * scale  # outer is the unit matrix there
        shares, turned = np.linalg.eigh(to_unit @ inner[block, block] @ to_unit.T)
        kept[block, block] = back @ (turned / np.sqrt(np.maximum(shares, 1.0))) @ turned.T @ to_unit
    return kept, _root(outer - kept @ inner @ kept.T)


def _square(rows: np.ndarray) -> np.ndarray:
    return np.asarray(rows.T @ rows)


def _root(covariance: np.ndarray) -> np.ndarray:
    """[n, n] whose square is the covariance without its negative part, its diagonal restored."""
    sizes, axes = np.linalg.eigh(covariance)
    root = np.sqrt(sizes.clip(min=0.0))[:, None] * axes.T
    wanted = np.sqrt(np.diag(covariance).clip(min=0.0))
    return np.asarray(root * wanted / np.maximum(np.sqrt(np.square(root).sum(axis=0)), 1e-12))


def drawn(people: int, takes: int, real: dict[str, np.ndarray], random: np.random.Generator) -> np.ndarray:
    """Deviations [people, takes, 140] of people drawn from the measured covariances themselves: what the noise model makes of them is the control."""
    size = len(ROW)
    steadiness = np.exp(0.27 * random.standard_normal((people, 1, 1)) - 0.07) * np.where(np.arange(size) < len(BONES), 0.0, 1.04)  # bodies stay
    of_take = random.standard_normal((people, takes, size)) @ _root(_square(real["take_rows"]))
    return np.asarray(random.standard_normal((people, 1, size)) @ _root(_square(real["between_rows"])) + steadiness * of_take)


def features(passes: np.ndarray) -> dict[str, np.ndarray]:
    """Feature rows [..., n] by name. Proportions are bones over height; motion is without bones."""
    bones = passes[..., : len(BONES)]
    height = 0.31 * bones[..., 0] + 0.25 * bones[..., 1] + 0.32 * bones[..., 4] + 0.12 * bones[..., 5]
    posture = [FIRST_ANGLE + len(CURVE) * number for number in range(len(ANGLES))]
    shape = [number for number in range(len(BONES), len(ROW)) if number not in posture]
    return {
        "size": bones, "proportions": bones - height[..., None], "motion": passes[..., len(BONES) :], "motion, no mean posture": passes[..., shape],
        "all": passes,
    }  # fmt: skip


def rank_1(rows: np.ndarray, crossed: bool, whitened: bool) -> float:
    """Share of passes [people, takes, 2, n] whose nearest of all other takes (of the other direction, crossed) is the same person's."""
    people, takes, _, size = rows.shape
    flat = rows - rows.mean(axis=(0, 1))
    if whitened:  # by what one person's passes of both directions differ by
        inside = (flat - flat.mean(axis=(1, 2), keepdims=True)).reshape(-1, size)
        covariance = inside.T @ inside / (people * (2 * takes - 1))
        sizes, axes = np.linalg.eigh(covariance + 1e-6 * np.trace(covariance) / size * np.eye(size))
        flat = flat @ axes / np.sqrt(sizes.clip(min=1e-12))
    else:
        flat = flat / np.maximum(flat.reshape(-1, size).std(axis=0), 1e-12)
    person, take = np.repeat(np.arange(people), takes), np.tile(np.arange(takes), people)
    right = []
    for direction in (0, 1):
        probe, gallery = (flat[:, :, way].reshape(-1, size) for way in (direction, 1 - direction if crossed else direction))
        distance = np.square(probe).sum(axis=1)[:, None] + np.square(gallery).sum(axis=1) - 2.0 * probe @ gallery.T
        distance[(person[:, None] == person) & (take[:, None] == take)] = np.inf
        right.append(person[distance.argmin(axis=1)] == person)
    return float(np.mean(right))


def neighbours(true: np.ndarray, real: dict[str, np.ndarray], draws: int) -> dict[str, float]:
    """Rank-1 by `features|direction|metric` of deviations [people, takes, 140], mean of some draws of the camera's noise."""
    found = {}
    seen = [features(as_seen(true, real, np.random.default_rng(draw))) for draw in range(draws)]
    for name in seen[0]:
        for way in ("same", "cross"):
            for metric in ("z", "w"):
                found[f"{name}|{way}|{metric}"] = float(np.mean([rank_1(one[name], way == "cross", metric == "w") for one in seen]))
    return found


def show(versions: dict[str, Takes], real: dict[str, np.ndarray], draws: int) -> None:
    """Print the table, the couplings and the rates."""
    tables = {name: lines_of(takes, real) for name, takes in versions.items()}
    print("| row | real between | " + " | ".join(f"{name} (ratio)" for name in tables) + " | real within | " + " | ".join(tables) + " |")
    print("|---" * (3 + 2 * len(tables)) + "|")
    for same in zip(*tables.values(), strict=True):
        ratios = " | ".join(f"{line.between:.4g} (x{line.ratio:.2f}{'' if line.between_holds or not line.judged else ' *'})" for line in same)
        inside = " | ".join(f"{line.within:.4g}{' *' if line.within_holds is False and line.judged else ''}" for line in same)
        limits = "-" if same[0].within_holds is None else f"{same[-1].least:.3g} to {same[-1].most:.3g}"
        print(f"| {same[0].name}{'' if same[0].judged else ' (not judged)'} | {same[-1].real:.4g} | {ratios} | {limits} | {inside} |")
    tables_of = {name: couplings(takes) for name, takes in versions.items()}
    print("\n| coupling between people | real +- | " + " | ".join(tables_of) + " |\n|---|---" + "|---" * len(tables_of) + "|")
    hold = dict.fromkeys(versions, 0)
    for (one, other), value, error in zip(real["pairs"], real["correlation"], real["correlation_error"], strict=True):
        words = []
        for name, takes in versions.items():
            mine = float(tables_of[name][takes.names.index(one), takes.names.index(other)])
            hold[name] += abs(mine - value) <= COUPLING_APART
            words.append(f"{mine:+.2f}{'' if abs(mine - value) <= COUPLING_APART else ' *'}")
        print(f"| {one} ~ {other} | {value:+.2f} +- {error:.2f} | " + " | ".join(words) + " |")
    if draws:
        rates = {name: neighbours(camera_units(takes, real), real, draws) for name, takes in versions.items()}
        people, count = next(iter(versions.values())).rows.shape[:2]
        rates["drawn from the covariances"] = neighbours(drawn(people, count, real, np.random.default_rng(0)), real, draws)
        print("\n| nearest neighbours, all other takes | real [95 %] | " + " | ".join(rates) + " |\n|---|---" + "|---" * len(rates) + "|")
        for name, (rate, least, most) in zip(real["nn_names"].tolist(), real["nn_rates"], strict=True):
            words = [f"{one[name]:.3f}{'' if least <= one[name] <= most else ' *'}" for one in rates.values()]
            print(f"| {name} | {rate:.3f} [{least:.3f} {most:.3f}] | " + " | ".join(words) + " |")
    print()
    for name, lines in tables.items():
        judged = [line for line in lines if line.judged]
        ranged = [line for line in judged if line.within_holds is not None]
        print(f"{name}: between within 20 % in {sum(line.between_holds for line in judged)} of {len(judged)} rows; within in the real range in "
              f"{sum(bool(line.within_holds) for line in ranged)} of {len(ranged)}; couplings within 0.15 {hold[name]} of {len(real['pairs'])}")


def calibrate(rounds: int, people: int, seed: int, real: dict[str, np.ndarray]) -> None:
    """Scale what is drawn until what is measured on generated people, on the ground and on their own bodies, spreads as measured.

    What is drawn for a joint is damped or amplified by its neighbours, the ground, the body's flesh and limits. One factor for the mean and one for
    the harmonics of an angle (alike on both sides) and one for each length, between people and within; bounded.
    """
    for _ in range(rounds):
        measured.shipped.cache_clear()
        open_source.cache_clear()
        found = {line.name: line for line in lines_of(simulated("measured", "measured", people, 3, seed), real)}
        file = dict(np.load(SHIPPED))
        factors = file["calibrated"].copy()
        for number, name in enumerate(ROW[len(BONES) :]):
            angle, _, coefficient = name.partition(":")
            part = "offset" if coefficient == "mean" else "shape"
            line = found.get(f"{angle.removesuffix('_L').removesuffix('_R')} {part}" if coefficient else name)
            if line is None or not line.judged:
                continue
            factors[0, number] = np.clip(factors[0, number] * line.ratio**-0.7, *FACTORS)
            if line.most > line.least and not line.least * 1.15 < line.within < line.most * 0.85:
                factors[1, number] *= (np.clip(line.within, line.least * 1.25, line.most * 0.8) / line.within) ** 0.7
        np.savez_compressed(SHIPPED, allow_pickle=False, **(file | {"calibrated": np.clip(factors, *FACTORS).astype(np.float32)}))
        print({name: round(line.ratio, 2) for name, line in found.items() if line.judged and not line.between_holds})


def main() -> None:
    """Simulate, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=110)
    parser.add_argument("--takes", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=tuple(VERSIONS))
    parser.add_argument("--mean", help="a file of gaitbridge fit-motion for v2's mean gait")
    parser.add_argument("--draws", type=int, default=2, help="of the camera's noise for nearest neighbours; 0: without them")
    parser.add_argument("--calibrate", type=int, default=0, metavar="ROUNDS", help="write the package's calibration anew, in so many rounds")
    given = parser.parse_args()
    with np.load(REAL, allow_pickle=False) as file:
        real = {name: file[name].astype(float) if file[name].dtype.kind == "f" else file[name] for name in file.files}
    if given.calibrate:
        calibrate(given.calibrate, given.people, given.seed, real)
        return
    versions = {}
    for name, (motion, proportions) in VERSIONS.items():
        if given.only in (None, name):
            source = f"{motion}:{given.mean}" if given.mean and name == "v2" else motion
            versions[name] = simulated(source, proportions, given.people, given.takes, given.seed)
    show(versions, real, given.draws)


if __name__ == "__main__":
    main()
