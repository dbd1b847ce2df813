"""A cohort made in parts is the one made in one piece: its content, whoever made what, in which order, and twice at once."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from toy import toy_sequence

from gaitbridge.errors import UserError
from gaitbridge.parts import PLACE, Part, survey
from gaitbridge.simulation import cohort
from gaitbridge.simulation.cohort import simulate, simulate_part
from gaitbridge.simulation.settings import CohortConfig
from gaitbridge.simulation.takes import Person
from gaitbridge.store import Store, shard_path
from gaitbridge.types import Sequence

TINY = CohortConfig.model_validate({"people": {"train": 4, "val": 0, "test": 1}, "takes": [["normal"]], "views": ["000"], "frames": 2})


def rendered(config: CohortConfig, person: Person, source: str) -> Iterator[Sequence]:
    """In place of a walker, whom nothing here is about: an ellipse of the person's own."""
    yield toy_sequence(int(person.name[1:]), person.split, "normal", 0, 0)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cohort, "render_person", rendered)
    monkeypatch.setattr(cohort, "open_body", lambda *_: None)


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    store = tmp_path / "whole"
    simulate(store, TINY, 0)
    return store


def make(store: Path, number: int, of: int) -> dict[str, Any] | None:
    return simulate_part(store, TINY, Part(number, of), 0)


def same(store: Path, whole: Path) -> None:
    Store(store).verify()
    assert json.loads((store / "store.json").read_text()) == json.loads((whole / "store.json").read_text())
    assert (store / "index.parquet").read_bytes() == (whole / "index.parquet").read_bytes()


def test_parts_in_any_order_are_one_piece(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = tmp_path / "store"
    assert make(store, 3, 3) is None
    with pytest.raises(UserError, match="is unfinished"):
        Store(store)
    assert make(store, 1, 3) is None
    assert survey(store / PLACE, store).missing == ("p0001", "p0004")
    assert make(store, 2, 3) is not None
    same(store, whole)
    monkeypatch.setattr(cohort, "render_person", None)  # nothing is made again, by a part or in one piece
    assert make(store, 3, 3) is not None
    assert make(store, 5, 7) is not None
    simulate(store, TINY, 0)
    same(store, whole)


def test_twice_the_same_part_at_once(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second copy begins while the first is at its first person, and does all of it."""
    store = tmp_path / "store"

    def slowly(config: CohortConfig, person: Person, source: str) -> Iterator[Sequence]:
        monkeypatch.setattr(cohort, "render_person", rendered)
        assert make(store, 1, 1) is not None
        same(store, whole)
        return rendered(config, person, source)

    monkeypatch.setattr(cohort, "render_person", slowly)
    assert make(store, 1, 1) is not None
    same(store, whole)


def test_a_lost_shard_is_missing_and_made_again(whole: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    make(store, 1, 2)
    make(store, 2, 2)
    shard_path(store, "p0001").unlink()
    assert survey(store / PLACE, store).missing == ("p0001",)
    assert make(store, 1, 2) is None
    assert make(store, 2, 2) is not None
    same(store, whole)


def test_one_piece_and_parts_are_not_at_it_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = tmp_path / "store"

    def meanwhile(*_: object) -> Any:
        simulate(store, TINY, 0)

    monkeypatch.setattr(cohort, "render_person", meanwhile)
    with pytest.raises(UserError, match="another process is writing here"):
        make(store, 1, 2)


def test_parts_of_another_cohort_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cohort, "render_person", lambda *_: [])
    make(tmp_path / "store", 1, 2)
    with pytest.raises(UserError, match="differs in seed"):
        simulate_part(tmp_path / "store", TINY.model_copy(update={"seed": 9}), Part(2, 2), 0)
