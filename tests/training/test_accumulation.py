"""A batch seen in parts: each part once more with the same random numbers, statistics taken once, and what cannot be parted refused."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from gaitbridge.config import checked, overridden
from gaitbridge.errors import UserError
from gaitbridge.store import Store
from gaitbridge.training.accumulation import in_parts, passed_back, seen_first
from gaitbridge.training.config import RunConfig, recipe
from gaitbridge.training.loop import train
from gaitbridge.types import Batch, Features


class Dropping(nn.Module):
    """A network with a norm, dropout and something that has no gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.norm, self.dropout = nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5)

    def forward(self, batch: Batch) -> Features:
        x = self.dropout(self.norm(self.linear(batch.inputs["x"])))
        return Features({"camera": x}, {"camera": x.square()}, {"seen": batch.inputs["x"] > 0})


class Plain:
    """What of Fabric is needed in one process."""

    def no_backward_sync(self, network: nn.Module, enabled: bool) -> Any:
        return nullcontext()

    def backward(self, total: torch.Tensor) -> None:
        total.backward()


def test_parts_give_the_gradients_of_one_graph_with_the_same_random_numbers() -> None:
    torch.manual_seed(0)
    network = Dropping()
    batch = Batch({"x": torch.randn(7, 3)}, torch.ones(7, dtype=torch.long), torch.arange(7), tuple("abcdefg"))

    def see(some: Batch, part: int) -> Features:
        torch.manual_seed(part)
        found: Features = network(some)
        return found

    def loss(features: Features) -> torch.Tensor:  # over pairs across the parts
        return torch.cdist(features.parts["camera"], features.embeddings["camera"]).sum() + features.extras["seen"].sum()

    parts = in_parts(batch, 3)
    assert [part.keys for part in parts] == [("a", "b"), ("c", "d"), ("e", "f", "g")]
    found = [see(part, number) for number, part in enumerate(parts)]
    loss(Features(*({name: torch.cat([one[group][name] for one in found]) for name in found[0][group]} for group in range(3)))).backward()
    expected = {name: parameter.grad.clone() for name, parameter in network.named_parameters() if parameter.grad is not None}
    statistics = [buffer.clone() for buffer in network.norm.buffers()]
    fresh = Dropping()
    network.norm.load_state_dict(fresh.norm.state_dict())
    network.zero_grad()
    leaves = seen_first(see, parts, [network])
    assert int(network.norm.num_batches_tracked or 0) == 0
    loss(leaves).backward()
    passed_back(Plain(), network, see, parts, leaves)
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None
        assert torch.allclose(parameter.grad, expected[name], atol=1e-5), name
    assert all(torch.equal(one, other) for one, other in zip(network.norm.buffers(), statistics, strict=True))


def test_more_parts_than_sequences_are_refused_before_there_is_a_run(toy_store: Store, tmp_path: Path) -> None:
    words = ("data.people_per_batch=4", "data.sequences_per_person=2", "optimiser.accumulate=9")
    with pytest.raises(UserError, match="accumulate is 9, but a process has 8 sequences"):
        train(checked(RunConfig, overridden(recipe("gaitset/tiny").model_dump(mode="json"), words)), toy_store, tmp_path / "run")
    assert not (tmp_path / "run").exists()
