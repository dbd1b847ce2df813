"""Counts by hand, and times of networks of which one does the work of four."""

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from gaitbridge.errors import StoreError, UserError
from gaitbridge.evaluation.embedding import cost as module
from gaitbridge.evaluation.embedding.cost import cost, costs, latency_ratio, random_batch, read_cost, write_cost
from gaitbridge.types import Batch

T, H, W = 5, 16, 11


class Mixed(nn.Module):
    """A convolution, a linear layer, a recurrent one, a transformer and attention alone: what hides from counters in fused kernels."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU())
        self.stages = nn.ModuleList([nn.Linear(4, 8)])
        self.recurrent = nn.LSTM(8, 8, batch_first=True)
        self.transformer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.unused = nn.Linear(100, 100)

    def embed(self, batch: Batch) -> dict[str, Tensor]:
        x = batch.inputs["silhouettes"].float()
        maps = self.stem(x.flatten(0, 1)[:, None]).mean((2, 3)).unflatten(0, x.shape[:2])  # [N, T, 4]
        y = self.transformer(self.recurrent(self.stages[0](maps))[0])                         # [N, T, 8]
        y = nn.functional.scaled_dot_product_attention(y[:, None], y[:, None], y[:, None])[:, 0]
        return {"silhouettes": y.transpose(1, 2)}


class Sleeper(nn.Module):
    """Takes so many milliseconds of a clock that only it moves."""

    now = 0.0

    def __init__(self, milliseconds: float) -> None:
        super().__init__()
        self.milliseconds, self.calls = milliseconds, 0

    def embed(self, batch: Batch) -> dict[str, Tensor]:
        self.calls += 1
        Sleeper.now += self.milliseconds / 1000
        return {}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sleepers' clock in place of the machine's."""
    monkeypatch.setattr(module.time, "perf_counter", lambda: Sleeper.now)


def test_counts_are_those_by_hand() -> None:
    convolution, linear = 2 * T * H * W * 4 * 9, 2 * T * 4 * 8
    recurrent = 2 * T * (8 + 8) * 4 * 8                      # four gates from the input and the state
    attention = 2 * (2 * T * T * 8)                          # queries by keys, weights by values
    transformer = 2 * T * (8 * 24 + 8 * 8 + 2 * 8 * 16) + attention
    found = cost(Mixed(), "camera", (H, W), frames=T)
    assert found["flops_per_sequence"] == convolution + linear + recurrent + transformer + attention
    assert found["multiply_adds_per_frame"] == found["flops_per_frame"] / 2 == found["flops_per_sequence"] / T / 2
    parts = {"stem": convolution, "stem.0": convolution, "stages": linear, "stages.0": linear, "recurrent": recurrent}
    parts |= {"transformer": transformer, "unused": 0}
    assert {name: found["flops_by_part"][name] for name in parts} == parts
    assert found["parameters_by_part"]["stem"] == 4 * 9 + 4
    assert found["parameters"] == sum(found["parameters_by_part"][name] for name in ("stem", "stages", "recurrent", "transformer", "unused"))
    assert (found["modality"], found["frames"], found["height"], found["width"]) == ("silhouettes", T, H, W)


def test_counting_leaves_the_machine_as_it_was() -> None:
    network, before = Mixed(), (torch.backends.mha.get_fastpath_enabled(), torch.backends.mkldnn.enabled)
    cost(network, "camera", (H, W), frames=T)
    assert (torch.backends.mha.get_fastpath_enabled(), torch.backends.mkldnn.enabled) == before
    assert not any(child._forward_hooks or child._forward_pre_hooks for child in network.modules())
    batch = random_batch("silhouettes", (H, W), T)
    with pytest.raises(KeyError):
        cost(network, "lidar", (H, W), frames=T)
    assert (torch.backends.mha.get_fastpath_enabled(), torch.backends.mkldnn.enabled) == before
    assert network.embed(batch)["silhouettes"].shape == (1, 8, T)


def test_a_batch_is_in_the_units_of_its_modality() -> None:
    silhouettes, ranges = (random_batch(name, (H, W), T, 2).inputs[name] for name in ("silhouettes", "range_views"))
    assert (silhouettes.dtype, set(silhouettes.unique().tolist()), silhouettes.shape) == (torch.uint8, {0, 255}, (2, T, H, W))
    assert ranges.dtype == torch.float32
    assert ranges.isnan().any()
    assert ranges.nan_to_num(5.0).min() >= 5.0


@pytest.mark.usefixtures("clock")
def test_the_ratio_is_to_the_first_network_in_the_same_round() -> None:
    networks = {"plain": Sleeper(1), "four times": Sleeper(4)}
    found = latency_ratio(networks, "silhouettes", (H, W), T, rounds=9, warm_up=2)
    assert found["reference"] == "plain"
    assert found["ratios"]["plain"] == {"median": 1.0, "quartile_low": 1.0, "quartile_high": 1.0}
    assert found["ratios"]["four times"]["median"] == pytest.approx(4.0)
    assert found["seconds"]["plain"]["median"] == pytest.approx(0.001)
    assert [network.calls for network in networks.values()] == [9 + 2] * 2
    assert (found["device"], found["threads"], found["rounds"]) == ("cpu", 1, 9)
    assert found["hardware"]


def test_a_machine_that_slows_down_in_between_does_not_move_the_ratio(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = iter(range(10_000))
    monkeypatch.setattr(module, "_seconds", lambda network, *_: network.milliseconds * (1.0 if next(calls) < 20 else 50.0))
    found = latency_ratio({"a": Sleeper(2), "b": Sleeper(3)}, "silhouettes", (H, W), T, rounds=20, warm_up=0)
    assert found["ratios"]["b"] == pytest.approx({"median": 1.5, "quartile_low": 1.5, "quartile_high": 1.5})
    assert found["seconds"]["a"]["quartile_high"] == 50 * found["seconds"]["a"]["quartile_low"]


def test_threads_are_given_back_and_nothing_to_time_is_refused() -> None:
    before = torch.get_num_threads()
    latency_ratio({"a": Sleeper(0)}, "camera", (H, W), T, rounds=1, threads=before + 1)
    assert torch.get_num_threads() == before
    for networks, rounds in (({}, 3), ({"a": Sleeper(0)}, 0)):
        with pytest.raises(UserError, match="nothing to time"):
            latency_ratio(networks, "camera", (H, W), rounds=rounds)
    with pytest.raises(UserError, match="unknown modality 'kamera'"):
        cost(Mixed(), "kamera", (H, W))


def test_costs_of_several_networks_as_a_file(tmp_path: Path) -> None:
    document = costs({"one": Mixed(), "two": Mixed()}, "camera", (H, W), T, rounds=2)
    assert document["networks"]["one"] == document["networks"]["two"]
    write_cost(document, tmp_path)
    assert read_cost(tmp_path / "cost.json") == document
    with pytest.raises(UserError, match="is missing"):
        read_cost(tmp_path / "nothing.json")
    for text in ("{", "[]", "3", '{"a": 1}', json.dumps({"networks": {}})):
        (tmp_path / "cost.json").write_text(text)
        with pytest.raises(StoreError, match="is damaged"):
            read_cost(tmp_path / "cost.json")
