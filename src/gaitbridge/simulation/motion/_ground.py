"""From joint rotations to a walk on the ground: feet that stand do not move, and the lowest vertex is on the floor."""

from dataclasses import dataclass

import numpy as np

from gaitbridge.simulation.body import Body, Shape
from gaitbridge.simulation.motion._harmonics import BEND, JOINTS, LEAN, LEGS, STANCE, STRIKE, basis, bump, turns_at
from gaitbridge.simulation.motion._posture import USUAL, Limits, clear_of_body, flat_footed, standing_on, upright
from gaitbridge.simulation.motion._skeleton import Skeleton, foot_vertices, posed_feet, rotation_matrices

PHASES = 60  # of a cycle, at which the ground is solved
SMOOTHNESS = 9  # harmonics of the root's path
SWING_PENALTY_M = 0.03  # how much higher a swinging foot counts than it is
CONTACT_M = 0.006  # how far above the lowest vertex a vertex still carries weight (its e-fold)
ROUNDS = 4
GAINS, WANTED_GAINS, MOST_LIFT_RAD = (0.85, 1.2), (0.75, 1.3), 0.25
LIFT_M_RAD = 0.2  # metres that a swinging foot rises for a radian of the knee with its share of hip and ankle
# Early and late swing: where in the cycle since heel strike the lift is centred, from when to when it counts, least height in metres
# (Winter 1991: toes clear the ground by 1.3 cm).
SWINGS = ((0.70, 0.63, 0.72, -0.004), (0.83, 0.72, 0.88, 0.012))
# Of a wanted step width, the share that knees give rather than hips, the shank's share of the leg, and how far a knee may lean.
KNEES_SHARE, SHANK_SHARE, MOST_KNEE_RAD = 0.8, 0.53, 0.1
# Where in the cycle the left knee bends most, what a radian more of it adds to `ankle_rise`, and the most.
SWINGING_KNEE, RISE_OF_KNEE, MOST_BENT_RAD = 0.775, 0.45, 0.2
KNEE_MEAN_BACK = 0.12  # of that, taken from the knee's mean
BOB_OF_KNEE_M, MOST_SOFT_RAD = 0.06, 0.07  # what a radian more of the standing knee takes from the bob, and the most
# Of the cycle since heel strike, when the heel that leaves the ground rises; what a radian more of it takes from the bob, and the most.
LEAVING, BOB_OF_HEEL_M, MOST_HEEL_RAD = 0.52, 0.06, 0.14
SHOWN = basis(np.linspace(0.0, 2.0 * np.pi, 48, endpoint=False))
UNEVEN = 0.15
DOUBLE = 0.05  # of a cycle after heel strike in which both feet are to be on the ground
# Step widths and sway of the hips from side to side, metres: mean of the samples, mean of people, share of a sample's distance that is
# kept, least and most (widths our choice in the range of healthy adults; sway as in the captures that we saw).
WIDTHS_M, SWAYS_M = (0.15, 0.11, 0.6, 0.05, 0.18), (0.13, 0.08, 0.35, 0.045, 0.12)


@dataclass(frozen=True)
class Travel:
    """The root's path: stride_m forward in a cycle plus a periodic part, coefficients [1 + 2 SMOOTHNESS, 3] of `basis`, metres.

    heading [3, 3] turns the body so that the mean path is along +x.
    """

    stride_m: float
    periodic: np.ndarray
    heading: np.ndarray

    def at(self, phase: np.ndarray) -> np.ndarray:
        """Root positions [T, 3] at unwrapped phases [T]."""
        out = basis(phase, SMOOTHNESS) @ self.periodic
        out[:, 0] += self.stride_m * phase / (2.0 * np.pi)
        return out


def standing(phases: np.ndarray) -> np.ndarray:
    """How much each foot stands at phases [T]: [T, 2] for left and right, 1 in stance, 0 in swing, smooth between.

    Weight is carried from heel strike, about where the thighs are farthest apart, for STANCE of a cycle.
    """
    middle = 2.0 * np.pi * (STRIKE + 0.5 * STANCE)
    beyond = np.cos(phases[:, None] - middle - np.array([0.0, np.pi])) - np.cos(np.pi * STANCE)
    return 1.0 / (1.0 + np.exp(-9.0 * beyond))


@dataclass(frozen=True)
class Wanted:
    """What a walk is to measure on the ground: step width, sway and bob of the hips in metres, `ankle_rise`; and how far posture may go."""

    width_m: float
    sway_m: float
    bob_m: float
    rise: float
    limits: Limits


