"""How fast walkers are simulated: images a second and core, posing, both sensors, their errors and ground truth included.

    python benchmarks/simulation.py [--people 2] [--repeats 5] [--parts]

An image is one silhouette or one range view of 64 x 44. The default cohort (3 takes, 8 views, 20 frames, VLS-128, reduced body), one process, one
thread, in the first version's settings and in the second's; with --parts also in the first's with one setting of the second's at a time. All in
turn, one person after another, so that what else the machine does meets all alike; `a second and core` is processor time. Expected on one core of
a 2020s server: 1,000 images a second or more.
"""

import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")  # before NumPy is imported

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from gaitbridge.machine import described
from gaitbridge.simulation.cohort import simulate
from gaitbridge.simulation.settings import VERSION_1, VERSION_2, CohortConfig
from gaitbridge.simulation.takes import open_source, plan, render_person


def commit() -> str:
    """The commit of the code, + where files differ from it."""
    def git(*words: str) -> str:
        return subprocess.run(["git", *words], capture_output=True, text=True, cwd=Path(__file__).parent, check=False).stdout.strip()

    return git("rev-parse", "--short", "HEAD") + ("+" if git("status", "--porcelain", "--", "../src") else "")


def of_people(settings: dict[str, Any], people: int) -> CohortConfig:
    """The default cohort of so many people, with these settings."""
    return CohortConfig.model_validate({"people": {"test": people}} | settings)


def rendered(configs: dict[str, CohortConfig]) -> dict[str, float]:
    """Images a second of processor time, in memory; the settings take turns person by person."""
    everybody = {name: plan(config, open_source(config.motion)) for name, config in configs.items()}
    taken, images = dict.fromkeys(configs, 0.0), dict.fromkeys(configs, 0)
    for number in range(len(next(iter(everybody.values())))):
        for name, config in configs.items():
            person, started = everybody[name][number], time.process_time()
            for sequence in render_person(config, person, person.name):
                images[name] += len(sequence.arrays["silhouettes"]) + len(sequence.arrays["range_views"])
            taken[name] += time.process_time() - started
    return {name: images[name] / taken[name] for name in configs}


def stored(config: CohortConfig) -> tuple[float, float]:
    """Images a second written to a store: of processor time, and by the clock on the wall."""
    images = 2 * config.people["test"] * len(config.takes) * len(config.views) * config.frames
    with tempfile.TemporaryDirectory() as folder:
        started, wall = time.process_time(), time.perf_counter()
        simulate(Path(folder) / "store", config, workers=0)
        return images / (time.process_time() - started), images / (time.perf_counter() - wall)


def said(values: list[float], form: str = ",.0f") -> str:
    """Median, least and most."""
    return f"{statistics.median(values):{form}} ({min(values):{form}} to {max(values):{form}} in {len(values)} runs)"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--parts", action="store_true", help="also version 1 with one setting of version 2 at a time")
    given = parser.parse_args()
    settings = {"version 1": VERSION_1, "version 2": VERSION_2}
    if given.parts:
        settings |= {f"version 1 with {name} = {value}": VERSION_1 | {name: value} for name, value in VERSION_2.items()}
    rendered({name: of_people(one, 1) for name, one in settings.items()})  # loads the body model and warms caches
    configs = {name: of_people(one, given.people) for name, one in settings.items()}
    runs = [rendered(configs) for _ in range(given.repeats)]
    print(f"command   python benchmarks/simulation.py {' '.join(sys.argv[1:])}")
    print(f"commit    {commit()}")
    print(f"hardware  {described()}")
    for name in configs:
        rates, ratios = [run[name] for run in runs], [run[name] / run["version 1"] for run in runs]
        print(f"{name}, in memory: {said(rates)} images a second and core, {said(ratios, '.3f')} of version 1's rate")
    for name in ("version 1", "version 2"):
        core, clock = zip(*(stored(configs[name]) for _ in range(given.repeats)), strict=True)
        print(f"{name}, written to a store: {said(list(core))} images a second and core, {said(list(clock))} by the clock")


if __name__ == "__main__":
    main()
