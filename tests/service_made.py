"""A small service for tests: three people, calibrated on sixty others, a network that knows whom it is shown, and a client with a key."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
from fastapi.testclient import TestClient
from gallery_people import SHAPE, WEIGHTS, embeddings, make, walks

from gaitbridge.gallery.decision import RATES, calibrate
from gaitbridge.gallery.gallery import Gallery
from gaitbridge.gallery.kinds import Kind
from gaitbridge.inference.session import Model
from gaitbridge.service.access import KEY
from gaitbridge.service.app import create_app
from gaitbridge.service.state import ServiceSettings, State
from gaitbridge.types import Embeddings

PEOPLE = ["Zoë", "ben", "cleo"]
SECRET = "a key of the tests"


class Network:
    """Takes silhouettes. Whom it sees is said in `who`, in the order in which it is asked; then it is a stranger."""

    modalities, inputs, distance, weights_hash, run = ("silhouettes",), {"silhouettes": ("silhouettes",)}, "euclidean", WEIGHTS, "run"
    network = SimpleNamespace(config=SimpleNamespace(size=(64, 44)))

    def __init__(self, *who: str) -> None:
        self.who = list(who)

    def embed_stored(self, **arrays: list[np.ndarray]) -> Embeddings:
        who = self.who.pop(0) if self.who else "a stranger"
        return embeddings([who] * len(arrays["silhouettes"]), seed=9)

    embed = embed_stored


def made_gallery(place: Path) -> Gallery:
    """Three people with two walks each, calibrated on sixty others."""
    made = make(place)
    made.enrol(embeddings(PEOPLE * 2), walks(PEOPLE * 2, site="north", recorded_s=1.7e9))
    names = [f"q{number:03d}" for number in range(60)] * 4
    types = [f"{name}/{number // 120}" for number, name in enumerate(names)]
    made.keep_calibration(calibrate([embeddings(names, seed=5)], [names], [types], "known", "h" * 32, "2026-11-21", RATES, Kind(kind="simulated")))
    return made


def made_state(folder: Path, *who: str, **settings: Any) -> State:
    """The state of a service in a folder, made where it is missing."""
    place = folder / "gallery"
    gallery = Gallery(place) if (place / "gallery.json").exists() else made_gallery(place)
    given: dict[str, Any] = {"reject": 0.05, "people": "movement"} | settings
    chosen = ServiceSettings(**given)
    return State(gallery, cast(Model, Network(*who)), place / "service", chosen)


@contextmanager
def serving(state: State, key: str = SECRET, faults: bool = False) -> Iterator[TestClient]:
    """A client of a running service, whose requests carry a key. faults: its errors are answered, not raised."""
    os.environ[KEY] = SECRET
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    with TestClient(create_app(state), headers=headers, raise_server_exceptions=not faults) as client:
        yield client


__all__ = ["PEOPLE", "SECRET", "SHAPE", "Network", "made_gallery", "made_state", "serving"]
