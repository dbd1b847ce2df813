"""What a service answers under load, against calling the Python API; its memory after many requests; and that kills lose nothing.

    export PYTHONPATH=tests
    python -m benchmarks.service make FOLDER [--templates 20000]        a gallery of that size (some minutes), calibrated, and nothing measured
    python -m benchmarks.service load FOLDER [--clients 16] [--seconds 60] [--by embedding sequence] [--uploads]
    python -m benchmarks.service calls FOLDER [--clients 16] [--seconds 60]     the same questions by Gallery.search in one process, as many threads
    python -m benchmarks.service memory FOLDER [--requests 10800] [--clients 4] [--at "ADDRESS KEY PROCESS" --first 3600]
    python -m benchmarks.service kills FOLDER [--times 20] [--within 4] [--seed 0]

load: clients that ask one after another, each over its own connection, by embedding and by sequence (silhouettes of 30 frames, through a network that
takes no time: what a network takes is its own, see docs/speed.md); median and 95th percentile of single questions, questions a second, and the
processor's time of the service for each, which other work on the machine changes less. --uploads: recordings are sent, and answered, at the same
time. memory, kills: as service_memory.py and service_kills.py say.
Templates are those of benchmarks/gallery.py. Keys, limits, headers and audit lines are as in use.
"""

import os

