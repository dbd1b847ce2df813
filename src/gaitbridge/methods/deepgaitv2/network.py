"""The network of DeepGaitV2 (Fan et al. 2023): more blocks, and convolutions over time."""

from collections.abc import Mapping, Sequence

from pydantic import model_validator
from torch import Tensor, nn

from gaitbridge.config import Config
from gaitbridge.conventions import CAMERA
from gaitbridge.models.backbones import check_stages, feature_rows
from gaitbridge.models.initialisation import standard_start
from gaitbridge.models.necks import SeparateLinear
from gaitbridge.models.pooling import check_bins, horizontal_pyramid, temporal_max
from gaitbridge.models.preparation import prepare_silhouettes
from gaitbridge.models.pseudo3d import Mode, Stages, stem
from gaitbridge.models.temporal import each_frame
from gaitbridge.types import Batch, Distance, Features


class NetworkConfig(Config):
    """Sizes of the network; the defaults are those for Gait3D and GREW (one block a stage for SUSTech1K, CASIA-B and OU-MVLP)."""

    mode: Mode = "p3d"
    """What stages 2 to 4 see of the frames beside their own: nothing (2d), or both neighbours (p3d: between two 2D convolutions; 3d)."""
    channels: tuple[int, ...] = (64, 128, 256, 512)
    """Of the four stages; the first is the stem's as well."""
    blocks: tuple[int, ...] = (1, 4, 4, 1)
    """Residual blocks a stage."""
    strides: tuple[int, ...] = (1, 2, 2, 1)
    stem_stride: int = 1
    bins: tuple[int, ...] = (16,)
    """Strips of each level of horizontal pooling."""
    embedding: int = 256
    size: tuple[int, int] = (64, 44)
    """Height and width of the silhouettes."""

    @model_validator(mode="after")
    def _fits(self) -> "NetworkConfig":
        check_stages(channels=self.channels, blocks=self.blocks, strides=self.strides)
        check_bins(self.bins, feature_rows(self.size[0], (self.stem_stride, *self.strides)))
        return self

    @property
    def parts(self) -> int:
        """Parts of the embedding."""
        return sum(self.bins)


class Network(nn.Module):
    """Silhouettes of a walk, in their order, to part embeddings [N, C, K]."""

    modalities: Sequence[str] = (CAMERA,)
    inputs: Mapping[str, tuple[str, ...]] = {CAMERA: (CAMERA,)}
    distance: Distance = "euclidean"

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.stem = stem(1, config.channels[0], config.stem_stride)
        self.stages = Stages(config.channels, config.strides, config.blocks, config.mode)
        self.shared = SeparateLinear(config.parts, config.channels[-1], config.embedding)
        standard_start(self)

    def part_features(self, x: Tensor, frames: Tensor) -> Tensor:
        """Prepared silhouettes [N, T, 1, H, W] and frame counts [N] to part features [N, C, K]."""
        maps = self.stages(each_frame(self.stem, x), frames)                    # [N, T, C4, H/4, W/4]
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
