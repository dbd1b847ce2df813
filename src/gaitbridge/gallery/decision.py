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

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from gaitbridge import __version__
from gaitbridge.config import Config, Share, checked
from gaitbridge.conventions import SENSOR
from gaitbridge.errors import StoreError, UserError
from gaitbridge.evaluation.ranking.matrix import distance
from gaitbridge.gallery.cohort import Cohort, normalised
from gaitbridge.gallery.kinds import Kind
from gaitbridge.gallery.strangers import Strangers, measured
from gaitbridge.gallery.tracks import fused, groups_of
from gaitbridge.types import Embeddings

RATES = (1e-1, 1e-2, 1e-3)
LEAST_ERRORS, LEAST_PAIRS = 30, 3
CURVE = 100  # points of the impostors' distances that are kept
LONGER = 1.5  # times as many frames as were calibrated on: rates are off (docs/thresholds.md)
MOST_FUSED = 16  # walks of a track for which strangers are measured

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
    misses: tuple[tuple[Distance, Share], ...] = ()
    """(distance, share of genuine comparisons above it), rising in distance; nothing where there were none, or in older documents."""
    strangers: tuple[Strangers, ...] = ()
    """What strangers score against a gallery, by the number of walks of a track that are fused; nothing in older documents."""
    frames: tuple[Pairs, Pairs] | None = None
    """From the short to the long of the walks that asked, 5 % and 95 % of them; None where nobody knew."""

    def of_length(self, frames: Sequence[int]) -> tuple[str, ...]:
        """Why rates may not hold for walks of so many frames, in words: of a longer walk more is seen, so it lies nearer to everybody's."""
        if self.frames is None or not frames:
            return ()
        low, high = self.frames
        given, known = f"walks of up to {max(frames)} frames", f"walks of {low}{f' to {high}' * (high > low)}"
        if max(frames) > LONGER * high:
            return (f"{given} (probe {self.probe}, gallery {self.gallery}), calibrated on {known}: strangers come nearer than the rates say; "
                    "calibrate on walks as long",)  # fmt: skip
        return ()

    def share(self, value: float) -> tuple[float, bool]:
        """The false-match rate at a distance, and whether it is only known to be below that (too few impostors were as near)."""
        distances, shares = (np.asarray(column) for column in zip(*self.curve, strict=True))
        if value < distances[0]:
            return float(shares[0]), True
        return float(np.interp(value, distances, shares)), False

    def trade(self) -> list[tuple[float, float, float]]:
        """The detection error trade-off: (distance, false-match rate, false-non-match rate), rising in distance; nothing where it is not known."""
        if not self.misses:
            return []
        distances, missed = (np.asarray(column) for column in zip(*self.misses, strict=True))
        return [(value, share, float(np.interp(value, distances, missed, left=1.0))) for value, share in self.curve]

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
    cohort: str = ""
    """The digest of the cohort that identification normalises by; empty: by none."""
    kind: Kind = Kind()
    """What walks it was fixed on; unknown in older documents."""

    def direction(self, probe: str, gallery: str) -> Direction | None:
        """The direction of two sensors, or None."""
        return next((one for one in self.directions if (one.probe, one.gallery) == (probe, gallery)), None)

    def warnings(self, kind: Kind | None) -> tuple[str, ...]:
        """Why rates may not hold for walks of a kind, in words; nothing where they are of the kind that was calibrated on, or nobody knows."""
        differs = self.kind.unlike(kind) if kind is not None else ()
        return (f"calibrated on walks that are {'; '.join(differs)}: rates may be far from true; calibrate on walks like those asked with",
                ) if differs else ()

    def in_words(self) -> str:
        """Where the thresholds come from, for people."""
        made_of = f"{said}, " if (said := self.kind.in_words()) else ""
        lengths = [one.frames for one in self.directions if one.frames]
        low, high = min((low for low, _ in lengths), default=0), max((high for _, high in lengths), default=0)
        long = f", walks of {low}{f' to {high}' * (high > low)} frames" if lengths else ""
        return f"calibrated on {self.set_name} ({made_of}{self.data_hash[:8]}){long}, {self.date}, weights {self.weights_hash[:8]}"


@dataclass(frozen=True)
class Known:
    """What is known of the pairs of a direction, bool [N, M] each: of N walks that ask and M enrolled, who are two people and who is one.

    Pairs of which neither is known take no part. A walk is no evidence about itself: its own pairs belong to neither.
    """

    different: np.ndarray
    same: np.ndarray


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
              date: str, rates: Sequence[float] = RATES, kind: Kind | None = None,
              known: Mapping[tuple[int, int], Known] | None = None, cohort: Cohort | None = None,
              enrolled: Sequence[np.ndarray] | None = None) -> Calibration:
    """Fix thresholds from embeddings of each modality.

    people, walks: of each side, who it is and which walk: the sequences of one are a track, seen by whichever sensor. known: what is known of the
    pairs of two sides (their numbers; probe, gallery), where people are not known by name: `people` then says whose templates belong together, such
    as tracks. By default everybody of another name is another person, everybody of the same name the same, and a walk is compared with no sequence of
    itself. cohort: of other people, against whom identification normalises distances. enrolled: numbers of each side's sequences that stand for
    templates, by default all. UserError where not one rate can be stated.
    """
    wrong = [rate for rate in rates if not 0 < rate < 1]
    if wrong or not rates:
        raise UserError(f"{wrong[0] if wrong else 'nothing'} is no false-match rate: give numbers between 0 and 1")
    made = []
    for p in range(len(sides)):
        for g in range(len(sides)):
            pairs = known_by_name(people[p], people[g], walks[p], walks[g]) if known is None else known[p, g]
            owners = np.asarray(people[g], dtype=str)
            templates = np.arange(len(owners)) if enrolled is None else np.asarray(enrolled[g], int)
            pairs = Known(pairs.different[:, templates], pairs.same[:, templates])
            gallery = replace(sides[g], values=sides[g].values[templates], keys=(), frames=())
            made.append(_direction(sides[p], gallery, people[p], owners[templates], walks[p], pairs, sorted(rates, reverse=True), cohort))
    found = [one for one in made if isinstance(one, Direction)]
    if not found:
        raise UserError(f"{set_name}: {'; '.join(str(one) for one in made) or 'nothing to compare'}: no rate can be stated from so few; "
                        f"calibrate on more people, or at larger --rates")
    return Calibration(weights_hash=sides[0].weights_hash, set_name=set_name, data_hash=data_hash, date=date, code_version=__version__,
                       distance=sides[0].distance, directions=tuple(found), kind=kind or Kind(), cohort=cohort.digest if cohort else "")


