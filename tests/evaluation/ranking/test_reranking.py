"""Re-ranking against the paper's formulas written as plain loops over sets."""

import numpy as np
import pytest

from gaitbridge.errors import UserError
from gaitbridge.evaluation.ranking import reranking
from gaitbridge.evaluation.ranking.distances import Side
from gaitbridge.evaluation.ranking.reranking import k_reciprocal, reranked


def case(seed: int = 0, people: int = 8, each: int = 5, noise: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    who = random.permutation(np.repeat(np.arange(people), each))
    return (random.standard_normal((people, 10, 3))[who] + noise * random.standard_normal((len(who), 10, 3))).astype(np.float32), who


def plain(distances: np.ndarray, probes: int, k1: int, k2: int, weight: float) -> np.ndarray:
    """Equations 3 to 12 of Zhong et al., one element at a time."""
    size = len(distances)
    scaled = distances / distances.max(1, keepdims=True)
    order = [sorted(range(size), key=lambda j, i=i: (j != i, scaled[i, j])) for i in range(size)]  # type: ignore[misc]

    def reciprocal(i: int, k: int) -> set[int]:
        return {j for j in order[i][: k + 1] if i in order[j][: k + 1]}

    described = np.zeros((size, size))
    for i in range(size):
        own = reciprocal(i, k1)
        members = set(own)
        for j in own:
            half = reciprocal(j, int(np.around(k1 / 2)))
            if len(half & own) > 2 / 3 * len(half):
                members |= half
        for j in members:
            described[i, j] = np.exp(-scaled[i, j])
        described[i] /= described[i].sum()
    described = np.stack([np.mean([described[j] for j in order[i][:k2]], axis=0) for i in range(size)])
    out = np.zeros((probes, size - probes))
    for i in range(probes):
        for g in range(probes, size):
            least, greatest = np.minimum(described[i], described[g]).sum(), np.maximum(described[i], described[g]).sum()
            out[i, g - probes] = (1 - weight) * (1 - least / greatest) + weight * scaled[i, g]
    return out


@pytest.mark.parametrize(("k1", "k2", "weight"), [(20, 6, 0.3), (7, 3, 0.3), (4, 1, 0.0)])
def test_it_is_the_papers(k1: int, k2: int, weight: float) -> None:
    values, _ = case()
    far = np.linalg.norm(values[:, None] - values[None], axis=2).mean(2)
    np.testing.assert_allclose(reranked(far.astype(np.float32), 15, k1, k2, weight), plain(far, 15, k1, k2, weight), atol=2e-6)


def test_the_original_distance_alone_keeps_its_order() -> None:
    values, _ = case(1)
    far = np.linalg.norm(values[:, None] - values[None], axis=2).mean(2).astype(np.float32)
    assert (np.argsort(reranked(far, 12, weight=1.0), axis=1) == np.argsort(far[:12, 12:], axis=1)).all()


def test_a_near_stranger_among_its_own_falls_behind_those_who_share_neighbours() -> None:
    random = np.random.default_rng(2)
    friends, strangers = (random.uniform(-0.2, 0.2, (size, 2)) + place for size, place in ((6, (1.0, 0.0)), (10, (-1.2, 0.0))))
    strangers[0] = (-0.75, 0.0)  # the nearest of all to the probe at the origin, but the probe is not among its own nearest
    points = np.concatenate([[[0.0, 0.0]], friends, strangers])
    far = np.linalg.norm(points[:, None] - points[None], axis=2).astype(np.float32)
    assert far[0, 1:].argmin() == 6
    assert (reranked(far, 1, k1=6, k2=1)[0][:6] < reranked(far, 1, k1=6, k2=1)[0][6]).all()


def test_too_many_at_once_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reranking, "MOST", 30)
    values, _ = case()
    with pytest.raises(UserError, match="all 40 sequences to one another, 30 at most"):
        k_reciprocal(Side(values, np.arange(10)), Side(values, np.arange(10, 40)), "cosine")
