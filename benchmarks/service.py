"""What a service answers under load, against calling the Python API; its memory after many requests; and that kills lose nothing.

    export PYTHONPATH=tests
    python -m benchmarks.service make FOLDER [--templates 20000]        a gallery of that size (some minutes), calibrated, and nothing measured
    python -m benchmarks.service load FOLDER [--clients 16] [--seconds 60] [--by embedding sequence] [--uploads]
    python -m benchmarks.service calls FOLDER [--clients 16] [--seconds 60]     the same questions by Gallery.search in one process, as many threads
    python -m benchmarks.service memory FOLDER [--requests 5000]
    python -m benchmarks.service kills FOLDER [--times 20] [--within 6]

load: clients that ask one after another, each over its own connection, by embedding and by sequence (silhouettes of 30 frames, through a network that
takes no time: what a network takes is its own, see docs/speed.md); median and 95th percentile of single questions, questions a second, and the
processor's time of the service for each, which other work on the machine changes less. --uploads: recordings are sent, and answered, at the same
time. memory: the process's memory before, and after each fifth of the requests. kills: SIGKILL at a random moment while recordings are sent, people
enrolled and forgotten; started again, every acknowledged recording is there once, every acknowledged person enrolled, and no byte of the forgotten.
Templates are those of benchmarks/gallery.py. Keys, limits, headers and audit lines are as in use.
"""

import os

