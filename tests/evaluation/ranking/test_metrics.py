"""Metrics against independent oracles: torchmetrics, and plain loops written from the definitions."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchmetrics.functional.retrieval import retrieval_average_precision, retrieval_hit_rate, retrieval_precision

from gaitbridge.errors import UserError
from gaitbridge.evaluation.ranking import matrix
from gaitbridge.evaluation.scoring import bootstrap
from gaitbridge.types import Distance, Embeddings


def random_embeddings(count: int, distance: Distance = "euclidean", seed: int = 0) -> Embeddings:
    values = np.random.default_rng(seed).standard_normal((count, 6, 3)).astype(np.float32)
    return Embeddings(values, distance, weights_hash="w", keys=tuple(f"k{number}" for number in range(count)))


def slow_distance(a: Embeddings, b: Embeddings) -> np.ndarray:
    out = np.zeros((len(a), len(b)))
    for n, x in enumerate(a.values.astype(np.float64)):
        for m, y in enumerate(b.values.astype(np.float64)):
            parts = range(x.shape[1])
            if a.distance == "euclidean":
                out[n, m] = np.mean([math.dist(x[:, k], y[:, k]) for k in parts])
            else:
                out[n, m] = 1 - np.mean([x[:, k] @ y[:, k] / math.sqrt((x[:, k] @ x[:, k]) * (y[:, k] @ y[:, k])) for k in parts])
    return out


@pytest.mark.parametrize("kind", ["euclidean", "cosine"])
def test_distance_is_the_mean_over_parts(kind: Distance, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = random_embeddings(11, kind), random_embeddings(7, kind, seed=1)
    monkeypatch.setattr(matrix, "BLOCK_ROWS", 4)  # the last block is a short one
    found = matrix.distance(a, b)
    assert found.dtype == np.float32
    assert found.shape == (11, 7)
    np.testing.assert_allclose(found, slow_distance(a, b), rtol=1e-6, atol=1e-7)


def test_distance_to_itself_is_zero_also_for_long_vectors() -> None:
    long = Embeddings(random_embeddings(5).values * 1000, keys=())
    assert np.diag(matrix.distance(long, long)).max() < 1e-3  # in single precision the expanded square leaves about 1


def test_a_part_of_length_zero_has_cosine_zero() -> None:
    nothing = Embeddings(np.zeros((1, 6, 3), np.float32), "cosine", weights_hash="w")
    assert matrix.distance(nothing, random_embeddings(2, "cosine")) == pytest.approx(np.ones((1, 2)))


def test_distance_refuses_what_cannot_be_compared() -> None:
    a = random_embeddings(3)
    with pytest.raises(UserError, match="two networks"):
        matrix.distance(a, Embeddings(a.values, weights_hash="other"))
    with pytest.raises(UserError, match="different distances"):
        matrix.distance(a, random_embeddings(3, "cosine"))
    with pytest.raises(UserError, match="cannot be compared"):
        matrix.distance(a, Embeddings(a.values[:, :, :2], weights_hash="w"))
    broken = a.values.copy()
    broken[1, 0, 0] = np.nan
    with pytest.raises(UserError, match=r"k1 is not finite"):
        matrix.distance(a, Embeddings(broken, weights_hash="w", keys=a.keys))


def slow_ranking(distances: np.ndarray, probe: list[str], gallery: list[str], excluded: np.ndarray) -> list[tuple[int, int, int, int, float]]:
    """compared, mates, first, last and average precision by plain loops; ties go against the probe."""
    out = []
    for n, person in enumerate(probe):
        entries = [(float(distances[n, m]), gallery[m] == person) for m in range(len(gallery)) if not excluded[n, m]]
        entries.sort()  # False sorts before True: strangers first
        ranks = [place + 1 for place, (_, mate) in enumerate(entries) if mate]
        precision = sum((number + 1) / rank for number, rank in enumerate(ranks)) / len(ranks) if ranks else math.nan
        out.append((len(entries), len(ranks), ranks[0] if ranks else 0, ranks[-1] if ranks else 0, precision))
    return out


@st.composite
def cases(draw: st.DrawFn, levels: int = 4) -> tuple[np.ndarray, list[str], list[str], np.ndarray]:
    """Few distinct distances (many ties), few people (missing mates), galleries from one sequence on, any exclusion."""
    count, size = draw(st.integers(1, 6)), draw(st.integers(1, 9))
    people = st.sampled_from("abcd")
    distances = draw(st.lists(st.integers(0, levels), min_size=count * size, max_size=count * size))
    mask = draw(st.lists(st.booleans(), min_size=count * size, max_size=count * size))
    probe, gallery = draw(st.lists(people, min_size=count, max_size=count)), draw(st.lists(people, min_size=size, max_size=size))
    return np.asarray(distances, np.float32).reshape(count, size), probe, gallery, np.asarray(mask).reshape(count, size)


@given(cases())
@settings(max_examples=200, deadline=None)
def test_ranking_is_that_of_plain_loops(case: tuple[np.ndarray, list[str], list[str], np.ndarray]) -> None:
    distances, probe, gallery, excluded = case
    found, slow = matrix.rank_gallery(distances, probe, gallery, excluded), slow_ranking(distances, probe, gallery, excluded)
    columns = (found.compared, found.mates, found.first, found.last, found.average_precision)
    for column, wanted in zip(columns, zip(*slow, strict=True), strict=True):
        np.testing.assert_allclose(column, wanted, rtol=1e-12)
    penalty = [mates / last if mates else math.nan for _, mates, _, last, _ in slow]
    np.testing.assert_allclose(found.inverse_negative_penalty, penalty, rtol=1e-12)


@given(cases(levels=10_000), st.permutations(range(9)))
@settings(max_examples=100, deadline=None)
def test_the_order_of_the_gallery_changes_nothing(case: tuple[np.ndarray, list[str], list[str], np.ndarray], order: list[int]) -> None:
    distances, probe, gallery, excluded = case
    moved = [number for number in order if number < len(gallery)]
    one = matrix.rank_gallery(distances // 4000, probe, gallery, excluded)
    two = matrix.rank_gallery((distances // 4000)[:, moved], probe, [gallery[number] for number in moved], excluded[:, moved])
    assert (one.first == two.first).all()
    assert (one.last == two.last).all()


def test_torchmetrics_agrees() -> None:
    random = np.random.default_rng(3)
    distances = random.random((40, 60)).astype(np.float32)  # torchmetrics breaks ties in its own way, so none here
    probe, gallery = random.choice(list("abcdefgh"), 40).tolist(), random.choice(list("abcdefg"), 60).tolist()
    excluded = random.random((40, 60)) < 0.3
    ranking = matrix.rank_gallery(distances, probe, gallery, excluded)
    assert not ranking.has_mate.all()  # h is not in the gallery
    for n in np.flatnonzero(ranking.has_mate):
        kept = ~excluded[n]
        score = torch.from_numpy(2 - distances[n, kept])  # a score of 0 or below counts as not retrieved there
        target = torch.tensor([g == probe[n] for g, k in zip(gallery, kept, strict=True) if k])
        assert ranking.average_precision[n] == pytest.approx(float(retrieval_average_precision(score, target)))
        for rank in (1, 5, 10):
            assert ranking.within(rank)[n] == float(retrieval_hit_rate(score, target, top_k=rank))
        last, mates = int(ranking.last[n]), int(ranking.mates[n])
        assert float(retrieval_precision(score, target, top_k=last)) == pytest.approx(ranking.inverse_negative_penalty[n])
        assert float(retrieval_precision(score, target, top_k=last - 1)) * (last - 1) == pytest.approx(mates - 1)


def test_probes_without_a_mate_leave_the_mean() -> None:
    ranking = matrix.rank_gallery(np.asarray([[1.0, 2.0], [1.0, 2.0]], np.float32), ["a", "z"], ["a", "b"])
    assert ranking.has_mate.tolist() == [True, False]
    assert bootstrap.mean_known(ranking.within(1)) == 1.0


def test_a_gallery_of_one_and_an_empty_one() -> None:
    one = matrix.rank_gallery(np.zeros((2, 1), np.float32), ["a", "b"], ["a"])
    assert (one.first.tolist(), one.chance().tolist()[0]) == ([1, 0], 1.0)
    empty = matrix.rank_gallery(np.zeros((2, 0), np.float32), ["a", "b"], [])
    assert not empty.has_mate.any()
    assert math.isnan(bootstrap.mean_known(empty.within(1)))


def test_a_constant_embedding_scores_nothing() -> None:
    ranking = matrix.rank_gallery(np.zeros((3, 9), np.float32), ["a", "b", "c"], list("aaabbbccc"))
    assert ranking.first.tolist() == [7, 7, 7]


@pytest.mark.parametrize("rank", [1, 3])
def test_chance_is_that_of_a_shuffled_gallery(rank: int) -> None:
    random, gallery = np.random.default_rng(0), list("aabbbbbccc")
    excluded = np.zeros((1, 10), bool)
    excluded[0, 5:8] = True
    ranking = matrix.rank_gallery(np.zeros((1, 10), np.float32), ["a"], gallery, excluded)
    many = matrix.rank_gallery(random.random((20_000, 10)).astype(np.float32), ["a"] * 20_000, gallery, np.repeat(excluded, 20_000, 0))
    assert ranking.chance(rank)[0] == pytest.approx(many.within(rank).mean(), abs=0.01)
    assert ranking.chance(1)[0] == pytest.approx(2 / 7)


def test_chance_of_more_ranks_than_strangers_is_certain() -> None:
    ranking = matrix.rank_gallery(np.zeros((1, 3), np.float32), ["a"], ["a", "b", "b"])
    assert ranking.chance(3)[0] == 1.0
    assert ranking.chance(20)[0] == 1.0


def test_intervals_resample_people_not_sequences() -> None:
    """20 people with 50 equal sequences each are 20 observations, not 1,000."""
    right = np.repeat(np.arange(20) % 2, 50).astype(np.float64)
    people = [f"p{number // 50}" for number in range(1000)]
    low, high = bootstrap.people_interval(right, people, seed=0)
    by_people = 1.96 * math.sqrt(0.25 / 20)
    assert (high - low) / 2 == pytest.approx(by_people, rel=0.2)
    assert bootstrap.people_interval(right, people, seed=0) == (low, high)
    draws = [bootstrap.people_draws(right[:, None], people, seed) for seed in (0, 1)]
    assert (draws[0] != draws[1]).any()


def test_draws_are_those_of_a_plain_loop_over_people() -> None:
    random = np.random.default_rng(5)
    people = random.choice(list("abcdef"), 50).tolist()
    values = np.where(random.random(50) < 0.2, np.nan, random.random(50))
    from gaitbridge.conventions import stream

    names = sorted(set(people))
    times = stream(9, "bootstrap over people").multinomial(len(names), [1 / len(names)] * len(names), size=20)
    found = bootstrap.people_draws(values[:, None], people, seed=9, draws=20)[:, 0]
    for draw in range(20):
        some = [
            v for name, often in zip(names, times[draw], strict=True) for _ in range(often) for v, p in zip(values, people, strict=True) if p == name
        ]
        assert found[draw] == pytest.approx(np.nanmean(some))


def test_one_person_has_no_interval() -> None:
    assert all(math.isnan(end) for end in bootstrap.people_interval(np.asarray([1.0, 0.0]), ["a", "a"], seed=0))
    assert all(math.isnan(end) for end in bootstrap.people_interval(np.asarray([1.0, np.nan]), ["a", "b"], seed=0))
