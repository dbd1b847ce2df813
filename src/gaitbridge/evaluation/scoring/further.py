"""What else a scored file can tell: intervals over people, one-against-one verification, rank-1 by pair of views."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gaitbridge.evaluation.ranking.in_blocks import rows_of_block
from gaitbridge.evaluation.ranking.places import Bars
from gaitbridge.evaluation.scoring.compared import Compared, Direction
from gaitbridge.evaluation.scoring.measures import cells_of
from gaitbridge.evaluation.scoring.open_set import nearest, open_set
from gaitbridge.evaluation.scoring.published import Number
from gaitbridge.evaluation.scoring.verification import Verification, counted, largest, of_counts, verify_distances
from gaitbridge.progress import Progress, silent


def intervals(found: Sequence[tuple[Number, list[str]]], seed: int) -> dict[str, list[float] | None]:
    """The 95 % bootstrap interval over people of every exact number, in %, by its name. found: numbers, each with the person of every probe."""
    made = {}
    for number, people in found:
        low, high = number.measure.interval(number.among, people, seed)
        made[number.name] = None if math.isnan(low) else [100.0 * low, 100.0 * high]
    return made


def verification(direction: Direction, progress: Progress = silent) -> dict[str, Any]:
    """One against one over all probes, as `Verification.document`; by part where parts have galleries of their own."""
    made = {}
    for side in direction.sides:
        if side.distances is None:
            found = verified(side, progress)
        else:
            genuine = side.pair.probe_people[:, None] == side.pair.gallery_people[None, :]
            allowed = None if side.barred is None else side.barred[0][:, None] != side.barred[1][None, :]
            found = verify_distances(side.distances, genuine, allowed)
        made[side.own] = found.document()
    return made if len(made) > 1 else next(iter(made.values()))


def verified(side: Compared, progress: Progress = silent) -> Verification:
    """One against one by distances of embeddings."""
    top, pair = largest(side.pair), side.pair
    counts = side.answers.counts(f"{side.name} verification", len(pair.probes), rows_of_block(len(pair.gallery)),
                                 lambda some: counted(pair.of(some), _of(side.barred, some), top, progress))  # fmt: skip
    return of_counts(counts, top)


def nearest_of(side: Compared, progress: Progress = silent) -> tuple[np.ndarray, np.ndarray]:
    """As `open_set.nearest`, by distances of embeddings."""
    pair = side.pair
    own, other = side.answers.rows(f"{side.name} nearest", len(pair.probes), rows_of_block(len(pair.gallery)),
                                   lambda some: nearest(pair.of(some), _of(side.barred, some), progress))  # fmt: skip
    return own, other


def _of(barred: Bars, some: slice) -> Bars:
    """The bars of some probes."""
    return None if barred is None else (barred[0][some], barred[1])


def open_sets(direction: Direction, seed: int, progress: Progress = silent) -> dict[str, Any]:
    """Open-set identification over all probes, as `open_set.open_set`; by part where parts have galleries of their own."""
    made = {side.own: open_set_of(side, seed, progress) for side in direction.sides}
    return made if len(made) > 1 else next(iter(made.values()))


def open_set_of(side: Compared, seed: int, progress: Progress = silent) -> dict[str, Any]:
    """Open-set identification against one gallery, as `open_set.open_set`, and how many people are in the gallery (`enrolled`)."""
    if side.distances is None:
        own, other = nearest_of(side, progress)
    else:
        genuine = side.pair.probe_people[:, None] == side.pair.gallery_people[None, :]
        shown = side.distances if side.barred is None else np.where(side.barred[0][:, None] == side.barred[1][None, :], np.inf, side.distances)
        own, other = np.where(genuine, shown, np.inf).min(1), np.where(genuine, np.inf, shown).min(1)
    return open_set(own, other, np.asarray(side.people, dtype=str), seed) | {"enrolled": len(np.unique(side.pair.gallery_people))}


def view_cells(direction: Direction) -> dict[str, dict[str, Any]]:
    """Exact rank-1 in % by part: views (CCPG: cameras), and a table [probe][gallery], null where a cell is empty; nothing without such pairs."""
    made: dict[str, dict[str, Any]] = {}
    for side in direction.sides:
        if (found := cells_of(side)) is None:
            continue
        names, measure = found
        what = "camera" if side.protocol.cells_by else "view"
        for condition, among in side.conditions.items():
            part = next((part for part in side.protocol.parts if part.name == condition), None)
            cells = 100.0 * measure.cells(among)
            table = [[None if math.isnan(cell) else float(cell) for cell in line] for line in cells]
            made[condition if part is None else part.printed or part.name] = {"of": what, "views": names, "rank-1": table}
    return made