@dataclass(frozen=True)
class Cycle:
    """A cycle seen from the hips: phases [T], foot vertices feet_m [T, V', 3], which of them are right, and how each foot stands [T, 2]."""

    phases: np.ndarray
    feet_m: np.ndarray
    right: np.ndarray
    stands: np.ndarray

    def lowest_m(self) -> np.ndarray:
        """Lowest vertex of each foot [T, 2]."""
        return np.stack([self.feet_m[:, ~self.right, 2].min(axis=1), self.feet_m[:, self.right, 2].min(axis=1)], axis=1)

    def under_m(self) -> np.ndarray:
        """Where the ground is [T]: the lowest vertex, where what swings counts as higher."""
        return (self.lowest_m() + SWING_PENALTY_M * (1.0 - self.stands)).min(axis=1)


def cycle_of(coefficients: np.ndarray, skeleton: Skeleton, body: Body, shape: Shape) -> Cycle:
    """Pose a cycle with the hips at the origin."""
    phases = np.linspace(0.0, 2.0 * np.pi, PHASES, endpoint=False)
    numbers = foot_vertices(body)
    feet = posed_feet(body, shape, skeleton.orientations(turns_at(coefficients, phases, LEGS)), numbers)
    right = np.array([skeleton.names[bone].startswith("Right") for bone in body.bone_of_vertex[numbers]])
    return Cycle(phases, feet, right, standing(phases))


def solve_travel(cycle: Cycle) -> Travel:
    """Solve the root's path over a cycle.

    1. Height: minus the lowest vertex.
    2. Travel: minus the mean velocity of the vertices that carry weight, which are those within some millimetres of the lowest.
    3. Smooth both by keeping a few harmonics; turn the body so that the mean travel is along +x.
    """
    feet, lowest = cycle.feet_m, cycle.under_m()
    height = feet[:, :, 2] + SWING_PENALTY_M * (1.0 - cycle.stands[:, cycle.right.astype(int)])
    weight = np.exp(-(height - lowest[:, None]) / CONTACT_M)
    step = 2.0 * np.pi / PHASES
    speed = (np.roll(feet, -1, axis=0) - np.roll(feet, 1, axis=0))[:, :, :2] / (2.0 * step)
    carried = -(weight[:, :, None] * speed).sum(axis=1) / weight.sum(axis=1)[:, None]
    waves = basis(cycle.phases, SMOOTHNESS)
    inverse = waves.T * np.r_[1.0, np.full(2 * SMOOTHNESS, 2.0)][:, None] / PHASES
    velocity = inverse @ carried
    periodic = np.zeros((1 + 2 * SMOOTHNESS, 3))
    periodic[:, 2] = -(inverse @ lowest)
    for k in range(1, SMOOTHNESS + 1):
        a, b = velocity[2 * k - 1], velocity[2 * k]
        periodic[2 * k - 1, :2], periodic[2 * k, :2] = -b / k, a / k
    heading = rotation_matrices(np.array([0.0, 0.0, -np.arctan2(velocity[0, 1], velocity[0, 0])]))
    stride_m = 2.0 * np.pi * float(np.linalg.norm(velocity[0]))
    return Travel(stride_m, periodic @ heading.T, heading)


