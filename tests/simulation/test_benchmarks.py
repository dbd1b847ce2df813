"""Benchmarks are fixed: their bytes, their people, and what is said where something else comes out."""

import json
import math
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from command_line import run
from tolerances import same_rounding

from gaitbridge.conventions import CONDITIONS
from gaitbridge.data.protocols import load_protocol, own_protocol
from gaitbridge.errors import StoreError, UserError
from gaitbridge.report.benchmark_card import card_of
from gaitbridge.simulation import benchmarks
from gaitbridge.simulation.benchmarks import BENCHMARKS, Benchmark, captures_hash, configured, open_benchmark, versions
from gaitbridge.simulation.cohort import simulate
from gaitbridge.simulation.settings import VERSION_1, CohortConfig
from gaitbridge.simulation.takes import open_source, plan
from gaitbridge.store import Store

P0000_OF_SMALL = {1: "cbfb98f6c1d7e74cb8af2865f876975e", 2: "99f9172893dcb6b4702c2fd99d46f999"}  # its shard's content in the published stores
DEMO_OF_TWO = "caf5489773a29c12c4ac5649fb99d69a"  # two people of the first version's default cohort


def tiny(**changes: object) -> CohortConfig:
    given = {"people": {"train": 1, "val": 0, "test": 0}, "takes": [["normal"]], "views": ["000", "090"], "frames": 3, "truth": False} | changes
    return CohortConfig.model_validate(given)


@same_rounding
@pytest.mark.parametrize("version", P0000_OF_SMALL)
def test_the_published_bytes_come_out_again(tmp_path: Path, version: int) -> None:
    settings = open_benchmark(f"small@{version}").config.model_dump() | {"people": {"train": 1}}
    made = simulate(tmp_path, CohortConfig.model_validate(settings), 0)
    assert made["shards"]["p0000"]["content_hash"] == P0000_OF_SMALL[version]


@same_rounding
def test_cohorts_of_the_first_version_keep_their_bytes(tmp_path: Path) -> None:
    assert simulate(tmp_path, CohortConfig(people={"train": 2, "val": 0, "test": 0}, **VERSION_1), 0)["content_hash"] == DEMO_OF_TWO


def test_definitions_are_sound() -> None:
    for name, one in BENCHMARKS.items():
        assert one.exact == name
        assert set(one.hashes.values()) == {value for value in one.hashes.values() if len(value) == 32}
        assert configured(one)[0] == one.config if not one.captured else True
        assert one.title in card_of(one)
        assert "sensor_baseline_m      0.5 1.5" in card_of(one)
    assert [one.exact for one in versions("small")] == ["small@2", "small@1"]
    standard = open_benchmark("standard@1")
    assert {name for choice in standard.config.takes for name in choice} == set(CONDITIONS)
    assert [int(view[:3]) for view in standard.config.views] == list(range(0, 360, 30))
    assert sum(view.endswith("-far") for view in standard.config.views) == 4


@pytest.mark.parametrize("version", [1, 2])
def test_a_subset_is_a_part_of_the_whole_split_by_split(version: int) -> None:
    standard = open_benchmark(f"standard@{version}")
    source = open_source("parametric")
    whole = {person.name: person for person in plan(standard.config, source)}
    part = plan(configured(standard, "cpu")[0], source)
    assert [sum(person.split == split for person in part) for split in ("train", "val", "test")] == [250, 50, 200]
    assert all(whole[person.name] == person for person in part)


@pytest.mark.parametrize("name", ["small@2", "standard@2"])
def test_people_met_at_night_have_nothing_else_and_a_gallery_at_night(name: str) -> None:
    config = open_benchmark(name).config
    people = plan(config, open_source("parametric"))
    for split, count in config.people.items():
        dark = [person for person in people if person.split == split and any(condition == "night" for condition, _ in person.takes)]
        assert len(dark) == math.floor(0.12 * count + 1e-9)
        assert all(person.takes == tuple(("night", take) for take in range(len(config.takes))) for person in dark)
    rows = [{"key": f"{person.name}/{condition}-{take}/000", "person": person.name, "split": person.split, "condition": condition, "take": take,
             "view": "000"} for person in people for condition, take in person.takes]
    protocol = load_protocol("simulated-2")
    probes, gallery = protocol.choose(rows)
    assert len(gallery) == config.people["test"] == len({rows[number]["person"] for number in gallery})
    assert len(probes) == config.people["test"] * (len(config.takes) - 1)
    assert own_protocol({"kind": "simulated", "config": config.model_dump(mode="json"), "motion": "x"}) == "simulated-2"


