"""Simulation, import, captures and embedding killed anywhere, and run again as they were: the bytes are those of an undisturbed run."""

import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import lidar_files
import numpy as np
import published_trees
import video_files
from campaigns import _kills
from campaigns._kills import Trial
from campaigns.contract import Failure
from lidar_street import sensor_of_street, street
from toy import make_toy_store

from gaitbridge.capture.lidar.detect import Settings
from gaitbridge.capture.lidar.recordings import recordings
from gaitbridge.capture.lidar.run import capture_lidar
from gaitbridge.capture.video.run import capture_videos
from gaitbridge.data.importers._run import import_dataset
from gaitbridge.evaluation.embedding.from_store import embed_store
from gaitbridge.evaluation.embedding.in_parts import embed_in_parts
from gaitbridge.simulation.cohort import simulate
from gaitbridge.simulation.settings import CohortConfig
from gaitbridge.simulation.takes import open_body
from gaitbridge.store import Store
from gaitbridge.types import Embeddings

SHORT, LONG = 7, 420


def campaign(count: int, seed: int, folder: Path) -> list[Failure]:
    return _kills.apart("campaigns.store_kills", count, seed, folder)


def killed_here(count: int, seed: int, folder: Path) -> list[Failure]:
    """In a process of its own: the body model is read once, not in every fork."""
    given = folder / "given"
    given.mkdir()
    published_trees.casia_b(given / "casia")
    video_files.one_walker(given / "walker.mkv", frames=40)
    video_files.one_walker(given / "back.mkv", frames=40, step=-3.2)
    lidar_files.pkl(given / "street.pkl", [shot.points for shot in street(scans=20)])
    (given / "lidar.json").write_text(json.dumps(sensor_of_street()))
    settings = Settings(hz=10.0, sensor=str(given / "lidar.json"))
    config = CohortConfig.model_validate({"people": {"train": 2, "val": 0, "test": 1}, "takes": [["normal"]], "views": ["000"], "frames": 2})
    open_body(config.body, config.body_detail)
    walks = make_toy_store(given / "walks", {"test": 6})
    acts: dict[str, Callable[[Path], object]] = {
        "simulate": lambda here: simulate(here / "out", config, 0),
        "import": lambda here: import_dataset("casia_b", given / "casia", here / "out"),
        "capture video": lambda here: capture_videos([given / "walker.mkv"], here / "out", preview=here / "preview.mp4"),
        "capture lidar": lambda here: capture_lidar(recordings([given / "street.pkl"]), here / "out", settings),
        "append": lambda here: capture_videos([given / "walker.mkv"], here / "out", append=True),
        "embed": lambda here: embed_store(embed, walks, range(len(walks.rows)), "camera", here / "out.npz", {}),
        "embed in parts": partial(in_parts, walks),
    }
    capture_videos([given / "back.mkv"], given / "grows")
    before = Store(given / "grows").content_hash
    trials = [Trial(name, lambda here: None, partial(done, act), partial(checked, act)) for name, act in acts.items() if name != "append"]
    trials.append(Trial("append", lambda here: done(partial(shutil.copytree, given / "grows"), here / "out"), partial(done, acts["append"]),
                        partial(grown, acts["append"], before)))  # fmt: skip
    return _kills.killed(trials, count, seed, folder)


def embed(**arrays: Any) -> Embeddings:
    """The mean picture, in 11 parts."""
    return Embeddings(np.stack([array.astype(np.float32).mean(0)[:, ::4].copy() for array in arrays["silhouettes"]]), "euclidean", "silhouettes", "w")


def in_parts(store: Store, here: Path) -> None:
    embed_in_parts(embed, store, list(range(len(store.rows))), "camera", here / "out.npz", {}, "w", part=7)


def done(act: Callable[[Path], object], here: Path) -> None:
    act(here)


def checked(act: Callable[[Path], object], here: Path, undisturbed: Path) -> list[str]:
    """What differs once the same was run again."""
    try:
        act(here)
    except Exception as error:
        return [f"cannot go on: {type(error).__name__}: {error}"]
    wanted, found = content(undisturbed), content(here)
    return [f"{'left over' if name not in wanted else 'lost' if name not in found else 'other bytes'}: {name}"
            for name in sorted({*wanted, *found}) if wanted.get(name) != found.get(name)]


def grown(act: Callable[[Path], object], before: str, here: Path, undisturbed: Path) -> list[str]:
    """As `checked`; and until it is the new one the store is the old one, whole."""
    try:
        opened = Store(here / "out")
        opened.verify()
    except Exception as error:
        return [f"not whole: {type(error).__name__}: {error}"]
    wrong = [] if opened.content_hash in (before, Store(undisturbed / "out").content_hash) else ["neither old nor new"]
    return wrong + checked(act, here, undisturbed)


def content(place: Path) -> dict[str, bytes]:
    return {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}
