"""A folder of one's own: patterns, tables, alignment, one's own split and protocol, and what is said where something does not fit."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import run
from PIL import Image
from published_trees import dump, silhouettes, truncate

from gaitbridge.data.importers._formats import MODALITIES, fields_made
from gaitbridge.data.importers._layout import layout
from gaitbridge.data.importers._own import Own, import_folder, parsed_layouts
from gaitbridge.data.protocols import PROTOCOLS, chosen_protocol
from gaitbridge.errors import UserError
from gaitbridge.store import FIELDS, Store

PKL = "{person}/{type}/{view}/*.pkl"


def own(root: Path, pattern: str = PKL, modality: str = "silhouettes", **more: Any) -> Own:
    return Own(root, {modality: pattern}, **more)


def pickles(root: Path, people: tuple[str, ...] = ("ann", "bob")) -> dict[str, np.ndarray]:
    random, made = np.random.default_rng(0), {}
    for person in people:
        for kind in ("nm-01", "bag-02"):
            key = f"{person}/{kind}/090"
            made[key] = silhouettes(random)
            dump(made[key], root / key / "walk.pkl")
    return made


def picture(path: Path, mask: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask).save(path)


def walker(left: int, tall: int = 50) -> np.ndarray:
    """A box of a person in a picture of 90 x 120."""
    mask = np.zeros((90, 120), np.uint8)
    mask[20 : 20 + tall, left : left + tall // 2] = 255
    return mask


def test_pickles_come_in_with_the_labels_that_the_pattern_says(tmp_path: Path) -> None:
    expected = pickles(tmp_path / "data")
    done = import_folder(own(tmp_path / "data", licence="mine, ask me", name="corridor"), tmp_path / "store")
    store = Store(tmp_path / "store")
    store.verify()
    assert done.problems == []
    assert sorted(row["key"] for row in store.rows) == sorted(expected)
    for key, array in expected.items():
        found = store.read(store.row_of_key[key], FIELDS)
        assert np.array_equal(found.arrays["silhouettes"], array)
        assert (found.labels.person, found.labels.view, found.labels.view_deg, found.labels.split) == (key.split("/")[0], "090", 90.0, "test")
        assert (found.labels.source, found.labels.licence) == ("corridor", "mine, ask me")
    labels = store.labels(store.row_of_key["ann/bag-02/090"])
    assert (labels.condition, labels.take) == ("bag", 2)
    assert store.document["licences"] == ["mine, ask me"]
    counts = {line.what: line.found for line in done.lines}
    assert counts["people of whom no split was said: all are test"] == 2


def test_pictures_are_frames_in_the_order_of_their_numbers_and_aligned(tmp_path: Path) -> None:
    for number, left in ((9, 10), (10, 40), (11, 70)):
        picture(tmp_path / "data" / "train" / "ann-nm-3" / f"f{number}.png", walker(left, 30 + number))
    import_folder(own(tmp_path / "data", "{split}/{person}-{condition}-{take}/*.png"), tmp_path / "store")
    store = Store(tmp_path / "store")
    found = store.read(0, FIELDS)
    assert (found.labels.key, found.labels.split, found.labels.condition, found.labels.take) == ("ann/nm-3/view", "train", "nm", 3)
    seen = found.arrays["silhouettes"]
    assert seen.shape == (3, 64, 64)
    assert seen.any(2).all()  # as high as the frame
    assert np.abs(seen.astype(float).sum((0, 1)).argmax() - 32) <= 16
    assert (np.diff(found.arrays["silhouettes_box"][:, 1]) > 25).all()  # they walk to the right: 9, 10, 11
    assert found.arrays["silhouettes_box"][0].tolist() == [19.5, found.arrays["silhouettes_box"][0, 1], 58.5, found.arrays["silhouettes_box"][0, 3]]


@pytest.mark.parametrize(("aligning", "size", "wanted"), [
    ("auto", (64, 64), (64, 44)), ("always", (64, 64), (64, 64)), ("always", (128, 88), (128, 88)),
])  # fmt: skip
def test_what_is_aligned_stays_or_is_made_anew(aligning: Any, size: tuple[int, int], wanted: tuple[int, int], tmp_path: Path) -> None:
    dump(silhouettes(np.random.default_rng(0), width=44), tmp_path / "data" / "ann" / "walk.pkl")
    import_folder(own(tmp_path / "data", "{person}/*.pkl", aligning=aligning, size=size), tmp_path / "store")
    assert Store(tmp_path / "store").read(0, ["silhouettes"]).arrays["silhouettes"].shape == (3, *wanted)


def test_other_modalities_lie_beside_and_every_kind_of_file_is_read(tmp_path: Path) -> None:
    random, root = np.random.default_rng(0), tmp_path / "data"
    masks, ranges = silhouettes(random), 5 + random.random((4, 16, 16))
    ranges[:, :2] = 0
    smpl = random.standard_normal((3, 85)).astype(np.float32)
    (root / "ann").mkdir(parents=True)
    np.save(root / "ann" / "mask.npy", masks)
    np.savez(root / "ann" / "range.npz", ranges)
    dump(smpl, root / "ann" / "body.pkl")
    dump([random.random((5, 3)), random.random((0, 3))], root / "ann" / "cloud.pkl")
    also = ["range_views={person}/range.npz", "smpl={person}/body.pkl", "points={person}/cloud.pkl"]
    layouts = parsed_layouts("{person}/mask.npy", "silhouettes", also)
    import_folder(Own(root, layouts), tmp_path / "store")
    found = Store(tmp_path / "store").read(0, FIELDS).arrays
    assert set(found) == {"silhouettes", "range_views", "smpl", "points"}
    assert np.array_equal(found["silhouettes"], masks)
    assert np.isnan(found["range_views"][:, :2]).all()
    assert np.allclose(found["range_views"][:, 2:], ranges[:, 2:], atol=0.002)
    assert np.array_equal(found["smpl"], smpl)
    assert found["points"].shape == (5, 5)


@pytest.mark.parametrize("separator", [",", ";"])
def test_a_table_says_who_it_is(separator: str, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for number in (1, 2, 3):
        dump(silhouettes(random), tmp_path / "data" / f"clip{number}.pkl")
    table = ["sequence,person,split,type,view_deg,camera_hz", "clip1,Zo\u00eb,train,nm-01,30,25", "clip2,bob,test,nm-01,,"]
    (tmp_path / "labels.csv").write_text("\n".join(table).replace(",", separator), encoding="utf-8")
    done = import_folder(own(tmp_path / "data", "{sequence}.pkl", labels=tmp_path / "labels.csv"), tmp_path / "store")
    store = Store(tmp_path / "store")
    assert {row["key"]: row["split"] for row in store.rows} == {"Zo\u00eb/nm-01/30_clip1": "train", "bob/nm-01/clip2": "test"}
    assert store.labels(store.row_of_key["Zo\u00eb/nm-01/30_clip1"]).camera_hz == 25.0
    without = next(line for line in done.lines if "without a line" in line.what)
    assert (without.found, Path(without.remark).name) == (1, "clip3.pkl")


def test_a_table_may_go_by_path(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for name in ("a", "b"):
        dump(silhouettes(random), tmp_path / "data" / "hall" / name / "mask.pkl")
    (tmp_path / "labels.csv").write_text("path,person\nhall/a,ann\nhall/b/mask.pkl,bob\n")
    import_folder(own(tmp_path / "data", "**/{sequence}/mask.pkl", labels=tmp_path / "labels.csv"), tmp_path / "store")
    assert {row["key"] for row in Store(tmp_path / "store").rows} == {"ann/walk/a", "bob/walk/b"}


@pytest.mark.parametrize("form", ["json", "csv"])
def test_a_split_of_a_file(form: str, tmp_path: Path) -> None:
    pickles(tmp_path / "data", ("ann", "bob", "cem"))
    file = tmp_path / f"split.{form}"
    file.write_text(json.dumps({"TRAIN_SET": ["ann"], "TEST_SET": ["bob"]}) if form == "json" else "person,split\nann,train\nbob,test\n")
    done = import_folder(own(tmp_path / "data", split=file), tmp_path / "store")
    assert {row["person"]: row["split"] for row in Store(tmp_path / "store").rows} == {"ann": "train", "bob": "test"}
    assert {line.what: line.remark for line in done.lines}["folders of people in no split, left out"] == "cem"


PROTOCOL = {"name": "corridor", "probe": {"match": {"condition": ["bag"]}}, "gallery": {"match": {"condition": ["nm"]}}, "identical": [],
            "ranks": [1, 2]}


def test_its_own_protocol_is_kept_in_the_store_and_is_the_one_to_evaluate_by(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(PROTOCOLS, "corridor", raising=False)
    pickles(tmp_path / "data")
    (tmp_path / "corridor.json").write_text(json.dumps(PROTOCOL))
    import_folder(own(tmp_path / "data", protocol=str(tmp_path / "corridor.json")), tmp_path / "store")
    monkeypatch.delitem(PROTOCOLS, "corridor")  # another process
    store = Store(tmp_path / "store")
    rule = chosen_protocol(None, store.document["about"], "store")
    assert (rule.name, rule.ranks, rule.identical, rule.probe.match["split"]) == ("corridor", (1, 2), (), ("test",))
    probes, gallery = rule.choose(store.rows)
    assert {store.rows[number]["condition"] for number in probes} == {"bag"}
    assert len(gallery) == 2
    assert PROTOCOLS["corridor"] == rule  # tables and reports find it by its name


def test_what_would_be_imported_is_listed_and_nothing_made(tmp_path: Path) -> None:
    pickles(tmp_path / "data")
    done = run("import", "folder", tmp_path / "data", "--layout", PKL, "--list")
    assert "ann/bag-02/090" in done.stdout
    assert "4 sequences of 2 people, problems: 0; read as a trial: ann/bag-02/090: silhouettes uint8 [3, 64, 64]" in " ".join(done.stdout.split())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]


def test_on_the_command_line(tmp_path: Path) -> None:
    pickles(tmp_path / "data")
    truncate(tmp_path / "data" / "ann" / "nm-01" / "090" / "walk.pkl")
    done = run("import", "folder", tmp_path / "data", tmp_path / "store", "--layout", PKL, "--workers", "2")
    assert "walk.pkl cannot be read" in done.stdout
    assert len(Store(tmp_path / "store").rows) == 3
    assert "say where the store goes" in run("import", "folder", tmp_path / "data", "--layout", PKL, code=2).stderr


@pytest.mark.parametrize(("pattern", "words"), [
    ("{person}/{kind}/*.pkl", "no field 'kind'"), ("*/*.pkl", "names no field"), ("{person/*.pkl", "brace is not closed"),
    ("../{person}.pkl", "leads out of the folder"), ("{person}/**", "ends in **"), ("{person}/{view}/*.png", "no file lies as {person}/{view}/*.png"),
    ("{type}/*/*/walk.pkl", "has no {person}"),
])  # fmt: skip
def test_patterns_that_do_not_fit_are_refused_in_one_line(pattern: str, words: str, tmp_path: Path) -> None:
    pickles(tmp_path / "data")
    with pytest.raises(UserError) as refused:
        import_folder(own(tmp_path / "data", pattern), tmp_path / "store")
    assert words in str(refused.value)
    assert pattern in str(refused.value)
    assert not (tmp_path / "store").exists()


def test_sequences_that_nothing_tells_apart_are_refused(tmp_path: Path) -> None:
    pickles(tmp_path / "data")
    (tmp_path / "labels.csv").write_text("path,lidar_hz,person\nann/nm-01,10,ann\nann/bag-02,20,ann\nbob,10,bob\n")
    with pytest.raises(UserError, match=r"are both ann/walk/090: say by \{sequence\}"):
        import_folder(own(tmp_path / "data", "*/*/{view}/*.pkl", labels=tmp_path / "labels.csv"), tmp_path / "store")


def test_two_files_of_one_sequence_and_damaged_ones_are_problems_by_name(tmp_path: Path) -> None:
    pickles(tmp_path / "data")
    dump([np.zeros((3, 3), np.uint8)], tmp_path / "data" / "bob" / "nm-01" / "090" / "other.pkl")
    (tmp_path / "data" / "bob" / "bag-02" / "090" / "walk.pkl").write_bytes(b"\x93NUMPY\x01\x00\x10\x00oh")
    done = import_folder(own(tmp_path / "data"), tmp_path / "store")
    assert len(done.problems) == 2
    assert "two files of silhouettes for one sequence" in done.problems[1]
    assert "walk.pkl cannot be read" in done.problems[0]
    with pytest.raises(UserError, match=r"walk\.pkl cannot be read"):
        import_folder(own(tmp_path / "data"), tmp_path / "strict", strict=True)


@pytest.mark.parametrize(("value", "words"), [
    (np.full((2, 70, 70), 12, np.uint8), "neither 0 and 1 nor 0 to 255"), (np.zeros((2, 70, 70), np.uint8), "no pixel in any"),
    ({"a": 1}, "holds no masks"), ([np.zeros((2, 2, 5))], "not masks"), (np.zeros((2, 70, 70, 2)), "not masks"),
])  # fmt: skip
def test_masks_that_are_none_are_refused(value: Any, words: str, tmp_path: Path) -> None:
    dump(value, tmp_path / "data" / "ann" / "walk.pkl")
    with pytest.raises(UserError, match="no sequence can be used") as refused:
        import_folder(own(tmp_path / "data", "{person}/*.pkl"), tmp_path / "store")
    assert words in str(refused.value)
    assert "walk.pkl" in str(refused.value)


@pytest.mark.parametrize(("text", "words"), [
    ("person,colour\nann,red\n", "no field 'colour'"), ("condition\nbag\n", "none of its columns"),
    ("person,type\nann\n", "line 2: 1 columns instead of 2"),
    ("person,take\nann,1\nann,2\n", "line 3 is a second one of ann"), ("person,,take\n", "must name every column"), ("person\n", "no line below"),
    ("person,take\nann,two\nbob,1\n", "its take is 'two', not a whole number"), ("person,split\nann,dev\n", "no split 'dev'"),
    ("person,type\nann,a/b\n", "cannot be part of a key"), ("person,type\nzoe,a\n", "none of its 4 files has a line"),
])  # fmt: skip
def test_tables_that_do_not_fit_are_refused_in_one_line(text: str, words: str, tmp_path: Path) -> None:
    pickles(tmp_path / "data")
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(UserError) as refused:
        import_folder(own(tmp_path / "data", "{person}/{sequence}/**/*.pkl", labels=tmp_path / "labels.csv"), tmp_path / "store", strict=True)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_folder_imported_otherwise_is_another_import(tmp_path: Path) -> None:
    pickles(tmp_path / "data")
    import_folder(own(tmp_path / "data", licence="a"), tmp_path / "store")
    with pytest.raises(UserError, match="differs in licence"):
        import_folder(own(tmp_path / "data", licence="b"), tmp_path / "store")


def test_fields_and_links(tmp_path: Path) -> None:
    assert set(fields_made(MODALITIES)) <= set(FIELDS)
    pickles(tmp_path / "data", ("ann",))
    (tmp_path / "data" / "ann" / "again").symlink_to(tmp_path / "data")  # a circle
    found = list(layout("**/{type}/{view}/walk.pkl").found(tmp_path / "data"))
    assert [fields["type"] for fields, _ in found] == ["bag-02", "nm-01"]
