"""Frame encoders: residual networks without max-pooling, as the field uses them on silhouettes (ResNet-9 of GaitBase, Fan et al. 2023)."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with batch norms and a shortcut (He et al. 2016, basic block)."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels_out)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels_out)
        same = stride == 1 and channels_in == channels_out
        self.shortcut: nn.Module = nn.Identity() if same else nn.Sequential(
            nn.Conv2d(channels_in, channels_out, 1, stride, bias=False), nn.BatchNorm2d(channels_out))

    def forward(self, x: Tensor) -> Tensor:
        inner = functional.relu(self.norm1(self.conv1(x)))
        return functional.relu(self.norm2(self.conv2(inner)) + self.shortcut(x))


class ResNet(nn.Module):
    """Stem convolution, then stages of one residual block. [B, channels_in, H, W] to [B, channels[-1], H', W']."""

    def __init__(self, channels_in: int, channels: Sequence[int], strides: Sequence[int], stem_stride: int = 1) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(channels_in, channels[0], 3, stem_stride, 1, bias=False), nn.BatchNorm2d(channels[0]), nn.ReLU())
        sizes = [channels[0], *channels]
        self.stages = nn.Sequential(*(ResidualBlock(a, b, s) for a, b, s in zip(sizes, channels, strides, strict=False)))

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.stages(self.stem(x))
        return features


def check_sizes(channels: Sequence[int], strides: Sequence[int], stem_stride: int, parts: int, height: int) -> None:
    """ValueError where there is not a stride a stage, or the feature rows of pictures of `height` do not divide into `parts`."""
    if len(channels) != len(strides):
        raise ValueError(f"{len(channels)} channels but {len(strides)} strides: give one of each a stage")
    rows = height
    for stride in (stem_stride, *strides):
        rows = -(-rows // stride)
    if rows % parts:
        raise ValueError(f"{rows} feature rows do not divide into {parts} parts: change parts, strides or size")
