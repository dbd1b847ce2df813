"""Places in blocks and by bounds are those of sorting exact distances: on random cases, near ties, ties, and with the bfloat16 product."""

from pathlib import Path

import embedding_files as files
import numpy as np
import pytest

from gaitbridge.evaluation.embedding.file import read_any
from gaitbridge.evaluation.ranking import distances, matrix, products
from gaitbridge.evaluation.ranking import every_mate as ranking
from gaitbridge.evaluation.ranking import nearest_mate as nearest
from gaitbridge.evaluation.ranking.distances import Side, centre_of, dense, exact_pairs, rounded
from gaitbridge.evaluation.ranking.every_mate import Matching, all_mates
from gaitbridge.evaluation.ranking.nearest_mate import nearest_mates
from gaitbridge.types import Distance

KINDS: tuple[Distance, ...] = ("euclidean", "cosine")


def matching(random: np.random.Generator, kind: Distance, spread: float = 1.0, offset: float = 0.0, people: int = 6) -> Matching:
    """A random case; spread: of the noise around a person's own embedding; offset: added to every number."""
    sizes, shape = (int(random.integers(1, 50)), int(random.integers(2, 80))), (int(random.integers(1, 40)), int(random.integers(1, 6)))
    own = random.standard_normal((people, *shape))
    who = [random.integers(0, people, size) for size in sizes]
    values = [(offset + own[of] + spread * random.standard_normal((len(of), *shape))).astype(np.float32) for of in who]
    sides = [Side(made, np.arange(len(made))) for made in values]
    return Matching(sides[0], sides[1], who[0], who[1], kind)


def all_exact(pair: Matching) -> np.ndarray:
    rows, columns = np.nonzero(np.ones((len(pair.probes), len(pair.gallery))))
    return exact_pairs(pair.probes, pair.gallery, rows, columns, pair.kind).reshape(len(pair.probes), -1)


def plain_places(pair: Matching, groups: np.ndarray, most: int) -> np.ndarray:
    """The place of the nearest mate in each group, by loops over exact distances."""
    far = all_exact(pair)
    out = np.zeros((len(far), groups.max() + 1), int)
    for row, person in enumerate(pair.probe_people):
        for group in range(out.shape[1]):
            mates, strangers = ((groups == group) & ((pair.gallery_people == person) == own) for own in (True, False))
            if mates.any():
                out[row, group] = min(most + 1, 1 + int((far[row, strangers] <= far[row, mates].min()).sum()))
    return out


