"""Who of the people enrolled may be one person, as tracks of recordings are: by how they walk, at one site, never seen at one time.

They are proposed, for somebody to accept or not, and never applied.

Two are compared both ways: the mean over the walks of one of the distance to the nearest template of the other, as the false-match rate of one
comparison with a stranger at that distance; the worse of both ways counts. Proposed are those below a stated rate who are each other's nearest.

How many would be proposed by chance alone is at most the rate times the pairs compared, and one for each two people: it is said with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gaitbridge.evaluation.ranking.matrix import distance
from gaitbridge.gallery.decision import Calibration, Direction
from gaitbridge.gallery.templates import Template
from gaitbridge.progress import Progress, silent
from gaitbridge.types import Distance, Embeddings


@dataclass(frozen=True)
class Proposal:
    """Two people who may be one, and the evidence: the rate at which strangers come as near, the distance, how, where, from how many walks."""

    person: str
    other: str
    rate: float
    below: bool  # the rate is an upper bound
    distance: float
    sensors: tuple[str, str]
    site: str
    walks: tuple[int, int]


@dataclass(frozen=True)
class Proposals:
    """What was found: nearest first; of how many pairs, at which false-match rate, and how many would come by chance at most."""

    found: list[Proposal]
    pairs: int
    rate: float
    by_chance: float


def proposed(templates: Sequence[Template], values: np.ndarray, calibration: Calibration, apart: set[tuple[str, str]], rate: float | None = None,
             any_site: bool = False, progress: Progress = silent) -> Proposals:
    """templates: by the names that answers give; values: [M, C, K], their embeddings; apart: random numbers of two who are two people for certain;
    rate: of false matches, by default the strictest calibrated. UserError where that rate was not calibrated in some direction."""
    rate = min(one.at(None).rate for one in calibration.directions) if rate is None else rate
    names, owner = np.unique(np.asarray([one.person for one in templates], dtype=str), return_inverse=True)
    sensor = np.asarray([one.sensor for one in templates])
    compared, places = _compared(templates, owner, len(names), apart, any_site)
    score, rates, dist = (np.full(compared.shape, np.inf) for _ in range(3))
    below, way = np.zeros(compared.shape, bool), np.zeros(compared.shape, int)
    for number, there in enumerate(calibration.directions):
        there.at(rate)  # the rate is one that was calibrated
        progress(number, len(calibration.directions), "")
        back = calibration.direction(there.gallery, there.probe)
        if back is None:
            continue
        both = _means(templates, values, owner, sensor, len(names), there, calibration), _means(
            templates, values, owner, sensor, len(names), back, calibration).T
        worst = np.maximum(*((means - one.mean) / max(one.deviation, 1e-12) for means, one in zip(both, (there, back), strict=True)))
        here = compared & (worst < score)
        shares = [_shares(one, means) for means, one in zip(both, (there, back), strict=True)]
        score[here], way[here], dist[here] = worst[here], number, np.maximum(*both)[here]
        rates[here] = np.maximum(shares[0][0], shares[1][0])[here]
        below[here] = (shares[0][1] & shares[1][1])[here]
    progress(len(calibration.directions), len(calibration.directions), "")
    either = np.minimum(score, score.T)  # a of the first direction with b, or b of it with a
    nearest = either.argmin(1) if len(names) else np.zeros(0, int)
    found = []
    for a, b in enumerate(nearest.tolist()):
        first, second = (a, b) if score[a, b] <= score[b, a] else (b, a)
        if a < b and nearest[b] == a and np.isfinite(either[a, b]) and rates[first, second] <= rate * (1 + 1e-9):
            one = calibration.directions[int(way[first, second])]
            counts = [int(((owner == person) & (sensor == kind)).sum()) for person, kind in ((first, one.probe), (second, one.gallery))]
            found.append((either[a, b], Proposal(
                str(names[first]), str(names[second]), float(rates[first, second]), bool(below[first, second]), float(dist[first, second]),
                (one.probe, one.gallery), ", ".join(sorted((places[first] & places[second]) - {""})), (counts[0], counts[1]))))
    pairs = int(np.isfinite(either).sum()) // 2
    return Proposals([one for _, one in sorted(found, key=lambda entry: entry[0])], pairs, rate, min(rate * pairs, len(names) / 2))


def _compared(templates: Sequence[Template], owner: np.ndarray, count: int, apart: set[tuple[str, str]],
              any_site: bool) -> tuple[np.ndarray, list[set[str]]]:
    """Which people are compared, bool [P, P], and the sites of each."""
    sites = sorted({one.site for one in templates})
    at = np.zeros((count, len(sites)), np.float32)
    at[owner, [sites.index(one.site) for one in templates]] = 1
    number = {one.person_id: whose for one, whose in zip(templates, owner.tolist(), strict=True)}
    compared = ((at @ at.T) > 0) | any_site
    np.fill_diagonal(compared, False)
    for first, second in apart:
        if first in number and second in number:
            compared[number[first], number[second]] = compared[number[second], number[first]] = False
    return compared, [{site for site, there in zip(sites, row, strict=True) if there} for row in at.tolist()]


def _shares(direction: Direction, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`Direction.share` of a matrix."""
    distances, shares = (np.asarray(column) for column in zip(*direction.curve, strict=True))
    return np.where(values < distances[0], shares[0], np.interp(values, distances, shares)), values < distances[0]


def _means(templates: Sequence[Template], values: np.ndarray, owner: np.ndarray, sensor: np.ndarray, count: int, direction: Direction,
           calibration: Calibration) -> np.ndarray:
    """[P, P]: of each person's walks by the probe sensor, the mean distance to the nearest template by the other of each other person; infinite
    where there is none."""
    out = np.full((count, count), np.inf)
    theirs = np.flatnonzero(sensor == direction.gallery)
    if not len(theirs):
        return out
    theirs = theirs[np.argsort(owner[theirs], kind="stable")]
    kind: Distance = "cosine" if calibration.distance == "cosine" else "euclidean"
    held = Embeddings(values[theirs], kind, templates[theirs[0]].modality, calibration.weights_hash)
    starts = np.flatnonzero(np.r_[True, np.diff(owner[theirs]) > 0])
    for person in np.unique(owner[sensor == direction.probe]).tolist():
        own = np.flatnonzero((owner == person) & (sensor == direction.probe))
        asked = Embeddings(values[own], kind, templates[own[0]].modality, calibration.weights_hash)
        out[person, owner[theirs[starts]]] = np.minimum.reduceat(distance(asked, held), starts, axis=1).mean(0)
    return out
