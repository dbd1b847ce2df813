"""Walks of nobody, put together by likeness: which may be one person, to be given a name. For somebody to judge; nothing is enrolled.

Two tracks are as far apart as the mean over the walks of one of the distance to the nearest walk of the other, the worse of both ways, in standard
deviations above the threshold at which strangers are taken for one person at a stated false-match rate. Groups are joined as long as their mean
distance is within it (average linkage). Who was seen at one time is two people: their groups are never joined.

Legend: N tracks, M walks of all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from gaitbridge.conventions import SENSOR
from gaitbridge.evaluation.ranking.matrix import distance
from gaitbridge.gallery.decision import Calibration
from gaitbridge.types import Embeddings

NEVER = 1e6  # deviations: more than any mean makes up for
MOST_WALKS = 4  # of a track that are compared


def groups_of_likeness(tracks: Sequence[Embeddings], calibration: Calibration, apart: Iterable[tuple[int, int]] = (),
                       rate: float | None = None) -> list[list[int]]:
    """Numbers of N tracks [n, C, K] in groups that may be one person each: the largest first, each and of one size in the order of the tracks.

    apart: pairs who are two people for certain; rate: of false matches, by default one at which a track comes as near to one stranger of these by
    chance at most (`a_rate_for`). UserError where it was not calibrated.
    """
    if len(tracks) < 2:
        return [[number] for number in range(len(tracks))]
    away = track_distances(tracks, calibration, a_rate_for(len(tracks), calibration) if rate is None else rate)
    for first, second in apart:
        away[first, second] = away[second, first] = NEVER
    from scipy.cluster.hierarchy import fcluster, linkage

    least = float(away.min())  # linkage takes distances, none below 0
    condensed = away[np.triu_indices(len(tracks), 1)] - min(least, 0.0)
    labels = fcluster(linkage(condensed, "average"), -min(least, 0.0), "distance")
    groups = [np.flatnonzero(labels == label).tolist() for label in np.unique(labels)]
    return sorted(groups, key=lambda group: (-len(group), group[0]))


def a_rate_for(count: int, calibration: Calibration) -> float | None:
    """The largest false-match rate calibrated in all directions that is at most one in `count`; None, for the strictest of each, where none is."""
    rates = set.intersection(*({one.rate for one in direction.thresholds} for direction in calibration.directions))
    return max((rate for rate in rates if rate <= 1 / count), default=None)


def track_distances(tracks: Sequence[Embeddings], calibration: Calibration, rate: float | None = None) -> np.ndarray:
    """float64 [N, N]: deviations above the threshold, symmetric; `NEVER` where two sensors were not calibrated against each other."""
    some = [track.values[np.linspace(0, len(track) - 1, min(MOST_WALKS, len(track))).round().astype(int)] for track in tracks]
    owner = np.repeat(np.arange(len(tracks)), [len(values) for values in some])
    values = np.concatenate(some)
    sensor = np.asarray([SENSOR[track.modality] for track in tracks])
    one_way = np.full((len(tracks), len(tracks)), NEVER)
    for direction in calibration.directions:
        asking, asked = (np.flatnonzero(sensor[owner] == side) for side in (direction.probe, direction.gallery))
        if not len(asking) or not len(asked):
            continue
        first = tracks[owner[asking[0]]]
        sides = [Embeddings(values[rows], first.distance, first.modality, first.weights_hash) for rows in (asking, asked)]
        means = _means(distance(*sides), owner[asking], owner[asked])
        limit = direction.at(rate)
        here = np.ix_(np.unique(owner[asking]), np.unique(owner[asked]))
        one_way[here] = (means - limit.distance) / max(direction.deviation, 1e-12)
    both = np.minimum(np.maximum(one_way, one_way.T), NEVER)
    np.fill_diagonal(both, 0.0)
    return both


def _means(distances: np.ndarray, asking: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Of distances [m, M] between walks, whose owners are in rising order: the mean over a track's walks of the nearest of each other track."""
    ends = np.flatnonzero(np.r_[True, np.diff(asked) > 0])
    nearest = np.minimum.reduceat(distances, ends, axis=1)
    starts = np.flatnonzero(np.r_[True, np.diff(asking) > 0])
    return np.asarray(np.add.reduceat(nearest, starts, axis=0) / np.diff(np.r_[starts, len(asking)])[:, None], np.float64)
