"""Reading Acclaim's skeleton of a subject (ASF). The motion on it: `_amc_file`.

Sources: the format as Acclaim described it and the University of Wisconsin's notes on it (ASF/AMC file specification, 1999). A bone begins
where its parent ends; in the rest pose it goes from there along `direction` by `length`. With C = the bone's `axis`, turned in the order of
its letters about fixed axes, and M the frame's angles likewise, in the order of `dof`, its world rotation is parent's C M C^-1. A length
divided by the unit `length` is in inches: CMU's files have 0.45 (their web page: times (1 / 0.45) * 2.54 / 100 gives metres).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gaitbridge.errors import UserError
from gaitbridge.simulation.motion._recording import AXES, MOST_JOINTS, REMEDY, axis_rotations, lines_of

INCH_M = 0.0254
ROOT = "root"
ROTATIONS = ("rx", "ry", "rz")
ROOT_ORDER = ("tx", "ty", "tz", *ROTATIONS)
IGNORED = ("id", "bodymass", "cofmass", "limits")  # of a bone; limits are what its angles were meant to stay in, and captures leave them
SECTIONS = ("version", "name", "units", "documentation", "root", "bonedata", "hierarchy", "skin")


@dataclass(frozen=True)
class Bone:
    """A bone as a joint at its beginning: parent's number, offset [3] = the parent's vector, `along` [3] = its own, `frame` [3, 3] = C, `dof`."""

    name: str
    parent: int
    offset: np.ndarray
    along: np.ndarray
    frame: np.ndarray
    dof: tuple[str, ...]


@dataclass(frozen=True)
class Skeleton:
    """A subject: bones with parents first (number 0 is the root, whose `dof` has tx, ty, tz, too), where the root is [3], metres of a unit."""

    path: Path
    bones: tuple[Bone, ...]
    position: np.ndarray
    unit_m: float

    def ends(self) -> dict[int, np.ndarray]:
        """The vectors [3] of bones that no other begins at, by number."""
        parents = {bone.parent for bone in self.bones}
        return {number: bone.along for number, bone in enumerate(self.bones) if number not in parents}


class Lines:
    """The words of a file line by line, without comments and blank ones, and errors that name the line read last."""

    def __init__(self, path: Path) -> None:
        self.path, self.number, self.text = path, 0, ""
        self._lines = lines_of(path)

    def __iter__(self) -> Iterator[list[str]]:
        for number, text in enumerate(self._lines, start=1):
            self.number, self.text = number, text
            if words := text.split("#", 1)[0].split():
                yield words

    def wrong(self, why: object) -> UserError:
        """The error of the line read last."""
        return UserError(f"{self.path}: line {self.number} ({self.text.strip()[:40]!r}): {str(why)[:120]}: {REMEDY}")


def finite(words: list[str], count: int) -> np.ndarray:
    """`count` finite numbers; ValueError where they are not."""
    found = np.array([float(word) for word in words])
    if len(found) != count or not np.isfinite(found).all():
        raise ValueError(f"{count} finite number{'s' * (count > 1)} should stand here")
    return found


def _turned(angles: np.ndarray, order: str) -> np.ndarray:
    """The rotation [3, 3] by angles about x, y, z (radians), in the order of the letters about fixed axes."""
    if sorted(order.lower()) != ["x", "y", "z"]:
        raise ValueError(f"an order is of the letters XYZ, not {order[:10]!r}")
    out = np.eye(3)
    for letter in order.lower():
        out = axis_rotations(AXES[letter], angles[[AXES[letter]]])[0] @ out
    return out


class _Reader:
    """What the lines of an ASF have said so far."""

    def __init__(self) -> None:
        self.radians, self.unit = False, 1.0
        self.root_dof: tuple[str, ...] = ROOT_ORDER
        self.position, self.orientation, self.root_axis = np.zeros(3), np.zeros(3), "XYZ"
        self.bones: dict[str, dict[str, list[str]]] = {}
        self.parent_of: dict[str, str] = {}
        self.open: dict[str, list[str]] | None = None
        self.inside = False  # of the hierarchy's begin and end

    def unit_line(self, words: list[str]) -> None:
        """A line of `:units`."""
        if words[0] == "length":
            self.unit = float(finite(words[1:2], 1)[0])
            if not 1e-6 < self.unit < 1e6:
                raise ValueError("no unit of length")
        elif words[0] == "angle":
            if words[1:] not in (["deg"], ["rad"]):
                raise ValueError("angles are deg or rad")
            self.radians = words[1] == "rad"

    def root_line(self, words: list[str]) -> None:
        """A line of `:root`."""
        if words[0] == "order":
            self.root_dof = tuple(word.lower() for word in words[1:])
            if sorted(self.root_dof) != sorted(ROOT_ORDER):
                raise ValueError(f"the root's order is of {' '.join(ROOT_ORDER).upper()}")
        elif words[0] == "axis":
            self.root_axis = words[1]
        elif words[0] == "position":
            self.position = finite(words[1:], 3)
        elif words[0] == "orientation":
            self.orientation = finite(words[1:], 3)
        else:
            raise ValueError(f"unknown word {words[0][:20]!r} of the root")

    def bone_line(self, words: list[str]) -> None:
        """A line of `:bonedata`."""
        key = words[0].lower()
        if key == "begin":
            if self.open is not None:
                raise ValueError("the bone before has no end")
            self.open = {}
        elif self.open is None:
            raise ValueError("begin should stand here")
        elif key == "end":
            self._close(self.open)
            self.open = None
        elif key in ("name", "direction", "length", "axis", "dof"):
            if key in self.open:
                raise ValueError(f"a second {key} of one bone")
            self.open[key] = words[1:]
        elif key not in IGNORED and not key.startswith("("):
            raise ValueError(f"unknown word {words[0][:20]!r} of a bone")

    def _close(self, bone: dict[str, list[str]]) -> None:
        """A bone is finished."""
        if missing := [key for key in ("name", "direction", "length", "axis") if key not in bone]:
            raise ValueError(f"the bone has no {' and no '.join(missing)}")
        if len(bone["name"]) != 1 or bone["name"][0] in (ROOT, *self.bones):
            raise ValueError(f"the name {' '.join(bone['name'])[:20]!r} is of no bone, or of two")
        if len(self.bones) >= MOST_JOINTS:
            raise ValueError(f"more than {MOST_JOINTS} bones")
        direction, length = finite(bone["direction"], 3), float(finite(bone["length"], 1)[0])
        if not 0.0 <= length < 1e6 or not np.linalg.norm(direction) < 1e6:
            raise ValueError("no length of a bone")
        _turned(finite(bone["axis"][:3], 3), "".join(bone["axis"][3:]))
        dof = bone["dof"] = [word.lower() for word in bone.get("dof", [])]
        if len(set(dof)) < len(dof) or not set(dof) <= set(ROTATIONS):
            raise ValueError(f"dof of {bone['name'][0][:20]} should be of rx, ry, rz, each once: bones that slide or stretch are not read")
        self.bones[bone["name"][0]] = bone

    def hierarchy_line(self, words: list[str]) -> None:
        """A line of `:hierarchy`."""
        if words[0].lower() in ("begin", "end") and len(words) == 1:
            self.inside = words[0].lower() == "begin"
            return
        for name in words:
            if name != ROOT and name not in self.bones:
                raise ValueError(f"{name[:20]} is no bone of :bonedata")
        for name in words[1:]:
            if name == ROOT or name in self.parent_of:
                raise ValueError(f"{name[:20]} has a parent already")
            self.parent_of[name] = words[0]


def read_asf(path: Path) -> Skeleton:
    """Read a skeleton; UserError that names file, line and fault where it is none."""
    lines, found, section = Lines(path), _Reader(), ""
    readers = {"units": found.unit_line, "root": found.root_line, "bonedata": found.bone_line, "hierarchy": found.hierarchy_line}
    for words in lines:
        try:
            if words[0].startswith(":"):
                section = words[0][1:].lower()
                if section not in SECTIONS:
                    raise ValueError("no part of an ASF file")
                if found.open is not None:
                    raise ValueError("the bone before has no end")
            elif not section:
                raise ValueError("this is no ASF file, its parts begin with a colon")
            elif section in readers:
                readers[section](words)
        except (ValueError, IndexError) as error:
            raise lines.wrong("something is missing" if isinstance(error, IndexError) else error) from error
    if found.open is not None or found.inside or not found.parent_of:
        raise UserError(f"{path}: it ends before its skeleton does (:bonedata, then :hierarchy, each to its end): {REMEDY}")
    return _skeleton(path, found)


def _skeleton(path: Path, found: _Reader) -> Skeleton:
    """The bones, parents first."""
    children: dict[str, list[str]] = {}
    for child, parent in found.parent_of.items():
        children.setdefault(parent, []).append(child)
    turn = 1.0 if found.radians else np.pi / 180.0
    try:
        root = Bone(ROOT, -1, np.zeros(3), np.zeros(3), _turned(found.orientation * turn, found.root_axis), found.root_dof)
    except ValueError as error:
        raise UserError(f"{path}: the root's axis: {error}: {REMEDY}") from error
    bones, numbers, waiting = [root], {ROOT: 0}, list(reversed(children.get(ROOT, [])))
    while waiting:
        name = waiting.pop()
        said, begins_at = found.bones[name], numbers[found.parent_of[name]]
        direction = finite(said["direction"], 3)
        size = float(np.linalg.norm(direction))
        along = direction / size * float(said["length"][0]) if size > 0.0 else np.zeros(3)
        frame = _turned(finite(said["axis"][:3], 3) * turn, "".join(said["axis"][3:]))
        numbers[name] = len(bones)
        bones.append(Bone(name, begins_at, bones[begins_at].along, along, frame, tuple(said["dof"])))
        waiting += reversed(children.get(name, []))
    if lost := sorted(set(found.bones) - set(numbers)):
        raise UserError(f"{path}: {', '.join(lost[:5])} of :bonedata {'hangs' if len(lost) == 1 else 'hang'} on nothing in :hierarchy: {REMEDY}")
    return Skeleton(path, tuple(bones), found.position, INCH_M / found.unit)
