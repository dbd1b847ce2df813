"""Where files lie, as a pattern with named fields: `{person}/{type}/{view}/*.png`.

`{name}` is any text without a slash (of fields that are numbers: a number), `*` anything without a slash, `?` one letter, `**` any folders. A field
that stands twice is the same text twice. What `*` and `**` stand for does not tell sequences apart: files that differ there alone belong together.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gaitbridge.data.importers._dataset import in_number_order
from gaitbridge.errors import UserError, nearest
from gaitbridge.folders import data_in
from gaitbridge.names import canonical

WHOLE = ("take", "session")  # fields that are whole numbers
NUMBERS = ("view_deg", "distance_m", "camera_hz", "lidar_hz")
WORDS = ("person", "type", "view", "condition", "camera", "lidar", "split", "sequence")
FIELDS = (*WORDS, *WHOLE, *NUMBERS)
EXAMPLE = "{person}/{type}/{view}/*.pkl"
Fields = dict[str, str]


@dataclass(frozen=True)
class Layout:
    """A pattern taken apart: `levels`, an expression a folder and the last for the file; None for `**`."""

    text: str
    levels: tuple[re.Pattern[str] | None, ...]

    @property
    def fields(self) -> frozenset[str]:
        """The fields that it names."""
        return frozenset(name for level in self.levels if level is not None for name in level.groupindex)

    def found(self, root: Path) -> Iterator[tuple[Fields, Path]]:
        """The files below `root` that lie so, with their fields, in the order of numbers in their names."""
        return self._below(root, 0, {})

    def _below(self, folder: Path, level: int, known: Fields) -> Iterator[tuple[Fields, Path]]:
        pattern, last = self.levels[level], level == len(self.levels) - 1
        if pattern is None:
            yield from self._below(folder, level + 1, known)
        for path in sorted(data_in(folder), key=lambda path: in_number_order(path.name)):
            if pattern is None:
                if path.is_dir() and not path.is_symlink():  # a link may lead in a circle
                    yield from self._below(path, level, known)
            elif path.is_file() if last else path.is_dir():
                fields = _matched(pattern, path.name, known)
                if fields is not None:
                    yield from [(fields, path)] if last else self._below(path, level + 1, fields)


def _matched(pattern: re.Pattern[str], name: str, known: Fields) -> Fields | None:
    """The fields known so far and those of a name; None where it does not fit."""
    found = pattern.fullmatch(name)
    if found is None:
        return None
    here = {field: canonical(text) for field, text in found.groupdict().items()}
    return None if any(known.get(field, text) != text for field, text in here.items()) else known | here


def layout(text: str) -> Layout:
    """The pattern taken apart; UserError where it is none, or names no field that there is."""
    parts = text.strip().strip("/").split("/")
    if not all(parts) or any(part in (".", "..") for part in parts):
        raise UserError(f"--layout {text!r} has an empty part or leads out of the folder: write it like '{EXAMPLE}'")
    if parts[-1] == "**":
        raise UserError(f"--layout {text!r} ends in **, which stands for folders: say how the files are called, such as '{text}/*.png'")
    made = Layout(text, tuple(None if part == "**" else _expression(part, text) for part in parts))
    if not made.fields:
        raise UserError(f"--layout {text!r} names no field: write {{person}} where the person's name stands, as in '{EXAMPLE}'. Fields: "
                        f"{', '.join(FIELDS)}.")
    return made


def _expression(part: str, text: str) -> re.Pattern[str]:
    """The expression of one folder's or file's name."""
    made: list[str] = []
    seen: set[str] = set()
    for piece in re.split(r"(\{[^{}]*\}|\*|\?)", part):
        if piece == "*":
            made.append("[^/]*")
        elif piece == "?":
            made.append("[^/]")
        elif piece.startswith("{") and piece.endswith("}"):
            name = piece[1:-1]
            if name not in FIELDS:
                raise UserError(f"--layout {text!r}: no field {name!r}: {nearest(name, FIELDS)} Where a name is of no account write *.")
            number = r"\d+" if name in WHOLE else r"\d+(?:\.\d+)?" if name in NUMBERS else "[^/]+?"
            made.append(f"(?P={name})" if name in seen else f"(?P<{name}>{number})")
            seen.add(name)
        elif "{" in piece or "}" in piece:
            raise UserError(f"--layout {text!r}: a brace is not closed in {part!r}: write it like '{EXAMPLE}'")
        else:
            made.append(re.escape(piece))
    return re.compile("".join(made))
