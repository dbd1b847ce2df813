"""Forgotten means gone: neither vectors nor names are in any file, nor in any older version of the gallery."""

import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import lancedb
import numpy as np
import pyarrow as pa
import pytest
from gallery_people import embeddings, files_with, make, walks

import gaitbridge.gallery.index.lancedb as embedded
from gaitbridge.errors import UserError
from gaitbridge.gallery import audit
from gaitbridge.gallery.gallery import Gallery
from gaitbridge.gallery.templates import Template, Where, vectors_of

NAME = "Zoë Ångström-Łukasz"
OTHERS = [f"p{number:04d}" for number in range(400)] * 3


def traces(folder: Path, gone: np.ndarray, name: str = NAME) -> list[str]:
    """Files that hold the name in any usual coding, or a quarter of any of the vectors."""
    found = [file for coding in ("utf-8", "utf-16-le", "utf-16-be", "latin-1") for file in files_with(folder, name.encode(coding, "replace"))]
    for vector in gone:
        for piece in np.split(vector, 4):
            found += files_with(folder, piece.astype("<f4").tobytes()) + files_with(folder, piece.astype("<f8").tobytes())
    return found


@pytest.fixture
def gallery(tmp_path: Path) -> Gallery:
    """Many people in one file, so that the one to be forgotten is a small part of it, and later ones in others."""
    made = make(tmp_path / "gallery")
    people = [*OTHERS, NAME, NAME]
    made.enrol(embeddings(people, "range_views"), walks(people, site="north"))
    made.enrol(embeddings([NAME]), walks([NAME], tag="later"), expire_after_s=1e6)
    made.enrol(embeddings(OTHERS[:50]), walks(OTHERS[:50], tag="later"))
    return made


def vectors(person: str = NAME) -> np.ndarray:
    both = vectors_of(embeddings([*OTHERS, person, person], "range_views"))[-2:]
    return np.concatenate([both, vectors_of(embeddings([person]))])


def test_forgotten_means_gone(gallery: Gallery, tmp_path: Path) -> None:
    folder = tmp_path / "gallery"
    ident = gallery.person(NAME)[0].person_id
    assert files_with(folder, NAME.encode())  # the test can fail: both are there to be seen before
    assert all(files_with(folder, vector.astype("<f4").tobytes()) for vector in vectors())

    count, _ = gallery.forget(NAME)

    assert count == 3
    assert traces(folder, vectors()) == []
    table = lancedb.connect(folder).open_table("templates")
    for version in table.list_versions():
        table.checkout(version["version"])
        assert table.count_rows(f"person = '{NAME}'") == 0
    assert len(table.list_versions()) == 1
    lines, _ = audit.read(gallery.index)
    assert lines[-1]["people"] == [ident]
    assert not {one.person_id for one in gallery.index.rows(Where())} & {ident}  # nothing leads from the log to a name
    with pytest.raises(UserError, match="nobody called"):
        gallery.person(NAME)
    assert gallery.check()["templates"] == 1250
    assert gallery.search(embeddings(["p0007"], seed=2))[0][0].person == "p0007"


def test_a_small_part_of_one_file_is_gone_as_well(tmp_path: Path) -> None:
    """One of twelve hundred in a single file with nothing to be joined with: LanceDB's own pruning would keep the bytes."""
    made = make(tmp_path / "gallery")
    people = [*OTHERS, NAME]
    enrolled = embeddings(people)
    made.enrol(enrolled, walks(people))
    data = tmp_path / "gallery" / "templates.lance" / "data"
    assert len(list(data.iterdir())) == 1
    gone = vectors_of(enrolled)[-1:]
    assert len(traces(tmp_path / "gallery", gone)) >= 5  # the name and four pieces
    made.forget(NAME)
    assert traces(tmp_path / "gallery", gone) == []
    assert made.check()["templates"] == 1200


def test_enrolled_again_they_are_somebody_new(gallery: Gallery) -> None:
    before = gallery.person(NAME)[0].person_id
    gallery.forget(NAME)
    assert gallery.enrol(embeddings([NAME]), walks([NAME], tag="later")).added == {NAME: 1}
    assert gallery.person(NAME)[0].person_id != before


def test_the_index_holds_nothing_of_them(gallery: Gallery, tmp_path: Path) -> None:
    gallery.build_index()
    assert gallery.index.indexed()
    count, remains = gallery.forget(NAME)
    assert count == 3
    assert "build it anew with `gallery index`" in remains
    assert traces(tmp_path / "gallery", vectors()) == []
    indices = tmp_path / "gallery" / "templates.lance" / "_indices"
    assert not indices.exists() or not [path for path in indices.rglob("*") if path.is_file()]
    assert Gallery(tmp_path / "gallery").index.indexed() == ""


def test_the_expired_are_gone_as_well(gallery: Gallery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    guest = embeddings(["a guest"], seed=7)
    gallery.enrol(guest, walks(["a guest"]), expire_after_s=100.0)
    now = time.time()
    monkeypatch.setattr("gaitbridge.gallery.gallery.time.time", lambda: now + 200)
    gallery.enrol(embeddings(["p0001"], seed=5), walks(["p0001"], tag="new"))
    assert traces(tmp_path / "gallery", vectors_of(guest), "a guest") == []


def test_an_enrolment_that_failed_leaves_nothing_of_them(gallery: Gallery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Vectors are written, then the commit fails: they are removed, for nobody will ever ask to forget them."""
    stranger = embeddings(["Somebody Else"] * 2, seed=11)
    table = embedded.as_table

    def broken(templates: list[Template], vectors: np.ndarray) -> pa.RecordBatchReader:
        whole = table(templates, vectors)

        def batches() -> Iterator[pa.RecordBatch]:
            yield from whole.to_batches()
            (left := tmp_path / "gallery" / "templates.lance" / "data" / "left.lance").write_bytes(vectors.tobytes())
            assert left.exists()
            raise OSError(28, "No space left on device")

        return pa.RecordBatchReader.from_batches(whole.schema, batches())

    monkeypatch.setattr(embedded, "as_table", broken)
    with pytest.raises(UserError, match="No space left on device; the gallery is as it was"):
        gallery.enrol(stranger, walks(["Somebody Else"] * 2))
    assert traces(tmp_path / "gallery", vectors_of(stranger), "Somebody Else") == []
    assert gallery.check()["templates"] == 1253


def test_on_milvus_they_are_out_of_every_answer_and_tidying_removes_the_bytes(milvus: str, milvus_folder: Path) -> None:
    made = make(f"{milvus}/f{uuid.uuid4().hex[:8]}")
    people = [*OTHERS[:100], NAME]
    enrolled = embeddings(people)
    made.enrol(enrolled, walks(people))
    gone = vectors_of(enrolled)[-1]
    assert files_with(milvus_folder, gone.astype("<f4").tobytes())
    count, remains = made.forget(NAME)
    assert count == 1
    assert "--purge" in remains
    assert NAME not in {hit.person for hit in made.search(embeddings([NAME]), top=200)[0]}
    made.purge()
    assert files_with(milvus_folder, gone.astype("<f4").tobytes()) == []
    assert files_with(milvus_folder, NAME.encode()) == []
    assert made.check()["templates"] == 100
