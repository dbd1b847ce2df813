"""The import as a whole: splits, probes, what is missing, interruptions, the command line."""

import json
import pickle
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import ENVIRONMENT, run
from published_trees import (
    PARTITIONS,
    casia_b,
    ccgr_mini,
    dump,
    freegait,
    gait3d,
    gait3d_parsing,
    grew,
    mmgait,
    partition,
    silhouettes,
    sustech1k,
    truncate,
)

from gaitbridge.data.importers import _run
from gaitbridge.data.importers._run import import_dataset
from gaitbridge.errors import UserError
from gaitbridge.files import alone
from gaitbridge.store import FIELDS, Store


def counts(store: Path) -> dict[str, int]:
    return {line["what"]: line["found"] for line in Store(store).document["about"]["summary"]}


def bytes_of(store: Path) -> dict[str, bytes]:
    return {str(path.relative_to(store)): path.read_bytes() for path in sorted(store.rglob("*")) if path.is_file() and path.name != "plan.json"}


def write_partition(path: Path, **sets: Any) -> Path:
    path.write_text(json.dumps(sets))
    return path


def test_the_built_in_splits() -> None:
    from gaitbridge.data.importers import casia_b, oumvlp

    people = [f"{number:03d}" for number in range(1, 125)]
    assert [casia_b.split_of(person) for person in people] == ["train"] * 74 + ["test"] * 50
    assert [casia_b.split_of(person) for person in ("000", "125", "1", "0001")] == [""] * 4
    many = [oumvlp.split_of(f"{number:05d}") for number in range(1, 10308)]
    assert (many.count("train"), many.count("test")) == (5153, 5154)  # the counts that are published
    assert [many[0], many[1], many[10304], many[10306]] == ["train", "test", "train", "test"]


def test_a_partition_file_goes_before_the_built_in_split(tmp_path: Path) -> None:
    casia_b(tmp_path / "tree")
    given = write_partition(tmp_path / "p.json", TRAIN_SET=["001", "124", "500"], TEST_SET=["074"])
    import_dataset("casia_b", tmp_path / "tree", tmp_path / "store", partition=given)
    store = Store(tmp_path / "store")
    assert {row["person"]: row["split"] for row in store.rows} == {"001": "train", "124": "train", "074": "test"}
    found = counts(tmp_path / "store")
    assert found["folders of people in no split, left out"] == 2
    assert found["people of the partition file who are not there"] == 1
    assert store.document["about"]["partition"]["name"] == "p.json"


def test_the_last_training_people_become_val(tmp_path: Path) -> None:
    casia_b(tmp_path / "tree")
    import_dataset("casia_b", tmp_path / "tree", tmp_path / "store", val=2)
    splits = {row["person"]: row["split"] for row in Store(tmp_path / "store").rows}
    assert splits == {"001": "train", "005": "val", "074": "val", "075": "test", "124": "test"}
    assert counts(tmp_path / "store")["people, val"] == 2
    for wrong in (3, -1):
        with pytest.raises(UserError, match="3 people are for training"):
            import_dataset("casia_b", tmp_path / "tree", tmp_path / "other", val=wrong)


@pytest.mark.parametrize(("text", "message"), [
    ("{", "is no JSON"),
    ("[]", "no TRAIN_SET and TEST_SET"),
    ('{"TRAIN_SET": ["001"]}', "no TRAIN_SET and TEST_SET"),
    ('{"TRAIN_SET": [1], "TEST_SET": ["002"]}', "must be a list of texts"),
    ('{"TRAIN_SET": ["001"], "TEST_SET": ["002"], "PROBE_SET": "x"}', "PROBE_SET must be a list of texts"),
    ('{"TRAIN_SET": ["001", "002"], "TEST_SET": ["002"]}', "1 ids are in TRAIN_SET and in TEST_SET (002)"),
    ('{"TRAIN_SET": [], "TEST_SET": []}', "are empty"),
])
def test_wrong_partition_files(text: str, message: str, tmp_path: Path) -> None:
    casia_b(tmp_path / "tree")
    file = tmp_path / "partition.json"
    file.write_text(text)
    with pytest.raises(UserError) as error:
        import_dataset("casia_b", tmp_path / "tree", tmp_path / "store", partition=file)
    assert message in str(error.value)
    assert str(file) in str(error.value)
    assert not (tmp_path / "store").exists()
    with pytest.raises(UserError, match=r"nowhere\.json is missing"):
        import_dataset("casia_b", tmp_path / "tree", tmp_path / "store", partition=tmp_path / "nowhere.json")


