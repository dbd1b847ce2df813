"""How a hundred workers would share a cohort, reckoned: time to the end and efficiency against the number of parts.

    python benchmarks/parts_hundred.py MEASURED.json FIGURE.png [--people 100000] [--workers 100] [--seeds 20] [--beside SECONDS]

Simulated, not measured: no hundred machines were at hand. Measured (MEASURED.json, of parts_speed.py) are the times of people, drawn with
replacement, and what a part takes beside its people (or --beside). A worker takes the next part that waits as soon as it is free, as SLURM and Ray
do. Assumed: with stragglers one worker in twenty is three times as slow; with failures each worker dies once in four hours on average, loses the
person it was at, is back after five minutes, and the rest of its part waits anew behind all others. Efficiency: the time of all people over
workers x time to the end.
"""

import argparse
import heapq
import json
from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("Agg")
from matplotlib import pyplot

PARTS = (100, 200, 400, 800, 1600, 3200, 6400, 12800)
SLOW_SHARE, SLOW = 0.05, 3.0
DIES_AFTER_S, BACK_AFTER_S = 4 * 3600.0, 300.0
CASES = {"equal machines": (False, False), "with stragglers": (True, False), "with stragglers and failures": (True, True)}


def makespan(times_s: np.ndarray, parts: int, workers: int, beside_s: float, slow: bool, fails: bool, random: np.random.Generator) -> float:
    """Seconds to the end of all parts. times_s: of each person on a machine that is not slow."""
    factor = np.where(random.permutation(workers) < round(SLOW_SHARE * workers), SLOW, 1.0) if slow else np.ones(workers)
    waiting = [np.cumsum(times_s[number::parts]) for number in range(parts)][::-1]
    free = [(0.0, worker) for worker in range(workers)]
    dies = random.exponential(DIES_AFTER_S, workers) if fails else np.full(workers, np.inf)
    again, end = list[tuple[float, np.ndarray]](), 0.0  # what died: from when on it waits, and what is left of it
    heapq.heapify(free)
    while waiting or again:
        now, worker = heapq.heappop(free)
        if not waiting and again[0][0] > now:  # nothing waits yet: the worker idles until a part comes back
            heapq.heappush(free, (again[0][0], worker))
            continue
        left = waiting.pop() if waiting else again.pop(0)[1]
        until = now + (beside_s + left[-1]) * factor[worker]
        if until <= dies[worker]:
            heapq.heappush(free, (until, worker))
            end = max(end, until)
            continue
        done = np.searchsorted(left, (dies[worker] - now) / factor[worker] - beside_s)
        again.append((dies[worker], left[done:] - (left[done - 1] if done else 0.0)))
        again.sort(key=lambda one: one[0])
        back = max(now, dies[worker]) + BACK_AFTER_S
        dies[worker] = back + random.exponential(DIES_AFTER_S)
        heapq.heappush(free, (back, worker))
    return end


def main() -> None:
    """Print a table and draw the figure."""
    reading = argparse.ArgumentParser(description=__doc__)
    reading.add_argument("measured", type=Path)
    reading.add_argument("figure", type=Path)
    reading.add_argument("--people", type=int, default=100_000)
    reading.add_argument("--workers", type=int, default=100)
    reading.add_argument("--seeds", type=int, default=20)
    reading.add_argument("--beside", type=float)
    asked = reading.parse_args()
    runs = json.loads(asked.measured.read_text())["runs"]
    each = np.array([time_s for run in runs for time_s in run["each_s"]])
    beside_s = asked.beside or float(np.mean([time_s for run in runs for time_s in run["beside_people_s"]]))
    print(f"{asked.people} people of {each.mean():.2f} s ({each.min():.2f} to {each.max():.2f}), {beside_s:.1f} s a part beside them, "
          f"{asked.workers} workers; ideal {asked.people * each.mean() / asked.workers / 60:.1f} min")
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for case, (slow, fails) in CASES.items():
        size = (asked.people, asked.workers, asked.seeds)
        found = np.array([one_case(each, beside_s, parts, slow, fails, *size) for parts in PARTS])  # [parts, seeds, 2]
        for parts, seeds in zip(PARTS, found, strict=True):
            minutes, share = seeds[:, 0] / 60, seeds[:, 1]
            print(f"{case:30} {parts:6} parts: {minutes.mean():7.1f} min ({minutes.min():.1f} to {minutes.max():.1f}), efficiency {share.mean():.2f}")
        for axis, column, scale in ((left, 0, 60.0), (right, 1, 1.0)):
            values = found[:, :, column] / scale
            line = axis.plot(PARTS, values.mean(1), marker="o", label=case)[0]
            axis.fill_between(PARTS, values.min(1), values.max(1), alpha=0.2, color=line.get_color(), linewidth=0)
    for axis, words in ((left, "minutes to the end"), (right, "efficiency")):
        axis.set(xscale="log", xlabel=f"parts, on {asked.workers} workers", ylabel=words, ylim=(0, None))
        axis.set_xticks(PARTS, [str(parts) for parts in PARTS], minor=False, fontsize=7)
        axis.minorticks_off()
        axis.grid(alpha=0.3)
    left.legend(fontsize=8)
    figure.savefig(asked.figure, dpi=110)


def one_case(
    each: np.ndarray, beside_s: float, parts: int, slow: bool, fails: bool, people: int, workers: int, seeds: int
) -> list[tuple[float, float]]:
    """Seconds to the end, and efficiency, of each seed."""
    found = []
    for seed in range(seeds):
        random = np.random.default_rng([seed, parts, slow, fails])
        times = random.choice(each, people)
        end = makespan(times, parts, workers, beside_s, slow, fails, random)
        found.append((end, float(times.sum()) / (workers * end)))
    return found


if __name__ == "__main__":
    main()
