"""Runs compared on the same probes: exact zeros, planted differences, plain enumeration, and refusals."""

import csv
import itertools
import json
import re
from pathlib import Path

import numpy as np
import pytest
from fake_store import knowing_embeddings, make_store, sides_compared
from hypothesis import given, settings
from hypothesis import strategies as st

from gaitbridge.cli import main
from gaitbridge.data.protocols import load_protocol
from gaitbridge.errors import StoreError, UserError
from gaitbridge.evaluation.comparing.difference import paired_difference, sign_flip_p
from gaitbridge.evaluation.comparing.paired import PairedRow, compare_runs, evaluation_folder, read_paired, write_paired
from gaitbridge.evaluation.embedding.from_store import write_embeddings
from gaitbridge.evaluation.results import find_row
from gaitbridge.evaluation.scoring import bootstrap
from gaitbridge.evaluation.scoring.rows import rows_of, sides_of
from gaitbridge.store import Store
from gaitbridge.types import Embeddings

PEOPLE = [f"p{number // 4}" for number in range(4 * 30)]  # 30 people, 4 probes each


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return make_store(tmp_path_factory.mktemp("paired") / "store", people=14)


def make_run(run: Path, store: Store, noise: float, seed: int = 1, modalities: tuple[str, ...] = ("silhouettes", "range_views"),
             folder: str = "evaluation", **about: str) -> Path:
    for modality in modalities:
        embeddings = knowing_embeddings(store, modality, noise, seed, f"w{seed}-{noise}")
        write_embeddings(embeddings, run / folder / f"{modality}.npz", {"data_hash": store.content_hash, "protocol": "simulated", **about})
    return run


def find(rows: list[PairedRow], metric: str = "rank-1", probe: str = "camera", gallery: str = "lidar", views: str = "excluded",
         condition: str = "all") -> PairedRow:
    wanted = (metric, probe, gallery, views, condition)
    return next(row for row in rows if (row.metric, row.probe_modality, row.gallery_modality, row.views, row.condition) == wanted)


def test_equal_scores_differ_by_exactly_nothing() -> None:
    a = np.random.default_rng(0).random(120)
    found = paired_difference(a, a, PEOPLE)
    assert (found.difference, found.low, found.high, found.p) == (0.0, 0.0, 0.0, 1.0)
    assert found.a == found.b == pytest.approx(a.mean())


def test_a_planted_gain_is_found_though_people_differ_far_more() -> None:
    random = np.random.default_rng(1)
    hard = np.repeat(random.normal(0, 5, 30), 4)
    a, b = hard + random.normal(0, 0.1, 120), hard + 0.2 + random.normal(0, 0.1, 120)
    found = paired_difference(a, b, PEOPLE)
    assert found.difference == pytest.approx(0.2, abs=0.05)
    assert 0.1 < found.low < found.difference < found.high < 0.3
    assert found.p < 0.001
    turned = paired_difference(b, a, PEOPLE)
    assert (turned.difference, turned.low, turned.high, turned.p) == pytest.approx((-found.difference, -found.high, -found.low, found.p))


def test_the_interval_is_that_of_the_same_people_drawn_for_both() -> None:
    a, b = np.random.default_rng(2).random((2, 120))
    drawn = bootstrap.people_draws(np.stack([a, b], 1), PEOPLE, 7)
    found = paired_difference(a, b, PEOPLE, seed=7)
    assert (found.low, found.high) == pytest.approx(bootstrap.interval(drawn[:, 1] - drawn[:, 0]))


def test_without_a_difference_the_p_value_is_small_as_rarely_as_it_says() -> None:
    """Also where the four probes of a person agree: taken for 120 independent ones, every third p-value or so would be below 0.05."""
    found = []
    for seed in range(200):
        random = np.random.default_rng(seed)
        found.append(sign_flip_p(np.repeat(random.normal(0, 1, 30), 4) + random.normal(0, 0.1, 120), PEOPLE, seed, flips=500))
    assert 0.01 <= np.mean(np.asarray(found) <= 0.05) <= 0.10
    assert 0.4 <= np.mean(np.asarray(found) <= 0.5) <= 0.6


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(-3, 3)), min_size=2, max_size=12))
@settings(max_examples=50, deadline=None)
def test_the_p_value_of_few_people_is_that_of_all_sign_patterns(probes: list[tuple[int, int]]) -> None:
    people, values = [f"p{person}" for person, _ in probes], np.asarray([0.1 * value for _, value in probes])
    names = sorted(set(people))
    if len(names) < 2:
        assert np.isnan(sign_flip_p(values, people))
        return
    as_large = []
    for signs in itertools.product((1, -1), repeat=len(names)):
        flipped = sum(sign * value for name, sign in zip(names, signs, strict=True) for (person, value) in probes if f"p{person}" == name)
        as_large.append(abs(flipped) >= abs(sum(value for _, value in probes)))
    assert sign_flip_p(values, people) == pytest.approx(np.mean(as_large))


