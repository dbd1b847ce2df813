"""`gaitbridge capture video` on films whose walkers are known."""

import json
import re
import shutil
from collections import Counter
from pathlib import Path

import av
import numpy as np
import pytest
import walking_figure
from video_files import one_walker, paint, scene, times, two_who_cross, walk, walker_mask, write_video

from gaitbridge.capture.video.run import capture_videos
from gaitbridge.capture.video.settings import Settings
from gaitbridge.cli import main
from gaitbridge.geometry.silhouette import align
from gaitbridge.store import Store

ARRAYS = ("silhouettes", "silhouettes_time_s", "silhouettes_box")
STREET = Path(__file__).parents[2].parent / "shared" / "video" / "vtest.avi"


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """one.mkv: a walker to the right; back.mkv: one to the left; cross.mkv: two who meet; empty.mkv: nobody."""
    folder = tmp_path_factory.mktemp("films")
    one_walker(folder / "one.mkv")
    one_walker(folder / "back.mkv", step=-3.2)
    two_who_cross(folder / "cross.mkv")
    write_video(folder / "empty.mkv", [paint([], [], k) for k in range(20)], times(20))
    return folder


def capture(*words: str | Path, code: int = 0) -> None:
    assert main(["capture", "video", *map(str, words)]) == code


def test_a_walker_is_found_frame_by_frame(films: Path, tmp_path: Path) -> None:
    capture(films / "one.mkv", tmp_path / "s", "--site", "hall", "--time", "2026-05-01T14:30:00+02:00", "--licence", "ours")
    store = Store(tmp_path / "s")
    (row,) = store.rows
    assert re.fullmatch(r"hall-20260501T1430-[0-9a-f]{8}-0001", row["person"])
    assert row["key"] == f"{row['person']}/01/270"
    assert row["split"] == "test"
    assert row["camera"] == "hall"
    assert row["source"] == "one.mkv"  # and no folder
    assert row["licence"] == "ours"
    assert row["view_deg"] == pytest.approx(270, abs=15)
    assert row["camera_hz"] == pytest.approx(12.5)
    arrays = store.read(0, ARRAYS).arrays
    true = walk(76)
    (about,) = store.document["about"]["files"][0]["sequences"]
    first = round(about["start_s"] * 12.5)
    frames = first + np.rint(arrays["silhouettes_time_s"] * 12.5).astype(int)
    np.testing.assert_allclose(arrays["silhouettes_time_s"], (frames - first) / 12.5, atol=1e-9)
    assert about["time"].startswith("2026-05-01T14:30:0")
    assert len(frames) > 66  # of 76: he comes and goes within the picture
    assert arrays["silhouettes"].shape[1:] == (64, 44)
    expected = [align(true[frame], (64, 44)) for frame in frames]
    overlaps = walking_figure.overlap(arrays["silhouettes"], np.stack([silhouette for silhouette, _ in expected]))
    assert np.median(overlaps) > 0.85
    assert overlaps.min() > 0.6
    boxes = np.stack([box for _, box in expected])
    assert np.median(np.abs(arrays["silhouettes_box"] - boxes)) < 2  # pixels
    summary = {line["what"]: line["found"] for line in store.document["about"]["summary"]}
    assert summary["frames with a person, by track"] == summary["... kept"] + sum(v for k, v in summary.items() if k.startswith("... out"))
    assert str(films) not in json.dumps(store.document) + (tmp_path / "s" / ".capture" / "plan" / "plan.json").read_text()


def test_two_who_cross_keep_their_names(films: Path, tmp_path: Path) -> None:
    capture(films / "cross.mkv", tmp_path / "s")
    store = Store(tmp_path / "s")
    people = Counter(row["person"] for row in store.rows)
    assert len(people) == 2
    for person in people:
        ways = []
        for number in store.select(person=person):
            box = store.read(number, ARRAYS).arrays["silhouettes_box"]
            ways.append(np.sign(box[-1, 1] - box[0, 1]))
        assert len(ways) >= 2  # before and after they meet
        assert len(set(ways)) == 1
    counts = {line["what"]: line["found"] for line in store.document["about"]["summary"]}
    assert counts["... out: more than one person"] > 4


def test_the_same_again_and_any_order_of_work(films: Path, tmp_path: Path) -> None:
    files = (films / "one.mkv", films / "back.mkv")
    capture(*files, tmp_path / "a", "--sheet", tmp_path / "a.png")
    first = Store(tmp_path / "a")
    assert {row["view"] for row in first.rows} == {"270", "090"}
    shard = tmp_path / "a" / "shards" / "one.arrow"
    before = shard.stat().st_mtime_ns
    (tmp_path / "a" / "store.json").unlink()  # killed before the end
    (tmp_path / "a" / ".capture" / "back.json").unlink()
    capture(*files, tmp_path / "a")
    assert shard.stat().st_mtime_ns == before  # gone on with, not made anew
    capture(*files, tmp_path / "b")
    assert Store(tmp_path / "a").content_hash == Store(tmp_path / "b").content_hash == first.content_hash
    capture(*files, tmp_path / "a", "--min-height", "50", code=2)
    assert (tmp_path / "a.png").stat().st_size > 1000


