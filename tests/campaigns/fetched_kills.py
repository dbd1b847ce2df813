"""A model that is fetched, fetched again over a damaged one, or removed, killed anywhere: it is whole or not there, and the same command goes on."""

from functools import partial
from pathlib import Path

import fetched_files as made
from campaigns import _kills
from campaigns._kills import Trial
from campaigns.contract import Failure

from gaitbridge import files
from gaitbridge.capture.fetched import ABOUT, is_fetched, opened
from gaitbridge.capture.fetching import get, remove
from gaitbridge.errors import UserError

SHORT, LONG = 12, 200


def campaign(count: int, seed: int, folder: Path) -> list[Failure]:
    return _kills.apart("campaigns.fetched_kills", count, seed, folder)


def killed_here(count: int, seed: int, folder: Path) -> list[Failure]:
    """In a process of its own, in which the model is a small one."""
    files.LOOK_AGAIN_S = 0.0  # each run looks, as a process of its own would: here what it starts from was made in the one that it forks from
    made.small_people()
    wheel = made.write_wheel(folder)
    fetch = partial(fetched, wheel)
    trials = [Trial("get", lambda here: None, fetch, partial(checked, fetch)),
              Trial("get over damage", partial(damaged, fetch), fetch, partial(checked, fetch)),
              Trial("remove", fetch, removed, partial(checked, fetch))]  # fmt: skip
    return _kills.killed(trials, count, seed, folder)


def fetched(wheel: Path, here: Path) -> None:
    get("people", wheel, here / "models")


def damaged(fetch: partial[None], here: Path) -> None:
    fetch(here)
    (here / "models" / "people" / "pose_detection.tflite").write_bytes(b"half")


def removed(here: Path) -> None:
    remove("people", here / "models")


def checked(fetch: partial[None], here: Path, undisturbed: Path) -> list[str]:
    """What is wrong: half a model that counts as one (a damaged one may still be there), or one that cannot be fetched now."""
    wrong, root = [], here / "models"
    if is_fetched("people", root):
        try:
            opened("people", root)
        except UserError as error:
            if (root / "people" / "pose_detection.tflite").read_bytes() != b"half":
                wrong.append(f"half: {error}")
    fetch(here)
    if {path.name: path.read_bytes() for path in (root / "people").iterdir() if path.suffix == ".tflite"} != made.CONTENTS:
        wrong.append("lost: not fetched again")
    if not (root / "people" / ABOUT).is_file() or files.left(root) or files.left(root / "people"):
        wrong.append("left over: what the killed one wrote")
    return wrong
