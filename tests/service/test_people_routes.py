"""People over HTTP: listed, enrolled from recordings and files, put right and undone, exported, forgotten to the last byte; the unknown named."""

import io
import json
import threading
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gallery_people import files_with
from service_made import key_of, made_state, serving
from service_sent import npz, read_here, sent, traces, walks

from gaitbridge.cli import linking
from gaitbridge.service import intents, people, retention, showing
from gaitbridge.service.background import retention as by_itself


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is sent is read in this process."""
    read_here(monkeypatch)


def test_listed_by_pages_and_one_by_one(tmp_path: Path) -> None:
    with serving(made_state(tmp_path)) as client:
        first = client.get("/v1/people?limit=2").json()
        assert ([one["person"] for one in first["people"]], first["total"], first["next"]) == (["ben", "cleo"], 3, "cleo")
        rest = client.get("/v1/people", params={"limit": 2, "after": first["next"]}).json()
        assert ([one["person"] for one in rest["people"]], rest["next"]) == (["Zoë"], None)
        assert [one["person"] for one in client.get("/v1/people?search=ZO").json()["people"]] == ["Zoë"]
        assert client.get("/v1/people?limit=0").status_code == 422
        zoe = client.get("/v1/people/Zoë").json()
        assert (zoe["person"], len(zoe["templates"]), zoe["templates"][0]["recorded"]) == ("Zoë", 2, "2023-11-14T22:13:20.000+00:00")
        assert zoe["history"][-1]["actor"] == "operator"
        missing = client.get("/v1/people/nobody")
        assert (missing.status_code, missing.headers["content-type"]) == (404, "application/problem+json")


def test_enrolled_from_a_walker_then_recognised_with_its_pictures(tmp_path: Path) -> None:
    state = made_state(tmp_path, "dora")
    with serving(state) as client:
        job = sent(client, tmp_path)
        (track,) = job["tracks"]
        assert track["outcome"] == "nobody"
        made = client.post("/v1/people/dora/templates", json={"job": job["id"], "track": track["id"], "expire_after": "30d"})
        assert (made.status_code, made.json()["added"]) == (201, 1)
        assert client.post("/v1/people/dora/templates", json={"job": job["id"], "track": track["id"]}).json()["known"] == 1
        other = client.post("/v1/people/ben/templates", json={"job": job["id"], "track": track["id"]})
        assert (other.status_code, "is enrolled already, as 'dora'" in other.json()["detail"]) == (400, True)
        (template,) = client.get("/v1/people/dora").json()["templates"]
        assert (template["job"], template["track"]) == (job["id"], track["id"])
        assert template["expires"] is not None
        assert client.get(template["picture"]).content.startswith(b"\x89PNG")
        wrong = client.post("/v1/people/dora/templates", json={"job": job["id"]})
        assert (wrong.status_code, "track" in wrong.json()["detail"]) == (422, True)
        assert client.post("/v1/people/dora/templates", json={"job": "0" * 32, "track": "1" * 32}).status_code == 404


def test_enrolled_from_a_file(tmp_path: Path) -> None:
    with serving(made_state(tmp_path, "dora", "dora")) as client:
        made = client.post("/v1/people/dora/templates?site=gate&recorded=2026-11-29", content=npz(tmp_path, walks(2)))
        assert (made.status_code, made.json()["added"]) == (201, 2), made.text
        rows = client.get("/v1/people/dora").json()["templates"]
        assert {(row["site"], row["recorded"][:10]) for row in rows} == {("gate", "2026-11-29")}
        noise = {"silhouettes": (np.random.default_rng(0).random((40, 64, 44)) < 0.5).astype(np.uint8) * 255}
        unfit = client.post("/v1/people/dora/templates", content=npz(tmp_path, noise))
        assert (unfit.status_code, "good enough" in unfit.json()["detail"]) == (400, True)


def test_put_right_and_undone_after_a_restart(tmp_path: Path) -> None:
    with serving(made_state(tmp_path, "Zoë")) as client:
        job = sent(client, tmp_path)
        assert job["tracks"][0]["decision"] == "Zoë"
        renamed = client.post("/v1/people/Zoë/rename", json={"to": "Zoe/2"}).json()
        assert client.get(f"/v1/jobs/{job['id']}").json()["tracks"][0]["decision"] == "Zoe/2"
        assert client.get("/v1/people/Zoe%2F2").json()["person"] == "Zoe/2"
        assert client.post("/v1/people/ben/rename", json={"to": "cleo"}).status_code == 400
        merged = client.post("/v1/people/ben/merge", json={"other": "cleo"}).json()
        assert client.get("/v1/people/cleo").json()["also"] == ["cleo"]
        template = client.get("/v1/people/Zoe%2F2").json()["templates"][0]["id"]
        moved = client.post(f"/v1/people/Zoe%2F2/templates/{template}/move", json={"person": "dora"}).json()
        dropped = client.delete(f"/v1/people/dora/templates/{template}").json()
        assert client.get("/v1/people/dora").status_code == 404
    with serving(made_state(tmp_path)) as client:
        listed = client.get("/v1/changes").json()["changes"]
        assert [one["what"] for one in listed] == ["drop", "move", "merge", "rename"]
        assert listed[0]["by"] == "operator"
        assert client.post(f"/v1/undo/{renamed['undo']}").status_code == 200
        for one in (dropped, moved, merged):
            assert client.post(f"/v1/undo/{one['undo']}").status_code == 200
        assert client.post(f"/v1/undo/{moved['undo']}").status_code == 404
        assert {one["person"]: one["templates"] for one in client.get("/v1/people").json()["people"]} == {"Zoë": 2, "ben": 2, "cleo": 2}
        assert client.get(f"/v1/jobs/{job['id']}").json()["tracks"][0]["decision"] == "Zoë"


def test_forgotten_to_the_last_byte(tmp_path: Path) -> None:
    """Named walkers, walkers that templates were made of, their names in the answers of others, pictures, what could be undone."""
    state = made_state(tmp_path, "Zoë", "ben", "a stranger")
    with serving(state) as client:
        job = sent(client, tmp_path, 3)
        by_who = {one["decision"]: one for one in job["tracks"]}
        assert set(by_who) == {"Zoë", "ben", None}
        client.post("/v1/people/Zoë/templates", json={"job": job["id"], "track": by_who[None]["id"]})
        number = client.get("/v1/people/Zoë").json()["person_ids"][0]
        template = client.get("/v1/people/Zoë").json()["templates"][0]["id"]
        client.delete(f"/v1/people/Zoë/templates/{template}")
        pictures = [state.kept.picture(job["id"], by_who[who]["id"]) for who in ("Zoë", None)]
        shown = [picture.read_bytes() for picture in pictures]
        assert traces(tmp_path / "gallery", "Zoë")
        gone = client.delete("/v1/people/Zoë")
        assert (gone.status_code, gone.json()["walkers"], gone.json()["templates"]) == (200, 2, 2)
        assert traces(tmp_path / "gallery", "Zoë") == []
        assert not any(picture.exists() for picture in pictures)
        assert all(files_with(tmp_path / "gallery", data[40:90]) == [] for data in shown)
        left = client.get(f"/v1/jobs/{job['id']}").json()["tracks"]
        assert [one["decision"] for one in left] == ["ben"]
        assert {hit["person"] for hit in left[0]["hits"]} == {"ben", "cleo"}
        assert client.delete("/v1/people/Zoë").status_code == 404
        line = next(json.loads(line) for line in reversed(state.gallery.index.log_lines()) if '"forget"' in line)
        assert (line["actor"], line["people"]) == ("operator", [number])
        client.delete("/v1/people/ben")
        assert client.get(f"/v1/jobs/{job['id']}").status_code == 404  # it showed nobody else
    assert traces(tmp_path / "gallery", "ben/normal") == []


def killed(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("place", ["forget", "drop_tracks", "done"])
def test_a_kill_amid_forgetting_brings_nothing_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    state = made_state(tmp_path, "Zoë")
    with serving(state) as client:
        job = sent(client, tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(state.gallery if place == "forget" else showing, place, killed)
        with pytest.raises(KeyboardInterrupt):
            people.forget(state, "Zoë")
    state.database.close()
    with serving(made_state(tmp_path)) as client:
        until = time.monotonic() + 20
        while intents.left(state.database):
            assert time.monotonic() < until
            time.sleep(0.02)
        state.database.scrub()
        assert client.get("/v1/people/Zoë").status_code == 404
        assert client.get(f"/v1/jobs/{job['id']}").status_code == 404
    assert traces(tmp_path / "gallery", "Zoë") == []


def test_a_kill_amid_an_export_leaves_nothing(tmp_path: Path) -> None:
    state = made_state(tmp_path)
    (left := state.folder / ".export.0123abcd.part").mkdir()
    (left / "person.zip").write_bytes(b"of somebody")
    with serving(made_state(tmp_path)):
        until = time.monotonic() + 20
        while left.exists():
            assert time.monotonic() < until
            time.sleep(0.02)


@pytest.mark.parametrize("after", [False, True])
def test_a_kill_amid_renaming(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: bool) -> None:
    """The gallery's name counts, and no answer is lost."""
    state = made_state(tmp_path, "Zoë")
    with serving(state) as client:
        job = sent(client, tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(people if after else state.gallery, "rename_here" if after else "rename_person", killed)
        with pytest.raises(KeyboardInterrupt):
            people.rename_person(state, "Zoë", "Zora")
    retention.apply(state)
    with serving(made_state(tmp_path)) as client:
        assert client.get(f"/v1/jobs/{job['id']}").json()["tracks"][0]["decision"] == ("Zora" if after else "Zoë")


def test_everything_of_one_person_in_one_file(tmp_path: Path) -> None:
    with serving(made_state(tmp_path, "Zoë", "ben")) as client:
        job = sent(client, tmp_path, 2)
        answer = client.get("/v1/people/Zoë/export")
        assert answer.headers["content-type"] == "application/zip"
        with zipfile.ZipFile(io.BytesIO(answer.content)) as held:
            names = held.namelist()
            said = json.loads(held.read("answers.json"))
            with np.load(io.BytesIO(held.read("gallery.npz"))) as gallery:
                assert gallery["vectors"].shape == (2, 64)
        (zoe,) = [one["id"] for one in job["tracks"] if one["decision"] == "Zoë"]
        assert {f"walks/{job['id']}-{zoe}{end}" for end in (".walk", ".png", "-strip.png")} <= set(names)
        assert {hit["person"] for one in said["answers"] for hit in one["hits"]} == {"Zoë"}
        assert not [name for name in names if "ben" in name]
        assert not list((tmp_path / "gallery" / "service").glob("*export*"))
        assert client.get("/v1/people/nobody/export").status_code == 404


def test_the_unknown_come_together_are_named_and_let_go(tmp_path: Path) -> None:
    state = made_state(tmp_path, "dora", "emil", "dora", "emil", "dora")
    with serving(state) as client:
        jobs = [sent(client, tmp_path, count, first) for count, first in ((2, 0), (2, 2), (1, 4))]
        found = client.get("/v1/unknown").json()
        assert [len(one["walks"]) for one in found["clusters"]] == [3, 2]
        assert found["walks"] == 5
        walk = found["clusters"][0]["walks"][0]
        assert client.get(walk["strip"]).content.startswith(b"\x89PNG")
        named = client.post(f"/v1/unknown/{found['clusters'][0]['id']}/name", json={"person": "dora"})
        assert (named.status_code, named.json()["added"]) == (200, 3)
        again = client.post(f"/v1/unknown/{found['clusters'][0]['id']}/name", json={"person": "dora"})
        assert (again.status_code, again.headers["content-type"]) == (409, "application/problem+json")
        (left,) = client.get("/v1/unknown").json()["clusters"]
        assert client.delete(f"/v1/unknown/{left['id']}").json() == {"walks": 2}
        assert client.get("/v1/unknown").json() == {"clusters": [], "walks": 0}
        assert all(not state.kept.files_of(one["job"], one["track"]) for one in left["walks"])
        assert len(client.get(f"/v1/jobs/{jobs[0]['id']}").json()["tracks"]) == 2  # that somebody walked is still known


def test_what_is_due_goes_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Strangers first, then recordings, templates that expire, and answers that name who is gone."""
    monkeypatch.setattr(by_itself, "LOOK_S", 0.05)
    state = made_state(tmp_path, "Zoë", "a stranger")
    with serving(state) as client:
        job = sent(client, tmp_path, 2)
        client.post("/v1/people/guest/templates?expire_after=8d", content=npz(tmp_path, walks(1, 2)))
        (stranger,) = [one["id"] for one in job["tracks"] if one["decision"] is None]
        assert len(client.get("/v1/unknown").json()["clusters"]) == 1
        now = time.time()

        def days_later(days: float) -> None:
            monkeypatch.setattr("time.time", lambda: now + days * 86_400)

        def comes(what: Any) -> None:
            until = time.monotonic() + 20
            while not what():
                assert time.monotonic() < until
                time.sleep(0.02)

        days_later(7.1)
        comes(lambda: not state.kept.files_of(job["id"], stranger))
        assert client.get("/v1/people/guest").status_code == 200
        days_later(8.1)
        comes(lambda: client.get("/v1/people/guest").status_code == 404)
        assert client.get(f"/v1/jobs/{job['id']}").status_code == 200
        days_later(31)
        comes(lambda: client.get(f"/v1/jobs/{job['id']}").status_code == 404)
        comes(lambda: not any((tmp_path / "gallery" / "service" / "results").iterdir()))  # a little after its row
    lines = [json.loads(line) for line in state.gallery.index.log_lines()]
    assert {line["command"] for line in lines if line["actor"] == "retention"} == {"expire", "purge"}


def test_who_was_forgotten_by_the_command_line_leaves_the_answers(tmp_path: Path) -> None:
    state = made_state(tmp_path, "Zoë")
    with serving(state) as client:
        job = sent(client, tmp_path)
        state.gallery.drop(state.gallery.person("cleo")[0].id, "cleo")
        state.gallery.forget("Zoë")
        retention.apply(state)
        assert client.get(f"/v1/jobs/{job['id']}").status_code == 404
    assert traces(tmp_path / "gallery", "Zoë") == []


def test_a_name_forgotten_by_the_command_line_leaves_the_evidence_about_others(tmp_path: Path) -> None:
    state = made_state(tmp_path, "Zoë")
    with serving(state) as client:
        job = sent(client, tmp_path)
        assert "cleo" in [hit["person"] for hit in job["tracks"][0]["hits"]]
        state.gallery.forget("cleo")
        retention.apply(state)
        (track,) = client.get(f"/v1/jobs/{job['id']}").json()["tracks"]
        assert (track["decision"], {hit["person"] for hit in track["hits"]}) == ("Zoë", {"Zoë", "ben"})
    assert traces(tmp_path / "gallery", "cleo") == []


def test_who_is_renamed_by_the_command_line_and_back_is_so_in_the_answers(tmp_path: Path) -> None:
    state = made_state(tmp_path, "Zoë")
    with serving(state) as client:
        job = sent(client, tmp_path)
        linking.rename(state.gallery.place, "Zoë", "Zora")
        retention.apply(state)
        (track,) = client.get(f"/v1/jobs/{job['id']}").json()["tracks"]
        assert (track["decision"], track["hits"][0]["person"]) == ("Zora", "Zora")
        linking.undo(state.gallery.place, state.gallery.changes()[0].id)
        retention.apply(state)
        assert client.get(f"/v1/jobs/{job['id']}").json()["tracks"][0]["decision"] == "Zoë"


def test_who_looks_for_what_was_left_waits_for_what_is_being_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = made_state(tmp_path, "Zoë")
    forget = state.gallery.forget

    def slow(person: str) -> Any:
        looking = threading.Thread(target=retention.apply, args=(state,))
        looking.start()
        looking.join(0.5)
        return forget(person)

    with serving(state) as client:
        sent(client, tmp_path)
        monkeypatch.setattr(state.gallery, "forget", slow)
        assert client.delete("/v1/people/Zoë").json()["walkers"] == 1


def test_answers_stay_as_long_as_their_name_may_come_back(tmp_path: Path) -> None:
    """Who has lost their last template by a correction is not forgotten yet: undone, they are named in the recording as before."""
    state = made_state(tmp_path, "Zoë")
    with serving(state) as client:
        job = sent(client, tmp_path)
        for template in client.get("/v1/people/Zoë").json()["templates"]:
            assert client.delete(f"/v1/people/Zoë/templates/{template['id']}").status_code == 200
        assert client.get("/v1/people/Zoë").status_code == 404
        retention.apply(state)
        assert client.get(f"/v1/jobs/{job['id']}").json()["tracks"][0]["decision"] == "Zoë"
        for change in client.get("/v1/changes").json()["changes"]:
            client.post(f"/v1/undo/{change['undo']}")
        assert len(client.get("/v1/people/Zoë").json()["templates"]) == 2


def test_as_one_who_may_not(tmp_path: Path) -> None:
    with serving(made_state(tmp_path), key="") as client:
        for method, path in (("GET", "people"), ("GET", "people/ben"), ("DELETE", "people/ben"), ("POST", "people/ben/rename"), ("GET", "unknown"),
                             ("POST", "people/ben/merge"), ("POST", "people/ben/templates"), ("GET", "people/ben/export"), ("GET", "events"),
                             ("POST", "undo/1"), ("GET", "changes"), ("POST", "unknown/1/name"), ("DELETE", "unknown/1")):
            assert client.request(method, f"/v1/{path}").status_code in (401, 403), path


def test_each_scope_opens_what_it_names_alone(tmp_path: Path) -> None:
    state = made_state(tmp_path)
    paths = [("search", "GET", "people"), ("search", "GET", "people/ben"), ("search", "GET", "changes"), ("search", "GET", "unknown"),
             ("enrol", "POST", "people/ben/templates"), ("decide", "POST", "people/ben/rename"), ("decide", "POST", "people/ben/merge"),
             ("decide", "POST", "people/ben/templates/1/move"), ("decide", "DELETE", "people/ben/templates/1"), ("decide", "POST", "undo/1"),
             ("forget", "DELETE", "people/nobody"), ("forget", "DELETE", "unknown/1"), ("administer", "GET", "people/nobody/export")]
    with serving(state, key="") as client:
        for scope in ("search", "enrol", "decide", "forget", "administer"):
            key = {"Authorization": f"Bearer {key_of(state, scope, name=scope)}"}
            for needed, method, path in paths:
                answer = client.request(method, f"/v1/{path}", headers=key, json={} if method == "POST" else None)
                assert (answer.status_code == 403) == (needed != scope), (scope, path, answer.text)
            assert client.post("/v1/unknown/1/name", headers=key, json={"person": "x"}).status_code == 403  # it takes two


def test_names_stand_by_themselves_in_words(tmp_path: Path) -> None:
    """Forgetting `ann` takes no word that holds those letters."""
    answer = {"decision": "ben", "hits": [{"person": "ann", "template_id": "1"}, {"person": "anna", "template_id": "2"}],
              "warnings": ["cannot be stated", "ann was seen at the same time", "anna was seen"]}
    assert showing._without(answer, ["ann"], []) == {"decision": "ben", "hits": [{"person": "anna", "template_id": "2"}],
                                                     "warnings": ["cannot be stated", "anna was seen"]}
    assert showing._renamed(answer, "ann", "a\\1")["warnings"][1] == "a\\1 was seen at the same time"
