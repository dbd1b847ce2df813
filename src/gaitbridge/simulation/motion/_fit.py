"""Learning the statistical walk from a folder of captures, with what differs between people and between takes kept apart."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gaitbridge.errors import UserError
from gaitbridge.files import written_whole
from gaitbridge.progress import Progress, silent
from gaitbridge.simulation.body import Body, Shape
from gaitbridge.simulation.motion import _published, amc, bvh
from gaitbridge.simulation.motion._captures import OURS_FROM_SOURCE, Capture, CapturedSource, files_in, retarget, source_of
from gaitbridge.simulation.motion._harmonics import BEND, HARMONICS, JOINTS, NUMBERS, PARENT_OF, STRIKE, basis, bump, mirrored
from gaitbridge.simulation.motion._skeleton import DOWN, Skeleton, rotation_matrices, side_of, skeleton_of

FORMAT = "gaitbridge-walk-1"
FEWEST_CYCLES = 1.0
TRUSTED_PEOPLE = 20  # captured people (or repeated takes) that weigh as much as the published deviations
CADENCES_HZ = np.arange(0.4, 1.6, 0.005)  # strides a second that are looked for
MOST_RESIDUAL, MOST_SWING = 2.0, 1.7  # times the median: takes beyond are no usual, steady walking
MOST_TURN_DEG = 25.0  # by which the direction of travel may change in a straight walk
HEADING_S = 0.5  # over which directions of travel are smoothed, so that sway is none
RIDGE = 1e-3  # keeps the harmonics of captures of hardly more than a cycle small


def gait_phase(left_rad: np.ndarray, right_rad: np.ndarray, frame_s: float) -> tuple[np.ndarray, float]:
    """Unwrapped phase [T] and strides a second from the two thighs' forward angles [T].

    Their difference is demodulated at the frequency that explains it best, so that the phase follows changes of cadence but not
    the shape of the curve.
    """
    time_s = np.arange(len(left_rad)) * frame_s
    swing = left_rad - right_rad
    best, best_left = 0.0, np.inf
    for cadence in CADENCES_HZ:
        waves = np.stack([np.ones_like(time_s), np.cos(2 * np.pi * cadence * time_s), np.sin(2 * np.pi * cadence * time_s)], axis=1)
        left_over = float(np.linalg.lstsq(waves, swing, rcond=None)[1].sum() or np.inf)
        if left_over < best_left:
            best, best_left = float(cadence), left_over
    window = max(3, round(0.75 / best / frame_s))
    carrier = np.exp(-2j * np.pi * best * time_s)
    phase = np.empty_like(time_s)
    for at in range(len(time_s)):  # a local fit of offset, cosine and sine under a Gaussian window
        near = slice(max(0, at - window), at + window + 1)
        weight = np.exp(-0.5 * ((time_s[near] - time_s[at]) / (0.35 / best)) ** 2)
        waves = np.stack([np.ones_like(weight), carrier[near].real, -carrier[near].imag], axis=1)
        offset_a_b = np.linalg.solve((waves.T * weight) @ waves, (waves.T * weight) @ swing[near])
        phase[at] = 2 * np.pi * best * time_s[at] - np.arctan2(offset_a_b[2], offset_a_b[1])
    phase = np.unwrap(phase)
    return phase, float((phase[-1] - phase[0]) / (2 * np.pi) / (time_s[-1] - time_s[0]))


def local_vectors(orientations: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """Rotation vectors [T, 19, 3] relative to the parent, from the standing posture; orientations [T, J, 3, 3] heading along +x."""
    from scipy.spatial.transform import Rotation

    numbers = {name: skeleton.index(name) for name in JOINTS}
    turns = {name: orientations[:, at] @ skeleton.standing[at].T for name, at in numbers.items()}
    out = np.empty((len(orientations), len(JOINTS), 3))
    for number, (name, parent) in enumerate(PARENT_OF.items()):
        local = turns[parent].transpose(0, 2, 1) @ turns[name] if parent else turns[name]
        out[:, number] = Rotation.from_matrix(local).as_rotvec()
    return out


def headings(path: np.ndarray, window: int) -> np.ndarray:
    """The direction of travel [T] in radians along a path [T, 2 or 3], smoothed over `window` frames."""
    from scipy.ndimage import gaussian_filter1d

    velocity = np.gradient(gaussian_filter1d(path[:, :2], window, axis=0, mode="nearest"), axis=0)
    return np.asarray(gaussian_filter1d(np.unwrap(np.arctan2(velocity[:, 1], velocity[:, 0])), window, mode="nearest"))


def headed_along_x(orientations: np.ndarray, path: np.ndarray, window: int) -> np.ndarray:
    """Orientations turned so that the smoothed direction of travel is +x in every frame (walks on a bend become straight)."""
    heading = headings(path, window)
    vectors = np.stack([np.zeros_like(heading), np.zeros_like(heading), -heading], axis=-1)
    return rotation_matrices(vectors)[:, None] @ orientations


def describe(capture: Capture, skeleton: Skeleton) -> "Described":
    """A capture in numbers; UserError where it holds less than a cycle."""
    orientations = retarget(capture, skeleton)
    path = capture.recording.root_positions()[capture.first : capture.last] @ OURS_FROM_SOURCE.T / capture.leg
    window = max(1, round(HEADING_S / capture.recording.frame_s))
    turn_deg = float(np.rad2deg(np.ptp(headings(path, window))))
    orientations = headed_along_x(orientations, path, window)
    thighs = []
    for side in ("Left", "Right"):
        joint = skeleton.index(f"{side}UpLeg")
        along = orientations[:, joint] @ skeleton.standing[joint].T @ DOWN
        thighs.append(np.arctan2(along[:, 0], -along[:, 2]))
    phase, cadence = gait_phase(thighs[0], thighs[1], capture.recording.frame_s)
    cycles = (phase[-1] - phase[0]) / (2 * np.pi)
    if cycles < FEWEST_CYCLES:
        raise UserError(f"{capture.recording.path}: only {cycles:.1f} gait cycles, a fit needs {FEWEST_CYCLES:.0f}: take the file out of the folder")
    vectors = local_vectors(orientations, skeleton)
    waves = basis(phase)
    ridge = RIDGE * len(phase) * np.diag([0.0] + [1.0] * (NUMBERS - 1))
    numbers = np.linalg.solve(waves.T @ waves + ridge, waves.T @ vectors.reshape(len(phase), -1))
    residual = float(np.sqrt(np.mean((waves @ numbers - vectors.reshape(len(phase), -1)) ** 2)))
    length = float(np.linalg.norm(np.diff(path[:, :2], axis=0).sum(axis=0)))
    return Described(capture.recording.path.name, numbers.T.reshape(len(JOINTS), 3, NUMBERS), cadence, length / cycles, residual, turn_deg)


def fit_motion(folder: Path, out: Path, progress: Progress = silent, body: Body | None = None, credit: str = "") -> dict[str, Any]:
    """Fit the statistical walk to the BVH and AMC files of `folder` and of the folders in it, write it to `out` (JSON) and return a summary.

    The summary: people, takes, residual_rad, between_over_within (variances of the captures' curves), cadence_hz,
    stride_per_leg, left_out. `credit` says where the captures come from and on what terms, by default the folder's licence file.
    UserError where the folder holds fewer than two people who walk.
    """
    source = every_capture(folder)
    if len(source.people or ()) < 2:
        raise UserError(f"{folder} holds one person only: what differs between people needs two or more, named <person>_<take>.bvh")
    if body is None:
        from gaitbridge.simulation.body.anny import open_body

        body = open_body("reduced")
    people, left_out = steady(measured_people(source, body, body.shared_shape(), progress))
    model, summary = distribution(people)
    summary["left_out"] = ", ".join(f"{file} ({why})" for file, why in left_out.items()) or "none"
    files = sorted(take.file for takes in people.values() for take in takes)
    model["learnt_from"] = {"people": summary["people"], "files": files, "left_out": left_out, "licence": credit or source.licence}
    with written_whole(out) as temporary:
        temporary.write_text(json.dumps(model, separators=(",", ":")) + "\n", encoding="utf-8")
    return summary


def every_capture(folder: Path) -> CapturedSource:
    """All BVH and AMC files of a folder and of the folders in it. A trial that is there as both (files of one name) counts once, as AMC."""
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder: give one of captures named <person>_<take>, .bvh or .amc")
    trials = files_in(folder, ".amc", deep=True)
    both = {path.stem for path in trials}
    others = [path for path in files_in(folder, ".bvh", deep=True) if path.stem not in both]
    if not trials and not others:
        raise UserError(f"{folder} holds no .bvh and no .amc file: put captures named <person>_<take> into it")
    captures = [*amc.read_captures(trials), *map(bvh.open_capture, others)]
    return source_of(folder.name, folder, sorted(captures, key=lambda capture: capture.recording.path.name))


@dataclass(frozen=True)
class Described:
    """A take in numbers: coefficients [19, 3, 9], strides a second, stride over leg length, residual (rad), change of heading."""

    file: str
    coefficients: np.ndarray
    cadence_hz: float
    stride_per_leg: float
    residual_rad: float
    turn_deg: float

    @property
    def swing_rad(self) -> float:
        """First harmonic of the thighs' forward swing, mean of both sides."""
        sides = [self.coefficients[JOINTS.index(f"{side}UpLeg"), BEND, 1:3] for side in ("Left", "Right")]
        return float(np.mean([np.linalg.norm(numbers) for numbers in sides]))

    def row(self) -> np.ndarray:
        """All of it in one line [515], rhythm as logarithms at the end."""
        return np.concatenate([self.coefficients.ravel(), np.log([self.cadence_hz, self.stride_per_leg])])


def measured_people(source: CapturedSource, body: Body, shape: Shape, progress: Progress) -> dict[str, list[Described]]:
    """`describe` of every take by person."""
    skeleton, names = skeleton_of(body, shape), source.people or ()
    people: dict[str, list[Described]] = {}
    for number, person in enumerate(names):
        progress(number, len(names), person)
        people[person] = [describe(source.capture(person, take), skeleton) for take in range(source.takes(person))]
    progress(len(names), len(names), "")
    return people


def steady(people: dict[str, list[Described]]) -> tuple[dict[str, list[Described]], dict[str, str]]:
    """The takes of usual, straight, steady walking, and of the other files why not.

    A residual over twice the median tells stumbles and walks without a steady cycle; a thigh swing over 1.7 times the median, or under its
    inverse, acted walks.
    """
    every = [take for takes in people.values() for take in takes]
    most = MOST_RESIDUAL * float(np.median([take.residual_rad for take in every]))
    usual = float(np.median([take.swing_rad for take in every]))
    odd: dict[str, str] = {}
    for take in every:
        if take.turn_deg > MOST_TURN_DEG:
            odd[take.file] = "turns"
        elif take.residual_rad > most:
            odd[take.file] = "no steady cycle"
        elif not 1 / MOST_SWING < take.swing_rad / usual < MOST_SWING:
            odd[take.file] = "thighs that swing unusually"
    kept = {person: [take for take in takes if take.file not in odd] for person, takes in people.items()}
    return {person: takes for person, takes in kept.items() if takes}, dict(sorted(odd.items()))


def distribution(people: dict[str, list[Described]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The model (what the JSON holds) and a summary, from the described takes."""
    takes = [[take.row() for take in list_] for list_ in people.values()]
    means = np.array([np.mean(list_, axis=0) for list_ in takes])
    deviations = means - means.mean(axis=0)
    repeats = np.array([take - mean for list_, mean in zip(takes, means, strict=True) if len(list_) > 1 for take in list_])
    repeats = repeats if len(repeats) else np.zeros((1, means.shape[1]))
    freedom = sum(len(list_) - 1 for list_ in takes)
    between, within = deviations / np.sqrt(max(1, len(means) - 1)), repeats / np.sqrt(max(1, freedom))
    spread = float(np.square(between[:, :-2]).sum()), float(np.square(within[:, :-2]).sum())
    between, within = without_postures(between), without_postures(within)
    trust, trust_within = len(means) / (len(means) + TRUSTED_PEOPLE), freedom / (freedom + TRUSTED_PEOPLE)
    curves = means.mean(axis=0)[:-2].reshape(len(JOINTS), 3, NUMBERS)
    rhythm = dict(_published.RHYTHM)
    for name, mean_log in zip(("cadence_hz", "stride_per_leg"), means.mean(axis=0)[-2:], strict=True):
        rhythm[name] = round(float(np.exp(trust * mean_log + (1.0 - trust) * np.log(rhythm[name]))), 4)
    model = {
        "format": FORMAT, "joints": list(JOINTS), "harmonics": HARMONICS,
        "mean": np.round(postured(0.5 * (curves + mirrored(curves))), 5).tolist(),  # the population walks alike on both sides
        "between": _components(between), "within": _components(within),
        "captured_share": {"between": round(trust, 4), "within": round(trust_within, 4)}, "rhythm": rhythm,
        "published": {"between": _published.BETWEEN, "within": _published.WITHIN, "asymmetry": _published.ASYMMETRY,
                      "sources": _published.SOURCES},
    }  # fmt: skip
    every = [take for list_ in people.values() for take in list_]
    summary = {
        "people": len(people), "takes": len(every), "residual_rad": round(float(np.mean([take.residual_rad for take in every])), 4),
        "between_over_within": round(spread[0] / spread[1], 2) if spread[1] > 0 else None,
        "cadence_hz": round(float(np.exp(means[:, -2].mean())), 3), "stride_per_leg": round(float(np.exp(means[:, -1].mean())), 3),
    }  # fmt: skip
    return model, summary


def postured(mean: np.ndarray) -> np.ndarray:
    """The mean curves with the means that captures cannot tell set to usual postures.

    The knee is moved so that it is as straight as usual at its straightest and under load; thigh and foot share the change, so that
    the sole keeps its angle.
    """
    mean = mean.copy()
    for number, name in enumerate(JOINTS):
        side, limb = side_of(name)
        for axis, value in enumerate(_published.POSTURE.get(limb, ())):
            if value is not None:
                mean[number, axis, 0] = np.deg2rad(value) * (-1.0 if side == "Right" and axis != BEND else 1.0)
    phases = np.linspace(0.0, 2.0 * np.pi, 100, endpoint=False)
    for side in ("Left", "Right"):
        thigh, knee, foot = (JOINTS.index(side + limb) for limb in ("UpLeg", "Leg", "Foot"))
        straighter = float((basis(phases) @ mean[knee, BEND]).min()) - np.deg2rad(_published.KNEE_AT_STRAIGHTEST_DEG)
        mean[knee, BEND, 0] -= straighter
        mean[thigh, BEND, 0] += 0.5 * straighter
        mean[foot, BEND, 0] += 0.5 * straighter
        middle = 2.0 * np.pi * (STRIKE + _published.LOADING[0]) + (np.pi if side == "Right" else 0.0)
        excess = float(basis(np.array([middle]))[0] @ mean[knee, BEND]) - np.deg2rad(_published.LOADING[1])
        mean[knee, BEND] -= max(0.0, excess) * bump(middle)
        mean[thigh, BEND] += 0.5 * max(0.0, excess) * bump(middle)
        mean[foot, BEND] += 0.5 * max(0.0, excess) * bump(middle)
    return mean


def without_postures(rows: np.ndarray) -> np.ndarray:
    """Deviations [n, numbers] without those of the means that captures cannot tell (see `_published.POSTURE`)."""
    rows = rows.copy()
    curves = rows[:, :-2].reshape(len(rows), len(JOINTS), 3, NUMBERS)  # a view
    for number, name in enumerate(JOINTS):
        for axis, value in enumerate(_published.POSTURE.get(side_of(name)[1], ())):
            if value is not None:
                curves[:, number, axis, 0] = 0.0
    return rows


def _components(rows: np.ndarray) -> list[list[float]]:
    """Principal components [at most 20, numbers] whose squares sum to the covariance of the rows."""
    _, sizes, axes = np.linalg.svd(rows, full_matrices=False)
    keep = min(20, int((sizes > 1e-6 * max(float(sizes[0]), 1e-12)).sum()))
    return np.round(sizes[:keep, None] * axes[:keep], 5).tolist()
