"""The largest over frames: values and gradients are those of PyTorch's own, where frames tie and where they are padded as well."""

import pytest
import torch

from gaitbridge.models.pooling import temporal_max


def plain(x: torch.Tensor, frames: torch.Tensor) -> torch.Tensor:
    """The definition, by PyTorch's `amax`."""
    real = torch.arange(x.shape[1])[None] < frames[:, None]
    return torch.where((frames > 0)[:, None, None, None], x.masked_fill(~real[:, :, None, None, None], float("-inf")).amax(1), 0.0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("counts", [(4, 4, 4), (4, 2, 1)])
@pytest.mark.parametrize("channels_last", [True, False])
def test_values_and_gradients_are_those_of_amax(dtype: torch.dtype, counts: tuple[int, ...], channels_last: bool) -> None:
    torch.manual_seed(0)
    maps = torch.randint(-2, 3, (12, 5, 4, 3)).to(dtype)  # few values, so that frames tie
    if channels_last:
        maps = maps.contiguous(memory_format=torch.channels_last)
    frames, toward = torch.tensor(counts), torch.randn(3, 5, 4, 3).to(dtype)
    found = []
    for way in (temporal_max, plain):
        leaf = maps.clone().requires_grad_()
        value = way(leaf.unflatten(0, (3, 4)), frames)
        value.backward(toward)
        assert leaf.grad is not None
        found.append((value.detach(), leaf.grad))
    assert torch.equal(found[0][0], found[1][0])
    assert torch.equal(found[0][1], found[1][1])


def test_gradients_of_single_largest_frames_are_the_numerical_ones() -> None:
    torch.manual_seed(0)
    x = torch.randperm(2 * 3 * 2 * 2 * 2).double().reshape(2, 3, 2, 2, 2).requires_grad_()
    assert torch.autograd.gradcheck(lambda y: temporal_max(y, torch.tensor([3, 3])), x)
