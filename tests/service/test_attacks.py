"""As an attacker would: paths that lead elsewhere, bombs, endless and lying uploads, scopes one by one, injected headers, markup, two writers, a full
disk. Slow clients are in test_limits, cookies and tokens in test_access."""

import io
import json
import os
import struct
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import numpy as np
import pytest
from fastapi.testclient import TestClient
from gallery_people import SHAPE, WEIGHTS, embeddings, walks
from service_made import key_of, made_gallery, made_state, serving

from gaitbridge.errors import UserError
from gaitbridge.files import alone, workplace, written_whole
from gaitbridge.gallery.gallery import Gallery
from gaitbridge.service.background import jobs
from gaitbridge.service.kept import sweep_kept
from gaitbridge.service.keys import SCOPES
from gaitbridge.service.state import State

ELSEWHERE = ("../../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/etc/passwd", "/etc/passwd", "..\\..\\etc", "%00", "0" * 31 + "/",
             "." * 32, "0" * 32 + "%0a", "con", "~root", "file:///etc/passwd")
MARKUP = ("<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "{{7*7}}", "'; DROP TABLE jobs; --", "' OR '1'='1", "%(x)s${x}",
          "\u202egnp.exe", "a\r\nSet-Cookie: x=y", "\x00", "\ud800", "=cmd|' /C calc'!A0", "[red]x[/red]", "x" * 200)
# What each route needs: a scope for each of its ways to be called, or none for whoever has a key. A route that is not here has not been thought of.
NEEDS: dict[tuple[str, str], tuple[str, ...] | None] = {
    ("GET", "/v1/health"): None, ("POST", "/v1/session"): None,  # no key
    ("GET", "/v1/session"): (), ("DELETE", "/v1/session"): (), ("GET", "/metrics"): (),
    ("GET", "/v1/keys"): ("administer",), ("POST", "/v1/keys"): ("administer",), ("DELETE", "/v1/keys/{name}"): ("administer",),
    ("POST", "/v1/recordings"): ("search",), ("GET", "/v1/jobs"): ("search",), ("GET", "/v1/jobs/{job}"): ("search",),
    ("DELETE", "/v1/jobs/{job}"): ("forget",), ("GET", "/v1/jobs/{job}/events"): ("search",),
    ("GET", "/v1/jobs/{job}/tracks/{track}/picture"): ("search",), ("GET", "/v1/jobs/{job}/tracks/{track}/strip"): ("search",),
    ("POST", "/v1/search"): ("search",), ("POST", "/v1/verify"): ("search",),
    ("GET", "/v1/people"): ("search",), ("GET", "/v1/people/{name}"): ("search",), ("DELETE", "/v1/people/{name}"): ("forget",),
    ("GET", "/v1/people/{name}/export"): ("administer",), ("POST", "/v1/people/{name}/templates"): ("enrol",),
    ("POST", "/v1/people/{name}/rename"): ("decide",), ("POST", "/v1/people/{name}/merge"): ("decide",),
    ("POST", "/v1/people/{name}/templates/{template}/move"): ("decide",), ("DELETE", "/v1/people/{name}/templates/{template}"): ("decide",),
    ("GET", "/v1/changes"): ("search",), ("POST", "/v1/undo/{change_id}"): ("decide",),
    ("GET", "/v1/unknown"): ("search",), ("POST", "/v1/unknown/{cluster_id}/name"): ("enrol", "decide"),
    ("DELETE", "/v1/unknown/{cluster_id}"): ("forget",), ("GET", "/v1/events"): ("search",), ("GET", "/v1/audit"): ("administer",),
}  # fmt: skip


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> State:
    return made_state(tmp_path_factory.mktemp("attacked"), upload_mb=8, memory_mb=300, stall_s=20)


@pytest.fixture(scope="module")
def client(state: State) -> Iterator[TestClient]:
    with serving(state, faults=True) as one:
        one.follow_redirects = False
        yield one


def ended(client: TestClient, job: str, seconds: float = 120.0) -> dict[str, Any]:
    until = time.monotonic() + seconds
    while (found := client.get(f"/v1/jobs/{job}").json())["state"] not in ("done", "failed"):
        assert time.monotonic() < until, found
        time.sleep(0.05)
    return dict(found)


def alive(client: TestClient) -> None:
    assert client.get("/v1/health").json()["status"] == "ok"


def routes(client: TestClient) -> list[tuple[str, str]]:
    paths = client.app.openapi()["paths"]  # type: ignore[attr-defined]
    return [(method.upper(), path.replace(":path}", "}")) for path, methods in paths.items() for method in methods]


