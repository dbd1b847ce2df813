"""Convolutions by whole numbers of two digits are the convolutions, to a part in thousands."""

from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from gaitbridge.models import digits
from gaitbridge.models.digits import TwoDigitConv

needs_operators = pytest.mark.skipif(not digits.supported(), reason="this PyTorch has no operators for bytes, or not exact ones on this processor")


def relative(found: Tensor, wanted: Tensor) -> float:
    return float((found.double() - wanted).norm() / wanted.norm())


def the_same(layer: TwoDigitConv, weight: Tensor, bias: Tensor, x: Tensor, added: Tensor | None = None) -> Tensor:
    stride, padding, dilation = layer.where
    found = functional.conv2d(x.double(), weight.double(), bias.double(), stride, padding, dilation)
    found = found if added is None else found + added.double()
    return found.relu() if layer.relu else found


@needs_operators
@pytest.mark.parametrize(("kernel", "stride", "padding"), [((3, 3), (1, 1), (1, 1)), ((3, 3), (2, 2), (1, 1)), ((1, 1), (2, 2), (0, 0)),
                                                           ((3, 1), (1, 1), (1, 0))])
@pytest.mark.parametrize("signed", [False, True])
def test_it_is_the_convolution(kernel: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int], signed: bool) -> None:
    torch.manual_seed(0)
    weight, bias = torch.randn(40, 64, *kernel) * torch.rand(40, 1, 1, 1), torch.randn(40)  # channels of different sizes
    x = (torch.randn(5, 64, 9, 11) if signed else torch.randn(5, 64, 9, 11).relu()).contiguous(memory_format=torch.channels_last)
    for relu in (False, True):
        layer = TwoDigitConv(weight, bias, stride, padding, relu=relu)
        wanted = the_same(layer, weight, bias, x)
        with torch.inference_mode():
            assert relative(layer(x), wanted) < 5e-4
            added = torch.randn(wanted.shape)
            assert relative(layer(x, added), the_same(layer, weight, bias, x, added)) < 5e-4
            assert torch.equal(layer(x), layer(x))


@needs_operators
def test_bytes_alone_would_not_do(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    weight, bias, x = torch.randn(64, 64, 3, 3), torch.zeros(64), torch.randn(3, 64, 8, 8).relu()
    layer = TwoDigitConv(weight, bias, padding=(1, 1))
    monkeypatch.setattr(layer, "_bytes", lambda *given, own=layer._bytes: own(*given) * (given[3] is not None))  # the first digits' product only
    assert relative(layer(x), the_same(layer, weight, bias, x)) > 5e-3


@needs_operators
def test_pictures_are_taken_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digits, "AT_ONCE", 2 * 64 * 30)
    torch.manual_seed(0)
    weight, bias = torch.randn(8, 64, 3, 3), torch.randn(8)
    x = torch.randn(5, 64, 5, 6) * torch.tensor([1, 1, 100, 1e-3, 0])[:, None, None, None]
    layer = TwoDigitConv(weight, bias, padding=(1, 1))
    wanted = the_same(layer, weight, bias, x)
    assert relative(layer(x)[:2], wanted[:2]) < 5e-4  # the large picture is in another part
    assert torch.allclose(layer(x)[4].double(), wanted[4])


@needs_operators
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_what_is_not_finite_stays_so(bad: float) -> None:
    x = torch.ones(1, 64, 3, 3)
    x[0, 0, 1, 1] = bad
    assert TwoDigitConv(torch.ones(4, 64, 1, 1), torch.zeros(4), relu=True)(x).isnan().all()


def test_which_convolutions_suit() -> None:
    assert digits.suits(nn.Conv2d(64, 8, 3, 2, 1))
    for other in (nn.Conv2d(32, 64, 3), nn.Conv2d(64, 64, 3, groups=2), nn.Conv2d(64, 64, 3, padding="same"),
                  nn.Conv2d(64, 64, 3, padding=1, padding_mode="reflect")):  # fmt: skip
        assert not digits.suits(other)


@pytest.mark.skipif(not hasattr(torch.ops.onednn, "qconv_prepack"), reason="this PyTorch has no operators for bytes")
def test_sums_that_are_cut_off_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = TwoDigitConv._bytes
    monkeypatch.setattr(TwoDigitConv, "_bytes", lambda *given: exact(*given).clamp_max(255 * 127 * 63))
    assert not digits.supported.__wrapped__()


def test_the_faster_way_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, turns = [0.0], list[str]()
    monkeypatch.setattr(digits.time, "perf_counter", lambda: clock[0])

    def way(name: str, seconds: list[float]) -> Tensor:
        turns.append(name)
        clock[0] += seconds.pop(0)
        return torch.zeros(1)

    for by_digits, without, faster in (([9.0, 1, 5, 5], [0.1, 2, 2, 2], True), ([0.1, 3, 3, 3], [9.0, 2, 4, 4], False)):
        assert digits.pays(partial(way, "digits", by_digits), partial(way, "float", without)) is faster
    assert turns == ["digits", "float"] * 8
