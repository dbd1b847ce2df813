"""Walks that have finished are there after a kill, and none is answered twice."""

import json
from pathlib import Path

import numpy as np
import pytest

from gaitbridge.errors import StoreError
from gaitbridge.service.journal import Journal

WALK = {"start_s": 1.5, "silhouettes": np.arange(6, dtype=np.uint8).reshape(1, 2, 3)}


def test_a_walk_waits_until_it_is_answered_and_once_alone(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    assert journal.finished("a", WALK)
    assert not journal.finished("a", WALK)
    assert journal.finished("b", WALK)
    again = Journal(tmp_path)  # after a kill
    (first, walk), (second, _) = again.waiting()
    assert (first, second) == ("a", "b")  # in order
    np.testing.assert_array_equal(walk["silhouettes"], WALK["silhouettes"])
    again.answered("a", {"decision": "nobody"})
    assert [name for name, _ in again.waiting()] == ["b"]
    third = Journal(tmp_path)
    assert not third.finished("a", WALK)
    assert [name for name, _ in third.waiting()] == ["b"]
    assert json.loads((tmp_path / "walks.jsonl").read_text()) == {"id": "a", "decision": "nobody"}


def test_a_kill_between_answer_and_removal_answers_nothing_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.finished("a", WALK)
    kept = {path: path.read_bytes() for path in (tmp_path / "waiting").iterdir()}
    journal.answered("a", {})
    for path, data in kept.items():
        path.write_bytes(data)
    again = Journal(tmp_path)
    assert list(again.waiting()) == []
    assert list((tmp_path / "waiting").iterdir()) == []


def test_a_line_that_a_kill_cut_off_was_never_said(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.finished("a", WALK)
    journal.answered("a", {"n": 1})
    journal.finished("b", WALK)
    with (tmp_path / "walks.jsonl").open("a") as file:
        file.write('{"id": "b", "n"')
    again = Journal(tmp_path)
    assert [name for name, _ in again.waiting()] == ["b"]
    again.answered("b", {"n": 2})
    assert [json.loads(line) for line in (tmp_path / "walks.jsonl").read_text().splitlines()] == [{"id": "a", "n": 1}, {"id": "b", "n": 2}]


def test_damage_is_one_line(tmp_path: Path) -> None:
    Journal(tmp_path)
    (tmp_path / "walks.jsonl").write_text('{"id": "a"}\n{"person": 3}\n')
    with pytest.raises(StoreError, match=r"walks\.jsonl, line 2, is damaged"):
        Journal(tmp_path)
    (tmp_path / "walks.jsonl").unlink()
    journal = Journal(tmp_path)
    journal.finished("a", WALK)
    (place,) = (tmp_path / "waiting").iterdir()
    place.write_bytes(place.read_bytes()[:-3])
    assert list(journal.waiting()) == []  # of a broken disk


def test_films_are_remembered_by_content(tmp_path: Path) -> None:
    Journal(tmp_path).film_done("a.mp4", "0123", pictures=3)
    assert Journal(tmp_path).films == {"0123"}


def test_a_full_disk_is_one_line_and_what_was_there_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path)
    journal.finished("a", WALK)
    journal.answered("a", {"n": 1})
    journal.finished("b", WALK)

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gaitbridge.gallery.locks.os.write", full)
    with pytest.raises(StoreError, match=r"cannot write .*No space left on device; free some space"):
        journal.answered("b", {"n": 2})
    monkeypatch.undo()
    again = Journal(tmp_path)
    assert [name for name, _ in again.waiting()] == ["b"]
    assert (tmp_path / "walks.jsonl").read_text() == '{"id": "a", "n": 1}\n'
