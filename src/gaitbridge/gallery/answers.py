"""What a question to a gallery is answered with: people in order, each by the nearest of their templates; exact part distances throughout."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from gaitbridge.gallery.decision import Calibration, Direction
from gaitbridge.gallery.templates import Template, vectors_of
from gaitbridge.types import Embeddings


@dataclass(frozen=True)
class Hit:
    """One person found: by which template, how far; the false-match rate at that distance, None where nothing was calibrated for these sensors."""

    person: str
    person_id: str
    template: Template
    distance: float
    rate: float | None = None
    below: bool = False  # the rate is an upper bound
    deviations: float | None = None  # below the impostors' mean, in their standard deviations
    score: float | None = None  # of an identification: what its thresholds are of; there `distance` is the mean over the track's walks
    identification_rate: float | None = None  # how often a stranger's search among as many people finds somebody with such a score


@dataclass(frozen=True)
class Answer:
    """A verification: whether the walk is taken for the person's, and by what."""

    accepted: bool
    distance: float
    threshold: float
    rate: float
    probe: str
    gallery: str
    templates: int
    provenance: str
    warnings: tuple[str, ...] = ()  # why the rate may not hold, in words


def template_distances(queries: Embeddings, vectors: np.ndarray) -> np.ndarray:
    """Exact part distances float32 [N, M] of queries to template vectors [M, K * C], as `gaitbridge.distance` gives them.

    Differences are taken before they are squared, so single precision keeps its digits; that spares turning every template to double.
    """
    parts = queries.values.shape[2]
    held = vectors.reshape(len(vectors), parts, -1)
    out = np.empty((len(queries), len(vectors)), np.float32)
    for number, query in enumerate(vectors_of(queries).reshape(len(queries), parts, -1)):
        if queries.distance == "cosine":  # both sides are of unit length a part
            out[number] = 1.0 - np.einsum("mkc,kc->m", held, query) / parts
        else:
            difference = held - query
            out[number] = np.sqrt(np.einsum("mkc,mkc->mk", difference, difference)).mean(1)
    return out


def hits(templates: Sequence[Template], distances: np.ndarray, sensor: str, calibration: Calibration | None, top: int) -> list[Hit]:
    """The `top` nearest people among templates at `distances` [M], asked for by `sensor`.

    Calibrated, they are ordered by standard deviations below strangers of their direction, since distances across sensors are larger than
    within one; uncalibrated, by distance. Ties go by the template's id, so no answer depends on the order of storage.
    """
    best: dict[str, Hit] = {}
    for number in np.argsort(distances, kind="stable"):
        direction = None if calibration is None else calibration.direction(sensor, templates[number].sensor)
        made = _hit(templates[number], float(distances[number]), direction)
        if made.person not in best or _order(made) < _order(best[made.person]):
            best[made.person] = made
    return sorted(best.values(), key=_order)[:top]


def _hit(template: Template, value: float, direction: Direction | None) -> Hit:
    if direction is None:
        return Hit(template.person, template.person_id, template, value)
    rate, below = direction.share(value)
    return Hit(template.person, template.person_id, template, value, rate, below, (direction.mean - value) / max(direction.deviation, 1e-12))


def _order(hit: Hit) -> tuple[bool, float, float, str]:
    """Directions without a calibration come after those with one."""
    return hit.deviations is None, -(hit.deviations or 0.0), hit.distance, hit.template.id


def merged(parts: Iterable[list[Hit]], top: int) -> list[Hit]:
    """The nearest people of several lists."""
    best: dict[str, Hit] = {}
    for hit in (hit for part in parts for hit in part):
        if hit.person not in best or _order(hit) < _order(best[hit.person]):
            best[hit.person] = hit
    return sorted(best.values(), key=_order)[:top]
