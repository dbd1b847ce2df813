"""Generated walks that differ as 110 measured people do: `measured`, or `measured:FILE.json` with a mean gait of your own captures.

The mean gait is that of the captures (`parametric`). How people, and takes of one person, differ was measured on people before a depth camera:
V. O. Andersson, R. M. Araujo, "Person identification using anthropometric and gait data from Kinect sensor", AAAI 2015, of whose skeletons
`measured_people.npz` holds covariances only. A person's walk is drawn for the person's own bone lengths; a take about the person, by how steady
that person is. What a depth camera cannot tell (twists, pelvis, hands, feet) differs by the published deviations, without moving what it can.
"""

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np

from gaitbridge.conventions import stream
from gaitbridge.simulation.body import Body, Shape
from gaitbridge.simulation.body._proportions import BONES, MEANS_LOG_M, bones_m
from gaitbridge.simulation.motion import MotionSource, parametric
from gaitbridge.simulation.motion._ground import SHANK_SHARE, Travel, Wanted, ankle_rise, fitted_to_body, slip_m, standing
from gaitbridge.simulation.motion._harmonics import ALTERNATE, BEND, JOINTS, LEAN, NUMBERS, STRIKE, basis
from gaitbridge.simulation.motion._measures import ANGLES, CURVE, FIRST_ANGLE, ROW, joints_at_rest
from gaitbridge.simulation.motion._posture import Limits
from gaitbridge.simulation.motion._skeleton import Skeleton, skeleton_of
from gaitbridge.simulation.motion.parametric import CADENCE_WAVES_STRIDES, TAKES, GeneratedWalk, Style, WalkModel

CREDIT = "spread between and within people from Andersson and Araujo, AAAI 2015 (covariances only)"
MEAN = "measured_walk_mean.json"
STEADY_PERSON, STEADY_TAKE = 0.27, 0.18  # log deviations of how much a person varies, and a take of it (measured)
TAKE_SHARE = 0.25  # of what lies between the least and the most that takes can differ by (variances; see docs/motion_sources.md)
SPREAD_LIMIT = 2.8  # standard deviations at which samples are cut
SHRINKING, MOST_OFF, MOST_SLIDE_M_S = (1.0, 0.85, 0.7, 0.5, 0.35), 0.06, 0.09  # of who cannot walk as drawn: the stride misses, or feet slide
WIDTH_PER_LEG, SWAY_PER_LEG, BOB_PER_LEG = 0.13, 0.08, 0.040  # means over leg length (D)
WIDTH_M, SWAY_M = (0.04, 0.26), (0.02, 0.14)  # least and most
LIMITS = Limits(knee=(-2.0, 14.0), trunk=(-6.0, 15.0), gaze=(-25.0, 30.0), arm=(-22.0, 26.0), standing_knee=(0.0, 27.0), spread=(-4.0, 26.0))
# The knee of adults at shares of the cycle since heel strike, degrees between hip, knee and ankle, and how much of it the mean walk takes: the
# captures' knees bend by 17 where the feet pass, and are straightest only when the heel has left the ground (usual values of textbooks, Winter
# 1991, Perry 1992, rounded; not digitised).
USUAL_KNEE = (
    (0.0, 4.0), (0.04, 8.0), (0.08, 14.0), (0.12, 18.0), (0.16, 18.0), (0.2, 16.5), (0.24, 14.0), (0.28, 11.5), (0.32, 9.0), (0.36, 7.0),
    (0.4, 5.5), (0.44, 5.5), (0.48, 7.5), (0.52, 12.0), (0.56, 20.0), (0.6, 31.0), (0.64, 43.0), (0.68, 54.0), (0.72, 60.0), (0.76, 59.0),
    (0.8, 51.0), (0.84, 38.0), (0.88, 24.0), (0.92, 10.0), (0.96, 3.0),
)  # fmt: skip
USUAL_KNEE_SHARE = 0.8
# The camera's mean curve of the left knee, degrees, how flat it shows it, the mean of people's ranges on it, and how much of their deviations counts.
CAMERA_KNEE = np.array([17.16, -6.19, -15.02, -8.32, 3.88, -3.10, 2.59])
CAMERA_GAIN, CAMERA_RANGE_DEG, RANGE_SHARE, KNEE_OWN = 0.786, 45.4, 0.75, 1.1
HIP_ODD = 0.6  # what counts of how one hip's curve differs from the other's
LEAST_SWING = 0.4  # of an arm, times the usual
ELBOW_WITH_SWING, ELBOW_OWN, ELBOW_MEAN_WITH_SWING_DEG = 0.78, 0.3, 6.0  # of the swing's relative deviation; of the elbow's own
SWING_WITH_CADENCE = 1.8  # relative deviation of the swing for one of cadence
SWING_ODD = 0.75  # what counts of how far an arm swings otherwise than both do
ARMS_OUT_DEG = 4.0  # how much further out arms hang than the mean walk's, which hardly clear the hips
# Shares of the trunk's lean that its two joints bend by, of the neck's that neck and head do, and what the line of joints then leans by.
TRUNK, NECK = {"LowerBack": 0.93, "Spine1": 0.55}, {"Neck": 0.62, "Head": 0.62}
# (joint, axis) that the measured angles speak of: these have no published deviations.
MEASURED = (
    *((name, axis) for name in ("LowerBack", "Spine1") for axis in (LEAN, BEND)), ("Neck", BEND), ("Head", BEND),
    *((side + limb, axis) for side in ("Left", "Right") for limb, axes in
      (("Arm", (LEAN, BEND)), ("ForeArm", (BEND,)), ("UpLeg", (LEAN, BEND)), ("Leg", (BEND,))) for axis in axes),
)  # fmt: skip