def test_every_route_opens_to_its_scopes_and_to_no_other(state: State, client: TestClient) -> None:
    keys = {scope: {"Authorization": f"Bearer {key_of(state, scope, name=scope, per_minute=100_000)}"} for scope in SCOPES}
    for method, path in routes(client):
        assert (method, path) in NEEDS, f"{method} {path}: say in NEEDS who may call it"
        needed = NEEDS[method, path]
        concrete = path.replace("{", "").replace("}", "")
        if needed is None:
            continue
        for scope, headers in keys.items():
            if set(needed) <= {scope}:
                continue  # what it may do is other tests' affair
            answer = client.request(method, concrete, headers=headers, content=b"")
            assert answer.status_code == 403, f"{method} {path} answered {answer.status_code} to the scope {scope}"


@pytest.mark.parametrize("name", ELSEWHERE)
def test_no_name_leads_elsewhere(state: State, client: TestClient, name: str) -> None:
    for path in (f"/v1/jobs/{name}", f"/v1/jobs/{name}/tracks/{name}/picture", f"/v1/jobs/{'0' * 32}/tracks/{name}/strip", f"/static/{name}",
                 f"/v1/people/{name}/templates/{name}"):
        for method in ("GET", "DELETE"):
            answer = client.request(method, path)
            assert answer.status_code in (400, 404, 405, 307), f"{method} {path}: {answer.status_code}"
            assert "root:x:0" not in answer.text
    alive(client)


def test_a_client_names_no_file(state: State, client: TestClient) -> None:
    place = Path(state.gallery.place).parent
    before = set(place.rglob("*"))
    for name in ("../../../../tmp/owned.npz", "/etc/cron.d/owned", "a\r\nX: y", "\\\\host\\share", ""):
        client.post("/v1/recordings", files={"file": (name, b"no recording")})
    answer = client.post("/v1/recordings?sensor=../../etc/passwd&topic=/etc/passwd", content=b"PK\x03\x04")
    assert answer.status_code == 400
    assert not Path("/tmp/owned.npz").exists()
    assert {path for path in place.rglob("*") if "service" not in path.parts} <= before
    assert not list(state.kept.uploads.iterdir())


def zeros(count: int) -> bytes:
    """The head of a NumPy file of so many bytes, and no more of it."""
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({count},), }}".ljust(117).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header


