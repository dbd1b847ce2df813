"""The losses' own gradients against PyTorch's of the same loss written plainly, in float64."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from gaitbridge.losses.supervised_contrastive import supervised_contrastive
from gaitbridge.losses.triplet import triplet

PEOPLE = torch.tensor([0, 0, 1, 1, 2, 2, 2, 3])
Loss = Callable[..., Tensor]


def samples(seed: int, count: int = 8) -> Tensor:
    return torch.randn(count, 5, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).requires_grad_()


def plain_triplet(a: Tensor, b: Tensor, margin: float, same: bool) -> Tensor:
    """All triplets, every hinge kept."""
    x, y = a.permute(2, 0, 1), b.permute(2, 0, 1)
    distances = (x[:, :, None] - y[:, None]).square().sum(-1).clamp(min=1e-9).sqrt()  # [K, N, M]
    mate = PEOPLE[:, None] == PEOPLE[None]
    positive = mate & ~torch.eye(len(mate), dtype=torch.bool) if same else mate
    rows, columns = positive.nonzero(as_tuple=True)
    hinges = (distances[:, rows, columns][:, :, None] - distances[:, rows] + margin).clamp(min=0.0).masked_fill(mate[rows][None], 0.0)
    return (hinges.sum((1, 2)) / (hinges > 0).sum((1, 2)).clamp(min=1)).mean()


def plain_contrastive(x: Tensor, people: Tensor, temperature: float) -> Tensor:
    """The log share of each positive, written out."""
    unit = functional.normalize(x, dim=1).permute(2, 0, 1)
    logits = unit @ unit.transpose(1, 2) / temperature
    itself = torch.eye(len(people), dtype=torch.bool)
    log_share = logits - logits.masked_fill(itself, float("-inf")).logsumexp(-1, keepdim=True)
    positive = (people[:, None] == people[None]) & ~itself
    count = positive.sum(-1)
    per_anchor = -(log_share * positive).sum(-1) / count.clamp(min=1)
    return per_anchor[:, count > 0].mean()


@pytest.mark.parametrize(("margin", "same"), [(0.2, False), (3.0, True)])
def test_triplet(margin: float, same: bool) -> None:
    a = samples(0)
    b = a if same else samples(1)
    found, wanted = triplet(a, b, PEOPLE, PEOPLE, margin, same), plain_triplet(a, b, margin, same)
    assert torch.allclose(found, wanted, rtol=1e-10)
    leaves = [a] if same else [a, b]
    for mine, theirs in zip(torch.autograd.grad(3 * found, leaves), torch.autograd.grad(3 * wanted, leaves), strict=True):
        assert theirs.abs().max() > 0
        assert torch.allclose(mine, theirs, rtol=1e-8, atol=1e-10)


def test_supervised_contrastive() -> None:
    x = samples(2)
    found, wanted = supervised_contrastive(x, PEOPLE, 0.3), plain_contrastive(x, PEOPLE, 0.3)
    assert torch.allclose(found, wanted, rtol=1e-10)
    (mine,), (theirs,) = torch.autograd.grad(3 * found, x), torch.autograd.grad(3 * wanted, x)
    assert torch.allclose(mine, theirs, rtol=1e-8, atol=1e-12)
    assert torch.autograd.gradcheck(lambda y: supervised_contrastive(y, PEOPLE, 0.3), x)


@pytest.mark.parametrize("count", [1, 4])
def test_contrastive_without_positives_is_zero_and_so_is_its_gradient(count: int) -> None:
    x = samples(3, count)
    loss = supervised_contrastive(x, torch.arange(count))
    loss.backward()
    assert loss.item() == 0.0
    assert x.grad is not None
    assert not x.grad.any()