@dataclass(frozen=True)
class People:
    """How far measured people differ: rows [132] as in `_measures.ROW` without the bones; lengths over the leg's as shares of their mean.

    of_bones [8, n]: what a unit of each bone's logarithm adds; between [k, n] and take [k', n]: components
    whose squares sum to what bones do not tell, and to what differs between takes.
    """

    of_bones: np.ndarray
    between: np.ndarray
    take: np.ndarray

    def person(self, bones_m_: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Deviations [n] of a person with these bones."""
        apart = np.clip(np.log(bones_m_) - MEANS_LOG_M, -0.4, 0.4)
        return apart @ self.of_bones + parametric.bounded(random, len(self.between), SPREAD_LIMIT) @ self.between

    def of_take(self, steadiness: float, random: np.random.Generator) -> np.ndarray:
        """Deviations [n] of a take from its person."""
        tail = math.exp(STEADY_TAKE * random.standard_normal() - STEADY_TAKE**2)
        return steadiness * tail * (parametric.bounded(random, len(self.take), SPREAD_LIMIT) @ self.take)


@lru_cache(maxsize=1)
def shipped() -> People:
    """The people of the package."""
    with as_file(files("gaitbridge.simulation.motion").joinpath("measured_people.npz")) as path, np.load(path, allow_pickle=False) as file:
        low, high = file["take_least"].astype(float), file["take_most"].astype(float)
        take = np.concatenate([math.sqrt(1.0 - TAKE_SHARE) * low, math.sqrt(TAKE_SHARE) * high])
        scale, calibrated = file["scale"].astype(float), file["calibrated"].astype(float)
        return People(
            file["of_bones"] * scale * calibrated[0], file["between"] * scale * calibrated[0],
            take * scale * calibrated[1],
        )  # fmt: skip


@lru_cache(maxsize=1)
def _stance() -> np.ndarray:
    """[2, 9, 9]: from a curve to the same curve where the left or the right foot stands, as numbers of four harmonics."""
    phases = np.linspace(0.0, 2.0 * np.pi, 72, endpoint=False)
    waves = basis(phases)
    inverse = waves.T * np.r_[1.0, np.full(NUMBERS - 1, 2.0)][:, None] / len(phases)
    weight = standing(phases)
    return np.stack([inverse @ (waves * weight[:, [side]]) for side in (0, 1)])


def moved(coefficients: np.ndarray, deviations: np.ndarray) -> np.ndarray:
    """Coefficients [19, 3, 9] whose angles are moved by deviations [132] in degrees of the measured angles."""
    curves = np.zeros((len(ANGLES), NUMBERS))
    curves[:, : len(CURVE)] = np.deg2rad(deviations[FIRST_ANGLE - len(BONES) :].reshape(len(ANGLES), len(CURVE)))
    angle = dict(zip(ANGLES, curves, strict=True))
    out = coefficients.copy()
    for name, share in TRUNK.items():
        out[JOINTS.index(name), BEND] += share * angle["trunk_pitch"]
        out[JOINTS.index(name), LEAN] += share * angle["trunk_roll"]
    for name, share in NECK.items():
        out[JOINTS.index(name), BEND] += share * (angle["neck_pitch"] - sum(TRUNK.values()) * angle["trunk_pitch"])
    _arms_that_swing(coefficients, angle, deviations[0])
    _even_steps(angle)
    for side, sign in (("Left", 1.0), ("Right", -1.0)):
        thigh, knee, foot, arm, fore = (JOINTS.index(side + limb) for limb in ("UpLeg", "Leg", "Foot", "Arm", "ForeArm"))
        of = {name[:-2]: values for name, values in angle.items() if name.endswith(side[0])}
        out[thigh, BEND] -= of["hip_flexion"]
        out[thigh, LEAN] += sign * of["hip_abduction"]
        out[knee, BEND] = _ranged(coefficients[knee, BEND], of["knee_flexion"], -sign)
        out[foot, LEAN] -= sign * of["hip_abduction"]
        out[arm, BEND] -= of["shoulder_flexion"] + sum(TRUNK.values()) * angle["trunk_pitch"]
        out[arm, LEAN, 0] += sign * np.deg2rad(ARMS_OUT_DEG)
        out[arm, LEAN] += sign * of["shoulder_abduction"] - sum(TRUNK.values()) * angle["trunk_roll"]
        out[fore, BEND] -= of["elbow_flexion"]
    for number, side in enumerate(("Left", "Right")):
        thigh, knee, foot = (JOINTS.index(side + limb) for limb in ("UpLeg", "Leg", "Foot"))
        change = (out[knee] + out[thigh] - coefficients[knee] - coefficients[thigh])[BEND]
        out[foot, BEND] -= _stance()[number] @ change  # a foot that stands keeps its sole on the ground
    return out


def _ranged(mean: np.ndarray, deviation: np.ndarray, side: float) -> np.ndarray:
    """A knee's curve [9] moved by a deviation, and stretched until its range differs as it does on the camera's mean curve (`side` -1: left).

    Added to our mean curve, which has another form, the same deviations would make ranges differ more, and by what hips do.
    """
    seen = np.where(side < 0, 1.0, ALTERNATE) * np.concatenate([CAMERA_KNEE, [0.0, 0.0]])
    waves = _waves()
    more = float(np.ptp(waves @ np.rad2deg(CAMERA_GAIN * deviation) + waves @ seen) / CAMERA_RANGE_DEG) - 1.0
    curve = mean + KNEE_OWN * deviation
    wanted = float(np.ptp(waves @ mean)) * (1.0 + float(np.clip(RANGE_SHARE * more, -0.35, 0.35)))
    curve[1:] *= wanted / float(np.ptp(waves @ curve))
    return curve


def with_usual_knees(mean: np.ndarray) -> np.ndarray:
    """A mean walk [19, 3, 9] whose knees are as bent as usual over the cycle; thigh and foot share the change, as the ankle stays below the hip."""
    out = mean.copy()
    share, degrees = np.array(USUAL_KNEE).T
    usual = np.linalg.pinv(basis(2.0 * np.pi * (STRIKE + share))) @ np.deg2rad(degrees)
    for side, turned in (("Left", 1.0), ("Right", ALTERNATE)):
        thigh, knee, foot = (JOINTS.index(side + limb) for limb in ("UpLeg", "Leg", "Foot"))
        change = USUAL_KNEE_SHARE * (turned * usual - mean[knee, BEND])
        out[knee, BEND] += change
        out[thigh, BEND] -= (1.0 - SHANK_SHARE) * change
        out[foot, BEND] -= SHANK_SHARE * change
    return out


@lru_cache(maxsize=1)
def _waves() -> np.ndarray:
    return basis(np.linspace(0.0, 2.0 * np.pi, 48, endpoint=False))


def _even_steps(angle: dict[str, np.ndarray]) -> None:
    """What left and right hips differ in follows what knees do, but for a half: else steps would be far more uneven than measured."""
    left, right = angle["hip_flexion_L"], angle["hip_flexion_R"]
    knees = angle["knee_flexion_L"][0] - angle["knee_flexion_R"][0]
    even, odd = 0.5 * (left[0] + right[0]), 0.5 * (left[0] - right[0])
    odd = 0.5 * (SHANK_SHARE * knees + odd)
    half = 0.5 * (1.0 - HIP_ODD) * (left - ALTERNATE * right)[1:]
    left[1:] -= half
    right[1:] += ALTERNATE[1:] * half
    left[0], right[0] = even + odd, even - odd


def _arms_that_swing(coefficients: np.ndarray, angle: dict[str, np.ndarray], log_cadence: float) -> None:
    """Elbows bend with the arm's swing, fast walkers swing more, and no arm stops swinging.

    The depth camera's mean curve of the elbow is flat, because elbows bend at different times before it; its range goes with the swing's (+0.91).
    What swing, cadence and the elbow's mean have in common shows in the measured scalars (+0.34, +0.18), more than in the curves' covariance.
    """
    means = {side: -coefficients[JOINTS.index(f"{side}Arm"), BEND, 1:3] for side in ("Left", "Right")}
    swings = {side: float(mean @ angle[f"shoulder_flexion_{side[0]}"][1:3] / (mean @ mean)) for side, mean in means.items()}
    for side, mean in means.items():
        swing, elbow, drawn = angle[f"shoulder_flexion_{side[0]}"], angle[f"elbow_flexion_{side[0]}"], swings[side]
        alike = 0.5 * sum(swings.values())
        more = max(alike + SWING_ODD * (drawn - alike) + SWING_WITH_CADENCE * log_cadence, LEAST_SWING - 1.0)
        swing[1:3] += (more - drawn) * mean
        elbow[1:] *= ELBOW_OWN
        elbow[1:] -= ELBOW_WITH_SWING * more * coefficients[JOINTS.index(f"{side}ForeArm"), BEND, 1:]
        elbow[0] += np.deg2rad(ELBOW_MEAN_WITH_SWING_DEG) * more


def unmeasured(deviations: np.ndarray) -> np.ndarray:
    """Published deviations [19, 3, 9] without those of what was measured; joints below make good what the ones above move."""
    out = deviations.copy()
    for name, axis in MEASURED:
        out[JOINTS.index(name), axis] = 0.0
    for axis in (LEAN, BEND):
        hips = out[JOINTS.index("Hips"), axis].copy()
        out[JOINTS.index("LowerBack"), axis] -= hips
        for side in ("Left", "Right"):
            out[JOINTS.index(f"{side}UpLeg"), axis] -= hips
            out[JOINTS.index(f"{side}Arm"), axis] -= out[JOINTS.index(f"{side}Shoulder"), axis]
    return out


@dataclass
class MeasuredSource:
    """Generated people; see `simulation.motion.MotionSource`."""

    name: str
    licence: str
    model: WalkModel
    spread: People
    people: tuple[str, ...] | None = None

    def takes(self, person: str) -> int:
        """As many as anyone asks for."""
        return TAKES

    def walk(self, person: str, take: int, seed: int, body: Body, shape: Shape) -> GeneratedWalk:
        """Take `take` of a person: streams (seed, measured walk, person) and (seed, measured walk, person, take)."""
        skeleton, leg_m = skeleton_of(body, shape, straight_knees=True), float(body.measures(shape)["leg_m"])
        own, now = stream(seed, "measured walk", person), stream(seed, "measured walk", person, take)
        plain = Style(self.model.mean, 1.0, 1.0)
        someone = self.model.sample_person(own)
        sometime = self.model.sample_take(Style(someone.coefficients, 1.0, 1.0), now)
        coefficients = plain.coefficients + unmeasured(sometime.coefficients - plain.coefficients)
        steadiness = math.exp(STEADY_PERSON * own.standard_normal() - STEADY_PERSON**2)
        deviations = self.spread.person(bones_m(joints_at_rest(body, shape)), own) + self.spread.of_take(steadiness, now)
        for share in SHRINKING:
            wanted = share * deviations
            fitted, travel, style = self._on_ground(moved(coefficients, wanted), wanted, leg_m, (skeleton, body, shape))
            off = abs(travel.stride_m / (style[1] * leg_m) - 1.0)
            if off < MOST_OFF and style[0] * slip_m(fitted, travel, skeleton, body, shape) < MOST_SLIDE_M_S:
                break
        random = stream(seed, "walk rhythm", person, take)
        start, *waves = random.uniform(0.0, 2.0 * np.pi, 1 + len(CADENCE_WAVES_STRIDES))
        variation = float(self.model.numbers["rhythm"]["stride_time_variation"]) * steadiness
        return GeneratedWalk(skeleton, Style(fitted, *style), travel, float(start), np.array(waves), variation)

    def _on_ground(
        self, coefficients: np.ndarray, deviations: np.ndarray, leg_m: float, on: tuple[Skeleton, Body, Shape],
    ) -> tuple[np.ndarray, Travel, tuple[float, float]]:  # fmt: skip
        """Coefficients that stand on the ground, the travel, and cadence and stride over leg length."""
        rhythm, of = self.model.numbers["rhythm"], dict(zip(ROW[len(BONES) : FIRST_ANGLE], deviations, strict=False))
        cadence_hz = rhythm["cadence_hz"] * math.exp(of["log_stride_hz"])
        stride_per_leg = rhythm["stride_per_leg"] * max(0.55, 1.0 + of["step_per_leg"])
        width_m = float(np.clip(WIDTH_PER_LEG * (1.0 + of["step_width_per_leg"]) * leg_m, *WIDTH_M))
        sway_m = float(np.clip(SWAY_PER_LEG * (1.0 + of["pelvis_sway_per_leg"]) * leg_m, *SWAY_M))
        bob_m = BOB_PER_LEG * (1.0 + max(of["pelvis_bob_per_leg"], -0.7)) * leg_m
        rise = ankle_rise(self.model.mean) * (1.0 + float(np.clip(of["ankle_rise_per_leg"], -0.4, 0.4)))
        fitted, travel = fitted_to_body(coefficients, stride_per_leg * leg_m, *on, wanted=Wanted(width_m, sway_m, bob_m, rise, LIMITS))
        return fitted, travel, (cadence_hz, stride_per_leg)


def open_source(argument: str | None) -> MotionSource:
    """Walks that differ as measured people do, about the shipped mean of seven captured people or that of a file of `gaitbridge fit-motion`."""
    if argument:
        mean = parametric.open_source(argument)
        name, licence, model = f"measured:{Path(argument).name}", mean.licence, mean.model
    else:
        name, licence, model = "measured", parametric.LICENCE, parametric.shipped(MEAN)
    return MeasuredSource(name, f"{licence}; {CREDIT}", replace(model, mean=with_usual_knees(model.mean)), shipped())
