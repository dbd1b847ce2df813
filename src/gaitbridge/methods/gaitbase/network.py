"""The network of GaitBase (Fan et al. 2023): a ResNet-9 on each silhouette, the largest over time, horizontal strips."""

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from gaitbridge.conventions import CAMERA
from gaitbridge.models.backbones import ResNet
from gaitbridge.models.initialisation import standard_start
from gaitbridge.models.necks import SeparateLinear
from gaitbridge.models.pooling import horizontal_pyramid, temporal_max
from gaitbridge.models.preparation import prepare_silhouettes
from gaitbridge.models.staged import StagedConfig
from gaitbridge.models.temporal import each_frame
from gaitbridge.types import Batch, Distance, Features


class NetworkConfig(StagedConfig):
    """Sizes of the network; the defaults are the published ones."""


class Network(nn.Module):
    """Silhouettes of a walk, in any order, to part embeddings [N, C, K]."""

    modalities: Sequence[str] = (CAMERA,)
    inputs: Mapping[str, tuple[str, ...]] = {CAMERA: (CAMERA,)}
    distance: Distance = "euclidean"

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
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
        parts = self.part_features(prepare_silhouettes(batch.inputs[CAMERA]), batch.frames)
        return Features({CAMERA: parts}, {CAMERA: parts})

    def embed(self, batch: Batch) -> Mapping[str, Tensor]:
        """The embeddings [N, C, K] for the distance `Network.distance`."""
        return self.forward(batch).embeddings
