"""JSON documents read back: as they were written, or refused in one line that names the file. Whatever happened to a file, nothing else comes out.

A shape is what a document must hold, as a type that pydantic knows: most often a TypedDict (of typing_extensions, before Python 3.12). Keys beyond
the shape are kept: another version wrote them.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from gaitbridge.errors import StoreError

Shape = TypeVar("Shape")


def read_document(path: Path, shape: type[Shape], remedy: str, nan: bool = False) -> Shape:
    """The document of a file. remedy: what to do where it is damaged ("train again"); nan: numbers may be NaN and infinite, which JSON has not.

    StoreError in one line where it is no such document.
    """
    return parsed(read_text(path, remedy), shape, str(path), remedy, nan)


def read_made(path: Path, kind: type[Shape], remedy: str) -> Shape:
    """What a file holds, made into dataclasses or lists of them: every field there, and of its type. StoreError as `read_document`."""
    text = read_text(path, remedy)
    parsed(text, object, str(path), remedy, nan=True)  # as deep and as long as Python reads
    try:
        return _adapter(kind).validate_json(text, strict=True)  # type: ignore[arg-type]
    except ValidationError as error:
        raise damaged(str(path), _first(error), remedy) from error


def read_lines(path: Path, shape: type[Shape], remedy: str, nan: bool = False) -> list[Shape]:
    """The documents of a file with one a line. A last line cut short, by a kill, is left out. StoreError names any other bad line."""
    lines = read_text(path, remedy).split("\n")
    whole = lines if not lines[-1] else lines[:-1]  # a whole line ends
    return [parsed(line, shape, f"{path}, line {number},", remedy, nan) for number, line in enumerate(whole, 1) if line.strip()]


def parsed(text: str, shape: type[Shape], where: str, remedy: str, nan: bool = False) -> Shape:
    """The document of a text; where: its place, for the error."""
    try:
        found = json.loads(text, parse_int=_whole, parse_constant=None if nan else _no_number)
        _adapter(shape).validate_python(found, strict=True)  # type: ignore[arg-type]
    except ValidationError as error:
        raise damaged(where, _first(error), remedy) from error
    except RecursionError as error:
        raise damaged(where, "nested too deep", remedy) from error
    except ValueError as error:  # no JSON, or a whole number of thousands of digits
        raise damaged(where, error, remedy) from error
    return found


def checked_shape(found: object, shape: type[Shape], where: str, remedy: str) -> Shape:
    """A part of a document that was read already, as its shape; where: its place, for the error. StoreError where it is none."""
    try:
        _adapter(shape).validate_python(found, strict=True)  # type: ignore[arg-type]
    except ValidationError as error:
        raise damaged(where, _first(error), remedy) from error
    return cast(Shape, found)


def read_text(path: Path, remedy: str) -> str:
    """The text of a file in UTF-8; StoreError where it is something else, or cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise damaged(str(path), f"no text at byte {error.start}", remedy) from error
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror or error}") from error


def damaged(where: str, why: object, remedy: str) -> StoreError:
    """The error of a damaged file, in one line."""
    return StoreError(f"{where} is damaged ({' '.join(str(why).split())}): {remedy}")


def _first(error: ValidationError) -> str:
    """What is wrong first, and where."""
    found = error.errors(include_url=False, include_context=False)[0]
    place = ".".join(str(part) for part in found["loc"])
    return f"{place}: {found['msg']}" if place else found["msg"]


def _whole(digits: str) -> int:
    """A whole number, of those that other programs can hold."""
    number = int(digits)
    if not -(2**63) <= number < 2**64:
        raise ValueError(f"{digits[:20]}... is too large a number")
    return number


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number")


@cache
def _adapter(shape: Any) -> TypeAdapter[Any]:
    return TypeAdapter(shape)
