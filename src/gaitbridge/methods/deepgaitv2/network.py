"""The network of DeepGaitV2 (Fan et al. 2023): more blocks, and convolutions over time."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from gaitbridge.conventions import CAMERA
from gaitbridge.models.preparation import prepare_silhouettes
from gaitbridge.models.staged import OrderedConfig, OrderedNetwork
from gaitbridge.types import Batch, Distance, Features


class NetworkConfig(OrderedConfig):
    """Sizes of the network; the defaults are those for Gait3D and GREW (one block a stage for SUSTech1K, CASIA-B and OU-MVLP)."""


class Network(OrderedNetwork):
    """Silhouettes of a walk, in their order, to part embeddings [N, C, K]."""

    modalities: Sequence[str] = (CAMERA,)
    inputs: Mapping[str, tuple[str, ...]] = {CAMERA: (CAMERA,)}
    distance: Distance = "euclidean"

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(config, channels_in=1)

    def forward(self, batch: Batch) -> Features:
        """Part features, which are the embeddings as well."""
        parts = self.part_features(prepare_silhouettes(batch.inputs[CAMERA]), batch.frames)
        return Features({CAMERA: parts}, {CAMERA: parts})

    def embed(self, batch: Batch) -> Mapping[str, Tensor]:
        """The embeddings [N, C, K] for the distance `Network.distance`."""
        return self.forward(batch).embeddings