def bomb(kind: str) -> bytes:
    """A .npz of some KB that wants GB."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        if kind == "of zeros":  # 1 GiB, deflated a thousandfold
            with archive.open("silhouettes.npy", "w", force_zip64=True) as member:
                member.write(zeros(2**30))
                for _ in range(2**6):
                    member.write(bytes(2**24))
        elif kind == "of a lie":  # a head that promises 8 TiB
            archive.writestr("silhouettes.npy", zeros(2**43))
        elif kind == "of many":  # 20,000 members
            for number in range(20_000):
                archive.writestr(f"{number}/silhouettes.npy", b"")
        else:  # an archive in an archive
            archive.writestr("silhouettes.npy", b"PK\x03\x04" + bytes(100))
    return made.getvalue()


@pytest.mark.parametrize("kind", ["of zeros", "of a lie", "of many", "nested"])
def test_a_bomb_hurts_its_own_process_alone(state: State, client: TestClient, kind: str) -> None:
    data = bomb(kind)
    assert len(data) < 8 * 2**20
    job = ended(client, client.post("/v1/recordings", content=data).json()["id"])
    assert job["state"] == "failed"
    assert str(state.folder) not in job["problem"]
    assert not list(state.kept.uploads.iterdir())
    asked = client.post("/v1/search?top=1", content=data, headers={"Content-Type": "application/octet-stream"})
    assert asked.status_code == 400, asked.text
    assert str(state.folder) not in asked.text
    alive(client)


HOSTILE = {
    "zip": b"PK\x03\x04" + b"\xff" * 1000, "mkv": b"\x1aE\xdf\xa3" + b"\xff" * 5000, "las": b"LASF" + b"\xff" * 500,
    "npy": b"\x93NUMPY\x01\x00\xff\xff",
    "pcd": b"# .PCD v0.7\nWIDTH 99999999999\nHEIGHT 1\nPOINTS 99999999999\nDATA binary_compressed\n" + b"\xff" * 8,
    "db3": b"SQLite format 3\x00" + bytes(200), "pcap": b"\xd4\xc3\xb2\xa1" + b"\xff" * 100, "bag": b"#ROSBAG V2.0\n" + b"\xff" * 100,
    "mp4": b"\x00\x00\x00\x18ftypisom" + b"\xff" * 5000,
}  # fmt: skip


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_what_is_hostile_fails_in_a_line(state: State, client: TestClient, hostile: bytes) -> None:
    job = ended(client, client.post("/v1/recordings", content=hostile).json()["id"])
    assert job["state"] == "failed"
    assert "\n" not in job["problem"]
    for told in (str(state.folder), "Traceback", "site-packages", job["id"]):
        assert told not in job["problem"]
    alive(client)


def test_endless_uploads_end(state: State, client: TestClient) -> None:
    sent = [0]

    def endless() -> Iterator[bytes]:
        yield b"PK\x03\x04"
        while sent[0] < 64:
            sent[0] += 1
            yield bytes(2**20)

    answer = client.post("/v1/recordings", content=endless())
    assert answer.status_code == 413
    assert not list(state.kept.uploads.iterdir())

    def form() -> Iterator[bytes]:
        yield b"--x\r\nContent-Disposition: form-data; name=\"a"
        for _ in range(64):
            yield b"a" * 100_000

    answer = client.post("/v1/recordings", content=form(), headers={"Content-Type": "multipart/form-data; boundary=x"})
    assert answer.status_code in (400, 413)
    alive(client)


EMBEDDED = b'{"embeddings": {"modality": "silhouettes", "weights_hash": "x", %s}}'


@pytest.mark.parametrize("body", [
    b"[" * 100_000, b'{"a":' * 50_000, EMBEDDED % b'"values": [[[1e999]]]', b'{"top": 1e400}', b'{"top": ' + b"9" * 10_000 + b"}", b"\xff\xfe{}",
    b'{"top": NaN}', b"null", b"", EMBEDDED % b'"packed": {"shape": [100000, 100000, 100000], "data": ""}',
    b'{"sequences": [{"silhouettes": {"shape": [0, 64, 44], "dtype": "uint8", "data": ""}}]}',
    b'{"sequences": [{"../../x": {"shape": [1], "data": "AAAAAA=="}}]}',
], ids=range(12))  # fmt: skip
def test_questions_that_are_none_are_a_line(client: TestClient, body: bytes) -> None:
    for path in ("/v1/search", "/v1/verify"):
        answer = client.post(path, content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code in (400, 413, 422), answer.text[:200]
        assert answer.headers["content-type"] == "application/problem+json"
        assert len(answer.content) < 5000  # what was sent is not sent back
    alive(client)


@pytest.mark.parametrize("path", [
    "/v1/jobs?before=99999999999999999999", "/v1/jobs?before=-1", "/v1/jobs?limit=100000", "/v1/jobs?state=%27%20OR%201=1", "/v1/jobs?before=1e9",
    "/v1/people?limit=0", "/v1/people?after=%00", "/v1/people?search=%25%27", "/v1/people?site=%27", "/v1/events?since=99999999999999999999",
    "/v1/jobs?before=" + "9" * 5000])  # fmt: skip
def test_no_query_is_a_fault(client: TestClient, path: str) -> None:
    if path.startswith("/v1/events"):  # where they begin is judged before any is told
        assert ("GET", "/v1/events") not in routes(client) or client.get(path).status_code == 422
        return
    answer = client.get(path)
    assert answer.status_code < 500, answer.text
    assert "OR 1=1" not in answer.text or answer.status_code != 200


def question(**more: Any) -> dict[str, Any]:
    values = embeddings(["ben"]).values
    return {"embeddings": {"modality": "silhouettes", "weights_hash": WEIGHTS, "values": values.tolist()}, **more}


@pytest.mark.parametrize("name", MARKUP)
def test_names_are_names_and_nothing_else(state: State, client: TestClient, name: str) -> None:
    """In a question, as a person's, in every page: no filter is widened, no header split, no markup alive."""
    body = json.dumps(question(site=name))
    found = client.post("/v1/search", content=body, headers={"Content-Type": "application/json"})
    assert found.status_code < 500, found.text
    if found.status_code == 200:
        assert found.json()["answers"][0]["hits"] == [] if "answers" in found.json() else True
    claimed = client.post("/v1/verify", content=json.dumps(question(person=name)), headers={"Content-Type": "application/json"})
    assert claimed.status_code in (400, 404, 422), claimed.text
    try:
        state.gallery.enrol(embeddings([name]), walks([name], tag="m", site="north"))
    except (UserError, UnicodeEncodeError):
        return  # no name of a person
    for path in ("/v1/people", "/people", "/recordings", "/audit", "/unknown", "/live", "/thresholds", "/access", "/docs"):
        answer = client.get(path)
        assert answer.status_code < 500, f"{path}: {answer.text[:300]}"
        if "html" in answer.headers.get("content-type", ""):
            assert "<script>alert" not in answer.text
            assert "<img src=x" not in answer.text
        assert "x-" not in [header for header in answer.headers if header == "set-cookie"]
        assert answer.headers["x-content-type-options"] == "nosniff"
    alive(client)


