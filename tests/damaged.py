"""Good files damaged in many ways, and what becomes of each: for tests of everything that is read. Import what runs in a process of its own."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from gaitbridge.errors import UserError


def damaged(raw: bytes, random: np.random.Generator) -> bytes:
    """A file cut short, without a piece, with a piece twice, with a huge or a negative number, or with bytes changed (often text for text); half of
    the JSON documents stay JSON, with something else in some place."""
    if (document := _document(raw)) is not None and random.random() < 0.5:
        return json.dumps(_elsewhere(document, random)).encode()
    data = bytearray(raw)
    kind = random.choice(["cut", "drop", "twice", "huge", "bytes", "digits", "digits"])
    # half of the damages go where files say what they hold: their beginning or end
    reach = len(raw) if random.random() < 0.5 else min(len(raw), 400)
    at = sorted((random.integers(0, max(1, reach), 2) + (len(raw) - reach if random.random() < 0.5 else 0)).tolist())
    if kind == "cut":
        return bytes(data[: at[0]])
    if kind == "drop":
        del data[at[0] : at[1] + 1]
    elif kind == "twice":
        data[at[0] : at[0]] = data[at[0] : at[1]]
    elif kind == "huge":
        data[at[0] : at[0] + 4] = random.choice([b"\xff\xff\xff\x7f", b"\xff\xff\xff\xff", b"\x00\x00\x00\x00"])
    elif kind == "digits":
        places = [place for place, byte in enumerate(data) if chr(byte).isdigit()] or [at[0]]
        for place in random.choice(places, min(len(places), int(random.integers(1, 4)))):
            data[place] = int(random.choice(list(b"0123456789-e.")))
    else:
        for place in random.integers(0, len(data), random.integers(1, 8)):
            data[place] = int(random.integers(256))
    return bytes(data)


STRANGE: tuple[Any, ...] = (None, True, 0, -1, 2**31, 10**200, 0.5, float("nan"), float("inf"), "", "x", "../../elsewhere", "\ud800", [], {},
                            [[1]], {"a": 1})


def _document(raw: bytes) -> Any:
    """A JSON document, None where it is something else."""
    try:
        found = json.loads(raw)
    except ValueError:
        return None
    return found if isinstance(found, dict | list) else None


def _elsewhere(document: Any, random: np.random.Generator) -> Any:
    """The document with one of its values another one, gone, or deep inside of lists."""
    if isinstance(document, dict | list) and document and random.random() < 0.9:
        keys: list[Any] = list(document) if isinstance(document, dict) else list(range(len(document)))
        key = keys[int(random.integers(len(keys)))]
        changed = dict(document) if isinstance(document, dict) else list(document)
        if random.random() < 0.2:
            del changed[key]
        else:
            changed[key] = _elsewhere(document[key], random)
        return changed
    if random.random() < 0.05:
        return _deep(document)
    return STRANGE[int(random.integers(len(STRANGE)))]


def _deep(value: Any, levels: int = 300) -> Any:
    """The value inside of so many lists."""
    for _ in range(levels):
        value = [value]
    return value


def outcomes(read: Callable[[Path], object], file: Path, count: int, seed: int, place: Path | None = None) -> list[str]:
    """What `read(place)` (by default the file itself) said of `count` damages of a file: nothing where it read it, or the line of its UserError.

    Anything else that it raises comes out, with the damage's number. The file is whole again afterwards.
    """
    whole, said = file.read_bytes(), []
    try:
        for number in range(count):
            file.write_bytes(damaged(whole, np.random.default_rng([seed, number])))
            try:
                read(place or file)
                said.append("")
            except UserError as error:
                said.append(str(error))
            except BaseException as error:
                raise AssertionError(f"damage {number} of seed {seed} to {file.name}: {type(error).__name__}: {error}") from error
    finally:
        file.write_bytes(whole)
    return said