os.environ.update({name: os.environ.get("OMP_NUM_THREADS", "1") for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")})  # before NumPy

import argparse
import json
import random
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2 as httpx
import numpy as np

from benchmarks.gallery import CHANNELS, EACH, PARTS, WEIGHTS, made
from gaitbridge.gallery.decision import RATES, calibrate
from gaitbridge.gallery.gallery import Gallery, create
from gaitbridge.gallery.kinds import Kind
from gaitbridge.gallery.templates import Walk
from gaitbridge.machine import described
from gaitbridge.types import Embeddings

AGAIN = 10_000_000  # a stream of walks that are not enrolled


class Network:
    """Takes silhouettes and no time: an embedding by what it is shown."""

    modalities, inputs, distance, weights_hash, run = ("silhouettes",), {"silhouettes": ("silhouettes",)}, "euclidean", WEIGHTS, "run"
    network = SimpleNamespace(config=SimpleNamespace(size=(64, 44)))

    def embed_stored(self, **arrays: list[np.ndarray]) -> Embeddings:
        """One for each walk."""
        people = [int(np.asarray(one).astype(np.int64).sum()) % 1000 for one in arrays["silhouettes"]]
        return made(people, AGAIN)

    embed = embed_stored


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


def serve(folder: Path) -> None:
    """The service in this process, until it is killed; its address and a key on standard output."""
    from typing import cast

    from gaitbridge.files import alone
    from gaitbridge.inference.session import Model
    from gaitbridge.service.app import create_app
    from gaitbridge.service.keys import SCOPES
    from gaitbridge.service.listening import listen
    from gaitbridge.service.reaching import Reach
    from gaitbridge.service.state import ServiceSettings, State

    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    state = State(Gallery(folder / "gallery"), cast(Model, Network()), folder / "state", ServiceSettings(reject=0.05, people="movement"))
    if "bench" in {key.name for key in state.access.keys.all()}:
        state.access.keys.revoke("bench")
    key = state.access.keys.add("bench", SCOPES, per_minute=1_000_000)
    with alone(state.folder):
        listen(create_app(state), Reach(), 0, lambda address: print(address, key, flush=True))


def _end_with(parent: int) -> None:
    """End this process when who began it has gone."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


class Served:
    """The service in a process of its own."""

    def __init__(self, folder: Path) -> None:
        words = [sys.executable, "-m", "benchmarks.service", "serve", str(folder.resolve())]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1])
        assert self.process.stdout is not None
        self.address, self.key = self.process.stdout.readline().split()

    def client(self) -> httpx.Client:
        """A connection with the key."""
        return httpx.Client(base_url=self.address, headers={"Authorization": f"Bearer {self.key}"}, timeout=120)

    def end(self, number: int = signal.SIGTERM) -> None:
        """End it by a signal."""
        self.process.send_signal(number)
        self.process.wait()

    def processor_s(self) -> float:
        """Seconds of the processor that the process has used."""
        words = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mib(self) -> float:
        """Resident memory of the process."""
        words = Path(f"/proc/{self.process.pid}/status").read_text().split("VmRSS:")[1].split()
        return int(words[0]) / 1024


def packed(array: np.ndarray) -> dict[str, Any]:
    """An array as a question has it."""
    import base64

    return {"shape": list(array.shape), "dtype": str(array.dtype), "data": base64.b64encode(array.tobytes()).decode()}


def question(number: int, by: str) -> bytes:
    """A question for the five nearest, by embedding or by sequence."""
    if by == "embedding":
        asked: dict[str, Any] = {"embeddings": {"modality": "silhouettes", "weights_hash": WEIGHTS, "packed": packed(made([number], AGAIN).values)}}
    else:
        from benchmarks.service_walk import silhouettes

        asked = {"sequences": [{"silhouettes": packed(silhouettes(number))}], "least_quality": 0}
    return json.dumps({**asked, "top": 5}).encode()


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


def over_http(served: Served, by: str) -> Callable[[int], Callable[[], None]]:
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


def _send(served: Served, stop: threading.Event) -> None:
    from benchmarks.service_walk import recording

    client, number, began = served.client(), 0, time.perf_counter()
    while not stop.is_set():
        answer = client.post("/v1/recordings", content=recording(number))
        assert answer.status_code in (200, 202), answer.text
        number += 1
        stop.wait(1.0)
    print(f"{number} recordings sent in {time.perf_counter() - began:.0f} s", flush=True)


def memory(folder: Path, requests: int) -> None:
    """Memory while many requests are answered."""
    served = Served(folder)
    try:
        client, body = served.client(), question(1, "embedding")
        for part in range(6):
            for _ in range(requests // 5 if part else 50):
                assert client.post("/v1/search", content=body, headers={"Content-Type": "application/json"}).status_code == 200
                assert client.get("/v1/jobs").status_code == 200
            print(f"{50 + part * (requests // 5)} questions, as many lists of jobs: {served.memory_mib():.0f} MiB", flush=True)
    finally:
        served.end()


def kills(folder: Path, times: int, within_s: float, seed: int = 0) -> None:
    """SIGKILL at random moments; nothing acknowledged is lost, nothing forgotten is there."""
    from benchmarks.service_walk import recording

    chance = random.Random(seed)
    jobs: set[str] = set()
    enrolled: set[str] = set()
    forgotten: set[str] = set()
    number = 0
    for turn in range(times):
        served = Served(folder)
        timer = threading.Timer(chance.uniform(0.2, within_s), served.process.kill)
        timer.start()
        asking = ""
        try:
            with served.client() as client:
                while True:
                    number += 1
                    taken = client.post("/v1/recordings", content=recording(number))
                    assert taken.status_code in (200, 202), taken.text
                    jobs.add(taken.json()["id"])
                    name = f"killed-{seed}-{number:05d}"
                    added = client.post(f"/v1/people/{name}/templates", content=recording(number))
                    assert added.status_code == 201, added.text
                    enrolled.add(name)
                    if number % 3 == 0:
                        asking = chance.choice(sorted(enrolled))
                        gone = client.delete(f"/v1/people/{asking}")
                        assert gone.status_code == 200, gone.text
                        enrolled.discard(asking)
                        forgotten.add(asking)
                        asking = ""
        except httpx.HTTPError:
            if asking:  # it may have gone, or not
                enrolled.discard(asking)
        finally:
            timer.cancel()
            served.end(signal.SIGKILL)
        print(f"kill {turn + 1}: {len(jobs)} recordings, {len(enrolled)} people, {len(forgotten)} forgotten were acknowledged", flush=True)
    served = Served(folder)
    try:
        with served.client() as client:
            while client.get("/v1/jobs?state=waiting").json()["jobs"] or client.get("/v1/jobs?state=working").json()["jobs"]:
                time.sleep(0.5)
            for job in jobs:
                assert client.get(f"/v1/jobs/{job}").json()["state"] in ("done", "failed"), job
            for name in enrolled:
                assert client.get(f"/v1/people/{name}").status_code == 200, name
            for name in forgotten:
                assert client.get(f"/v1/people/{name}").status_code == 404, name
    finally:
        served.end()
    found = [str(file) for file in folder.rglob("*") if file.is_file() for name in forgotten if name.encode() in file.read_bytes()]
    assert not found, found
    print(f"{times} kills: nothing acknowledged was lost, no byte of a name of the forgotten is there")


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
    parser.add_argument("--requests", type=int, default=5000)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--within", type=float, default=6, help="seconds from the start within which it is killed")
    given = parser.parse_args()
    if given.what == "serve":
        return serve(given.folder)
    print(f"command   python -m benchmarks.service {' '.join(sys.argv[1:])}\ncommit    {commit()}\n"
          f"hardware  {described()}, {os.environ['OMP_NUM_THREADS']} thread(s) of NumPy; load {os.getloadavg()[0]:.1f}", flush=True)
    {"make": lambda: make(given.folder, given.templates), "load": lambda: load(given.folder, given.clients, given.seconds, given.uploads, given.by),
     "calls": lambda: calls(given.folder, given.clients, given.seconds), "memory": lambda: memory(given.folder, given.requests),
     "kills": lambda: kills(given.folder, given.times, given.within)}[given.what]()


if __name__ == "__main__":
    main()