def test_probes_of_a_partition_are_kept_and_those_without_a_mate_counted(tmp_path: Path) -> None:
    gait3d(tmp_path / "tree")
    import_dataset("gait3d", tmp_path / "tree", tmp_path / "store", partition=partition("gait3d", tmp_path))
    about = Store(tmp_path / "store").document["about"]
    assert about["probe_set"] == ["0100/camid0_videoid2/seq0", "0101/camid3_videoid1/seq0"]
    found = {line["what"]: line for line in about["summary"]}
    assert found["probes of PROBE_SET"]["published"] == 3
    assert found["gallery sequences (test, not in PROBE_SET)"]["found"] == 1
    for what, which in (("probes of PROBE_SET that are not there", "0777-camid0_videoid2-seq0"),
                        ("probes without a mate in the gallery", "0101/camid3_videoid1/seq0")):
        assert (found[what]["found"], found[what]["remark"]) == (1, which)
    assert found["folders of people in no split, left out"]["remark"] == "0999"


def test_types_with_hyphens_do_not_confuse_probes(tmp_path: Path) -> None:
    sustech1k(tmp_path / "tree")
    given = write_partition(tmp_path / "p.json", **PARTITIONS["sustech1k"], PROBE_SET=["0001-03-nt-nm-000-far"])
    import_dataset("sustech1k", tmp_path / "tree", tmp_path / "store", partition=given, fields=["silhouettes"])
    assert Store(tmp_path / "store").document["about"]["probe_set"] == ["0001/03-nt-nm/000-far"]


def test_sustech1k_without_synchronisation_keeps_the_frames_of_each_sensor(tmp_path: Path) -> None:
    expected, given = sustech1k(tmp_path / "tree"), partition("sustech1k", tmp_path)
    import_dataset("sustech1k", tmp_path / "tree", tmp_path / "store", partition=given, frames="all")
    rows = Store(tmp_path / "store").rows
    assert len(rows) == len(expected)
    assert {(row["silhouettes_frames"], row["range_views_frames"], row["depth_pictures_frames"]) for row in rows} == {(9, 3, 3)}
    assert {(row["camera_hz"], row["lidar_hz"]) for row in rows} == {(30.0, 10.0)}
    with pytest.raises(UserError, match="choose sync or all"):
        import_dataset("sustech1k", tmp_path / "tree", tmp_path / "other", partition=given, frames="both")
    with pytest.raises(UserError, match="leave --frames out"):
        import_dataset("casia_b", tmp_path / "tree", tmp_path / "other", frames="all")


def test_sustech1k_files_that_belong_together_must_have_the_same_frames(tmp_path: Path) -> None:
    sustech1k(tmp_path / "tree")
    given, random = partition("sustech1k", tmp_path), np.random.default_rng(0)
    folder = tmp_path / "tree" / "0000" / "00-nm" / "045"
    dump(silhouettes(random, 4), folder / "14-sync-045-Camera-Sils_aligned.pkl")
    twice = tmp_path / "tree" / "0000" / "00-nm" / "000-far" / "99-sync-045-LiDAR-PCDs.pkl"
    dump([np.zeros((1, 3))], twice)
    bare = tmp_path / "tree" / "0000" / "03-nt-nm" / "045"
    for file in bare.glob("*-sync-*"):
        file.unlink()
    one_sensor = tmp_path / "tree" / "0000" / "03-nt-nm" / "000-far"
    for file in one_sensor.glob("*-sync-*LiDAR*"):
        file.unlink()
    done = import_dataset("sustech1k", tmp_path / "tree", tmp_path / "store", partition=given)
    assert len(done.problems) == 3
    assert "has two files of LiDAR-PCDs" in done.problems[0]
    assert "LiDAR-PCDs.pkl 3" in done.problems[1]
    assert "Camera-Sils_aligned.pkl 4" in done.problems[1]
    assert str(folder) in done.problems[1]
    assert "--frames all takes the files that are not synchronised" in done.problems[2]
    found = counts(tmp_path / "store")
    assert found["sequences left out because of a problem"] == 3
    assert found["sequences without LiDAR-PCDs"] == 1
    assert found["sequences with silhouettes"] == found["sequences with range_views"] + 1
    again = import_dataset("sustech1k", tmp_path / "tree", tmp_path / "part", partition=given, fields=["range_views"])
    assert str(folder) not in " ".join(again.problems)  # without the file that does not fit, the rest can be used
    assert {name for row in Store(tmp_path / "part").rows for name in row["fields"]} == {"range_views"}


