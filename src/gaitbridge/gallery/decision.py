"""Thresholds with their provenance: at which distance two walks are taken for one person's, and how often that is wrong.

Fixed on a labelled store by comparing every walk with the templates that every other person would have (an impostor comparison) and with
its own person's other walks (a genuine one). Distances across sensors and within one lie differently, so each direction (probe sensor,
gallery sensor) has thresholds of its own. A person's distance is that of their nearest template, as in use; it shrinks with the number of
templates, which is therefore recorded.

Which rates can be stated: at least 30 impostor comparisons must lie below the threshold (the "rule of 30" of ISO/IEC 19795-1: then the true
rate is within 30 % at 90 % confidence), and, comparisons of the same two people being no independent evidence, at least 3 ordered pairs of
people (the "rule of 3").
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from gaitbridge import __version__
from gaitbridge.config import Config, Share, checked
from gaitbridge.conventions import SENSOR
from gaitbridge.errors import StoreError, UserError
from gaitbridge.evaluation.ranking.matrix import distance
from gaitbridge.types import Embeddings

RATES = (1e-1, 1e-2, 1e-3)
LEAST_ERRORS, LEAST_PAIRS = 30, 3
CURVE = 100  # points of the impostors' distances that are kept

Pairs = Annotated[int, Field(ge=0, le=2**62)]
Distance = Annotated[float, Field(ge=-1, le=1e9)]  # a cosine distance may lie below 0 by rounding


class Threshold(Config):
    """The largest distance taken for the same person at one false-match rate."""

    rate: Share
    distance: Distance
    false_matches: Pairs
    """Impostor comparisons at or below the distance."""
    false_non_match: Share | None
    """Share of genuine comparisons above it; None where there were none."""


class Direction(Config):
    """The thresholds of one probe sensor against one gallery sensor, and what they were fixed on."""

    probe: str
    gallery: str
    people: Pairs
    impostors: Pairs
    genuine: Pairs
    templates_a_person: Annotated[float, Field(ge=0, le=1e9)]
    mean: Distance
    deviation: Annotated[float, Field(ge=0, le=1e9)]
    curve: tuple[tuple[Distance, Share], ...]
    """(distance, share of impostor comparisons at or below it), rising; the first share is the smallest that can be stated."""
    thresholds: tuple[Threshold, ...]

    def share(self, value: float) -> tuple[float, bool]:
        """The false-match rate at a distance, and whether it is only known to be below that (too few impostors were as near)."""
        distances, shares = (np.asarray(column) for column in zip(*self.curve, strict=True))
        if value < distances[0]:
            return float(shares[0]), True
        return float(np.interp(value, distances, shares)), False

    def at(self, rate: float | None) -> Threshold:
        """The threshold of a stated rate, by default of the strictest; UserError names those there are."""
        if rate is None:
            return min(self.thresholds, key=lambda one: one.rate)
        for one in self.thresholds:
            if np.isclose(one.rate, rate):
                return one
        raise UserError(f"no threshold for a false-match rate of {rate:g} (probe {self.probe}, gallery {self.gallery}); calibrated: "
                        f"{', '.join(f'{one.rate:g}' for one in self.thresholds)}; more would need more people to calibrate on")


class Calibration(Config):
    """All directions of one network on one labelled set."""

    weights_hash: str
    set_name: str
    data_hash: str
    date: str
    code_version: str
    distance: str
    directions: tuple[Direction, ...]

    def direction(self, probe: str, gallery: str) -> Direction | None:
        """The direction of two sensors, or None."""
        return next((one for one in self.directions if (one.probe, one.gallery) == (probe, gallery)), None)

    def in_words(self) -> str:
        """Where the thresholds come from, for people."""
        return f"calibrated on {self.set_name} ({self.data_hash[:8]}), {self.date}, weights {self.weights_hash[:8]}"


def read_calibration(document: dict[str, Any], weights_hash: str, where: str) -> Calibration:
    """A calibration as kept; StoreError where it is damaged, UserError where it belongs to another network."""
    try:
        found = checked(Calibration, document)
    except UserError as error:
        raise StoreError(f"{where} is damaged ({error}): calibrate again") from error
    if found.weights_hash != weights_hash:
        raise UserError(f"{where} was calibrated for another network (weights {found.weights_hash}, here {weights_hash}): calibrate again")
    return found


def calibrate(sides: Sequence[Embeddings], people: Sequence[Sequence[str]], walks: Sequence[Sequence[str]], set_name: str, data_hash: str,
              date: str, rates: Sequence[float] = RATES) -> Calibration:
    """Fix thresholds from embeddings of each modality. people, walks: of each side, who it is and which walk (never compared with itself, by
    whichever sensor it was seen). UserError where not one rate can be stated."""
    wrong = [rate for rate in rates if not 0 < rate < 1]
    if wrong or not rates:
        raise UserError(f"{wrong[0] if wrong else 'nothing'} is no false-match rate: give numbers between 0 and 1")
    made = [_direction(sides[p], sides[g], people[p], people[g], walks[p], walks[g], sorted(rates, reverse=True))
            for p in range(len(sides)) for g in range(len(sides))]
    found = [one for one in made if isinstance(one, Direction)]
    if not found:
        raise UserError(f"{set_name}: {'; '.join(str(one) for one in made) or 'nothing to compare'}: no rate can be stated from so few; "
                        f"calibrate on more people, or at larger --rates")
    return Calibration(weights_hash=sides[0].weights_hash, set_name=set_name, data_hash=data_hash, date=date, code_version=__version__,
                       distance=sides[0].distance, directions=tuple(found))


def person_distances(distances: np.ndarray, owners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distances [N, M] to templates as distances to people: their names, sorted [P], and the nearest of each [N, P]."""
    names, number = np.unique(owners, return_inverse=True)
    nearest = np.full((len(distances), len(names)), np.inf)
    for person in range(len(names)):
        nearest[:, person] = distances[:, number == person].min(1)
    return names, nearest


