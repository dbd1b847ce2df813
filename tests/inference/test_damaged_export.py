"""Damaged exported runs are refused in one line."""

from pathlib import Path

import pytest
from damaged import outcomes
from small_run import small_run, walks

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
        model.embed(**{modality: arrays})


def test_damaged_exports_end_in_one_line(file: Path) -> None:
    said = outcomes(embed, file, 30, 7)
    assert any(said)
    assert all("\n" not in line for line in said)
