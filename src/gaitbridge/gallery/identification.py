"""Nobody, or the name: what a search says of a track at a stated false-positive identification rate (FPIR).

The rate is that of a whole search: how often somebody who is not enrolled is given a name, whoever's, for as many people as the question admits.
Templates of two sensors are two chances to be wrong, so each sensor has its half of the rate, and a rate that is said is a bound for both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gaitbridge.errors import UserError
from gaitbridge.gallery.answers import Hit, template_distances
from gaitbridge.gallery.cohort import Cohort, normalised
from gaitbridge.gallery.decision import Calibration, Direction
from gaitbridge.gallery.kinds import Kind
from gaitbridge.gallery.strangers import Strangers
from gaitbridge.gallery.templates import Template
from gaitbridge.types import Embeddings

MORE_TEMPLATES = 1.5  # times as many a person as were calibrated with: strangers come nearer than the rate says


@dataclass(frozen=True)
class Identification:
    """What is said of one track. `hits` are evidence, nearest first, whatever was decided; the first of them is who was named, where somebody was.

    decision: a person enrolled, or None for nobody. rate: the FPIR at the first hit's score for `people` enrolled, `rate_is_bound` where it is only
    known to be at most that; named where it is at most `reject`, that is, where the score is at most `threshold`. low, high: about the 95 %
    interval, over the people calibrated on, of the true rate at the threshold. beyond: more people are enrolled than rates were measured for, so
    the rate is a bound by extrapolation. walks: sequences of the track; provenance: where the threshold comes from, in words; warnings: in words,
    why it may not hold.
    """

    decision: str | None
    person_id: str | None
    hits: list[Hit]
    rate: float
    rate_is_bound: bool
    reject: float
    threshold: float
    low: float
    high: float
    beyond: bool
    people: int
    walks: int
    probe: str
    provenance: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Admitted:
    """What a question is compared with, of one sensor: how many people and how many templates."""

    people: int
    templates: int


@dataclass(frozen=True)
class Judge:
    """Thresholds for one question: a probe sensor, a stated rate, and how many people of each sensor are admitted."""

    calibration: Calibration
    probe: str
    reject: float
    admitted: Mapping[str, Admitted]  # by the templates' sensor
    place: str
    kind: Kind | None = None
    cohort: Cohort | None = None

    def direction(self, sensor: str) -> Direction:
        """The direction of a gallery sensor; UserError where nothing is known of strangers there."""
        found = self.calibration.direction(self.probe, sensor)
        if found is None:
            other = next((one for one in self.admitted if self.calibration.direction(self.probe, one)), "")
            raise UserError(f"{self.place} is not calibrated for probe {self.probe}, gallery {sensor}: calibrate on a store that has both sensors"
                            f"{f', or compare with --sensor {other} alone' if other else ''}")
        if not found.strangers:
            raise UserError(f"the calibration of {self.place} says nothing of strangers by the number of people enrolled (probe {self.probe}, "
                            f"gallery {sensor}): calibrate again, on more people where it was done by this version")
        return found

    def strangers(self, sensor: str, walks: int) -> Strangers:
        """What strangers score against a sensor: of as many walks fused as were measured, at most as many as there are.

        Where so many were measured too seldom to state the rate, of fewer: the mean of more walks strays less, so no more strangers are named.
        """
        few, *more = self.direction(sensor).strangers
        able = [one for one in more if one.walks <= walks and one.threshold(self.share(), self.admitted[sensor].people) is not None]
        return able[-1] if able else few

    def share(self) -> float:
        """The part of the stated rate that one sensor has."""
        return self.reject / len(self.admitted)

    def threshold(self, sensor: str, walks: int) -> float:
        """The largest score taken for an enrolled person's. UserError where the rate cannot be stated."""
        known, people = self.strangers(sensor, walks), self.admitted[sensor].people
        found = known.threshold(self.share(), people)
        if found is None:
            least = known.smallest(people) * len(self.admitted)
            raise UserError(f"{self.place}: a false-positive identification rate of {self.reject:g} cannot be stated with {people} people enrolled "
                            f"(probe {self.probe}, gallery {sensor}); {'no' if least >= 1 else f'at least {least:.2g}'} can: "
                            f"{'' if least >= 1 else 'ask for that, or '}calibrate on more people")
        return found

    def warnings(self, walks: int, frames: Sequence[int]) -> tuple[str, ...]:
        """Why the rates may not hold for a track of so many walks of so many frames each, in words."""
        said = []
        for sensor, admitted in self.admitted.items():
            direction, known = self.direction(sensor), self.strangers(sensor, walks)
            each = admitted.templates / admitted.people
            if each > MORE_TEMPLATES * direction.templates_a_person:
                said.append(f"{each:.1f} templates a person of the {sensor}, calibrated with {direction.templates_a_person:.1f}: strangers come "
                            "nearer than the rate says; calibrate with as many")
            if admitted.people > known.largest:
                said.append(f"{admitted.people} people of the {sensor}, measured up to {known.largest}: the rate is a bound by extrapolation")
            said += direction.of_length(frames)
        return (*said, *self.calibration.warnings(self.kind))


