"""The ladder runs from end to end, and its steps are what their names say."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from toy import toy_sequence

from gaitbridge.cli import main
from gaitbridge.conventions import CONDITIONS
from gaitbridge.errors import UserError
from gaitbridge.evaluation.comparing import ladder
from gaitbridge.evaluation.comparing.ladder import CC, CL, LC, LL, Asked
from gaitbridge.evaluation.results import find_row, read_rows
from gaitbridge.report.ladder import checks_table
from gaitbridge.run_documents import Seen, read_seen
from gaitbridge.store import Store, finish_store, write_shard
from gaitbridge.training import study
from gaitbridge.training.config import recipe
from gaitbridge.training.seen import measure_seen
from gaitbridge.training.studies import LADDER

TOY = ("data.people_per_batch=4", "data.sequences_per_person=2", "data.frames=2", "precision=float32")


@pytest.fixture(scope="module")
def night_store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """5 people to train, 4 to test, one of them at night alone; the settings of the store say so."""
    path, names = tmp_path_factory.mktemp("night") / "store", []
    for number, split in enumerate(["train"] * 5 + ["test"] * 4):
        name = f"p{number:04d}"
        takes = [("night", take) for take in range(3)] if number == 5 else [("normal", 0), ("normal", 1), ("bag", 0)]
        write_shard(path, name, [toy_sequence(number, split, condition, take, view, 3) for condition, take in takes for view in (0, 90)])
        names.append(name)
    finish_store(path, names, {"kind": "simulated", "config": {"night_people": 0.25}})
    return Store(path)


@pytest.fixture(scope="module")
def done(night_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole study, one seed, ten steps; its `docs` hold the report. Four runs and six evaluations: some seconds of processor."""
    folder = tmp_path_factory.mktemp("ladder")

    def call(command: Sequence[str], log: Path, what: str, running: object = None) -> None:
        assert main(list(command)) == 0, what  # in this process: ten new ones would take a minute

    words = [word for setting in TOY for word in ("--set", setting)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study, "call", call)
        assert main(["study", "ladder", "--data", str(night_store.path), "--out", str(folder / "out"), "--report", str(folder / "docs"), "--seeds",
                     "1", "--steps", "10", *words]) == 0
    return folder


def test_every_arm_is_trained_and_looked_at(done: Path, night_store: Store) -> None:
    runs = done / "out" / "ladder"
    assert sorted(path.name for path in runs.iterdir()) == ["camera-outline-s0", "lidar-depth-s0", "lidar-outline-s0", "one-network-s0"]
    assert {path.name for path in (runs / "one-network-s0").glob("evaluation*")} == {"evaluation", "evaluation-at-6", "evaluation-at-9"}
    for run in runs.iterdir():
        lines = [row for row in read_rows(run / "evaluation" / "results.json") if row.metric == "rank-1"]
        assert {row.protocol for row in lines} == {"simulated-2"}
        assert {row.condition for row in lines} == {"all", "normal", "bag", "night"}
    hashes = {folder.name: read_rows(folder / "results.json")[0].weights_hash for folder in (runs / "one-network-s0").glob("evaluation*")}
    assert len(set(hashes.values())) == 3  # three moments of the training


def test_the_report_says_what_was_measured(done: Path, night_store: Store) -> None:
    text = (done / "docs" / "ladder-store.md").read_text(encoding="utf-8")
    met, missed = text.count("| met |"), text.count("| missed by")
    assert missed > 0
    assert f"**{met} of {met + missed} steps are within the aim.**" in text
    assert "| camera-camera, over normal | umbrella | ratio | 0.92 | 0.72 to 1.12 | – | not measured |" in text  # nobody carries one here
    assert (done / "docs" / "ladder-store.png").read_bytes().startswith(b"\x89PNG")
    with (done / "docs" / "ladder-store-checks.csv").open(encoding="utf-8") as file:
        rows = {(row["group"], row["name"]): row for row in csv.DictReader(file)}
    assert len(rows) == len(ladder.CHECKS)
    results = read_rows(done / "out" / "ladder" / "one-network-s0" / "evaluation" / "results.json")

    def rank1(pair: tuple[str, str]) -> float:
        row = find_row(results, "rank-1", *pair)
        assert row is not None
        assert row.value is not None
        return row.value

    (key,) = [key for key in rows if key[0] == "one network, all conditions" and key[1].startswith("LiDAR probe")]
    assert float(rows[key]["value"]) == pytest.approx(rank1(LC) - min(rank1(CC), rank1(LL)))
    assert "after 60% of the steps" in (done / "docs" / "ladder-store.csv").read_text(encoding="utf-8")


def test_what_is_known_of_training_people_is_measured_once(done: Path, night_store: Store, tmp_path: Path) -> None:
    run = done / "out" / "ladder" / "one-network-s0"
    found = read_seen(run)
    assert found is not None
    assert found["triplets"] == 2 * 16 * 8 * 2 * 6 * 16  # directions, batches, anchors, positives, negatives, parts
    assert 0 < found["violating"] < found["triplets"]
    assert found["people"] == 4
    assert measure_seen(run, night_store) == found
    with pytest.raises(UserError, match="takes silhouettes alone"):
        measure_seen(done / "out" / "ladder" / "camera-outline-s0", night_store)


