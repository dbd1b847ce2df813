"""A name is one name however it is spelt, at every door: a José of a Mac's folder and a José of a keyboard are one person."""

import json
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import embedding_files as files
import numpy as np
import pyarrow.parquet as pq
import pytest
from gallery_people import embeddings, make, walks
from published_trees import dump, silhouettes
from toy import toy_sequence

from gaitbridge.capture.stores import Told, names_of
from gaitbridge.cli._gallery import chosen
from gaitbridge.data.importers._run import import_dataset
from gaitbridge.data.protocols.partition import read_probe_set
from gaitbridge.errors import UserError
from gaitbridge.evaluation.embedding.file import read_any
from gaitbridge.gallery.gallery import Gallery
from gaitbridge.gallery.templates import Where
from gaitbridge.names import canonical, spellings
from gaitbridge.report.pictures import draw_sequence, row_number
from gaitbridge.store import Store, finish_store, write_shard

JOSE = unicodedata.normalize("NFC", "José")
APART = unicodedata.normalize("NFD", JOSE)


@pytest.mark.parametrize(("given", "kept"), [
    (APART, JOSE), (f"\t {JOSE} \u00a0", JOSE), ("ann", "ann"), (" ann\n", "ann"), ("a  b", "a  b"), ("caf\udce9", r"caf\xe9"), ("\ud800", r"\ud800"),
    (unicodedata.normalize("NFD", "Nguyễn 김철수"), "Nguyễn 김철수"), ("ﬁ", "ﬁ"), ("می\u200cخواهم", "می\u200cخواهم"),
])  # fmt: skip
def test_one_spelling(given: str, kept: str) -> None:
    assert canonical(given) == kept
    assert canonical(kept) == kept


def test_all_spellings_of_a_name_have_one() -> None:
    for name in ("ann", JOSE, "Zoë Ångström", "Việt", "김철수"):
        found = spellings(name)
        assert found[0] == canonical(name)
        assert {canonical(one) for one in found} == {canonical(name)}
        assert unicodedata.normalize("NFD", name) in found
    assert len(spellings("Zoë Ångström")) == 8  # each letter with an accent by itself
    assert spellings("é" * 40) == ("é" * 40, unicodedata.normalize("NFD", "é" * 40))


def store_of(place: Path, people: list[str]) -> Store:
    for number, person in enumerate(people):
        made = [toy_sequence(number, "test", "normal", take, 0) for take in (0, 1)]
        own = [replace(one, labels=replace(one.labels, person=person, key=f"{person}/normal-{take}/000")) for take, one in enumerate(made)]
        write_shard(place, f"s{number}", own)
    finish_store(place, [f"s{number}" for number in range(len(people))], {"kind": "test"})
    return Store(place)