def test_enrolment_is_of_one_person(films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capture(films / "one.mkv", films / "back.mkv", tmp_path / "s", "--person", "ann", "--size", "64x64")
    store = Store(tmp_path / "s")
    assert {row["person"] for row in store.rows} == {"ann"}
    assert len({row["key"] for row in store.rows}) == 2
    assert store.read(0, ARRAYS).arrays["silhouettes"].shape[1:] == (64, 64)
    capture(films / "cross.mkv", tmp_path / "t", "--person", "ann", code=2)
    assert "two people walk in it at" in capsys.readouterr().err
    assert not (tmp_path / "t").exists()


def test_files_of_one_name_are_kept_apart(films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "other").mkdir()
    shutil.copy(films / "back.mkv", tmp_path / "other" / "one.mkv")
    capture(films / "one.mkv", tmp_path / "other" / "one.mkv", tmp_path / "s")
    people = {re.sub(r"-[0-9a-f]{8}-", "-HASH-", row["person"]) for row in Store(tmp_path / "s").rows}
    assert people == {"one-2-HASH-0001", "one-HASH-0001"}
    shutil.copy(films / "one.mkv", tmp_path / "other" / "copy.mkv")
    capture(films / "one.mkv", tmp_path / "other" / "copy.mkv", tmp_path / "t", code=2)
    assert "two files are the same recording (one and copy): give one of them" in capsys.readouterr().err
    assert not (tmp_path / "t").exists()


def test_a_track_is_called_as_no_other_and_always_so(films: Path, tmp_path: Path) -> None:
    """Two days' gate.mkv are not one man; the same recording is, wherever it lies; other options count tracks otherwise."""
    for day, film in (("monday", "one.mkv"), ("tuesday", "back.mkv"), ("copy", "one.mkv")):
        (tmp_path / day).mkdir()
        shutil.copy(films / film, tmp_path / day / "gate.mkv")
        capture(tmp_path / day / "gate.mkv", tmp_path / f"s-{day}", "--site", "gate")
    capture(tmp_path / "monday" / "gate.mkv", tmp_path / "s-other", "--site", "gate", "--min-height", "50")
    keys = {day: [row["key"] for row in Store(tmp_path / f"s-{day}").rows] for day in ("monday", "tuesday", "copy", "other")}
    assert keys["monday"] == keys["copy"]
    assert len({tuple(found) for found in keys.values()}) == 3
    (file,) = Store(tmp_path / "s-monday").document["about"]["files"]
    assert file["named"] is False
    assert file["recording"].startswith(file["sequences"][0]["track"].split("-")[1])


def test_previews(films: Path, tmp_path: Path) -> None:
    capture(films / "one.mkv", tmp_path / "s", "--preview", tmp_path / "p.mp4")
    with av.open(str(tmp_path / "p.mp4")) as container:
        moments = [frame.time for frame in container.decode(video=0)]
    np.testing.assert_allclose(moments, times(76), atol=1e-4)
    capture(films / "one.mkv", tmp_path / "s", "--preview", tmp_path / "p.html")
    page = (tmp_path / "p.html").read_text()
    assert "data:video/mp4;base64," in page
    assert "http" not in page.replace("data:", "")[:2000]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p.html", "p.mp4", "s"]


def test_knn_finds_the_walker_too(films: Path, tmp_path: Path) -> None:
    done = capture_videos([films / "one.mkv"], tmp_path / "s", Settings(background="knn"))
    assert sum(about["frames"] for about in done.reports[0].sequences) > 60


def moving_camera(path: Path) -> None:
    room = scene((180, 900))
    pictures = [paint([mask], [(30, 30, 250)], k, room[:, 7 * k : 7 * k + 320]) for k, mask in enumerate(walk(50))]
    write_video(path, pictures, times(50))


def red_model(path: Path, outputs: str = "segmentation", channels: int = 3) -> Path:
    """An ONNX model for which red is people: by segmentation, by classes, by one box of all; or something else."""
    from onnx import TensorProto, helper, save

    picture = helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, channels, "H", "W"])
    weights = helper.make_tensor("w", TensorProto.FLOAT, [1, 3, 1, 1], [4.0, -4.0, -4.0])
    nodes = [helper.make_node("Conv", ["picture", "w", "b"], ["red"])]
    constants = [weights, helper.make_tensor("b", TensorProto.FLOAT, [1], [-1.0])]
    if outputs == "segmentation":
        shown = [helper.make_tensor_value_info("red", TensorProto.FLOAT, [1, 1, "H", "W"])]
    elif outputs == "classes":
        nodes += [helper.make_node("Neg", ["red"], ["other"]), helper.make_node("Concat", ["other", "red"], ["both"], axis=1)]
        shown = [helper.make_tensor_value_info("both", TensorProto.FLOAT, [1, 2, "H", "W"])]
    elif outputs == "boxes":
        constants += [helper.make_tensor("boxes", TensorProto.FLOAT, [1, 4], [0.0, 0.0, 320.0, 180.0]),
                      helper.make_tensor("scores", TensorProto.FLOAT, [1], [0.9])]
        nodes = [helper.make_node("Identity", ["boxes"], ["b4"]), helper.make_node("Identity", ["scores"], ["s"])]
        shown = [helper.make_tensor_value_info("b4", TensorProto.FLOAT, ["N", 4]), helper.make_tensor_value_info("s", TensorProto.FLOAT, ["N"])]
    else:
        nodes += [helper.make_node("Flatten", ["red"], ["flat"])]
        shown = [helper.make_tensor_value_info("flat", TensorProto.FLOAT, [1, "M"])]
    graph = helper.make_graph(nodes, "red", [picture], shown, constants)
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(path))
    return path


