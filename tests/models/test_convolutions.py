"""Convolutions are the numbers that they stand for, and none reaches the kernel that writes beside its memory."""

import pytest
import torch
from convolutions_seen import ConvolutionsSeen
from settings_walked import recipes_of_different_networks
from torch import Tensor, nn
from torch.nn import functional

from gaitbridge import plugins
from gaitbridge.inference.fast import TOLERANCE
from gaitbridge.models import digits
from gaitbridge.models.backbones import ResNet
from gaitbridge.models.convolutions import PickingConv, convolution, is_strided_point
from gaitbridge.models.folding import folded
from gaitbridge.models.pseudo3d import Mode, Stages, ThreeFrameConv
from gaitbridge.training.config import METHODS, recipe

ODD = (3, 5, 7)  # channels of the stages


def gradients(conv: nn.Module, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Output, gradient of the input and of the weights where every output counts differently."""
    x = x.detach().clone(memory_format=torch.preserve_format).requires_grad_(True)
    made = conv(x)
    made.backward(torch.linspace(-1, 1, made.numel(), dtype=x.dtype).view(made.shape))
    (weight,) = conv.parameters()
    assert x.grad is not None
    assert weight.grad is not None
    return made.detach(), x.grad, weight.grad


@pytest.mark.parametrize("channels", [1, 3, 8, 15, 16, 33])
@pytest.mark.parametrize(("kernel", "stride", "size"), [(1, 2, (9, 6)), (1, 3, (8, 11)), (1, 2, (1, 1)), (1, 1, (4, 3)), (3, 2, (9, 6))])
def test_it_is_the_convolution(channels: int, kernel: int, stride: int, size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    conv = convolution(channels, 5, kernel, stride).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    plain = nn.Conv2d(channels, 5, kernel, stride, kernel // 2, bias=False).double()
    plain.load_state_dict(conv.state_dict())  # weights are called alike
    x = torch.randn(4, channels, *size).contiguous(memory_format=torch.channels_last)
    for found, wanted in zip(gradients(conv, x), gradients(plain, x.double()), strict=True):
        assert torch.allclose(found.double(), wanted, rtol=1e-5, atol=1e-5)
    with torch.no_grad():
        assert torch.allclose(conv(x).double(), plain(x.double()), rtol=1e-5, atol=1e-5)


def test_a_start_of_the_same_numbers() -> None:
    torch.manual_seed(0)
    wanted = nn.Conv2d(6, 5, 1, 2, bias=False)
    torch.manual_seed(0)
    assert torch.equal(convolution(6, 5, 1, 2).weight, wanted.weight)


@pytest.mark.parametrize("stem_stride", [1, 3])
@pytest.mark.parametrize("strides", [(1, 2, 1), (2, 3, 2)])
@pytest.mark.parametrize("kind", ["resnet", "2d", "p3d", "3d"])
def test_training_with_few_channels(kind: Mode, strides: tuple[int, ...], stem_stride: int) -> None:
    """The widths at which the library's kernel damaged memory."""
    torch.manual_seed(0)
    frames = torch.tensor([3, 2])
    network: nn.Module = ResNet(1, ODD, strides, stem_stride) if kind == "resnet" else Stages(ODD, strides, (2, 1, 2), kind, plain=0, channels_in=1)
    given = (torch.rand(6, 1, 32, 22),) if kind == "resnet" else (torch.rand(2, 3, 1, 32, 22), frames)
    with ConvolutionsSeen() as seen:
        for _ in range(3):
            made = network(*given)
            assert torch.isfinite(made).all()
            made.square().mean().backward()
    assert seen.count > 10
    assert seen.strided_points == []
    assert all(torch.isfinite(p.grad).all() for p in network.parameters() if p.grad is not None)


@pytest.mark.parametrize("by_digits", [False, pytest.param(True, marks=pytest.mark.skipif(not digits.supported(), reason="no units of bytes"))])
def test_folded_too(by_digits: bool) -> None:
    torch.manual_seed(0)
    network = ResNet(1, (5, 64, 72), (2, 2, 3)).eval()
    x = torch.rand(2, 1, 32, 22)
    with torch.no_grad(), ConvolutionsSeen() as seen:
        wanted = network(x)
        found = folded(network, by_digits)(x)
    assert float((found - wanted).norm() / wanted.norm()) < TOLERANCE
    assert seen.strided_points == []


def test_over_time_as_well() -> None:
    with ConvolutionsSeen() as seen:
        ThreeFrameConv(3, 5, 1, 2)(torch.rand(2, 3, 3, 8, 6), None).mean().backward()
    assert (seen.count, seen.strided_points) == (1, [])


def test_what_is_looked_for_is_seen() -> None:
    with ConvolutionsSeen() as seen:
        functional.conv2d(torch.rand(1, 3, 8, 8), torch.rand(5, 3, 1, 1), stride=2)
        nn.Conv3d(3, 5, 1, (1, 2, 2))(torch.rand(1, 3, 4, 8, 8))
    assert seen.strided_points == [((5, 3, 1, 1), (2, 2)), ((5, 3, 1, 1, 1), (1, 2, 2))]


@pytest.mark.parametrize("name", recipes_of_different_networks())
def test_every_recipe_makes_them_here(name: str) -> None:
    config = recipe(name)
    with torch.device("meta"):
        network = plugins.load(f"{METHODS}.{config.method}", "network").Network(config.network)
        objective = plugins.load(f"{METHODS}.{config.method}", "objective").Objective(config.objective, config.network, 2)
    for place, module in [*network.named_modules(), *objective.named_modules()]:
        if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d) and is_strided_point(module.kernel_size, module.stride):
            assert type(module) is PickingConv, f"{place}: make it by models.convolutions.convolution"
