"""A walk answered: who it was or nobody, how sure, by which templates. The run and the gallery are opened once."""

import hashlib
from datetime import UTC, datetime
from typing import Any

import numpy as np

from gaitbridge.capture.video.walks import walk_arrays
from gaitbridge.conventions import SENSOR
from gaitbridge.errors import UserError
from gaitbridge.gallery.gallery import Gallery
from gaitbridge.gallery.templates import in_words
from gaitbridge.types import Embeddings

GIVEN = ("silhouettes",)  # arrays of a walk that networks may take


def walk_id(walk: dict[str, Any], where: str) -> str:
    """The name of a walk by what was seen, 32 hexadecimal digits. where: of what happens now, also where it was seen and when; else empty."""
    track = walk["track"]
    digest = hashlib.blake2b(f"{where}\x1f{walk['start_s']:.3f}\x1f".encode(), digest_size=16)
    for run in track["runs"]:
        digest.update(np.ascontiguousarray(track["silhouette"][run]).tobytes())
    return digest.hexdigest()


class Answerer:
    """Asks a gallery about walks of a camera. reject: the rate at which strangers may be named. UserError where the run takes no silhouettes."""

    def __init__(self, gallery: Gallery, run: Any, reject: float) -> None:
        self.gallery, self.run, self.reject = gallery, run, reject
        fitting = [modality for modality in run.modalities if SENSOR[modality] == "camera" and set(run.inputs[modality]) <= set(GIVEN)]
        if not fitting:
            takes = " or ".join(" with ".join(names) for names in run.inputs.values())
            raise UserError(f"{run.run} takes {takes}: what is watched gives {' and '.join(GIVEN)}; take a run that knows those")
        self.inputs = run.inputs[fitting[0]]
        self.size: tuple[int, int] = tuple(getattr(run.network.config, "size", None) or (64, 44))

    def answer(self, walk: dict[str, Any]) -> dict[str, Any]:
        """What walks.jsonl says of a walk, but its id and its picture."""
        track = walk["track"]
        runs = [walk_arrays(track, run) for run in track["runs"]]
        embeddings: Embeddings = self.run.embed(**{name: [arrays[name] for arrays in runs] for name in self.inputs})
        (hits, *_) = self.gallery.search(embeddings, top=3)
        evidence = [{"person": hit.person, "template": hit.template.key, "sensor": hit.template.sensor, "site": hit.template.site,
                     "recorded": in_words(hit.template.recorded_s), "distance": hit.distance, "false_match_rate": hit.rate} for hit in hits]
        known = bool(hits) and hits[0].rate is not None and hits[0].rate <= self.reject
        return {"decision": "known" if known else "nobody", "person": hits[0].person if known else None, "rate": hits[0].rate if hits else None,
                "reject": self.reject, "evidence": evidence, **when(walk), "frames": sum(map(len, track["runs"])), "runs": len(runs)}


def when(walk: dict[str, Any]) -> dict[str, Any]:
    """Where and when a walk was seen."""
    track = walk["track"]

    def instant(time_s: float) -> str | None:
        return datetime.fromtimestamp(time_s, UTC).isoformat(timespec="milliseconds") if walk["live"] else None

    return {"source": walk["source"], "film": walk["film"], "start": instant(walk["start_s"]), "end": instant(walk["end_s"]),
            "start_s": round(walk["start_s"], 3), "end_s": round(walk["end_s"], 3), "part": track["part"], "track": track["number"],
            "piece": track["piece"]}
