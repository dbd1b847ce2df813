"""Frame encoders that look at neighbouring frames as they go: residual networks of 2D, pseudo-3D and 3D blocks (DeepGaitV2, Fan et al. 2023).

Convolutions over time are convolutions of pictures with three frames' channels: the same numbers as 3D ones, in the memory format that is
fast, and blind to padding. A kernel [C', C, 3, h, w] is stored as [C', 3 C, h, w], the frame before first.
"""

from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from gaitbridge.models.backbones import block_sizes
from gaitbridge.models.convolutions import convolution
from gaitbridge.models.temporal import each_frame, real_frames, three_frames

Mode = Literal["2d", "p3d", "3d"]


class ThreeFrameConv(nn.Module):
    """A convolution over three frames and kernel x kernel pixels, zero beyond the sequence: [N, T, C, H, W] to [N, T, C', H', W']."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = convolution(3 * channels_in, channels_out, kernel, stride)

    def forward(self, x: Tensor, real: Tensor | None) -> Tensor:
        return each_frame(self.conv, three_frames(x, real))


class EveryThirdFrame(nn.Module):
    """Three frames to one, pixel by pixel, and what is left at the end to none: [N, T, C, H, W] to [N, T // 3, C', H, W]."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.conv = convolution(3 * channels_in, channels_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        count, length, channels, height, width = x.shape
        whole = length // 3
        return each_frame(self.conv, x[:, : 3 * whole].reshape(count, whole, 3 * channels, height, width))


class Block(nn.Module):
    """What the blocks share: the shortcut, a 1x1 convolution where the shape changes."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        same = stride == 1 and channels_in == channels_out
        self.shortcut: nn.Module = nn.Identity() if same else nn.Sequential(
            convolution(channels_in, channels_out, 1, stride), nn.BatchNorm2d(channels_out))

    def joined(self, inner: Tensor, x: Tensor) -> Tensor:
        """The block's output from its last norm's."""
        return functional.relu(inner + each_frame(self.shortcut, x))


class FrameBlock(Block):
    """Two 3x3 convolutions of each frame on its own (He et al. 2016)."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__(channels_in, channels_out, stride)
        self.conv1 = convolution(channels_in, channels_out, 3, stride)
        self.norm1 = nn.BatchNorm2d(channels_out)
        self.conv2 = convolution(channels_out, channels_out, 3)
        self.norm2 = nn.BatchNorm2d(channels_out)

    def forward(self, x: Tensor, real: Tensor | None) -> Tensor:
        inner = functional.relu(each_frame(self.norm1, each_frame(self.conv1, x)))
        return self.joined(each_frame(self.norm2, each_frame(self.conv2, inner)), x)


class Pseudo3DBlock(FrameBlock):
    """Between the two convolutions of a frame, one over time is added to it: 3x1x1, normed (P3D block of DeepGaitV2, after Qiu et al. 2017)."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__(channels_in, channels_out, stride)
        self.over_time = ThreeFrameConv(channels_out, channels_out, 1)
        self.norm_time = nn.BatchNorm2d(channels_out)

    def forward(self, x: Tensor, real: Tensor | None) -> Tensor:
        inner = functional.relu(each_frame(self.norm1, each_frame(self.conv1, x)))          # [N, T, C, H, W]
        inner = functional.relu(inner + each_frame(self.norm_time, self.over_time(inner, real)))
        return self.joined(each_frame(self.norm2, each_frame(self.conv2, inner)), x)


class Conv3DBlock(Block):
    """Two 3x3x3 convolutions."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__(channels_in, channels_out, stride)
        self.conv1 = ThreeFrameConv(channels_in, channels_out, 3, stride)
        self.norm1 = nn.BatchNorm2d(channels_out)
        self.conv2 = ThreeFrameConv(channels_out, channels_out, 3)
        self.norm2 = nn.BatchNorm2d(channels_out)

    def forward(self, x: Tensor, real: Tensor | None) -> Tensor:
        inner = functional.relu(each_frame(self.norm1, self.conv1(x, real)))
        return self.joined(each_frame(self.norm2, self.conv2(inner, real)), x)


BLOCKS: dict[Mode, type[FrameBlock | Conv3DBlock]] = {"2d": FrameBlock, "p3d": Pseudo3DBlock, "3d": Conv3DBlock}


def stem(channels_in: int, channels: int, stride: int = 1) -> nn.Sequential:
    """The first convolution of every frame."""
    return nn.Sequential(convolution(channels_in, channels, 3, stride), nn.BatchNorm2d(channels), nn.ReLU())


class Stages(nn.Module):
    """Residual blocks in a row. [N, T, channels_in, H, W] (by default channels[0]) and frame counts [N] to
    [N, T, channels[-1], H', W']. The first `plain` stages see
    each frame on its own whatever the mode, as published."""

    def __init__(self, channels: Sequence[int], strides: Sequence[int], blocks: Sequence[int], mode: Mode, plain: int = 1,
                 channels_in: int = 0) -> None:
        super().__init__()
        self.blocks = nn.ModuleList((FrameBlock if stage < plain else BLOCKS[mode])(a, b, stride)
                                    for stage, a, b, stride in block_sizes(channels, strides, blocks, channels_in))

    def forward(self, x: Tensor, frames: Tensor) -> Tensor:
        real = real_frames(frames, x.shape[1])
        for block in self.blocks:
            x = block(x, real)
        return x
