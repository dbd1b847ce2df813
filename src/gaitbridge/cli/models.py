"""Commands about models of others that are fetched on request: models list, get, remove."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from gaitbridge.cli._app import app, say, say_tables

models = App(name="models", help="Models of others that capture may use: fetched by name, on request alone.")
app.command(models)


@models.command(name="list")
def list_() -> None:
    """Say which models can be fetched, which are, how large they are, under which licence, and where they are kept."""
    from gaitbridge.capture.fetched import KNOWN, is_fetched, models_folder, opened
    from gaitbridge.errors import UserError
    from gaitbridge.report.tables import TextTable

    rows, notes = [], []
    for name, model in KNOWN.items():
        state = "no"
        if is_fetched(name):
            state = "yes"
            try:
                opened(name)
            except UserError as error:
                state = "damaged"
                notes.append(str(error))
        size = f"{sum(file.bytes for file in model.files) / 1e6:.1f} MB, download {model.package_bytes / 1e6:.0f} MB"
        rows.append((name, state, model.what, f"{model.package} {model.version} of PyPI", size, model.licence))
        notes.append(f"{name}: {model.note}")
    say_tables(TextTable("models", ("name", "fetched", "what", "from", "size", "licence"), tuple(rows), names=6).to_rich())
    for note in notes:
        say(note)
    say(f"kept in {models_folder()} (GAITBRIDGE_MODELS names another folder)")


@models.command
def get(name: str, *, from_: Annotated[Path | None, Parameter(name="--from")] = None) -> None:
    """Fetch a model from PyPI into the user's cache, with its licence. Its SHA-256 is checked, now and whenever it is opened.

    Parameters
    ----------
    name
        Which one: people.
    from_
        Take it out of this file instead, for machines without a network: the wheel of its makers' package, or a folder with its files and LICENSE.
    """
    from gaitbridge.capture.fetched import known
    from gaitbridge.capture.fetching import get as fetch
    from gaitbridge.progress import progress

    model = known(name)
    with progress(f"models get {name}", "kB") as show:
        place, fetched = fetch(name, from_, progress=show)
    say(f"{place}: {name}, {model.what}; {model.package} {model.version}, {model.licence}{'' if fetched else '; it was there already, and is whole'}")
    say(model.note)


@models.command
def remove(name: str) -> None:
    """Remove a fetched model.

    Parameters
    ----------
    name
        Which one: people.
    """
    from gaitbridge.capture.fetching import remove as removed

    place = removed(name)
    say(f"{name} was not fetched: nothing to remove" if place is None else f"{place}: removed")
