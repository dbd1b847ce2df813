"""What a run left behind, read for the report: every part may be missing, none may be damaged unnoticed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from gaitbridge.conventions import SENSOR
from gaitbridge.documents import read_document
from gaitbridge.errors import UserError
from gaitbridge.evaluation.bodies.reconstruction import ReconstructionRow, read_reconstruction
from gaitbridge.evaluation.bodies.walk_file import Walk, read_walk
from gaitbridge.evaluation.embedding.cost import read_cost
from gaitbridge.evaluation.results import ResultRow, read_rows
from gaitbridge.run_documents import read_config, read_log, read_provenance

Sensor = Literal["camera", "lidar"]


class Curve(TypedDict):
    """A cumulative match curve in %: None where no probe has a mate."""

    probe_modality: Sensor
    gallery_modality: Sensor
    views: str
    condition: NotRequired[str]
    values: list[float | None]
    chance: list[float | None]


class Curves(TypedDict):
    """cmc.json."""

    ranks: list[int]
    curves: list[Curve]


class Hit(TypedDict):
    """A sequence that is shown."""

    key: str
    person: str
    condition: str
    view: str


class Found(Hit):
    """One of the nearest."""

    distance: float
    correct: bool


class Example(TypedDict):
    """A probe and its nearest."""

    probe_modality: Sensor
    gallery_modality: Sensor
    probe: Hit
    correct: bool
    nearest: list[Found]


class Retrieval(TypedDict):
    """retrieval.json."""

    note: NotRequired[str]
    examples: list[Example]


class Gap(TypedDict):
    """The gap between the sensors at each step, and relative to people's."""

    relative: list[float]
    gap: NotRequired[list[float]]
    between_people: NotRequired[list[float]]


class Trajectory(TypedDict):
    """trajectory.json."""

    t: list[int]
    gaps: dict[str, Gap]
    pairs: NotRequired[int]
    note: NotRequired[str]


@dataclass(frozen=True)
class RunFiles:
    """The files of a run folder; None or empty where the run has no such part."""

    path: Path
    config: dict[str, Any] | None
    provenance: dict[str, Any] | None
    training: list[dict[str, Any]]
    validation: list[dict[str, Any]]
    rows: list[ResultRow]
    cmc: Curves | None
    retrieval: Retrieval | None
    trajectory: Trajectory | None
    reconstruction: list[ReconstructionRow] | None = None
    cost: dict[str, Any] | None = None
    walk: Walk | None = None
    embeddings: tuple[Path, ...] = ()


def read_run(run: Path, data_hash: str = "") -> RunFiles:
    """Read a run folder, with the evaluation on the store of that content hash where there are several (`evaluation`, `evaluation-NAME`).

    UserError where there is no such folder or it was evaluated on other stores only, StoreError where one of its files is damaged.
    """
    if not run.is_dir():
        raise UserError(f"{run} is no folder of a run; give the folder that training wrote")
    evaluation = _evaluation(run, data_hash)
    log = read_log(run)
    results = evaluation / "results.json"
    return RunFiles(
        path=run,
        config=read_config(run) if (run / "config.json").is_file() else None,
        provenance=dict(read_provenance(run)) or None,
        training=[line for line in log if line.get("kind") == "train"],
        validation=[line for line in log if line.get("kind") == "validation"],
        rows=read_rows(results) if results.is_file() else [],
        cmc=_if_there(evaluation / "cmc.json", Curves),
        retrieval=_if_there(evaluation / "retrieval.json", Retrieval),
        trajectory=_if_there(evaluation / "trajectory.json", Trajectory),
        reconstruction=read_reconstruction(evaluation / "reconstruction.json") if (evaluation / "reconstruction.json").is_file() else None,
        cost=read_cost(evaluation / "cost.json") if (evaluation / "cost.json").is_file() else None,
        walk=read_walk(evaluation / "walk.npz") if (evaluation / "walk.npz").is_file() else None,
        embeddings=tuple(file for name in SENSOR if (file := evaluation / f"{name}.npz").is_file()),
    )


def _evaluation(run: Path, data_hash: str) -> Path:
    """The folder of results to show."""
    known: dict[str, Path] = {}  # by the store's content hash
    for file in sorted(run.glob("evaluation*/results.json")):
        for row in read_rows(file)[:1]:
            known.setdefault(row.data_hash, file.parent)
    if data_hash and known and data_hash not in known:
        folders = ", ".join(f"{folder.name} on {made_from[:8]}" for made_from, folder in known.items())
        raise UserError(f"{run} was evaluated on another store than {data_hash[:8]} ({folders}); give that store, or evaluate the run on this one")
    return known[data_hash] if data_hash in known else run / "evaluation"


def _if_there(path: Path, shape: Any) -> Any:
    return read_document(path, shape, "run the command that writes it again") if path.is_file() else None
