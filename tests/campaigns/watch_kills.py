"""The journal of a watch killed anywhere, and gone on with: every walk that had finished is answered, none twice, and nothing waits."""

import json
from pathlib import Path

import numpy as np
from campaigns import _kills
from campaigns._kills import Trial
from campaigns.contract import Failure

from gaitbridge.files import alone
from gaitbridge.service.journal import Journal

SHORT, LONG = 24, 600
WALKS = [f"{number:032x}" for number in range(7)]


def campaign(count: int, seed: int, folder: Path) -> list[Failure]:
    return _kills.apart("campaigns.watch_kills", count, seed, folder)


def killed_here(count: int, seed: int, folder: Path) -> list[Failure]:
    """In a process of its own."""
    return _kills.killed([Trial("journal", lambda here: None, work, checked)], count, seed, folder)


def work(here: Path) -> None:
    """Walks come by twos and threes, as from a film that is read again; each is answered in its turn."""
    with alone(here / "out"):
        journal = Journal(here / "out")
        answer_all(journal)
        for number, name in enumerate(WALKS):
            journal.finished(name, {"silhouettes": np.full((40, 64, 44), number, np.uint8)})
            if number % 3 != 1:
                answer_all(journal)
        answer_all(journal)
        journal.film_done("a.mp4", "0123")


def answer_all(journal: Journal) -> None:
    for name, walk in journal.waiting():
        journal.answered(name, {"decision": str(int(walk["silhouettes"].max()))})


def checked(here: Path, undisturbed: Path) -> list[str]:
    """What is wrong right after the kill, and once the same was done again."""
    out = here / "out"
    before = said(out) if (out / "walks.jsonl").is_file() else []
    finished = {path.stem.partition("-")[2] for path in (out / "waiting").glob("*.walk")} | set(before)
    try:
        work(here)
    except Exception as error:
        return [f"cannot go on: {type(error).__name__}: {error}"]
    after = said(out)
    wrong = [f"twice: {name}" for name in sorted(set(after)) if after.count(name) > 1]
    wrong += [f"lost: {name}" for name in sorted({*WALKS, *finished} - set(after))]
    wrong += [] if after[: len(before)] == before else ["changed: what had been answered"]
    wrong += [f"left over: {path.name}" for path in out.rglob("*") if path.is_file() and path.name not in ("walks.jsonl", "films.jsonl")]
    return wrong


def said(out: Path) -> list[str]:
    """Ids of whole lines, in order."""
    lines = (out / "walks.jsonl").read_text().split("\n")[:-1]
    return [str(json.loads(line)["id"]) for line in lines if line]
