"""A service whose gallery is on a Milvus server: the same answers, the same changes, and what forgetting leaves to the server."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from gallery_people import embeddings, files_with, walks
from service_made import made_state, serving
from service_sent import read_here, sent, traces

from gaitbridge.cli.gallery import check


def test_walkers_are_named_put_right_and_forgotten(milvus: str, milvus_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read_here(monkeypatch)
    place = f"{milvus}/s{uuid.uuid4().hex[:8]}"
    state = made_state(tmp_path, "ben", "a stranger", server=place)
    with serving(state) as client:
        named = sent(client, tmp_path)["tracks"][0]
        assert (named["decision"], named["hits"][0]["site"]) == ("ben", "north")
        walker = sent(client, tmp_path, first=1)
        assert walker["tracks"][0]["decision"] is None
        (cluster,) = client.get("/v1/unknown").json()["clusters"]
        assert client.post(f"/v1/unknown/{cluster['id']}/name", json={"person": "Ørjan"}).status_code == 200
        assert client.post("/v1/people/Ørjan/rename", json={"to": "Ørjan Åse"}).status_code == 200
        merged = client.post("/v1/people/cleo/merge", json={"other": "Ørjan Åse"}).json()
        found = client.get("/v1/people/Ørjan Åse").json()
        assert (found["person"], found["also"]) == ("cleo", ["Ørjan Åse"])
        assert client.post(f"/v1/undo/{merged['undo']}").status_code == 200
        found = client.get("/v1/people/Ørjan Åse").json()
        assert (found["person"], found["also"]) == ("Ørjan Åse", [])
        (template,) = found["templates"]
        dropped = client.delete(f"/v1/people/Ørjan Åse/templates/{template['id']}").json()
        assert client.get("/v1/people/Ørjan Åse").status_code == 404
        assert client.post(f"/v1/undo/{dropped['undo']}").status_code == 200
        assert [one["person"] for one in client.get("/v1/people").json()["people"]] == ["ben", "cleo", "Zoë", "Ørjan Åse"]
        export = client.get("/v1/people/Ørjan Åse/export")
        assert export.content.startswith(b"PK")
        gone = client.delete("/v1/people/Ørjan Åse").json()
        assert (gone["templates"], gone["walkers"]) == (1, 1)
        assert "check --purge" in gone["remains"]
        assert client.get(f"/v1/jobs/{walker['id']}").status_code == 404
    assert traces(state.folder, "Ørjan") == []
    assert not files_with(state.folder, walker["id"].encode())
    check(place, purge=True)
    assert traces(milvus_folder, "Ørjan") == []


def test_threads_that_enrol_one_new_person_at_once_give_them_one_number(milvus: str, tmp_path: Path) -> None:
    gallery = made_state(tmp_path, server=f"{milvus}/t{uuid.uuid4().hex[:8]}").gallery
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda tag: gallery.enrol(embeddings(["ann"]), walks(["ann"], tag)), "ab"))
    assert len({row.person_id for row in gallery.person("ann")}) == 1
    with ThreadPoolExecutor(2) as threads:  # none of the changes loses what another can undo
        list(threads.map(lambda row: gallery.drop(row.id, "ann"), gallery.person("ann")))
    assert len(gallery.changes()) == 2