def test_every_condition_of_small_has_all_who_walk_by_day() -> None:
    people = [person for person in plan(open_benchmark("small@2").config, open_source("parametric")) if person.split == "test"]
    asked = Counter(condition for person in people for condition, take in person.takes if (condition, take) not in (("normal", 0), ("night", 0)))
    assert asked == dict.fromkeys(set(CONDITIONS) - {"night"}, 88) | {"night": 12 * 7}


def test_mistakes_are_named(tmp_path: Path) -> None:
    for call, message in (
        (lambda: open_benchmark("standart"), "did you mean 'standard'"),
        (lambda: open_benchmark("small@7"), "small has no version '7': take small@1 or small@2, or small for the newest"),
        (lambda: open_benchmark("small@"), "small has no version ''"),
        (lambda: configured(open_benchmark("standard"), "gpu"), "unknown subset 'gpu'"),
        (lambda: configured(open_benchmark("small"), captures=tmp_path), "belong to real-motion"),
        (lambda: configured(open_benchmark("real-motion")), "give --captures DIR"),
        (lambda: configured(open_benchmark("real-motion"), captures=tmp_path), "holds no .bvh files and no .amc"),
        (lambda: tiny(first_person={"train": 0, "val": 0}, people={"train": 1, "val": 1}), "puts somebody into two splits"),
        (lambda: tiny(lidar_bearing_deg=(5, 2)), "the lower limit"),
    ):
        with pytest.raises((UserError, ValueError), match=message):
            call()


def test_captures_are_named_by_their_bytes(tmp_path: Path) -> None:
    (tmp_path / "a_1.bvh").write_text("HIERARCHY")
    first = captures_hash(tmp_path)
    assert first == captures_hash(tmp_path)
    (tmp_path / "a_1.bvh").write_text("HIERARCHY ")
    assert captures_hash(tmp_path) != first
    config, variant = configured(open_benchmark("real-motion"), captures=tmp_path, shape="shared")
    assert (config.shape, config.motion) == ("shared", f"bvh:{tmp_path}")
    assert variant.startswith("shared, captures ")


def test_the_name_of_a_folder_of_bvh_files_stays(tmp_path: Path) -> None:
    folder = tmp_path / "captures"
    folder.mkdir()
    for name in ("b_1.bvh", "a_1.bvh"):
        (folder / name).write_text(name)
    (folder / "LICENSE").write_text("ours")
    assert captures_hash(folder) == "37f29bba"


def test_subjects_and_trials_are_named_with_their_skeletons(tmp_path: Path) -> None:
    subject = tmp_path / "07"
    subject.mkdir()
    (subject / "07_01.amc").write_text("1")
    (subject / "07.asf").write_text("2")
    first = captures_hash(tmp_path)
    assert configured(open_benchmark("real-motion"), captures=tmp_path)[0].motion == f"amc:{tmp_path}"
    (subject / "07.asf").write_text("3")
    assert captures_hash(tmp_path) != first
    (tmp_path / "a_1.bvh").write_text("HIERARCHY")
    with pytest.raises(UserError, match="both"):
        captures_hash(tmp_path)


def test_another_content_is_refused_and_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = simulate(tmp_path / "store", tiny(), 0)
    here = {package: benchmarks._version(package) for package in benchmarks.MAKERS}
    good = Benchmark("toy", 1, "", tiny(), hashes={"all": made["content_hash"]}, made_with=here)
    monkeypatch.setitem(BENCHMARKS, "toy@1", good)
    assert benchmarks.make("toy", tmp_path / "store")[1] == made["content_hash"]
    assert benchmarks.verify("toy", tmp_path / "store") == (good, "all")
    cases = ((here, "another program version or processor"), (here | {"anny": "0.5.0"}, f"made here with anny {here['anny']} for 0.5.0"))
    for made_with, message in cases:
        monkeypatch.setitem(BENCHMARKS, "toy@1", Benchmark("toy", 1, "", tiny(), hashes={"all": "0" * 32}, made_with=made_with))
        with pytest.raises(StoreError, match=message):
            benchmarks.make("toy", tmp_path / "store")
    with pytest.raises(StoreError, match=r"is not toy v1.*its settings are those of toy v1"):
        benchmarks.verify("toy@1", tmp_path / "store")
    newer = Benchmark("toy", 2, "", tiny(seed=1), hashes={"all": "1" * 32})
    monkeypatch.setitem(BENCHMARKS, "toy@1", good)
    monkeypatch.setitem(BENCHMARKS, "toy@2", newer)
    assert benchmarks.verify("toy", tmp_path / "store") == (good, "all")  # whichever version it is
    with pytest.raises(StoreError, match=r"is not toy v2: content .*published toy v2, all: 1+; its settings are those of toy v1"):
        benchmarks.verify("toy@2", tmp_path / "store")
    assert (tmp_path / "store" / "store.json").is_file()


