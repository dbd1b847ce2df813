"""A gallery put right by hand: renamed, merged, moved, dropped; undone after a restart; forgotten with all that was kept for it."""

import base64
import json
import time
import uuid
from pathlib import Path

import numpy as np
import pytest
from gallery_people import SHAPE, WEIGHTS, embeddings, files_with, make, walks

from gaitbridge.errors import UserError
from gaitbridge.gallery import audit, undo
from gaitbridge.gallery.cohort import made_of
from gaitbridge.gallery.decision import calibrate
from gaitbridge.gallery.gallery import Gallery
from gaitbridge.gallery.templates import vectors_of
from gaitbridge.types import Embeddings

ANN, BEN = "Ann Njálsdóttir", "ben"
PEOPLE = [ANN, ANN, BEN, "cleo"]


@pytest.fixture(params=["lancedb", "milvus"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"{request.getfixturevalue('milvus')}/a{uuid.uuid4().hex[:8]}" if request.param == "milvus" else str(tmp_path / "gallery")


@pytest.fixture
def gallery(place: str) -> Gallery:
    made = make(place)
    made.enrol(embeddings(PEOPLE), walks(PEOPLE))
    return made


def owners(gallery: Gallery) -> dict[str, int]:
    return {name: len(rows) for name, rows in gallery.people().items()}


def found(gallery: Gallery, person: str) -> str:
    return gallery.search(embeddings([person], seed=7))[0][0].person


def test_renamed_and_back(gallery: Gallery, place: str) -> None:
    number = gallery.person(ANN)[0].person_id
    change = gallery.rename_person(ANN, "  Anna ")
    assert owners(gallery) == {"Anna": 2, BEN: 1, "cleo": 1}
    assert found(gallery, ANN) == "Anna"
    assert {row.person_id for row in gallery.person("Anna")} == {number}
    with pytest.raises(UserError, match="'cleo' is enrolled already: choose another name, or merge"):
        gallery.rename_person(BEN, "cleo")
    with pytest.raises(UserError, match="nobody called"):
        gallery.rename_person(ANN, "somebody")
    again = Gallery(place)  # as after a restart
    assert [one.id for one in again.changes("Anna")] == [change.id]
    assert again.undo(change.id).what == "rename"
    assert owners(again) == {ANN: 2, BEN: 1, "cleo": 1}
    assert found(again, ANN) == ANN
    with pytest.raises(UserError, match="nothing that can be undone"):
        again.undo(change.id)
    assert gallery.check()["templates"] == 4


def test_what_came_later_stands_in_the_way(gallery: Gallery) -> None:
    first = gallery.rename_person(ANN, "Anna")
    second = gallery.rename_person("Anna", "Annie")
    with pytest.raises(UserError, match="renamed again"):
        gallery.undo(first.id)
    gallery.undo(second.id)
    gallery.enrol(embeddings([ANN], seed=3), walks([ANN], tag="new"))
    with pytest.raises(UserError, match="is enrolled already"):
        gallery.undo(first.id)
    template = gallery.person(BEN)[0].id
    gallery.move(template, BEN, "cleo")
    moved = gallery.changes("cleo")[0]
    gallery.move(template, "cleo", "dora")
    with pytest.raises(UserError, match="was moved again"):
        gallery.undo(moved.id)
    gallery.forget("dora")
    assert [change.what for change in gallery.changes()] == ["move", "rename"]
    with pytest.raises(UserError, match="the template is gone"):
        gallery.undo(moved.id)


def test_merged_and_back(gallery: Gallery, place: str) -> None:
    change = gallery.merge(ANN, BEN)
    assert found(gallery, BEN) == ANN
    assert gallery.links() == [[ANN, BEN]]
    with pytest.raises(UserError, match="linked with"):
        gallery.merge("cleo", BEN)
    assert [one.what for one in gallery.changes()] == ["merge"]
    again = Gallery(place)
    again.undo(change.id)
    assert again.links() == []
    assert found(again, BEN) == BEN


def test_not_this_person_but_that_one(gallery: Gallery, place: str) -> None:
    template = gallery.person(BEN)[0]
    change = gallery.move(template.id, BEN, "cleo")
    assert owners(gallery) == {ANN: 2, "cleo": 2}
    assert {row.person_id for row in gallery.person("cleo")} == {gallery.person("cleo")[0].person_id}
    with pytest.raises(UserError, match="has no template"):
        gallery.move(template.id, ANN, "cleo")
    again = Gallery(place)
    again.undo(change.id)
    assert owners(again) == {ANN: 2, BEN: 1, "cleo": 1}
    assert again.person(BEN)[0] == template
    back = again.move(template.id, BEN, "somebody new")
    assert owners(again) == {ANN: 2, "cleo": 1, "somebody new": 1}
    again.undo(back.id)
    assert again.person(BEN)[0] == template
    assert again.check()["templates"] == 4


def test_not_this_person_and_nobody_knows_whose(gallery: Gallery, place: str) -> None:
    template = gallery.person(ANN)[1]
    change = gallery.drop(template.id, ANN)
    assert owners(gallery) == {ANN: 1, BEN: 1, "cleo": 1}
    again = Gallery(place)
    again.undo(change.id)
    assert template in again.person(ANN)
    assert again.check()["templates"] == 4  # the vector's digest is as it was
    last = again.drop(again.person(BEN)[0].id, BEN)
    assert BEN not in owners(again)
    again.undo(last.id)
    assert found(again, BEN) == BEN


def test_the_log_names_no_one(gallery: Gallery) -> None:
    number = gallery.person(ANN)[0].person_id
    gallery.undo(gallery.rename_person(ANN, "Anna").id)
    gallery.drop(gallery.person(ANN)[0].id, ANN)
    lines, _ = audit.read(gallery.index)
    mine = [line["command"] for line in lines if number in line.get("people", [])]
    assert [command for command in mine if command != "list"] == ["enrol", "rename", "undo", "drop"]
    assert "Ann" not in json.dumps(lines)


def traces(folder: Path, vector: np.ndarray, *names: str) -> list[str]:
    """Files that hold a name in any usual coding, or a piece of a vector, as numbers or in base64."""
    texts = {name.encode(coding) for name in names for coding in ("utf-8", "utf-16-le")} | {json.dumps(name)[1:-1].encode() for name in names}
    data = vector.astype("<f4").tobytes()
    pieces = {data[start : start + 24] for start in range(0, len(data), 64)}
    coded = {base64.b64encode(data[start : start + 24]) for start in range(0, len(data), 3 * 8)}
    return sorted({file for needle in texts | pieces | coded for file in files_with(folder, needle)})


def test_forgotten_with_all_that_could_be_undone(tmp_path: Path) -> None:
    """Who was renamed, moved and dropped: old names, old bytes and what was kept to undo it go by one word."""
    folder = tmp_path / "gallery"
    gallery = make(folder)
    crowd = [f"p{number:03d}" for number in range(200)]  # so that the files are not rewritten by themselves
    gallery.enrol(embeddings([*crowd, *PEOPLE]), walks([*crowd, *PEOPLE]))
    vectors = vectors_of(embeddings([*crowd, *PEOPLE]))[-4:]
    gallery.rename_person(ANN, "Anna Åkerblom")
    first, second = gallery.person("Anna Åkerblom")
    gallery.drop(first.id, "Anna Åkerblom")
    gallery.move(second.id, "Anna Åkerblom", BEN)
    gallery.undo(gallery.changes()[0].id)
    for vector in vectors[:2]:
        assert traces(folder, vector)
    assert traces(folder, vectors[0][:0], ANN)
    assert traces(folder, vectors[0][:0], "Anna Åkerblom")
    gallery.forget("Anna Åkerblom")
    assert gallery.changes() == []
    for vector in vectors[:2]:
        assert traces(folder, vector, ANN, "Anna Åkerblom") == []
    assert gallery.check()["templates"] == 202


def test_on_milvus_as_well(milvus: str, milvus_folder: Path) -> None:
    """What could be undone is gone at once; the templates' bytes when somebody tidies, as always there."""
    gallery = make(f"{milvus}/u{uuid.uuid4().hex[:8]}")
    names = ["Ólafur Þór", "Ólafur Þór", "zed"]  # the server's other galleries have the others
    gallery.enrol(embeddings(names, seed=77), walks(names))
    vectors = vectors_of(embeddings(names, seed=77))[:2]
    coded = [base64.b64encode(vector.astype("<f4").tobytes())[:64] for vector in vectors]
    gallery.rename_person("Ólafur Þór", "Óli Åkerblom")
    gallery.drop(gallery.person("Óli Åkerblom")[0].id, "Óli Åkerblom")
    assert any(files_with(milvus_folder, needle) for needle in coded)
    gallery.forget("Óli Åkerblom")
    assert gallery.changes() == []
    assert not any(files_with(milvus_folder, needle) for needle in coded)
    gallery.purge()
    for vector in vectors:
        assert traces(milvus_folder, vector, "Ólafur Þór", "Óli Åkerblom") == []


def test_who_has_nothing_left_but_what_can_be_undone_is_forgotten(tmp_path: Path) -> None:
    gallery = make(tmp_path / "gallery")
    gallery.enrol(embeddings(PEOPLE), walks(PEOPLE))
    vector = vectors_of(embeddings(PEOPLE))[2]
    gallery.drop(gallery.person(BEN)[0].id, BEN)
    assert gallery.forget(BEN)[0] == 0
    assert traces(tmp_path / "gallery", vector) == []
    with pytest.raises(UserError, match="nobody called"):
        gallery.forget(BEN)


def test_what_was_dropped_goes_when_it_can_be_undone_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gallery = make(tmp_path / "gallery")
    gallery.enrol(embeddings(PEOPLE), walks(PEOPLE))
    vector = vectors_of(embeddings(PEOPLE))[2]
    change = gallery.drop(gallery.person(BEN)[0].id, BEN)
    assert traces(tmp_path / "gallery", vector)
    gallery.purge()
    assert gallery.changes()
    now = time.time()
    monkeypatch.setattr("gaitbridge.gallery.amending.time.time", lambda: now + undo.KEPT_S + 1)
    assert gallery.changes() == []
    with pytest.raises(UserError, match="nothing that can be undone"):
        gallery.undo(change.id)
    gallery.purge()
    assert traces(tmp_path / "gallery", vector, BEN) == []


def test_a_kill_before_the_change_leaves_nothing_to_mend(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was kept to undo a change that was never made undoes nothing."""
    template = gallery.person(BEN)[0]

    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        for name in ("change", "drop"):
            patched.setattr(gallery.index, name, killed)
        for what in (lambda: gallery.rename_person(ANN, "Anna"), lambda: gallery.move(template.id, BEN, ANN), lambda: gallery.drop(template.id, BEN)):
            with pytest.raises(Killed):
                what()
    assert len(gallery.changes()) == 3
    for change in gallery.changes():
        gallery.undo(change.id)
    assert owners(gallery) == {ANN: 2, BEN: 1, "cleo": 1}
    assert gallery.check()["templates"] == 4


def test_the_cohort_knows_the_new_name(tmp_path: Path) -> None:
    """Else they would stay in it under the old one when they are forgotten."""
    gallery = make(tmp_path / "gallery")
    names = [f"q{number:02d}" for number in range(20)] * 3
    side = Embeddings(embeddings(names, seed=5).values, "euclidean", "silhouettes", WEIGHTS)
    cohort = made_of({"camera": embeddings([ANN, ANN, "dora"])}, {"camera": [ANN, ANN, "dora"]}, False, "known")
    types = [f"{name}/{number}" for number, name in enumerate(names)]
    gallery.keep_calibration(calibrate([side], [names], [types], "known", "h" * 32, "2026-11-21", (0.1,), cohort=cohort), cohort)
    gallery.enrol(embeddings(PEOPLE), walks(PEOPLE))
    change = gallery.rename_person(ANN, "Anna")
    kept = gallery.cohort()
    assert kept is not None
    assert set(kept.people["camera"]) == {"Anna", "dora"}
    gallery.undo(change.id)
    gallery.rename_person(ANN, "Anna")
    gallery.forget("Anna")
    kept = gallery.cohort()
    assert kept is not None
    assert set(kept.people["camera"]) == {"dora"}
    assert gallery.shape == SHAPE


def test_only_so_many_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(undo, "MOST", 2)
    gallery = make(tmp_path / "gallery")
    gallery.enrol(embeddings(PEOPLE), walks(PEOPLE))
    for name in ("b1", "b2", "b3"):
        gallery.rename_person(gallery.changes()[0].after if gallery.changes() else BEN, name)
    gallery.purge()
    assert [change.after for change in gallery.changes()] == ["b3", "b2"]
