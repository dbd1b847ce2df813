"""How fast walkers are simulated: images a second and core, posing, both sensors, their errors and ground truth included.

    python benchmarks/simulation.py [--people 4] [--repeats 5]

An image is one silhouette or one range view of 64 x 44. The default cohort (3 takes, 8 views, 20 frames, VLS-128, reduced body), one
process, one thread; `a second and core` is processor time, so that a busy machine tells no lies. Expected on one core of a 2020s
server: 1,200 images a second or more.
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

from gaitbridge.machine import described
from gaitbridge.simulation.cohort import simulate
from gaitbridge.simulation.settings import CohortConfig
from gaitbridge.simulation.takes import open_source, plan, render_person


def commit() -> str:
    """The commit of the code, + where files differ from it."""
    def git(*words: str) -> str:
        return subprocess.run(["git", *words], capture_output=True, text=True, cwd=Path(__file__).parent, check=False).stdout.strip()

    return git("rev-parse", "--short", "HEAD") + ("+" if git("status", "--porcelain", "--", "../src") else "")


def once(config: CohortConfig) -> tuple[float, float, float]:
    """Images a second of processor time, rendered in memory and written to a store; and images a second by the clock on the wall."""
    people = plan(config, open_source(config.motion))
    started, images = time.process_time(), 0
    for person in people:
        for sequence in render_person(config, person, person.name):
            images += len(sequence.arrays["silhouettes"]) + len(sequence.arrays["range_views"])
    rendered = images / (time.process_time() - started)
    with tempfile.TemporaryDirectory() as folder:
        started, wall = time.process_time(), time.perf_counter()
        simulate(Path(folder) / "store", config, workers=0)
        return rendered, images / (time.process_time() - started), images / (time.perf_counter() - wall)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    config = CohortConfig(people={"test": given.people})
    once(CohortConfig(people={"test": 1}))  # loads the body model and warms caches
    runs = [once(config) for _ in range(given.repeats)]
    print(f"command   python benchmarks/simulation.py {' '.join(sys.argv[1:])}")
    print(f"commit    {commit()}")
    print(f"hardware  {described()}")
    names = ("rendered in memory, a second and core", "written to a store, a second and core", "written to a store, a second by the clock")
    for name, values in zip(names, zip(*runs, strict=True), strict=True):
        print(f"{statistics.median(values):7,.0f} images {name} ({min(values):,.0f} to {max(values):,.0f} in {len(values)} runs)")


if __name__ == "__main__":
    main()
