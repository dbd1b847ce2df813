"""What any file of captured motion says, whatever its format: joints with rest offsets, their world rotations and the root's path."""

from pathlib import Path
from typing import Protocol

import numpy as np

from gaitbridge.errors import UserError

AXES = {"x": 0, "y": 1, "z": 2}
REMEDY = "export it again as plain text, or take it out of the folder"
MOST_BYTES = 64 * 2**20  # of one file: ten minutes of a whole body
MOST_JOINTS = 1000


class RecordedJoint(Protocol):
    """A joint: its name, its parent's number (-1 for the root), and where it is seen from the parent in the rest pose [3]."""

    @property
    def name(self) -> str: ...
    @property
    def parent(self) -> int: ...
    @property
    def offset(self) -> np.ndarray: ...


class Recording(Protocol):
    """A capture in its own axes (x left, y up, z ahead) and units; parents come before their children."""

    @property
    def path(self) -> Path: ...
    @property
    def joints(self) -> tuple[RecordedJoint, ...]: ...
    @property
    def end_sites(self) -> dict[int, np.ndarray]:
        """Where bones without a child end, by joint number: [3] from the joint."""
        ...

    @property
    def frame_s(self) -> float: ...
    @property
    def unit_m(self) -> float | None:
        """Metres of one unit; None where the format does not tell."""
        ...

    def root_positions(self) -> np.ndarray:
        """Where the root joint is [T, 3]."""
        ...

    def world_rotations(self) -> np.ndarray:
        """World rotations of all joints [T, J, 3, 3]; identity is the pose in which the offsets are given."""
        ...


def lines_of(path: Path) -> list[str]:
    """The lines of a text file; UserError where it cannot be read or is far larger than a capture. What is no UTF-8 becomes a replacement mark."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UserError(f"{path}: more than {MOST_BYTES >> 20} MB: cut it into takes of some minutes, or take it out of the folder")
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}): check the file and its permissions") from error


def axis_rotations(axis: int, angle: np.ndarray) -> np.ndarray:
    """Rotations [T, 3, 3] by `angle` [T] radians about a coordinate axis."""
    out = np.zeros((len(angle), 3, 3))
    b, c = (axis + 1) % 3, (axis + 2) % 3
    out[:, axis, axis] = 1.0
    out[:, b, b] = out[:, c, c] = np.cos(angle)
    out[:, c, b] = np.sin(angle)
    out[:, b, c] = -out[:, c, b]
    return out