def test_a_second_tree_is_read_beside_the_first(tmp_path: Path) -> None:
    expected = gait3d(tmp_path / "tree")
    for file in (tmp_path / "tree").rglob("smpls-*.pkl"):
        other = tmp_path / "smpl" / file.relative_to(tmp_path / "tree")
        other.parent.mkdir(parents=True)
        shutil.move(file, other)
    given = partition("gait3d", tmp_path)
    import_dataset("gait3d", tmp_path / "tree", tmp_path / "alone", partition=given)
    assert counts(tmp_path / "alone")["sequences without SMPL"] == 4
    import_dataset("gait3d", tmp_path / "tree", tmp_path / "store", partition=given, beside=tmp_path / "smpl")
    store = Store(tmp_path / "store")
    assert all("smpl" in row["fields"] for row in store.rows)
    key = "0101/camid3_videoid1/seq0"
    assert np.array_equal(store.read(store.row_of_key[key], ["smpl"]).arrays["smpl"], expected[key][1]["smpl"])


def test_the_same_bytes_with_any_number_of_workers(tmp_path: Path) -> None:
    sustech1k(tmp_path / "tree")
    truncate(tmp_path / "tree" / "0001" / "00-nm" / "045" / "08-sync-045-LiDAR-PCDs.pkl")
    given = partition("sustech1k", tmp_path)
    for workers in (0, 2):
        import_dataset("sustech1k", tmp_path / "tree", tmp_path / f"store{workers}", partition=given, workers=workers)
    assert bytes_of(tmp_path / "store0") == bytes_of(tmp_path / "store2")


KILLED = """
import os, signal, sys
from pathlib import Path
from gaitbridge.data.importers import _person, _run

whole = _person._read

def cut_short(job, report):
    for number, sequence in enumerate(whole(job, report)):
        if report.person == "074" and number == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        yield sequence

_person._read = cut_short
_run.import_dataset("casia_b", Path(sys.argv[1]), Path(sys.argv[2]))
"""


def test_a_killed_import_goes_on_where_it_was(tmp_path: Path) -> None:
    casia_b(tmp_path / "tree")
    words = [sys.executable, "-c", KILLED, str(tmp_path / "tree"), str(tmp_path / "store")]
    assert subprocess.run(words, env=ENVIRONMENT, check=False).returncode == -signal.SIGKILL
    shards = tmp_path / "store" / "shards"
    done = {path.name: path.stat().st_mtime_ns for path in shards.glob("*.arrow")}
    assert set(done) == {"001.arrow", "005.arrow"}
    assert list(shards.glob(".*.part"))  # what was half-written
    with pytest.raises(UserError, match="unfinished"):
        Store(tmp_path / "store")
    run("import", "casia_b", tmp_path / "tree", tmp_path / "store", "--workers", "2")
    assert {name: (shards / name).stat().st_mtime_ns for name in done} == done
    assert not list(shards.glob(".*.part"))
    import_dataset("casia_b", tmp_path / "tree", tmp_path / "straight")
    assert bytes_of(tmp_path / "store") == bytes_of(tmp_path / "straight")


def test_run_again_it_reads_anew_only_those_with_a_problem(tmp_path: Path) -> None:
    expected = casia_b(tmp_path / "tree")
    spoilt = tmp_path / "tree" / "005" / "bg-02" / "000" / "000.pkl"
    whole = spoilt.read_bytes()
    truncate(spoilt)
    first = import_dataset("casia_b", tmp_path / "tree", tmp_path / "store")
    assert len(first.problems) == 1
    details = json.loads((tmp_path / "store" / "import.json").read_text())
    assert details["problems"] == first.problems
    times = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "store" / "shards").iterdir()}
    with pytest.raises(UserError, match="cannot be read"):
        import_dataset("casia_b", tmp_path / "tree", tmp_path / "store", strict=True)
    with pytest.raises(UserError, match="unfinished"):
        Store(tmp_path / "store")  # while a person is read anew there is no whole store
    spoilt.write_bytes(whole)
    second = import_dataset("casia_b", tmp_path / "tree", tmp_path / "store")
    assert second.problems == []
    assert len(Store(tmp_path / "store").rows) == len(expected)
    changed = {path.name for path in (tmp_path / "store" / "shards").iterdir() if path.stat().st_mtime_ns != times[path.name]}
    assert changed == {"005.arrow"}


