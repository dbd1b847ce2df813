"""A folder of one's own: files found by a pattern, labels of the pattern or of a table, one's own licence, split and protocol."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gaitbridge.data.importers._dataset import Arrays, Dataset, Place, Reading, same_frames
from gaitbridge.data.importers._formats import PICTURES, Ways, fields_made, read_files
from gaitbridge.data.importers._layout import NUMBERS, WHOLE, Fields, Layout
from gaitbridge.data.importers._source import UNKNOWN
from gaitbridge.data.importers._tables import LabelTable
from gaitbridge.data.protocols.rules import fields_of_type
from gaitbridge.errors import UserError
from gaitbridge.folders import data_in
from gaitbridge.types import Labels

NAME = "folder"
IN_TYPE = ("type", "condition", "take", "session")  # of the key person/type/view, those that are known
IN_VIEW = ("view", "camera", "lidar", "view_deg", "distance_m", "sequence")
ONE_CLOCK = ("silhouettes", "keypoints", "smpl")  # frames of one camera


@dataclass(frozen=True)
class FoundPlace(Place):
    """A sequence of a folder: what is known of it by name, and its files by modality, in order."""

    fields: Mapping[str, str] = field(default_factory=dict)
    by_modality: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class OwnFolder:
    """As `_source.Source`: the sequences of a folder, by person; what is wrong with one stands in its place as a text."""

    name: str
    licence: str
    layouts: Mapping[str, str]  # by modality
    ways: Ways
    by_person: Mapping[str, tuple[FoundPlace | str, ...]] = field(default_factory=dict)

    @property
    def facts(self) -> Dataset:
        """What an importer would say of its dataset."""
        layout = "; ".join(f"{modality} at {text}" for modality, text in self.layouts.items())
        return Dataset(self.name, "", "", self.licence, layout, "", fields_made(self.layouts))

    def of(self, person: str) -> OwnFolder:
        """As `Source`."""
        return replace(self, by_person={person: self.by_person[person]})

    def places(self, person: str) -> Iterator[Place | str]:
        """As `Source`."""
        return iter(self.by_person[person])

    def labels(self, reading: Reading, split: str) -> Labels:
        """As `Source`."""
        place = reading.place
        assert isinstance(place, FoundPlace)
        return labels_of(place, split, {"source": self.name, "licence": self.licence})

    def read(self, reading: Reading) -> Arrays:
        """As `Source`: every modality of the sequence; those of one camera have the same frames."""
        place, arrays = reading.place, Arrays()
        assert isinstance(place, FoundPlace)
        lengths: dict[Path, int] = {}
        for modality in self.layouts:
            paths = place.by_modality.get(modality)
            if paths is None:
                reading.note(f"sequences without {modality}", place.folders[0])
                continue
            made = read_files(reading, modality, paths, self.ways)
            arrays |= made
            if modality in ONE_CLOCK and made:
                lengths[paths[0]] = len(next(iter(made.values())))
        same_frames(lengths)
        return {name: array for name, array in arrays.items() if reading.wants(name)}


def labels_of(place: FoundPlace, split: str, facts: Mapping[str, str]) -> Labels:
    """The labels of a sequence. A type such as nm-05 says condition and take, a view of digits such as 090 its angle, where no field says so."""
    known: dict[str, Any] = dict(UNKNOWN) | dict(facts)
    given = place.fields
    if "type" in given:
        known["condition"], known["take"] = fields_of_type(given["type"])
    if given.get("view", "").isdigit() and len(given["view"]) == 3:
        known["view_deg"] = float(given["view"])
    for name, text in given.items():
        if name in WHOLE or name in NUMBERS:
            known[name] = _number(name, text, place)
        elif name in ("condition", "camera", "lidar"):
            known[name] = text
    view = given.get("view") or given.get("camera") or given.get("view_deg") or ""
    return Labels(key=place.key, person=place.person, split=split, view=view, **known)


def _number(name: str, text: str, place: FoundPlace) -> float | int:
    try:
        return int(text) if name in WHOLE else float(text)
    except ValueError as error:
        raise UserError(f"{place.folders[0]}: its {name} is {text!r}, not a {'whole ' if name in WHOLE else ''}number: mend the pattern or the table"
                        ) from error


@dataclass
class Looked:
    """What was found in a folder: sequences by person, how many files each modality has, files without a line of labels."""

    by_person: dict[str, list[FoundPlace | str]]
    files: dict[str, int]
    without_line: list[Path]


def look(root: Path, layouts: Mapping[str, Layout], labels: LabelTable) -> Looked:
    """Find the sequences of a folder. UserError where it is missing, where nothing lies as the pattern says, or nobody says who a sequence shows."""
    if not root.is_dir():
        raise UserError(f"{root} is missing or no folder: give the folder whose files lie as {next(iter(layouts.values())).text}")
    found: dict[tuple[tuple[str, str], ...], dict[str, list[Path]]] = {}
    looked = Looked({}, {}, [])
    for modality, pattern in layouts.items():
        for fields, path in pattern.found(root):
            looked.files[modality] = looked.files.get(modality, 0) + 1
            more = labels.of(fields, path.relative_to(root))
            if more is None:
                looked.without_line.append(path)
            else:
                found.setdefault(tuple(sorted(more.items())), {}).setdefault(modality, []).append(path)
        if modality not in looked.files:
            raise UserError(f"{root}: no file lies as {pattern.text} ({modality}); it holds {_examples(root)}: mend the pattern, whose {{fields}} "
                            "stand for names between slashes")
    if not found:
        raise UserError(f"{root}: none of its {sum(looked.files.values())} files has a line in {labels.name} (such as {looked.without_line[0]}): "
                        f"its column {' and '.join(labels.by)} must say what the pattern finds")
    for known, by_modality in found.items():
        place = _place(dict(known), by_modality, next(iter(layouts.values())))
        looked.by_person.setdefault(dict(known)["person"], []).append(place)
    for places in looked.by_person.values():
        _told_apart([place for place in places if isinstance(place, FoundPlace)])
    return looked


def _told_apart(places: Sequence[FoundPlace]) -> None:
    """UserError where two sequences of a person would have one key."""
    first: dict[str, FoundPlace] = {}
    for place in places:
        if first.setdefault(place.key, place) is not place:
            raise UserError(f"{first[place.key].folders[0]} and {place.folders[0]} are both {place.key}: say by {{sequence}}, in the pattern or as a "
                            "column of the table, what tells them apart")


def _place(fields: Fields, by_modality: dict[str, list[Path]], pattern: Layout) -> FoundPlace | str:
    first = next(iter(by_modality.values()))[0]
    if not fields.get("person"):
        raise UserError(f"--layout {pattern.text!r} has no {{person}} and no table says who {first} shows: name {{person}} in the pattern, or give a "
                        "CSV with a column person with --labels")
    for name, text in fields.items():
        if "/" in text or "\\" in text or text in (".", ".."):
            raise UserError(f"the {name} {text!r} of {first} cannot be part of a key: name it without slashes")
    kind = "-".join(fields[name] for name in IN_TYPE if fields.get(name)) or "walk"
    view = "_".join(fields[name] for name in IN_VIEW if fields.get(name)) or "view"
    for modality, paths in by_modality.items():
        if len(paths) > 1 and any(path.suffix.lower() not in PICTURES for path in paths):
            return (f"{paths[0]} and {paths[1].name}: two files of {modality} for one sequence: name the file in the pattern, or put {{sequence}} "
                    "where their names differ")
    kept = {modality: tuple(paths) for modality, paths in by_modality.items()}
    return FoundPlace(fields["person"], kind, view, (first.parent,), fields, kept)


def _examples(root: Path, most: int = 3) -> str:
    """Some of the files of a folder, for a message."""
    found: list[str] = []
    folders = [root]
    while folders and len(found) < most:
        inside = sorted(data_in(folders.pop(0)))
        found += [path.relative_to(root).as_posix() for path in inside if path.is_file()][: most - len(found)]
        folders = [path for path in inside if path.is_dir() and not path.is_symlink()][:1] + folders
    return ", ".join(found) or "no file"
