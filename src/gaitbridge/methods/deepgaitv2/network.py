"""The network of DeepGaitV2 (Fan et al. 2023): more blocks, and convolutions over time."""

from collections.abc import Mapping

from torch import Tensor

from gaitbridge.models.camera_input import CameraInput, SeesPictures
from gaitbridge.models.staged import OrderedConfig, OrderedNetwork
from gaitbridge.types import Batch, Features


class NetworkConfig(OrderedConfig, CameraInput):
    """What the network sees, and its sizes; the defaults are those for Gait3D and GREW (one block a stage for SUSTech1K, CASIA-B and OU-MVLP)."""


class Network(SeesPictures, OrderedNetwork):
    """Silhouettes of a walk, in their order, to part embeddings [N, C, K]."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(config, channels_in=1)
        self.look_at(config)

    def forward(self, batch: Batch) -> Features:
        """Part features, which are the embeddings as well."""
        parts = self.part_features(self.seen(batch), batch.frames)
        return Features({self.modality: parts}, {self.modality: parts})

    def embed(self, batch: Batch) -> Mapping[str, Tensor]:
        """The embeddings [N, C, K] for the distance `Network.distance`."""
        return self.forward(batch).embeddings