def test_the_three_encoders_differ_in_what_they_see_alone() -> None:
    arms = {arm.name: recipe(arm.recipe or LADDER.recipe) for arm in LADDER.arms}
    camera, lidar = arms["camera-outline"], arms["lidar-depth"]
    for part in ("objective", "data", "optimiser"):
        assert getattr(camera, part).model_dump() == getattr(lidar, part).model_dump()
    own, others = lidar.network.model_dump(), camera.network.model_dump()
    assert others.pop("modality") == "silhouettes"
    assert {name: value for name, value in others.items() if own[name] != value} == {}
    one = arms["one-network"].objective.model_dump()
    assert (one["alignment"]["kind"], one["diffusion"]["phases"]) == ("none", ())


def table(*shares: float) -> np.ndarray:
    """Ten probes a person, of whom so many are right."""
    return np.asarray([[10 * share, 10] for share in shares])


def steps(**changes: object) -> dict[str, ladder.LadderRow]:
    hits = {Asked(ladder.ONE, pair, condition): table(*([share * level] * 4)) for pair, share in ((CC, 0.6), (LL, 0.8), (CL, 0.55), (LC, 0.5))
            for condition, level in {"all": 1.0, **dict.fromkeys(CONDITIONS, 0.5)}.items()}
    hits |= {Asked(ladder.ONE, pair, "all", look): table(*([share] * 4)) for pair in (CL, LC) for look, share in ((0.6, 0.4), (0.9, 0.52))}
    hits |= {Asked(ladder.CAMERA_OUTLINE, CC): table(0.8, 0.8, 0.6, 0.6), Asked(ladder.LIDAR_OUTLINE, LL): table(0.6, 0.6, 0.6, 0.6)}
    seen = {"batches": 1, "margin": 0.2, "triplets": 1000, "violating": 5, "people": 4, "sequences": 8, "seen": {"rank1": 99.0},
            "unseen": {"rank1": 50.0}} | changes
    return {f"{row.group}: {row.name}": row for row in ladder.ladder_rows({0: hits}, {0: Seen(**seen)})}  # type: ignore[typeddict-item]


def test_steps_are_differences_and_ratios_of_made_up_numbers() -> None:
    rows = steps()
    across = rows["one network, all conditions: LiDAR probe, camera gallery: less the weaker sensor alone"]
    assert (across.value, across.met, across.off) == (pytest.approx(-10.0), True, 0.0)
    assert rows["one network, all conditions: camera probe, LiDAR gallery: less the weaker sensor alone"].value == pytest.approx(-5.0)
    outline = rows["one encoder each: LiDAR outline less camera outline"]
    assert outline.value == pytest.approx(-10.0)
    assert outline.low is not None
    assert outline.high is not None
    assert -20.0 <= outline.low < -10.0 < outline.high <= 0.0  # who is drawn among the four changes it
    night = rows["camera-camera, over normal: night"]
    assert (night.value, night.met, night.off) == (pytest.approx(1.0), False, pytest.approx(0.54))
    assert (across.low, across.high) == (pytest.approx(-10.0), pytest.approx(-10.0))  # people alike: no spread
    assert rows["learning: across: the end less before the learning rate's drop"].value == pytest.approx(12.5)
    flat = rows["learning: across: the end less a tenth of the steps before it (flat)"]
    assert (flat.value, flat.met) == (pytest.approx(0.5), True)
    violating = rows["learning: training triplets across the sensors within the margin"]
    assert (violating.value, violating.met) == (pytest.approx(0.5), True)
    assert not steps(violating=50)["learning: training triplets across the sensors within the margin"].met
    depth = rows["one encoder each: LiDAR depth less LiDAR outline"]
    assert (depth.value, depth.met) == (None, None)
    lines = checks_table("t", list(rows.values())).lines
    assert ("camera-camera, over normal", "night", "ratio", "0.26", "0.06 to 0.46", "1.00 [1.00, 1.00]", "missed by 0.54") in lines
    assert [line[3:5] for line in lines if line[0] == "learning"] == [("0.02", "below 1.00"), ("far below", "below -20.0"), ("+9.0", "above +3.0"),
                                                                      ("+0.0", "-2.0 to +2.0")]


def test_seeds_are_averaged_and_stand_beside_the_mean() -> None:
    def hits(share: float) -> dict[Asked, np.ndarray]:
        return {Asked(ladder.CAMERA_OUTLINE, CC): table(0.5, 0.5), Asked(ladder.LIDAR_OUTLINE, LL): table(share, share)}

    (row,) = [row for row in ladder.ladder_rows({0: hits(0.4), 1: hits(0.3)}, {}) if row.name == "LiDAR outline less camera outline"]
    assert row.value == pytest.approx(-15.0)
    assert row.seeds == (pytest.approx(-10.0), pytest.approx(-20.0))


def test_the_real_ratios_are_those_of_the_real_numbers() -> None:
    for check in ladder.CHECKS:
        pair = {f"{name}, over normal": pair for pair, name in ladder.NAMES.items()}.get(check.group)
        if pair is not None:
            real = ladder.REAL[pair]
            assert check.real == pytest.approx(real[check.name] / real["normal"], abs=0.011)
