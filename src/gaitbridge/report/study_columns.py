"""Further columns of a study's table, where they were measured: gaps between the sensors along the trajectory, and what an arm costs."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path

from gaitbridge.documents import read_made
from gaitbridge.evaluation.comparing.costs import CostRow
from gaitbridge.report.files import Trajectory

COSTS = ("parameters, million", "of training alone", "a step, ms", "embedding camera, ms", "embedding LiDAR, ms")
GAPS = {"recovered": "d_rec", "noise": "d_eps", "bottleneck": "d_mid"}


def gaps_of(evaluations: Iterable[Path]) -> dict[str, float]:
    """Of runs' evaluations the gaps of GAPS relative to those between different people, the mean over steps and runs; empty where nothing was
    diffused."""
    found: dict[str, list[float]] = {}
    for folder in evaluations:
        if (folder / "trajectory.json").is_file():
            for name, gap in read_made(folder / "trajectory.json", Trajectory, "evaluate the run again")["gaps"].items():
                found.setdefault(name, []).append(statistics.fmean(gap["relative"]))
    return {name: statistics.fmean(values) for name, values in found.items()}


def gap_cells(gaps: dict[str, float]) -> tuple[str, ...]:
    """The cells of GAPS."""
    return tuple(f"{gaps[name]:.2f}" if name in gaps else "–" for name in GAPS)


def cost_cells(row: CostRow | None) -> tuple[str, ...]:
    """The cells of COSTS."""
    if row is None:
        return tuple("–" for _ in COSTS)
    embedded = (f"{spent:.1f}" if spent is not None else "–" for spent in (row.camera_ms, row.lidar_ms))
    return f"{row.parameters / 1e6:.2f}", f"{row.objective_parameters / 1e6:.2f}", f"{row.step_ms:.0f}", *embedded


def cost_note(rows: Sequence[CostRow]) -> str:
    """How the costs of a table were measured."""
    rounds, frames, loads, commits, machines = (", ".join(sorted({str(getattr(row, name)) for row in rows}))
                                                for name in ("rounds", "frames", "load", "commit", "hardware"))
    return (f"Costs: medians of {rounds} rounds, the arms in turn, one thread, the processor's time (a GPU: the clock's); a training step on the "
            f"recipe's batch; embedding one sequence of {frames} frames by the plain network. Commit: {commits}. Hardware: {machines}, load {loads}.")


GAP_NOTE = ("d_rec, d_eps, d_mid: the gap between the sensors' recovered latents, predicted noises and bottlenecks, relative to that between "
            "different people under the same noise, mean over t = 10 ... 90.")
