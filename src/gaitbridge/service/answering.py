"""A walk answered: who it was or nobody, how sure, by which templates. The run and the gallery are opened once."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from gaitbridge.capture.video.walks import walk_arrays
from gaitbridge.conventions import CAMERA, SENSOR
from gaitbridge.errors import UserError
from gaitbridge.gallery.gallery import Gallery
from gaitbridge.gallery.identification import Admitted, Identification, Judge
from gaitbridge.gallery.kinds import Kind
from gaitbridge.gallery.templates import Template, in_words
from gaitbridge.walks import FLOOR
from gaitbridge.walks.quality import problem, walk_quality

GIVEN = ("silhouettes", "pose_heatmaps")  # arrays of a walk that networks may take
HITS = 3  # that stand in an answer


def walk_id(walk: dict[str, Any], where: str) -> str:
    """The name of a walk by what was seen, 32 hexadecimal digits. where: of what happens now, also where it was seen and when; else empty."""
    track = walk["track"]
    digest = hashlib.blake2b(f"{where}\x1f{walk['start_s']:.3f}\x1f".encode(), digest_size=16)
    for run in track["runs"]:
        digest.update(np.ascontiguousarray(track["silhouette"][run]).tobytes())
    return digest.hexdigest()


class Answerer:
    """Asks a gallery about walks of a camera.

    reject: how often somebody who is not enrolled may be given a name; kind: what the walks are, held against what was calibrated on;
    least_quality: runs below are left out (`walks.quality`). UserError where the run takes what a camera does not give, or nothing calibrated can
    state the rate.
    """

    def __init__(self, gallery: Gallery, run: Any, reject: float, kind: Kind | None = None, least_quality: float = FLOOR) -> None:
        self.gallery, self.run, self.reject, self.kind, self.least_quality = gallery, run, reject, kind, least_quality
        fitting = [modality for modality in run.modalities if SENSOR[modality] == "camera" and set(run.inputs[modality]) <= set(GIVEN)]
        if not fitting:
            takes = " or ".join(" with ".join(names) for names in run.inputs.values())
            raise UserError(f"{run.run} takes {takes}: what is watched gives {' and '.join(GIVEN)}; take a run that knows those")
        self.inputs = run.inputs[fitting[0]]
        self._can_decide()

    def _can_decide(self) -> None:
        """UserError now where a first walk would meet it."""
        calibration = self.gallery.calibration()
        if calibration is None:
            raise UserError(f"{self.gallery.place} has no thresholds to decide by: fix them with `gaitbridge calibrate {self.gallery.place} STORE`, "
                            "on people whose names are known")
        by_sensor: dict[str, list[Template]] = {}
        for templates in self.gallery.people().values():
            for template in templates:
                by_sensor.setdefault(template.sensor, []).append(template)
        if not by_sensor:
            raise UserError(f"{self.gallery.place} is empty: enrol somebody first")
        admitted = {sensor: Admitted(len({one.person for one in own}), len(own)) for sensor, own in by_sensor.items()}
        judge = Judge(calibration, "camera", self.reject, admitted, self.gallery.place, self.kind)
        for sensor in admitted:
            judge.threshold(sensor, 1)

    def answer(self, walk: dict[str, Any]) -> dict[str, Any]:
        """What walks.jsonl says of a walk, but its id and its picture. outcome: named, nobody, or unfit where no run of it is good enough."""
        track = walk["track"]
        runs = [walk_arrays(track, run) for run in track["runs"]]
        judged = [walk_quality(arrays, arrays[f"{CAMERA}_time_s"]) for arrays in runs]
        best = max(range(len(runs)), key=lambda number: judged[number].score or 0.0)
        good = [arrays for arrays, quality in zip(runs, judged, strict=True) if not problem(quality, self.least_quality)]
        fit = [arrays for arrays in good if set(self.inputs) <= set(arrays)]
        line = {**when(walk), "runs": len(runs), "frames": sum(map(len, track["runs"])), "quality": judged[best].document()}
        if not fit:
            why = problem(judged[best], self.least_quality) if not good else f"it lacks {' and '.join(set(self.inputs) - set(good[0]))}"
            return {"outcome": "unfit", "decision": None, "reject": self.reject, "problem": why, **line}
        embeddings = self.run.embed_stored(**{name: [arrays[name] for arrays in fit] for name in self.inputs})
        (found,) = self.gallery.identify([replace(embeddings, keys=())], self.reject, top=HITS, kind=self.kind)
        return {**said(found), **line}


def said(found: Identification) -> dict[str, Any]:
    """An identification as JSON, as `gallery search --reject --json` has it, and when the templates were recorded."""
    hits = [{"person": hit.person, "sensor": hit.template.sensor, "site": hit.template.site, "template": hit.template.key,
             "recorded": in_words(hit.template.recorded_s), "distance": hit.distance, "score": hit.score, "rate": hit.identification_rate}
            for hit in found.hits]
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
