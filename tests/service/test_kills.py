"""A service killed without warning: no acknowledged recording is lost, none is answered twice, nothing of the others is left."""

import multiprocessing
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import httpx2 as httpx
import numpy as np
import pytest
from serve_killed import PLACES, serve
from service_made import made_gallery
from video_files import walk

from gaitbridge.geometry.silhouette import align

processes = multiprocessing.get_context("forkserver")  # what is heavy is imported once
PATIENCE_S = 240.0  # this machine may be busy


class Served:
    """The process, from its start to its end by SIGKILL."""

    def __init__(self, folder: Path, place: str = "") -> None:
        self.folder = folder
        for name in ("address", "stopped"):
            (folder / name).unlink(missing_ok=True)
        self.process = processes.Process(target=serve, args=(folder, place), daemon=True)
        self.process.start()
        address, key = self.wait("address").read_text().split()
        self.client = httpx.Client(base_url=address, headers={"Authorization": f"Bearer {key}"}, timeout=PATIENCE_S)

    def wait(self, name: str) -> Path:
        """A file that it makes."""
        until = time.monotonic() + PATIENCE_S
        while not (file := self.folder / name).exists():
            assert self.process.is_alive()
            assert time.monotonic() < until, name
            time.sleep(0.02)
        return file

    def kill(self) -> None:
        self.process.kill()
        self.process.join()
        self.client.close()

    def ended(self, job: str) -> dict[str, Any]:
        until = time.monotonic() + PATIENCE_S
        while (found := self.client.get(f"/v1/jobs/{job}").json())["state"] not in ("done", "failed"):
            assert time.monotonic() < until, found
            time.sleep(0.1)  # a key has its rate
        return dict(found)


def recording(folder: Path, number: int) -> bytes:
    silhouettes = np.stack([align(mask, (64, 44))[0] for mask in walk(40)])
    np.savez(folder / "r.npz", silhouettes=np.roll(silhouettes, number, axis=0))
    return (folder / "r.npz").read_bytes()


def test_a_kill_at_every_step_loses_nothing_and_answers_nothing_twice(tmp_path: Path) -> None:
    """Some ten seconds: five services begin, and each recording is read in a process of its own."""
    processes.set_forkserver_preload(["service_made"])
    made_gallery(tmp_path / "gallery")
    acknowledged = []
    for number, place in enumerate(PLACES):
        served, data = Served(tmp_path, place), recording(tmp_path, number)
        if place == "before the queue":
            threading.Thread(target=_kill_when_stopped, args=(served,), daemon=True).start()
            with pytest.raises(httpx.HTTPError):
                served.client.post("/v1/recordings", content=data)
        else:
            answer = served.client.post("/v1/recordings", content=data)
            assert answer.status_code == 202
            acknowledged.append(answer.json()["id"])
            served.wait("stopped")
        served.kill()
    served = Served(tmp_path)
    found = [served.ended(job) for job in acknowledged]
    listed = served.client.get("/v1/jobs").json()["jobs"]
    served.kill()
    assert sorted(one["id"] for one in listed) == sorted(acknowledged)  # nothing of what was never acknowledged
    assert [(one["state"], [track["decision"] for track in one["tracks"]]) for one in found] == [("done", ["ben"])] * len(acknowledged)
    with sqlite3.connect(tmp_path / "gallery" / "service" / "service.db") as connection:
        assert connection.execute("SELECT count(*) FROM tracks").fetchone()[0] == len(acknowledged)
    assert not list((tmp_path / "gallery" / "service" / "uploads").iterdir())


def _kill_when_stopped(served: Served) -> None:
    """Once the recording lies on the disk and is not in the queue."""
    served.wait("stopped")
    served.process.kill()
