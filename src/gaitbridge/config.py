"""Settings: small frozen models beside what they configure; an unknown key is an error that names the nearest valid one."""

import copy
import json
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from gaitbridge.errors import UserError, nearest


class Config(BaseModel):
    """A frozen group of settings. Make one from a document with `checked`, which turns mistakes into one clear line."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


Settings = TypeVar("Settings", bound=BaseModel)


def checked(kind: type[Settings], document: dict[str, Any], where: str = "") -> Settings:
    """`document` as a `kind`; UserError names the first wrong key, its place below `where`, and what would be valid."""
    try:
        return kind.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in (where, *first["loc"]) if part != "")
        if first["type"] == "extra_forbidden":
            owner = _owner(kind, first["loc"][:-1])
            raise UserError(f"no setting {place!r}: {nearest(str(first['loc'][-1]), owner.model_fields)}") from error
        message = first["msg"].removeprefix("Value error, ")
        given = first["input"] if not isinstance(first["input"], dict) else "a group of settings"
        raise UserError(f"setting {place!r}: {message} (given: {given!r})") from error


def known_part(kind: type[BaseModel], document: Mapping[str, Any]) -> dict[str, Any]:
    """`document` without the settings that `kind` does not have, group by group: what another version of it wrote, as far as this one knows it."""
    kept = {}
    for name, value in document.items():
        if field := kind.model_fields.get(name):
            groups = [one for one in (field.annotation, *get_args(field.annotation)) if isinstance(one, type) and issubclass(one, BaseModel)]
            kept[name] = known_part(groups[0], value) if groups and isinstance(value, dict) else value
    return kept


def _owner(kind: type[BaseModel], path: Iterable[Any]) -> type[BaseModel]:
    """The model that the settings path leads to, as far as the annotations tell."""
    for part in path:
        field = kind.model_fields.get(str(part))
        inner = field.annotation if field else None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            break
        kind = inner
    return kind


def overridden(document: dict[str, Any], overrides: Iterable[str]) -> dict[str, Any]:
    """A copy of `document` with each `a.b=value` put in its place. Values are read as JSON where they are JSON, else as text.

    Whether the key exists and the type fits is judged by `checked` afterwards, against the model.
    """
    result = copy.deepcopy(document)
    for override in overrides:
        path, equals, text = override.partition("=")
        if not equals or not path.strip():
            raise UserError(f"--set {override!r}: write it as a.b=value, such as --set optimiser.learning_rate=0.003")
        *groups, last = path.strip().split(".")
        place = result
        for number, group in enumerate(groups):
            inner = place.get(group)
            if not isinstance(inner, dict):
                here = ".".join(groups[: number + 1])
                groups_here = [key for key, value in place.items() if isinstance(value, dict)]
                raise UserError(f"--set {override!r}: no group of settings {here!r}: {nearest(group, groups_here)}")
            place = inner
        try:
            place[last] = json.loads(text)
        except ValueError:
            place[last] = {"True": True, "False": False, "None": None}.get(text, text)
    return result