class Among:
    """The templates that a track is compared with, sorted by person and sensor: `templates` as given [M], their `vectors` in blocks."""

    def __init__(self, templates: Sequence[Template], vectors: Sequence[np.ndarray]) -> None:
        self.vectors = vectors
        self.order = np.asarray(sorted(range(len(templates)), key=lambda at: (templates[at].person, templates[at].sensor, templates[at].id)), np.intp)
        self.rows = [templates[number] for number in self.order]
        keys = [(one.person, one.sensor) for one in self.rows]
        self.starts = np.asarray([number for number in range(len(keys)) if number == 0 or keys[number] != keys[number - 1]], np.intp)
        self.sensor = np.asarray([one.sensor for one in self.rows], dtype=str)
        self.admitted = {str(sensor): Admitted(int((self.sensor[self.starts] == sensor).sum()), int((self.sensor == sensor).sum()))
                         for sensor in np.unique(self.sensor)}

    def means(self, cohort: Cohort, probe: str) -> np.ndarray:
        """What the templates, as given, are away from the cohort as the probe's sensor saw it, float64 [M]."""
        return np.concatenate([cohort.means_of_vectors(block, probe) for block in self.vectors])


def decided(track: Embeddings, among: Among, means: np.ndarray | None, judge: Judge, top: int) -> Identification:
    """What is said of a track [N, C, K]; means: `Among.means` of the templates as given, where there is a cohort."""
    thresholds = {sensor: judge.threshold(sensor, len(track)) for sensor in judge.admitted}
    best: dict[str, Hit] = {}
    for hit in sorted(_nearest(track, among, means, judge, top), key=_order):
        best.setdefault(hit.person, hit)
    hits = list(best.values())[:top]
    first = hits[0]
    sensor, score = first.template.sensor, _score(first)
    known, people = judge.strangers(sensor, len(track)), judge.admitted[sensor].people
    rate, sensors = known.rate(score, people), len(judge.admitted)
    low, high = known.interval(judge.share(), people)
    named = score <= thresholds[sensor]
    words = (f"{judge.calibration.in_words()}; {known.strangers} strangers, {known.searches} searches of {known.walks} "
             f"walk{'s' * (known.walks > 1)}, up to {known.largest} people{'; normalised by ' + judge.cohort.in_words() if judge.cohort else ''}")
    return Identification(first.person if named else None, first.person_id if named else None, hits, min(1.0, rate.value * sensors), rate.below,
                          judge.reject, thresholds[sensor], min(1.0, low * sensors), min(1.0, high * sensors), rate.beyond,
                          max(one.people for one in judge.admitted.values()), len(track), judge.probe, words,
                          judge.warnings(len(track), track.frames))


def _nearest(track: Embeddings, among: Among, means: np.ndarray | None, judge: Judge, top: int) -> list[Hit]:
    """The `top` nearest people of each sensor: the mean over walks of the score of their nearest template, and the rate there."""
    distances = np.concatenate([template_distances(track, block) for block in among.vectors], 1)[:, among.order].astype(np.float64)  # [N, M]
    scores = distances
    if judge.cohort is not None and means is not None:
        scores = np.empty_like(distances)
        for sensor in judge.admitted:
            own = among.sensor == sensor
            scores[:, own] = normalised(distances[:, own], judge.cohort.means(track, sensor), means[among.order][own])
    fused = np.minimum.reduceat(scores, among.starts, axis=1).mean(0)  # of each person and sensor
    ends = np.append(among.starts[1:], len(among.rows))
    hits = []
    for sensor, admitted in judge.admitted.items():
        own = np.flatnonzero(among.sensor[among.starts] == sensor)
        for group in own[np.argsort(fused[own], kind="stable")][:top]:
            some = slice(int(among.starts[group]), int(ends[group]))
            nearest = among.rows[some.start + int(scores[:, some].min(0).argmin())]
            away = float(distances[np.arange(len(track)), some.start + scores[:, some].argmin(1)].mean())
            direction, score = judge.direction(sensor), float(fused[group])
            rate = judge.strangers(sensor, len(track)).rate(score, admitted.people)
            hits.append(Hit(nearest.person, nearest.person_id, nearest, away, deviations=(direction.mean - away) / max(direction.deviation, 1e-12),
                            score=score, identification_rate=min(1.0, rate.value * len(judge.admitted))))
    return hits


def _score(hit: Hit) -> float:
    return hit.distance if hit.score is None else hit.score


def _order(hit: Hit) -> tuple[float, float, float, str]:
    """By the rate; where the rates are one (beyond what can be told apart) by the score."""
    return 1.0 if hit.identification_rate is None else hit.identification_rate, _score(hit), hit.distance, hit.template.id
