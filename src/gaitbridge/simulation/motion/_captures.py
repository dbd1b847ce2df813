"""What all captured walks share: joints by their names, the walking part, retargeting onto a body, and the source that plays them.

Retargeting goes by world orientation. With M mapping the capture's axes (y up, facing z, left = x) to ours, R_src(t) a source joint's
world rotation, R_rest the body's rest orientation and A the smallest turn from the body's rest direction of the bone to the
source's: R(t) = M R_src(t) M^T A R_rest for arms, hands and legs; feet are aligned in heading only, because both rest poses stand on
flat soles; pelvis, spine and head need no alignment; bones that the capture lacks follow their parents.
The root's path is scaled by the ratio of leg lengths, turned to +x, and its height is solved so that the lowest vertex is on the ground.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter1d, uniform_filter1d
from scipy.spatial.transform import Rotation

from gaitbridge.errors import UserError
from gaitbridge.folders import data_in
from gaitbridge.simulation.body import Body, Pose, Shape
from gaitbridge.simulation.motion import Walk
from gaitbridge.simulation.motion._recording import REMEDY, Recording
from gaitbridge.simulation.motion._skeleton import (
    DOWN,
    HANGING,
    Skeleton,
    bent_toes,
    bone_direction,
    foot_vertices,
    level,
    posed_feet,
    rotation_matrices,
    side_of,
    skeleton_of,
    smallest_turn,
)  # fmt: skip

OURS_FROM_SOURCE = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])  # source x (left) -> y, y (up) -> z, z (ahead) -> x
# Our joint -> the names it goes by, in lower case without separators; the first is the MotionBuilder name. (Of Acclaim's bones the wrist is the last
# third of the forearm, always straight on; its hand begins at the wrist.)
MIDDLE = {
    "Hips": ("hips", "hip", "pelvis", "root"), "LowerBack": ("lowerback", "abdomen", "spine"), "Spine1": ("spine1", "chest", "spine2", "thorax"),
    "Neck": ("neck", "lowerneck"), "Head": ("head",),
}  # fmt: skip
SIDED = {
    "Shoulder": ("shoulder", "shoulder1", "collar", "clavicle"), "Arm": ("arm", "upperarm", "shldr", "humerus"),
    "ForeArm": ("forearm", "lowerarm", "radius"), "Hand": ("hand", "wrist"), "UpLeg": ("upleg", "thigh", "upperleg", "femur"),
    "Leg": ("leg", "shin", "lowerleg", "tibia"), "Foot": ("foot", "ankle"), "ToeBase": ("toebase", "toes", "toe"),
}  # fmt: skip
NEEDED = ("Hips", "Spine1", "LeftArm", "LeftForeArm", "LeftUpLeg", "LeftLeg", "LeftFoot",
          "RightArm", "RightForeArm", "RightUpLeg", "RightLeg", "RightFoot")  # fmt: skip
USUAL_LEG_M = 0.8  # hip to ankle of an adult, to judge speeds before a body is known
SLOWEST_M_S, SHORTEST_M, SMOOTH_S, CONTACT_S = 0.3, 1.0, 0.4, 0.04
SLOWEST_HZ, FASTEST_HZ = 10.0, 1000.0  # frames a second
LONGEST = 1e6  # of a leg in any unit; beyond, numbers lose their meaning


@dataclass(frozen=True)
class Capture:
    """A checked capture: file, joints {our name: source joint}, frames [first, last) in which the person walks, leg length in its units."""

    recording: Recording
    joints: dict[str, int]
    first: int
    last: int
    leg: float

    @property
    def duration_s(self) -> float:
        """From the first to the last walking frame."""
        return (self.last - 1 - self.first) * self.recording.frame_s


def match_joints(recording: Recording) -> dict[str, int]:
    """Source joints by our names, whatever family of names the file uses; UserError that names the missing ones."""
    plain = {"".join(letter for letter in joint.name.lower() if letter.isalnum()): at for at, joint in enumerate(recording.joints)}
    found: dict[str, int] = {}
    for ours, known in MIDDLE.items():
        hits = [plain[name] for name in known if name in plain]
        if hits:
            found[ours] = hits[0]
    for side, letter in (("Left", "l"), ("Right", "r")):
        for ours, known in SIDED.items():
            names = [prefix + name for name in known for prefix in (side.lower(), letter)]
            hits = [plain[name] for name in names if name in plain]
            if hits:
                found[side + ours] = hits[0]
    if missing := [name for name in NEEDED if name not in found]:
        has = ", ".join(joint.name for joint in recording.joints[:40])
        raise UserError(
            f"{recording.path}: no joint for {', '.join(missing)} (it has {has}): rename the joints to the MotionBuilder names or remove the file"
        )
    return found


def walking_part(recording: Recording, leg: float) -> tuple[int, int]:
    """Frames [first, last) of the longest stretch in which the person walks; UserError where there is none.

    Frames of a T-pose before the motion are dropped. `leg` is the leg length in the file's units.
    """
    begin = _frames_of_t_pose(recording)
    ground = recording.root_positions()[begin:, [0, 2]] / leg * USUAL_LEG_M
    window = max(1, min(round(SMOOTH_S / recording.frame_s), len(ground) // 2))
    smooth = uniform_filter1d(ground, window, axis=0, mode="nearest")
    speed = np.linalg.norm(np.gradient(smooth, recording.frame_s, axis=0), axis=1)
    walking = speed > max(SLOWEST_M_S, 0.4 * float(np.median(speed)))
    half = window // 2  # at the ends the smoothing has half its window and shows half the speed
    if walking[half : len(walking) - half].any():
        walking[:half], walking[len(walking) - half :] = walking[half], walking[len(walking) - half - 1]
    edges = np.flatnonzero(np.diff(np.r_[0, walking.astype(int), 0]))
    stretches = list(zip(edges[::2], edges[1::2], strict=True))
    first, last = max(stretches, key=lambda ends: ends[1] - ends[0], default=(0, 0))
    far_m = float(np.linalg.norm(ground[last - 1] - ground[first])) if last - first > 1 else 0.0
    speed_m_s = far_m / ((last - 1 - first) * recording.frame_s) if far_m else 0.0
    if far_m < SHORTEST_M or speed_m_s < SLOWEST_M_S:
        raise UserError(
            f"{recording.path}: no walking in it (at best {far_m:.1f} m at {speed_m_s:.1f} m/s; a walk needs {SHORTEST_M:.0f} m at "
            f"{SLOWEST_M_S} m/s): remove the file or put a walking capture in its place"
        )
    return int(first) + begin, int(last) + begin


def _frames_of_t_pose(recording: Recording) -> int:
    """How many frames at the start belong to a T-pose apart from the motion; 0 where there is none.

    The CMU files begin with one, and their filtering smears it over some ten frames: joints turn by 20 degrees a frame.
    """
    rotations = recording.world_rotations()
    cosine = (np.einsum("tjab,tjab->tj", rotations[1:], rotations[:-1]) - 1.0) / 2.0
    steps = np.rad2deg(np.arccos(np.clip(cosine, -1.0, 1.0))).max(axis=1)
    if steps[0] < 15.0 or steps[0] < 4.0 * float(np.median(steps)):
        return 0
    usual = 2.0 * float(np.percentile(steps, 75))
    return int(np.argmax(steps < usual)) + 3


def checked(recording: Recording) -> Capture:
    """What a file says, with its joints found, its legs measured and its walking part cut out; UserError where it has none of these."""
    joints = match_joints(recording)
    if not SLOWEST_HZ <= 1.0 / recording.frame_s <= FASTEST_HZ:
        raise UserError(f"{recording.path}: {1.0 / recording.frame_s:.6g} frames a second, {SLOWEST_HZ:g} to {FASTEST_HZ:g} can be a walk: {REMEDY}")
    legs = [np.linalg.norm(recording.joints[joints[side + limb]].offset) for side in ("Left", "Right") for limb in ("Leg", "Foot")]
    leg = float(sum(legs)) / 2.0
    if not 0.0 < leg < LONGEST:
        raise UserError(f"{recording.path}: its legs have no length (the offsets of the shins and feet): export it again with its skeleton")
    first, last = walking_part(recording, leg)
    return Capture(recording, joints, first, last, leg)


def alignments(capture: Capture, skeleton: Skeleton) -> dict[str, np.ndarray]:
    """A [3, 3] by joint: from the body's rest direction of the bone to the source's, in our axes."""
    out: dict[str, np.ndarray] = {}
    for name, number in capture.joints.items():
        side, limb = side_of(name)
        children = [joint.offset for joint in capture.recording.joints if joint.parent == number]
        tip = capture.recording.end_sites.get(number)
        following = {"UpLeg": "Leg", "Leg": "Foot", "Arm": "ForeArm", "ForeArm": "Hand", "Foot": "ToeBase"}.get(limb, "")
        if side + following in capture.joints and following:
            along = capture.recording.joints[capture.joints[side + following]].offset
        else:
            along = np.mean(children, axis=0) if children else tip if tip is not None else np.zeros(3)
        if not side or limb == "Shoulder" or not np.linalg.norm(along) > 0:
            out[name] = np.eye(3)
            continue
        source = OURS_FROM_SOURCE @ along / np.linalg.norm(along)
        ours = bone_direction(skeleton.names, skeleton.rest, skeleton.index(name))
        if limb in HANGING:
            out[name] = smallest_turn(ours, source)
        else:
            out[name] = smallest_turn(level(ours), level(source)) if abs(source @ DOWN) < 0.95 else np.eye(3)
    return out


def retarget(capture: Capture, skeleton: Skeleton) -> np.ndarray:
    """World orientations float [T, J, 3, 3] of the body's bones over the walking frames, still with the capture's heading."""
    frames = slice(capture.first, capture.last)
    world = OURS_FROM_SOURCE @ capture.recording.world_rotations()[frames] @ OURS_FROM_SOURCE.T
    out = np.empty((len(world), len(skeleton.names), 3, 3))
    align = alignments(capture, skeleton)
    for joint, (name, parent) in enumerate(zip(skeleton.names, skeleton.parents, strict=True)):
        if name in align:
            turn = world[:, capture.joints[name]] @ align[name]
            out[:, joint] = turn @ skeleton.rest.rotations_world[joint]
        elif side_of(name)[1] == "ToeBase":
            foot_turn = out[:, parent] @ skeleton.standing[parent].T
            out[:, joint] = bent_toes(foot_turn) @ skeleton.standing[joint]
        else:
            out[:, joint] = out[:, parent] @ skeleton.follow[joint]
    return out


@dataclass
class CapturedWalk:
    """A retargeted take: quaternions (x, y, z, w) [F, J, 4] without sign jumps, root_m [F, 3], frame_s seconds between frames."""

    quaternions: np.ndarray
    root_m: np.ndarray
    frame_s: float
    duration_s: float

    def at(self, time_s: np.ndarray) -> Pose:
        """Poses between frames: normalised linear interpolation of quaternions (frames are 8 to 17 ms apart), linear root."""
        where = np.asarray(time_s, float) / self.frame_s
        if where.size and (where.min() < -1e-6 or where.max() > len(self.root_m) - 1 + 1e-6):
            raise ValueError(f"times must be within 0 and {self.duration_s:.3f} s")
        left = np.clip(np.floor(where).astype(int), 0, len(self.root_m) - 2)
        share = np.clip(where - left, 0.0, 1.0)[:, None]
        root = (1.0 - share) * self.root_m[left] + share * self.root_m[left + 1]
        mixed = (1.0 - share[:, :, None]) * self.quaternions[left] + share[:, :, None] * self.quaternions[left + 1]
        matrices = matrices_of(mixed / np.linalg.norm(mixed, axis=-1, keepdims=True))
        return Pose(matrices.astype(np.float32), root.astype(np.float32))


def matrices_of(quaternions: np.ndarray) -> np.ndarray:
    """Rotation matrices [..., 3, 3] of unit quaternions [..., 4] (x, y, z, w)."""
    shape = quaternions.shape[:-1]
    return Rotation.from_quat(quaternions.reshape(-1, 4)).as_matrix().reshape(*shape, 3, 3)


def steady_quaternions(orientations: np.ndarray) -> np.ndarray:
    """Quaternions [T, J, 4] of rotations [T, J, 3, 3] whose signs do not jump from frame to frame."""
    frames, joints = orientations.shape[:2]
    out = Rotation.from_matrix(orientations.reshape(-1, 3, 3)).as_quat().reshape(frames, joints, 4)
    jumps = np.einsum("tjq,tjq->tj", out[1:], out[:-1]) < 0.0
    out[1:] *= np.where(np.cumsum(jumps, axis=0) % 2 == 1, -1.0, 1.0)[:, :, None]
    return out


def captured_walk(capture: Capture, body: Body, shape: Shape) -> CapturedWalk:
    """The take on a body: along +x from the origin, feet on the ground."""
    skeleton = skeleton_of(body, shape)
    orientations = retarget(capture, skeleton)
    scale = body.measures(shape)["leg_m"] / capture.leg
    path = capture.recording.root_positions()[capture.first : capture.last] @ OURS_FROM_SOURCE.T * scale
    ahead = path[-1] - path[0]
    turn = rotation_matrices(np.array([0.0, 0.0, -np.arctan2(ahead[1], ahead[0])]))
    orientations, path = turn @ orientations, (path - path[0]) @ turn.T
    feet = posed_feet(body, shape, orientations, foot_vertices(body))
    path[:, 2] = -gaussian_filter1d(feet[:, :, 2].min(axis=1), CONTACT_S / capture.recording.frame_s, mode="nearest")
    return CapturedWalk(steady_quaternions(orientations), path, capture.recording.frame_s, capture.duration_s)


@dataclass
class CapturedSource:
    """Captured people, each with their takes; see `simulation.motion.MotionSource`."""

    name: str
    licence: str
    people: tuple[str, ...] | None
    captures: Mapping[str, Sequence[Capture]]

    def takes(self, person: str) -> int:
        """How many files this person has."""
        return len(self._of(person))

    def walk(self, person: str, take: int, seed: int, body: Body, shape: Shape) -> Walk:
        """File number `take` of a person, on a body; `seed` changes nothing, a capture is what it is."""
        return captured_walk(self.capture(person, take), body, shape)

    def capture(self, person: str, take: int) -> Capture:
        """The checked file behind a take."""
        found = self._of(person)
        if not 0 <= take < len(found):
            raise UserError(f"take {take} of {person}: there are only {len(found)} (0 to {len(found) - 1}): ask for fewer takes")
        return found[take]

    def _of(self, person: str) -> Sequence[Capture]:
        if person not in self.captures:
            raise UserError(f"{self.name} has no person {person!r}: it has {', '.join(self.captures)}")
        return self.captures[person]


def person_of(path: Path) -> str:
    """Whose take a file is: what stands before the last underscore of its name."""
    return path.stem.rpartition("_")[0] or path.stem


def files_in(folder: Path, suffix: str, deep: bool = False) -> list[Path]:
    """The files with a suffix (in any case) in a folder, and in the folders in it where `deep`; sorted by name."""
    places = [folder, *(place for place in data_in(folder) if deep and place.is_dir())]
    found = [path for place in places for path in data_in(place) if path.suffix.lower() == suffix and not path.is_dir()]
    return sorted(found, key=lambda path: (path.name, path))


def licence_in(folder: Path) -> str:
    """What is known of the terms of the captures in a folder."""
    licences = sorted(path for path in data_in(folder) if path.stem.upper() in ("LICENSE", "LICENCE", "COPYING"))
    return f"see {licences[0].name} in the captures' folder" if licences else "unknown (the captures' own)"


def source_of(name: str, folder: Path, captures: Iterable[Capture]) -> CapturedSource:
    """A source of checked captures in the order of their takes; people are sorted by name."""
    people: dict[str, list[Capture]] = {}
    for capture in captures:
        people.setdefault(person_of(capture.recording.path), []).append(capture)
    return CapturedSource(name, licence_in(folder), tuple(sorted(people)), people)
