"""Batches are a pure function of (seed, step)."""

import numpy as np
import pytest
import torch

from gaitbridge.data.batches import DataConfig, TrainingBatches, padded
from gaitbridge.data.sampling import Plan, plan_batch
from gaitbridge.errors import UserError
from gaitbridge.store import Store

PEOPLE = {f"p{n}": list(range(10 * n, 10 * n + 5)) for n in range(6)}
COUNTS = {number: 4 + number % 7 for numbers in PEOPLE.values() for number in numbers}


def plan(step: int = 0, **changes: int | bool) -> Plan:
    settings = {"people": 4, "per_person": 3, "frames": 4, "seed": 0, "step": step} | changes
    return plan_batch(PEOPLE, COUNTS, **settings)  # type: ignore[arg-type]


def same(a: Plan, b: Plan) -> bool:
    return a.numbers == b.numbers and all((x == y).all() for x, y in zip(a.frames, b.frames, strict=True))


def test_same_step_same_batch_other_step_or_seed_another() -> None:
    assert same(plan(5), plan(5))
    for other in (plan(6), plan(5, seed=1)):
        assert not same(plan(5), other)


def test_people_and_sequences_are_different() -> None:
    for step in range(20):
        found = plan(step)
        assert len(set(found.people)) == 4
        assert len(set(found.numbers)) == 12
        for number, person, frames in zip(found.numbers, found.people, found.frames, strict=True):
            assert number // 10 == person
            assert (np.diff(frames) > 0).all()
            assert 0 <= frames[0] <= frames[-1] < COUNTS[number]


def test_short_sequences_repeat_frames_and_ordered_ones_follow() -> None:
    assert all(len(frames) == 30 for frames in plan(frames=30).frames)
    assert all((np.diff(frames) == 1).all() for frames in plan(3, ordered=True).frames)


def test_too_few_people() -> None:
    with pytest.raises(UserError, match="needs 7 people"):
        plan(people=7)


def test_modalities_of_a_batch_are_synchronised(toy_store: Store) -> None:
    data = TrainingBatches(toy_store, ("silhouettes", "range_views"), DataConfig(people_per_batch=3, sequences_per_person=2, frames=3), 0)
    batch = data[4]
    assert batch.inputs["silhouettes"].shape == batch.inputs["range_views"].shape == (6, 3, 64, 44)
    assert torch.equal(batch.inputs["silhouettes"] > 0, torch.isfinite(batch.inputs["range_views"]))  # in the toy, both show the same outline
    assert [data.people[n] for n in batch.people] == [key.split("/")[0] for key in batch.keys]


def test_workers_read_the_same_batches(toy_store: Store) -> None:
    batches = []
    for workers in (0, 2):
        config = DataConfig(people_per_batch=3, sequences_per_person=2, frames=2, workers=workers)
        data = TrainingBatches(toy_store, ("silhouettes",), config, seed=1)
        batches.append([batch.inputs["silhouettes"] for batch in data.from_step(2, 5)])
    assert len(batches[0]) == 3
    assert all(torch.equal(a, b) for a, b in zip(*batches, strict=True))


def test_padding() -> None:
    values, counts = padded([np.ones((2, 3, 3), np.uint8), np.ones((4, 3, 3), np.uint8)])
    assert values.shape == (2, 4, 3, 3)
    assert counts.tolist() == [2, 4]
    assert values[0, 2:].sum() == 0


def test_rows_of_frames_are_as_far_apart_as_the_sequence_allows() -> None:
    counts = dict.fromkeys(COUNTS, 20)
    for step in range(20):
        found = plan_batch(PEOPLE, counts, people=4, per_person=3, frames=4, seed=0, step=step, ordered=True, spacing=3)
        assert all((np.diff(frames) == 3).all() and frames[0] >= 0 and frames[-1] < 20 for frames in found.frames)
        short = plan_batch(PEOPLE, dict.fromkeys(COUNTS, 8), people=4, per_person=3, frames=4, seed=0, step=step, ordered=True, spacing=3)
        assert all((np.diff(frames) == 2).all() and frames[-1] < 8 for frames in short.frames)
    starts = {int(plan_batch(PEOPLE, counts, people=4, per_person=3, frames=4, seed=0, step=step, ordered=True, spacing=3).frames[0][0])
              for step in range(200)}
    assert starts == set(range(11))


def test_the_first_people_by_name_alone(toy_store: Store) -> None:
    def data(people: int | None) -> TrainingBatches:
        config = DataConfig(people=people, people_per_batch=2, sequences_per_person=2, frames=3)
        return TrainingBatches(toy_store, ("silhouettes",), config, 0)

    everybody = data(None).people
    assert len(everybody) > 3
    assert data(3).people == everybody[:3]
    few = data(3)
    assert {few.store.rows[number]["person"] for step in range(9) for number in few.plan(step).numbers} == set(everybody[:3])
    with pytest.raises(UserError, match=rf"^data.people is {len(everybody) + 1} but .* has {len(everybody)} people to train on: lower it$"):
        data(len(everybody) + 1)
