"""The network of GaitBase (Fan et al. 2023): a ResNet-9 on each silhouette, the largest over time, horizontal strips."""

from collections.abc import Mapping

from torch import Tensor

from gaitbridge.models.backbones import ResNet
from gaitbridge.models.camera_input import CameraInput, CameraNetwork
from gaitbridge.models.initialisation import standard_start
from gaitbridge.models.necks import SeparateLinear
from gaitbridge.models.pooling import horizontal_pyramid, temporal_max
from gaitbridge.models.staged import StagedConfig
from gaitbridge.models.temporal import each_frame
from gaitbridge.types import Batch, Features


class NetworkConfig(StagedConfig, CameraInput):
    """What the network sees, and its sizes; the defaults are the published ones."""


class Network(CameraNetwork):
    """Silhouettes of a walk, in any order, to part embeddings [N, C, K]."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(config)
        self.config = config
        self.encoder = ResNet(1, config.channels, config.strides, config.stem_stride, config.blocks)
        self.shared = SeparateLinear(config.parts, config.channels[-1], config.embedding)
        standard_start(self)

    def part_features(self, x: Tensor, frames: Tensor) -> Tensor:
        """Prepared silhouettes [N, T, 1, H, W] and frame counts [N] to part features [N, C, K]."""
        maps = each_frame(self.encoder, x)                                      # [N, T, C4, H/4, W/4]
        pooled = temporal_max(maps, frames)                                     # [N, C4, H/4, W/4]
        features: Tensor = self.shared(horizontal_pyramid(pooled, self.config.bins))
        return features                                                         # [N, C, K]

    def forward(self, batch: Batch) -> Features:
        """Part features, which are the embeddings as well."""
        parts = self.part_features(self.seen(batch), batch.frames)
        return Features({self.modality: parts}, {self.modality: parts})

    def embed(self, batch: Batch) -> Mapping[str, Tensor]:
        """The embeddings [N, C, K] for the distance `Network.distance`."""
        return self.forward(batch).embeddings
