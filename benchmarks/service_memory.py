"""Memory of the service while an hour's worth of requests is answered, as fast as it takes them.

By default 10,800 requests, what three a second make in an hour: half of them searches by embedding, half by sequence, of walks that differ; with
every tenth a page of people and of recordings, with every hundredth a recording that is sent and answered, with every three hundredth somebody
enrolled of it, renamed, merged, exported and forgotten. Printed at the start, after each twelfth and at the end: memory, and how many files are open.
"""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import httpx2 as httpx

from benchmarks.service_process import Reached, Served
from benchmarks.service_walk import question, recording

PARTS = 12


def memory(folder: Path, requests: int, clients: int, at: str = "", first: int = 0) -> None:
    """Send so many, from number `first` on. at: address, key and process of a service that runs; by default one of `folder` is begun, and ended."""
    served = _reached(*at.split()) if at else Served(folder)
    try:
        _ask(served, range(first, first + 20), clients)
        _told(served, first + 20)
        for part in range(PARTS):
            _ask(served, range(first + part * requests // PARTS, first + (part + 1) * requests // PARTS), clients)
            _told(served, first + (part + 1) * requests // PARTS)
    finally:
        if isinstance(served, Served):
            served.end()


def _reached(address: str, key: str, pid: str) -> Reached:
    return Reached(address, key, int(pid))


def _told(served: Reached, count: int) -> None:
    print(f"{count:7} searches: {served.memory_mib():7.1f} MiB, {served.open_files()} files open, {served.processor_s():.0f} s of the processor; "
          f"load {os.getloadavg()[0]:.1f}", flush=True)


def _ask(served: Reached, numbers: range, clients: int) -> None:
    failed: list[BaseException] = []

    def run(own: range) -> None:
        try:
            with served.client() as client:
                for number in own:
                    _once(client, number)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(numbers[one::clients],)) for one in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


def _once(client: httpx.Client, number: int) -> None:
    def good(answer: httpx.Response) -> httpx.Response:
        assert answer.status_code in (200, 201, 202), answer.text
        return answer

    body = question(number, ("embedding", "sequence")[number // 2 % 2])
    good(client.post("/v1/search", content=body, headers={"Content-Type": "application/json"}))
    if number % 10 == 0:
        good(client.get("/v1/people"))
        good(client.get("/v1/jobs"))
    if number % 100 == 0:
        good(client.post("/v1/recordings", content=recording(number)))
    if number % 300 == 0:
        _person(lambda method, path, **more: good(client.request(method, path, **more)), number)


def _person(ask: Callable[..., httpx.Response], number: int) -> None:
    """Enrolled, renamed, merged with another, exported, forgotten."""
    ask("POST", f"/v1/people/m-{number}/templates", content=recording(number))
    ask("POST", f"/v1/people/m-{number}/rename", json={"to": f"n-{number}"})
    ask("POST", f"/v1/people/o-{number}/templates", content=recording(number + 30_000))
    ask("POST", f"/v1/people/n-{number}/merge", json={"other": f"o-{number}"})
    ask("GET", f"/v1/people/n-{number}/export")
    ask("DELETE", f"/v1/people/n-{number}")