@pytest.mark.parametrize("kind", KINDS)
def test_exact_distances_are_those_of_loops(kind: Distance) -> None:
    random = np.random.default_rng(3)
    pair = matching(random, kind)
    pair.probes.values[0, :, 0] = 0.0  # a part of length zero
    found = all_exact(pair)
    for row, column in ((0, 0), (len(found) - 1, found.shape[1] - 1)):
        assert found[row, column] == pytest.approx(files.plain_distance(pair.probes.values[row], pair.gallery.values[column], kind), rel=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("coarse", [False, True])
@pytest.mark.parametrize(("spread", "offset"), [(1.0, 0.0), (0.3, 5.0), (1e-4, 1000.0), (1e-7, 0.0)])
def test_nearest_mates_are_those_of_plain_loops(kind: Distance, coarse: bool, spread: float, offset: float, monkeypatch: pytest.MonkeyPatch) -> None:
    if coarse:
        pytest.importorskip("torch")
    monkeypatch.setattr(nearest, "TILE", 16)  # several tiles, spans and blocks in a small case
    monkeypatch.setattr(nearest, "SPAN", 24)
    monkeypatch.setattr(nearest, "BLOCK_NUMBERS", 1)
    monkeypatch.setattr(distances, "CHUNK_ROWS", 5)
    monkeypatch.setattr(distances, "PAIR_ELEMENTS", 300)
    monkeypatch.setattr(nearest, "MOST_EXACT", 2)
    random = np.random.default_rng(int(1e7 * spread) + int(offset))
    for _ in range(6):
        pair = matching(random, kind, spread, offset)
        groups = random.integers(0, 4, len(pair.gallery))
        for most in (1, 5, 10**6):
            wanted = plain_places(pair, groups, most)
            assert (nearest_mates(pair, groups, most, coarse=coarse) == wanted).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("coarse", [False, True])
def test_strangers_a_hair_nearer_or_farther_than_the_mate(kind: Distance, coarse: bool) -> None:
    """One digit of float32 decides: the expanded square would not see it."""
    random = np.random.default_rng(7)
    probe = random.standard_normal((1, 32, 4)).astype(np.float32)
    mate = (probe + random.standard_normal((1, 32, 4))).astype(np.float32)
    for sign in (1.0, -1.0):
        strangers = np.repeat(mate, 40, axis=0)
        for number in range(40):  # a step of one digit away from the probe, or towards it
            place = (number, number % 32, number % 4)
            away = np.sign(mate[0][place[1:]] - probe[0][place[1:]]) * sign
            strangers[place] = np.nextafter(mate[0][place[1:]], np.float32(np.inf * away))
        gallery = Side(np.concatenate([mate, strangers]), np.arange(41))
        pair = Matching(Side(probe, np.arange(1)), gallery, np.zeros(1, int), np.r_[0, np.ones(40, int)], kind)
        wanted = 1 + int((all_exact(pair)[0, 1:] <= all_exact(pair)[0, 0]).sum())
        assert wanted == {1.0: 1, -1.0: 41}[sign] or kind == "cosine"
        assert nearest_mates(pair, np.zeros(41, int), 100, coarse=coarse)[0, 0] == wanted
        assert all_mates(pair, [None])[0].first[0] == wanted


def test_equal_embeddings_go_against_the_probe() -> None:
    same = np.ones((30, 5, 2), np.float32)
    pair = Matching(Side(same, np.arange(30)), Side(same, np.arange(30)), np.arange(30) % 3, np.arange(30) % 3, "euclidean")
    assert (nearest_mates(pair, np.zeros(30, int), 50) == 21).all()
    assert (all_mates(pair, [None])[0].first == 21).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("offset", [0.0, 100.0])
def test_all_places_are_those_of_sorting(kind: Distance, offset: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking, "DENSE_NUMBERS", 1)
    random = np.random.default_rng(5)
    for spread in (1.0, 1e-5, 1e-7):
        pair = matching(random, kind, spread, offset)
        barred = random.random((len(pair.probes), len(pair.gallery))) < 0.3
        for mask, bar in ((None, None), (barred, lambda some, barred=barred: barred[some])):
            found = all_mates(pair, [bar])[0]
            wanted = matrix.rank_gallery(all_exact(pair), [str(p) for p in pair.probe_people], [str(p) for p in pair.gallery_people], mask)
            for name in ("compared", "mates", "first", "last"):
                assert (getattr(found, name) == getattr(wanted, name)).all(), name
            np.testing.assert_allclose(found.average_precision, wanted.average_precision, rtol=1e-12)


@pytest.mark.parametrize("coarse", [False, True])
@pytest.mark.parametrize("offset", [0.0, 30.0])
def test_bounds_hold_on_both_sides_and_are_near(coarse: bool, offset: float) -> None:
    random = np.random.default_rng(11)
    a, b = (Side((offset + random.standard_normal((60, 128, 4))).astype(np.float32), np.arange(60)) for _ in range(2))
    centre = centre_of(b, "euclidean")
    left, right = rounded(a.values, centre, "euclidean", coarse, left=True), rounded(b.values, centre, "euclidean", coarse, left=False)
    truth = all_exact(Matching(a, b, np.arange(60), np.arange(60), "euclidean"))
    residual = (left.residual[:, None] + right.residual[None, :]) * (1 + 1e-6) + 1e-6
    product = products.Product()
    low = product.sums(left.factors, right.factors, roots=True) / 4
    high = product.sums(left.raised(np.arange(60), right.squares.max(1)), right.factors, roots=True) / 4
    assert (low - residual <= truth).all()
    assert (truth <= high + residual).all()
    assert (high - low).max() < 2e-3 * truth.mean()
    assert residual.max() < (0.01 if coarse else 1e-5) * truth.mean()
    # what a sum of that many products can lose in float32, in the worst order, is off the squares beforehand
    squares = np.einsum("knc,kmc->knm", left.factors.astype(float), right.factors.astype(float))
    x, y = -0.5 * left.factors[..., :128].astype(float), right.factors[..., :128].astype(float)
    own = (x * x).sum(2)[:, :, None] + (y * y).sum(2)[:, None, :]
    assert (squares <= own - 2 * np.einsum("knc,kmc->knm", x, y) - 2 * 134 * 2.0**-24 * own).all()
    found, wrong = dense(a.values, b, centre, "euclidean")
    assert (np.abs(found - truth) <= wrong[:, None]).all()


def test_the_processors_bfloat16_product_is_checked_before_it_is_used() -> None:
    torch = pytest.importorskip("torch")
    before = torch.backends.mkldnn.matmul.fp32_precision, torch.get_num_threads()
    with products.product_for(10, 10) as small:
        assert not small.coarse  # a small job does not start torch for it
    with products.product_for(10, 10, coarse=True):
        pass
    assert (torch.backends.mkldnn.matmul.fp32_precision, torch.get_num_threads()) == before
    assert isinstance(products._is_right(), bool)


def test_files_are_mapped_where_they_can_be(tmp_path: Path) -> None:
    made = files.arrays(files.CASIA_B, ("000", "090"))
    plain = read_any(files.write(tmp_path / "a.npz", **made))
    assert isinstance(plain.values, np.memmap)
    np.savez_compressed(tmp_path / "b.npz", **made)
    packed = read_any(tmp_path / "b.npz")
    assert not isinstance(packed.values, np.memmap)
    by_columns = read_any(files.write(tmp_path / "c.npz", **(made | {"embeddings": np.asfortranarray(made["embeddings"])})))
    for other in (packed, by_columns, read_any(files.write(tmp_path / "d.npz", **(made | {"embeddings": made["embeddings"].astype(float)})))):
        np.testing.assert_array_equal(other.values, plain.values)
        assert other.values.dtype == np.float32
