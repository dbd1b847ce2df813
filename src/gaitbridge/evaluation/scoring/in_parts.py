"""A score in parts: blocks of probes are shared out, and whoever finds the answers about all of them there makes the document of one piece.

    .OUT.<digest>.parts/block-000003.npz    what distances tell of the fourth block of each comparison; the digest is of files, rules and program

Scores after re-ranking need all distances at once, and are not made in parts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from typing_extensions import TypedDict

from gaitbridge import __version__
from gaitbridge.data.protocols import document_of, load_protocol
from gaitbridge.data.protocols.partition import read_probe_set
from gaitbridge.documents import checked_shape
from gaitbridge.errors import StoreError
from gaitbridge.evaluation.embedding.file import EmbeddingsFile, read_any
from gaitbridge.evaluation.ranking.in_blocks import Answers, AtOnce, Rows, rows_of_block
from gaitbridge.evaluation.scoring import further
from gaitbridge.evaluation.scoring.compared import Request, compared
from gaitbridge.evaluation.scoring.document import Deeper, document
from gaitbridge.evaluation.scoring.measures import cells_of, own_measures
from gaitbridge.files import alone, in_turn, within, write_json, written_whole
from gaitbridge.parts import AGAIN, Part, Work, doing, read_work
from gaitbridge.progress import Progress, silent
from gaitbridge.types import Distance


class Asked(TypedDict):
    """What a score is asked for. here: the folder from which the names of files are meant."""

    embeddings: str
    protocol: str
    distance: Distance | None
    rounding: str
    gallery: str | None
    partition: str | None
    probe_modality: str
    gallery_modality: str
    deeper: dict[str, Any]
    here: str


@dataclass(frozen=True)
class _Opened:
    """What was asked for, its files opened."""

    file: EmbeddingsFile
    request: Request
    rounding: str
    deeper: Deeper

    @property
    def blocks(self) -> int:
        """How many blocks there are, of the comparison that has most."""
        sides = [side for one in compared(self.file, self.request)[0] for side in one.sides]
        return max(-(-len(side.pair.probes) // rows_of_block(len(side.pair.gallery))) for side in sides)

    def answered(self, answers: Answers) -> _Opened:
        """The same, whose questions about distances are answered by `answers`."""
        return replace(self, request=replace(self.request, answers=answers))


def score_part(out: Path, asked: Asked, part: Part, progress: Progress = silent) -> dict[str, Any] | None:
    """Answer for one part of the blocks; the document, written to `out`, where all are answered then, None where other parts are missing.

    UserError as `document` and the files read give it.
    """
    opened = _opened(asked)
    folder = out.with_name(f".{out.name}.{_digest(asked)}.parts")
    items = {f"block-{number:06d}": [f"block-{number:06d}.npz"] for number in range(opened.blocks)}
    work = Work(command="score", what="blocks", items=items, result=f"../{out.name}", merging={"out": out.name, "asked": dict(asked)})
    with alone(folder, together=True), doing(folder, folder, work, part, progress) as done:
        for name in done.todo():
            if not done.there(name):
                _answer(opened, int(name.rpartition("-")[2]), folder / f"{name}.npz")
            done.one_more()
        return None if done.missing() else merge(folder)


def merge(folder: Path) -> dict[str, Any]:
    """Make the document of the answers in a folder and write it. UserError where the files scored are not there any more."""
    work = read_work(folder)
    asked = checked_shape(work["merging"]["asked"], Asked, str(folder / "work.json"), AGAIN)
    out = folder.parent / work["merging"]["out"]
    if folder.name != f".{out.name}.{_digest(asked)}.parts":
        raise StoreError(f"{folder} holds answers about other files than those that are there now: run all parts again")
    files = [within(folder, file) for item in work["items"].values() for file in item]
    with in_turn(folder / "merging.lock"):
        opened = _opened(asked).answered(_Read(files))
        made = document(opened.file, opened.request, opened.rounding, opened.deeper)
        write_json(made, out)
    return made


def _opened(asked: Asked) -> _Opened:
    here = Path(asked["here"])
    named = here / asked["protocol"]
    rule = load_protocol(str(named) if named.is_file() else asked["protocol"])
    file = replace(read_any(here / asked["embeddings"]), path=Path(asked["embeddings"]))
    gallery = None if asked["gallery"] is None else replace(read_any(here / asked["gallery"]), path=Path(asked["gallery"]))
    listed = None if asked["partition"] is None else read_probe_set(here / asked["partition"])
    request = Request(rule, asked["distance"] or file.distance, gallery, listed, asked["probe_modality"], asked["gallery_modality"])
    return _Opened(file, request, asked["rounding"], Deeper(**asked["deeper"]))


def _digest(asked: Asked) -> str:
    """Of all that decides the document: files by their bytes, rules by what they say."""
    here, digests = Path(asked["here"]), []
    for name in (asked["embeddings"], asked["gallery"], asked["partition"]):
        if name is not None:
            with (here / name).open("rb") as file:
                digests.append(hashlib.file_digest(file, hashlib.sha256).hexdigest())
    named = here / asked["protocol"]
    rule = document_of(load_protocol(str(named) if named.is_file() else asked["protocol"]))
    said = {name: value for name, value in asked.items() if name not in ("here", "protocol")}
    text = json.dumps([said, rule, digests, __version__], sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


def _answer(opened: _Opened, number: int, out: Path) -> None:
    """Answer all questions about one block of each comparison."""
    found = _Made(number)
    some, deeper = opened.answered(found), opened.deeper
    for direction in compared(some.file, some.request)[0]:
        for side in direction.sides:
            own_measures(side)
            if deeper.cells:
                cells_of(side)
            if deeper.verification:
                further.verified(side)
            if deeper.open_set:
                further.nearest_of(side)
    with written_whole(out) as temporary, temporary.open("wb") as file:
        np.savez(file, **found.arrays)  # type: ignore[arg-type]


@dataclass(frozen=True)
class _Made:
    """Answers about one block, kept; of other probes zeros stand for what others answer."""

    number: int
    arrays: dict[str, np.ndarray] = field(default_factory=dict)

    def _rows(self, size: int, block: int) -> slice:
        return slice(min(self.number * block, size), min((self.number + 1) * block, size))

    def rows(self, question: str, size: int, block: int, compute: Rows) -> tuple[np.ndarray, ...]:
        """See Answers."""
        some = self._rows(size, block)
        found = compute(some) if some.start < some.stop else tuple(array[:0] for array in compute(slice(0, 1)))
        whole = []
        for place, array in enumerate(found):
            self.arrays[f"{question} {place}"] = array
            filled = np.zeros((size, *array.shape[1:]), array.dtype)
            filled[some] = array
            whole.append(filled)
        return tuple(whole)

    def counts(self, question: str, size: int, block: int, compute: Callable[[slice], np.ndarray]) -> np.ndarray:
        """See Answers."""
        some = self._rows(size, block)
        counts = compute(some)
        used = np.flatnonzero(counts)
        shape = np.asarray(counts.shape)
        self.arrays.update({f"{question} used": used, f"{question} counts": counts.reshape(-1)[used], f"{question} shape": shape})
        return counts


class _Read:
    """Answers that all blocks gave."""

    def __init__(self, files: list[Path]) -> None:
        self.blocks: list[Mapping[str, np.ndarray]] = []
        for file in files:
            with np.load(file, allow_pickle=False) as arrays:
                self.blocks.append(dict(arrays))

    def rows(self, question: str, size: int, block: int, compute: Rows) -> tuple[np.ndarray, ...]:
        """See Answers."""
        count = sum(name.startswith(f"{question} ") for name in self.blocks[0])
        if not count:  # a question that no part was asked: slower, but right
            return AtOnce().rows(question, size, block, compute)
        return tuple(np.concatenate([one[f"{question} {place}"] for one in self.blocks]) for place in range(count))

    def counts(self, question: str, size: int, block: int, compute: Callable[[slice], np.ndarray]) -> np.ndarray:
        """See Answers."""
        if f"{question} shape" not in self.blocks[0]:
            return AtOnce().counts(question, size, block, compute)
        whole = np.zeros(tuple(self.blocks[0][f"{question} shape"]), np.int64)
        for one in self.blocks:
            whole.reshape(-1)[one[f"{question} used"]] += one[f"{question} counts"]
        return whole
