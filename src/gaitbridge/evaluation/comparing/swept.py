"""What the runs of a sweep gave: the best rank-1 on validation people, read from their logs."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from gaitbridge.run_documents import read_log, read_provenance


@dataclass(frozen=True)
class SweptRow:
    """One run. settings: what sets its arm apart; best: the best validation rank-1 in %, at `step`, None where it has none; seconds: of its training;
    failure: what it said last where it failed."""

    arm: str
    settings: tuple[str, ...]
    seed: int
    best: float | None
    step: int | None
    seconds: float | None
    failure: str
    folder: str


def swept_row(arm: str, settings: tuple[str, ...], seed: int, folder: Path, failure: str = "") -> SweptRow:
    """The row of a run's folder, which need not be there where it failed."""
    best, step = best_validation(folder)
    return SweptRow(arm, settings, seed, best, step, read_provenance(folder).get("seconds"), failure, str(folder))


def best_validation(run: Path) -> tuple[float | None, int | None]:
    """The best rank-1 on validation people in % and the first step that had it; None where none was measured."""
    found = [(float(line["metrics"]["rank1"]), -int(line["step"])) for line in read_log(run)
             if line["kind"] == "validation" and "rank1" in line.get("metrics", {})]
    if not found:
        return None, None
    best, step = max(found)
    return best, -step


def mean_best(rows: Iterable[SweptRow]) -> float:
    """The mean of the best validation rank-1 over the seeds of an arm that gave one; minus infinity where none did."""
    known = [row.best for row in rows if row.best is not None and not row.failure]
    return sum(known) / len(known) if known else -math.inf
