"""Damaged exported runs are refused in one line."""

from pathlib import Path

import pytest
from damaged import outcomes
from small_run import small_run, walks

from gaitbridge.errors import UserError
from gaitbridge.inference.export import export
from gaitbridge.inference.loading import load
from gaitbridge.store import Store


@pytest.fixture(scope="module")
def file(toy_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export")
    export(load(small_run(toy_store, folder / "run")), folder / "m.onnx", toy_store)
    return folder / "m.onnx"


def embed(file: Path) -> None:
    model = load(file)
    for modality, arrays in walks([2]).items():
        model.embed(least_quality=0, **{modality: arrays})


def test_damaged_exports_end_in_one_line(file: Path) -> None:
    said = outcomes(embed, file, 30, 7)
    assert any(said)
    assert all("\n" not in line for line in said)


def test_a_graph_whose_numbers_do_not_fit_is_refused_when_it_is_run(file: Path) -> None:
    """Whole to the reader, with constants of other shapes: found when it is run. Damaged bytes come to this now and then, by the processor's bits."""
    onnx = pytest.importorskip("onnx")
    whole = file.read_bytes()
    model, said = onnx.load(file), []
    reshaped = {node.input[1] for node in model.graph.node if node.op_type == "Reshape"}
    try:
        for constant in (tensor for tensor in model.graph.initializer if tensor.name in reshaped):
            good = onnx.TensorProto.FromString(constant.SerializeToString())
            values = onnx.numpy_helper.to_array(constant).copy()
            values[-2:] = 7
            constant.CopyFrom(onnx.numpy_helper.from_array(values, constant.name))
            onnx.save(model, file)
            with pytest.raises(UserError, match="write it again") as refused:
                embed(file)
            said.append(str(refused.value))
            constant.CopyFrom(good)
    finally:
        file.write_bytes(whole)
    assert any("cannot be run" in line for line in said)
