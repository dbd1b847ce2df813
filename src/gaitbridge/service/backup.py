"""Copies of a gallery with its service, made while it runs, and brought back: without whom was forgotten since.

    OUT/gallery/...       the gallery as it stood at one moment, its audit log with it
    OUT/service/...       the service's database, what is kept of recordings
    OUT/backup.json       last: without it, it is no whole copy

A copy brings back whoever is in it. The audit log that went on after it names those who were forgotten since by their random numbers, which stand
with the templates of the copy: `restore` forgets them again, before the copy has the gallery's name.
"""

import shutil
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from typing_extensions import TypedDict

from gaitbridge import __version__
from gaitbridge.documents import read_document, read_lines
from gaitbridge.errors import UserError
from gaitbridge.files import LEFT, made_whole, write_json
from gaitbridge.gallery.audit import Line
from gaitbridge.gallery.gallery import Gallery
from gaitbridge.service import database
from gaitbridge.service.database import FOLDER, Database, folder_of
from gaitbridge.service.kept import Kept
from gaitbridge.service.showing import forget_here

LAST = "backup.json"
TABLES = "service.db"


class About(TypedDict):
    """What backup.json holds."""

    gallery: str
    made_s: float


def backup(gallery: str, out: Path, state: Path | None = None) -> int:
    """Copy a gallery that is a folder, and what its service keeps; how many bytes. Who writes waits meanwhile, who asks does not.

    UserError where `out` is there, StoreError where it cannot be written.
    """
    if "://" in gallery:
        raise UserError(f"{gallery} is on a server: copy it by the server's own means")
    own = folder_of(gallery, state)
    with made_whole(out, LAST) as temporary:
        with Gallery(gallery).index.reading():
            shutil.copytree(gallery, temporary / "gallery", ignore=lambda folder, names: _left(names, Path(folder) == Path(gallery)))
            if (own / TABLES).is_file():
                (temporary / FOLDER).mkdir()
                database.backup(own / TABLES, temporary / FOLDER / TABLES)
                for part in ("uploads", "results"):
                    if (own / part).is_dir():
                        shutil.copytree(own / part, temporary / FOLDER / part, ignore=lambda _, names: _left(names, False))
        write_json({"gallery": gallery, "made_s": time.time(), "code": __version__}, temporary / LAST)
        return sum(file.stat().st_size for file in temporary.rglob("*") if file.is_file())


def _left(names: Iterable[str], top: bool) -> list[str]:
    return [name for name in names if LEFT.fullmatch(name) or (top and name == FOLDER)]


def restore(copy: Path, gallery: str, state: Path | None = None, log: Path | None = None) -> int:
    """Bring a copy back under a gallery's name, which is free; how many people were forgotten again.

    state: where its service keeps its own, by default in the gallery's folder; log: the audit log as it went on after the copy. UserError where
    something is there, StoreError where the copy is not whole.
    """
    made_s = read_document(copy / LAST, About, "take another copy")["made_s"]
    own = folder_of(gallery, state)
    inside = own == Path(gallery) / FOLDER
    gone = _forgotten(log, made_s) if log is not None else set()
    with made_whole(Path(gallery), "gallery.json") as temporary:
        shutil.copytree(copy / "gallery", temporary, dirs_exist_ok=True)
        names, templates = _forget(temporary, gone)
        if inside and (copy / FOLDER).is_dir():
            shutil.copytree(copy / FOLDER, temporary / FOLDER)
            _drop(temporary / FOLDER, names, templates)
        elif (copy / FOLDER).is_dir():
            with made_whole(own, TABLES) as other:
                shutil.copytree(copy / FOLDER, other, dirs_exist_ok=True)
                _drop(other, names, templates)
    return len(names)


def _forgotten(log: Path, since_s: float) -> set[str]:
    """Random numbers of those whom a log says to be forgotten after a time."""
    lines: list[dict[str, Any]] = [dict(line) for line in read_lines(log, Line, "mend the line")]
    since = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(since_s))
    return {number for line in lines if line["command"] in ("forget", "purge") and line["time"] >= since for number in line.get("people", ())}


def _forget(place: Path, numbers: set[str]) -> tuple[list[str], list[str]]:
    """Forget people of a gallery by their numbers; their names, and the ids of their templates."""
    opened = Gallery(place)
    gone = {name: [row.id for row in rows] for name, rows in opened.people().items() if numbers & {row.person_id for row in rows}}
    for name in sorted(gone):
        if name in opened.people():  # not with another one already
            opened.forget(name)
    return sorted(gone), [template for templates in gone.values() for template in templates]


def _drop(folder: Path, names: Sequence[str], templates: Sequence[str]) -> None:
    """Take out of a service's own what shows people."""
    tables = Database(folder / TABLES)
    forget_here(tables, Kept(folder), names, templates)
    tables.close()
