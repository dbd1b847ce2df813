"""The network of LidarGait++ (Shen et al. 2025): local features of point clouds, pooled by bands of height in metres."""

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from gaitbridge.config import Channels
from gaitbridge.conventions import POINTS
from gaitbridge.models.initialisation import standard_start
from gaitbridge.models.necks import SeparateLinear
from gaitbridge.models.point_encoder import PointEncoder, PointsConfig, over_frames, seen_points
from gaitbridge.types import Batch, Distance, Features


class NetworkConfig(PointsConfig):
    """Sizes of the network; the defaults are those for FreeGait."""

    embedding: Channels = 256
    """Channels of each part of the embedding."""

    @property
    def parts(self) -> int:
        """Parts of the embedding."""
        return sum(self.bins)


class Network(nn.Module):
    """Points of a walk's frames, in any order of frames, to part embeddings [N, C, K]."""

    modalities: Sequence[str] = (POINTS,)
    inputs: Mapping[str, tuple[str, ...]] = {POINTS: (POINTS,)}
    distance: Distance = "euclidean"

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = PointEncoder(config, config.features, config.bins)
        self.shared = SeparateLinear(config.parts, config.features, config.embedding)
        standard_start(self)

    def part_features(self, points: Tensor, frames: Tensor) -> Tensor:
        """Points [N, T, P, 3] in metres, or [N, T, P, 4] prepared, and frame counts [N] to part features [N, C, K]."""
        bands = self.encoder(seen_points(points))                               # [N T, C, K]
        features: Tensor = self.shared(over_frames(bands, points, frames))
        return features                                                         # [N, C, K]

    def forward(self, batch: Batch) -> Features:
        """Part features, which are the embeddings as well."""
        parts = self.part_features(batch.inputs[POINTS], batch.frames)
        return Features({POINTS: parts}, {POINTS: parts})

    def embed(self, batch: Batch) -> Mapping[str, Tensor]:
        """The embeddings [N, C, K] for the distance `Network.distance`."""
        return self.forward(batch).embeddings
