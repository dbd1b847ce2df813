"""Pass 2: rows against plain loops over the protocol, and the counts that go with them."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fake_store import VIEWS, evaluated, knowing_embeddings, make_store, sides_compared, write_sides

from gaitbridge.data.protocols import MODES, Protocol, Rule, load_protocol
from gaitbridge.errors import StoreError, UserError
from gaitbridge.evaluation.embedding.from_store import write_embeddings
from gaitbridge.evaluation.ranking import matrix
from gaitbridge.evaluation.results import DIRECTIONS, ResultRow, find_row, read_rows, write_rows
from gaitbridge.evaluation.scoring.measures import mean_of_rows
from gaitbridge.evaluation.scoring.rows import rows_of, sides_of, write_evaluation
from gaitbridge.store import Store
from gaitbridge.types import Embeddings

MISSING = "p0002/normal-1/045"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return make_store(tmp_path_factory.mktemp("score") / "store", people=7, missing=(MISSING,))


@pytest.fixture(scope="module")
def sides(store: Store) -> tuple[Embeddings, Embeddings]:
    return knowing_embeddings(store, "silhouettes", 2.0), knowing_embeddings(store, "range_views", 2.0)


@pytest.fixture(scope="module")
def rows(store: Store, sides: tuple[Embeddings, Embeddings]) -> list[ResultRow]:
    return evaluated(store, *sides)


def slow_rank1(store: Store, probe: Embeddings, gallery: Embeddings, views: str, condition: str) -> tuple[float, int, float]:
    """Rank-1 in %, probes and chance in %, by loops over the store."""
    hits, chances = [], []
    for key, x in zip(probe.keys, probe.values, strict=True):
        p = store.rows[store.row_of_key[key]]
        if (p["condition"], p["take"]) == ("normal", 0) or condition not in ("all", p["condition"]):
            continue
        found = []
        for other, y in zip(gallery.keys, gallery.values, strict=True):
            g = store.rows[store.row_of_key[other]]
            same = p["view"] == g["view"]
            if (g["condition"], g["take"]) != ("normal", 0) or (views == "excluded" and same) or (views == "identical" and not same):
                continue
            found.append((float(np.linalg.norm(x - y, axis=0).mean()), g["person"] == p["person"]))
        hits.append(min(found)[1])
        chances.append(np.mean([mate for _, mate in found]))
    return 100 * float(np.mean(hits)), len(hits), 100 * float(np.mean(chances))


@pytest.mark.parametrize(("probe", "gallery"), DIRECTIONS)
@pytest.mark.parametrize("views", MODES)
@pytest.mark.parametrize("condition", ["all", "bag"])
def test_rank1_is_that_of_plain_loops(
    store: Store, sides: tuple[Embeddings, Embeddings], rows: list[ResultRow], probe: str, gallery: str, views: str, condition: str
) -> None:
    side = dict(zip(("camera", "lidar"), sides, strict=True))
    value, probes, chance = slow_rank1(store, side[probe], side[gallery], views, condition)
    row = find_row(rows, "rank-1", probe, gallery, views, condition)
    assert row is not None
    assert (row.value, row.probes, row.chance) == (pytest.approx(value), probes, pytest.approx(chance))
    assert row.low is not None
    assert row.high is not None
    assert row.low <= value <= row.high
    assert (row.people, row.gallery, row.unit) == (7, 7 * len(VIEWS), "%")
    assert row.compared == pytest.approx({"excluded": 21, "identical": 7, "all": 28}[views])


def test_every_row_says_where_it_comes_from(store: Store, rows: list[ResultRow]) -> None:
    assert {(row.probe_modality, row.gallery_modality) for row in rows} == set(DIRECTIONS)
    assert {row.data_hash for row in rows} == {store.content_hash}
    assert {row.weights_hash for row in rows} == {"w1"}
    assert {row.protocol for row in rows} == {"simulated"}
    assert {row.metric for row in rows} == {"rank-1", "rank-5", "rank-10", "mAP", "mINP", "rank-1 cell mean"}


def test_a_sequence_that_one_sensor_missed_is_no_probe_there(rows: list[ResultRow]) -> None:
    seen, missed = find_row(rows, "rank-1", "camera", "lidar"), find_row(rows, "rank-1", "lidar", "camera")
    assert seen is not None
    assert missed is not None
    assert seen.probes == missed.probes + 1


def test_view_pair_cells_and_their_mean(store: Store, sides: tuple[Embeddings, Embeddings], rows: list[ResultRow]) -> None:
    cells = [row for row in rows if row.probe_view and (row.probe_modality, row.gallery_modality) == ("camera", "lidar")]
    assert {(row.probe_view, row.gallery_view) for row in cells} == {(p, g) for p in VIEWS for g in VIEWS}
    one = sides_compared(store, *sides)[0]
    p, g = one.probes["view"] == "090", one.gallery["view"] == "180"
    people = one.probes["person"][p].tolist(), one.gallery["person"][g].tolist()
    wanted = matrix.rank_gallery(one.distances_of(np.arange(len(p)))[np.ix_(p, g)], *people).within(1).mean()
    cell = next(row for row in cells if (row.probe_view, row.gallery_view) == ("090", "180"))
    assert (cell.value, cell.gallery, cell.probes) == (pytest.approx(100 * wanted), 7, 14)
    main = find_row(reversed(rows), "rank-1", "camera", "lidar", "all")  # the cells, which come first now, are not the main number
    assert main is not None
    assert main.probe_view is None
    mean = find_row(rows, "rank-1 cell mean", "camera", "lidar", "excluded")
    assert mean is not None
    assert mean.value == pytest.approx(np.mean([row.value for row in cells if row.probe_view != row.gallery_view]))


def test_empty_cells_are_skipped_gallery_views_first() -> None:
    nan = np.nan
    for cells, wanted in ((((1.0, nan), (0.0, 0.5)), 0.625), (((nan, nan), (0.0, 1.0)), 0.5), (((nan, nan), (nan, nan)), nan)):
        assert mean_of_rows(np.asarray(cells)) == pytest.approx(wanted, nan_ok=True)


def test_probes_without_a_mate_are_counted(store: Store, sides: tuple[Embeddings, Embeddings]) -> None:
    camera, lidar = sides
    kept = [number for number, key in enumerate(lidar.keys) if not key.startswith("p0003/normal-0")]
    fewer = Embeddings(lidar.values[kept], lidar.distance, lidar.modality, lidar.weights_hash, tuple(lidar.keys[number] for number in kept))
    row = find_row(evaluated(store, camera, fewer), "rank-1", "camera", "lidar")
    assert row is not None
    assert (row.probes, row.probes_without_mate, row.people) == (6 * 2 * 4, 2 * 4, 6)


def test_one_person_gives_a_value_without_an_interval(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", people=1)
    camera, lidar = knowing_embeddings(store, "silhouettes"), knowing_embeddings(store, "range_views")
    found = evaluated(store, camera, lidar)
    for metric in ("rank-1", "rank-1 cell mean"):
        row = find_row(found, metric, "camera", "lidar", "identical")
        assert row is not None
        assert (row.value, row.chance, row.low, row.high) == (100.0, 100.0, None, None)


def test_one_view_has_nothing_across_views(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", people=3, views=("000",))
    found = evaluated(store, knowing_embeddings(store, "silhouettes"), knowing_embeddings(store, "range_views"))
    row = find_row(found, "rank-1", "camera", "lidar")
    assert row is not None
    assert (row.value, row.low, row.probes, row.probes_without_mate) == (None, None, 0, 6)


def test_exclusion_of_the_own_person_only_leaves_strangers_at_that_view(store: Store, sides: tuple[Embeddings, Embeddings]) -> None:
    simulated = load_protocol("simulated")
    own = Protocol("own", simulated.probe, Rule(simulated.gallery.match), identical=("person", "view"))
    row = find_row(evaluated(store, *sides, protocol=own), "rank-1", "camera", "lidar")
    assert row is not None
    assert (row.compared, row.chance) == (27.0, pytest.approx(100 * 3 / 27))


def test_embeddings_of_another_store_are_refused(store: Store, sides: tuple[Embeddings, Embeddings], tmp_path: Path) -> None:
    other = make_store(tmp_path / "other", people=2)
    with pytest.raises(UserError, match=r"60 embeddings are of no sequence of .*, such as 'p0002/normal-0/000'"):
        sides_of(write_sides(tmp_path / "strangers", other, sides[0]), other, load_protocol("simulated"))
    with pytest.raises(UserError, match=r"no mode of views 'exclude'.*did you mean 'excluded'"):
        sides_compared(store, *sides)[0].ranking("exclude")
    with pytest.raises(UserError, match=r"neither silhouettes\.npz nor range_views\.npz"):
        sides_of(tmp_path, store, load_protocol("simulated"))
    write_embeddings(sides[0], tmp_path / "silhouettes.npz", {"data_hash": "0123456789"})
    with pytest.raises(UserError, match="made from another store"):
        sides_of(tmp_path, store, load_protocol("simulated"))


def test_files_of_an_evaluation(store: Store, sides: tuple[Embeddings, Embeddings], rows: list[ResultRow], tmp_path: Path) -> None:
    write_sides(tmp_path, store, *sides)
    assert write_evaluation(tmp_path, store, "simulated", 0, tmp_path) == rows == read_rows(tmp_path / "results.json")
    with (tmp_path / "results.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [float(line["value"]) for line in table] == [row.value for row in rows]
    curves = json.loads((tmp_path / "cmc.json").read_text())
    for curve in curves["curves"]:
        assert curve["values"] == sorted(curve["values"])
        first = find_row(rows, "rank-1", curve["probe_modality"], curve["gallery_modality"], curve["views"])
        assert first is not None
        assert curve["values"][0] == first.value
    (tmp_path / "results.json").write_text("[{}]")
    with pytest.raises(StoreError, match="is damaged"):
        read_rows(tmp_path / "results.json")


def test_retrieval_examples_are_the_nearest_of_the_other_sensor(store: Store, sides: tuple[Embeddings, Embeddings], tmp_path: Path) -> None:
    write_evaluation(write_sides(tmp_path, store, *sides), store, "simulated", 0, tmp_path)
    examples = json.loads((tmp_path / "retrieval.json").read_text())["examples"]
    assert {example["probe_modality"] for example in examples} == {"camera", "lidar"}
    assert {example["correct"] for example in examples} == {True, False}
    for example in examples:
        assert example["probe_modality"] != example["gallery_modality"]
        assert all(found["view"] != example["probe"]["view"] for found in example["nearest"])
        distances = [found["distance"] for found in example["nearest"]]
        assert distances == sorted(distances)
        assert example["correct"] == example["nearest"][0]["correct"] == (example["nearest"][0]["person"] == example["probe"]["person"])
    one = next(example for example in examples if example["probe_modality"] == "camera")
    x = sides[0].values[sides[0].keys.index(one["probe"]["key"])]
    y = sides[1].values[sides[1].keys.index(one["nearest"][2]["key"])]
    assert one["nearest"][2]["distance"] == pytest.approx(float(np.linalg.norm(x - y, axis=0).mean()), rel=1e-5)


def test_one_modality_alone_is_scored_against_itself(store: Store, sides: tuple[Embeddings, Embeddings], tmp_path: Path) -> None:
    write_embeddings(sides[0], tmp_path / "silhouettes.npz", {})
    found = rows_of(sides_of(tmp_path, store, load_protocol("simulated")), 0, "")
    assert {(row.probe_modality, row.gallery_modality) for row in found} == {("camera", "camera")}


def test_rows_of_a_version_whose_rank_1_was_another_number_are_refused(rows: list[ResultRow], tmp_path: Path) -> None:
    older = [replace(row, protocol="casia_b") for row in rows if row.metric == "rank-1"]
    write_rows(older, tmp_path)
    with pytest.raises(StoreError, match="older version, whose rank-1 under casia_b was the pooled one: evaluate the run again"):
        read_rows(tmp_path / "results.json")
    write_rows([], tmp_path)
    with pytest.raises(StoreError, match="holds no rows"):
        read_rows(tmp_path / "results.json")
    newer = [*older, replace(older[0], metric="rank-1 pooled")]
    write_rows(newer, tmp_path)
    assert read_rows(tmp_path / "results.json") == newer
