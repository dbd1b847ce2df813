"""The network of SkeletonGait (Fan et al. 2024): DeepGaitV2's, on heatmaps of joints and limbs."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from gaitbridge.conventions import POSE_HEATMAPS
from gaitbridge.models.preparation import prepare_pictures
from gaitbridge.models.staged import OrderedConfig, OrderedNetwork
from gaitbridge.types import Batch, Distance, Features


class NetworkConfig(OrderedConfig):
    """Sizes of the network; the defaults are those for Gait3D and GREW (one block a stage for SUSTech1K)."""


class Network(OrderedNetwork):
    """Pose heatmaps of a walk, in their order, to part embeddings [N, C, K]."""

    modalities: Sequence[str] = (POSE_HEATMAPS,)
    inputs: Mapping[str, tuple[str, ...]] = {POSE_HEATMAPS: (POSE_HEATMAPS,)}
    distance: Distance = "euclidean"

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(config, channels_in=2)

    def forward(self, batch: Batch) -> Features:
        """Part features, which are the embeddings as well."""
        parts = self.part_features(prepare_pictures(batch.inputs[POSE_HEATMAPS]), batch.frames)
        return Features({POSE_HEATMAPS: parts}, {POSE_HEATMAPS: parts})

    def embed(self, batch: Batch) -> Mapping[str, Tensor]:
        """The embeddings [N, C, K] for the distance `Network.distance`."""
        return self.forward(batch).embeddings
