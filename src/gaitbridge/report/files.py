"""What a run left behind, read for the report: every part may be missing, none may be damaged unnoticed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gaitbridge.errors import StoreError, UserError
from gaitbridge.evaluation.bodies.reconstruction import ReconstructionRow, read_reconstruction
from gaitbridge.evaluation.bodies.walk_file import Walk, read_walk
from gaitbridge.evaluation.embedding.cost import read_cost
from gaitbridge.evaluation.results import ResultRow, read_rows


@dataclass(frozen=True)
class RunFiles:
    """The files of a run folder; None or empty where the run has no such part."""

    path: Path
    config: dict[str, Any] | None
    provenance: dict[str, Any] | None
    training: list[dict[str, Any]]
    validation: list[dict[str, Any]]
    rows: list[ResultRow]
    cmc: dict[str, Any] | None
    retrieval: dict[str, Any] | None
    trajectory: dict[str, Any] | None
    reconstruction: list[ReconstructionRow] | None = None
    cost: dict[str, Any] | None = None
    walk: Walk | None = None


def read_run(run: Path, data_hash: str = "") -> RunFiles:
    """Read a run folder, with the evaluation on the store of that content hash where there are several (`evaluation`, `evaluation-NAME`).

    UserError where there is no such folder or it was evaluated on other stores only, StoreError where one of its files is damaged.
    """
    if not run.is_dir():
        raise UserError(f"{run} is no folder of a run; give the folder that training wrote")
    evaluation = _evaluation(run, data_hash)
    log = _log(run / "log.jsonl")
    results = evaluation / "results.json"
    return RunFiles(
        path=run,
        config=_json(run / "config.json"),
        provenance=_json(run / "provenance.json"),
        training=[line for line in log if line.get("kind") == "train"],
        validation=[line for line in log if line.get("kind") == "validation"],
        rows=read_rows(results) if results.is_file() else [],
        cmc=_json(evaluation / "cmc.json"),
        retrieval=_json(evaluation / "retrieval.json"),
        trajectory=_json(evaluation / "trajectory.json"),
        reconstruction=read_reconstruction(evaluation / "reconstruction.json") if (evaluation / "reconstruction.json").is_file() else None,
        cost=read_cost(evaluation / "cost.json") if (evaluation / "cost.json").is_file() else None,
        walk=read_walk(evaluation / "walk.npz") if (evaluation / "walk.npz").is_file() else None,
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


def _json(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        document = json.loads(path.read_text())
    except ValueError as error:
        raise StoreError(f"{path} is damaged ({error}); run the command that writes it again") from error
    if not isinstance(document, dict):
        raise StoreError(f"{path} is damaged (no JSON object); run the command that writes it again")
    return document


def _log(path: Path) -> list[dict[str, Any]]:
    """Lines of a log; the last one may be cut short where a run was killed, any other damaged line is an error."""
    if not path.is_file():
        return []
    lines, found = path.read_text().splitlines(), []
    for number, line in enumerate(lines):
        try:
            found.append(json.loads(line))
        except ValueError as error:
            if number < len(lines) - 1:
                raise StoreError(f"{path}, line {number + 1} is damaged ({error}); train again") from error
    return found
