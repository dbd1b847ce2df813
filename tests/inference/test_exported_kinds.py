"""OpenVINO's files and files of bytes: taken like a run, near to it, whole or not there."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from small_run import small_run, walks

import gaitbridge
from gaitbridge.cli._app import app
from gaitbridge.errors import StoreError, UserError
from gaitbridge.inference import export as exporting
from gaitbridge.inference.export import export
from gaitbridge.inference.loading import load
from gaitbridge.store import Store

KINDS = [(".onnx", True), (".xml", False), (".xml", True)]


@pytest.fixture(scope="module")
def run(toy_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_run(toy_store, tmp_path_factory.mktemp("kinds") / "run")


@pytest.fixture(scope="module", params=KINDS, ids=["onnx-int8", "openvino", "openvino-int8"])
def file(run: Path, toy_store: Store, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    suffix, int8 = request.param
    if suffix == ".xml":
        pytest.importorskip("openvino")
    out = tmp_path_factory.mktemp("kinds") / f"model{suffix}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exporting, "INT8_SHARE", 10.0)  # two steps of training have told nobody apart yet
        export(load(run), out, toy_store, int8=int8)
    return out


def is_int8(file: Path) -> bool:
    return bool(load(file).about["precision"] == "int8")  # type: ignore[attr-defined]


@pytest.mark.parametrize("lengths", [[1], [2, 11, 3]])
def test_it_embeds_near_the_run(run: Path, file: Path, lengths: list[int]) -> None:
    for modality, arrays in walks(lengths).items():
        plain, exported = (load(place).embed(least_quality=0, **{modality: arrays}).values for place in (run, file))
        apart = np.linalg.norm(plain - exported) / np.linalg.norm(plain)
        assert (1e-4 < apart < 0.2) if is_int8(file) else apart < 1e-4


def test_bytes_are_a_network_of_their_own(run: Path, file: Path) -> None:
    about, own = load(file).about, load(run).weights_hash  # type: ignore[attr-defined]
    assert (about["weights_hash"] == own) != is_int8(file)
    assert about.get("float_weights_hash", own) == own
    assert "sequences of store, content " in about["checked_on"]["silhouettes"]
    plain, exported = (load(place).embed(least_quality=0, silhouettes=walks([3])["silhouettes"]) for place in (run, file))
    if is_int8(file):
        assert "sequences of store, content " in about["fitted_to"]["range_views"]
        with pytest.raises(UserError, match="weights"):
            gaitbridge.distance(plain, exported)


def test_the_same_export_is_the_same_network(run: Path, file: Path, toy_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "INT8_SHARE", 10.0)
    again = export(load(run), tmp_path / f"again{file.suffix}", toy_store, int8=is_int8(file))
    assert again["weights_hash"] == load(file).weights_hash
    ends = (".xml", ".bin") if file.suffix == ".xml" else (".onnx",)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(f"again{end}" for end in ends)


def test_commands_take_it_like_a_run(file: Path, toy_store: Store, tmp_path: Path) -> None:
    for command in (["embed", str(file), str(toy_store.path), str(tmp_path / "some.npz"), "--modality", "lidar", "--split", "test"],
                    ["evaluate", str(file), "--data", str(toy_store.path), "--out", str(tmp_path / "evaluation")],
                    ["gallery", "create", str(tmp_path / "gallery"), "--model", str(file)],
                    ["gallery", "enrol", str(tmp_path / "gallery"), str(toy_store.path), "--sensor", "camera", "--least-quality", "0"]):
        app(command, result_action="return_value")
    assert (tmp_path / "evaluation" / "results.json").is_file()
    with pytest.raises(UserError, match="--out FOLDER"):
        app(["evaluate", str(file), "--data", str(toy_store.path)], result_action="return_value", exit_on_error=False)


def test_damaged_and_mixed_files_are_named(file: Path, tmp_path: Path) -> None:
    if file.suffix != ".xml":
        pytest.skip("a pair of files is OpenVINO's alone")
    weights = file.with_suffix(".bin")
    copy = tmp_path / "copy.xml"
    copy.write_bytes(file.read_bytes())
    with pytest.raises(UserError, match=r"copy\.bin is missing"):
        load(copy)
    changed = bytearray(weights.read_bytes())
    changed[-1] ^= 1
    copy.with_suffix(".bin").write_bytes(changed)
    with pytest.raises(UserError, match="does not belong to"):
        load(copy)
    copy.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(UserError, match="is no OpenVINO model, or damaged"):
        load(copy)


def test_importing_it_tells_nobody(file: Path) -> None:
    if file.suffix != ".xml":
        pytest.skip("only OpenVINO tells its makers")
    program = ("import sys, gaitbridge; gaitbridge.load(sys.argv[1]); import openvino.tools.ovc.telemetry_utils as found; "
               "assert found.tm.__name__.endswith('telemetry_stub'), found.tm")
    subprocess.run([sys.executable, "-c", program, str(file)], check=True)


def test_what_int8_needs_is_said(run: Path, toy_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="--data STORE"):
        export(load(run), tmp_path / "model.onnx", int8=True)
    monkeypatch.setattr(exporting, "INT8_SHARE", 1e-6)
    with pytest.raises(UserError, match="bytes move its embeddings by"):
        export(load(run), tmp_path / "model.onnx", toy_store, int8=True)
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(UserError, match=r"gaitbridge\[openvino\]"):
        export(load(run), tmp_path / "model.xml")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_what_was_there(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "model.onnx"
    out.write_bytes(b"before")

    def full(*given: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(exporting, "placed", full)
    with pytest.raises(StoreError, match="No space left on device"):
        export(load(run), out)
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]
    assert out.read_bytes() == b"before"
