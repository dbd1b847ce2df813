"""Commands backup and restore: copies of a gallery with its service."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from gaitbridge.cli._app import app, say

Place = Annotated[str, Parameter(name="GALLERY")]


@app.command
def backup(gallery: Place, out: Path, *, state: Path | None = None) -> None:
    """Copy a gallery and what its service keeps, also while it runs. A copy holds personal data, also of those who are forgotten later.

    Parameters
    ----------
    gallery
        The gallery, a folder.
    out
        The folder of the copy.
    state
        Where the service keeps its own, as it was told.
    """
    from gaitbridge.service.backup import backup as copy

    say(f"{out}: {copy(gallery, out, state) / 2**20:.1f} MiB")


@app.command
def restore(copy: Path, gallery: Place, *, state: Path | None = None, log: Path | None = None) -> None:
    """Bring a copy back, under a name that is free. Whom --log says to be forgotten since is forgotten again.

    Parameters
    ----------
    copy
        A copy, as backup makes them.
    gallery
        The folder of the gallery, which is made.
    state
        Where the service is to keep its own; by default within the gallery's folder.
    log
        The audit log as it went on after the copy: audit.jsonl of the gallery that is replaced.
    """
    from gaitbridge.service.backup import restore as bring

    again = bring(copy, gallery, state, log)
    say(f"{gallery}: restored{f'; {again} forgotten again' if again else ''}")
    if log is None:
        say("without --log, whoever was forgotten after the copy was made is back: forget them again")
