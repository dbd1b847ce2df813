"""What the standard networks of stages and strips share: their settings, and DeepGaitV2's way from prepared pictures to part features."""

from typing import Annotated, Self

from pydantic import Field, model_validator
from torch import Tensor, nn

from gaitbridge.config import Channels, Config, OfStages, Size, Stride, Strips
from gaitbridge.models.backbones import check_stages, feature_rows
from gaitbridge.models.initialisation import standard_start
from gaitbridge.models.necks import SeparateLinear
from gaitbridge.models.pooling import check_bins, horizontal_pyramid, temporal_max
from gaitbridge.models.pseudo3d import Mode, Stages, stem
from gaitbridge.models.temporal import each_frame

Blocks = Annotated[int, Field(ge=1, le=64)]


class StagedConfig(Config):
    """Sizes of a network of a stem, stages of residual blocks and horizontal strips; the defaults are GaitBase's."""

    channels: OfStages[Channels] = (64, 128, 256, 512)
    """Of the four stages; the first is the stem's as well."""
    blocks: OfStages[Blocks] = (1, 1, 1, 1)
    """Residual blocks a stage."""
    strides: OfStages[Stride] = (1, 2, 2, 1)
    """Of each stage's first block: 2 halves height and width."""
    stem_stride: Stride = 1
    """Of the first convolution."""
    bins: OfStages[Strips] = (16,)
    """Strips of each level of horizontal pooling."""
    embedding: Channels = 256
    """Channels of each part of the embedding."""
    size: Size = (64, 44)
    """Height and width of what the network sees."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        check_stages(channels=self.channels, blocks=self.blocks, strides=self.strides)
        check_bins(self.bins, feature_rows(self.size[0], (self.stem_stride, *self.strides)))
        return self

    @property
    def parts(self) -> int:
        """Parts of the embedding."""
        return sum(self.bins)


class ModeConfig(Config):
    """What the stages see over time."""

    mode: Mode = "p3d"
    """What stages 2 to 4 see of the frames beside their own: nothing (2d), or both neighbours (p3d: between two 2D convolutions; 3d)."""


class OrderedConfig(StagedConfig, ModeConfig):  # this way round the mode comes first in the files of runs
    """Settings of `OrderedNetwork`; the defaults are those for Gait3D and GREW."""

    blocks: OfStages[Blocks] = (1, 4, 4, 1)
    """Residual blocks a stage."""


class OrderedNetwork(nn.Module):
    """A stem on each frame, stages over the frames in their order, the largest over time, horizontal strips (DeepGaitV2, Fan et al. 2023).

    A network built on it prepares what it sees and names it; `channels_in` are the channels of a prepared picture.
    """

    def __init__(self, config: OrderedConfig, channels_in: int) -> None:
        super().__init__()
        self.config = config
        self.stem = stem(channels_in, config.channels[0], config.stem_stride)
        self.stages = Stages(config.channels, config.strides, config.blocks, config.mode)
        self.shared = SeparateLinear(config.parts, config.channels[-1], config.embedding)
        standard_start(self)

    def part_features(self, x: Tensor, frames: Tensor) -> Tensor:
        """Prepared pictures [N, T, channels_in, H, W] and frame counts [N] to part features [N, C, K]."""
        maps = self.stages(each_frame(self.stem, x), frames)                    # [N, T, C4, H/4, W/4]
        pooled = temporal_max(maps, frames)                                     # [N, C4, H/4, W/4]
        features: Tensor = self.shared(horizontal_pyramid(pooled, self.config.bins))
        return features                                                         # [N, C, K]