os.environ.update({name: os.environ.get("OMP_NUM_THREADS", "1") for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")})  # before NumPy

import argparse
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.gallery import CHANNELS, EACH, PARTS, WEIGHTS, made
from benchmarks.service_kills import kills
from benchmarks.service_memory import memory
from benchmarks.service_process import Reached, Served, serve
from benchmarks.service_walk import AGAIN, question, recording
from gaitbridge.gallery.decision import RATES, calibrate
from gaitbridge.gallery.gallery import Gallery, create
from gaitbridge.gallery.kinds import Kind
from gaitbridge.gallery.templates import Walk
from gaitbridge.machine import described


def commit() -> str:
    """The commit of the code, + where it differs from it."""
    def git(*words: str) -> str:
        return subprocess.run(["git", *words], capture_output=True, text=True, cwd=Path(__file__).parent, check=False).stdout.strip()

    return git("rev-parse", "--short", "HEAD") + ("+" if git("status", "--porcelain", "--", "../src/gaitbridge") else "")


def make(folder: Path, templates: int) -> None:
    """The gallery of `templates`, five a person, calibrated on people of the same kind."""
    gallery = create(folder / "gallery", WEIGHTS, (CHANNELS, PARTS), "euclidean", ("silhouettes",))
    began = time.perf_counter()
    for start in range(0, templates, 4000):
        people = [number // EACH for number in range(start, min(start + 4000, templates))]
        gallery.enrol(made(people, start), [Walk(f"{start + number:032d}", f"person {person:06d}", f"{person}/walk-{number}/000", "d")
                                            for number, person in enumerate(people)])
        print(f"{start + len(people)} templates after {time.perf_counter() - began:.0f} s", flush=True)
    known = [10**6 + number // 4 for number in range(240)]
    names = [f"q{person}" for person in known]
    types = [f"{name}/{number % 2}" for number, name in enumerate(names)]
    found = calibrate([made(known, AGAIN + 1)], [names], [types], "benchmark", "h" * 32, "2026-11-29", RATES, Kind(kind="simulated"))
    gallery.keep_calibration(found)


def asked_for(seconds: float, clients: int, ask: Callable[[int], Callable[[], None]], work: Callable[[], float]) -> tuple[list[float], float, float]:
    """Milliseconds of each question, questions a second, and milliseconds of the processor for each, of so many who ask one after another.
    ask: given a client's number, what asks once; work: seconds of the processor so far."""
    took: list[list[float]] = [[] for _ in range(clients)]
    ready, end = threading.Barrier(clients + 1), [0.0]

    def run(number: int) -> None:
        once = ask(number)
        once()
        ready.wait()
        while (began := time.perf_counter()) < end[0]:
            once()
            took[number].append((time.perf_counter() - began) * 1e3)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    end[0] = time.perf_counter() + 3600
    ready.wait()
    began, worked = time.perf_counter(), work()
    end[0] = began + seconds
    for thread in threads:
        thread.join()
    every = [one for own in took for one in own]
    return every, len(every) / (time.perf_counter() - began), 1e3 * (work() - worked) / max(1, len(every))


def said(what: str, took: list[float], rate: float, worked_ms: float) -> None:
    """A line of numbers."""
    if not took:
        return print(f"{what:34} nothing was answered in the time", flush=True)
    ordered = sorted(took)
    slow = ordered[int(0.95 * (len(ordered) - 1))]
    print(f"{what:34} p50 {statistics.median(ordered):6.0f} ms, p95 {slow:6.0f} ms, {rate:6.1f} a second, processor {worked_ms:5.0f} ms each, "
          f"{len(took)} questions; load {os.getloadavg()[0]:.1f}", flush=True)


def over_http(served: Reached, by: str) -> Callable[[int], Callable[[], None]]:
    """What asks the service."""
    def ask(number: int) -> Callable[[], None]:
        client, body = served.client(), question(number, by)

        def once() -> None:
            answer = client.post("/v1/search", content=body, headers={"Content-Type": "application/json"})
            assert answer.status_code == 200, answer.text

        return once

    return ask


def load(folder: Path, clients: int, seconds: float, uploads: bool, kinds: Sequence[str]) -> None:
    """Questions over HTTP."""
    served = Served(folder)
    stop = threading.Event()
    sender = threading.Thread(target=_send, args=(served, stop), daemon=True)
    try:
        if uploads:
            sender.start()
        for by in kinds:
            said(f"HTTP, {clients} clients, by {by}", *asked_for(seconds, clients, over_http(served, by), served.processor_s))
        said(f"HTTP, 1 client, by {kinds[0]}", *asked_for(seconds / 2, 1, over_http(served, kinds[0]), served.processor_s))
        print(f"memory of the service              {served.memory_mib():.0f} MiB", flush=True)
    finally:
        stop.set()
        served.end()


def calls(folder: Path, clients: int, seconds: float) -> None:
    """The same questions by the Python API."""
    gallery = Gallery(folder / "gallery")

    def ask(number: int) -> Callable[[], None]:
        values = made([number], AGAIN)
        return lambda: (gallery.search(values), None)[1]

    for count in (clients, 1):
        said(f"Python API, {count} thread{'s' * (count > 1)}, by embedding",
             *asked_for(seconds / (1 if count > 1 else 2), count, ask, time.process_time))


def _send(served: Reached, stop: threading.Event) -> None:
    client, number, began = served.client(), 0, time.perf_counter()
    while not stop.is_set():
        answer = client.post("/v1/recordings", content=recording(number))
        assert answer.status_code in (200, 202), answer.text
        number += 1
        stop.wait(1.0)
    print(f"{number} recordings sent in {time.perf_counter() - began:.0f} s", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("make", "serve", "load", "calls", "memory", "kills"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--templates", type=int, default=20_000)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--by", nargs="+", choices=("embedding", "sequence"), default=["embedding", "sequence"])
    parser.add_argument("--uploads", action="store_true")
    parser.add_argument("--requests", type=int, default=10_800)
    parser.add_argument("--at", default="", help="a service that runs: what `serve FOLDER` printed")
    parser.add_argument("--first", type=int, default=0, help="number of the first request, where others were sent before")
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--within", type=float, default=4, help="seconds within which it is killed, after some steps")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if given.what == "serve":
        return serve(given.folder)
    print(f"command   python -m benchmarks.service {' '.join(sys.argv[1:])}\ncommit    {commit()}\n"
          f"hardware  {described()}, {os.environ['OMP_NUM_THREADS']} thread(s) of NumPy; load {os.getloadavg()[0]:.1f}", flush=True)
    {"make": lambda: make(given.folder, given.templates), "load": lambda: load(given.folder, given.clients, given.seconds, given.uploads, given.by),
     "calls": lambda: calls(given.folder, given.clients, given.seconds),
     "memory": lambda: memory(given.folder, given.requests, given.clients, given.at, given.first),
     "kills": lambda: kills(given.folder, given.times, given.within, given.seed)}[given.what]()


if __name__ == "__main__":
    main()
