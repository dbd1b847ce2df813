"""What else a scored file can tell: intervals over people, one-against-one verification, rank-1 by pair of views."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gaitbridge.evaluation.ranking.metrics import people_interval
from gaitbridge.evaluation.scoring.averages import interval_of_cells
from gaitbridge.evaluation.scoring.score_file import Direction, Scored
from gaitbridge.evaluation.scoring.verification import verify, verify_distances
from gaitbridge.progress import Progress, silent


def intervals(direction: Direction, seed: int) -> dict[str, list[float] | None]:
    """The 95 % bootstrap interval over people of every exact number that is a mean over probes or cells, in %, by its name."""
    found: dict[str, tuple[float, float]] = {}
    for side in direction.sides:
        people = side.probe_columns["person"]
        for name, among in _named(side):
            if side.first is not None:
                for rank in side.protocol.ranks:
                    found[f"{name}@R{rank}"] = interval_of_cells(side.first[among], side.views[0][among], people[among], rank, seed)
            elif side.protocol.layout == "pooled" and side.ranking is not None:
                ranking = side.ranking.of(among)
                values = {f"{name}@R{rank}" if name else f"Rank-{rank}": ranking.within(rank) for rank in side.protocol.ranks}
                known = {"mAP": ranking.average_precision, "mINP": ranking.inverse_negative_penalty}
                values |= {f"{name}@{metric}" if name else metric: known[metric] for metric in side.protocol.precision}
                for metric, shares in values.items():
                    low, high = people_interval(shares, people[among].tolist(), seed)
                    found[metric] = (100.0 * low, 100.0 * high)
    return {name: None if math.isnan(low) else [low, high] for name, (low, high) in found.items()}


def _named(side: Scored) -> list[tuple[str, np.ndarray]]:
    parts = side.protocol.parts
    return [(part.printed or part.name, side.parts[part.name]) for part in parts] or [("", np.ones(len(side.pair.probes), bool))]


def verification(direction: Direction, progress: Progress = silent) -> dict[str, Any]:
    """One against one over all probes, as `Verification.document`; by part where parts have galleries of their own."""
    made = {}
    for side in direction.sides:
        if side.distances is None:
            found = verify(side.pair, side.barred, progress)
        else:
            genuine = side.pair.probe_people[:, None] == side.pair.gallery_people[None, :]
            allowed = None if side.barred is None else side.barred[0][:, None] != side.barred[1][None, :]
            found = verify_distances(side.distances, genuine, allowed)
        made[side.protocol.parts[0].name if len(direction.sides) > 1 else ""] = found.document()
    return made if len(made) > 1 else made[""]


def view_cells(direction: Direction) -> dict[str, dict[str, Any]]:
    """Exact rank-1 in % by part: views, and a table [probe view][gallery view], null where a cell is empty; nothing without view pairs."""
    return {
        name: {"views": direction.views, "rank-1": [[None if math.isnan(cell) else float(cell) for cell in line] for line in cells]}
        for name, cells in direction.averages.cells.items()
    }
