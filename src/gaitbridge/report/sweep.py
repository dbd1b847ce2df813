"""The table at the end of a sweep: its arms, the best first."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean

from gaitbridge.evaluation.comparing.swept import SweptRow, mean_best
from gaitbridge.report.tables import TextTable


def sweep_table(rows: Sequence[SweptRow]) -> TextTable:
    """A line an arm: the mean of its seeds' best validation rank-1, each seed's own, at which step, minutes of training, and what failed."""
    arms = {row.arm: [one for one in rows if one.arm == row.arm] for row in rows}
    lines = []
    for own in sorted(arms.values(), key=mean_best, reverse=True):
        good = [row for row in own if not row.failure]
        best = [row.best for row in good if row.best is not None]
        minutes = [row.seconds / 60 for row in good if row.seconds is not None]
        failed = "; ".join(f"seed {row.seed} failed: {row.failure}" for row in own if row.failure)
        lines.append((" ".join(own[0].settings), f"{mean(best):.1f}" if best else "–", " ".join(f"{value:.1f}" for value in best) or "–",
                      " ".join(str(row.step) for row in good if row.step is not None) or "–", f"{mean(minutes):.1f}" if minutes else "–",
                      failed or "all finished"))
    header = ("settings", "best validation rank-1", "each seed", "at step", "minutes", "state")
    return TextTable("Validation rank-1 in %, the best first", header, tuple(lines), names=len(header))
