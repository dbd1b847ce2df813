"""Reading BVH files: the hierarchy, its channels in any order, and the joints' world rotations.

Source: the format as published by Biovision: HIERARCHY with OFFSET and CHANNELS a joint, MOTION with a line of channel values a frame;
rotations are intrinsic and apply in the order in which their channels are listed.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gaitbridge.errors import UserError
from gaitbridge.simulation.motion._recording import AXES, MOST_JOINTS, REMEDY, axis_rotations, lines_of


@dataclass(frozen=True)
class BvhJoint:
    """A joint: name, parent's number (-1 for the root), offset [3] from it, channel names, and where its values begin in a frame's line."""

    name: str
    parent: int
    offset: np.ndarray
    channels: tuple[str, ...]
    first: int


@dataclass(frozen=True)
class Bvh:
    """A capture in its own axes and units: joints, end_sites {joint number: offset [3]}, values float [T, channels], frame_s seconds."""

    path: Path
    joints: tuple[BvhJoint, ...]
    end_sites: dict[int, np.ndarray]
    values: np.ndarray
    frame_s: float
    unit_m: float | None = None  # the format names no unit

    def numbers(self) -> dict[str, int]:
        """Joint numbers by name."""
        return {joint.name: number for number, joint in enumerate(self.joints)}

    def root_positions(self) -> np.ndarray:
        """Where the root joint is [T, 3]."""
        root = self.joints[0]
        out = np.tile(root.offset, (len(self.values), 1))
        for slot, channel in enumerate(root.channels):
            if channel.endswith("position"):
                out[:, AXES[channel[0]]] = self.values[:, root.first + slot]
        return out

    def world_rotations(self) -> np.ndarray:
        """World rotations of all joints [T, J, 3, 3]; identity is the pose in which the offsets are given."""
        out = np.empty((len(self.values), len(self.joints), 3, 3))
        for number, joint in enumerate(self.joints):
            turn = np.broadcast_to(np.eye(3), (len(self.values), 3, 3)) if joint.parent < 0 else out[:, joint.parent]
            for slot, channel in enumerate(joint.channels):
                if channel.endswith("rotation"):
                    turn = turn @ axis_rotations(AXES[channel[0]], np.deg2rad(self.values[:, joint.first + slot]))
            out[:, number] = turn
        return out


def read_bvh(path: Path) -> Bvh:
    """Read a BVH file; UserError that names the file and the line where it is not one."""
    lines = lines_of(path)
    if not lines or lines[0].strip().upper() != "HIERARCHY":
        raise UserError(f"{path}: line 1 is not HIERARCHY, so this is no BVH file: {REMEDY}")
    joints, end_sites, at = _read_hierarchy(path, lines)
    return _read_motion(path, lines, at, joints, end_sites)


def _read_hierarchy(path: Path, lines: list[str]) -> tuple[list[BvhJoint], dict[int, np.ndarray], int]:
    """Joints, end sites and the number of the MOTION line."""
    joints: list[BvhJoint] = []
    end_sites: dict[int, np.ndarray] = {}
    open_blocks: list[int] = []  # joint numbers, -1 for an end site
    pending, channels_count = -2, 0
    for at, line in enumerate(lines[1:], start=1):
        words = line.split()
        if not words:
            continue
        key = words[0].upper()
        try:
            if key in ("ROOT", "JOINT"):
                parent = open_blocks[-1] if key == "JOINT" else -1
                joints.append(BvhJoint(" ".join(words[1:]), parent, np.zeros(3), (), channels_count))
                pending = len(joints) - 1
                if len(joints) > MOST_JOINTS:
                    raise ValueError(f"more than {MOST_JOINTS} joints")
            elif key == "END":
                pending = -1
            elif key == "{":
                open_blocks.append(pending)
            elif key == "}":
                open_blocks.pop()
            elif key == "OFFSET":
                offset = np.array([float(word) for word in words[1:4]])
                if len(offset) != 3:
                    raise ValueError("an OFFSET has three numbers")
                if open_blocks[-1] == -1:
                    end_sites[open_blocks[-2]] = offset
                else:
                    old = joints[open_blocks[-1]]
                    joints[open_blocks[-1]] = BvhJoint(old.name, old.parent, offset, old.channels, old.first)
            elif key == "CHANNELS":
                old = joints[open_blocks[-1]]
                channels = tuple(word.lower() for word in words[2:])
                if len(channels) != int(words[1]) or any(name[0] not in AXES or name[1:] not in ("position", "rotation") for name in channels):
                    raise ValueError("CHANNELS needs a count and that many Xposition .. Zrotation")
                joints[open_blocks[-1]] = BvhJoint(old.name, old.parent, old.offset, channels, channels_count)
                channels_count += len(channels)
            elif key == "MOTION":
                if open_blocks or not joints:
                    raise ValueError("the HIERARCHY is not closed")
                return joints, end_sites, at
            else:
                raise ValueError("unknown keyword")
        except (ValueError, IndexError) as error:
            raise UserError(f"{path}: line {at + 1} ({line.strip()[:40]!r}) is malformed ({error}): {REMEDY}") from error
    raise UserError(f"{path}: there is no MOTION part: {REMEDY}")


def _read_motion(path: Path, lines: list[str], at: int, joints: list[BvhJoint], end_sites: dict[int, np.ndarray]) -> Bvh:
    """The values behind the hierarchy."""
    try:
        frames = int(lines[at + 1].split(":")[1])
        frame_s = float(lines[at + 2].split(":")[1])
        rows = [line for line in lines[at + 3 :] if line.strip()]
        values = np.array(" ".join(rows).split(), dtype=float)
    except (IndexError, ValueError) as error:
        raise UserError(f"{path}: the MOTION part from line {at + 1} is malformed ({error}): {REMEDY}") from error
    channels = sum(len(joint.channels) for joint in joints)
    if frames < 2 or frame_s <= 0 or channels == 0:
        raise UserError(f"{path}: {frames} frames of {frame_s} s with {channels} channels is no motion: {REMEDY}")
    if values.size != frames * channels:
        raise UserError(f"{path}: {values.size} values where {frames} frames of {channels} channels need {frames * channels}: {REMEDY}")
    offsets = [joint.offset for joint in joints] + list(end_sites.values())
    if not np.isfinite(offsets).all():
        raise UserError(f"{path}: an OFFSET is not a finite number: {REMEDY}")
    if not np.isfinite(values).all():
        raise UserError(f"{path}: a value of the MOTION part is not a finite number: {REMEDY}")
    return Bvh(path, tuple(joints), end_sites, values.reshape(frames, channels), frame_s)
