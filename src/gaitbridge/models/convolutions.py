"""Convolutions of pictures, made in one place because of one kernel that must not be reached.

oneDNN 3.12 (PyTorch 2.13) writes beside its memory in the gradient of a strided 1x1 convolution with fewer than 16 channels in (float32, channels
last, on AVX-512): processes die, or numbers change, by chance. Here the pixels that such a convolution looks at are picked first and its own
stride is one: the same numbers, without that kernel, with any number of channels.
"""

from torch import Tensor, compiler, nn
from torch.nn import functional


def convolution(channels_in: int, channels_out: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    """A convolution of kernel x kernel pixels without bias; its border of zeros leaves every `stride`-th pixel, the first among them."""
    kind = PickingConv if is_strided_point((kernel,), (stride,)) else nn.Conv2d
    return kind(channels_in, channels_out, kernel, stride, kernel // 2, bias=False)


def is_strided_point(kernel: tuple[int, ...], stride: tuple[int, ...]) -> bool:
    """Whether a convolution looks at single pixels, and not at all of them: what only `PickingConv` may be."""
    return max(kernel) == 1 < max(stride)


class PickingConv(nn.Conv2d):
    """A 1x1 convolution with a stride: [B, C, H, W] to [B, C', H', W']. Its weights are called as those of any convolution."""

    def forward(self, x: Tensor) -> Tensor:
        if compiler.is_exporting():
            return super().forward(x)  # other libraries have other kernels, for inference alone
        return functional.conv2d(picked(x, self.stride), self.weight, self.bias)


def picked(x: Tensor, stride: tuple[int, ...]) -> Tensor:
    """Every stride-th row and column of pictures [B, C, H, W], the first among them."""
    if x.requires_grad:  # the mean of one pixel is that pixel; the gradient of slices is filled with zeros once for each axis, four times slower
        return functional.avg_pool2d(x, 1, stride)
    return x[..., :: stride[0], :: stride[1]]
