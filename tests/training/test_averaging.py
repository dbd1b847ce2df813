"""The moving average of the weights: what it is, that it is what is taken to use, and that a resumed run has the bits of one never stopped."""

from pathlib import Path

import pytest
import torch
from torch import nn

from gaitbridge.config import checked, overridden
from gaitbridge.errors import UserError
from gaitbridge.inference.loading import load
from gaitbridge.store import Store
from gaitbridge.training import averaging, checkpoint, loop
from gaitbridge.training.config import RunConfig, recipe
from gaitbridge.training.loop import train

TOY = ("data.people_per_batch=4", "data.sequences_per_person=2", "data.frames=2", "network.channels=[4,4,4]", "network.embedding=8",
       "precision=float32", "log_every=1", "validate_every=2", "steps=4")


def toy_config(*more: str) -> RunConfig:
    return checked(RunConfig, overridden(recipe("gaitbase/tiny").model_dump(mode="json"), (*TOY, "optimiser.ema=0.9", *more)))


def parts(run: Path, *names: str) -> dict[str, torch.Tensor]:
    folder = checkpoint.pointed(run, "last")
    assert folder is not None
    return {f"{part}.{name}": value for part in names for name, value in checkpoint.read_part(folder, part).items()}


def test_it_follows_weights_and_statistics_once_each() -> None:
    linear, norm = nn.Linear(1, 1, bias=False), nn.BatchNorm1d(1)
    network = nn.ModuleList([linear, norm, linear])  # shared, as encoders share stages
    average = averaging.average_of(network)
    start = linear.weight.item()
    with torch.no_grad():
        network.load_state_dict({**network.state_dict(), "0.weight": torch.tensor([[start + 1]]), "2.weight": torch.tensor([[start + 1]]),
                                 "1.running_mean": torch.ones(1), "1.num_batches_tracked": torch.tensor(5)})
    averaging.follow(average, network, 0.9, 1000)
    found = average.state_dict()
    assert found["0.weight"].item() == found["2.weight"].item() == pytest.approx(start + 0.1)
    assert found["1.running_mean"].item() == pytest.approx(0.1)
    assert found["1.num_batches_tracked"].item() == 5
    averaging.follow(average, network, 0.9, 0)  # the first step leaves a tenth
    assert average.state_dict()["0.weight"].item() == pytest.approx(start + 1 - 0.1 * 0.9)


def test_a_stopped_run_goes_on_to_the_same_bits_and_the_average_is_used(toy_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train(toy_config(), toy_store, tmp_path / "whole")
    real = loop.learning_rate
    monkeypatch.setattr(loop, "learning_rate", lambda config, step, steps: real(config, step, steps) if step < 2 else 1 / 0)
    with pytest.raises(ZeroDivisionError):
        train(toy_config(), toy_store, tmp_path / "stopped")
    monkeypatch.undo()
    train(toy_config(), toy_store, tmp_path / "stopped", resume=True)
    expected, found = (parts(tmp_path / name, *checkpoint.PARTS, checkpoint.UNAVERAGED) for name in ("whole", "stopped"))
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    plain = parts(tmp_path / "whole", checkpoint.UNAVERAGED)
    train(toy_config("optimiser.ema=0"), toy_store, tmp_path / "plain")
    without = parts(tmp_path / "plain", "network")
    assert all(torch.equal(plain[f"unaveraged.{name.removeprefix('network.')}"], value) for name, value in without.items())  # training is the same
    used = parts(tmp_path / "whole", "network")
    assert any(not torch.equal(used[name], without[name]) for name in used)
    own = {name.removeprefix("network."): one for name, one in used.items()}
    assert load(tmp_path / "whole", "last").weights_hash == checkpoint.weights_hash(own)
    folder = checkpoint.pointed(tmp_path / "stopped", "last")
    assert folder is not None
    (folder / "unaveraged.safetensors").unlink()
    with pytest.raises(UserError, match=r"unaveraged.safetensors is missing or damaged"):
        train(toy_config(), toy_store, tmp_path / "stopped", resume=True)
