"""Writers of a gallery killed anywhere: nothing acknowledged is lost, and of whoever is forgotten afterwards not a byte stays."""

import base64
import json
import os
import shutil
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from campaigns import _kills
from campaigns._kills import Trial
from campaigns.contract import Failure
from gallery_people import embeddings, make, walks

from gaitbridge.errors import UserError
from gaitbridge.files import left
from gaitbridge.gallery.decision import calibrate
from gaitbridge.gallery.gallery import Gallery
from gaitbridge.gallery.templates import vectors_of

SHORT, LONG = 28, 600
NAME = "Zebediah Quux-Łukasz"
OTHERS = [f"p{number:03d}" for number in range(60)]
NEW = [f"q{number:03d}" for number in range(20)]


def campaign(count: int, seed: int, folder: Path) -> list[Failure]:
    return _kills.apart("campaigns.gallery_kills", count, seed, folder)


def killed_here(count: int, seed: int, folder: Path) -> list[Failure]:
    """In a process of its own. The template that every run begins with is made in a fork as well: LanceDB's threads do not live on in one."""
    import lancedb  # noqa: F401  imported once, not in every fork

    warnings.simplefilter("ignore")  # of forks: the library resets itself
    begun = folder / "begun"
    begun.mkdir()
    _kills.forked(partial(begin, begun))
    copied = partial(copy, begun / "gallery")
    trials = [
        Trial("forget", copied, partial(in_gallery, lambda gallery: gallery.forget("p007")), checked),
        Trial("forget them", copied, partial(in_gallery, lambda gallery: gallery.forget(NAME)), checked),
        Trial("enrol", copied, partial(in_gallery, enrol_new), checked),
        Trial("purge", copied, partial(in_gallery, lambda gallery: gallery.purge()), checked),
        Trial("index", copied, partial(in_gallery, lambda gallery: gallery.build_index()), checked),
        Trial("rename", copied, partial(in_gallery, lambda gallery: gallery.rename_person("p007", "p007 renamed")), checked),
        Trial("move", copied, partial(in_gallery, move_it), checked),
        Trial("drop", copied, partial(in_gallery, drop_it), checked),
        Trial("undo", copied, partial(in_gallery, lambda gallery: gallery.undo(drop_it(gallery))), checked),
        Trial("calibrate", copied, partial(in_gallery, calibrate_it), checked),
        Trial("create", lambda here: None, create, checked_creation),
    ]
    return _kills.killed(trials, count, seed, folder)


def copy(begun: Path, here: Path) -> None:
    shutil.copytree(begun, here / "gallery")


def begin(here: Path) -> None:
    gallery = make(here / "gallery")
    people = [*OTHERS, NAME, NAME, *OTHERS]
    gallery.enrol(embeddings(people), walks(people))
    gallery.enrol(embeddings([NAME], "range_views"), walks([NAME], tag="later"))
    gallery.enrol(embeddings(["guest"]), walks(["guest"]), expire_after_s=0.001)


def in_gallery(change: Callable[[Gallery], object], here: Path) -> None:
    (here / "tmp").mkdir(exist_ok=True)
    os.environ["TMPDIR"] = str(here / "tmp")  # what goes there is searched as well
    change(Gallery(here / "gallery"))


def enrol_new(gallery: Gallery) -> None:
    gallery.enrol(embeddings(NEW), walks(NEW))


def move_it(gallery: Gallery) -> None:
    gallery.move(gallery.person("p007")[0].id, "p007", "p008")


def drop_it(gallery: Gallery) -> str:
    return gallery.drop(gallery.person(NAME)[0].id, NAME).id


def calibrate_it(gallery: Gallery) -> None:
    people = OTHERS[:20]
    types = [f"{name}/{number}" for number, name in enumerate(people * 3)]
    gallery.keep_calibration(calibrate([embeddings(people * 3, seed=5)], [people * 3], [types], "set", "h" * 32, "2026-11-21", (0.1,)))


def create(here: Path) -> None:
    make(here / "gallery")


def checked_creation(here: Path, whole: Path) -> list[str]:
    """It opens, or can be made."""
    if not (here / "gallery" / "gallery.json").exists():
        make(here / "gallery")
    begun = Gallery(here / "gallery")
    begun.enrol(embeddings([*OTHERS, NAME]), walks([*OTHERS, NAME]))
    begun.forget("p007")
    return [f"left over: {path}" for path in left(here)] + checked(here, whole)


def checked(here: Path, whole: Path) -> list[str]:
    """What is wrong in a gallery whose writer was killed, and after its next writers."""
    gallery, wrong = Gallery(here / "gallery"), []
    gallery.check()
    there = {name: len(rows) for name, rows in gallery.people().items()}
    wrong += [f"lost: {name}" for name in OTHERS if name not in there and name != "p007"]
    wrong += ["half: the new ones" for new in [{name for name in NEW if name in there}] if 0 < len(new) < len(NEW)]
    wrong += [f"half: {name}" for name, few in (("p007", (1, 2)), (NAME, (1, 2, 3))) if there.get(name, few[-1]) not in few]
    try:
        gallery.forget(NAME)
    except UserError as error:
        if "nobody called" not in str(error):
            wrong.append(f"refused: {error}")
    wrong += held(here, "after forget")
    gallery.purge()
    wrong += held(here, "after purge")
    found = gallery.check()
    wrong += ["left over: check says that a writer was interrupted"] if found["interrupted"] else []
    wrong += [f"left over: {path}" for path in here.rglob("*") if path.name.startswith(".") or "#" in path.name or path.name == "working"]
    enrol_new(gallery)
    wrong += [] if gallery.search(embeddings(["q003"], seed=3))[0][0].person == "q003" else ["lost: q003 is not found"]
    return wrong


def held(here: Path, when: str) -> list[str]:
    """Files that hold the name or a piece of a vector of the one who was forgotten."""
    both, alone = embeddings([*OTHERS, NAME, NAME]), embeddings([*OTHERS, NAME])
    vectors = np.concatenate([vectors_of(both)[-2:], vectors_of(alone)[-1:], vectors_of(embeddings([NAME], "range_views"))])
    needles = [NAME.encode(), NAME.encode("utf-16-le"), json.dumps(NAME).encode(),
               *(base64.b64encode(vector.astype("<f4").tobytes())[:64] for vector in vectors),
               *(piece.astype("<f4").tobytes() for vector in vectors for piece in np.split(vector, 4))]
    files = {path: path.read_bytes() for path in here.rglob("*") if path.is_file()}
    return [f"still held: {when}, {path}" for path, raw in files.items() if any(needle in raw for needle in needles)]
