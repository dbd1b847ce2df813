"""Somebody's own labels and split, from tables: a CSV with a line of column names."""

import csv
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gaitbridge.data.importers._layout import FIELDS, Fields
from gaitbridge.data.importers._partition import Partition, read_partition
from gaitbridge.errors import UserError, nearest
from gaitbridge.names import canonical

SPLITS = ("train", "val", "test")
PATH = "path"  # a column: where a file, or the folder that it lies in, is below the root


def read_table(file: Path, option: str) -> list[dict[str, str]]:
    """The lines of a CSV by column, commas, semicolons or tabs between them. UserError where it is missing, no text, or a line has other columns."""
    if not file.is_file():
        raise UserError(f"{file} is missing: give a CSV with a line of column names with {option}")
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{file} is no text in UTF-8 (byte {error.start}): save it as UTF-8 and give it again with {option}") from error
    first = text.split("\n", 1)[0]
    lines = list(csv.reader(text.splitlines(), delimiter=max(",;\t", key=first.count)))
    head = [name.strip() for name in lines[0]] if lines else []
    if len(set(head)) != len(head) or "" in head:
        raise UserError(f"{file}: its first line must name every column, each once ({first!r} does not): give them names")
    found = []
    for number, line in enumerate(lines[1:], 2):
        if not any(cell.strip() for cell in line):
            continue
        if len(line) != len(head):
            raise UserError(f"{file}, line {number}: {len(line)} columns instead of {len(head)} ({', '.join(head)}): mend that line")
        found.append({name: canonical(cell) for name, cell in zip(head, line, strict=True)})
    if not found:
        raise UserError(f"{file} has no line below its column names: give a table with {option}")
    return found


@dataclass(frozen=True)
class LabelTable:
    """More of what is known of sequences: `rows` by the values of the columns `by`, which the pattern names as well, or by `path`."""

    by: tuple[str, ...] = ()
    rows: Mapping[tuple[str, ...], Fields] = field(default_factory=dict)
    name: str = ""
    hash: str = ""

    def of(self, fields: Fields, place: Path) -> Fields | None:
        """The fields of a sequence with those of its line; `place`: of a file of it, below the root. None where there is no line."""
        if not self.rows:
            return fields
        by_path = [(canonical(one.as_posix()),) for one in (place, *place.parents)]
        tried = by_path if self.by == (PATH,) else [tuple(fields[name] for name in self.by)]
        line = next((self.rows[key] for key in tried if key in self.rows), None)
        return None if line is None else fields | line


def read_labels(file: Path, layout_fields: Iterable[str]) -> LabelTable:
    """The labels of a CSV: columns that the pattern names say whose line it is (or a column `path`), the others what is known of it."""
    table = read_table(file, "--labels")
    columns, known = list(table[0]), set(layout_fields)
    if unknown := [name for name in columns if name not in (*FIELDS, PATH)]:
        raise UserError(f"{file}: no field {unknown[0]!r}: {nearest(unknown[0], (*FIELDS, PATH))} Take other columns out.")
    by = (PATH,) if PATH in columns else tuple(name for name in columns if name in known)
    if not by:
        raise UserError(f"{file}: none of its columns ({', '.join(columns)}) stands in the pattern ({', '.join(sorted(known))}), so nothing says "
                        "which line is whose: add such a column, or one called path")
    rows: dict[tuple[str, ...], Fields] = {}
    for number, line in enumerate(table, 2):
        key = tuple(line[name].strip("/") if name == PATH else line[name] for name in by)
        if rows.setdefault(key, line) is not line:
            raise UserError(f"{file}: line {number} is a second one of {' '.join(key)}: remove one, or add a column that tells them apart")
    kept = {key: {name: value for name, value in line.items() if name != PATH and value} for key, line in rows.items()}
    return LabelTable(by, kept, file.name, _hash(table))


def read_split(file: Path) -> Partition:
    """Who is for training and who for the test: a JSON with TRAIN_SET and TEST_SET, or a CSV with the columns person and split."""
    if file.suffix.lower() == ".json":
        return read_partition(file, "--split")
    table = read_table(file, "--split")
    if lacking := {"person", "split"} - set(table[0]):
        raise UserError(f"{file} has no column {min(lacking)!r}: give a CSV with the columns person and split, or a JSON with TRAIN_SET and TEST_SET")
    said = ((line["person"], line["split"], f"{file}, line {number}") for number, line in enumerate(table, 2))
    return partition_by(said, file.name, _hash(table), True)


def partition_by(said: Iterable[tuple[str, str, str]], name: str, digest: str = "", all_listed: bool = False) -> Partition:
    """The partition that (person, split, where that is said) tell. UserError for another split, or a person in two."""
    found: dict[str, str] = {}
    for person, split, where in said:
        if split not in SPLITS:
            raise UserError(f"{where}: no split {split!r}: {nearest(split, SPLITS)}")
        if found.setdefault(person, split) != split:
            raise UserError(f"{where}: {person} is of {split} here and of {found[person]} elsewhere: nobody may be tested who was trained on, mend "
                            "it")
    return Partition(lambda person: found.get(person, ""), name, digest, frozenset(found) if all_listed else frozenset())


def _hash(table: list[dict[str, str]]) -> str:
    return hashlib.blake2b(json.dumps(table).encode(), digest_size=16).hexdigest()