def test_another_import_in_the_folder_is_refused(tmp_path: Path) -> None:
    casia_b(tmp_path / "tree")
    import_dataset("casia_b", tmp_path / "tree", tmp_path / "store")
    with pytest.raises(UserError, match="differs in val"):
        import_dataset("casia_b", tmp_path / "tree", tmp_path / "store", val=1)
    with alone(tmp_path / "store"), pytest.raises(UserError, match="another process is writing here"):
        import_dataset("casia_b", tmp_path / "tree", tmp_path / "store")
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "store.json").write_text("{}")
    with pytest.raises(UserError, match="was not imported here"):
        import_dataset("casia_b", tmp_path / "tree", tmp_path / "foreign")
    with pytest.raises(UserError, match="lies within"):
        import_dataset("casia_b", tmp_path / "tree", tmp_path / "tree" / "store")
    with pytest.raises(UserError, match="did you mean 'silhouettes'"):
        import_dataset("casia_b", tmp_path / "tree", tmp_path / "other", fields=["silhouette"])
    with pytest.raises(UserError, match="is missing or no folder"):
        import_dataset("casia_b", tmp_path / "nowhere", tmp_path / "other")
    with pytest.raises(UserError, match="did you mean 'casia_b'"):
        import_dataset("casia-b", tmp_path / "tree", tmp_path / "other")


def test_empty_folders_and_missing_files_have_their_messages(tmp_path: Path) -> None:
    casia_b(tmp_path / "tree")
    (tmp_path / "tree" / "076").mkdir()
    (tmp_path / "tree" / "075" / "cl-01").mkdir()
    lacking = tmp_path / "tree" / "075" / "nm-01" / "000"
    (lacking / "000.pkl").rename(lacking / "odd.pkl")
    done = import_dataset("casia_b", tmp_path / "tree", tmp_path / "store")
    wanted = [lacking.parents[1] / "cl-01", lacking, tmp_path / "tree" / "076"]
    assert [problem.split(" ")[0] for problem in done.problems] == [str(path) for path in wanted]
    assert "it holds odd.pkl" in done.problems[1]


def test_names_of_another_form_are_kept_and_noted(tmp_path: Path) -> None:
    made = silhouettes(np.random.default_rng(0))
    dump(made, tmp_path / "tree" / "001" / "run-01" / "090" / "090.pkl")
    import_dataset("casia_b", tmp_path / "tree", tmp_path / "store")
    labels = Store(tmp_path / "store").labels(0)
    assert (labels.key, labels.condition, labels.take) == ("001/run-01/090", "", 0)
    assert np.isnan(labels.view_deg)
    assert counts(tmp_path / "store")["types or views of another form than published, kept without named fields"] == 1


def test_grew_counts_hidden_probes_as_one_person(tmp_path: Path) -> None:
    grew(tmp_path / "tree")
    import_dataset("grew", tmp_path / "tree", tmp_path / "store")
    people = {row["person"] for row in Store(tmp_path / "store").rows}
    assert people == {"00001train", "00002train", "00001", "probe"}


def test_freegait_keeps_what_does_not_fit_apart(tmp_path: Path) -> None:
    freegait(tmp_path / "tree")
    random = np.random.default_rng(0)
    folder = tmp_path / "tree" / "0001" / "devid_3" / "seq_00"
    dump(silhouettes(random, 5), folder / "image.pkl")
    dump({"what": "ever"}, tmp_path / "tree" / "0001" / "devid_3" / "seq_02_new" / "smpl.pkl")
    done = import_dataset("freegait", tmp_path / "tree", tmp_path / "store", partition=partition("freegait", tmp_path))
    assert done.problems == []
    found = counts(tmp_path / "store")
    assert found["SMPL with other frames than the silhouettes, left out"] == 1
    assert found["SMPL of a form that is not known, left out"] == 1
    assert found["camera and LiDAR with different numbers of frames, kept"] == 1


def test_strict_with_workers_stops_and_says_where(tmp_path: Path) -> None:
    casia_b(tmp_path / "tree")
    spoilt = tmp_path / "tree" / "074" / "nm-01" / "000" / "000.pkl"
    truncate(spoilt)
    done = run("import", "casia_b", tmp_path / "tree", tmp_path / "store", "--strict", "--workers", "2", code=2)
    assert done.stderr.strip().splitlines()[-1].startswith(f"gaitbridge: {spoilt} cannot be read")
    assert not (tmp_path / "store" / "store.json").exists()


