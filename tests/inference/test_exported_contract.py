"""An exported file keeps what docs/export.md promises to programs that know nothing of us."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from small_run import small_run, walks

import gaitbridge
from gaitbridge.cli import main
from gaitbridge.errors import UserError
from gaitbridge.inference.export import export, write_openvino
from gaitbridge.inference.loading import load
from gaitbridge.store import Store

DOCUMENT = Path(__file__).parents[2] / "docs" / "export.md"
ALONE = """
import sys
sys.modules["gaitbridge"] = sys.modules["torch"] = None  # neither can be imported from here on
{lines}
given = np.load("walks.npz")
walks = [given[name] for name in sorted(given.files)]
found = embed(walks)
np.savez("found.npz", embeddings=found, distances=distances(found, found))
"""
Arrays = list[np.ndarray]


@pytest.fixture(scope="module")
def run(toy_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_run(toy_store, tmp_path_factory.mktemp("contract") / "run")


@pytest.fixture(scope="module")
def camera(run: Path) -> Path:
    """As the command writes it."""
    assert main(["export", str(run), str(run.parent / "camera.onnx"), "--sensor", "camera"]) == 0
    return run.parent / "camera.onnx"


@pytest.fixture(scope="module")
def lidar_onnx(run: Path) -> Path:
    export(load(run), run.parent / "lidar.onnx", modalities=["range_views"])
    return run.parent / "lidar.onnx"


@pytest.fixture(scope="module", params=[".onnx", ".xml"])
def lidar(lidar_onnx: Path, request: pytest.FixtureRequest) -> Path:
    """The other sensor, by ONNX Runtime and by OpenVINO."""
    if request.param == ".onnx":
        return lidar_onnx
    pytest.importorskip("openvino")
    write_openvino(lidar_onnx, lidar_onnx.with_suffix(".xml"), load(lidar_onnx).about)  # type: ignore[attr-defined]
    return lidar_onnx.with_suffix(".xml")


def raw(file: Path) -> Callable[[dict[str, np.ndarray]], np.ndarray]:
    """The file's `embeddings` by its runtime alone: nothing of ours looks at the inputs."""
    if file.suffix == ".onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
        return lambda feed: np.asarray(session.run(["embeddings"], feed)[0])
    from gaitbridge.inference.openvino_network import core

    compiled = core(file).compile_model(file, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda feed: np.array(compiled.create_infer_request().infer(feed)["embeddings"])


def batch(arrays: Arrays, empty: float) -> np.ndarray:
    """Walks to one array of the longest, padded."""
    out = np.full((len(arrays), max(map(len, arrays)), 64, 44), empty, arrays[0].dtype)
    for row, array in zip(out, arrays, strict=True):
        row[: len(array)] = array
    return out


def test_the_documents_lines_embed_as_we_do(run: Path, camera: Path) -> None:
    (lines,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert len([line for line in lines.splitlines() if line.strip()]) < 25
    given = walks([3, 7, 1, 12])["silhouettes"]
    np.savez(camera.parent / "walks.npz", **{f"walk_{number}": walk for number, walk in enumerate(given)})  # type: ignore[arg-type]
    subprocess.run([sys.executable, "-c", ALONE.format(lines=lines)], cwd=camera.parent, check=True, timeout=120)
    ours = load(run).embed(least_quality=0, silhouettes=given)
    with np.load(camera.parent / "found.npz") as found:
        np.testing.assert_allclose(found["embeddings"], ours.values, atol=1e-5)
        np.testing.assert_allclose(found["distances"], gaitbridge.distance(ours, ours), atol=1e-5)


def test_a_file_of_one_sensor_has_plain_names_and_takes_that_sensor(run: Path, camera: Path) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(camera), providers=["CPUExecutionProvider"])
    assert [(one.name, one.type) for one in session.get_inputs()] == [("silhouettes", "tensor(uint8)"), ("frames", "tensor(int64)")]
    assert [one.shape[2:] for one in session.get_inputs()] == [[64, 44], []]
    assert [(one.name, one.type, len(one.shape)) for one in session.get_outputs()] == [("embeddings", "tensor(float)", 3)]
    model = load(camera)
    assert (model.modalities, model.weights_hash) == (("silhouettes",), load(run).weights_hash)
    with pytest.raises(UserError, match="unknown modality 'range_views'"):
        model.embed(least_quality=0, range_views=walks([2])["range_views"])


def test_two_files_compare_across_sensors(run: Path, camera: Path, lidar: Path) -> None:
    given, whole = walks([4, 2]), load(run)
    ours = gaitbridge.distance(*(whole.embed(least_quality=0, **{name: given[name]}) for name in ("silhouettes", "range_views")))
    theirs = gaitbridge.distance(load(camera).embed(least_quality=0, silhouettes=given["silhouettes"]),
                                 load(lidar).embed(least_quality=0, range_views=given["range_views"]))
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def spoilt(view: np.ndarray, value: float) -> np.ndarray:
    """A walk with one wrong pixel in its second frame."""
    out = view.copy()
    out[1, 30, 20] = value
    return out


GOOD = walks([4])
NO_PICTURES: dict[str, np.ndarray] = {"nothing shows": np.zeros_like(GOOD["silhouettes"][0]), "0 and 1": GOOD["silhouettes"][0] // 255}
NO_RANGES: dict[str, np.ndarray] = {
    "negative": spoilt(GOOD["range_views"][0], -1.0), "zero": spoilt(GOOD["range_views"][0], 0.0), "infinite": spoilt(GOOD["range_views"][0], np.inf),
    "minus infinity": spoilt(GOOD["range_views"][0], -np.inf), "millimetres": GOOD["range_views"][0] * 1000,
    "nothing came back": np.full_like(GOOD["range_views"][0], np.nan),
}  # fmt: skip


@pytest.mark.parametrize("frames", [0, -1, 5])
def test_a_count_of_frames_that_cannot_be(frames: int, camera: Path, lidar: Path) -> None:
    for file, name in ((camera, "silhouettes"), (lidar, "range_views")):
        found = raw(file)({name: np.stack(2 * GOOD[name]), "frames": np.array([frames, 4])})
        assert np.isnan(found[0]).all()
        assert np.isfinite(found[1]).all()


@pytest.mark.parametrize("what", NO_PICTURES)
def test_pictures_that_are_none_give_nan_and_leave_the_others_alone(what: str, camera: Path) -> None:
    good = GOOD["silhouettes"][0]
    found = raw(camera)({"silhouettes": np.stack([good, NO_PICTURES[what]]), "frames": np.array([4, 4])})
    assert np.isnan(found[1]).all()
    assert np.isfinite(found[0]).all()
    np.testing.assert_allclose(found[0], load(camera).embed(least_quality=0, silhouettes=[good]).values[0], atol=1e-6)


@pytest.mark.parametrize("what", NO_RANGES)
def test_ranges_that_are_none_give_nan_and_leave_the_others_alone(what: str, lidar: Path) -> None:
    good = GOOD["range_views"][0]
    found = raw(lidar)({"range_views": np.stack([good, NO_RANGES[what]]), "frames": np.array([4, 4])})
    assert np.isnan(found[1]).all()
    assert np.isfinite(found[0]).all()
    np.testing.assert_allclose(found[0], load(lidar).embed(least_quality=0, range_views=[good]).values[0], atol=1e-6)


def test_what_lies_beyond_the_count_is_not_looked_at(camera: Path, lidar: Path) -> None:
    for file, name, rubbish in ((camera, "silhouettes", 255), (lidar, "range_views", -3.0)):
        arrays = walks([2, 6])[name]
        for empty in (0, rubbish):
            found = raw(file)({name: batch(arrays, empty), "frames": np.array([2, 6])})
            assert np.isfinite(found).all()
            np.testing.assert_allclose(found, load(file).embed(least_quality=0, **{name: arrays}).values, atol=1e-5)


def test_an_empty_walk_of_a_store_is_nobody(lidar: Path) -> None:
    given = [GOOD["range_views"][0], NO_RANGES["nothing came back"]]
    found = load(lidar).embed_stored(range_views=given)
    assert np.isfinite(found.values).all()
    assert gaitbridge.distance(found, found)[0, 1] > 0.5
    with pytest.raises(UserError, match=r"range_views\[1\] has no range in any of its 4 frames"):
        load(lidar).embed(least_quality=0, range_views=given)


def test_old_files_are_read_as_before(run: Path, camera: Path, tmp_path: Path) -> None:
    """They have other names for their counts and outputs, and do not say them."""
    onnx = pytest.importorskip("onnx")
    graph = onnx.load(camera)
    renamed = {"frames": "silhouettes_frames", "embeddings": "silhouettes_embeddings"}
    for one in (*graph.graph.input, *graph.graph.output):
        one.name = renamed.get(one.name, one.name)
    for node in graph.graph.node:
        for names in (node.input, node.output):
            names[:] = [renamed.get(name, name) for name in names]
    (entry,) = graph.metadata_props
    about = json.loads(entry.value)
    assert (about.pop("frames"), about.pop("embeddings")) == ({"silhouettes": "frames"}, {"silhouettes": "embeddings"})
    entry.value = json.dumps(about)
    onnx.save(graph, tmp_path / "old.onnx")
    given = walks([3, 5])["silhouettes"]
    ours, old = (load(place).embed(least_quality=0, silhouettes=given).values for place in (run, tmp_path / "old.onnx"))
    np.testing.assert_allclose(ours, old, atol=1e-5)


def test_a_sensor_that_the_run_does_not_take(camera: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(camera.parent / "run"), str(tmp_path / "x.onnx"), "--sensor", "radar"]) == 2
    assert not list(tmp_path.iterdir())
    assert "radar" in capsys.readouterr().err
