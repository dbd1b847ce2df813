"""A service with walks answered, for tests of its pages: read by a client that is signed in, or driven by a browser."""

import io
import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np
import uvicorn
from fastapi.testclient import TestClient
from gallery_people import embeddings
from service_made import key_of, made_state
from video_files import walk

from gaitbridge.gallery.decision import calibrate
from gaitbridge.gallery.kinds import Kind
from gaitbridge.geometry.silhouette import align
from gaitbridge.service.app import create_app
from gaitbridge.service.state import State

MARKUP = "<b>Zoë</b> & \"co\""  # a name that would be markup where somebody forgot to escape it


def sequences(count: int = 2, noise: bool = True, first: int = 0) -> bytes:
    """A .npz of walks, the last of them none where `noise`; others than those of another `first`."""
    silhouettes = np.stack([align(mask, (64, 44))[0] for mask in walk(40)])
    arrays = {f"walk{number}/silhouettes": np.roll(silhouettes, first + number, axis=0) for number in range(count)}
    if noise:
        arrays["noise/silhouettes"] = (np.random.default_rng(0).random((40, 64, 44)) < 0.5).astype(np.uint8) * 255
    out = io.BytesIO()
    np.savez_compressed(out, **arrays)  # type: ignore[arg-type]
    return out.getvalue()


def ended(client: TestClient, job: str, seconds: float = 60.0) -> dict[str, Any]:
    """A job when it is answered."""
    until = time.monotonic() + seconds
    while (found := client.get(f"/v1/jobs/{job}").json())["state"] not in ("done", "failed"):
        assert time.monotonic() < until, found
        time.sleep(0.02)
    return dict(found)


@contextmanager
def signed_in(state: State, *scopes: str, name: str = "operator") -> Iterator[TestClient]:
    """A client of a running service with the page's cookie."""
    with TestClient(create_app(state), follow_redirects=False) as client:
        sign_in(client, key_of(state, *scopes, name=name))
        yield client


def sign_in(client: TestClient, key: str) -> None:
    """Begin a session with a key."""
    assert client.post("/v1/session", data={"key": key}).status_code == 303
    client.headers["X-CSRF-Token"] = client.get("/v1/session").json()["csrf_token"]


def hard_to_tell(state: State) -> None:
    """Calibrate on walks so unlike that some are missed: only then there is a trade-off to draw."""
    names = [f"q{number:03d}" for number in range(60)] * 4
    types = [f"{name}/{number // 120}" for number, name in enumerate(names)]
    sides = [embeddings(names, modality, 1.0, seed) for seed, modality in enumerate(("silhouettes", "range_views"))]
    state.gallery.keep_calibration(calibrate(sides, [names] * 2, [types] * 2, "known", "h" * 32, "2026-11-21", kind=Kind(kind="simulated")))


class Served:
    """A running service. who: whom its network will see."""

    def __init__(self, state: State, address: str) -> None:
        self.state, self.address, self.key = state, address, key_of(state)
        self.who: list[str] = cast(Any, state.model).who

    def ask(self, method: str, path: str, body: bytes | None = None) -> Any:
        """What the HTTP interface answers."""
        request = urllib.request.Request(self.address + path, body, {"Authorization": f"Bearer {self.key}"}, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read() or b"null")

    def sent(self, recording: bytes) -> str:
        """A recording sent and answered: its job."""
        job = str(self.ask("POST", "/v1/recordings?again=true&site=north", recording)["id"])
        until = time.monotonic() + 60
        while (found := self.ask("GET", f"/v1/jobs/{job}"))["state"] != "done":
            assert found["state"] != "failed", found
            assert time.monotonic() < until, found
            time.sleep(0.05)
        return job


@contextmanager
def served(folder: Path) -> Iterator[Served]:
    """A running service."""
    state = made_state(folder)
    server = uvicorn.Server(uvicorn.Config(create_app(state), host="127.0.0.1", port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 60
    while not server.started:
        assert thread.is_alive()
        assert time.monotonic() < until
        time.sleep(0.02)
    try:
        yield Served(state, f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}")
    finally:
        server.should_exit = True
        thread.join(30)
