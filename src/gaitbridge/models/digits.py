"""Convolutions by whole numbers of two digits, for CPUs that multiply bytes much faster than float32 (Intel AMX): as exact as networks need, in
a third of float32's time. Where they are not exact (`supported`) or not faster (`pays`) they are not taken; both are tried, no flag is believed.

Inputs become whole numbers of 16 bits, x = s (256 a + b) with a, b of 0 to 255; weights too, of each output channel, w = r (256 c + d) with c, d of
-128 to 127. Of the four products a c, a d, b c and b d the last, 65,536 times smaller than the first, is left out. The others are summed without any
rounding by the units, and come out 1e-4 of the largest output off. Bytes alone (int8 quantization) are 1e-2 off; bf16 4e-3.
"""

import math
import time
from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor, nn

CHANNELS = 64  # at least so many in: below, making digits costs what the products save (measured, benchmarks/embedding.py)
MOST = 65_000.0  # the whole number of the largest input, a little below 2**16 for rounding
MOST_WEIGHT = 32_600.0
AT_ONCE = 2**19  # values made into digits at a time: they stay in the cache


@lru_cache(maxsize=1)
def supported() -> bool:
    """Whether this PyTorch has the operators, and they sum bytes exactly here: without VNNI sums of two products are cut off at 16 bits."""
    if not all(hasattr(torch.ops.onednn, name) for name in ("qconv_prepack", "qconv2d_pointwise")):
        return False
    random = torch.Generator().manual_seed(0)
    for kernel in (1, 3):
        weight = torch.randint(-128, 128, (8, CHANNELS, kernel, kernel), generator=random)
        values = torch.randint(0, 256, (2, 2 * kernel, 2 * kernel, CHANNELS), generator=random)
        weight[0], weight[1], values[0] = 127, -128, 255  # the largest sums
        bytes_in, whole = values.to(torch.uint8).permute(0, 3, 1, 2), values.permute(0, 3, 1, 2).double()
        layer = TwoDigitConv(weight.float(), torch.zeros(8), padding=(kernel // 2, kernel // 2))
        layer.scale.fill_(1)
        try:
            found = layer._bytes(bytes_in, 1.0, layer._packed(weight), None)
        except RuntimeError:
            return False
        if not torch.equal(found, torch.nn.functional.conv2d(whole, weight.double(), padding=kernel // 2).float()):
            return False
    return True


def pays(by_digits: Callable[[], Tensor], without: Callable[[], Tensor]) -> bool:
    """Whether the first way is faster than the second, measured now: the least of three turns each, after one that is not counted."""
    taken: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(4):
        for digits, way in ((True, by_digits), (False, without)):
            started = time.perf_counter()
            way()
            taken[digits].append(time.perf_counter() - started)
    return min(taken[True][1:]) < min(taken[False][1:])


def suits(conv: nn.Conv2d) -> bool:
    """Whether `TwoDigitConv` computes this convolution, of a size where it may be faster than others."""
    return conv.groups == 1 and conv.padding_mode == "zeros" and not isinstance(conv.padding, str) and conv.in_channels >= CHANNELS


class TwoDigitConv(nn.Module):
    """A convolution for inference: [B, C, H, W] to [B, C', H', W'], channels last in memory. `relu`: the rectifier after it."""

    scale: Tensor
    zero: Tensor
    bias: Tensor

    def __init__(self, weight: Tensor, bias: Tensor, stride: tuple[int, ...] = (1, 1), padding: tuple[int, ...] = (0, 0),
                 dilation: tuple[int, ...] = (1, 1), relu: bool = False) -> None:
        super().__init__()
        self.kernel, self.where = weight.shape[2:], (list(stride), list(padding), list(dilation))
        self.relu = relu
        scale = weight.abs().amax((1, 2, 3)).clamp_min(1e-30) / MOST_WEIGHT
        whole = (weight / scale[:, None, None, None]).round()
        high = ((whole + 128) / 256).floor()
        low = whole - 256 * high
        self.register_buffer("scale", scale.float())
        self.register_buffer("zero", torch.zeros(len(weight), dtype=torch.int32))
        self.register_buffer("bias", bias.float())
        both = torch.stack([high, low], 2).flatten(1, 2)  # the input's bytes lie low, high, low, high
        self.first, self.second = (self._packed(digits) for digits in (high, both))

    def _packed(self, digits: Tensor) -> Tensor:
        packed: Tensor = torch.ops.onednn.qconv_prepack(digits.to(torch.int8).contiguous(), self.scale, 1.0, 0, *self.where, 1, None)
        return packed

    def forward(self, x: Tensor, added: Tensor | None = None) -> Tensor:
        """The convolution of x, plus `added` [B, C', H', W'] where given. Some pictures at a time share a unit; what is not finite makes NaN."""
        count, _, height, width = x.shape
        strides, paddings, dilations = self.where
        sizes = [(size + 2 * paddings[axis] - dilations[axis] * (self.kernel[axis] - 1) - 1) // strides[axis] + 1
                 for axis, size in enumerate((height, width))]
        result = x.new_empty(count, *sizes, len(self.bias)).permute(0, 3, 1, 2)
        some = max(1, AT_ONCE // max(1, x.shape[1:].numel()))
        for start in range(0, count, some):
            chosen = slice(start, start + some)
            self._some(x[chosen].permute(0, 2, 3, 1).contiguous(), None if added is None else added[chosen], result[chosen])
        return result

    def _some(self, x: Tensor, added: Tensor | None, out: Tensor) -> None:
        """The same of x [B, H, W, C], whose ends are found eight times as fast as of [B, C, H, W], into `out`."""
        least, most = (float(end) for end in torch.aminmax(x))
        if not math.isfinite(most - least):
            out.fill_(math.nan)
        elif least >= 0:
            self._product(x, most, added, out, self.relu)
        else:  # each sign by itself
            self._product(x.clamp_min(0), max(most, 0.0), added, out, relu=False)
            negative = torch.empty_like(out)
            self._product((-x).clamp_min_(0), -least, -self.bias[:, None, None], negative, relu=False)
            out -= negative
            if self.relu:
                out.relu_()

    def _product(self, x: Tensor, most: float, added: Tensor | None, out: Tensor, relu: bool) -> None:
        """The same for x of 0 to `most`."""
        unit = most / MOST if most > 0 else 1.0
        high, both = _digits(x, 1 / unit)
        torch.add(self._bytes(high, unit * 65536, self.first, self.bias), self._bytes(both, unit * 256, self.second, None), out=out)
        if added is not None:
            out += added
        if relu:
            out.relu_()

    def _bytes(self, x: Tensor, unit: float, packed: Tensor, bias: Tensor | None) -> Tensor:
        """The convolution of bytes, in float32."""
        found: Tensor = torch.ops.onednn.qconv2d_pointwise(x, unit, 0, packed, self.scale, self.zero, bias, *self.where, 1, 1.0, 0, torch.float32,
                                                           "none", [], "")
        return found


def _digits(x: Tensor, factor: float) -> tuple[Tensor, Tensor]:
    """Of x [B, H, W, C], 0 to MOST / factor, as pictures of bytes: the high digits [B, C, H, W]; low and high ones in turns [B, 2 C, H, W]."""
    whole = torch.add(x.new_tensor(-32768.5), x, alpha=factor).to(torch.int16)  # cut off towards zero: rounded below half of the range
    whole ^= -32768  # as if it had no sign
    high = (whole >> 8).to(torch.uint8)
    return high.permute(0, 3, 1, 2), whole.view(torch.uint8).permute(0, 3, 1, 2)
