"""A walk answered: who it was or nobody, how sure, by which templates. The run and the gallery are opened once."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from gaitbridge.capture.video.walks import walk_arrays
from gaitbridge.conventions import CAMERA, DEPTH_PICTURES, LIDAR, SENSOR
from gaitbridge.errors import UserError
from gaitbridge.gallery.answers import Hit
from gaitbridge.gallery.gallery import Gallery
from gaitbridge.gallery.identification import Admitted, Identification, Judge
from gaitbridge.gallery.kinds import Kind
from gaitbridge.gallery.templates import Template, in_words
from gaitbridge.types import Embeddings
from gaitbridge.walks import FLOOR
from gaitbridge.walks.quality import JUDGED, Quality, problem, walk_quality

GIVEN = ("silhouettes", "pose_heatmaps", "skeletons")  # arrays of a walk that networks may take, of a camera that is watched
HITS = 3  # that stand in an answer


def walk_id(walk: dict[str, Any], where: str) -> str:
    """The name of a walk by what was seen, 32 hexadecimal digits. where: of what happens now, also where it was seen and when; else empty."""
    track = walk["track"]
    digest = hashlib.blake2b(f"{where}\x1f{walk['start_s']:.3f}\x1f".encode(), digest_size=16)
    for run in track["runs"]:
        digest.update(np.ascontiguousarray(track["silhouette"][run]).tobytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class Judged:
    """The runs of a walker, judged. best: the quality of the best; fit: those that are good enough and have what the network takes, none where
    `problem` says why."""

    best: Quality
    fit: list[Mapping[str, np.ndarray]]
    problem: str


def judged(runs: Sequence[Mapping[str, np.ndarray]], inputs: Sequence[str], least_quality: float) -> Judged:
    """Judge the runs of a walker, each as its arrays by name with their times. inputs: what the network takes; runs: one at least."""
    found = [walk_quality(arrays, _times(arrays)) for arrays in runs]
    best = max(found, key=lambda quality: quality.score or 0.0)
    good = [arrays for arrays, quality in zip(runs, found, strict=True) if not problem(quality, least_quality)]
    fit = [arrays for arrays in good if set(inputs) <= set(arrays)]
    if fit:
        return Judged(best, fit, "")
    return Judged(best, [], problem(best, least_quality) if not good else f"it lacks {' and '.join(sorted(set(inputs) - set(good[0])))}")


def _times(arrays: Mapping[str, np.ndarray]) -> np.ndarray | None:
    """Of what is judged."""
    name = next((name for name in JUDGED if name in arrays), CAMERA)
    return arrays.get(f"{name}_time_s")


def inputs_of(run: Any, sensor: str, given: Sequence[str]) -> tuple[str, ...]:
    """The arrays that a network takes of a sensor, of those that are given; none where it takes nothing of it. Depth pictures are made of range
    views."""
    for modality in run.modalities:
        names = tuple(LIDAR if name == DEPTH_PICTURES and LIDAR in given else name for name in run.inputs[modality])
        if SENSOR[modality] == sensor and set(names) <= set(given):
            return names
    return ()


def embedded(run: Any, fit: Sequence[Mapping[str, np.ndarray]], inputs: Sequence[str]) -> Embeddings:
    """The embeddings [N, C, K] of N runs of one walker."""
    return replace(run.embed_stored(**{name: [arrays[name] for arrays in fit] for name in inputs}), keys=())


def can_decide(gallery: Gallery, reject: float, kind: Kind | None = None, probe: str = "camera") -> None:
    """UserError now where a first walk by that sensor would meet it."""
    calibration = gallery.calibration()
    if calibration is None:
        raise UserError(f"{gallery.place} has no thresholds to decide by: fix them with `gaitbridge calibrate {gallery.place} STORE`, "
                        "on people whose names are known")
    by_sensor: dict[str, list[Template]] = {}
    for templates in gallery.people().values():
        for template in templates:
            by_sensor.setdefault(template.sensor, []).append(template)
    if not by_sensor:
        raise UserError(f"{gallery.place} is empty: enrol somebody first")
    admitted = {sensor: Admitted(len({one.person for one in own}), len(own)) for sensor, own in by_sensor.items()}
    judge = Judge(calibration, probe, reject, admitted, gallery.place, kind)
    for sensor in admitted:
        judge.threshold(sensor, 1)


class Answerer:
    """Asks a gallery about walks of a camera.

    reject: how often somebody who is not enrolled may be given a name; kind: what the walks are, held against what was calibrated on;
    least_quality: runs below are left out (`walks.quality`). UserError where the run takes what a camera does not give, or nothing calibrated can
    state the rate.
    """

    def __init__(self, gallery: Gallery, run: Any, reject: float, kind: Kind | None = None, least_quality: float = FLOOR) -> None:
        self.gallery, self.run, self.reject, self.kind, self.least_quality = gallery, run, reject, kind, least_quality
        self.inputs = inputs_of(run, "camera", GIVEN)
        if not self.inputs:
            takes = " or ".join(" with ".join(names) for names in run.inputs.values())
            raise UserError(f"{run.run} takes {takes}: what is watched gives {' and '.join(GIVEN)}; take a run that knows those")
        can_decide(gallery, reject, kind)

    def answer(self, walk: dict[str, Any]) -> dict[str, Any]:
        """What walks.jsonl says of a walk, but its id and its picture. outcome: named, nobody, or unfit where no run of it is good enough."""
        track = walk["track"]
        runs = [walk_arrays(track, run) for run in track["runs"]]
        found = judged(runs, self.inputs, self.least_quality)
        line = {**when(walk), "runs": len(runs), "frames": sum(map(len, track["runs"])), "quality": found.best.document()}
        if not found.fit:
            return {"outcome": "unfit", "decision": None, "reject": self.reject, "problem": found.problem, **line}
        (answer,) = self.gallery.identify([embedded(self.run, found.fit, self.inputs)], self.reject, top=HITS, kind=self.kind)
        return {**said(answer), **line}


def hit_document(hit: Hit) -> dict[str, Any]:
    """Somebody near, as JSON: the evidence."""
    return {"person": hit.person, "sensor": hit.template.sensor, "site": hit.template.site, "template": hit.template.key,
            "template_id": hit.template.id, "recorded": in_words(hit.template.recorded_s), "distance": hit.distance, "score": hit.score,
            "rate": hit.identification_rate}


def said(found: Identification) -> dict[str, Any]:
    """An identification as JSON, as `gallery search --reject --json` has it, and when the templates were recorded."""
    hits = [hit_document(hit) for hit in found.hits]
    return {"outcome": "nobody" if found.decision is None else "named", "decision": found.decision, "reject": found.reject, "rate": found.rate,
            "rate_is_bound": found.rate_is_bound, "threshold": found.threshold, "rate_low": found.low, "rate_high": found.high,
            "people": found.people, "extrapolated": found.beyond, "hits": hits, "provenance": found.provenance, "warnings": list(found.warnings)}


def when(walk: dict[str, Any]) -> dict[str, Any]:
    """Where and when a walk was seen: start and end by the clock where it happens now, else seconds from the film's first picture alone."""
    track = walk["track"]

    def instant(time_s: float) -> str | None:
        return datetime.fromtimestamp(time_s, UTC).isoformat(timespec="milliseconds") if walk["live"] else None

    return {"source": walk["source"], "film": walk["film"], "start": instant(walk["start_s"]), "end": instant(walk["end_s"]),
            "start_s": round(walk["start_s"], 3), "end_s": round(walk["end_s"], 3), "part": track["part"], "track": track["number"],
            "piece": track["piece"]}
