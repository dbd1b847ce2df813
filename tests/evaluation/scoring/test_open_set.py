"""FNIR at a stated FPIR, against every threshold tried one by one."""

import numpy as np
import pytest

from gaitbridge.evaluation.ranking.distances import Side, exact_pairs
from gaitbridge.evaluation.ranking.every_mate import Matching
from gaitbridge.evaluation.scoring.open_set import missed, nearest, open_set


def plain(own: np.ndarray, other: np.ndarray, rate: float) -> float:
    """The least share of known searches that fail, over all thresholds at which at most `rate` of strangers are named."""
    best = 1.0
    known = np.isfinite(own)
    for limit in [-np.inf, *np.concatenate([own[known], np.nextafter(other[np.isfinite(other)], -np.inf)])]:
        if (other[np.isfinite(other)] <= limit).mean() <= rate:
            best = min(best, 1 - np.mean([mine <= limit and mine < theirs for mine, theirs in zip(own[known], other[known], strict=True)]))
    return float(best)


@pytest.mark.parametrize("seed", range(6))
def test_all_thresholds_tried(seed: int) -> None:
    random = np.random.default_rng(seed)
    own, other = np.round(random.gamma(3, 1, 200), 1), np.round(random.gamma(6, 1, 200), 1)  # with ties
    own[::9] = np.inf  # no mate
    for rate in (0.1, 0.02, 0.005):
        assert missed(own, other, rate, np.ones(200))[0] == pytest.approx(plain(own, other, rate))


def test_distances_to_the_nearest_of_either() -> None:
    random = np.random.default_rng(1)
    values, who = random.standard_normal((40, 6, 2)).astype(np.float32), np.arange(40) % 8
    pair = Matching(Side(values, np.arange(16)), Side(values, np.arange(16, 40)), who[:16], who[16:], "euclidean")
    rows, columns = np.nonzero(np.ones((16, 24)))
    far = exact_pairs(pair.probes, pair.gallery, rows, columns, "euclidean").reshape(16, 24)
    views = np.arange(40) % 3
    for barred in (None, (views[:16], views[16:])):
        shown = far if barred is None else np.where(views[:16, None] == views[None, 16:], np.inf, far)
        own, other = nearest(pair, barred)
        for row in range(16):
            assert own[row] == pytest.approx(min([far_ for far_, name in zip(shown[row], who[16:], strict=True) if name == who[row]]))
            assert other[row] == pytest.approx(min([far_ for far_, name in zip(shown[row], who[16:], strict=True) if name != who[row]]))


def test_too_few_cannot_tell_and_equal_distances_find_nobody() -> None:
    people = np.repeat(np.arange(20), 30)
    random = np.random.default_rng(0)
    found = open_set(random.gamma(2, 1, 600), random.gamma(8, 1, 600), people, 0)
    assert found["FNIR@FPIR=0.1"] is not None
    assert found["intervals"]["FNIR@FPIR=0.1"][0] <= found["FNIR@FPIR=0.1"] <= found["intervals"]["FNIR@FPIR=0.1"][1]
    assert found["FNIR@FPIR=0.01"] is None  # six of 600 stranger searches; the rule asks for 30
    assert (found["stranger_searches"], found["known_searches"], found["people"]) == (600, 600, 20)
    assert open_set(np.ones(600), np.ones(600), people, 0)["FNIR@FPIR=0.1"] == 100.0
