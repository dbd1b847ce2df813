"""SIGKILL at random moments while recordings are sent, people enrolled and forgotten: what was acknowledged is there, what was forgotten is not.

Of every three walks two are enrolled, each as a person of its own, and then sent as a recording, which therefore is named after that person and
nobody else; the third is sent and never enrolled. Now and then somebody is forgotten, by chance with their recording answered or still waiting.
At the end, of each acknowledged

    recording of somebody who is enrolled       it is there, answered once, with their name
    recording of nobody                         it is there, answered once, as nobody
    forgetting that said a walker went          that recording is gone: no row, no file
    forgetting that said none did               the recording had not been answered: it is there, and names nobody
    forgetting that a kill cut off              the person is there with the recording, or neither a name nor a vector is left of them

Of all who were forgotten no byte of name or vector is in any file, nor the ids of the recordings that went; the same search finds the bytes of
somebody who is enrolled, so it can find them. What was acknowledged is kept in FOLDER/acknowledged.json: run again, it goes on from there.
"""

import json
import random
import signal
import sqlite3
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx2 as httpx

from benchmarks.service_process import Served, embedding_of
from benchmarks.service_walk import recording
from gaitbridge.gallery.templates import vectors_of

PIECE = 64  # bytes of a vector that nobody else has
STEPS = 5


@dataclass
class Acknowledged:
    """What the service has said it did. By the number of a walk: the job of its recording; numbers of the enrolled, of those forgotten whose walker
    went, of those forgotten before they were seen, and of those whose forgetting was cut off."""

    jobs: dict[int, str] = field(default_factory=dict)
    enrolled: set[int] = field(default_factory=set)
    gone: set[int] = field(default_factory=set)
    unseen: set[int] = field(default_factory=set)
    cut_off: set[int] = field(default_factory=set)
    last: int = 0
    kills: int = 0

    def in_words(self) -> str:
        """How many of each."""
        return (f"{len(self.jobs)} recordings, {len(self.enrolled)} enrolled, {len(self.gone)} forgotten with their recording, "
                f"{len(self.unseen)} before it was answered, {len(self.cut_off)} forgettings cut off")


def kills(folder: Path, times: int, within_s: float, seed: int = 0) -> None:
    """Kill so many services, each after up to `STEPS` steps and within so many seconds more; AssertionError where something is not as was said."""
    said = _kept(folder)
    chance = random.Random(f"{seed} {said.kills}")
    for _ in range(times):
        served = Served(folder)
        timer = threading.Timer(chance.uniform(0, within_s), served.process.kill)
        try:
            with served.client() as client:
                for _ in range(chance.randrange(STEPS)):
                    _step(client, said, chance, folder)
                timer.start()
                while True:
                    _step(client, said, chance, folder)
        except httpx.HTTPError:
            assert served.process.wait(10) == -signal.SIGKILL, "it failed before it was killed"
        finally:
            timer.cancel()
            served.end(signal.SIGKILL)
        said.kills += 1
        _keep(folder, said)
        print(f"kill {said.kills}: {said.in_words()}", flush=True)
    served = Served(folder)
    try:
        with served.client() as client:
            _answered(client)
            _look(client, said, folder)
    finally:
        served.end()
    _bytes(folder, said)
    print(f"{said.kills} kills: every recording that was acknowledged is there and answered once, but those of the forgotten, which are gone; every "
          "person is there, and no byte of the forgotten")


def _kept(folder: Path) -> Acknowledged:
    """What was acknowledged before."""
    file = folder / "acknowledged.json"
    if not file.exists():
        return Acknowledged()
    held = json.loads(file.read_text())
    sets = {name: set(held[name]) for name in ("enrolled", "gone", "unseen", "cut_off")}
    return Acknowledged({int(number): job for number, job in held["jobs"].items()}, **sets, last=held["last"], kills=held["kills"])


def _keep(folder: Path, said: Acknowledged) -> None:
    held = {name: sorted(value) if isinstance(value, set) else value for name, value in asdict(said).items()}
    (folder / "acknowledged.json").write_text(json.dumps(held))


def _name(number: int) -> str:
    return f"killed-{number:05d}"