def test_the_command_lists_and_describes() -> None:
    assert "standard@1" in run("benchmark", "list").stdout
    shown = run("benchmark", "card", "small").stdout
    assert [shown.count(f"small v{version}:") for version in (1, 2)] == [1, 1]
    assert "small v2:" not in run("benchmark", "card", "small@1").stdout
    assert "lidar_bearing_deg      2.0 10.0" in run("benchmark", "card", "small").stdout
    assert "did you mean 'small'" in run("benchmark", "card", "smal", code=2).stderr


def test_sensors_apart_in_time_see_another_moment(tmp_path: Path) -> None:
    for name, late in (("together", (0.0, 0.0)), ("apart", (0.2, 0.2)), ("drawn", (0.0, 0.5))):
        simulate(tmp_path / name, tiny(camera_time_offset_s=late, truth=True, segmentation_error=0, frames=5), 0)
    together, apart, drawn = (Store(tmp_path / name) for name in ("together", "apart", "drawn"))
    names = ["silhouettes", "silhouettes_time_s", "range_views_time_s", "joints", "joints_lidar"]
    for number in range(2):
        a, b = together.read(number, names).arrays, apart.read(number, names).arrays
        assert np.abs(b["silhouettes_time_s"] - b["range_views_time_s"] - 0.2).max() <= 1 / 60 + 1e-9
        assert np.abs(a["silhouettes_time_s"] - a["range_views_time_s"]).max() <= 1 / 60 + 1e-9
        np.testing.assert_allclose(b["joints"][:-2], a["joints"][2:], atol=1e-6)  # two frames of 0.1 s later
        assert (np.abs(b["joints"] - b["joints_lidar"]).max((1, 2)) > 0.1).all()
    offsets = [one["silhouettes_time_s"] - one["range_views_time_s"] for one in (drawn.read(number, names).arrays for number in range(2))]
    assert abs(offsets[0].mean() - offsets[1].mean()) > 0.02  # each station's own
    assert all(np.ptp(one) < 1 / 30 + 1e-9 for one in offsets)  # and one for all its frames


def test_sensors_apart_in_direction_change_the_lidar_alone(tmp_path: Path) -> None:
    for name, bearing in (("together", (0.0, 0.0)), ("apart", (30.0, 30.0))):
        simulate(tmp_path / name, tiny(lidar_bearing_deg=bearing, sensor_baseline_m=(0.0, 0.0)), 0)
    names = ["silhouettes", "T_world_from_camera", "T_world_from_lidar"]
    for number in range(2):
        a, b = (Store(tmp_path / name).read(number, names).arrays for name in ("together", "apart"))
        assert (a["silhouettes"] == b["silhouettes"]).all()
        assert (a["T_world_from_camera"] == b["T_world_from_camera"]).all()
        distance = Store(tmp_path / "apart").rows[number]["distance_m"]
        moved = np.linalg.norm((a["T_world_from_lidar"] - b["T_world_from_lidar"])[:2, 3])
        assert moved == pytest.approx(2 * distance * np.sin(np.deg2rad(15)), rel=1e-3)


def test_lidars_of_fewer_beams_see_fewer_points(tmp_path: Path) -> None:
    counts = []
    for name in ("velodyne-vls128", "velodyne-vls128/2", "velodyne-vls128/4"):
        simulate(tmp_path / "store", tiny(lidar=name), 0)
        store = Store(tmp_path / "store")
        assert store.rows[0]["lidar"] == name
        counts.append(sum(int(store.read(number, ["points_on_person"]).arrays["points_on_person"].sum()) for number in range(2)))
        shutil.rmtree(tmp_path / "store")
    assert 0.4 < counts[1] / counts[0] < 0.6
    assert 0.4 < counts[2] / counts[1] < 0.6
    with pytest.raises(UserError, match="every second, fourth or eighth"):
        simulate(tmp_path / "store", tiny(lidar="velodyne-vls128/3"), 0)


def test_a_plan_of_before_a_setting_was_there_goes_on(tmp_path: Path) -> None:
    simulate(tmp_path, tiny(), 0)
    (tmp_path / "store.json").unlink()
    document = json.loads((tmp_path / ".plan.json").read_text())
    del document["lidar_bearing_deg"]
    (tmp_path / ".plan.json").write_text(json.dumps(document))
    simulate(tmp_path, tiny(), 0)
    assert (tmp_path / "store.json").is_file()
