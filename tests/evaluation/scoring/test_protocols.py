"""Protocols are data: which rows they take, and what they say when they find none."""

from pathlib import Path

import pytest
from fake_store import TAKES, make_store

from gaitbridge.data.protocols import Protocol, Rule, load_protocol
from gaitbridge.errors import UserError
from gaitbridge.store import Store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return make_store(tmp_path_factory.mktemp("protocols") / "store", people=2, views=("000", "090"))


def walks(store: Store, numbers: list[int]) -> set[tuple[str, int]]:
    return {(store.rows[number]["condition"], store.rows[number]["take"]) for number in numbers}


def test_simulated_takes_every_other_walk_as_a_probe(store: Store) -> None:
    probes, gallery = load_protocol("simulated").choose(store.rows)
    assert walks(store, gallery) == {("normal", 0)}
    assert walks(store, probes) == set(TAKES) - {("normal", 0)}
    assert len(probes) + len(gallery) == len(store.rows)


def test_real_motion_compares_takes(store: Store) -> None:
    probes, gallery = load_protocol("real-motion").choose(store.rows)
    assert (walks(store, probes), walks(store, gallery)) == ({("normal", 1)}, {("normal", 0)})


@pytest.mark.parametrize("name", ["simulated", "real-motion"])
def test_no_sequence_is_its_own_mate(name: str, store: Store) -> None:
    probes, gallery = load_protocol(name).choose(store.rows)
    assert not set(probes) & set(gallery)


def test_a_protocol_that_compares_a_sequence_with_itself_is_refused(store: Store) -> None:
    everything = Protocol("bad", probe=Rule(), gallery=Rule())
    with pytest.raises(ValueError, match="both probe and gallery"):
        everything.choose(store.rows)


def test_only_sequences_that_were_embedded_take_part(store: Store) -> None:
    keys = [row["key"] for row in store.rows if row["person"] == "p0000"]
    probes, gallery = load_protocol("simulated").choose(store.rows, keys, None)
    assert {store.rows[number]["person"] for number in probes} == {"p0000"}
    assert {store.rows[number]["person"] for number in gallery} == {"p0000", "p0001"}


def test_mistakes_say_what_to_do(tmp_path: Path, store: Store) -> None:
    with pytest.raises(UserError, match="did you mean 'simulated'"):
        load_protocol("simulation")
    rows = [row for row in store.rows if row["take"] == 1]
    with pytest.raises(UserError, match=r"finds no gallery among 4 sequences.*split test, condition normal, take 0"):
        load_protocol("simulated").choose(rows)
