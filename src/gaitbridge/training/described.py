"""Settings in words: each one's value, default, bounds and meaning, and in which settings two runs differ."""

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from gaitbridge.errors import UserError
from gaitbridge.run_documents import read_config, read_provenance
from gaitbridge.training.config import RunConfig

NOT_THERE, A_GROUP = "–", "a group"


@dataclass(frozen=True)
class Described:
    """One setting as it is put in by --set: values as JSON. default: a dash where a value must be given."""

    name: str
    value: str
    default: str
    bounds: str
    meaning: str


@dataclass(frozen=True)
class Difference:
    """A setting that two sides have otherwise; a dash where a side has none of that name."""

    name: str
    a: str
    b: str


def described(settings: BaseModel, above: str = "") -> Iterator[Described]:
    """Every setting of a group and of the groups within it, in the order in which they are declared; groups that may be null are settings, too."""
    kind = type(settings)
    for name, field in kind.model_fields.items():
        value, place, meaning = getattr(settings, name), f"{above}{name}", " ".join((field.description or "").split())
        default = NOT_THERE if field.is_required() else in_json(to_jsonable_python(field.get_default(call_default_factory=True)))
        if isinstance(value, BaseModel):
            if field.default is None:
                yield Described(place, A_GROUP, default, bounds_of(kind, name), meaning)
            yield from described(value, f"{place}.")
        else:
            shown = A_GROUP if isinstance(field.default, BaseModel) else default
            yield Described(place, in_json(to_jsonable_python(value)), shown, bounds_of(kind, name), meaning)


def in_json(value: Any) -> str:
    """A value as --set takes it."""
    return json.dumps(value, ensure_ascii=False)


@cache
def bounds_of(kind: type[BaseModel], name: str) -> str:
    """What a setting may be, in words: `1 to 8,192`, `sgd, adam`, `true or false`."""
    schema = kind.model_json_schema()
    return _in_words(schema["properties"][name], schema.get("$defs", {}))


def _in_words(schema: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    """The words of one part of a JSON schema."""
    if "$ref" in schema:
        named = known[schema["$ref"].rsplit("/", 1)[-1]]
        return A_GROUP if named.get("type") == "object" else _in_words(named, known)
    if "anyOf" in schema:
        return " or ".join(_in_words(one, known) for one in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    if "const" in schema:
        return str(schema["const"])
    words = {"boolean": "true or false", "string": "text", "null": "null", "object": A_GROUP}
    kind = schema.get("type", "object")
    if kind == "array":
        return _of_array(schema, known)
    return words[kind] if kind in words else _of_number(schema)


def _of_number(schema: Mapping[str, Any]) -> str:
    low = f"above {_number(schema['exclusiveMinimum'])}" if "exclusiveMinimum" in schema else _number(schema.get("minimum"))
    high = f"below {_number(schema['exclusiveMaximum'])}" if "exclusiveMaximum" in schema else _number(schema.get("maximum"))
    step = f", a multiple of {_number(schema['multipleOf'])}" if "multipleOf" in schema else ""
    return f"{low} to {high}{step}"


def _of_array(schema: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    if "prefixItems" in schema:
        return "[" + ", ".join(_in_words(one, known) for one in schema["prefixItems"]) + "]"
    least, most = schema.get("minItems", 0), schema.get("maxItems")
    count = "any number" if most is None and not least else f"{least} or more" if most is None else f"{least} to {most}"
    return f"[{_in_words(schema['items'], known)}], {count} of them"


def _number(value: float | None) -> str:
    if value is None:
        return "any"
    return f"{int(value):,}" if isinstance(value, int) or (value.is_integer() and abs(value) < 1e15) else f"{value:g}"


def flat(document: Mapping[str, Any], above: str = "") -> dict[str, str]:
    """The settings of a document by their dotted names, as JSON."""
    found: dict[str, str] = {}
    for name, value in document.items():
        found |= flat(value, f"{above}{name}.") if isinstance(value, Mapping) and value else {f"{above}{name}": in_json(value)}
    return found


def differences(a: Sequence[Mapping[str, Any]], b: Sequence[Mapping[str, Any]]) -> list[Difference]:
    """Where two sides differ, each the documents of one run or of several: all values that a side has, in the order of its runs.

    A setting in which runs of one side differ from each other alone, such as the seed, is no difference between the sides.
    """
    sides = [[flat(document) for document in side] for side in (a, b)]
    names = dict.fromkeys(name for side in sides for document in side for name in document)
    found = []
    for name in names:
        values = [list(dict.fromkeys(_value(document, name) for document in side)) for side in sides]
        if set(values[0]) != set(values[1]):
            found.append(Difference(name, *(", ".join(own) for own in values)))
    return found


def without(document: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """A copy of the settings without some, by their dotted names."""
    groups = {name.split(".")[0] for name in names if "." in name}
    left = {name: value for name, value in document.items() if name not in names}
    return {name: without(value, [one.removeprefix(f"{name}.") for one in names if one.startswith(f"{name}.")]) if name in groups else value
            for name, value in left.items()}


def _value(document: Mapping[str, str], name: str) -> str:
    """A setting of a flat document, in words where it is a group there or is not there."""
    if name in document:
        return document[name]
    return A_GROUP if any(other.startswith(f"{name}.") for other in document) else NOT_THERE


def differences_of_runs(a: Sequence[Path], b: Sequence[Path]) -> list[Difference] | None:
    """In which settings the runs of two sides differ, as `differences` says, and whether they were trained on the same data; None where a folder
    has no settings, such as one of embeddings alone."""
    if not all((run / "config.json").is_file() for run in (*a, *b)):
        return None
    return differences(*([_document(run) for run in side] for side in (a, b)))


def _document(run: Path) -> dict[str, Any]:
    """The settings of a run with the defaults of those that came since, as they are where this version does not know them; and its data's hash."""
    document = read_config(run)
    with contextlib.suppress(ValueError, UserError):  # what differs is then shown as it is written
        document = RunConfig.model_validate(document).model_dump(mode="json")
    return document | {"trained on data": read_provenance(run).get("data_hash")}