def _direction(probe: Embeddings, gallery: Embeddings, probe_people: Sequence[str], gallery_people: Sequence[str], probe_walks: Sequence[str],
               gallery_walks: Sequence[str], rates: Sequence[float]) -> Direction | str:
    """The thresholds of one direction; in words, what it was fixed on, where that allows none."""
    asking, owners = np.asarray(probe_people, dtype=str), np.asarray(gallery_people, dtype=str)
    # A walk is no evidence about itself: whoever's it is, it is left out.
    same_walk = np.asarray(probe_walks, dtype=str)[:, None] == np.asarray(gallery_walks, dtype=str)[None, :]
    distances = np.where(same_walk, np.inf, distance(probe, gallery))
    names, nearest = person_distances(distances, owners)
    own = asking[:, None] == names[None, :]
    impostors, genuine = np.sort(nearest[~own & np.isfinite(nearest)]), nearest[own & np.isfinite(nearest)]
    pairs = len(set(map(tuple, np.argwhere(~(np.unique(asking)[:, None] == names[None, :])).tolist())))
    allowed = [rate for rate in rates if rate * len(impostors) >= LEAST_ERRORS and rate * pairs >= LEAST_PAIRS]
    sensors = SENSOR[probe.modality], SENSOR[gallery.modality]
    if not allowed:
        return f"probe {sensors[0]}, gallery {sensors[1]}: {len(impostors)} impostor comparisons of {len(names)} people"
    return Direction(probe=sensors[0], gallery=sensors[1], people=len(names), impostors=len(impostors), genuine=len(genuine),
                     templates_a_person=len(owners) / len(names), mean=float(impostors.mean()), deviation=float(impostors.std()),
                     curve=_curve(impostors), thresholds=tuple(_threshold(impostors, genuine, rate) for rate in allowed))


def _threshold(impostors: np.ndarray, genuine: np.ndarray, rate: float) -> Threshold:
    """The largest distance below which at most `rate` of the sorted impostor distances lie; ties count against."""
    limit = float(np.nextafter(impostors[int(rate * len(impostors) + 1e-9)], -np.inf))
    missed = float((genuine > limit).mean()) if len(genuine) else None
    return Threshold(rate=rate, distance=limit, false_matches=int(np.searchsorted(impostors, limit, side="right")), false_non_match=missed)


def _curve(impostors: np.ndarray) -> tuple[tuple[float, float], ...]:
    """Some points of the impostors' distribution, evenly in the logarithm of the share, from LEAST_ERRORS impostors on."""
    count = len(impostors)
    numbers = np.unique(np.geomspace(min(LEAST_ERRORS, count), count, CURVE).astype(int))
    return tuple((float(impostors[number - 1]), float(number / count)) for number in numbers)