def test_a_model_of_ones_own(tmp_path: Path, films: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("onnxruntime")
    moving_camera(tmp_path / "pan.mkv")
    capture(tmp_path / "pan.mkv", tmp_path / "no", code=2)
    assert "the whole picture moves" in capsys.readouterr().err or not (tmp_path / "no").exists()
    for outputs, more in (("segmentation", ()), ("classes", ("--model-class", "1"))):
        capture(tmp_path / "pan.mkv", tmp_path / outputs, "--model", red_model(tmp_path / f"{outputs}.onnx", outputs), *more)
        (row,) = Store(tmp_path / outputs).rows
        assert row["silhouettes_frames"] == 50
    capture(films / "one.mkv", tmp_path / "boxes", "--model", red_model(tmp_path / "boxes.onnx", "boxes"))
    assert Store(tmp_path / "boxes").rows[0]["silhouettes_frames"] > 60


def test_wrong_models_are_told(tmp_path: Path, films: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("onnxruntime")
    (tmp_path / "text.onnx").write_text("no model")
    from onnx import TensorProto, helper, save

    value = helper.make_tensor_value_info("features", TensorProto.FLOAT, [1, 16])
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 16])
    graph = helper.make_graph([helper.make_node("Relu", ["features"], ["y"])], "g", [value], [out])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(tmp_path / "features.onnx"))
    red_model(tmp_path / "flat.onnx", "flat")
    red_model(tmp_path / "classes.onnx", "classes")
    for name, words in (("text.onnx", "cannot be loaded as an ONNX model"), ("features.onnx", r"found features float [1, 16] -> y float [1, 16]"),
                        ("flat.onnx", "its output was float32 [1, "), ("classes.onnx", "say which is a person with --model-class"),
                        ("missing.onnx", "is missing: check --model")):
        capture(films / "one.mkv", tmp_path / "s", "--model", tmp_path / name, code=2)
        error = capsys.readouterr().err
        assert words in error.splitlines()[-1], error
        assert not (tmp_path / "s").exists()


def test_a_street_with_people_and_a_tape(tmp_path: Path) -> None:
    if not STREET.is_file():
        pytest.skip("vtest.avi is not in a folder shared/video beside the repository")
    with av.open(str(STREET)) as container:
        frames = [frame.to_ndarray(format="bgr24") for _, frame in zip(range(120), container.decode(video=0), strict=False)]
    write_video(tmp_path / "part.mp4", frames, [k / 10 for k in range(120)], "libx264" if "libx264" in av.codecs_available else "mpeg4")
    capture(tmp_path / "part.mp4", tmp_path / "s")
    store = Store(tmp_path / "s")
    assert len({row["person"] for row in store.rows}) >= 3
    assert sum(row["silhouettes_frames"] for row in store.rows) > 100
    for number in range(len(store.rows)):
        mean = (store.read(number, ["silhouettes"]).arrays["silhouettes"] > 0).mean(0)
        assert mean[4:60, 20:24].mean() > 0.5  # upright, in the middle
        assert mean[:, :4].mean() < 0.1


def test_a_walker_who_stops_is_cut(tmp_path: Path) -> None:
    masks = walk(36)
    masks += [masks[-1]] * 30 + [walker_mask((160, 40 + 35 * 3.2 + 3.2 * k), 90, 0.55 * (35 + k)) for k in range(36)]
    write_video(tmp_path / "a.mkv", [paint([mask], [(30, 30, 200)], k) for k, mask in enumerate(masks)], times(len(masks)))
    capture(tmp_path / "a.mkv", tmp_path / "s")
    store = Store(tmp_path / "s")
    assert len(store.rows) == 2
    assert len({row["person"] for row in store.rows}) == 1
    summary = {line["what"]: line["found"] for line in store.document["about"]["summary"]}
    assert 8 <= summary["... out: standing still"] <= 30