def known_by_name(asking: Sequence[str], owners: Sequence[str], walks: Sequence[str], others: Sequence[str]) -> Known:
    """What names say: asking, owners: who N probes and M templates are; walks, others: which walk each is, which is never compared with itself."""
    same = np.asarray(asking, dtype=str)[:, None] == np.asarray(owners, dtype=str)[None, :]
    apart = np.asarray(walks, dtype=str)[:, None] != np.asarray(others, dtype=str)[None, :]
    return Known(different=~same & apart, same=same & apart)


def person_distances(distances: np.ndarray, owners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distances [N, M] to templates as distances to people: their names, sorted [P], and the nearest of each [N, P]."""
    names, number = np.unique(owners, return_inverse=True)
    nearest = np.full((len(distances), len(names)), np.inf)
    for person in range(len(names)):
        nearest[:, person] = distances[:, number == person].min(1)
    return names, nearest


def _direction(probe: Embeddings, gallery: Embeddings, probe_people: Sequence[str], owners: np.ndarray, walks: Sequence[str],
               known: Known, rates: Sequence[float], cohort: Cohort | None) -> Direction | str:
    """The thresholds of one direction; in words, what it was fixed on, where that allows none."""
    asking = np.asarray(probe_people, dtype=str)
    distances = distance(probe, gallery)
    names, strangers = person_distances(np.where(known.different, distances, np.inf), owners)
    own = person_distances(np.where(known.same, distances, np.inf), owners)[1]
    impostors, genuine = np.sort(strangers[np.isfinite(strangers)]), own[np.isfinite(own)]
    sensors = SENSOR[probe.modality], SENSOR[gallery.modality]
    pairs = len(set(zip(asking[(places := np.argwhere(np.isfinite(strangers)))[:, 0]].tolist(), places[:, 1].tolist(), strict=True)))
    allowed = [rate for rate in rates if rate * len(impostors) >= LEAST_ERRORS and rate * pairs >= LEAST_PAIRS]
    if not allowed:
        return f"probe {sensors[0]}, gallery {sensors[1]}: {len(impostors)} impostor comparisons of {len(names)} people"
    met = int(np.isfinite(strangers).any(0).sum())  # who is known to be another than somebody
    if cohort is not None:
        scores = normalised(distances, cohort.means(probe, sensors[1]), cohort.means(gallery, sensors[0]))
        strangers = person_distances(np.where(known.different, scores, np.inf), owners)[1]
        own = person_distances(np.where(known.same, scores, np.inf), owners)[1]
    return Direction(probe=sensors[0], gallery=sensors[1], people=met, impostors=len(impostors), genuine=len(genuine),
                     templates_a_person=float(known.different.any(0).sum() / met), mean=float(impostors.mean()), deviation=float(impostors.std()),
                     curve=_curve(impostors), misses=_misses(np.sort(genuine)),
                     thresholds=tuple(_threshold(impostors, genuine, rate) for rate in allowed),
                     strangers=_strangers(strangers, own.min(1), asking, names, walks, rates), frames=_lengths(probe.frames))


def _lengths(frames: Sequence[int]) -> tuple[int, int] | None:
    """How long walks are, from the short to the long."""
    if not frames:
        return None
    low, high = np.quantile(frames, [0.05, 0.95], method="nearest").tolist()
    return int(low), int(high)


def _strangers(scores: np.ndarray, own: np.ndarray, asking: np.ndarray, names: np.ndarray, walks: Sequence[str],
               rates: Sequence[float]) -> tuple[Strangers, ...]:
    """What strangers score by the number of walks fused, 1, 2, 4 and so on, as far as a rate can be stated."""
    made: list[Strangers] = []
    for count in (2**power for power in range(MOST_FUSED.bit_length())):
        if not (groups := groups_of(walks, count)):
            break
        found = measured(fused(scores, groups), fused(own, groups), [str(asking[group[0]]) for group in groups], names.tolist(), count, rates)
        if isinstance(found, str):
            break
        made.append(found)
    return tuple(made)


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


def _misses(genuine: np.ndarray) -> tuple[tuple[float, float], ...]:
    """Some points of the sorted genuine distances, evenly in their number, and the share above each."""
    count = len(genuine)
    numbers = np.unique(np.linspace(1, count, CURVE).astype(int)) if count else ()
    return tuple((float(genuine[number - 1]), float(1 - number / count)) for number in numbers)
