"""What the arms of a study cost: rows that the training room measures and the report reads."""

from dataclasses import dataclass
from pathlib import Path

from gaitbridge.evaluation.row_files import read_row_file, write_row_files

NAME = "costs"


@dataclass(frozen=True)
class CostRow:
    """One arm. parameters: of the network, which is deployed; objective_parameters: of what training alone has.

    step_ms: a training step on one batch of the data; camera_ms, lidar_ms: embedding one sequence of `frames` frames, None where the network takes
    no such sensor. Medians over the rounds, in which the arms come in turn, and the quartiles of a step; the processor's time (of one thread), on a
    GPU the clock's. load: of the machine when it was measured.
    """

    arm: str
    parameters: int
    objective_parameters: int
    step_ms: float
    step_low_ms: float
    step_high_ms: float
    camera_ms: float | None
    lidar_ms: float | None
    frames: int
    rounds: int
    commit: str
    hardware: str
    load: float


def write_costs(rows: list[CostRow], folder: Path) -> None:
    """`costs.json` and `costs.csv` in a study's folder."""
    write_row_files(rows, CostRow, folder, NAME)


def read_costs(folder: Path) -> dict[str, CostRow]:
    """What `write_costs` wrote, by arm; nothing where it was never measured."""
    file = folder / f"{NAME}.json"
    return {row.arm: row for row in read_row_file(file, CostRow, "measure with --costs")} if file.is_file() else {}
