"""Templates kept in memory answer as the comparison with every one of them does, and never with what was changed or forgotten since."""

import os
import shutil
import subprocess
import sys
import time
import uuid
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from gallery_people import WEIGHTS, embeddings, make, walks
from hypothesis import given, settings
from hypothesis import strategies as st

import gaitbridge.gallery.held as memory
import gaitbridge.gallery.index.lancedb as embedded
import gaitbridge.gallery.opened as room
from gaitbridge.errors import UserError
from gaitbridge.gallery.answers import Hit, hits, template_distances
from gaitbridge.gallery.decision import Calibration, calibrate
from gaitbridge.gallery.gallery import Gallery
from gaitbridge.gallery.held import Held
from gaitbridge.gallery.templates import NEVER_S, Template, Where, vectors_of
from gaitbridge.types import Distance, Embeddings

HERE = Path(__file__).parent
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parent), *sys.path])}
NOW = 1000.0


def template(number: int, person: str, random: np.random.Generator) -> Template:
    sensor, modality = [("camera", "silhouettes"), ("lidar", "range_views")][int(random.integers(2))]
    return Template(f"{number:05d}", person, "r", sensor, modality, str(random.choice(["", "north", "south"])), "k", "d", WEIGHTS,
                    float(random.integers(0, 2000)), 5.0, float(random.choice([NOW - 1, NOW + 1, NEVER_S])), "")


def calibration(kind: Distance) -> Calibration:
    """Thresholds of camera against camera and LiDAR, whose means differ."""
    names = [f"q{number:02d}" for number in range(20)] * 3
    sides = [embeddings(names, "silhouettes", distance=kind, seed=5), embeddings(names, "range_views", distance=kind, seed=6, noise=0.8)]
    types = [f"{name}/{number}" for number, name in enumerate(names)]
    return calibrate(sides, [names, names], [types, types], "known", "h" * 32, "2026-11-21", (0.1,))


def plain(queries: Embeddings, rows: list[Template], vectors: np.ndarray, where: Where, known: Calibration | None, top: int) -> list[list[Hit]]:
    """Each query compared with every template that is admitted, one by one."""
    chosen = [number for number, row in enumerate(rows)
              if (not where.person or row.person == where.person) and (not where.sensor or row.sensor == where.sensor)
              and (not where.site or row.site == where.site) and (where.since_s is None or row.recorded_s >= where.since_s)
              and (where.until_s is None or row.recorded_s < where.until_s) and (where.alive_s is None or row.expires_s > where.alive_s)]
    return [hits([rows[k] for k in chosen], row, "camera", known, top) for row in template_distances(queries, vectors[chosen])] if chosen else []


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), kind=st.sampled_from(["euclidean", "cosine"]), count=st.integers(1, 400), people=st.integers(1, 60),
       top=st.integers(1, 8), scale=st.sampled_from([1.0, 1e-3, 300.0]), shift=st.sampled_from([0.0, 0.0, 40.0]), ordered=st.booleans(),
       where=st.sampled_from([Where(), Where(alive_s=NOW), Where(sensor="lidar"), Where(site="north", alive_s=NOW), Where(person="p1"),
                              Where(since_s=500.0, until_s=900.0)]))  # fmt: skip
