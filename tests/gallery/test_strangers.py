"""Rates of whole searches: against galleries drawn one by one, and the bounds between and beyond the sizes measured."""

from itertools import combinations

import numpy as np
import pytest

from gaitbridge.gallery.strangers import Strangers, measured, names_somebody
from gaitbridge.gallery.tracks import fused, groups_of, track_of


def drawn(people: int = 9, each: int = 12, seed: int = 3) -> tuple[np.ndarray, np.ndarray, list[str], list[str]]:
    """Searches by `people`, `each` a person, with scores of everybody; the own ones lower. Scores of one decimal, so that there are ties."""
    random = np.random.default_rng(seed)
    names = [f"p{number}" for number in range(people)]
    searchers = [name for name in names for _ in range(each)]
    scores = np.round(random.uniform(1, 3, (len(searchers), people)), 1)
    own = np.round(random.uniform(0, 2, len(searchers)), 1)
    scores[np.arange(len(searchers)), [names.index(name) for name in searchers]] = np.inf
    return scores, own, searchers, names


def one_by_one(scores: np.ndarray, own: np.ndarray, size: int, limit: float) -> tuple[float, float]:
    """FPIR and FNIR of all galleries of a size, each made: a stranger's search among `size` others, a known one's among itself and size - 1."""
    named, missed = [], []
    for row, mine in zip(scores, own, strict=True):
        others = row[np.isfinite(row)]
        named += [min(gallery) <= limit for gallery in combinations(others, size)]
        missed += [not (mine <= limit and all(other > mine for other in gallery)) for gallery in combinations(others, size - 1)]
    return float(np.mean(named)), float(np.mean(missed))


def test_all_galleries_of_a_size_at_once() -> None:
    scores, own, searchers, names = drawn()
    found = measured(scores, own, searchers, names, 1, (0.5, 0.2))
    assert isinstance(found, Strangers)
    assert [size.people for size in found.sizes] == [1, 2, 5, 8]
    assert (found.searches, found.strangers, found.known) == (108, 9, 108)
    for size in found.sizes:
        assert size.stated
        for one in size.stated:
            named, missed = one_by_one(scores, own, size.people, one.score)
            assert named <= one.rate
            assert one.missed == pytest.approx(missed)
            assert one.low <= named <= one.high
        for score, share in list(zip(found.scores, size.shares, strict=True))[::7]:
            assert share == pytest.approx(one_by_one(scores, own, size.people, score)[0], abs=2e-6)


def test_between_and_beyond_the_sizes_measured_it_is_a_bound() -> None:
    scores, own, searchers, names = drawn(people=13)
    found = measured(scores, own, searchers, names, 1, (0.5,))
    assert isinstance(found, Strangers)
    for people in (3, 4, 7, 11):  # 1, 2, 5, 10 and 12 were measured
        for score in found.scores[::9]:  # but for a little, as people drawn of so few are not drawn of all people
            true = one_by_one(scores, own, people, score)[0]
            assert true - 0.02 <= found.rate(score, people).value <= max(1.4 * true, found.smallest(people)) + 0.02
    small = found.model_copy(update={"sizes": [one for one in found.sizes if one.people <= 5]})
    for score in found.scores[::9]:
        assert small.rate(score, 12).value >= found.rate(score, 12).value - 1e-6
    assert small.rate(found.scores[3], 12).beyond
    assert not found.rate(found.scores[3], 12).beyond


def test_what_so_few_cannot_state_is_not_stated() -> None:
    scores, own, searchers, names = drawn()
    found = measured(scores, own, searchers, names, 1, (0.5, 0.01))
    assert isinstance(found, Strangers)
    assert {one.rate for size in found.sizes for one in size.stated} == {0.5}  # 864 comparisons, 8 of them below 1 %: the rule asks for 30
    assert found.threshold(0.01, 1) is None
    assert found.smallest(1) == pytest.approx(max(30 / 864, 3 / 72))
    assert found.smallest(8) == pytest.approx(min(max(30 / 108, 3 / 9), 1 - (1 - 3 / 72) ** 8))
    assert found.rate(-1.0, 1).below
    few = measured(scores[:12], own[:12], searchers[:12], names, 1, (0.01,))
    assert few == "96 comparisons of 1 strangers"


def test_a_threshold_has_its_rate() -> None:
    scores, own, searchers, names = drawn()
    found = measured(scores, own, searchers, names, 1, (0.5,))
    assert isinstance(found, Strangers)
    for people in (1, 3, 8, 20):
        for rate in (0.35, 0.5, 0.8):
            if (limit := found.threshold(rate, people)) is not None:
                assert found.rate(limit, people).value <= rate * (1 + 1e-9)
                later = [score for score in found.scores if score > limit]
                assert not later or found.rate(later[0], people).value > rate


def test_strangers_who_are_all_alike_name_nobody() -> None:
    """A network that says nothing: every score is the same, and no threshold takes it."""
    scores, own, searchers, names = drawn()
    found = measured(np.where(np.isfinite(scores), 1.0, np.inf), np.ones_like(own), searchers, names, 1, (0.5,))
    assert isinstance(found, Strangers)
    assert all(one.score < 1.0 and one.missed == 1.0 for size in found.sizes for one in size.stated)


def test_only_known_strangers_count() -> None:
    """Pairs of which nobody knows whether they are two people are infinitely far: galleries are of the others."""
    near, others = np.asarray([0, 1, 3, 2]), np.asarray([4, 4, 4, 2])
    assert names_somebody(near, others, 2) == pytest.approx([0.0, 0.5, 1.0, 1.0])
    assert np.isnan(names_somebody(near, others, 3)[3])


def test_walks_of_a_track_are_taken_together() -> None:
    walks = ["a"] * 5 + ["b"] * 3 + ["c"]
    groups = groups_of(walks, 2)
    assert len(groups) == 3  # two of a, one of b; what is left over is left out
    assert all(len({walks[number] for number in group}) == 1 for group in groups)
    assert len({number for group in groups for number in group}) == 6
    assert [group.tolist() for group in groups_of(walks, 2)] == [group.tolist() for group in groups]
    scores = np.arange(18.0).reshape(9, 2)
    assert fused(scores, [np.asarray([0, 2])]).tolist() == [[2.0, 3.0]]


@pytest.mark.parametrize(("key", "kind", "track"), [
    ("p0003/normal-1/045", "simulated", "p0003/normal-1"), ("001/nm-05/090", "imported", "001/nm-05"),
    ("gate-3f9a2c71-0007/02/unknown", "captured", "gate-3f9a2c71-0007"), ("ann/gate-3f9a2c71-0007-02/090", "captured", "ann/gate-3f9a2c71-0007")])
def test_the_track_of_a_key(key: str, kind: str, track: str) -> None:
    assert track_of(key, kind) == track