def fitted_to_body(
    coefficients: np.ndarray, stride_m: float, skeleton: Skeleton, body: Body, shape: Shape, wanted: Wanted | None = None,
) -> tuple[np.ndarray, Travel]:  # fmt: skip
    """Coefficients that this body can walk with a stride of `stride_m`, and the travel solved for them.

    `wanted` where the sample knows how wide its steps and its sway are; without it they are made usual.

    Sampled joint angles do not know of the ground. After the posture (`_posture`) and the step width are made usual, a few rounds of
    small corrections, each bounded and by its own first-order effect:
    1. the thighs' swing is scaled towards the stride;
    2. the thighs' mean is moved until both feet are on the ground after heel strike;
    3. a swinging foot that comes too near to the ground is lifted by knee, hip and ankle;
    4. soles are made level in mid-stance.
    """
    start = clear_of_body(upright(coefficients, wanted.limits if wanted else USUAL), skeleton, body, shape)
    if not wanted:
        start = _of_usual_sides(start, cycle_of(start, skeleton, body, shape))
    gain, thighs, uneven, bent, soft, heel, lifts = 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, np.zeros((2, len(SWINGS)))
    for rounds_left in range(ROUNDS, -1, -1):
        fitted = _corrected(start, gain, thighs, lifts, bent, uneven, soft, heel)
        if wanted and wanted.limits.standing_knee:
            fitted = standing_on(fitted, wanted.limits.standing_knee)
        fitted = flat_footed(fitted)
        cycle = cycle_of(fitted, skeleton, body, shape)
        travel = solve_travel(cycle)
        if rounds_left == 0:
            break
        gain = float(np.clip(gain * (stride_m / travel.stride_m) ** 0.8, *(WANTED_GAINS if wanted else GAINS)))
        if wanted:
            start = _of_usual_sides(start, cycle, wanted)
            bob_m = 2.0 * float(np.linalg.norm(travel.periodic[3:5, 2]))
            soft = float(np.clip(soft + 0.2 * (bob_m - wanted.bob_m) / BOB_OF_KNEE_M, -MOST_SOFT_RAD, MOST_SOFT_RAD))
            heel = float(np.clip(heel + 0.5 * (bob_m - wanted.bob_m) / BOB_OF_HEEL_M, -MOST_HEEL_RAD, MOST_HEEL_RAD))
            uneven = _less_uneven(uneven, cycle, rounds_left == ROUNDS)
            bent = float(np.clip(bent + (wanted.rise - ankle_rise(fitted)) / RISE_OF_KNEE, -MOST_BENT_RAD, MOST_BENT_RAD))
        low, under = cycle.lowest_m(), cycle.under_m()
        for number in (0, 1):
            share = (cycle.phases / (2.0 * np.pi) - STRIKE - 0.5 * number) % 1.0  # of the cycle since this foot's strike
            both = share < DOUBLE
            apart = max(0.2, _ahead(cycle, number, both) - _ahead(cycle, 1 - number, both))
            thighs += 0.5 * float(np.clip((low[both, number] - low[both, 1 - number]).mean() / apart, -0.1, 0.1))
            for which, (_, begin, end, least_m) in enumerate(SWINGS):
                height = float((low[:, number] - under)[(share >= begin) & (share < end)].min())
                lifts[number, which] = np.clip(lifts[number, which] + (least_m - height) / LIFT_M_RAD, 0.0, MOST_LIFT_RAD)
    return fitted, travel


def slip_m(coefficients: np.ndarray, travel: Travel, skeleton: Skeleton, body: Body, shape: Shape) -> float:
    """How far a sole slides while the other foot swings past, in metres a cycle of such sliding: the mean speed of its lowest vertices.

    When that is, is seen from the feet (twice as fast as the hips), and not from the phase: where the two disagree, feet slide most.
    """
    cycle = cycle_of(coefficients, skeleton, body, shape)
    path = travel.at(cycle.phases)
    feet = cycle.feet_m @ travel.heading.T + path[:, None]
    velocity, hips = (feet[2:] - feet[:-2])[:, :, :2] * (PHASES / 2.0), (path[2:] - path[:-2])[:, 0] * (PHASES / 2.0)
    speed = np.linalg.norm(velocity, axis=2)
    slides = []
    for side in (0, 1):
        own = cycle.right == bool(side)
        alone = velocity[:, ~own, 0].mean(axis=1) > 2.0 * hips
        height = feet[1:-1][alone][:, own, 2]
        low = height < height.min(axis=1, keepdims=True) + 0.008
        slides.append((speed[alone][:, own] * low).sum() / max(1, low.sum()))
    return float(np.mean(slides))


def ankle_rise(coefficients: np.ndarray) -> float:
    """How far ankles rise over the ankle of the foot that stands, in legs."""
    heights = []
    for side in ("Left", "Right"):
        thigh = -SHOWN @ (coefficients[JOINTS.index(f"{side}UpLeg"), BEND] + coefficients[JOINTS.index("Hips"), BEND])
        shank = thigh - SHOWN @ coefficients[JOINTS.index(f"{side}Leg"), BEND]
        heights.append((1.0 - SHANK_SHARE) * np.cos(thigh) + SHANK_SHARE * np.cos(shank))
    return 0.5 * float(np.ptp(heights[0] - heights[1]))