def test_headers_cannot_be_injected(state: State, client: TestClient) -> None:
    for path in ("/v1/jobs/x%0d%0aSet-Cookie:%20a=b", "/sign-in?then=/%0d%0aSet-Cookie:%20a=b", "/v1/people/a%0d%0aSet-Cookie:%20a=b/export"):
        answer = client.get(path)
        assert "set-cookie" not in answer.headers
        assert answer.status_code < 500
    answer = client.post("/v1/recordings", content=b"x", headers={"Content-Type": "multipart/form-data; boundary=" + "b" * 5000})
    assert answer.status_code in (400, 415)


def test_what_is_on_its_way_is_not_swept_away(tmp_path: Path) -> None:
    """Work beside the requests that fails is begun anew while recordings come in: those that have no job yet are not taken for left ones."""
    state = made_state(tmp_path)
    come = state.kept.uploads / f"{'a' * 32}.npz"
    come.write_bytes(b"acknowledged in a moment")
    stop = threading.Event()
    stop.set()
    jobs.run(state, stop)
    assert come.exists()
    with workplace(state.kept.uploads / "question") as place, written_whole(state.kept.uploads / f"{'b' * 32}.npz") as half:
        half.write_bytes(b"half of a recording")
        sweep_kept(state.database, state.kept)
        assert place.exists()
        assert half.exists()
    assert not come.exists()


def test_two_services_do_not_share_a_folder(state: State) -> None:
    with alone(state.folder), pytest.raises(UserError, match="another process is writing here"), alone(state.folder):
        pass


def test_two_writers_lose_nothing(state: State, client: TestClient) -> None:
    """The service answers and makes keys while commands enrol and forget: each waits for the other, none is undone."""
    other = Gallery(state.gallery.place)
    problems: list[str] = []

    def write() -> None:
        for number in range(5):
            other.enrol(embeddings([f"w{number}"]), walks([f"w{number}"], tag="w"))
        other.forget("w0")

    def ask(number: int) -> None:
        for turn in range(5):
            made = client.post("/v1/keys", json={"name": f"k{number}-{turn}", "scopes": ["search"]})
            asked = client.post("/v1/search", json=question(top=3))
            if made.status_code != 201 or asked.status_code != 200:
                problems.append(f"{made.text} {asked.text}")

    threads = [threading.Thread(target=write), *(threading.Thread(target=ask, args=(number,)) for number in range(3))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert problems == []
    assert {f"w{number}" for number in range(1, 5)} <= set(other.people())
    assert "w0" not in other.people()
    assert len([key for key in client.get("/v1/keys").json() if key["name"].startswith("k")]) == 15
    alive(client)


FULL = """
import resource, signal, sys
from pathlib import Path
from service_made import key_of, made_state
from gaitbridge.files import alone, workplace, written_whole
from gaitbridge.service.app import create_app
from gaitbridge.service.listening import listen
from gaitbridge.service.reaching import Reach
folder = Path(sys.argv[1])
state = made_state(folder)
key = key_of(state)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
with alone(state.folder):
    listen(create_app(state), Reach(), 0, lambda address: print(address, key, flush=True))
"""


def test_a_full_disk_is_said_and_what_was_taken_is_kept(tmp_path: Path) -> None:
    """The system refuses to let files grow, as a full disk does: what cannot be kept is not acknowledged, and the service goes on."""
    made_gallery(tmp_path / "gallery")
    path = os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])
    words = [sys.executable, "-c", FULL, str(tmp_path), "600000"]
    with subprocess.Popen(words, env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            address, key = process.stdout.readline().split()
            with httpx.Client(base_url=address, headers={"Authorization": f"Bearer {key}"}, timeout=60) as client:
                data = b"PK\x03\x04" + np.random.default_rng(0).bytes(1_000_000)
                refused = client.post("/v1/recordings", content=data)
                assert refused.status_code == 507, refused.text
                assert "full" in refused.json()["detail"] or "space" in refused.json()["detail"]
                assert client.get("/v1/jobs").json()["jobs"] == []
                taken = client.post("/v1/recordings", content=data[:100_000])
                assert taken.status_code == 202
                assert client.post("/v1/search", json=question()).status_code == 200
                assert client.get("/v1/health").json()["status"] == "ok"
        finally:
            process.kill()
    assert not [file for file in (tmp_path / "gallery" / "service" / "uploads").iterdir() if file.stat().st_size > 500_000]


def test_shapes_of_the_tests_are_the_gallerys(state: State) -> None:
    assert state.gallery.shape == SHAPE
