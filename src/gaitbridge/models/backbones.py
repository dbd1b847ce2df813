"""Frame encoders: residual networks without max-pooling, as the field uses them on silhouettes (ResNet-9 of GaitBase, Fan et al. 2023)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from gaitbridge.models.convolutions import convolution


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with batch norms and a shortcut (He et al. 2016, basic block)."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = convolution(channels_in, channels_out, 3, stride)
        self.norm1 = nn.BatchNorm2d(channels_out)
        self.conv2 = convolution(channels_out, channels_out, 3)
        self.norm2 = nn.BatchNorm2d(channels_out)
        same = stride == 1 and channels_in == channels_out
        self.shortcut: nn.Module = nn.Identity() if same else nn.Sequential(
            convolution(channels_in, channels_out, 1, stride), nn.BatchNorm2d(channels_out))

    def forward(self, x: Tensor) -> Tensor:
        inner = rectified(self.norm1(self.conv1(x)))
        return rectified(self.norm2(self.conv2(inner)) + self.shortcut(x))


def rectified(x: Tensor) -> Tensor:
    """The rectifier of what a norm or a sum just gave, whose gradients do not ask for it: in place in float32, where that is faster."""
    return functional.relu(x, inplace=x.dtype == torch.float32)


class ResNet(nn.Module):
    """Stem convolution, then stages of residual blocks, one each or `blocks`. [B, channels_in, H, W] to [B, channels[-1], H', W']."""

    def __init__(self, channels_in: int, channels: Sequence[int], strides: Sequence[int], stem_stride: int = 1,
                 blocks: Sequence[int] | None = None) -> None:
        super().__init__()
        self.stem = nn.Sequential(convolution(channels_in, channels[0], 3, stem_stride), nn.BatchNorm2d(channels[0]), nn.ReLU())
        self.stages = nn.Sequential(*(ResidualBlock(a, b, s) for _, a, b, s in block_sizes(channels, strides, blocks)))

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.stages(self.stem(x))
        return features


def block_sizes(channels: Sequence[int], strides: Sequence[int], blocks: Sequence[int] | None = None,
                channels_in: int = 0) -> list[tuple[int, int, int, int]]:
    """Of each residual block in order: its stage, channels in, channels out and stride. A stage's first block has the stage's stride; the very
    first takes `channels_in`, or as many as its stage has."""
    found, width = [], channels_in or channels[0]
    for stage, (channels_out, stride, count) in enumerate(zip(channels, strides, blocks or [1] * len(channels), strict=True)):
        for number in range(count):
            found.append((stage, width, channels_out, stride if number == 0 else 1))
            width = channels_out
    return found


def feature_rows(height: int, strides: Sequence[int]) -> int:
    """Rows that convolutions of these strides leave of pictures of `height`."""
    for stride in strides:
        height = -(-height // stride)
    return height


def check_stages(**settings: Sequence[int]) -> None:
    """ValueError where settings of the stages, by name, are not as many each."""
    counts = {name: len(values) for name, values in settings.items()}
    if len(set(counts.values())) > 1:
        raise ValueError(f"{' but '.join(f'{count} {name}' for name, count in counts.items())}: give one of each a stage")


def check_sizes(channels: Sequence[int], strides: Sequence[int], stem_stride: int, parts: int, height: int) -> None:
    """ValueError where there is not a stride a stage, or the feature rows of pictures of `height` do not divide into `parts`."""
    if len(channels) != len(strides):
        raise ValueError(f"{len(channels)} channels but {len(strides)} strides: give one of each a stage")
    rows = feature_rows(height, (stem_stride, *strides))
    if rows % parts:
        raise ValueError(f"{rows} feature rows do not divide into {parts} parts: change parts, strides or size")


def share_convolutions(own: Sequence[nn.Module], other: Sequence[nn.Module], first: int, norms: bool = False) -> None:
    """From stage `first` (0 is the one after the stem) let the residual blocks of `other` compute with the convolutions of `own`; norms and their
    statistics stay each encoder's, or with `norms` are common too. ValueError where the blocks differ in size."""
    for number in range(first, len(own)):
        ours, theirs = (dict(stages[number].named_modules()) for stages in (own, other))
        for name, module in ours.items():
            if not isinstance(module, (nn.Conv2d, nn.BatchNorm2d) if norms else nn.Conv2d):
                continue
            sizes = [tuple(one.weight.shape) for one in (module, theirs[name])]
            if sizes[0] != sizes[1]:
                raise ValueError(f"the encoders' stages {number + 1} cannot share {name}: {sizes[0]} and {sizes[1]}; share from a later stage")
            place, _, last = name.rpartition(".")
            setattr(theirs[place], last, module)
