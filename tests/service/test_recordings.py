"""Recordings over HTTP: taken in whole or not at all, their kind by content, answered once with evidence, pictures and what was left out."""

import json
import time
import zipfile
from pathlib import Path
from typing import Any

import lidar_files as files
import numpy as np
import pytest
from fastapi.testclient import TestClient
from lidar_street import sensor_of_street, street
from service_made import made_state, serving
from video_files import two_who_cross, walk

from gaitbridge.errors import Busy
from gaitbridge.geometry.silhouette import align
from gaitbridge.service import jobs


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    place = tmp_path_factory.mktemp("film") / "cross.mkv"
    two_who_cross(place)
    return place.read_bytes()


def walked(count: int = 1) -> dict[str, np.ndarray]:
    """Silhouettes of walks as a .npz has them."""
    silhouettes = np.stack([align(mask, (64, 44))[0] for mask in walk(40)])
    return {f"walk{number}/silhouettes": np.roll(silhouettes, number, axis=0) for number in range(count)}


def npz(folder: Path, arrays: dict[str, np.ndarray]) -> bytes:
    np.savez_compressed(folder / "a.npz", **arrays)  # type: ignore[arg-type]
    return (folder / "a.npz").read_bytes()


def ended(client: TestClient, job: str, seconds: float = 240.0) -> dict[str, Any]:
    until = time.monotonic() + seconds
    while (found := client.get(f"/v1/jobs/{job}").json())["state"] not in ("done", "failed"):
        assert time.monotonic() < until, found
        time.sleep(0.1)  # a key has its rate
    return dict(found)


def test_a_film_is_answered_with_names_evidence_and_pictures(film: bytes, tmp_path: Path) -> None:
    state = made_state(tmp_path, "Zoë")
    with serving(state) as client:
        taken = client.post("/v1/recordings?site=north&recorded=2026-11-29T10:00:00Z", content=film)
        assert taken.status_code == 202
        job = ended(client, taken.json()["id"])
        assert job["problem"] is None
        assert {one["outcome"]: one["decision"] for one in job["tracks"]} == {"named": "Zoë", "nobody": None}
        (named,) = [one for one in job["tracks"] if one["decision"]]
        assert (named["hits"][0]["site"], named["hits"][0]["recorded"]) == ("north", "2023-11-14T22:13:20Z")
        assert named["hits"][0]["template_id"] in {row.id for row in state.gallery.person("Zoë")}
        assert named["start"].startswith("2026-11-29T10:00:0")
        assert named["rate"] <= 0.05 == named["reject"]
        assert job["summary"].items() >= {"walkers": 2, "named": 1, "nobody": 1, "tracks": 2, "left_out_of": "frames with a person"}.items()
        for what in ("picture", "strip"):
            shown = client.get(f"/v1/jobs/{job['id']}/tracks/{named['id']}/{what}")
            assert shown.headers["content-type"] == "image/png"
            assert shown.content.startswith(b"\x89PNG")
        assert client.get(f"/v1/jobs/{job['id']}/tracks/{'0' * 32}/picture").status_code == 404
        kept = state.kept.track(job["id"], named["id"])
        assert len(kept.ids) == len(kept.embeddings) == len(kept.runs) == named["runs"]
        assert kept.recorded_s is not None
        assert not list(state.kept.uploads.iterdir())  # the film itself is not kept
    lines = state.gallery.index.log_lines()
    assert any('"identify"' in line and '"operator"' in line for line in lines)


def test_sequences_come_as_a_form_too_and_what_is_unfit_says_why(tmp_path: Path) -> None:
    arrays = walked() | {"noise/silhouettes": (np.random.default_rng(0).random((40, 64, 44)) < 0.5).astype(np.uint8) * 255}
    with serving(made_state(tmp_path, "ben")) as client:
        taken = client.post("/v1/recordings", files={"file": ("../../etc/passwd", npz(tmp_path, arrays))}, data={"other": "field"})
        job = ended(client, taken.json()["id"])
    assert job["kind"] == "arrays"
    by_name = {one["name"]: one for one in job["tracks"]}
    assert (by_name["walk0"]["outcome"], by_name["walk0"]["decision"]) == ("named", "ben")
    assert by_name["noise"]["outcome"] == "unfit"
    assert "below 0.2" in by_name["noise"]["problem"]
    assert job["summary"]["unfit"] == 1


def test_the_same_bytes_are_answered_once_unless_asked_again(tmp_path: Path) -> None:
    data = npz(tmp_path, walked())
    with serving(made_state(tmp_path, "ben", "cleo")) as client:
        first = client.post("/v1/recordings", content=data)
        ended(client, first.json()["id"])
        second = client.post("/v1/recordings", content=data)
        assert (second.status_code, second.json()["id"]) == (200, first.json()["id"])
        other = client.post("/v1/recordings?site=south", content=data)
        again = client.post("/v1/recordings?again=true", content=data)
        assert len({answer.json()["id"] for answer in (first, other, again)}) == 3
        ended(client, again.json()["id"])
        listed = client.get("/v1/jobs?limit=2").json()
        assert [one["id"] for one in listed["jobs"]] == [again.json()["id"], other.json()["id"]]
        assert client.get(f"/v1/jobs?before={listed['next']}").json()["jobs"][0]["id"] == first.json()["id"]


