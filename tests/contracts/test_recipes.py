"""Recipes: what each setting means is said, and what there was stays as it was, since runs and studies rest on it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import BaseModel
from pydantic_core import to_jsonable_python
from settings_walked import groups_of_runs, named, recipes_of_different_networks

from gaitbridge import plugins
from gaitbridge.errors import UserError
from gaitbridge.training.config import METHODS, changed, recipe, recipes

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


def test_every_recipe_resolves_and_says_what_it_is_for() -> None:
    known = recipes()
    for name, one in known.items():
        run = one()
        assert run.recipe == name
        assert name.startswith(f"{run.method}/")
        assert len(one.head) > 10, name
        if one.published is None:
            continue
        assert f"{run.steps:,} iterations" in one.head
        assert "hardware" in one.head
        assert one.published.source
        assert all(milestone < run.steps for milestone in run.optimiser.milestones), f"{name}: a milestone after the end"
    assert len([one for one in known.values() if one.published]) >= 30


def test_a_line_changes_what_it_says_and_nothing_else() -> None:
    for name, one in recipes().items():
        if not one.base:
            continue
        base, mine = (recipe(which).model_dump(mode="json") for which in (one.base, name))
        assert mine == changed(base, one.changes) | {"recipe": name}, f"{name}: write settings as they are read back, lists for tuples"
        for setting in one.changes:
            assert changed(mine, {setting: one.changes[setting]}) == mine
            was: Any = base
            for part in setting.split("."):
                was = (was or {}).get(part)
            assert was != one.changes[setting], f"{name}: {setting} is no difference from {one.base}"


@pytest.mark.parametrize("name", recipes_of_different_networks())
def test_networks_of_recipes_are_built(name: str) -> None:
    config = recipe(name)
    with torch.device("meta"):
        network = plugins.load(f"{METHODS}.{config.method}", "network").Network(config.network)
    assert sum(p.numel() for p in network.parameters()) > 1000


def test_a_line_is_judged_as_settings_are() -> None:
    one = recipes()["gaitbase/grew"]
    with pytest.raises(UserError, match=r"no setting 'data.frame': did you mean 'frames'"):
        replace(one, changes={"data.frame": 3})()
    with pytest.raises(UserError, match=r"'data.frames': Input should be greater than or equal to 1"):
        replace(one, changes={"data.frames": 0})()
