"""Rows of numbers (flat dataclasses) to a JSON and a CSV file of one name, and back."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeVar

from gaitbridge.documents import read_made
from gaitbridge.errors import UserError
from gaitbridge.files import write_json, written_whole

Row = TypeVar("Row")


def write_row_files(rows: Sequence[Any], kind: type, out: Path, name: str) -> None:
    """`name.json` and `name.csv` in the folder `out`, each whole or not at all; kind: the rows' dataclass. In the CSV a list is one cell."""
    entries = [asdict(row) for row in rows]
    write_json(entries, out / f"{name}.json")
    with written_whole(out / f"{name}.csv") as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(kind)])
        writer.writeheader()
        writer.writerows({key: _cell(value) for key, value in entry.items()} for entry in entries)


def _cell(value: Any) -> Any:
    return " ".join(str(part) for part in value) if isinstance(value, list | tuple) else value


def read_row_file(path: Path, kind: type[Row], remedy: str) -> list[Row]:
    """The rows of a `name.json`; remedy: what to do where it is missing (UserError) or something else (StoreError)."""
    if not path.is_file():
        raise UserError(f"{path} is missing; {remedy}")
    return read_made(path, list[kind], f"{remedy} again")  # type: ignore[valid-type]