@pytest.fixture
def as_it_was(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Until it is called, names come in as they are given, as they did before."""
    for module in ("gaitbridge.types", "gaitbridge.store", "gaitbridge.gallery.templates"):
        monkeypatch.setattr(f"{module}.canonical", lambda name: name)
    monkeypatch.setattr("gaitbridge.gallery.index._lance.spellings", lambda name: (name,))
    monkeypatch.setattr("gaitbridge.gallery.templates.spellings", lambda name: (name,))
    return monkeypatch.undo


def test_a_store_knows_them_as_one_person(tmp_path: Path) -> None:
    store = store_of(tmp_path / "store", [JOSE, APART, f" {JOSE} ", "Ann"])
    assert {row["person"] for row in store.rows} == {JOSE, "Ann"}
    assert len(store.select(person=APART)) == len(chosen(store, [f"person={JOSE} "])) == 6
    assert {sequence.labels.person for sequence in store.read_many([0, 2, 4], ["silhouettes"])} == {JOSE}


def test_an_older_store_is_read_alike(tmp_path: Path, as_it_was: Callable[[], None]) -> None:
    store_of(tmp_path / "store", [APART, "Ann"])
    as_it_was()
    assert APART in pq.read_table(tmp_path / "store" / "index.parquet")["person"].to_pylist()
    store = Store(tmp_path / "store")
    assert {row["person"] for row in store.rows} == {JOSE, "Ann"}
    store.verify()
    for key in (f"{JOSE}/normal-1/000", f"{APART}/normal-1/000"):
        assert store.rows[row_number(store, key)]["take"] == 1


def test_a_gallery_finds_verifies_and_forgets_all_of_one(tmp_path: Path, as_it_was: Callable[[], None]) -> None:
    gallery = make(tmp_path / "gallery")
    gallery.enrol(embeddings([APART], "range_views"), walks([APART], "a", site=unicodedata.normalize("NFD", "Café")))
    as_it_was()
    gallery = Gallery(tmp_path / "gallery")
    gallery.enrol(embeddings([JOSE, "Ann"], "range_views", seed=3), walks([JOSE, "Ann "], "b", site="Café"))
    assert set(gallery.people()) == {JOSE, "Ann"}
    assert len(gallery.person(APART)) == len(gallery.person(JOSE)) == 2
    assert gallery.index.count(Where(site="Café")) == 3
    found = gallery.search(embeddings([JOSE], "silhouettes", seed=9), top=5)[0]
    assert [hit.person for hit in found if hit.person != "Ann"] == [JOSE]
    assert gallery.enrolled([walk.id for walk in walks([APART], "a")]) == {walks([APART], "a")[0].id: JOSE}
    assert gallery.forget(f" {JOSE}")[0] == 2
    assert set(gallery.people()) == {"Ann"}
    with pytest.raises(UserError, match="nobody called"):
        gallery.forget(APART)


def tree_of(root: Path, *people: str) -> Path:
    random = np.random.default_rng(0)
    for number, person in enumerate(people):
        folder = root / person / f"type{number}" / "view"
        dump(silhouettes(random), folder / "view.pkl")
    return root


def test_an_import_takes_them_as_one_person_and_finds_them_in_a_partition(tmp_path: Path) -> None:
    tree = tree_of(tmp_path / "tree", JOSE, APART, "Ann")
    (tmp_path / "p.json").write_text(json.dumps({"TRAIN_SET": ["Ann"], "TEST_SET": [f"{APART} "], "PROBE_SET": [f"{APART}-type1-view"]}))
    done = import_dataset("gait3d", tree, tmp_path / "store", partition=tmp_path / "p.json")
    assert done.problems == []
    store = Store(tmp_path / "store")
    assert {row["key"]: row["split"] for row in store.rows} == {
        f"{JOSE}/type0/view": "test", f"{JOSE}/type1/view": "test", "Ann/type2/view": "train"}
    assert store.document["about"]["probe_set"] == [f"{JOSE}/type1/view"]


def test_an_import_says_where_one_sequence_is_there_twice(tmp_path: Path) -> None:
    tree = tree_of(tmp_path / "tree", JOSE, "Ann")
    dump(silhouettes(np.random.default_rng(1)), tree / APART / "type0" / "view" / "view.pkl")
    (tmp_path / "p.json").write_text(json.dumps({"TRAIN_SET": ["Ann"], "TEST_SET": [JOSE]}))
    done = import_dataset("gait3d", tree, tmp_path / "store", partition=tmp_path / "p.json")
    (problem,) = done.problems
    assert "the same sequence twice" in problem


def test_files_of_embeddings_and_partitions(tmp_path: Path) -> None:
    made = {"embeddings": np.ones((4, 2, 1), np.float32), "labels": np.asarray([JOSE, APART, "Ann", " Ann"]), "types": np.asarray(["nm-01"] * 4),
            "views": np.asarray(["000", "018", "000", "018"])}
    assert read_any(files.write(tmp_path / "a.npz", **made)).people.tolist() == [JOSE, JOSE, "Ann", "Ann"]
    own = {"values": made["embeddings"], "keys": np.asarray([f"{APART}/normal-0/000", f"{JOSE}/normal-0/090", "Ann/bag-0/000", "Ann/bag-1/000"]),
           "provenance": np.asarray(json.dumps({"modality": "silhouettes", "weights_hash": "w", "distance": "euclidean"}))}
    assert set(read_any(files.write(tmp_path / "b.npz", **own)).people) == {JOSE, "Ann"}
    (tmp_path / "p.json").write_text(json.dumps({"PROBE_SET": [f"{APART}-normal-000"]}))
    assert read_probe_set(tmp_path / "p.json").holds(np.asarray([f"{JOSE}/normal/000", "Ann/normal/000"])).tolist() == [True, False]


def test_captures() -> None:
    assert (Told(person=f"{APART} ", site=" Caf\u0065\u0301").person, Told(site=" Caf\u0065\u0301").site) == (JOSE, "Café")
    assert names_of([APART, JOSE, "caf\udce9"], nameless="video", what="files") == [JOSE, f"{JOSE}-2", "caf_xe9"]
    with pytest.raises(UserError, match="without slashes"):
        Told(person="a\x1bb")


@pytest.mark.parametrize("person", [r"a$\frac$b", "$x^2$", "[b]李[/b]\x1b[2J", "a{b}_c^d"])
def test_a_picture_takes_any_name(person: str, tmp_path: Path) -> None:
    store = store_of(tmp_path / "store", [person])
    assert draw_sequence(store, store.rows[0]["key"], tmp_path / "a.png").stat().st_size > 5000
