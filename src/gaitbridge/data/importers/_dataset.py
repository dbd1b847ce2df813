"""What an importer says of its dataset, and what it is given to read one sequence."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from gaitbridge.errors import UserError
from gaitbridge.folders import data_in
from gaitbridge.foreign_pickles import read_value


@dataclass(frozen=True)
class Dataset:
    """The facts of a dataset. `people` and `sequences`: how many are published, by split (train, test) or all."""

    name: str
    citation: str
    apply: str  # where its agreement is signed
    licence: str  # its terms, in a line
    layout: str  # one sequence below SRC
    split: str  # who is for training and who for the test, in words
    fields: tuple[str, ...]  # of the store that may come of it
    people: Mapping[str, int] = field(default_factory=dict)
    sequences: Mapping[str, int] = field(default_factory=dict)
    frames: tuple[str, ...] = ()  # choices of `--frames`, the first is the default


@dataclass(frozen=True)
class Place:
    """One published sequence: its names, and the folders with its files (more than one where parts are kept in trees beside each other)."""

    person: str
    kind: str  # the published type
    view: str
    folders: tuple[Path, ...]

    @property
    def key(self) -> str:
        """Its key in the store, as published."""
        return f"{self.person}/{self.kind}/{self.view}"

    def files(self) -> list[Path]:
        """Its files, sorted, hidden ones left out; of two of one name that of the first folder."""
        found: dict[str, Path] = {}
        for folder in self.folders:
            for path in data_in(folder) if folder.is_dir() else ():
                if path.is_file():
                    found.setdefault(path.name, path)
        return [found[name] for name in sorted(found, key=in_number_order)]

    def file(self, *names: str) -> Path | None:
        """The first of the relative names that is there."""
        for name in names:
            for folder in self.folders:
                if (folder / name).is_file():
                    return folder / name
        return None


def in_number_order(name: str) -> tuple[tuple[int, str], ...]:
    """A key that sorts numbers inside names by value: frame 9 before frame 10."""
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name))


@dataclass
class Reading:
    """A sequence about to be read: which fields are wanted, in which choice of frames; `notes` (kind, where) gather what is odd but kept."""

    place: Place
    wanted: frozenset[str]
    frames: str = ""
    notes: list[tuple[str, str]] = field(default_factory=list)

    def wants(self, *names: str) -> bool:
        """Whether any of the fields is wanted."""
        return not self.wanted.isdisjoint(names)

    def note(self, kind: str, where: object) -> None:
        """Keep in mind something odd; `kind` in words that group alike cases."""
        self.notes.append((kind, str(where)))

    def value(self, path: Path) -> Any:
        """What a foreign pickle or .npz holds; UserError where it is damaged or refused."""
        return read_value(path)

    def missing(self, what: str, wanted: str) -> UserError:
        """The error of a sequence that lacks a file: what it is, and what names were looked for."""
        there = ", ".join(path.name for path in self.place.files()[:6]) or "nothing"
        return UserError(f"{self.place.folders[0]} has no {what} (looked for {wanted}; it holds {there}): get it from the dataset's source")


Arrays = dict[str, np.ndarray]


class Importer(Protocol):
    """What the file of a dataset holds."""

    DATASET: Dataset
    named: Callable[[str, str], dict[str, Any]]
    read: Callable[[Reading], Arrays]


def same_frames(lengths: Mapping[Path, int]) -> None:
    """UserError where files of one clock differ in their number of frames."""
    if len(set(lengths.values())) > 1:
        counts = ", ".join(f"{path.name} {count}" for path, count in lengths.items())
        raise UserError(f"{next(iter(lengths)).parent}: files that belong together differ in frames ({counts}): get them from the source again, or "
                        "import without some of them (--fields)")
