"""Scores of a file as one plain JSON document."""

from __future__ import annotations

import math
from typing import Any

from gaitbridge import __version__
from gaitbridge.evaluation.embeddings_file import EmbeddingsFile
from gaitbridge.evaluation.score_file import Direction, Request


def document(file: EmbeddingsFile, request: Request, rounding: str, directions: list[Direction], notes: list[str]) -> dict[str, Any]:
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
    protocol = request.protocol
    return {
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


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
