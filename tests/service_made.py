"""A small service for tests: three people, calibrated on sixty others, a network that knows whom it is shown, and a client with a key."""

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
from gaitbridge.service import keys
from gaitbridge.service.app import create_app
from gaitbridge.service.state import ServiceSettings, State
from gaitbridge.types import Embeddings

PEOPLE = ["Zoë", "ben", "cleo"]


class Network:
    """Takes silhouettes. Whom it sees is said in `who`, in the order in which it is asked; then it is a stranger."""

    modalities, inputs, distance, weights_hash, run = ("silhouettes",), {"silhouettes": ("silhouettes",)}, "euclidean", WEIGHTS, "run"
    network = SimpleNamespace(config=SimpleNamespace(size=(64, 44)))

    def __init__(self, *who: str) -> None:
        self.who = list(who)

    def embed_stored(self, **arrays: list[np.ndarray]) -> Embeddings:
        who = self.who.pop(0) if self.who else "a stranger"
        if who == "a fault":
            raise ValueError("a fault of the tests")
        (name, given), *_ = arrays.items()
        return embeddings([who] * len(given), name, seed=9)

    embed = embed_stored


def made_gallery(place: Path | str) -> Gallery:
    """Three people with two walks each, calibrated on sixty others."""
    made = make(place)
    made.enrol(embeddings(PEOPLE * 2), walks(PEOPLE * 2, site="north", recorded_s=1.7e9))
    names = [f"q{number:03d}" for number in range(60)] * 4
    types = [f"{name}/{number // 120}" for number, name in enumerate(names)]
    made.keep_calibration(calibrate([embeddings(names, seed=5)], [names], [types], "known", "h" * 32, "2026-11-21", RATES, Kind(kind="simulated")))
    return made


def made_state(folder: Path, *who: str, server: str = "", **settings: Any) -> State:
    """The state of a service in a folder, made where it is missing. server: where its gallery is, if not in the folder."""
    place = folder / "gallery"
    gallery = Gallery(place) if not server and (place / "gallery.json").exists() else made_gallery(server or place)
    given: dict[str, Any] = {"reject": 0.05, "people": "movement"} | settings
    chosen = ServiceSettings(**given)
    return State(gallery, cast(Model, Network(*who)), place / "service", chosen)


def key_of(state: State, *scopes: str, name: str = "operator", **more: Any) -> str:
    """A new key with these scopes, by default all; its slow hash is a fast one."""
    keys.COST = 4
    if name in {key.name for key in state.access.keys.all()}:
        state.access.keys.revoke(name)
    return state.access.keys.add(name, scopes or keys.SCOPES, **more)


@contextmanager
def serving(state: State, key: str | None = None, faults: bool = False) -> Iterator[TestClient]:
    """A client of a running service, whose requests carry a key, by default one that may do everything. faults: errors are answered, not raised."""
    key = key_of(state) if key is None else key
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    with TestClient(create_app(state), headers=headers, raise_server_exceptions=not faults) as client:
        yield client


__all__ = ["PEOPLE", "SHAPE", "Network", "key_of", "made_gallery", "made_state", "serving"]