def _step(client: httpx.Client, said: Acknowledged, chance: random.Random, folder: Path) -> None:
    """Enrol, send, and perhaps forget."""
    said.last += 1
    number, data = said.last, recording(said.last)
    if number % 3:
        added = client.post(f"/v1/people/{_name(number)}/templates", content=data)
        assert added.status_code == 201, added.text
        said.enrolled.add(number)
        if number == 1:
            assert _holding(folder, [_name(1).encode(), _piece(1)]) == {_name(1).encode(), _piece(1)}, "the bytes of the enrolled are not found"
    taken = client.post("/v1/recordings", content=data)
    assert taken.status_code == 202, taken.text
    said.jobs[number] = taken.json()["id"]
    if said.enrolled and chance.random() < 0.4:
        if chance.random() < 0.5:
            _answered(client)
        _forget(client, said, chance.choice(sorted(said.enrolled)))


def _forget(client: httpx.Client, said: Acknowledged, number: int) -> None:
    said.enrolled.discard(number)
    said.cut_off.add(number)  # until it is answered
    gone = client.delete(f"/v1/people/{_name(number)}")
    assert gone.status_code == 200, gone.text
    said.cut_off.discard(number)
    (said.gone if gone.json()["walkers"] or number not in said.jobs else said.unseen).add(number)


def _answered(client: httpx.Client) -> None:
    """Wait until nothing waits."""
    while any(client.get(f"/v1/jobs?state={state}").json()["jobs"] for state in ("waiting", "working")):
        time.sleep(0.2)


def _look(client: httpx.Client, said: Acknowledged, folder: Path) -> None:
    there = {number: client.get(f"/v1/people/{_name(number)}").status_code for number in range(1, said.last + 1)}
    lost = [number for number in said.enrolled if there[number] != 200]
    assert not lost, f"enrolled and lost: {lost}"
    back = [number for number in said.gone | said.unseen if there[number] != 404]
    assert not back, f"forgotten and there: {back}"
    cut_off = {number for number in said.cut_off if there[number] == 404}
    listed = [job["id"] for job in _all(client)]
    assert len(listed) == len(set(listed)), "a recording is listed twice"
    with sqlite3.connect(folder / "state" / "service.db") as connection:
        answers = dict(connection.execute("SELECT job, count(*) FROM tracks GROUP BY job"))
    counts = {"named": 0, "nobody": 0, "gone": 0}
    for number, job in said.jobs.items():
        found = client.get(f"/v1/jobs/{job}")
        if number in said.gone or (number in cut_off and found.status_code == 404):
            assert (found.status_code, job in listed, job in answers) == (404, False, False), f"recording {number} of somebody forgotten is there"
            counts["gone"] += 1
            continue
        assert found.status_code == 200, f"recording {number} is lost ({job})"
        whole = found.json()
        assert (whole["state"], len(whole["tracks"]), answers[job]) == ("done", 1, 1), f"recording {number}: {whole}"
        forgotten = number % 3 == 0 or number in said.unseen or number in cut_off
        assert whole["tracks"][0]["decision"] == (None if forgotten else _name(number)), f"recording {number}: {whole['tracks'][0]['decision']}"
        counts["nobody" if forgotten else "named"] += 1
    print(f"after the last start: {counts['named']} recordings named, {counts['nobody']} of nobody, {counts['gone']} gone with whom they showed; "
          f"{len(listed) - counts['named'] - counts['nobody']} were taken in and their acknowledgement cut off", flush=True)


def _all(client: httpx.Client) -> list[dict[str, Any]]:
    """All jobs, page by page."""
    found: list[dict[str, Any]] = []
    before = ""
    while True:
        page = client.get(f"/v1/jobs?limit=200{before}").json()
        found += page["jobs"]
        if page["next"] is None:
            return found
        before = f"&before={page['next']}"


def _bytes(folder: Path, said: Acknowledged) -> None:
    """No byte of the forgotten, after the service has ended: of those cut off, only where they went."""
    gallery = {name.decode() for name in _holding(folder, [_name(number).encode() for number in said.cut_off])}
    gone = said.gone | said.unseen | {number for number in said.cut_off if _name(number) not in gallery}
    needles = [needle for number in gone for needle in (_name(number).encode(), _piece(number))]
    found = _holding(folder, [*needles, *(said.jobs[number].encode() for number in said.gone if number in said.jobs)])
    assert not found, f"left of the forgotten: {found}"


def _piece(number: int) -> bytes:
    """Bytes of a walk's vector, as the gallery holds it."""
    return vectors_of(embedding_of(number))[0].astype("<f4").tobytes()[:PIECE]


def _holding(folder: Path, needles: list[bytes]) -> set[bytes]:
    """Which of these are in the name or the content of any file."""
    found: set[bytes] = set()
    for file in [*(folder / "gallery").rglob("*"), *(folder / "state").rglob("*")]:
        data = str(file).encode() + (file.read_bytes() if file.is_file() else b"")
        found |= {needle for needle in needles if needle in data}
    return found
