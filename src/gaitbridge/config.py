"""Settings: small frozen models beside what they configure; an unknown key is an error that names the nearest valid one."""

import copy
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import is_dataclass
from functools import lru_cache
from typing import Annotated, Any, Self, TypeVar, get_args, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from gaitbridge.errors import UserError, nearest

Each = TypeVar("Each")

# What numbers are settings: each has bounds, below which nothing works and above which nobody means it.
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Whole = Annotated[int, Field(ge=0, le=1_000_000)]
Seed = Annotated[int, Field(ge=0, le=2**63 - 1)]
Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0, le=1e4)]  # of a loss; 0 leaves it out
Scale = Annotated[float, Field(ge=1e-3, le=1e3)]  # of distances and logits
Smoothing = Annotated[float, Field(ge=0, lt=1)]  # of labels
Channels = Annotated[int, Field(ge=1, le=8192)]
Stride = Annotated[int, Field(ge=1, le=8)]
Strips = Annotated[int, Field(ge=1, le=256)]
Pixels = Annotated[int, Field(ge=8, le=1024)]
Size = tuple[Pixels, Pixels]  # height and width
Hz = Annotated[float, Field(ge=0.1, le=1000)]
OfStages = Annotated[tuple[Each, ...], Field(min_length=1, max_length=16)]


class Config(BaseModel):
    """A frozen group of settings. Make one from a document with `checked`, which turns mistakes into one clear line."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with some settings changed, judged as if they came from a file: UserError for an unknown name or a value that does not fit."""
        copied = super().model_copy(deep=deep)
        return checked(type(self), {name: getattr(copied, name) for name in type(self).model_fields} | dict(update)) if update else copied


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
        raise UserError(f"setting{f' {place!r}' if place else 's'}: {message}{_given(first['input'], message)}") from error


def judged(settings: Any) -> None:
    """UserError where a field of a dataclass of settings does not fit its type or lies beyond its bounds: as `__post_init__` of one."""
    for name, adapter in _adapters(settings.__class__).items():
        value = getattr(settings, name)
        try:
            adapter.validate_python(value)
        except ValidationError as error:
            raise UserError(f"setting {name!r}: {error.errors()[0]['msg']}{_given(value, '')}") from error


@lru_cache(maxsize=64)
def _adapters(kind: Any) -> dict[str, TypeAdapter[Any]]:
    """What judges each plain field of a dataclass; a group within it judges itself."""
    hints = {name: hint for name, hint in get_type_hints(kind, include_extras=True).items() if not is_dataclass(hint)}
    return {name: TypeAdapter(hint, config=ConfigDict(allow_inf_nan=False)) for name, hint in hints.items()}


def _given(value: Any, message: str) -> str:
    """What was given, in words; of a group of settings those that the message speaks of."""
    if not isinstance(value, dict):
        words = [repr(value)]
    else:
        words = [f"{name}={one!r}" for name, one in value.items() if re.search(rf"\b{re.escape(str(name))}\b", message)]
    text = ", ".join(words)
    return f" (given: {text[:200]}{'...' if len(text) > 200 else ''})" if words else ""


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
            here = ".".join(groups[: number + 1])
            if group in place and inner is None:
                raise UserError(f"--set {override!r}: {here} is null, there is no group to set anything in: give it its defaults before, --set "
                                f"'{here}={{}}'")
            if not isinstance(inner, dict):
                groups_here = [key for key, value in place.items() if isinstance(value, dict)]
                raise UserError(f"--set {override!r}: no group of settings {here!r}: {nearest(group, groups_here)}")
            place = inner
        try:
            place[last] = json.loads(text)
        except ValueError:
            place[last] = {"True": True, "False": False, "None": None}.get(text, text)
    return result
