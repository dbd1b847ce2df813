"""A cohort: embeddings of people who are neither enrolled nor asked about, against whom distances are normalised.

Some walks are near to everybody's and some to nobody's. So from the distance of a walk to a template half of what either of them is away from its
nearest neighbours in the cohort is taken off, the mean of `NEAREST` (adaptive symmetric normalisation by means; Conneau et al., ICLR 2018, call it
CSLS). Dividing by their deviations, as z-, t- and s-norm do, was measured and lost the strict thresholds.

The vectors are of people. Those of simulated ones are nobody's. Of others the cohort keeps the names, so that they can be forgotten.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from typing_extensions import TypedDict

from gaitbridge.conventions import stream
from gaitbridge.documents import read_document
from gaitbridge.errors import StoreError
from gaitbridge.evaluation.ranking.matrix import distance
from gaitbridge.gallery.templates import vectors_of
from gaitbridge.types import Distance, Embeddings

NEAREST = 20  # of the cohort, whose mean distance counts
MOST = 400  # embeddings of a modality
ROWS = 2048  # embeddings compared at a time


class _Side(TypedDict):
    people: list[str]
    scale: float
    values: str


class _Document(TypedDict):
    weights_hash: str
    distance: Distance
    shape: list[int]
    set_name: str
    nobody: bool
    sides: dict[str, _Side]


@dataclass(frozen=True)
class Cohort:
    """sides: by sensor, embeddings [n, C, K]; people: of each, whose they are. nobody: they are simulated, so of no one; set_name: where from."""

    sides: Mapping[str, Embeddings]
    people: Mapping[str, tuple[str, ...]]
    nobody: bool
    set_name: str

    def means(self, embeddings: Embeddings, sensor: str) -> np.ndarray:
        """The mean distance float64 [N] of embeddings to their nearest in the cohort as that sensor saw it."""
        side = self.sides[sensor]
        out = [np.sort(distance(_like(embeddings.values[start : start + ROWS], side), side), axis=1)[:, :NEAREST].mean(1, dtype=np.float64)
               for start in range(0, len(embeddings), ROWS)]
        return np.concatenate(out) if out else np.empty(0)

    def means_of_vectors(self, vectors: np.ndarray, sensor: str) -> np.ndarray:
        """The same of templates' vectors [M, K * C]."""
        parts = self.sides[sensor].values.shape[2]
        made = []
        for start in range(0, len(vectors), ROWS):
            some = vectors[start : start + ROWS].reshape(-1, parts, vectors.shape[1] // parts).transpose(0, 2, 1)
            made.append(self.means(_like(np.ascontiguousarray(some), self.sides[sensor]), sensor))
        return np.concatenate(made) if made else np.empty(0)

    def without(self, gone: Sequence[str]) -> Cohort:
        """The cohort without some people."""
        kept = {sensor: [number for number, name in enumerate(owners) if name not in gone] for sensor, owners in self.people.items()}
        people = {sensor: tuple(names[number] for number in kept[sensor]) for sensor, names in self.people.items()}
        return Cohort({sensor: _like(side.values[kept[sensor]], side) for sensor, side in self.sides.items()}, people, self.nobody, self.set_name)

    def renamed(self, person: str, name: str) -> Cohort:
        """The cohort with another name for a person."""
        people = {sensor: tuple(name if one == person else one for one in owners) for sensor, owners in self.people.items()}
        return replace(self, people=people)

    def in_words(self) -> str:
        """What it is, for people."""
        people = sum(map(len, self.people.values())) if self.nobody else len({name for names in self.people.values() for name in names})
        return f"{people} embeddings of simulated people ({self.set_name})" if self.nobody else f"embeddings of {people} people of {self.set_name}"

    @property
    def digest(self) -> str:
        """What it is called in a calibration."""
        made = hashlib.blake2b(digest_size=16)
        for sensor in sorted(self.sides):
            made.update(sensor.encode() + np.ascontiguousarray(self.sides[sensor].values, "<f4").tobytes())
        return made.hexdigest()

    def document(self) -> dict[str, Any]:
        """As JSON: vectors in half precision, in base64; names only where they are of real people."""
        one = next(iter(self.sides.values()))
        sides = {}
        for sensor, side in self.sides.items():
            scale = _scale(side.values)
            values = base64.b64encode((side.values / scale).astype("<f2").tobytes()).decode()
            sides[sensor] = {"people": [] if self.nobody else list(self.people[sensor]), "scale": scale, "values": values}
        return {"weights_hash": one.weights_hash, "distance": one.distance, "shape": list(one.values.shape[1:]), "set_name": self.set_name,
                "nobody": self.nobody, "sides": sides}


def normalised(distances: np.ndarray, of_queries: np.ndarray, of_templates: np.ndarray) -> np.ndarray:
    """Scores float64 [N, M] of distances, by the mean distances of both sides to the cohort as the other side's sensor saw it, [N] and [M]."""
    return np.asarray(distances - (of_queries[:, None] + of_templates[None, :]) / 2, np.float64)


def made_of(sides: Mapping[str, Embeddings], people: Mapping[str, Sequence[str]], nobody: bool, set_name: str, most: int = MOST) -> Cohort:
    """A cohort of `most` of the embeddings of each sensor, evenly of its people, as exact as it is kept."""
    kept, names = {}, {}
    for sensor, side in sides.items():
        order = stream(0, "cohort", sensor).permutation(len(side))[:most]
        chosen = np.sort(order)
        vectors = vectors_of(_like(side.values[chosen], side))
        values = np.ascontiguousarray(vectors.reshape(len(chosen), side.values.shape[2], -1).transpose(0, 2, 1))
        scale = _scale(values)
        kept[sensor] = _like((values / scale).astype("<f2").astype(np.float32) * np.float32(scale), side)
        names[sensor] = tuple("" if nobody else people[sensor][number] for number in chosen)
    return Cohort(kept, names, nobody, set_name)


def read_cohort(document: Mapping[str, Any], where: str) -> Cohort:
    """A cohort as kept; StoreError where it is damaged."""
    from pydantic import TypeAdapter, ValidationError

    try:
        found = TypeAdapter(_Document).validate_python(document, strict=True)
        sides, people = {}, {}
        for sensor, side in found["sides"].items():
            values = np.frombuffer(base64.b64decode(side["values"], validate=True), "<f2").reshape(-1, *found["shape"])
            sides[sensor] = Embeddings(values.astype(np.float32) * np.float32(side["scale"]), found["distance"], weights_hash=found["weights_hash"])
            people[sensor] = tuple(side["people"]) or ("",) * len(values)
            if len(people[sensor]) != len(values) or not np.isfinite(sides[sensor].values).all():
                raise ValueError(f"{len(people[sensor])} names of {len(values)} embeddings, or embeddings that are not finite")
    except (ValidationError, ValueError) as error:
        raise StoreError(f"{where} is damaged ({str(error).splitlines()[0]}): calibrate again") from error
    return Cohort(sides, people, found["nobody"], found["set_name"])


def cohort_beside(digest: str, folder: Path) -> Cohort | None:
    """The cohort of a digest, from `cohort.json` beside a run's calibration; None of no digest. StoreError where it is not that one."""
    if not digest:
        return None
    file = folder / "cohort.json"
    found = read_cohort(read_document(file, dict[str, Any], "calibrate again"), str(file))
    if found.digest != digest:
        raise StoreError(f"{file} is not the cohort that {folder / 'calibration.json'} was fixed with: calibrate again")
    return found


def _scale(values: np.ndarray) -> float:
    """A power of two that brings all values into -1 to 1, which half precision holds."""
    largest = float(np.abs(values).max(initial=0.0))
    return float(2.0 ** np.ceil(np.log2(largest))) if largest > 0 else 1.0


def _like(values: np.ndarray, side: Embeddings) -> Embeddings:
    return Embeddings(values, side.distance, side.modality, side.weights_hash)
