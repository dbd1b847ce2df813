"""Places in blocks and by bounds are those of sorting exact distances: on random cases, near ties, ties, hostile ones, by each way of bounds."""

from pathlib import Path
from typing import Any

import embedding_files as files
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaitbridge.evaluation.embedding.file import read_any
from gaitbridge.evaluation.ranking import bounds, distances, matrix, products
from gaitbridge.evaluation.ranking import every_mate as ranking
from gaitbridge.evaluation.ranking import nearest_mate as nearest
from gaitbridge.evaluation.ranking.bounds import FloatBounds
from gaitbridge.evaluation.ranking.distances import Side, centre_of, dense, exact_pairs
from gaitbridge.evaluation.ranking.every_mate import Matching, all_mates
from gaitbridge.evaluation.ranking.nearest_mate import nearest_mates
from gaitbridge.evaluation.ranking.products import Kind, Way, exact_kind, way_for
from gaitbridge.types import Distance

KINDS: tuple[Distance, ...] = ("euclidean", "cosine")
EXACT = tuple(kind for kind, (ours, theirs) in products.COARSER.items() if exact_kind() and products._is_exact(127 // ours, 127 // theirs))
WAYS: tuple[Kind, ...] = ("numpy", "float32", *EXACT)


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


def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several tiles, spans, blocks and rounds in a small case."""
    monkeypatch.setattr(bounds, "TILE", 16)
    monkeypatch.setattr(bounds, "CHUNK_ROWS", 5)
    monkeypatch.setattr(products, "PREPARED_AT_ONCE", 12)
    monkeypatch.setattr(nearest, "SPAN", 24)
    monkeypatch.setattr(nearest, "BLOCK_NUMBERS", 1)
    monkeypatch.setattr(nearest, "PAIRS_AT_ONCE", 30)
    monkeypatch.setattr(nearest, "MOST_EXACT", 2)
    monkeypatch.setattr(distances, "PAIR_ELEMENTS", 300)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("spread", "offset"), [(1.0, 0.0), (0.3, 5.0), (1e-4, 1000.0), (1e-7, 0.0)])
def test_nearest_mates_are_those_of_plain_loops(kind: Distance, way: Kind, spread: float, offset: float, monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch)
    random = np.random.default_rng(int(1e7 * spread) + int(offset))
    for _ in range(6):
        pair = matching(random, kind, spread, offset)
        groups = random.integers(0, 4, len(pair.gallery))
        for most in (1, 5, 10**6):
            wanted = plain_places(pair, groups, most)
            assert (nearest_mates(pair, groups, most, kind=way) == wanted).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", WAYS)
def test_strangers_a_hair_nearer_or_farther_than_the_mate(kind: Distance, way: Kind) -> None:
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
        assert nearest_mates(pair, np.zeros(41, int), 100, kind=way)[0, 0] == wanted
        assert all_mates(pair, [None])[0].first[0] == wanted


HOSTILE = ("equal", "copies", "zeros", "empty parts", "huge", "mixed sizes", "subnormal", "one outlier", "one hot", "clusters", "whole", "largest")


def hostile(random: np.random.Generator, name: str, kind: Distance) -> Matching:
    """A case that bounds could get wrong."""
    pair = matching(random, kind)
    x, y = pair.probes.values, pair.gallery.values
    for values in (x, y):
        if name == "equal":
            values[:] = 0.1
        elif name == "copies":  # of a few, so that most distances are equal
            values[:] = x[np.arange(len(values)) % min(3, len(x))]
        elif name == "zeros":
            values[::2] = 0.0
        elif name == "empty parts":
            values[:, :, random.integers(0, values.shape[2])] = 0.0
            values[random.random(len(values)) < 0.3, :, -1] = 0.0
        elif name == "huge":
            values *= np.float32(1e37)
        elif name == "mixed sizes":
            values *= np.exp(random.uniform(-80, 60, (len(values), 1, 1))).astype(np.float32)
        elif name == "subnormal":
            values *= np.float32(1e-42)
        elif name == "one outlier":
            values[-1] *= np.float32(1e30)
        elif name == "one hot":
            values[:] = np.where(values == values.max(1, keepdims=True), values, np.float32(0.0))
        elif name == "clusters":  # far apart, each of them narrow
            values *= np.float32(1e-3)
            values += random.integers(0, 3, (len(values), 1, 1)).astype(np.float32)
        elif name == "whole":
            values[:] = np.rint(values)
        elif name == "largest":  # every number at the end of its range
            values[:] = np.sign(values)
    return pair


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_embeddings_are_placed_exactly(name: str, way: Kind, kind: Distance, monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch)
    random = np.random.default_rng(HOSTILE.index(name))
    for _ in range(4):
        pair = hostile(random, name, kind)
        groups = random.integers(0, 3, len(pair.gallery))
        for most in (1, 4, 10**6):
            with np.errstate(all="raise", under="ignore"):
                found = nearest_mates(pair, groups, most, kind=way)
            assert (found == plain_places(pair, groups, most)).all()


@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=40, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 12), st.integers(1, 30), st.integers(1, 9), st.integers(1, 3)),
    seed=st.integers(0, 2**32 - 1),
    digits=st.integers(0, 12),
    power=st.integers(-40, 35),
    kind=st.sampled_from(KINDS),
)
def test_any_embeddings_are_placed_exactly(
    way: Kind, shape: tuple[int, int, int, int], seed: int, digits: int, power: int, kind: Distance
) -> None:
    """digits: of few there are many ties and near ties; power: of ten, the size of all."""
    random, (probes, gallery, *size) = np.random.default_rng(seed), shape
    steps = np.round(random.standard_normal((probes + gallery, *size)) * 2**digits) / 2**digits
    steps[random.random(len(steps)) < 0.2] *= 10.0 ** random.integers(-3, 3)
    values = (steps * 10.0**power).astype(np.float32)
    people = random.integers(0, 4, len(values))
    sides = Side(values, np.arange(probes)), Side(values, np.arange(probes, len(values)))
    pair = Matching(*sides, people[:probes], people[probes:], kind)
    groups = random.integers(0, 2, gallery)
    assert (nearest_mates(pair, groups, 3, kind=way) == plain_places(pair, groups, 3)).all()


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


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("offset", [0.0, 30.0])
def test_bounds_hold_on_both_sides_and_are_near(way: Kind, offset: float, kind: Distance) -> None:
    random = np.random.default_rng(11)
    a, b = (Side((offset + random.standard_normal((60, 128, 4))).astype(np.float32), np.arange(60)) for _ in range(2))
    truth = all_exact(Matching(a, b, np.arange(60), np.arange(60), kind))
    prepared = Way(way).prepared(b, kind)
    made = prepared.block(a.values)
    low, margins = made.low(0, 60) / prepared.frame.scale, made.margins(0, 60)
    below, above = (margin[:, None] / prepared.frame.scale for margin in margins)
    assert (low - below <= truth).all()
    assert (truth <= low + above).all()
    narrow = 0.005 if way in ("numpy", "float32") else 0.06
    assert (below + above).max() < 2 * narrow * (truth.mean() if kind == "euclidean" else 1.0)
    rows, columns = np.nonzero(random.random((60, 60)) < 0.5)  # many pairs at once, and few
    for some in (slice(None), slice(0, 40)):
        narrower = made.near(rows[some], columns[some])
        if narrower is not None:
            least, greatest = (value / prepared.frame.scale for value in narrower)
            far = truth[rows[some], columns[some]]
            assert ((least <= far) & (far <= greatest)).all()
            assert (greatest - least).max() < 1e-3
    found, wrong = dense(a.values, b, centre_of(b, kind), kind)
    assert (np.abs(found - truth) <= wrong[:, None]).all()


def test_float32_bounds_allow_for_the_worst_order_of_a_sum() -> None:
    random = np.random.default_rng(12)
    a, b = ((30 + random.standard_normal((60, 128, 4))).astype(np.float32) for _ in range(2))
    made = Way("numpy").prepared(Side(b, np.arange(60)), "euclidean").block(a)
    assert isinstance(made, FloatBounds)
    squares = np.einsum("knc,kmc->knm", made.left.factors.astype(float), made.right.factors.astype(float))
    x, y = -0.5 * made.left.factors[..., :128].astype(float), made.right.factors[..., :128].astype(float)
    own = (x * x).sum(2)[:, :, None] + (y * y).sum(2)[:, None, :]
    assert (squares <= own - 2 * np.einsum("knc,kmc->knm", x, y) - 2 * 130 * 2.0**-24 * own).all()


def test_the_way_is_measured_and_settings_are_as_before() -> None:
    torch = pytest.importorskip("torch")
    before = torch.backends.mkldnn.matmul.fp32_precision, torch.get_num_threads()
    with way_for(10, 10, 1) as tiny:
        assert tiny.kind == "numpy"  # a small job needs no threads
    with way_for(10**6, 64, 16) as large:
        assert large.kind in WAYS[1:]
    assert (torch.backends.mkldnn.matmul.fp32_precision, torch.get_num_threads()) == before


def test_whole_numbers_are_cut_to_what_the_processor_sums_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sums of two products cut off at 16 bits, as processors without instructions for bytes make them: one side then has 7 bits."""
    torch = pytest.importorskip("torch")

    def cut_off(x: Any, y: Any, out: Any) -> Any:
        x, y = x.numpy().astype(np.int64) + 128, y.numpy().astype(np.int64)  # one side without signs
        if len(y) % 2:
            x, y = np.pad(x, ((0, 0), (0, 1))), np.pad(y, ((0, 1), (0, 0)))
        twos = x[:, 0::2, None] * y[None, 0::2] + x[:, 1::2, None] * y[None, 1::2]
        return out.copy_(torch.from_numpy(np.clip(twos, -32768, 32767).sum(1) - 128 * y.sum(0)))

    def cut_off_other(x: Any, y: Any, out: Any) -> Any:
        turned = torch.empty(out.shape[::-1], dtype=torch.int32)
        return out.copy_(cut_off(y.T, x.T, turned).T)

    monkeypatch.setattr(products, "TRIED", (24, 40))
    monkeypatch.setattr(torch, "_int_mm", cut_off)
    assert exact_kind.__wrapped__() == "7 bits of the gallery"
    monkeypatch.setattr(torch, "_int_mm", cut_off_other)
    assert exact_kind.__wrapped__() == "7 bits of the probes"
    monkeypatch.delattr(torch, "_int_mm")
    assert exact_kind.__wrapped__() is None


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
