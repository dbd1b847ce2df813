"""What tests send to a service: recordings of walkers, and what becomes of them."""

import importlib
import json
import time
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from gallery_people import files_with
from video_files import walk

from gaitbridge.geometry.silhouette import align
from gaitbridge.service import questions, seen


def read_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have what is sent read in this process: that it is read in one of its own is tested elsewhere, and costs a second each."""
    def here(target: str, *given: object, **_: object) -> Any:
        module, name = target.split(":")
        return getattr(importlib.import_module(module), name)(*given)

    monkeypatch.setattr(seen, "run_isolated", here)
    monkeypatch.setattr(questions, "run_isolated", here)


@cache
def silhouettes() -> np.ndarray:
    return np.stack([align(mask, (64, 44))[0] for mask in walk(40)])


def walks(count: int, first: int = 0) -> dict[str, np.ndarray]:
    """Walks that differ, by their numbers, as a .npz has them."""
    return {f"walk{number}/silhouettes": np.roll(silhouettes(), number, axis=0) for number in range(first, first + count)}


def npz(folder: Path, arrays: dict[str, np.ndarray]) -> bytes:
    np.savez(folder / "a.npz", **arrays)  # type: ignore[arg-type]
    return (folder / "a.npz").read_bytes()


def ended(client: TestClient, job: str) -> dict[str, Any]:
    until = time.monotonic() + 60
    while (found := client.get(f"/v1/jobs/{job}").json())["state"] not in ("done", "failed"):
        assert time.monotonic() < until, found
        time.sleep(0.02)
    return dict(found)


def sent(client: TestClient, folder: Path, count: int = 1, first: int = 0) -> dict[str, Any]:
    """A recording of some walkers, answered."""
    job = ended(client, client.post("/v1/recordings", content=npz(folder, walks(count, first))).json()["id"])
    assert job["state"] == "done", job
    return job


def traces(folder: Path, name: str) -> list[str]:
    """Files that hold a name in any usual coding."""
    needles = {name.encode(coding) for coding in ("utf-8", "utf-16-le")} | {json.dumps(name)[1:-1].encode()}
    return sorted({file for needle in needles for file in files_with(folder, needle)})
