"""Scores of a file as one plain JSON document."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from gaitbridge import __version__
from gaitbridge.evaluation.embedding.file import EmbeddingsFile
from gaitbridge.evaluation.scoring import further
from gaitbridge.evaluation.scoring.compared import Direction, Request, compared
from gaitbridge.evaluation.scoring.measures import over_galleries, own_measures
from gaitbridge.evaluation.scoring.published import mean_name, numbers


@dataclass(frozen=True)
class Deeper:
    """What else to put into a document; seed: of the bootstrap."""

    intervals: bool = False
    verification: bool = False
    cells: bool = False
    seed: int = 0
    open_set: bool = False


def document(file: EmbeddingsFile, request: Request, rounding: str, more: Deeper | None = None) -> dict[str, Any]:
    """A file scored as plain JSON: metrics in the rounding asked for, exact ones beside them, counts, rules; null where there is no number.

    With both directions across sensors names begin with `camera-lidar ` and `lidar-camera `, probe first. Errors as `compared`.
    """
    directions, notes = compared(file, request)
    several = len(directions) > 1
    prefixes = [f"{one.name} " if several else "" for one in directions]
    metrics: dict[str, float | None] = {}
    exact: dict[str, float | None] = {}
    intervals: dict[str, list[float] | None] = {}
    counts: dict[str, Any] = {}
    more, protocol = more or Deeper(), request.protocol
    for prefix, one in zip(prefixes, directions, strict=True):
        found = [(number, side.people) for side in one.sides for number in numbers(side)]
        notes += [number.note for number, _ in found if number.note]
        exact |= {prefix + number.name: _number(number.exact) for number, _ in found}
        metrics |= {prefix + number.name: _number(round(number.published, 4)) for number, _ in found}
        counts |= {prefix.strip(): _counts(one)} if several else _counts(one)
        if more.intervals:
            intervals |= {prefix + name: ends for name, ends in further.intervals(found, more.seed).items()}
        for whole in over_galleries(one.sides):
            name = prefix + mean_name(protocol.mean, whole.name)
            printed = [number.published for number, _ in found if number.measure.name == whole.name]
            exact[name], metrics[name] = _number(100.0 * whole.mean()), _number(round(float(np.mean(printed)), 4))
            if more.intervals:
                low, high = whole.interval(more.seed)
                intervals[name] = None if math.isnan(low) else [100.0 * low, 100.0 * high]
    made: dict[str, Any] = {
        "protocol": protocol.name,
        "distance": request.distance,
        "rounding": rounding,
        "unit": "%",
        "metrics": exact if rounding == "exact" else metrics,
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
        "notes": list(dict.fromkeys(notes)),
    }
    if more.intervals:
        made["intervals"] = intervals
    if more.verification:
        checked = (further.verification(one, request.progress) for one in directions)
        made["verification"] = {prefix.strip(): of for prefix, of in zip(prefixes, checked, strict=True)}
    if more.open_set:
        searched = (further.open_sets(one, more.seed, request.progress) for one in directions)
        made["open_set"] = {prefix.strip(): of for prefix, of in zip(prefixes, searched, strict=True)}
    if more.cells:
        made["cells"] = {prefix.strip(): further.view_cells(one) for prefix, one in zip(prefixes, directions, strict=True)}
    return made


def _counts(direction: Direction) -> dict[str, Any]:
    """Probes, those without a mate, gallery, people; where parts have galleries of their own, sequences that are used at all."""
    mated: dict[str, bool] = {}
    parts: dict[str, dict[str, int]] = {}
    for side in direction.sides:
        has_mate = own_measures(side)[0].known(np.ones(len(side.pair.probes), bool))
        mated |= dict(zip(side.probes["key"].tolist(), has_mate.tolist(), strict=True))
        for part in side.protocol.parts:
            among = side.conditions[part.name]
            parts[part.name] = {"probes": int(among.sum()), "probes_without_mate": int((among & ~has_mate).sum()), "gallery": len(side.pair.gallery)}
    sides = direction.sides
    counts: dict[str, Any] = {
        "sequences": direction.sequences,
        "probes": len(mated),
        "probes_without_mate": sum(not one for one in mated.values()),
        "gallery": len({key for side in sides for key in side.gallery["key"].tolist()}),
        "people": len({person for side in sides for person in side.people}),
    }
    return counts | ({"parts": parts} if parts else {})


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
