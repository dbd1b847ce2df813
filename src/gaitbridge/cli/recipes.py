"""Commands about recipes: recipes, recipes diff."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cyclopts import App

from gaitbridge.cli._app import app, say, say_tables

if TYPE_CHECKING:
    from gaitbridge.report.tables import TextTable
    from gaitbridge.training.config import Recipe

LONGEST = 30  # letters of a name at the head of a column

recipes = App(name="recipes", help="List what can be trained, say all settings of one recipe, or in which two differ.")
app.command(recipes)


@recipes.default
def show(name: str | None = None, *, json: bool = False) -> None:
    """List the recipes, or say all settings of one: value, default, bounds and meaning.

    Parameters
    ----------
    name
        Of a recipe, such as gaitbase/grew, or tiny_identity where one method alone has it.
    json
        Print the settings as JSON, which `gaitbridge train --config FILE` takes; of the list name, head and what was published.
    """
    from dataclasses import asdict

    from gaitbridge.printing import say_json
    from gaitbridge.training.config import find_recipe
    from gaitbridge.training.config import recipes as known

    if name is not None:
        found = find_recipe(name)
        if json:
            say_json(found().model_dump(mode="json"), indent=1)
        else:
            _say_recipe(found)
        return
    if json:
        say_json([{"name": one.name, "head": one.head, "base": one.base, "published": asdict(one.published) if one.published else None}
                  for one in known().values()], indent=1)
        return
    for full, one in known().items():
        say(f"{full:36} {one.head}")


def _say_recipe(found: "Recipe") -> None:
    """Head, source, line of differences, and a table for each group of settings."""
    from gaitbridge.training.described import described, in_json

    say(f"{found.name}  {found.head}")
    if found.published is not None:
        say(f"source    {found.published.source}")
        say(f"apart     {found.published.apart or 'nothing known'}")
    if found.published is not None and not found.base:
        say(f"about     {found.about}")
    if found.base:
        said = ", ".join(f"{setting}={in_json(value)}" for setting, value in found.changes.items())
        say(f"line      {found.base} with {said or 'nothing changed'}")
    settings = list(described(found()))
    groups = dict.fromkeys(one.name.split(".")[0] if "." in one.name else "" for one in settings)
    for group in sorted(groups, key=lambda name: name != ""):
        lines = [(one.name, one.value, one.default, one.bounds, one.meaning) for one in settings
                 if (one.name.split(".")[0] if "." in one.name else "") == group]
        title = f"Settings of {group}" if group else "Settings of the run"
        say_tables(word_table(title, ("setting", "value", "default", "may be", "meaning"), lines).to_rich())


def word_table(title: str, header: tuple[str, ...], lines: Iterable[tuple[str, ...]]) -> "TextTable":
    """A table of words."""
    from gaitbridge.report.tables import TextTable

    return TextTable(title, header, tuple(lines), names=len(header))


@recipes.command
def diff(a: str, b: str, *, json: bool = False) -> None:
    """Say in which settings two recipes differ; nothing else is printed.

    Parameters
    ----------
    a, b
        Names of recipes, folders of runs, or files of settings (.json).
    json
        Print one JSON document: by setting its value in a and in b, null where it has none.
    """
    from gaitbridge.printing import say_json
    from gaitbridge.training.described import A_GROUP, NOT_THERE, differences

    documents = [_settings_of(word) for word in (a, b)]
    found = differences(*([document] for document in documents))
    if json:
        import json as coded

        plain = {NOT_THERE: None, A_GROUP: A_GROUP}
        say_json({one.name: [plain[value] if value in plain else coded.loads(value) for value in (one.a, one.b)] for one in found}, indent=1)
    elif not found:
        say(f"{a} and {b} have the same settings")
    else:
        meanings = _meanings(a, b)
        heads = (a, b) if max(len(a), len(b)) <= LONGEST else ("a", "b")
        say_tables(word_table(f"{a} and {b}", ("setting", *heads, "meaning"),
                          [(one.name, one.a, one.b, meanings.get(one.name, "")) for one in found]).to_rich())


def _settings_of(word: str) -> dict[str, Any]:
    """The settings that a word stands for: a run's, a file's or a recipe's."""
    from gaitbridge.training.given import settings_given

    path = Path(word)
    if (path / "config.json").is_file():
        return settings_given(run=path)
    return settings_given(file=path) if path.suffix == ".json" else settings_given(recipe=word)


def _meanings(*words: str) -> dict[str, str]:
    """What each setting means that one of these has."""
    from gaitbridge.config import checked
    from gaitbridge.training.config import RunConfig
    from gaitbridge.training.described import described

    return {one.name: one.meaning for word in words for one in described(checked(RunConfig, _settings_of(word)))}
