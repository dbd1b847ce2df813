"""One against one: curves against plain counting (and scikit-learn where it is there), and rates that too few pairs cannot state."""

import math

import numpy as np
import pytest

from gaitbridge.evaluation.ranking.distances import Side, exact_pairs
from gaitbridge.evaluation.ranking.every_mate import Matching
from gaitbridge.evaluation.scoring.verification import Verification, verify, verify_distances


def case(noise: float = 1.5, people: int = 12, each: int = 6) -> tuple[Matching, np.ndarray, np.ndarray]:
    random = np.random.default_rng(4)
    who = np.repeat(np.arange(people), each)
    values = (random.standard_normal((people, 8, 3))[who] + noise * random.standard_normal((len(who), 8, 3))).astype(np.float32)
    numbers = random.permutation(len(who))
    probes, gallery = numbers[:30], numbers[30:]
    pair = Matching(Side(values, probes), Side(values, gallery), who[probes], who[gallery], "euclidean")
    rows, columns = np.nonzero(np.ones((30, len(gallery))))
    far = exact_pairs(pair.probes, pair.gallery, rows, columns, "euclidean").reshape(30, -1)
    return pair, far, who[probes][:, None] == who[gallery][None, :]


def plain_true_accepts(far: np.ndarray, genuine: np.ndarray, rate: float) -> float:
    """The best share of genuine pairs over all thresholds that accept at most `rate` of the impostors."""
    best = 0.0
    for threshold in far.ravel():
        if (far[~genuine] <= threshold).mean() <= rate:
            best = max(best, float((far[genuine] <= threshold).mean()))
    return best


def test_rates_are_those_of_counting() -> None:
    pair, far, genuine = case()
    found = verify(pair, None)
    assert found.pairs == (int(genuine.sum()), int((~genuine).sum()))
    for place in range(0, len(found.thresholds), 97):
        threshold = found.thresholds[place] * (1 + 1e-12)
        accepted = (int((far[genuine] <= threshold).sum()), int((far[~genuine] <= threshold).sum()))
        assert (found.genuine[place], found.impostor[place]) == accepted
    for rate in (0.1, 0.03, 0.01):
        assert found.true_accepts(rate) == pytest.approx(plain_true_accepts(far, genuine, rate))
    middle = [((far[~genuine] <= t).mean(), (far[genuine] > t).mean()) for t in np.sort(far.ravel())]
    nearest = min(middle, key=lambda rates: abs(rates[0] - rates[1]))
    assert found.equal_error() == pytest.approx(np.mean(nearest), abs=0.5 / min(found.pairs))


def test_the_curve_is_scikit_learns() -> None:
    roc_curve = pytest.importorskip("sklearn.metrics").roc_curve
    pair, far, genuine = case()
    false, true, thresholds = roc_curve(genuine.ravel(), -far.ravel(), drop_intermediate=False)
    found = verify(pair, None)
    accepted, right = found.rates()
    places = np.searchsorted(found.thresholds, -thresholds[1:] + found.resolution, "right")
    np.testing.assert_allclose(accepted[places], false[1:], atol=1.01 / found.pairs[1])  # two distances may fall into one step
    np.testing.assert_allclose(right[places], true[1:], atol=1.01 / found.pairs[0])


def test_barred_pairs_take_no_part() -> None:
    pair, far, genuine = case()
    codes = np.arange(30) % 3, np.arange(42) % 3
    allowed = codes[0][:, None] != codes[1][None, :]
    found, matrix = verify(pair, codes), verify_distances(far, genuine, allowed)
    assert found.pairs == matrix.pairs == (int((genuine & allowed).sum()), int((~genuine & allowed).sum()))
    assert found.equal_error() == pytest.approx(matrix.equal_error())
    assert found.true_accepts(0.1) == pytest.approx(plain_true_accepts(np.where(allowed, far, np.inf)[allowed], genuine[allowed], 0.1))


def test_too_few_impostors_give_no_rate() -> None:
    pair, _, _ = case()
    found = verify(pair, None)
    assert 1_000 < found.pairs[1] < 10_000
    assert not math.isnan(found.true_accepts(1e-2))
    assert math.isnan(found.true_accepts(1e-3))
    document = found.document()
    assert document["TAR@FAR=0.0001"] is None
    assert document["curve"]["true_accepts"] == sorted(document["curve"]["true_accepts"])


def test_without_genuine_or_impostor_pairs_there_is_no_equal_error() -> None:
    nobody = Verification(np.asarray([1.0]), np.asarray([0]), np.asarray([50]), 1e-6)
    assert math.isnan(nobody.equal_error())
    assert math.isnan(nobody.true_accepts(0.1))
    apart = verify_distances(np.asarray([[1.0, 2.0], [2.0, 1.0]]), np.eye(2, dtype=bool))
    assert apart.equal_error() == 0.0
    alike = verify_distances(np.ones((2, 2)), np.eye(2, dtype=bool))
    assert alike.equal_error() == 0.5
