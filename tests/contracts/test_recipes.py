"""Recipes: what each setting means is said, and what there was stays as it was, since runs and studies rest on it."""

import json
from pathlib import Path

import pytest
from pydantic import BaseModel
from pydantic_core import to_jsonable_python
from settings_walked import groups_of_runs, named

from gaitbridge.training.config import recipe

PINNED = json.loads((Path(__file__).parent / "recipes_as_they_are.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("group", groups_of_runs(), ids=named)
def test_every_setting_says_what_it_means(group: type[BaseModel]) -> None:
    silent = [name for name, field in group.model_fields.items() if not (field.description or "").strip()]
    assert not silent, f"{named(group)}: a sentence in quotes below each of {', '.join(silent)}"


@pytest.mark.parametrize("name", PINNED["recipes"])
def test_recipes_stay_as_they_are(name: str) -> None:
    assert recipe(name).model_dump(mode="json", exclude_defaults=True) == PINNED["recipes"][name], "give a changed recipe a name of its own"


def test_defaults_stay_as_they_are() -> None:
    known = {named(group): group for group in groups_of_runs()}
    for name, defaults in PINNED["defaults"].items():
        now = {field: to_jsonable_python(known[name].model_fields[field].default) for field in defaults}
        for field, value in defaults.items():  # what is new since has its default in runs from before
            inner = {key: now[field][key] for key in value} if isinstance(value, dict) and isinstance(now[field], dict) else now[field]
            assert inner == value, f"{name}.{field}: runs from before rest on {value}"
