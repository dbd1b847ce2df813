"""Sampled joint angles made into a posture that a person can have: soles flat, no crouching, arms beside the body and not in it."""

from dataclasses import dataclass

import numpy as np

from gaitbridge.conventions import BODY_PARTS
from gaitbridge.simulation.body import Body, Pose, Shape
from gaitbridge.simulation.motion._harmonics import BEND, JOINTS, LEAN, LEGS, STRIKE, basis, bump, turns_at
from gaitbridge.simulation.motion._skeleton import Skeleton

Range = tuple[float, float]


@dataclass(frozen=True)
class Limits:
    """Least and most degrees of a posture's means: flexion of a knee at its straightest, forward lean, head down, upper arm behind the vertical.

    Where they are given, too: flexion of the standing knee where the feet pass, and how far upper arms are held aside from the trunk.
    """

    knee: Range
    trunk: Range
    gaze: Range
    arm: Range
    standing_knee: Range | None = None
    spread: Range | None = None


# Of the cycle since heel strike: the foot takes the load, with a knee that may bend by so many degrees more than where the other foot passes.
LOADED, LOADED_MORE_DEG, PASSING = 0.13, 5.0, 0.29
FLAT = (0.10, 0.30)  # when in the cycle since heel strike the sole is flat on the ground
USUAL = Limits(knee=(1.0, 9.0), trunk=(-3.0, 13.0), gaze=(-10.0, 15.0), arm=(-10.0, 13.0))
ARM_GAP_M = 0.015  # from the middle of elbow, wrist and knuckles to the widest of the trunk and thighs beside them
BESIDE_M, LEVEL_M = 0.06, 0.06  # how far ahead or behind, above or below still counts as beside
MOST_SPREAD_RAD = 0.35


def flat_footed(coefficients: np.ndarray) -> np.ndarray:
    """Coefficients whose soles are level while the foot stands flat; without it, errors of hip, knee and ankle would add up there."""
    out = coefficients.copy()
    flat = 2.0 * np.pi * (STRIKE + np.linspace(*FLAT, 6))
    for _ in range(2):  # axes are nearly the foot's own: two corrections leave hundredths of a degree
        turns = turns_at(out, np.concatenate([flat, flat + np.pi]), LEGS)
        for side, stance in (("Left", slice(0, 6)), ("Right", slice(6, 12))):
            foot, turn = JOINTS.index(f"{side}Foot"), turns[f"{side}Foot"][stance]
            out[foot, BEND, 0] -= float(np.mean(np.arcsin(-turn[:, 2, 0])))
            out[foot, LEAN, 0] -= float(np.mean(np.arctan2(turn[:, 2, 1], turn[:, 2, 2])))
    return out


def upright(coefficients: np.ndarray, limits: Limits = USUAL) -> np.ndarray:
    """Coefficients of somebody who neither crouches nor folds: knees at their straightest, trunk, gaze and arms are within the limits."""
    out = coefficients.copy()
    waves = basis(np.linspace(0.0, 2.0 * np.pi, 60, endpoint=False))
    for side in ("Left", "Right"):
        knee = JOINTS.index(f"{side}Leg")
        straightest = float((waves @ out[knee, BEND]).min())
        out[knee, BEND, 0] += float(np.clip(straightest, *np.deg2rad(limits.knee))) - straightest
    chain = [JOINTS.index(name) for name in ("Hips", "LowerBack", "Spine1", "Neck", "Head")]
    for above, moved, limits_deg in ((3, chain[1:3], limits.trunk), (5, chain[3:], limits.gaze)):
        angle = float(out[chain[:above], BEND, 0].sum())
        out[moved, BEND, 0] += 0.5 * (float(np.clip(angle, *np.deg2rad(limits_deg))) - angle)
    for side in ("Left", "Right"):
        arm = [*chain[:3], JOINTS.index(f"{side}Shoulder"), JOINTS.index(f"{side}Arm")]
        angle = float(out[arm, BEND, 0].sum())
        out[arm[-1], BEND, 0] += float(np.clip(angle, *np.deg2rad(limits.arm))) - angle
        if limits.spread:
            sign = 1.0 if side == "Left" else -1.0
            out[arm[-1], LEAN, 0] = sign * drawn_in(sign * float(out[arm[-1], LEAN, 0]), limits.spread)
    return out


def drawn_in(value: float, limits_deg: Range) -> float:
    """An angle in radians between limits in degrees: hardly changed in the middle of them, and the less apart the nearer to them."""
    low, high = np.deg2rad(limits_deg)
    apart = 2.0 * (value - 0.5 * (low + high)) / (high - low)
    return float(0.5 * (low + high) + 0.5 * (high - low) * apart / (1.0 + apart**4) ** 0.25)


def standing_on(coefficients: np.ndarray, limits_deg: Range) -> np.ndarray:
    """Coefficients whose knees, when loaded and where the other foot passes, are bent within limits.

    Thigh and foot share the change, as the foot stays put.
    """
    out = coefficients.copy()
    for number, side in enumerate(("Left", "Right")):
        thigh, knee, foot = (JOINTS.index(side + limb) for limb in ("UpLeg", "Leg", "Foot"))
        for share, more_deg in ((LOADED, LOADED_MORE_DEG), (PASSING, 0.0)):
            when = 2.0 * np.pi * (STRIKE + share) + np.pi * number
            bent = float(basis(np.array([when]))[0] @ out[knee, BEND])
            change = (drawn_in(bent, (limits_deg[0] + more_deg, limits_deg[1] + more_deg)) - bent) * bump(when)
            out[thigh, BEND] -= 0.5 * change
            out[knee, BEND] += change
            out[foot, BEND] -= 0.5 * change
    return out


def clear_of_body(coefficients: np.ndarray, skeleton: Skeleton, body: Body, shape: Shape) -> np.ndarray:
    """Coefficients with the arms raised sideways as far as this body's hips need over a cycle; thin bodies keep theirs."""
    phases = np.linspace(0.0, 2.0 * np.pi, 16, endpoint=False)
    out = coefficients.copy()
    legs_and_trunk = [BODY_PARTS.index(part) for part in ("torso", "left_leg", "right_leg")]
    solid = np.flatnonzero(np.isin(body.part_of_vertex, legs_and_trunk))
    for _ in range(2):
        orientations = skeleton.orientations(turns_at(out, phases)).astype(np.float32)
        posed = body.posed(shape, Pose(orientations, np.zeros((len(phases), 3), np.float32)))
        flesh = posed.vertices_m[:, solid]
        for side, sign in (("Left", 1.0), ("Right", -1.0)):
            arm, needed = JOINTS.index(f"{side}Arm"), 0.0
            shoulder = posed.joints_m[:, skeleton.index(f"{side}Arm")]
            for name in ("ForeArm", "Hand", "FingerBase"):
                joint = posed.joints_m[:, skeleton.index(side + name)]
                beside = (np.abs(flesh[:, :, 0] - joint[:, None, 0]) < BESIDE_M) & (np.abs(flesh[:, :, 2] - joint[:, None, 2]) < LEVEL_M)
                widest = np.where(beside, sign * flesh[:, :, 1], -np.inf).max(axis=1)
                inside = widest + ARM_GAP_M - sign * joint[:, 1]
                needed = max(needed, float((inside / np.maximum(shoulder[:, 2] - joint[:, 2], 0.2)).max()))
            spread = sign * out[arm, LEAN, 0]
            out[arm, LEAN, 0] = sign * max(spread, min(spread + needed, MOST_SPREAD_RAD))
    return out
