"""What a run left behind, read for the report: every part may be missing, none may be damaged unnoticed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gaitbridge.errors import StoreError, UserError
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


def read_run(run: Path) -> RunFiles:
    """Read a run folder. UserError where there is none, StoreError where one of its files is damaged."""
    if not run.is_dir():
        raise UserError(f"{run} is no folder of a run; give the folder that training wrote")
    evaluation = run / "evaluation"
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
    )


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
