"""Where the settings of a run come from: a recipe by its name, another run, or a file that was edited; then what is set on top of them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gaitbridge.config import checked, overridden
from gaitbridge.documents import read_document
from gaitbridge.errors import UserError
from gaitbridge.run_documents import read_config
from gaitbridge.training.config import RunConfig
from gaitbridge.training.config import recipe as recipe_named

WAYS = "name a recipe (`gaitbridge recipes` lists them), or give --from RUN or --config FILE"


def settings_given(recipe: str | None = None, run: Path | None = None, file: Path | None = None) -> dict[str, Any]:
    """The settings as a document. UserError unless exactly one way is taken, and where there is nothing of the kind."""
    given = [one for one in (recipe, run, file) if one is not None]
    if len(given) != 1:
        raise UserError(f"{'no settings' if not given else 'settings from several places'}: {WAYS}, one of the three")
    if recipe is not None:
        return recipe_named(recipe).model_dump(mode="json")
    if run is not None:
        if not (run / "config.json").is_file():
            raise UserError(f"{run} is no run: it has no config.json")
        return judged_settings(read_config(run), str(run / "config.json"))
    assert file is not None
    return judged_settings(read_document(file, dict[str, Any], "`gaitbridge recipes NAME --json` prints one that is whole"), str(file))


def judged_settings(document: dict[str, Any], where: str) -> dict[str, Any]:
    """The settings of a file, with the defaults of those that it does not name; UserError names the file and the setting that does not fit."""
    try:
        return checked(RunConfig, document).model_dump(mode="json")
    except UserError as error:
        raise UserError(f"{where}: {error}") from error


def words_given(recipe: str | None, run: Path | None, file: Path | None) -> tuple[str, ...]:
    """The same in words of a command line."""
    return (recipe,) if recipe else ("--from", str(run)) if run else ("--config", str(file))


def run_settings(document: dict[str, Any], overrides: Iterable[str]) -> RunConfig:
    """The settings of a run, with what is set on top of them. UserError where it does not fit."""
    return checked(RunConfig, overridden(document, overrides))