def _corrected(
    start: np.ndarray, gain: float, thighs: float, lifts: np.ndarray, bent: float = 0.0, uneven: float = 0.0, soft: float = 0.0,
    heel: float = 0.0,
) -> np.ndarray:  # fmt: skip
    """Coefficients with the thighs' swing times `gain`, their mean moved by `thighs` and swinging feet lifted by `lifts` [2, 2], radians.

    Swinging knees bend more by `bent`, standing ones by `soft`; heels that leave the ground rise more by `heel`.
    The left thigh is moved by `uneven` against the right.
    """
    out = start.copy()
    for number, side in enumerate(("Left", "Right")):
        thigh, knee, foot = (JOINTS.index(side + limb) for limb in ("UpLeg", "Leg", "Foot"))
        out[thigh, BEND, 1:] *= gain
        out[thigh, BEND, 0] += thighs + (0.5 - number) * uneven
        if bent:
            out[knee, BEND] += bent * bump(2.0 * np.pi * SWINGING_KNEE + np.pi * number)
            out[knee, BEND, 0] -= bent * KNEE_MEAN_BACK
        if soft:
            give = soft * bump(2.0 * np.pi * (STRIKE + 0.5 * STANCE) + np.pi * number)
            out[thigh, BEND] -= 0.5 * give
            out[knee, BEND] += give
            out[foot, BEND] -= 0.5 * give
        if heel:
            out[foot, BEND] += heel * bump(2.0 * np.pi * (STRIKE + LEAVING) + np.pi * number)
        for (middle, *_), size in zip(SWINGS, lifts[number], strict=True):
            lift = size * bump(2.0 * np.pi * (STRIKE + middle) + np.pi * number)
            out[thigh, BEND] -= 0.5 * lift
            out[knee, BEND] += lift
            out[foot, BEND] -= lift
    return out


def _less_uneven(uneven: float, cycle: Cycle, first: bool) -> float:
    """What moves the left thigh against the right, so that on average the left foot is ahead of the right by UNEVEN of what was drawn.

    Steps are even but for a few per cent, though each joint's mean differs from side to side.
    """
    feet = cycle.feet_m[:, :, 0]
    ahead = float(feet[:, ~cycle.right].mean() - feet[:, cycle.right].mean())
    leg_m = -float(cycle.lowest_m().min())
    return (1.0 - UNEVEN) * ahead / leg_m if first else uneven


def _ahead(cycle: Cycle, side: int, when: np.ndarray) -> float:
    """How far ahead of the hips the middle of a foot is at phases `when` [T] bool, metres."""
    return float(cycle.feet_m[when][:, cycle.right == bool(side), 0].mean())


def _of_usual_sides(coefficients: np.ndarray, cycle: Cycle, wanted: Wanted | None = None) -> np.ndarray:
    """Coefficients with usual sideways measures, or the wanted ones.

    The thighs are spread until the lines on which the feet stand are a usual step width apart, and leaned together with the sway
    until the hips sway usually; the feet lean back, so that their soles stay level.
    """
    travel = solve_travel(cycle)
    feet = (cycle.feet_m @ travel.heading.T)[:, :, 1] + travel.at(cycle.phases)[:, None, 1]
    counts = cycle.stands > (-1.0 if wanted else 0.8)  # measured people's feet were measured over whole cycles
    sideways = [feet[counts[:, side]][:, cycle.right == bool(side)].mean() for side in (0, 1)]
    width_m, leg_m = float(sideways[0] - sideways[1]), -float(cycle.lowest_m().min())
    wider = 0.5 * ((wanted.width_m if wanted else _usual(width_m, *WIDTHS_M)) - width_m) / leg_m
    sway = travel.periodic[1:3, 1]  # cosine and sine of a cycle
    sway_m = 2.0 * float(np.linalg.norm(sway))
    lean = sway * (1.0 - (wanted.sway_m if wanted else _usual(sway_m, *SWAYS_M)) / max(sway_m, 1e-6)) / leg_m
    out = coefficients.copy()
    for side, sign in (("Left", 1.0), ("Right", -1.0)):
        thigh, knee, foot = (JOINTS.index(side + limb) for limb in ("UpLeg", "Leg", "Foot"))
        more = wider
        if wanted:  # knock knees and bow legs: thighs keep most of what was drawn for them
            before = sign * out[knee, LEAN, 0]
            out[knee, LEAN, 0] = sign * np.clip(before + KNEES_SHARE * more / SHANK_SHARE, -MOST_KNEE_RAD, MOST_KNEE_RAD)
            more -= SHANK_SHARE * (sign * float(out[knee, LEAN, 0]) - before)
        out[thigh, LEAN, 0] += sign * more
        out[thigh, LEAN, 1:3] += lean
        out[foot, LEAN, 1:3] -= lean
    return out


def _usual(value: float, sampled: float, usual: float, kept: float, least: float, most: float) -> float:
    """A value moved from where samples lie to where people lie, with the share `kept` of its distance from the mean, within limits."""
    return float(np.clip(usual + kept * (value - sampled), least, most))