@pytest.mark.parametrize(("body", "options", "status", "words"), [
    (b"", "", 400, "is empty"), (b"#EXTM3U\nfile:///etc/passwd\n", "", 415, "begins like none"), (b"PK\x03\x04", "?reject=2", 400, "reject"),
    (b"PK\x03\x04", "?sensor=/etc/passwd.json", 400, "not a file"), (b"PK\x03\x04", "?recorded=yesterday", 400, "is no time"),
    (b"PK\x03\x04" + bytes(3 * 2**20), "", 413, "than the 2 MiB")])
def test_mistakes_are_said_and_leave_nothing(tmp_path: Path, body: bytes, options: str, status: int, words: str) -> None:
    state = made_state(tmp_path, upload_mb=2)
    with serving(state) as client:
        for content in (body, iter([body[start : start + 100_000] for start in range(0, len(body), 100_000)])):  # with a length, and without
            answer = client.post(f"/v1/recordings{options}", content=content)
            assert answer.status_code == status
            assert words in answer.json()["detail"]
    assert not list(state.kept.uploads.iterdir())
    assert jobs.waiting(state.database) == 0


def test_what_cannot_be_read_fails_in_a_line_without_a_path(tmp_path: Path) -> None:
    with serving(made_state(tmp_path)) as client:
        arrays = {"other": np.zeros(3)}, {"silhouettes": np.zeros((4, 64, 44))}
        for data in (b"\x1aE\xdf\xa3" + b"no film" * 100, *(npz(tmp_path, one) for one in arrays)):
            job = ended(client, client.post("/v1/recordings", content=data).json()["id"])
            assert job["state"] == "failed"
            assert job["problem"]
            assert str(tmp_path) not in job["problem"]
            assert job["id"] not in job["problem"]


def test_progress_comes_as_events_until_it_is_answered(tmp_path: Path) -> None:
    with serving(made_state(tmp_path, "ben")) as client:
        job = client.post("/v1/recordings", content=npz(tmp_path, walked())).json()["id"]
        with client.stream("GET", f"/v1/jobs/{job}/events") as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            events = [block.split("\n") for block in "".join(stream.iter_text()).strip().split("\n\n")]
        assert events[-1][0] == "event: done"
        assert json.loads(events[-1][1].removeprefix("data: "))["tracks"][0]["decision"] == "ben"
        assert {event[0] for event in events[:-1]} <= {"event: progress"}
        assert client.get(f"/v1/jobs/{'0' * 32}/events").status_code == 404


def test_a_recording_at_which_the_program_fails_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gaitbridge.service.beside.AGAIN_S", 0.01)
    state = made_state(tmp_path, *["a fault"] * 3, "ben")
    with serving(state) as client:
        data = npz(tmp_path, walked())
        failed = ended(client, client.post("/v1/recordings", content=data).json()["id"])
        assert failed["problem"].startswith("a fault of the service")
        assert "of the tests" not in failed["problem"]
        assert not list(state.kept.results.iterdir())  # no answer leads to what was seen
        assert not list(state.kept.uploads.iterdir())
        assert 'gaitbridge_background_failures_total{work="jobs"} 3.0' in client.get("/metrics").text
        answered = ended(client, client.post("/v1/recordings", content=data).json()["id"])  # failed ones are answered anew
        assert answered["tracks"][0]["decision"] == "ben"
        assert client.get("/v1/health").json()["status"] == "ok"


def test_a_gallery_that_cannot_be_reached_costs_no_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gaitbridge.service.beside.AGAIN_S", 0.01)
    state = made_state(tmp_path, "ben", "ben")
    identify, tries = state.gallery.identify, list[str]()

    def gone(*given: Any, **more: Any) -> Any:
        tries.append("")
        if len(tries) == 1:
            raise Busy("cannot search milvus://127.0.0.1:1/x: is the Milvus server up and reachable?")
        return identify(*given, **more)

    monkeypatch.setattr(state.gallery, "identify", gone)
    with serving(state) as client:
        job = ended(client, client.post("/v1/recordings", content=npz(tmp_path, walked())).json()["id"])
    assert (job["state"], job["tracks"][0]["decision"], len(tries)) == ("done", "ben", 2)


def test_where_nothing_can_decide_the_nearest_are_shown_and_why(tmp_path: Path) -> None:
    with serving(made_state(tmp_path, "ben")) as client:
        job = ended(client, client.post("/v1/recordings?reject=1e-9", content=npz(tmp_path, walked())).json()["id"])
    (track,) = job["tracks"]
    assert (track["outcome"], track["decision"], track["rate"]) == ("undecided", None, None)
    assert "GALLERY: a false-positive identification rate of 1e-09 cannot be stated" in track["problem"]
    assert str(tmp_path) not in json.dumps(job)
    assert track["hits"][0]["person"] == "ben"
    assert job["summary"]["undecided"] == 1


