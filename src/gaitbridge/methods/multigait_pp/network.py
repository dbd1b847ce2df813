"""The network of MultiGait++ (Jin et al. 2025): silhouettes and parsed bodies, split into what they share and what each has alone, then joined."""

from collections.abc import Mapping, Sequence
from typing import Self

import torch
from pydantic import model_validator
from torch import Tensor, nn

from gaitbridge.config import OfStages
from gaitbridge.conventions import CAMERA, PARSING
from gaitbridge.models.convolutions import convolution
from gaitbridge.models.initialisation import standard_start
from gaitbridge.models.necks import SeparateLinear
from gaitbridge.models.pooling import horizontal_pyramid, temporal_max
from gaitbridge.models.preparation import prepare_silhouettes
from gaitbridge.models.pseudo3d import Stages, stem
from gaitbridge.models.staged import Blocks, StagedConfig
from gaitbridge.models.temporal import each_frame
from gaitbridge.types import Batch, Distance, Features

GIVEN = (CAMERA, PARSING)
STREAMS = (CAMERA, "common", PARSING)  # in the order in which they are joined
SQUEEZE = 16  # channels for each one of the scores' hidden layers
LEAST = 1e-6  # added to what a share is divided by


class NetworkConfig(StagedConfig):
    """Sizes of the network; the defaults are those for Gait3D."""

    blocks: OfStages[Blocks] = (1, 2, 2, 1)
    """Residual blocks a stage: the first for each input, all but the last for each of the three streams."""

    @model_validator(mode="after")
    def _joins(self) -> Self:
        if len(self.channels) < 3:
            raise ValueError(f"{len(self.channels)} stages: three are needed, before the split, within the streams, and after they are joined")
        return self


def score(channels: int) -> nn.Sequential:
    """1x1 convolutions that squeeze a map and widen it again."""
    hidden = max(1, channels // SQUEEZE)
    return nn.Sequential(convolution(channels, hidden, 1), nn.BatchNorm2d(hidden), nn.ReLU(),
                         convolution(hidden, hidden, 1), nn.BatchNorm2d(hidden), nn.ReLU(), convolution(hidden, channels, 1))


class Split(nn.Module):
    """Two maps to what both have and what each has alone, channel by channel and place by place (the C2 fusion of the paper)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scores = nn.ModuleDict({name: score(channels) for name in GIVEN})

    def forward(self, silhouettes: Tensor, parsing: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Maps [N, T, C, H, W] of each to the silhouettes' own, the common and the parsing's own."""
        scores = [each_frame(self.scores[name], x) for name, x in zip(GIVEN, (silhouettes, parsing), strict=True)]
        share = torch.stack(scores, 2).softmax(2)                               # [N, T, 2, C, H, W]
        least = share.amin(2)                                                   # 0.5 where both count alike, 0 where one does
        low, high = least.amin(2, keepdim=True), least.amax(2, keepdim=True)
        common = ((least - low) / (high - low + LEAST)).clamp(0, 1)
        alone = (1 - common) * share.transpose(0, 2).transpose(1, 2)            # [2, N, T, C, H, W]
        return silhouettes * alone[0], (silhouettes + parsing) / 2 * common, parsing * alone[1]


class Network(nn.Module):
    """Silhouettes and parsed bodies of a walk, in their order and frame for frame, to part embeddings [N, C, K]."""

    modalities: Sequence[str] = (CAMERA,)
    inputs: Mapping[str, tuple[str, ...]] = {CAMERA: GIVEN}
    distance: Distance = "euclidean"

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        channels, strides, blocks = config.channels, config.strides, config.blocks
        first, middle, last = slice(0, 1), slice(1, -1), slice(-1, None)
        self.stems = nn.ModuleDict({name: stem(1, channels[0], config.stem_stride) for name in GIVEN})
        self.own = nn.ModuleDict({name: Stages(channels[first], strides[first], blocks[first], "2d") for name in GIVEN})
        self.split = Split(channels[0])
        self.streams = nn.ModuleDict({name: Stages(channels[middle], strides[middle], blocks[middle], "p3d", plain=0, channels_in=channels[0])
                                      for name in STREAMS})
        self.join = convolution(len(STREAMS) * channels[-2], channels[-2], 1)
        self.stages = Stages(channels[last], strides[last], blocks[last], "p3d", plain=0, channels_in=channels[-2])
        self.shared = SeparateLinear(config.parts, channels[-1], config.embedding)
        standard_start(self)

    def part_features(self, silhouettes: Tensor, parsing: Tensor, frames: Tensor) -> Tensor:
        """Prepared pictures [N, T, 1, H, W] of each and frame counts [N] to part features [N, C, K]."""
        seen = [self.own[name](each_frame(self.stems[name], x), frames) for name, x in zip(GIVEN, (silhouettes, parsing), strict=True)]
        found = [self.streams[name](x, frames) for name, x in zip(STREAMS, self.split(*seen), strict=True)]
        maps = self.stages(each_frame(self.join, torch.cat(found, 2)), frames)  # [N, T, C4, H/4, W/4]
        pooled = temporal_max(maps, frames)                                     # [N, C4, H/4, W/4]
        features: Tensor = self.shared(horizontal_pyramid(pooled, self.config.bins))
        return features                                                         # [N, C, K]

    def forward(self, batch: Batch) -> Features:
        """Part features, which are the embeddings as well."""
        silhouettes, parsing = (prepare_silhouettes(batch.inputs[name]) for name in GIVEN)  # labels are divided by 255, too, as published
        parts = self.part_features(silhouettes, parsing, batch.frames)
        return Features({CAMERA: parts}, {CAMERA: parts})

    def embed(self, batch: Batch) -> Mapping[str, Tensor]:
        """The embeddings [N, C, K] for the distance `Network.distance`."""
        return self.forward(batch).embeddings
