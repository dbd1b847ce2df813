"""The import of a folder of one's own, and a look at what it would be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from gaitbridge.data.importers._dataset import Reading
from gaitbridge.data.importers._folder import NAME, FoundPlace, Looked, OwnFolder, labels_of, look
from gaitbridge.data.importers._formats import MODALITIES, Aligning, Ways, fields_made
from gaitbridge.data.importers._layout import Layout, layout
from gaitbridge.data.importers._partition import Partition, splits
from gaitbridge.data.importers._person import Job
from gaitbridge.data.importers._run import Imported, Plan, carried_out
from gaitbridge.data.importers._summary import Line
from gaitbridge.data.importers._tables import LabelTable, partition_by, read_labels, read_split
from gaitbridge.data.protocols import Protocol, document_of, load_protocol
from gaitbridge.errors import UserError, nearest
from gaitbridge.parts import Part
from gaitbridge.progress import Progress, silent

EVERYBODY = "no split was given"


@dataclass(frozen=True)
class Own:
    """What somebody says of their folder. layouts: patterns by modality; split, labels: files; protocol: a name or a file."""

    root: Path
    layouts: Mapping[str, str]
    labels: Path | None = None
    split: Path | None = None
    protocol: str | None = None
    licence: str = ""
    name: str = ""
    val: int = 0
    size: tuple[int, int] = (64, 64)
    aligning: Aligning = "auto"


@dataclass(frozen=True)
class _Read:
    """The same with its files read, and what was found by it."""

    patterns: dict[str, Layout]
    table: LabelTable
    looked: Looked
    division: Partition
    splits: dict[str, str]
    protocol: Protocol | None
    source: OwnFolder


def import_folder(own: Own, store: Path, *, strict: bool = False, workers: int = 0, progress: Progress = silent,
                  part: Part | None = None) -> Imported:
    """Import a folder of one's own to a store, or one part of its people.

    UserError for mistakes, at the first problem where strict, and where no sequence can be used.
    """
    read = _read(own)
    document = None if read.protocol is None else document_of(read.protocol)
    settings = {"layouts": dict(own.layouts), "labels": read.table.hash, "licence": own.licence, "name": read.source.name, "size": list(own.size),
                "aligning": own.aligning, "protocol": document}
    about = {"layouts": dict(own.layouts), "labels": read.table.name, "size": list(own.size), **({"protocol": document} if document else {})}
    job = Job(read.source, store, frozenset(fields_made(own.layouts)), "", strict)
    plan = Plan(NAME, job, (own.root,), read.division, own.val, sorted(read.looked.by_person), settings, about, _lines(read),
                {"own": document_of_own(own), "strict": strict})
    return carried_out(plan, read.splits, workers, progress, part)


def document_of_own(own: Own) -> dict[str, Any]:
    """The same as a document, its files by their whole paths; `Own` is made of it again by `own_of`."""
    said = {field.name: getattr(own, field.name) for field in fields(own)} | {"layouts": dict(own.layouts), "size": list(own.size)}
    if own.protocol is not None and Path(own.protocol).is_file():
        said["protocol"] = str(Path(own.protocol).absolute())
    return {name: str(value.absolute()) if isinstance(value, Path) else value for name, value in said.items()}


def own_of(said: Mapping[str, Any]) -> Own:
    """What a document of `document_of_own` says."""
    paths = {name: said[name] and Path(said[name]) for name in ("root", "labels", "split")}
    return Own(**{**said, **paths, "size": tuple(said["size"])})


def _read(own: Own) -> _Read:
    for modality in own.layouts:
        if modality not in MODALITIES:
            raise UserError(f"no modality {modality!r}: {nearest(modality, MODALITIES)}")
    patterns = {modality: layout(text) for modality, text in own.layouts.items()}
    first = next(iter(patterns.values()))
    for modality, pattern in patterns.items():
        if pattern.fields != first.fields:
            raise UserError(f"{pattern.text!r} ({modality}) names other fields than {first.text!r}: files of one sequence are found by the same ones")
    table = LabelTable() if own.labels is None else read_labels(own.labels, first.fields)
    protocol = None if own.protocol is None else load_protocol(own.protocol)
    looked = look(own.root, patterns, table)
    division = _division(own, looked)
    found = splits(division, looked.by_person, own.val)
    if not found:
        raise UserError(f"{own.root}: none of its {len(looked.by_person)} people ({', '.join(sorted(looked.by_person)[:3])}) is in {division.name}: "
                        "names must be as the pattern finds them")
    by_person = {person: tuple(places) for person, places in looked.by_person.items()}
    name = own.name or own.root.resolve().name
    source = OwnFolder(name, own.licence, own.layouts, Ways(own.size, own.aligning), by_person)
    return _Read(patterns, table, looked, division, found, protocol, source)


def _division(own: Own, looked: Looked) -> Partition:
    """The split of a file, else of the pattern or the table, else everybody for the test."""
    places = [place for places in looked.by_person.values() for place in places if isinstance(place, FoundPlace)]
    said = [place for place in places if place.fields.get("split")]
    if own.split is not None:
        return read_split(own.split)
    if said:
        return partition_by(((place.person, place.fields["split"], str(place.folders[0])) for place in said), "the folder's own split")
    return Partition(lambda person: "test", EVERYBODY)


def _lines(read: _Read) -> tuple[Line, ...]:
    lines = [Line(f"files of {modality}", read.looked.files[modality]) for modality in read.patterns]
    if read.table.rows:
        without = read.looked.without_line
        lines.append(Line(f"files without a line in {read.table.name}, left out", len(without), None, str(without[0]) if without else ""))
    if read.division.name == EVERYBODY:
        lines.append(Line("people of whom no split was said: all are test", len(read.looked.by_person)))
    return tuple(lines)


@dataclass(frozen=True)
class Listed:
    """What an import would take: a row a sequence (key, split, view, condition, take, files of each modality), problems, what a first one gave."""

    header: tuple[str, ...]
    rows: list[tuple[str, ...]]
    problems: list[str]
    lines: tuple[Line, ...]
    tried: str


def listed(own: Own) -> Listed:
    """Look at a folder without making anything; the first sequence is read as a trial. UserError as `import_folder`."""
    read = _read(own)
    rows, problems, tried = [], [], ""
    for person, split in sorted(read.splits.items()):
        for place in read.looked.by_person[person]:
            if isinstance(place, str):
                problems.append(place)
                continue
            try:
                labels = labels_of(place, split, {})
            except UserError as error:
                problems.append(str(error))
                continue
            counts = (str(len(place.by_modality.get(modality, ()))) for modality in read.patterns)
            rows.append((place.key, split, labels.view, labels.condition, str(labels.take), *counts))
            tried = tried or _tried(read, place)
    return Listed(("key", "split", "view", "condition", "take", *read.patterns), rows, problems, _lines(read), tried)


def _tried(read: _Read, place: FoundPlace) -> str:
    """What reading one sequence gives, in words."""
    reading = Reading(place, frozenset(fields_made(read.patterns)))
    try:
        arrays = read.source.read(reading)
    except UserError as error:
        return f"{place.key} cannot be used: {error}"
    shapes = ", ".join(f"{name} {array.dtype} {list(array.shape)}" for name, array in arrays.items())
    notes = "".join(f"; {kind}" for kind in sorted({kind for kind, _ in reading.notes}))
    return f"{place.key}: {shapes}{notes}"


def parsed_layouts(main: str, modality: str, also: Sequence[str]) -> dict[str, str]:
    """Patterns by modality, of the words of the command line: MODALITY=PATTERN for those beside the first. UserError where one is none."""
    found = {modality: main}
    for words in also:
        name, equals, pattern = words.partition("=")
        if not equals or not pattern or "{" in name:
            raise UserError(f"--also {words!r} is not MODALITY=PATTERN, such as range_views={{person}}/{{type}}/{{view}}/range.npy")
        if name in found:
            raise UserError(f"--also {words!r}: {name} has a pattern already ({found[name]}): give each modality one")
        found[name] = pattern
    return found