def test_walkers_of_a_lidar_are_asked_about_by_their_range_views(tmp_path: Path) -> None:
    shots = street()
    files.npz(tmp_path / "street.npz", [shot.points for shot in shots], time_s=np.array([1.7e9 + shot.time_s for shot in shots]),
              **{name: np.asarray(value) for name, value in sensor_of_street().items()})  # fmt: skip
    state = made_state(tmp_path, "cleo")
    state.model.inputs, state.model.modalities = {"range_views": ("range_views",)}, ("range_views",)
    with serving(state) as client:
        job = ended(client, client.post("/v1/recordings", content=(tmp_path / "street.npz").read_bytes()).json()["id"])
    assert job["problem"] is None
    assert job["summary"]["sensor"] == "lidar"
    assert len(job["tracks"]) == 2
    for track in job["tracks"]:
        assert (track["sensor"], track["picture"]) == ("lidar", True)
        assert 1.5 < track["height_m"] < 2
        assert track["start"].startswith("2023-11-14T22:13:2")
        kept = state.kept.track(job["id"], track["id"])
        assert set(kept.runs[0]) == {"range_views", "range_views_time_s"}


def test_an_archive_of_scans_is_a_recording(tmp_path: Path) -> None:
    """As KITTI has them: a folder with a file a scan, times beside it. Read in a process of its own, as all that is sent."""
    shots = street()
    with zipfile.ZipFile(tmp_path / "street.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("drive/image_00/data/0.png", b"no scan")
        for number, shot in enumerate(shots):
            ring = 63 - shot.ring  # from the lowest, as nuScenes has it
            table = np.column_stack([shot.points, np.zeros(len(shot.points)), ring]).astype("<f4")
            archive.writestr(f"drive/velodyne_points/data/{number}.bin", table.tobytes())
        archive.writestr("drive/velodyne_points/timestamps.txt", "".join(f"{1.7e9 + shot.time_s:.3f}\n" for shot in shots))
    state = made_state(tmp_path, "cleo")
    state.model.inputs, state.model.modalities = {"range_views": ("range_views",)}, ("range_views",)
    with serving(state) as client:
        job = ended(client, client.post("/v1/recordings?columns=5", content=(tmp_path / "street.zip").read_bytes()).json()["id"])
        assert (job["problem"], job["kind"]) == (None, "scans")
        assert job["summary"]["scans"] == len(shots)
        assert job["tracks"][0]["start"].startswith("2023-11-14T22:13:2")
        with zipfile.ZipFile(tmp_path / "none.zip", "w") as archive:
            archive.writestr("../../a.txt", b"no scan")
        job = ended(client, client.post("/v1/recordings", content=(tmp_path / "none.zip").read_bytes()).json()["id"])
        assert job["problem"] == "the recording holds no scan: pack the files of one recording, which end in .bin or .pcd"
    assert [path.name for path in state.folder.iterdir() if "unpacked" in path.name] == []


def test_an_empty_gallery_still_keeps_what_was_seen(tmp_path: Path) -> None:
    state = made_state(tmp_path, "ben")
    for name in ("Zoë", "ben", "cleo"):
        state.gallery.forget(name)
    with serving(state) as client:
        job = ended(client, client.post("/v1/recordings", content=npz(tmp_path, walked())).json()["id"])
        (track,) = job["tracks"]
        assert track["outcome"] == "undecided"
        assert "is empty" in track["problem"]
        assert len(state.kept.track(job["id"], track["id"]).embeddings) == 1  # to enrol somebody from


def test_a_forgotten_job_leaves_no_byte(tmp_path: Path) -> None:
    state = made_state(tmp_path, "ben")
    with serving(state) as client:
        job = ended(client, client.post("/v1/recordings?site=needle", content=npz(tmp_path, walked())).json()["id"])
        assert client.delete(f"/v1/jobs/{job['id']}").status_code == 204
        assert client.get(f"/v1/jobs/{job['id']}").status_code == 404
        assert client.delete(f"/v1/jobs/{job['id']}").status_code == 404
        held = [path for path in state.folder.rglob("*") if path.is_file()]
        assert not [path for path in held if b"needle" in path.read_bytes() or job["id"].encode() in path.read_bytes()]
        assert not list(state.kept.results.iterdir())


def test_whoever_is_forgotten_while_a_recording_is_read_is_not_named_by_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = made_state(tmp_path, "ben", "ben")
    finish = jobs.finish

    def late(*given: Any) -> bool:
        monkeypatch.setattr(jobs, "finish", finish)
        state.gallery.forget("ben")
        return finish(*given)

    monkeypatch.setattr(jobs, "finish", late)
    with serving(state) as client:
        job = ended(client, client.post("/v1/recordings", content=npz(tmp_path, walked())).json()["id"])
    assert "ben" not in json.dumps(job["tracks"])
    assert job["tracks"][0]["outcome"] == "nobody"
