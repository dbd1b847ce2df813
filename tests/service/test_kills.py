"""A service killed without warning: no acknowledged recording is lost, none is answered twice, nothing of the others is left."""

import os
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx2 as httpx
import numpy as np
import pytest
from service_made import made_gallery
from video_files import walk

from gaitbridge.geometry.silhouette import align

SCRIPT = Path(__file__).with_name("serve_killed.py")
PLACES = ("before the queue", "in the queue", "begun", "answered", "kept")


class Served:
    """The process, from its start to its end by SIGKILL."""

    def __init__(self, folder: Path, place: str = "") -> None:
        self.folder = folder
        for name in ("address", "stopped"):
            (folder / name).unlink(missing_ok=True)
        path = os.pathsep.join([str(SCRIPT.parents[1]), *sys.path])
        environment = os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen([sys.executable, str(SCRIPT), str(folder), place], env=environment)
        address, key = self._wait("address").split()
        self.client = httpx.Client(base_url=address, headers={"Authorization": f"Bearer {key}"}, timeout=60)

    def _wait(self, name: str) -> str:
        until = time.monotonic() + 120
        while not (file := self.folder / name).exists() or (name == "address" and not file.read_text()):
            assert self.process.poll() is None
            assert time.monotonic() < until, name
            time.sleep(0.02)
        return file.read_text()

    def stopped(self) -> None:
        """Wait until it has come to the place."""
        self._wait("stopped")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.client.close()

    def ended(self, job: str) -> dict[str, Any]:
        until = time.monotonic() + 120
        while (found := self.client.get(f"/v1/jobs/{job}").json())["state"] not in ("done", "failed"):
            assert time.monotonic() < until, found
            time.sleep(0.05)
        return dict(found)


def recording(folder: Path, number: int) -> bytes:
    silhouettes = np.stack([align(mask, (64, 44))[0] for mask in walk(40)])
    np.savez(folder / "r.npz", silhouettes=np.roll(silhouettes, number, axis=0))
    return (folder / "r.npz").read_bytes()


def test_a_kill_at_every_step_loses_nothing_and_answers_nothing_twice(tmp_path: Path) -> None:
    """Slow for a test, some ten seconds: six processes begin, and each reads a recording in a process of its own."""
    made_gallery(tmp_path / "gallery")
    acknowledged = []
    for number, place in enumerate(PLACES):
        served = Served(tmp_path, place)
        try:
            if place == "before the queue":
                with pytest.raises(httpx.HTTPError):
                    _send_and_kill(served, recording(tmp_path, number))
            else:
                answer = served.client.post("/v1/recordings", content=recording(tmp_path, number))
                assert answer.status_code == 202
                acknowledged.append(answer.json()["id"])
                served.stopped()
        finally:
            served.kill()
    served = Served(tmp_path)
    try:
        found = [served.ended(job) for job in acknowledged]
        listed = served.client.get("/v1/jobs").json()["jobs"]
    finally:
        served.kill()
    assert sorted(one["id"] for one in listed) == sorted(acknowledged)  # nothing of what was never acknowledged
    assert [(one["state"], len(one["tracks"]), one["tracks"][0]["decision"]) for one in found] == [("done", 1, "ben")] * len(acknowledged)
    with sqlite3.connect(tmp_path / "gallery" / "service" / "service.db") as connection:
        assert connection.execute("SELECT count(*) FROM tracks").fetchone()[0] == len(acknowledged)
    assert not list((tmp_path / "gallery" / "service" / "uploads").iterdir())


def _send_and_kill(served: Served, data: bytes) -> None:
    """Send a recording; the process is killed once it lies on the disk and is not in the queue."""
    def end() -> None:
        served.stopped()
        served.process.kill()

    threading.Thread(target=end, daemon=True).start()
    served.client.post("/v1/recordings", content=data)
