"""The groups of settings that runs are made of, for tests that hold for each of them."""

from typing import get_args

from pydantic import BaseModel

from gaitbridge import plugins
from gaitbridge.training.config import METHODS, RunConfig, config_type, recipes


def groups_below(kind: type[BaseModel]) -> list[type[BaseModel]]:
    """A group and all groups within it, each once."""
    found = [kind]
    for group in found:
        for field in group.model_fields.values():
            inner = [one for one in (field.annotation, *get_args(field.annotation)) if isinstance(one, type) and issubclass(one, BaseModel)]
            found += [one for one in inner if one not in found]
    return found


def groups_of_runs() -> list[type[BaseModel]]:
    """Every group of settings of every method's runs."""
    own = (config_type(method, group) for method in plugins.names(METHODS) for group in ("network", "objective"))
    kinds: list[type[BaseModel]] = [RunConfig, *own]
    return list(dict.fromkeys(group for kind in kinds for group in groups_below(kind)))


def named(kind: type[BaseModel]) -> str:
    """Module and name of a group, without the package's."""
    return f"{kind.__module__.removeprefix('gaitbridge.')}.{kind.__name__}"


def recipes_of_different_networks() -> list[str]:
    """Recipes by name, without those whose network and objective an earlier one has: what holds for a network need not be tried by dataset, nor for
    parsed bodies in place of silhouettes (tests/methods/test_parsed_bodies.py has those)."""
    found: dict[tuple[str, str, str], str] = {}
    for name, recipe in sorted(recipes().items()):
        run = recipe()
        network = run.network.model_dump_json().replace('"modality":"parsing"', '"modality":"silhouettes"')
        found.setdefault((run.method, network, run.objective.model_dump_json()), name)
    return sorted(found.values())
