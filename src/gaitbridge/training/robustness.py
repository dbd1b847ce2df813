"""Robustness: given runs on simulated test stores that differ in one thing from a version of the benchmark `small`. Stopped, it goes on where it was.

    OUT/stores/FACTOR-LEVEL/            the test people of a level; the same people and walks in all
    OUT/evaluations/RUN/FACTOR-LEVEL/   embeddings and results
Probes and gallery are both of the level: a store is what a site would have recorded with it.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gaitbridge.errors import UserError, nearest
from gaitbridge.progress import Progress, silent
from gaitbridge.simulation.benchmarks import open_benchmark
from gaitbridge.simulation.cohort import simulate
from gaitbridge.simulation.settings import CohortConfig
from gaitbridge.store import Store
from gaitbridge.training.study import call

VIEWS = ("000", "045", "090", "135", "180", "225", "270", "315")
WALKS = (("normal",), ("normal",))
FACTORS: dict[str, dict[str, dict[str, Any]]] = {
    "distance, m": {str(m): {"distance_m": (m, m)} for m in (5, 10, 15, 20, 30)},
    "LiDAR": {"128 beams": {}, "64 beams": {"lidar": "velodyne-vls128/2"}, "32 beams": {"lidar": "velodyne-vls128/4"},
              "VLP-16": {"lidar": "velodyne-vlp16"}},
    "occlusion": {"none": {}, "probes": {"takes": (("normal",), ("occlusion",))}},
    "segmentation error": {str(level): {"segmentation_error": level} for level in (0.0, 1.0, 2.0, 3.0)},
    "view difference, deg": {str(deg): {"lidar_bearing_deg": (deg, deg)} for deg in (0, 15, 30, 60, 90)},
    "time difference, s": {str(s): {"camera_time_offset_s": (s, s)} for s in (0.0, 0.25, 0.5)},
    "frames": {str(frames): {"frames": frames} for frames in (1, 3, 6, 12, 24)},
}
"""By factor and level: what is changed of the ground, which has two normal takes before eight views at 6 to 14 m and the sensors of `small`."""


def ground(people: int, of: str = "small") -> CohortConfig:
    """The store that levels change in one thing: test people of the benchmark `small`, of its newest version or the one that is named, by day."""
    settings = {"people": {"test": people}, "first_person": {"test": 120}, "takes": WALKS, "views": VIEWS, "truth": False, "night_people": 0.0}
    benchmark = open_benchmark(of)
    if benchmark.name != "small":
        raise UserError(f"{of} is no ground to vary: name small, or a version of it such as small@1")
    return CohortConfig.model_validate(benchmark.config.model_dump() | settings)


def execute(runs: Sequence[Path], out: Path, *, people: int = 100, only: Iterable[str] = (), workers: int = 1, of: str = "small",
            progress: Progress = silent) -> list[dict[str, Any]]:
    """Make the stores and evaluate every run on each; a dict a level and run: factor, level, run, folder, store's content and points on the body.
    of: as in `ground`."""
    unchanged = ground(people, of).model_dump()
    names = [name.split(",")[0] for name in FACTORS]
    for word in only:
        if word not in names:
            raise UserError(f"unknown factor {word!r}: {nearest(word, names)}")
    if len({run.resolve().name for run in runs}) < len(runs):
        raise UserError("two runs have the same folder name: results could not tell them apart")
    levels = [(factor, level, changes) for factor, found in FACTORS.items() for level, changes in found.items()
              if not only or factor.split(",")[0] in only]
    found: list[dict[str, Any]] = []
    total = len(levels) * len(runs)
    for factor, level, changes in levels:
        name = f"{factor.split(',')[0]}-{level}".replace(" ", "_")
        store = out / "stores" / name
        if not (store / "store.json").is_file():
            progress(len(found), total, f"simulating {name}")
        simulate(store, CohortConfig.model_validate(unchanged | changes), workers)  # what is there is kept, and refused where it is of other settings
        rendered = Store(store)
        points = points_on_person(rendered)
        for run in runs:
            folder = out / "evaluations" / run.resolve().name / name
            if not (folder / "results.json").is_file():
                call(["evaluate", str(run), "--data", str(store), "--out", str(folder)], out / "evaluations" / f"{run.resolve().name}.log",
                     f"evaluate {run} on {name}")
            found.append({"factor": factor, "level": level, "run": run, "folder": folder, "data_hash": rendered.content_hash, "points": points})
            progress(len(found), total, f"{run.resolve().name} on {name}")
    return found


def points_on_person(store: Store) -> float:
    """The median over sequences of the mean number of LiDAR returns on the person in a frame."""
    numbers = range(0, len(store.rows), max(1, len(store.rows) // 400))
    counts = [float(store.read(number, ["points_on_person"]).arrays["points_on_person"].mean()) for number in numbers]
    return float(np.median(counts))