def test_answers_are_those_of_the_comparison_with_all(seed: int, kind: Distance, count: int, people: int, top: int, scale: float, shift: float,
                                                      ordered: bool, where: Where) -> None:
    random = np.random.default_rng(seed)
    rows = [template(number, f"p{random.integers(people)}", random) for number in range(count)]
    values = scale * (random.standard_normal((count, 16, 4)) + shift).astype(np.float32)
    values[random.integers(count, size=count // 5)] = values[0]  # ties, and the query itself
    held_side = Embeddings(values, kind, "silhouettes", WEIGHTS)
    asked = np.concatenate([values[:1], scale * (random.standard_normal((2, 16, 4)) + shift).astype(np.float32)])
    queries, vectors = Embeddings(asked, kind, "silhouettes", WEIGHTS), vectors_of(held_side)
    cut = int(random.integers(0, count))
    held = Held(1, 4, [(rows[:cut], vectors[:cut])] if cut else []).plus(2, rows[cut:], vectors[cut:])
    admitted = held.admitted(where)
    known = calibration(kind) if ordered else None
    wanted = plain(queries, rows, vectors, where, known, top)
    assert admitted.any() == bool(wanted)
    if wanted:
        assert held.nearest(queries, admitted, "camera", known, top) == wanted


def test_people_close_together_far_from_zero() -> None:
    """Where the expanded square has lost every digit of the distance, the bounds say so."""
    random = np.random.default_rng(0)
    rows = [replace(template(number, f"p{number}", random), sensor="camera") for number in range(300)]
    values = (1000.0 + 0.01 * random.standard_normal((301, 16, 4))).astype(np.float32)
    queries, held_side = (Embeddings(side, "euclidean", "silhouettes", WEIGHTS) for side in (values[300:], values[:300]))
    held = Held(1, 4, [(rows, vectors_of(held_side))])
    assert held.nearest(queries, held.admitted(Where()), "camera", None, 5) == plain(queries, rows, vectors_of(held_side), Where(), None, 5)


def test_few_templates_are_compared_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the speed rests on: of 5,000 templates some tens remain."""
    random = np.random.default_rng(0)
    rows = [template(number, f"p{number // 4}", random) for number in range(5000)]
    values = random.standard_normal((5000, 16, 4)).astype(np.float32)
    compared: list[int] = []

    def counted(queries: Embeddings, vectors: np.ndarray) -> np.ndarray:
        compared.append(len(vectors))
        return template_distances(queries, vectors)

    monkeypatch.setattr(memory, "template_distances", counted)
    queries = Embeddings(values[:1], "euclidean", "silhouettes", WEIGHTS)
    held = Held(1, 4, [(rows, vectors_of(Embeddings(values, "euclidean", "silhouettes", WEIGHTS)))])
    held.nearest(queries, held.admitted(Where()), "camera", None, 5)
    assert 5 <= sum(compared) < 50


def test_numbers_too_large_to_be_squared_hide_nobody() -> None:
    random = np.random.default_rng(0)
    rows = [replace(template(number, f"p{number}", random), sensor="camera") for number in range(3)]
    values = np.ones((3, 16, 4), np.float32) * np.asarray([3e19, 1.0, 2.0], np.float32)[:, None, None]
    held = Held(1, 4, [(rows, vectors_of(Embeddings(values, "euclidean", "silhouettes", WEIGHTS)))])
    with np.errstate(over="ignore"):
        found = held.nearest(Embeddings(values[1:2], "euclidean", "silhouettes", WEIGHTS), held.admitted(Where()), "camera", None, 3)[0]
    assert [hit.person for hit in found] == ["p1", "p2", "p0"]


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many templates each reading of a table brought."""
    brought: list[int] = []

    class Counted(Held):
        def __init__(self, version: object, parts: int, found: object) -> None:
            super().__init__(version, parts, found)  # type: ignore[arg-type]
            brought.append(len(self.templates))

    monkeypatch.setattr(room, "Held", Counted)
    return brought


def test_the_table_is_read_once_and_again_after_others_changed_it(tmp_path: Path, reads: list[int]) -> None:
    place = tmp_path / "gallery"
    mine, names = make(place), [f"p{number}" for number in range(20)]
    mine.enrol(embeddings(names), walks(names))
    for _ in range(3):
        assert mine.search(embeddings(["p3"], seed=2))[0][0].person == "p3"
    assert reads == [20]
    other = [sys.executable, str(HERE / "writer.py"), str(place), "0", "2"]
    assert "w0001" in subprocess.run(other, env=ENVIRONMENT, capture_output=True, text=True, check=True).stdout  # another process enrols
    assert mine.search(embeddings(["w0001"], seed=2))[0][0].person == "w0001"
    assert reads == [20, 24]
    mine.enrol(embeddings(["me"]), walks(["me"]))  # what this process enrols is joined to what it holds
    assert mine.search(embeddings(["me"], seed=2))[0][0].person == "me"
    assert reads == [20, 24]
    Gallery(place).forget("p3")
    assert "p3" not in {hit.person for hit in mine.search(embeddings(["p3"], seed=2), top=99)[0]}
    mine.forget("me")
    assert "me" not in {hit.person for hit in mine.search(embeddings(["me"], seed=2), top=99)[0]}


def test_own_enrolments_join_only_what_is_current(tmp_path: Path, reads: list[int]) -> None:
    mine, other = make(tmp_path / "gallery"), Gallery(tmp_path / "gallery")
    mine.enrol(embeddings(["a"]), walks(["a"]))
    mine.search(embeddings(["a"]))
    other.enrol(embeddings(["b"]), walks(["b"]))
    mine.enrol(embeddings(["c"]), walks(["c"]))
    assert {hit.person for hit in mine.search(embeddings(["a"]))[0]} == {"a", "b", "c"}
    assert reads == [1, 3]


def test_the_forgotten_and_the_expired_leave_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = make(tmp_path / "gallery")
    now = time.time()
    for leave, later_s in ((lambda: made.forget("guest"), 0.0), (made.purge, 61.0)):
        made.enrol(embeddings(["stays", "guest"]), walks(["stays", "guest"], tag=uuid.uuid4().hex[:4]), expire_after_s=60.0)
        made.search(embeddings(["guest"]))
        assert made._kept is not None
        monkeypatch.setattr(time, "time", lambda later_s=later_s: now + later_s)
        leave()
        assert made._kept is None


def test_a_gallery_made_anew_in_the_same_place(tmp_path: Path) -> None:
    place = tmp_path / "gallery"
    mine = make(place)
    mine.enrol(embeddings(["old"]), walks(["old"]))
    assert mine.search(embeddings(["old"]))[0][0].person == "old"
    shutil.rmtree(place)
    make(place).enrol(embeddings(["new"]), walks(["new"]))
    try:
        found = [hit.person for hit in mine.search(embeddings(["old"]))[0]]
    except UserError:  # that what was opened is gone would be right as well
        return
    assert found == ["new"]


def test_too_many_to_keep_are_read_for_each_question(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "ROWS_AT_ONCE", 8)
    made, names = make(tmp_path / "gallery"), [f"p{number}" for number in range(20)]
    made.enrol(embeddings(names), walks(names))
    monkeypatch.setattr(memory, "MOST_BYTES", 20 * 64 * 4 - 1)
    asked = embeddings(["p3", "p7"], seed=2)
    one_by_one = made.search(asked)
    assert [found[0].person for found in one_by_one] == ["p3", "p7"]
    assert made._kept is None
    monkeypatch.setattr(memory, "MOST_BYTES", 20 * 64 * 4)
    assert made.search(asked) == one_by_one
    assert made._kept is not None


def test_a_small_container_keeps_less(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "memory_bytes", lambda: 1 << 30)
    assert memory.fits(50_000, 1024)
    assert not memory.fits(100_000, 1024)
    monkeypatch.setattr(memory, "memory_bytes", lambda: 2 << 30)
    assert memory.fits(100_000, 1024)


def test_a_library_that_gives_up_for_want_of_files_is_one_line() -> None:
    class PanicException(BaseException):
        """As the library's, which cannot be imported."""

    with pytest.raises(UserError, match=r"cannot read here: this process may not open more than \d+ files at once"), embedded.clear("here", "read"):
        raise PanicException('failed to create UnixStream: Os { code: 24, kind: Uncategorized, message: "Too many open files" }')
    with pytest.raises(KeyboardInterrupt), embedded.clear("here", "read"):
        raise KeyboardInterrupt