def test_drawn_sign_patterns_agree_with_all_of_them() -> None:
    random = np.random.default_rng(3)
    values, people = random.normal(0.3, 1, 36), [f"p{number // 3:02d}" for number in range(36)]
    exact, drawn = sign_flip_p(values, people), sign_flip_p(values, people, flips=4000)  # 2^12 = 4096 patterns
    assert exact == pytest.approx(drawn, abs=0.02)
    assert 0 < exact < 1
    assert sign_flip_p(np.ones(40), [f"p{number}" for number in range(40)], flips=999) == 1 / 1000


def test_probes_that_one_side_lacks_leave_both() -> None:
    a, b = np.asarray([1.0, np.nan, 0.0, 1.0]), np.asarray([0.0, 1.0, np.nan, 1.0])
    found = paired_difference(a, b, ["p0", "p1", "p1", "p2"])
    assert (found.a, found.b, found.difference) == (1.0, 0.5, -0.5)
    alone = paired_difference(a, b, ["p0"] * 4)
    assert np.isnan([alone.low, alone.high, alone.p]).all()
    assert alone.difference == -0.5
    assert np.isnan(paired_difference(np.full(4, np.nan), b, ["p0", "p1", "p2", "p3"])).all()
    with pytest.raises(ValueError, match="the same probes"):
        paired_difference(a, b[:3], ["p0"] * 4)


def test_a_run_against_itself_is_exactly_nothing(store: Store, tmp_path: Path) -> None:
    run = make_run(tmp_path / "a", store, 2.0)
    rows = compare_runs([run], [run], store)
    assert rows
    assert all((row.difference, row.low, row.high, row.p) == (0.0, 0.0, 0.0, 1.0) for row in rows)