def test_nothing_that_can_be_used_leaves_nothing(tmp_path: Path) -> None:
    dump(np.zeros((3, 10, 10), np.uint8), tmp_path / "tree" / "001" / "nm-01" / "090" / "090.pkl")
    done = run("import", "casia_b", tmp_path / "tree", tmp_path / "store", "--workers", "0", code=2)
    assert "no sequence can be used" in done.stderr
    assert "090.pkl holds [3, 10, 10], not silhouettes" in done.stderr
    assert not (tmp_path / "store").exists()


def test_on_the_command_line(tmp_path: Path) -> None:
    casia_b(tmp_path / "tree")
    truncate(tmp_path / "tree" / "001" / "nm-01" / "126" / "126.pkl")
    done = run("import", "casia_b", tmp_path / "tree", tmp_path / "store", "--val", "1")
    assert "people, train" in done.stdout
    assert "8,140" in done.stdout
    assert "126.pkl cannot be read" in done.stdout
    assert "problems: 1;" in done.stdout
    assert len(Store(tmp_path / "store").rows) == 19
    listed = run("datasets").stdout
    assert "sustech1k" in listed
    assert "lidargait.github.io" in run("datasets", "sustech1k").stdout


def test_an_unexpected_failure_names_the_person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    casia_b(tmp_path / "tree")

    def broken(job: object, person: str, split: str) -> None:
        raise LookupError("lost")

    monkeypatch.setattr(_run, "import_person", broken)
    with pytest.raises((LookupError, UserError), match="lost"):
        import_dataset("casia_b", tmp_path / "tree", tmp_path / "store")


def test_a_partition_may_name_its_gallery_in_place_of_its_probes(tmp_path: Path) -> None:
    from gaitbridge.data.protocols import load_protocol
    from gaitbridge.data.protocols.partition import read_probe_set

    expected, given = ccgr_mini(tmp_path / "tree"), partition("ccgr_mini", tmp_path)
    assert given is not None
    import_dataset("ccgr_mini", tmp_path / "tree", tmp_path / "store", partition=given, fields=("silhouettes",))
    store, found = Store(tmp_path / "store"), counts(tmp_path / "store")
    probes = sorted(key for key, (named, _) in expected.items() if named["split"] == "test" and key != "601/NM1/over.avi")
    assert store.document["about"]["probe_set"] == probes
    assert found["gallery of GALLERY_SET"] == 1
    assert found["probes without a mate in the gallery"] == 2  # all of 602
    keys = np.asarray([row["key"] for row in store.rows])
    assert sorted(keys[read_probe_set(given).holds(keys)]) == probes
    sides = load_protocol("ccgr_mini").choose(store.rows, probe_set=probes)
    assert [[keys[number] for number in side] for side in sides] == [[key for key in keys if key in probes], ["601/NM1/over.avi"]]


def test_two_sensors_of_mmgait_stand_for_camera_and_lidar(tmp_path: Path) -> None:
    mmgait(tmp_path / "tree")
    given = partition("mmgait", tmp_path)
    import_dataset("mmgait", tmp_path / "tree", tmp_path / "store", partition=given, frames="ir-radar")
    store = Store(tmp_path / "store")
    found, folder = store.read(0, FIELDS), tmp_path / "tree" / store.rows[0]["key"]
    assert (found.labels.camera, found.labels.lidar) == ("ir", "radar")
    assert set(found.arrays) == {"silhouettes", "depth_pictures", "points"}
    assert np.array_equal(found.arrays["silhouettes"], pickle.loads((folder / "ir_sils.pkl").read_bytes()))
    assert np.array_equal(found.arrays["depth_pictures"], pickle.loads((folder / "radar_depth.pkl").read_bytes()))


def test_silhouettes_beside_parsed_bodies_need_their_frames(tmp_path: Path) -> None:
    expected = gait3d_parsing(tmp_path / "tree")
    for frames, key in zip((3, 4, 3), expected, strict=True):
        dump(silhouettes(np.random.default_rng(0), frames), tmp_path / "beside" / key / f"{Path(key).name}.pkl")
    done = import_dataset("gait3d_parsing", tmp_path / "tree", tmp_path / "store", partition=partition("gait3d_parsing", tmp_path),
                          beside=tmp_path / "beside")
    assert done.problems == []
    store = Store(tmp_path / "store")
    assert ["silhouettes" in store.read(store.row_of_key[key], FIELDS).arrays for key in expected] == [True, False, True]
