"""An exported run embeds as the run does, for any number of sequences and frames, and says what it is."""

from pathlib import Path

import numpy as np
import pytest
from small_run import small_run, walks

import gaitbridge
from gaitbridge.errors import UserError
from gaitbridge.inference import export as exporting
from gaitbridge.inference.export import export
from gaitbridge.inference.loading import load
from gaitbridge.inference.session import Model
from gaitbridge.store import Store


@pytest.fixture(scope="module")
def run(toy_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_run(toy_store, tmp_path_factory.mktemp("export") / "run")


@pytest.fixture(scope="module")
def file(run: Path, toy_store: Store) -> Path:
    export(load(run), run.parent / "model.onnx", toy_store)
    return run.parent / "model.onnx"


@pytest.mark.parametrize("lengths", [[1], [7], [2, 11, 3]])
def test_it_embeds_as_the_run(run: Path, file: Path, lengths: list[int]) -> None:
    for modality, arrays in walks(lengths).items():
        plain, exported = (load(place).embed(least_quality=0, **{modality: arrays}) for place in (run, file))
        assert np.allclose(plain.values, exported.values, atol=1e-5)
        assert (plain.weights_hash, plain.distance) == (exported.weights_hash, exported.distance)
        assert gaitbridge.distance(plain, exported).shape == (len(lengths), len(lengths))


def test_it_says_what_it_is(run: Path, file: Path) -> None:
    about = load(file).about  # type: ignore[attr-defined]
    assert about["weights_hash"] == load(run).weights_hash
    assert about["largest_relative_difference"] <= exporting.TOLERANCE
    assert "sequences of store, content " in about["checked_on"]["silhouettes"]
    with pytest.raises(UserError, match="give the run's folder to reconstruct"):
        load(file).reconstruct(walks([1])["silhouettes"])
    with pytest.raises(UserError, match=r"must be uint8 \[T, H, W\]"):
        load(file).embed(least_quality=0, silhouettes=walks([1])["range_views"])


@pytest.mark.parametrize("suffix", exporting.SUFFIXES)
def test_a_graph_that_differs_is_not_kept(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    if suffix == ".xml":
        pytest.importorskip("openvino")
    names = ("largest_relative_difference", "share_of_spread", "least_cosine")
    monkeypatch.setattr(exporting, "_measures", lambda *given: dict.fromkeys(names, float("nan")))
    with pytest.raises(UserError, match="is not kept"):
        export(load(run), tmp_path / f"model{suffix}")
    assert list(tmp_path.iterdir()) == []


def test_bad_files_are_named(run: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"must end in \.onnx or \.xml"):
        export(Model(run), tmp_path / "model.bin")
    with pytest.raises(UserError, match="is missing"):
        load(tmp_path / "model.onnx")
    (tmp_path / "model.onnx").write_bytes(b"nothing")
    with pytest.raises(UserError, match="is no ONNX file, or damaged"):
        load(tmp_path / "model.onnx")
