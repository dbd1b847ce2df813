"""A document of scores read back: what it must hold so that tables can be made of it."""

from __future__ import annotations

from pathlib import Path
from typing import NotRequired

from typing_extensions import TypedDict

from gaitbridge.documents import damaged, read_document
from gaitbridge.errors import UserError

AGAIN = "score the file again with --out"


class PartCounts(TypedDict):
    """How many there are of one part."""

    probes: int
    probes_without_mate: int
    gallery: int


class Counts(PartCounts):
    """How many there are of one direction."""

    parts: NotRequired[dict[str, PartCounts]]


Verified = TypedDict("Verified", {
    "EER": float | None, "TAR@FAR=0.1": NotRequired[float | None], "TAR@FAR=0.01": NotRequired[float | None],
    "TAR@FAR=0.001": NotRequired[float | None], "TAR@FAR=0.0001": NotRequired[float | None], "genuine_pairs": int, "impostor_pairs": int,
})  # fmt: skip
OpenSet = TypedDict("OpenSet", {
    "FNIR@FPIR=0.1": float | None, "FNIR@FPIR=0.01": float | None, "FNIR@FPIR=0.001": float | None,
    "intervals": dict[str, list[float] | None], "stranger_searches": int, "known_searches": int, "people": int,
    "enrolled": NotRequired[int],
})  # fmt: skip
Cells = TypedDict("Cells", {"views": list[str], "rank-1": list[list[float | None]], "of": NotRequired[str]})


class Scores(TypedDict):
    """By direction, empty where there is one alone, or at once; numbers by name."""

    protocol: str
    distance: str
    rounding: str
    reranked: bool
    metrics: dict[str, float | None]
    exact: dict[str, float | None]
    counts: Counts | dict[str, Counts]
    probe: NotRequired[str]
    gallery: NotRequired[str]
    excluded: NotRequired[str]
    intervals: NotRequired[dict[str, list[float] | None]]
    verification: NotRequired[dict[str, Verified | dict[str, Verified]]]
    open_set: NotRequired[dict[str, OpenSet | dict[str, OpenSet]]]
    cells: NotRequired[dict[str, dict[str, Cells]]]


def read_scores(path: Path) -> Scores:
    """A document that `gaitbridge score --out` wrote. UserError where it is missing, StoreError where it is something else."""
    if not path.is_file():
        raise UserError(f"{path} is missing; write it with `gaitbridge score EMBEDDINGS --protocol NAME --out {path}`")
    scores = read_document(path, Scores, AGAIN)
    ends = [found for found in scores.get("intervals", {}).values() if found is not None]
    tables = [(len(one["views"]), one["rank-1"]) for parts in scores.get("cells", {}).values() for one in parts.values()]
    if set(scores["metrics"]) != set(scores["exact"]):
        raise damaged(str(path), "metrics and exact name other numbers", AGAIN)
    if any(len(found) != 2 for found in ends) or any(len(lines) != size or any(len(line) != size for line in lines) for size, lines in tables):
        raise damaged(str(path), "intervals or cells are of another shape", AGAIN)
    return scores
