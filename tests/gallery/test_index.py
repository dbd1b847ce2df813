"""What every back end must do, over each of them: a folder, a bucket (moto over TCP), and Milvus over TCP."""

import json
import uuid
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gaitbridge import plugins
from gaitbridge.errors import StoreError, UserError
from gaitbridge.gallery import index
from gaitbridge.gallery.index import Index
from gaitbridge.gallery.index.s3 import S3Index
from gaitbridge.gallery.templates import NEVER_S, Template, Where, digest_of

BACKENDS = plugins.names("gaitbridge.gallery.index")
DIMENSION = 24
ABOUT = {"dimension": DIMENSION, "weights_hash": "w", "shape": [DIMENSION, 1], "distance": "euclidean", "modalities": ["silhouettes"]}
QUOTES = "Ö'Neil \"x\" \\ 李"


@pytest.fixture(params=BACKENDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a new gallery of each back end goes."""
    if request.param == "milvus":
        return f"{request.getfixturevalue('milvus')}/t{uuid.uuid4().hex[:8]}"
    if request.param == "s3":
        return f"{request.getfixturevalue('s3')}/some/gallery"
    return str(tmp_path / "gallery")


@pytest.fixture
def made(place: str) -> Index:
    found: Index = index.backend(place).create(place, ABOUT)
    return found


def templates(count: int, person: str = "", start: int = 0) -> tuple[list[Template], np.ndarray]:
    vectors = np.random.default_rng(start).standard_normal((count, DIMENSION)).astype(np.float32)
    rows = [Template(f"id{number:05d}", person or f"p{number}", "r", "camera" if number % 2 else "lidar", "silhouettes",
                     "north" if number % 3 else "south", f"k{number}", "d", "w", float(number), 5.0, NEVER_S if number % 5 else 100.0,
                     digest_of(vector))
            for number, vector in enumerate(vectors, start)]
    return rows, vectors


def test_the_back_ends_are_there() -> None:
    assert BACKENDS == ["lancedb", "milvus", "s3"]


def test_what_is_added_is_there_and_found(made: Index) -> None:
    rows, vectors = templates(40)
    with made.writing():
        made.add(rows[:25], vectors[:25])
        made.add(rows[25:], vectors[25:])
    again = index.backend(made.place).open_index(made.place)
    with again.reading():
        assert sorted(again.rows(Where()), key=lambda one: one.id) == rows
        blocks = [(one, vector) for some, block in again.blocks(Where()) for one, vector in zip(some, block, strict=True)]
        assert {one.id for one, _ in blocks} == {one.id for one in rows}
        assert all(digest_of(vector) == one.digest for one, vector in blocks)
        found, near = again.nearest(vectors[7], 5, Where())
    truth = np.argsort(np.linalg.norm(vectors - vectors[7], axis=1))[:5]
    assert [one.id for one in found] == [rows[number].id for number in truth]
    assert np.array_equal(near, vectors[truth])


def test_filters(made: Index) -> None:
    rows, vectors = templates(40)
    made.add(rows, vectors)
    for where, fits in (
        (Where(sensor="lidar"), lambda one: one.sensor == "lidar"),
        (Where(site="south", sensor="camera"), lambda one: one.site == "south" and one.sensor == "camera"),
        (Where(since_s=10.0, until_s=20.0), lambda one: 10 <= one.recorded_s < 20),
        (Where(alive_s=100.0), lambda one: one.expires_s > 100),
        (Where(person="p3"), lambda one: one.person == "p3"),
    ):
        wanted = {one.id for one in rows if fits(one)}
        assert wanted
        assert {one.id for one in made.rows(where)} == wanted
        assert made.count(where) == len(wanted)
        assert {one.id for one in made.nearest(vectors[0], 40, where)[0]} == wanted
    assert {one.id for one in made.known(["id00004", "nothing"], ["p9"])} == {"id00004", "id00009"}
    assert made.known([], []) == []


def test_names_are_only_names(made: Index) -> None:
    rows, vectors = templates(3, person=QUOTES)
    others, more = templates(2, start=10)
    made.add(rows + others, np.concatenate([vectors, more]))
    assert made.count(Where(person=QUOTES)) == 3
    assert len(made.known([], [QUOTES])) == 3
    made.remove(Where(person=QUOTES), None)
    assert {one.id for one in made.rows(Where())} == {one.id for one in others}


def test_removing_takes_the_expired_along(made: Index) -> None:
    rows, vectors = templates(20)
    made.add(rows, vectors)
    made.remove(Where(person="p3"), 100.0)
    assert {one.id for one in made.rows(Where())} == {one.id for one in rows if one.person != "p3" and one.expires_s > 100}
    made.remove(None, NEVER_S)
    assert made.rows(Where()) == []
    assert list(made.blocks(Where())) == []
    assert len(made.nearest(vectors[0], 5, Where())[0]) == 0
    made.add(*templates(4, start=50))  # and it goes on
    assert made.count(Where()) == 4


def test_an_index_finds_what_the_scan_finds(made: Index) -> None:
    rows, vectors = templates(300)
    made.add(rows, vectors)
    assert made.indexed() == ""
    assert made.build()
    assert index.backend(made.place).open_index(made.place).indexed()
    hits = sum(row.id in {one.id for one in made.nearest(vector, 40, Where())[0]} for row, vector in zip(rows[::10], vectors[::10], strict=True))
    assert hits == 30  # as candidates: the index ranks them by few bits a number, the gallery by whole vectors
    made.add(*templates(1, person="late", start=900))
    late = templates(1, person="late", start=900)[1][0]
    assert made.nearest(late, 3, Where())[0][0].person == "late"  # what came after the index is found as well
    made.remove(Where(person="late"), None)
    assert made.count(Where()) == 300
    assert made.nearest(late, 3, Where())[0][0].person != "late"


def test_documents_and_the_log(made: Index) -> None:
    assert made.document("calibration") is None
    made.keep_document("calibration", {"a": 1})
    made.keep_document("calibration", {"a": 2})
    assert made.document("calibration") == {"a": 2}
    for line in ("first", "second", "third"):
        made.log(line)
    assert made.log_lines() == ["first", "second", "third"]


def test_entries_are_kept_one_by_one(made: Index) -> None:
    assert made.entries("links") == {}
    made.keep_entries("links", {"a": {"of": "b"}, "c": {"of": "d"}})
    made.keep_entries("together", {"a": {"with": ["x"]}})
    made.keep_entries("links", {"c": None, "a": {"of": "e"}, "nothing": None})
    again = index.backend(made.place).open_index(made.place)
    assert again.entries("links") == {"a": {"of": "e"}}
    assert again.entries("together") == {"a": {"with": ["x"]}}


def test_names_by_random_numbers(made: Index) -> None:
    rows, vectors = templates(6)
    made.add([replace(one, person_id=f"r{number}") for number, one in enumerate(rows)], vectors)
    assert made.names_of(["r2", "r5", "gone"]) == {"r2": "p2", "r5": "p5"}
    assert made.names_of([]) == {}


def test_tidying_changes_no_answer(made: Index) -> None:
    rows, vectors = templates(20)
    made.add(rows, vectors)
    made.remove(Where(person="p3"), None)
    made.tidy()
    again = index.backend(made.place).open_index(made.place)
    assert again.count(Where()) == made.count(Where()) == 19
    assert again.nearest(vectors[5], 1, Where())[0][0].id == "id00005"


def test_there_is_one_of_a_name(made: Index) -> None:
    with pytest.raises(UserError, match="is a gallery already"):
        index.backend(made.place).create(made.place, ABOUT)
    with pytest.raises(StoreError, match=r"does not exist: make (one|it) with"):
        index.backend(made.place).open_index(f"{made.place}other")


def test_another_version_is_refused(made: Index) -> None:
    if isinstance(made, S3Index):
        made.bucket.put("gallery.json", json.dumps({**made.about, "version": 99}).encode())
    else:
        made.keep_document("about" if made.backend == "milvus" else "gallery", {**made.about, "version": 99})
    with pytest.raises(StoreError, match="version 99, this program reads version 1"):
        index.backend(made.place).open_index(made.place)


def test_an_address_that_is_none(milvus: str) -> None:
    with pytest.raises(UserError, match="names no gallery: write it as milvus://HOST:PORT/NAME"):
        index.backend("milvus://x").open_index("milvus://x")
    with pytest.raises(UserError, match="is the Milvus server up and reachable"):
        index.backend("milvus://127.0.0.1:1/x").open_index("milvus://127.0.0.1:1/x")


def test_a_template_written_twice_is_one_on_milvus(milvus: str) -> None:
    place = f"{milvus}/t{uuid.uuid4().hex[:8]}"
    made = index.backend(place).create(place, ABOUT)
    rows, vectors = templates(5)
    made.add(rows, vectors)
    made.add([replace(one, person_id="other") for one in rows], vectors)  # another writer, who did not know
    assert made.count(Where()) == 5


def test_a_long_document_is_kept_whole(made: Index, place: str) -> None:
    """Milvus keeps no text beyond 65,535 bytes: what is longer goes in parts, and nothing of the one before stays."""
    for letters in (200_000, 70_000, 10):
        document = {"text": "x" * letters}
        made.keep_document("calibration", document)
        assert index.backend(place).open_index(place).document("calibration") == document
    assert made.document("cohort") is None
