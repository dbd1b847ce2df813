"""Reading Acclaim's motion of a trial (AMC) on a subject's skeleton (`_asf_file`).

A line with the number of a frame, then a line for each bone that turns: `bone value value`, in the order of its `dof`. The format names no frame
rate, unless a line says `:SAMPLES-PER-SECOND`; CMU recorded walks at 120 Hz.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gaitbridge.errors import UserError
from gaitbridge.simulation.motion._asf_file import Bone, Lines, Skeleton, finite
from gaitbridge.simulation.motion._recording import AXES, REMEDY, axis_rotations

USUAL_HZ = 120.0
LARGEST = 1e9  # value that means something


@dataclass(frozen=True)
class Amc:
    """A trial: `values` [T, n] holds the numbers of all bones with `dof`, in the order of `joints`; angles in radians. See `_recording.Recording`."""

    path: Path
    joints: tuple[Bone, ...]
    end_sites: dict[int, np.ndarray]
    position: np.ndarray
    unit_m: float | None
    values: np.ndarray
    frame_s: float

    def root_positions(self) -> np.ndarray:
        """Where the root is [T, 3]."""
        out = np.tile(self.position, (len(self.values), 1))
        for slot, channel in enumerate(self.joints[0].dof):
            if channel[0] == "t":
                out[:, AXES[channel[1]]] += self.values[:, slot]
        return out

    def world_rotations(self) -> np.ndarray:
        """World rotations of all bones [T, J, 3, 3]."""
        out = np.empty((len(self.values), len(self.joints), 3, 3))
        first = 0
        for number, bone in enumerate(self.joints):
            turn = np.broadcast_to(np.eye(3), (len(self.values), 3, 3))
            for slot, channel in enumerate(bone.dof):
                if channel[0] == "r":
                    turn = axis_rotations(AXES[channel[1]], self.values[:, first + slot]) @ turn
            first += len(bone.dof)
            local = bone.frame @ turn @ bone.frame.T
            out[:, number] = local if bone.parent < 0 else out[:, bone.parent] @ local
        return out


def read_amc(path: Path, skeleton: Skeleton) -> Amc:
    """Read a trial of a subject; UserError that names file, line and fault where it is none, or one of another skeleton."""
    lines, turning = Lines(path), [bone for bone in skeleton.bones if bone.dof]
    wanted = {bone.name: len(bone.dof) for bone in turning}
    frames: list[list[float]] = []
    frame: dict[str, list[float]] = {}
    number: int | None = None
    radians, hz = False, USUAL_HZ
    for words in lines:
        try:
            if words[0].startswith(":"):
                key = words[0][1:].upper()
                if key not in ("FULLY-SPECIFIED", "DEGREES", "RADIANS", "SAMPLES-PER-SECOND"):
                    raise ValueError("an AMC file of this kind is not read, only :FULLY-SPECIFIED ones in :DEGREES or :RADIANS")
                radians = key == "RADIANS" if key in ("DEGREES", "RADIANS") else radians
                hz = float(finite(words[1:], 1)[0]) if key == "SAMPLES-PER-SECOND" else hz
            elif len(words) == 1 and re.fullmatch(r"[0-9]{1,9}", words[0]):
                if number is not None:
                    frames.append(_whole(frame, number, wanted))
                    if int(words[0]) != number + 1:
                        raise ValueError(f"frame {number + 1} should stand here")
                number, frame = int(words[0]), {}
            elif number is None:
                raise ValueError("the number of a frame should stand here")
            else:
                _add(frame, words, wanted, skeleton)
        except ValueError as error:
            raise lines.wrong(error) from error
    if number is None:
        raise UserError(f"{path}: there is no frame in it: {REMEDY}")
    try:
        frames.append(_whole(frame, number, wanted))
    except ValueError as error:
        raise UserError(f"{path}: it ends too early ({error}): {REMEDY}") from error
    return _recorded(path, skeleton, np.array(frames), radians, hz)


def _add(frame: dict[str, list[float]], words: list[str], wanted: dict[str, int], skeleton: Skeleton) -> None:
    """A line of a frame, `bone value value`; ValueError where it does not belong there."""
    name, count = words[0], wanted.get(words[0])
    if count is None:
        raise ValueError(f"{name[:20]!r} is no bone that turns in {skeleton.path.name}")
    if name in frame:
        raise ValueError(f"{name[:20]!r} comes twice in a frame")
    if len(words) != count + 1:
        raise ValueError(f"{len(words) - 1} values where {skeleton.path.name} has {count} for {name}")
    frame[name] = [float(word) for word in words[1:]]


def _whole(frame: dict[str, list[float]], number: int, wanted: dict[str, int]) -> list[float]:
    """A frame's values in the skeleton's order; ValueError where a bone is missing."""
    if len(frame) < len(wanted):
        raise ValueError(f"frame {number} has no {next(name for name in wanted if name not in frame)}")
    return [value for name in wanted for value in frame[name]]


def _recorded(path: Path, skeleton: Skeleton, values: np.ndarray, radians: bool, hz: float) -> Amc:
    """The trial with its angles in radians."""
    if len(values) < 2 or hz <= 0.0:
        raise UserError(f"{path}: {len(values)} frame at {hz:g} Hz is no motion: {REMEDY}")
    if not np.isfinite(values).all() or np.abs(values).max() > LARGEST:
        raise UserError(f"{path}: a value of frame {int(np.argmax(~(np.abs(values) <= LARGEST).all(axis=1))) + 1} is no usable number: {REMEDY}")
    turns = np.array([channel[0] == "r" for bone in skeleton.bones for channel in bone.dof])
    values = values.copy()
    values[:, turns] *= 1.0 if radians else np.pi / 180.0
    return Amc(path, skeleton.bones, skeleton.ends(), skeleton.position, skeleton.unit_m, values, 1.0 / hz)