def test_the_command_says_in_which_settings_runs_differ(store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = make_run(tmp_path / "a", store, 2.0), make_run(tmp_path / "b", store, 1.5)
    words = ["compare", str(a), str(b), "--data", str(store.path), "--protocol", "simulated"]
    assert main(words) == 0
    assert "settings: not known of all runs" in capsys.readouterr().out
    for run, steps in ((a, 7), (b, 9)):
        (run / "config.json").write_text(json.dumps({"training": {"steps": steps, "peak": 3e-4}}))
    assert main(words) == 0
    told = capsys.readouterr().out.split("They differ in")[1]
    assert re.search(r"training.steps +7 +9", told)
    assert "peak" not in told
    assert main([*words[:2], str(a), *words[3:]]) == 0
    assert "settings: the same on both sides" in capsys.readouterr().out


def test_sides_have_the_values_that_evaluation_gives_and_a_clear_gain_is_found(store: Store, tmp_path: Path) -> None:
    a, b = make_run(tmp_path / "a", store, 3.0), make_run(tmp_path / "b", store, 1.2)
    rows = compare_runs([a], [b], store, seed=5)
    for metric, probe, gallery, views, condition in (
        ("rank-1", "camera", "lidar", "excluded", "all"),
        ("mAP", "lidar", "camera", "identical", "bag"),
        ("mINP", "camera", "camera", "all", "normal"),
    ):
        row = find(rows, metric, probe, gallery, views, condition)
        for value, run in ((row.a, a), (row.b, b)):
            evaluated = rows_of(sides_of(run / "evaluation", store, load_protocol("simulated")), 5, store.content_hash)
            alone = find_row(evaluated, metric, probe, gallery, views, condition)
            assert alone is not None
            assert value == pytest.approx(alone.value)
            assert (row.probes, row.people, row.protocol, row.data_hash) == (alone.probes, alone.people, alone.protocol, store.content_hash)
    row = find(rows)
    assert row.difference is not None
    assert row.low is not None
    assert row.p is not None
    assert row.difference > 20
    assert row.low > 0
    assert row.p < 0.01
    assert (row.weights_a, row.weights_b, row.unit) == (("w1-3.0",), ("w1-1.2",), "%")


def test_several_runs_of_a_side_are_averaged_probe_by_probe(store: Store, tmp_path: Path) -> None:
    a = [make_run(tmp_path / f"a{seed}", store, 2.5, seed) for seed in (1, 2, 3)]
    b = [make_run(tmp_path / "b", store, 1.5, 1)]
    said: list[tuple[int, int]] = []
    rows = compare_runs(a, b, store, seed=2, progress=lambda done, all_, _: said.append((done, all_)))
    assert said == [(1, 4), (2, 4), (3, 4), (4, 4)]
    row, hits = find(rows), []
    for noise, seed in ((2.5, 1), (2.5, 2), (2.5, 3), (1.5, 1)):
        camera, lidar = (knowing_embeddings(store, modality, noise, seed) for modality in ("silhouettes", "range_views"))
        one = sides_compared(store, camera, lidar)[0]
        hits.append(one.ranking("excluded").within(1))
    wanted = paired_difference(np.mean(hits[:3], 0), hits[3], one.people, 2)
    assert (row.a, row.b, row.low, row.high) == pytest.approx(tuple(100 * x for x in (wanted.a, wanted.b, wanted.low, wanted.high)))
    assert row.p == wanted.p
    assert row.runs_a == pytest.approx([100 * hit.mean() for hit in hits[:3]])
    assert row.a == pytest.approx(np.mean([value for value in row.runs_a if value is not None]))
    assert len(row.weights_a) == 3


def test_only_directions_that_all_runs_have(store: Store, tmp_path: Path) -> None:
    both, camera = make_run(tmp_path / "both", store, 2.0), make_run(tmp_path / "camera", store, 2.0, modalities=("silhouettes",))
    lidar = make_run(tmp_path / "lidar", store, 2.0, modalities=("range_views",))
    assert {(row.probe_modality, row.gallery_modality) for row in compare_runs([both], [camera], store)} == {("camera", "camera")}
    with pytest.raises(UserError, match="no direction in common"):
        compare_runs([lidar], [camera], store)


def test_runs_of_other_data_or_another_protocol_are_refused(store: Store, tmp_path: Path) -> None:
    good = make_run(tmp_path / "good", store, 2.0)
    other = make_run(tmp_path / "other", store, 2.0, data_hash="0123456789")
    with pytest.raises(UserError, match=r"other has no embeddings of the store .*found: evaluation of the store 01234567 under simulated"):
        compare_runs([good], [other], store)
    with pytest.raises(UserError, match=r"under the protocol real-motion .*under simulated\); run `gaitbridge evaluate"):
        compare_runs([good], [good], store, "real-motion")
    with pytest.raises(UserError, match="found: none"):
        compare_runs([good], [tmp_path / "nothing"], store)
    with pytest.raises(UserError, match="unknown protocol"):
        compare_runs([good], [good], store, "simulatd")
    with pytest.raises(UserError, match="one run or more for each"):
        compare_runs([good], [], store)


def test_runs_that_compare_other_walks_are_refused(store: Store, tmp_path: Path) -> None:
    good = make_run(tmp_path / "good", store, 2.0)
    for name, part in (("fewer probes", "/bag-0/045"), ("fewer in the gallery", "/normal-0/045")):
        full = knowing_embeddings(store, "silhouettes", 2.0)
        kept = [number for number, key in enumerate(full.keys) if key != f"p0003{part}"]
        fewer = Embeddings(full.values[kept], full.distance, full.modality, full.weights_hash, tuple(full.keys[number] for number in kept))
        write_embeddings(fewer, tmp_path / name / "evaluation" / "silhouettes.npz", {"data_hash": store.content_hash})
        with pytest.raises(UserError, match=rf"do not compare the same walks: 1 of the (probes|gallery) .* such as 'p0003{part}'"):
            compare_runs([good], [tmp_path / name], store)


def test_the_evaluation_on_this_store_is_found_among_several(store: Store, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", store, 2.0, data_hash="0123456789")
    make_run(run, store, 1.5, folder="evaluation-elsewhere")
    assert evaluation_folder(run, store, "simulated") == run / "evaluation-elsewhere"
    assert evaluation_folder(run / "evaluation-elsewhere", store, "simulated") == run / "evaluation-elsewhere"


def test_files_of_a_comparison(store: Store, tmp_path: Path) -> None:
    rows = compare_runs([make_run(tmp_path / "a", store, 2.0)], [make_run(tmp_path / "b", store, 1.5, 2)], store)
    write_paired(rows, tmp_path / "out")
    assert read_paired(tmp_path / "out" / "comparison.json") == rows
    with (tmp_path / "out" / "comparison.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [float(line["difference"]) for line in lines] == [row.difference for row in rows]
    assert lines[0]["weights_b"] == "w2-1.5"
    (tmp_path / "out" / "comparison.json").write_text(json.dumps([{"metric": "rank-1"}]))
    with pytest.raises(StoreError, match="compare the runs again"):
        read_paired(tmp_path / "out" / "comparison.json")
