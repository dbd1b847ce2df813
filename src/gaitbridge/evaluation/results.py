"""Result rows: every number with its unit, counts, protocol, both modalities, seed and versions; to JSON, CSV and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gaitbridge.data.protocols import PROTOCOLS
from gaitbridge.errors import StoreError
from gaitbridge.evaluation.row_files import read_row_file, write_row_files

OPEN_SET = "FNIR at FPIR"  # and a rate: how often a search by somebody enrolled fails where strangers are named so often at most
POOLED = "pooled"  # after the name of a number that pools what the protocol averages by cells
DIRECTIONS = (("camera", "lidar"), ("lidar", "camera"), ("camera", "camera"), ("lidar", "lidar"))  # (probe, gallery)


@dataclass(frozen=True)
class ResultRow:
    """One number. `value`, `low`, `high` and `chance` are in `unit`; None where they are not defined (no probe with a mate, one person).

    low and high: 95 % bootstrap interval over people. probes: those with a mate, which alone enter the value; probes_without_mate: the
    others. gallery: gallery sequences of the protocol; compared: how many of them a probe meets on average after exclusion; people:
    persons among the probes that count. condition: a name or `all`. views: excluded (what the protocol leaves out is left out), identical or all.
    metric: `rank-1` and so on are what the protocol scores by, whatever it averages; what stands beside that has a name of its own, such as
    `rank-1 pooled`. probe_view, gallery_view: for one cell of the view-pair table only (CCPG: cameras).
    Of `FNIR at FPIR 1 %` and its like value and interval are None where too few searches by strangers can state the rate; people: those of all
    probes, as each is a stranger's search, too. stranger_searches: how many there were; enrolled: people in the gallery. Both None in other rows.
    """

    metric: str
    unit: str
    value: float | None
    low: float | None
    high: float | None
    chance: float | None
    probes: int
    probes_without_mate: int
    gallery: int
    compared: float
    people: int
    probe_modality: str
    gallery_modality: str
    condition: str
    views: str
    probe_view: str | None
    gallery_view: str | None
    protocol: str
    seed: int
    weights_hash: str
    data_hash: str
    code_version: str
    stranger_searches: int | None = None
    enrolled: int | None = None

    @property
    def is_open_set(self) -> bool:
        """Whether it is of open-set identification, which has a threshold, unlike all others."""
        return self.metric.startswith(OPEN_SET)


def find_row(
    rows: Iterable[ResultRow], metric: str, probe: str, gallery: str, views: str = "excluded", condition: str = "all"
) -> ResultRow | None:
    """The row of one number of the main table (no view-pair cell), or None: `find_row(rows, "rank-1", "camera", "lidar")`."""
    wanted = (metric, probe, gallery, views, condition, None)
    for row in rows:
        if (row.metric, row.probe_modality, row.gallery_modality, row.views, row.condition, row.probe_view) == wanted:
            return row
    return None


def write_rows(rows: Sequence[ResultRow], out: Path) -> None:
    """`results.json` and `results.csv` in the folder `out`, each whole or not at all."""
    write_row_files(rows, ResultRow, out, "results")


def read_rows(path: Path) -> list[ResultRow]:
    """The rows of a `results.json`; UserError where it is missing, StoreError where it is something else, or of a version of other numbers."""
    rows = read_row_file(path, ResultRow, "evaluate the run")
    if not rows:
        raise StoreError(f"{path} holds no rows: evaluate the run again")
    for protocol in {row.protocol for row in rows} & set(PROTOCOLS):
        metrics = {row.metric for row in rows if row.protocol == protocol}
        if PROTOCOLS[protocol].layout != "pooled" and "rank-1" in metrics and f"rank-1 {POOLED}" not in metrics:
            raise StoreError(f"{path} was written by an older version, whose rank-1 under {protocol} was the pooled one: evaluate the run again")
    return rows
