"""Two processes train what one would: the same batches, losses over all of a batch, and checkpoints that either goes on from."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from gaitbridge.data.batches import DataConfig, TrainingBatches
from gaitbridge.errors import UserError
from gaitbridge.store import Store
from gaitbridge.training import checkpoint

DRIVER = str(Path(__file__).with_name("double_run.py"))
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")


def tensors(run: Path, *more: str) -> dict[str, torch.Tensor]:
    """All that a checkpoint holds of the last step."""
    folder = checkpoint.pointed(run, "last")
    assert folder is not None
    assert folder.name == "step-0000004"
    return {f"{part}.{name}": value for part in (*checkpoint.PARTS, *more) for name, value in checkpoint.read_part(folder, part).items()}


def lines(run: Path) -> list[dict[str, object]]:
    return [line for line in map(json.loads, (run / "log.jsonl").read_text().splitlines()) if line["kind"] == "train"]


@pytest.fixture(scope="module")
def runs(toy_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four steps by one process; by two and then one; by one and then two; by two."""
    folder = tmp_path_factory.mktemp("runs")
    for launcher, words in (((), ("one", "one-two:2", "parts-1", "one-parts-3")), (TORCHRUN, ("two", "two-one:2", "one-two", "two-parts-2:3")),
                            ((), ("two-one", "two-parts-2"))):
        done = subprocess.run([sys.executable, *launcher, DRIVER, str(toy_store.path), str(folder), *words],
                              env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("name", ["two", "two-one", "one-two"])
def test_several_processes_train_as_one_does(runs: Path, name: str) -> None:
    expected, found = tensors(runs / "one"), tensors(runs / name)
    assert expected.keys() == found.keys()
    for key, value in expected.items():
        # Adam divides by the size of each gradient: one that is nothing but rounding becomes a step
        assert torch.allclose(found[key], value, rtol=1e-6, atol=1e-8), f"{key}: {(found[key] - value).abs().max()}"
    assert [line["step"] for line in lines(runs / name)] == [1, 2, 3, 4]
    for here, there in zip(lines(runs / "one"), lines(runs / name), strict=True):
        assert here["losses"] == pytest.approx(there["losses"], rel=1e-9)


@pytest.mark.parametrize("name", ["one-parts-3", "two-parts-2"])
def test_a_batch_seen_in_parts_gives_the_gradients_of_the_whole(runs: Path, name: str) -> None:
    expected, found = tensors(runs / "parts-1", checkpoint.UNAVERAGED), tensors(runs / name, checkpoint.UNAVERAGED)
    assert expected.keys() == found.keys()
    for key, value in expected.items():
        assert torch.allclose(found[key], value, rtol=1e-6, atol=1e-8), f"{key}: {(found[key] - value).abs().max()}"
    for here, there in zip(lines(runs / "parts-1"), lines(runs / name), strict=True):
        assert here["losses"] == pytest.approx(there["losses"], rel=1e-9)


def test_the_run_says_how_many_processes_began_it(runs: Path) -> None:
    found = {name: json.loads((runs / name / "provenance.json").read_text())["processes"] for name in ("one", "two", "one-two", "two-one")}
    assert found == {"one": 1, "two": 2, "one-two": 1, "two-one": 2}


def test_shares_are_the_whole_batch(toy_store: Store) -> None:
    settings = DataConfig(people_per_batch=4, sequences_per_person=2, frames=2)
    whole = TrainingBatches(toy_store, ("silhouettes",), settings, 0)[5]
    parts = [TrainingBatches(toy_store, ("silhouettes",), settings, 0, (rank, 2))[5] for rank in range(2)]
    assert torch.equal(torch.cat([part.inputs["silhouettes"] for part in parts]), whole.inputs["silhouettes"])
    assert torch.equal(torch.cat([part.people for part in parts]), whole.people)
    assert parts[0].keys + parts[1].keys == whole.keys
    assert not set(parts[0].people.tolist()) & set(parts[1].people.tolist())
    with pytest.raises(UserError, match="a multiple of 3"):
        TrainingBatches(toy_store, ("silhouettes",), settings, 0, (0, 3))[5]
