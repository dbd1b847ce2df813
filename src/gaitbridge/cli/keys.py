"""Commands of the keys to a service: add, list, revoke. GALLERY: the one that is served."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from gaitbridge.cli._app import Many, app, say
from gaitbridge.errors import UserError

if TYPE_CHECKING:
    from gaitbridge.service.keys import Keys

keys = App(name="keys", help="Keys to a service (`gaitbridge serve`): what each may do, until when. They work from the next request on.")
app.command(keys)

Place = Annotated[str, Parameter(name="GALLERY")]


@keys.command
def add(gallery: Place, name: str, *, scopes: Annotated[list[str], Parameter(negative=(), consume_multiple=True)], days: float | None = None,
        per_minute: Many = 1200, state: Path | None = None) -> None:
    """Make a key, and print it: it is kept as a hash, and cannot be printed again.

    Parameters
    ----------
    gallery
        The gallery that is served.
    name
        What the key is called in lists and in the audit log, such as "gate camera".
    scopes
        What it may do: search, enrol, decide, forget, administer.
    days
        It is good for so long; by default until it is revoked.
    per_minute
        Requests that it may make.
    state
        Where the service keeps its database, as it was told.
    """
    from gaitbridge.gallery import audit, index

    made = _keys(gallery, state)
    audit.note(index.backend(gallery).open_index(gallery), "key made", key=name[:100], scopes=sorted(scopes))
    say(made.add(name, scopes, days, per_minute))


@keys.command(name="list")
def list_(gallery: Place, *, state: Path | None = None) -> None:
    """List the keys, never their secrets.

    Parameters
    ----------
    gallery
        The gallery that is served.
    state
        Where the service keeps its database, as it was told.
    """
    from gaitbridge.service.keys import described

    for line in described(_keys(gallery, state).all()) or ["no keys: the next start of the service makes one, if none was made before"]:
        say(line)


@keys.command
def revoke(gallery: Place, name: str, *, state: Path | None = None) -> None:
    """End a key, and the sessions of the page that were begun with it.

    Parameters
    ----------
    gallery
        The gallery that is served.
    name
        The key's name.
    state
        Where the service keeps its database, as it was told.
    """
    from gaitbridge.gallery import audit, index

    there = _keys(gallery, state)
    audit.note(index.backend(gallery).open_index(gallery), "key revoked", key=name[:100])
    there.revoke(name)
    say(f"{name}: revoked")


def _keys(gallery: str, state: Path | None) -> Keys:
    from gaitbridge.service.database import Database, folder_of
    from gaitbridge.service.keys import Keys as Kept

    if "://" not in gallery and not (Path(gallery) / "gallery.json").is_file():
        raise UserError(f"{gallery} is no gallery: give the one that is served")
    return Kept(Database(folder_of(gallery, state) / "service.db"))
