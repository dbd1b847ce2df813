"""Embeddings of people who are told apart, and what the gallery's tests ask of its files."""

import time
from pathlib import Path

import numpy as np

from gaitbridge.gallery.gallery import Gallery, create
from gaitbridge.gallery.templates import Walk
from gaitbridge.types import Distance, Embeddings

WEIGHTS = "0123456789abcdef0123456789abcdef"
SHAPE = (16, 4)  # C, K


def embeddings(people: list[str], modality: str = "silhouettes", noise: float = 0.3, seed: int = 0, weights: str = WEIGHTS,
               distance: Distance = "euclidean") -> Embeddings:
    """One embedding a name in `people`: a direction of that person, and noise."""
    rows = []
    for number, person in enumerate(people):
        own = np.random.default_rng(list(person.encode())).standard_normal(SHAPE)
        rows.append(own + noise * np.random.default_rng([seed, number, len(modality)]).standard_normal(SHAPE))
    return Embeddings(np.asarray(rows, np.float32), distance, modality, weights)


def walks(people: list[str], tag: str = "a", site: str = "", recorded_s: float | None = None) -> list[Walk]:
    """One walk a name, each with an id of its own."""
    return [Walk(f"{tag}-{person}-{number}".encode().hex()[:60], person, f"{person}/normal-{number}/000", "d" * 32, site, recorded_s)
            for number, person in enumerate(people)]


def make(place: Path | str, distance: Distance = "euclidean") -> Gallery:
    return create(place, WEIGHTS, SHAPE, distance, ("silhouettes", "range_views"))


def files_with(folder: Path, needle: bytes) -> list[str]:
    """Files whose name or content has these bytes."""
    return [str(path) for path in folder.rglob("*") if needle in str(path).encode() or (path.is_file() and needle in path.read_bytes())]


def wait_for(ready: Path, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not ready.exists():
        assert time.monotonic() < end, f"{ready} did not come"
        time.sleep(0.01)
