"""How fast an embedded gallery of many templates takes them in and answers, and what the index loses.

    python benchmarks/gallery.py [--templates 100000] [--queries 20] [--repeats 3] [--folder FOLDER]

Templates of 16 unit parts x 256 channels, five a person: directions of clusters of 50 people, of people, and noise, so that a person's neighbours are
those of their cluster. Answers are exact (every template by parts, from memory after the first question), or from a first pass through the index;
recall is the share of the exact answers' five nearest people, and of the first, that the others have too. Each latency is of single queries through
`Gallery.search`, audit line included: median (least to most) over repeats of the median of the queries, and the same of the processor's time, which
other work on the machine changes less. OMP_NUM_THREADS sets the threads, two unless told otherwise.
"""

import os

os.environ.update({name: os.environ.get("OMP_NUM_THREADS", "2") for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")})  # before NumPy

import argparse
import resource
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gaitbridge.gallery.gallery import Gallery, create
from gaitbridge.gallery.templates import Walk
from gaitbridge.machine import described
from gaitbridge.types import Embeddings

PARTS, CHANNELS, EACH, CLUSTER = 16, 256, 5, 50
WEIGHTS = "b" * 32


def commit() -> str:
    """The commit of the code, + where the gallery differs from it."""
    def git(*words: str) -> str:
        return subprocess.run(["git", *words], capture_output=True, text=True, cwd=Path(__file__).parent, check=False).stdout.strip()

    return git("rev-parse", "--short", "HEAD") + ("+" if git("status", "--porcelain", "--", "../src/gaitbridge/gallery") else "")


def made(people: Sequence[int], stream: int, noise: float = 1.6) -> Embeddings:
    """One embedding [C, K] of unit parts for each number in `people`: its cluster, the person, and the walk."""
    values = np.empty((len(people), CHANNELS, PARTS), np.float32)
    for number, person in enumerate(people):
        cluster = np.random.Generator(np.random.Philox(key=person // CLUSTER)).standard_normal((CHANNELS, PARTS), np.float32)
        own = np.random.Generator(np.random.Philox(key=[1, person])).standard_normal((CHANNELS, PARTS), np.float32)
        walk = np.random.Generator(np.random.Philox(key=[2 + stream, number])).standard_normal((CHANNELS, PARTS), np.float32)
        values[number] = cluster + 0.35 * own + noise * walk
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    return Embeddings(values, "euclidean", "silhouettes", WEIGHTS)


def enrol(gallery: Gallery, templates: int, at_once: int = 1000) -> tuple[float, float]:
    """Seconds for all of them, making them left out; and the slowest addition's."""
    took = []
    for start in range(0, templates, at_once):
        people = [number // EACH for number in range(start, min(start + at_once, templates))]
        embeddings = made(people, start)
        walks = [Walk(f"{start + number:032d}", f"person {person:06d}", f"{person}/walk-{number}/000", "d") for number, person in enumerate(people)]
        started = time.perf_counter()
        gallery.enrol(embeddings, walks)
        took.append(time.perf_counter() - started)
    return sum(took), max(took)


def ask(gallery: Gallery, queries: Embeddings, exact: bool) -> tuple[list[list[str]], list[float], list[float]]:
    """The five nearest people of each query, asked one by one; seconds a query, by the clock and of the processor."""
    answers, took, worked = [], [], []
    for number in range(len(queries)):
        one = Embeddings(queries.values[number : number + 1], queries.distance, queries.modality, WEIGHTS)
        started, begun = time.perf_counter(), time.process_time()
        hits = gallery.search(one, exact=exact)[0]
        took.append(time.perf_counter() - started)
        worked.append(time.process_time() - begun)
        answers.append([hit.person for hit in hits])
    return answers, took, worked


def timed(what: Callable[[], Any], repeats: int) -> tuple[Any, str]:
    """What it gives, and in words the milliseconds that it takes: median (least to most), by the clock and of the processor."""
    took, worked, given = [], [], None
    for _ in range(repeats):
        started, begun = time.perf_counter(), time.process_time()
        given = what()
        took.append(time.perf_counter() - started)
        worked.append(time.process_time() - begun)
    return given, f"{spread(took)}, processor {spread(worked)}"


def spread(values: Sequence[float]) -> str:
    """Median (least to most) in milliseconds."""
    return f"{statistics.median(values) * 1e3:.0f} ms ({min(values) * 1e3:.0f} to {max(values) * 1e3:.0f})"


def recall(answers: Sequence[Sequence[str]], truth: Sequence[Sequence[str]]) -> str:
    five = np.mean([len(set(a) & set(b)) / len(b) for a, b in zip(answers, truth, strict=True)])
    first = np.mean([a[0] == b[0] for a, b in zip(answers, truth, strict=True)])
    return f"recall at 5 {100 * five:.1f} %, at 1 {100 * first:.1f} %"


def memory() -> str:
    """The most memory that the process has held."""
    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB at most so far"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--templates", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(dir=given.folder)) / "gallery"
    print(f"command   python benchmarks/gallery.py --templates {given.templates} --queries {given.queries} --repeats {given.repeats}")
    print(f"commit    {commit()}")
    print(f"hardware  {described()}, {os.environ['OMP_NUM_THREADS']} threads; numpy {np.__version__}")
    try:
        measure(create(folder, WEIGHTS, (CHANNELS, PARTS), "euclidean", ("silhouettes",)), folder, given.templates, given.queries, given.repeats)
    finally:
        shutil.rmtree(folder.parent)


def each(gallery: Gallery, queries: Embeddings, exact: bool, repeats: int) -> tuple[list[list[str]], str]:
    """The answers to single queries, and in words the median times of one."""
    clock, work = [], []
    answers: list[list[str]] = []
    for _ in range(repeats):
        answers, took, worked = ask(gallery, queries, exact)
        clock.append(statistics.median(took))
        work.append(statistics.median(worked))
    return answers, f"{spread(clock)}, processor {spread(work)}"


def measure(gallery: Gallery, folder: Path, templates: int, queries: int, repeats: int) -> None:
    """Everything, a line each."""
    seconds, slowest = enrol(gallery, templates)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**30
    print(f"enrol     {templates} templates in {seconds:.0f} s: {templates / seconds:.0f} a second, the slowest thousand {slowest:.1f} s; "
          f"{size:.2f} GiB; {memory()}", flush=True)
    people = np.random.default_rng(0).integers(0, templates // EACH, queries).tolist()
    asked = made(people, 10**9)
    _, words = timed(lambda: gallery.search(Embeddings(asked.values[:1], asked.distance, asked.modality, WEIGHTS)), 1)
    print(f"exact     the first query, which reads them into memory: {words}; {memory()}", flush=True)
    truth, words = each(gallery, asked, True, repeats)
    right = np.mean([hits[0] == f"person {person:06d}" for hits, person in zip(truth, people, strict=True)])
    print(f"exact     one query: {words}; the right person first in {100 * right:.0f} %; {memory()}", flush=True)
    _, words = timed(lambda: gallery.search(asked), repeats)
    print(f"exact     {queries} queries at once: {words} for all; {memory()}", flush=True)
    started = time.perf_counter()
    built = gallery.build_index()
    print(f"index     {built}: built in {time.perf_counter() - started:.0f} s; {memory()}", flush=True)
    ask(gallery, asked, exact=False)  # the first question reads the index
    answers, words = each(gallery, asked, False, repeats)
    print(f"indexed   one query: {words}; {recall(answers, truth)}; {memory()}", flush=True)
    _, words = timed(lambda: gallery.forget("person 000007"), 1)
    print(f"forget    one person, every file rewritten: {words}; {memory()}")


if __name__ == "__main__":
    main()
