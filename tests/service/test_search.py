"""Questions over HTTP: answered as by the gallery itself, from embeddings and sequences, as JSON and as files; another network's are refused."""

import base64
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gallery_people import WEIGHTS, embeddings
from service_made import made_state, serving
from video_files import walk

from gaitbridge.evaluation.embedding.file import read_embeddings
from gaitbridge.geometry.silhouette import align
from gaitbridge.service.state import State
from gaitbridge.types import Embeddings


@pytest.fixture
def state(tmp_path: Path) -> State:
    return made_state(tmp_path, "ben", "ben")


def packed(array: np.ndarray) -> dict[str, Any]:
    return {"shape": list(array.shape), "dtype": str(array.dtype), "data": base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()}


def given(asked: Embeddings, **more: Any) -> dict[str, Any]:
    return {"embeddings": {"modality": asked.modality, "weights_hash": asked.weights_hash, "values": asked.values.tolist()}} | more


def silhouettes() -> np.ndarray:
    return np.stack([align(mask, (64, 44))[0] for mask in walk(40)])


def test_a_search_says_what_the_gallery_says(state: State) -> None:
    asked = embeddings(["cleo", "ben"], seed=7)
    expected = state.gallery.search(asked, top=2)
    with serving(state) as client:
        plain = client.post("/v1/search", json=given(asked, top=2)).json()
        question = {"embeddings": {"modality": "camera", "weights_hash": WEIGHTS, "packed": packed(asked.values)}, "top": 2}
        assert client.post("/v1/search", json=question).json() == plain
    for result, hits in zip(plain["results"], expected, strict=True):
        assert [(hit["person"], hit["template_id"], hit["distance"], hit["false_match_rate"]) for hit in result["hits"]] == [
            (hit.person, hit.template.id, hit.distance, hit.rate) for hit in hits]
    assert "calibrated on known" in plain["provenance"]


def test_with_reject_it_decides_each_or_all_together(state: State) -> None:
    asked = embeddings(["cleo", "a stranger"], seed=7)
    with serving(state) as client:
        each = client.post("/v1/search", json=given(asked, reject=0.05)).json()["results"]
        both = client.post("/v1/search", json=given(embeddings(["cleo", "cleo"], seed=8), reject=0.05, together=True)).json()["results"]
        assert 'gaitbridge_walks_total{outcome="named"} 2.0' in client.get("/metrics").text
    assert [(one["outcome"], one["decision"]) for one in each] == [("named", "cleo"), ("nobody", None)]
    assert [(one["queries"], one["decision"]) for one in both] == [([0, 1], "cleo")]


def test_sequences_are_judged_and_embedded_here(state: State, tmp_path: Path) -> None:
    noise = (np.random.default_rng(0).random((40, 64, 44)) < 0.5).astype(np.uint8) * 255
    with serving(state) as client:
        question = {"sequences": [{"silhouettes": packed(noise)}, {"silhouettes": packed(silhouettes())}], "top": 1}
        first, second = client.post("/v1/search", json=question).json()["results"]
        np.savez(tmp_path / "a.npz", silhouettes=silhouettes())
        filed = client.post("/v1/search?top=1", content=(tmp_path / "a.npz").read_bytes()).json()["results"]
    assert first["outcome"] == "unfit"
    assert "below 0.2" in first["problem"]
    assert second["hits"][0]["person"] == filed[0]["hits"][0]["person"] == "ben"


def test_a_file_of_embeddings_is_asked_about(state: State, tmp_path: Path) -> None:
    asked = embeddings(["cleo"], seed=7)
    about = json.dumps({"weights_hash": WEIGHTS, "modality": "silhouettes", "distance": "euclidean"})
    np.savez(tmp_path / "e.npz", values=asked.values, keys=np.array(["cleo/normal-0/000"]), provenance=np.array(about))
    assert read_embeddings(tmp_path / "e.npz").weights_hash == WEIGHTS
    with serving(state) as client:
        found = client.post("/v1/search?reject=0.05", content=(tmp_path / "e.npz").read_bytes()).json()
    assert found["results"][0]["decision"] == "cleo"


def test_verify_says_what_the_gallery_says(state: State) -> None:
    asked = embeddings(["cleo", "ben"], seed=7)
    expected = state.gallery.verify(asked, "cleo", rate=0.01)
    with serving(state) as client:
        found = client.post("/v1/verify", json=given(asked, person="cleo", rate=0.01)).json()
        assert found["results"] == json.loads(json.dumps([{"query": n, **asdict(one)} for n, one in enumerate(expected)]))
        assert [one["accepted"] for one in found["results"]] == [True, False]
        unknown = client.post("/v1/verify", json=given(asked, person="nobody here"))
        assert unknown.status_code == 404


@pytest.mark.parametrize(("change", "status", "words"), [
    ({"embeddings": {"weights_hash": "f" * 32}}, 400, "another network"), ({"embeddings": {"values": [[[1.0], [2.0, 3.0]]]}}, 400, "unlike lengths"),
    ({"embeddings": {"values": [[[1.0]]]}}, 400, "of shape"), ({"embeddings": {"modality": "radar"}}, 400, "radar"),
    ({"embeddings": {"packed": {"shape": [1, 2], "data": "AAAA"}, "values": None}}, 400, "3 bytes are no float32"),
    ({"embeddings": {"packed": {"shape": [1, 2], "data": "??"}, "values": None}}, 400, "no base64"),
    ({"embeddings": None}, 400, "give either"), ({"sequences": []}, 400, "give either"), ({"top": 0}, 422, "top"), ({"tops": 3}, 422, "tops"),
    ({"sensor": "radar"}, 400, "radar"), ({"since": "once"}, 400, "is no time"), ({"reject": 1e-9}, 400, "cannot be stated")])
def test_mistakes_are_said(state: State, change: dict[str, Any], status: int, words: str) -> None:
    question = given(embeddings(["ben"]))
    for name, value in change.items():
        question[name] = question[name] | value if isinstance(value, dict) else value
    with serving(state) as client:
        answer = client.post("/v1/search", json=question)
    assert answer.status_code == status
    assert words in answer.json()["detail"]


def test_what_is_no_question_is_refused_whatever_it_is(state: State, tmp_path: Path) -> None:
    with serving(state) as client:
        for body in (b"", b"[", b"\xff\xfe", b"[" * 100_000, b'{"embeddings": 3}'):
            assert client.post("/v1/search", content=body).status_code == 422
        np.savez(tmp_path / "o.npz", silhouettes=np.array([{}], dtype=object))
        for body in ((tmp_path / "o.npz").read_bytes(), b"PK\x03\x04 no archive"):
            answer = client.post("/v1/search", content=body)
            assert answer.status_code == 400
            assert str(tmp_path) not in answer.text
        endless = client.post("/v1/search", content=iter([bytes(2**20)] * 65))
        assert endless.status_code == 413
