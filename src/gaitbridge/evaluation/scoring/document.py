"""Scores of a file as one plain JSON document."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gaitbridge import __version__
from gaitbridge.errors import StoreError, UserError
from gaitbridge.evaluation.embedding.file import EmbeddingsFile
from gaitbridge.evaluation.scoring import deeper
from gaitbridge.evaluation.scoring.score_file import Direction, Request


@dataclass(frozen=True)
class Deeper:
    """What else to put into a document; seed: of the bootstrap."""

    intervals: bool = False
    verification: bool = False
    cells: bool = False
    seed: int = 0


def document(
    file: EmbeddingsFile, request: Request, rounding: str, directions: list[Direction], notes: list[str], more: Deeper | None = None
) -> dict[str, Any]:
    """The results as plain JSON: metrics in the rounding asked for, exact ones beside them, counts, rules; null where there is no number.

    With both directions across sensors names begin with `camera-lidar ` and `lidar-camera `, probe first.
    """
    several = len(directions) > 1
    metrics: dict[str, float | None] = {}
    exact: dict[str, float | None] = {}
    counts: dict[str, Any] = {}
    for one in directions:
        prefix = f"{one.name} " if several else ""
        exact |= {prefix + name: _number(value) for name, value in one.averages.exact.items()}
        chosen = one.averages.exact if rounding == "exact" else {name: round(value, 4) for name, value in one.averages.published.items()}
        metrics |= {prefix + name: _number(value) for name, value in chosen.items()}
        counts |= {prefix.strip(): one.counts} if several else one.counts
    protocol, more = request.protocol, more or Deeper()
    made: dict[str, Any] = {
        "protocol": protocol.name,
        "distance": request.distance,
        "rounding": rounding,
        "unit": "%",
        "metrics": metrics,
        "exact": exact,
        "counts": counts,
        "probe_modality": [one.probe_modality for one in directions] if several else directions[0].probe_modality or None,
        "gallery_modality": [one.gallery_modality for one in directions] if several else directions[0].gallery_modality or None,
        "probe": protocol.probe.in_words(),
        "gallery": protocol.gallery.in_words(),
        "excluded": protocol.exclusion_in_words(),
        "reranked": request.rerank is not None,
        "file": str(file.path),
        "gallery_file": str((request.gallery or file).path),
        "code_version": __version__,
        "notes": notes,
    }
    prefixes = [f"{one.name} " if several else "" for one in directions]
    if more.intervals:
        found = [deeper.intervals(one, more.seed) for one in directions]
        made["intervals"] = {prefix + name: values for prefix, of in zip(prefixes, found, strict=True) for name, values in of.items()}
    if more.verification:
        checked = (deeper.verification(one, request.progress) for one in directions)
        made["verification"] = {prefix.strip(): of for prefix, of in zip(prefixes, checked, strict=True)}
    if more.cells:
        made["cells"] = {prefix.strip(): deeper.view_cells(one) for prefix, one in zip(prefixes, directions, strict=True)}
    return made


def read_document(path: Path) -> dict[str, Any]:
    """A document that `gaitbridge score --out` wrote. UserError where it is missing, StoreError where it is something else."""
    if not path.is_file():
        raise UserError(f"{path} is missing; write it with `gaitbridge score EMBEDDINGS --protocol NAME --out {path}`")
    try:
        document = json.loads(path.read_text())
        if not isinstance(document, dict) or not {"protocol", "metrics", "exact", "counts", "rounding", "distance", "reranked"} <= set(document):
            raise ValueError("not the document of a score")
    except ValueError as error:
        raise StoreError(f"{path} holds no scores, or is damaged ({error}); score the file again with --out") from error
    return document


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
