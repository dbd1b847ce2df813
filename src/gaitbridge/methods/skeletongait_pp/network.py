"""The network of SkeletonGait++ (Fan et al. 2024): a stem and a stage each for silhouettes and heatmaps, fused, then DeepGaitV2's stages."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from gaitbridge.config import OfStages
from gaitbridge.conventions import CAMERA, POSE_HEATMAPS
from gaitbridge.models.initialisation import standard_start
from gaitbridge.models.necks import SeparateLinear
from gaitbridge.models.pooling import horizontal_pyramid, temporal_max
from gaitbridge.models.preparation import prepare_pictures, prepare_silhouettes
from gaitbridge.models.pseudo3d import Stages, stem
from gaitbridge.models.staged import Blocks, StagedConfig
from gaitbridge.models.temporal import each_frame
from gaitbridge.types import Batch, Distance, Features

SQUEEZE = 16  # channels for each one of the fusion's hidden layers


class NetworkConfig(StagedConfig):
    """Sizes of the network; the defaults are those for Gait3D and GREW (one block a stage for SUSTech1K)."""

    blocks: OfStages[Blocks] = (1, 4, 4, 1)
    """Residual blocks a stage."""


class AttentionFusion(nn.Module):
    """Two maps weighed against each other by a softmax, channel by channel and place by place."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = max(1, channels // SQUEEZE)
        self.score = nn.Sequential(
            nn.Conv2d(2 * channels, hidden, 1, bias=False), nn.BatchNorm2d(hidden), nn.ReLU(),
            nn.Conv2d(hidden, hidden, 3, 1, 1, bias=False), nn.BatchNorm2d(hidden), nn.ReLU(),
            nn.Conv2d(hidden, 2 * channels, 1, bias=False))

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        score = each_frame(self.score, torch.cat([a, b], 2))                    # [N, T, 2 C, H, W]
        first, second = score.unflatten(2, (2, -1)).softmax(2).unbind(2)
        return first * a + second * b


class Network(nn.Module):
    """Silhouettes and pose heatmaps of a walk, in their order and frame for frame, to part embeddings [N, C, K]."""

    modalities: Sequence[str] = (CAMERA,)
    inputs: Mapping[str, tuple[str, ...]] = {CAMERA: (CAMERA, POSE_HEATMAPS)}
    distance: Distance = "euclidean"

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        first, rest = slice(0, 1), slice(1, None)
        channels, strides, blocks = config.channels, config.strides, config.blocks
        self.stems = nn.ModuleDict({name: stem(count, channels[0], config.stem_stride) for name, count in ((CAMERA, 1), (POSE_HEATMAPS, 2))})
        self.own = nn.ModuleDict({name: Stages(channels[first], strides[first], blocks[first], "2d") for name in self.stems})
        self.fusion = AttentionFusion(channels[0])
        self.stages = Stages(channels[rest], strides[rest], blocks[rest], "p3d", plain=0, channels_in=channels[0])
        self.shared = SeparateLinear(config.parts, channels[-1], config.embedding)
        standard_start(self)

    def part_features(self, silhouettes: Tensor, heatmaps: Tensor, frames: Tensor) -> Tensor:
        """Prepared silhouettes [N, T, 1, H, W], heatmaps [N, T, 2, H, W] and frame counts [N] to part features [N, C, K]."""
        seen = [self.own[name](each_frame(self.stems[name], x), frames) for name, x in ((CAMERA, silhouettes), (POSE_HEATMAPS, heatmaps))]
        maps = self.stages(self.fusion(*seen), frames)                          # [N, T, C4, H/4, W/4]
        pooled = temporal_max(maps, frames)                                     # [N, C4, H/4, W/4]
        features: Tensor = self.shared(horizontal_pyramid(pooled, self.config.bins))
        return features                                                         # [N, C, K]

    def forward(self, batch: Batch) -> Features:
        """Part features, which are the embeddings as well."""
        silhouettes, heatmaps = prepare_silhouettes(batch.inputs[CAMERA]), prepare_pictures(batch.inputs[POSE_HEATMAPS])
        parts = self.part_features(silhouettes, heatmaps, batch.frames)
        return Features({CAMERA: parts}, {CAMERA: parts})

    def embed(self, batch: Batch) -> Mapping[str, Tensor]:
        """The embeddings [N, C, K] for the distance `Network.distance`."""
        return self.forward(batch).embeddings
