"""The deployable network of Mesh-Gait: silhouettes to heatmaps, both to an embedding. No mesh and no 3D truth here."""

from collections.abc import Mapping

from pydantic import model_validator
from torch import Tensor, nn
from torch.nn import functional

from gaitbridge.config import Channels, Config, OfStages, Size, Stride, Strips
from gaitbridge.conventions import CAMERA
from gaitbridge.models.backbones import check_sizes
from gaitbridge.models.fused_encoder import Backbone, Encoded, FusedEncoder, true_places
from gaitbridge.models.heatmaps import HeatmapConfig
from gaitbridge.models.necks import ModalityBatchNorm, SeparateLinear
from gaitbridge.models.pooling import horizontal_parts
from gaitbridge.models.preparation import prepare_silhouettes
from gaitbridge.types import Batch, Distance, Features

MODALITIES = (CAMERA,)
DISTANCE: Distance = "euclidean"


class NetworkConfig(Config):
    """Sizes of the network; the defaults are those of GaitBase's ResNet-9 with 16 parts of 256 channels."""

    backbone: Backbone = "resnet9"
    """Of the 2D branch: resnet9 (GaitBase) or pseudo3d (after DeepGaitV2)."""
    channels: OfStages[Channels] = (64, 128, 256, 512)
    """Of the 2D branch's stages; the first is the stem's as well."""
    strides: OfStages[Stride] = (1, 2, 2, 1)
    """Of each stage's first block: 2 halves height and width."""
    stem_stride: Stride = 1
    """Of the first convolution."""
    parts: Strips = 16
    """Horizontal strips, each a part of the embedding."""
    embedding: Channels = 256
    """Channels of each part of the embedding."""
    size: Size = (64, 44)
    """Height and width of the silhouettes."""
    heatmaps: HeatmapConfig | None = HeatmapConfig(depth=16, shared=2, channels=(96, 128, 160), fused_channels=64)
    """The 3D branch; null leaves it out, which gives the same backbone on silhouettes alone."""

    @model_validator(mode="after")
    def _fits(self) -> "NetworkConfig":
        check_sizes(self.channels, self.strides, self.stem_stride, self.parts, self.size[0])
        return self


class Network(nn.Module):
    """Silhouettes of a walk to part embeddings [N, C, K]."""

    modalities = MODALITIES
    inputs: Mapping[str, tuple[str, ...]] = {name: (name,) for name in MODALITIES}
    distance: Distance = DISTANCE

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = FusedEncoder(config.backbone, config.channels, config.strides, config.stem_stride, config.size, config.heatmaps)
        self.shared = SeparateLinear(config.parts, self.encoder.channels, config.embedding)
        self.neck = ModalityBatchNorm(MODALITIES, config.parts, config.embedding)

    @property
    def silhouette_encoder(self) -> FusedEncoder:
        """The encoder of silhouettes."""
        return self.encoder

    def forward(self, batch: Batch) -> Features:
        """Part features and embeddings; in `extras` what is read off the heatmaps (`FusedEncoder.read_off`)."""
        x = prepare_silhouettes(batch.inputs[CAMERA])                                   # [N, T, 1, H, W]
        encoded = self.encoder(x, batch.frames)
        parts = self.parts(encoded, batch.frames)
        extras = self.encoder.read_off(encoded, true_places(batch.extras)) if self.config.heatmaps is not None else {}
        return Features({CAMERA: parts}, {CAMERA: self.embedding(parts)}, extras)

    def parts(self, encoded: Encoded, frames: Tensor) -> Tensor:
        """What the encoder gives to part features before the neck [N, C, K]."""
        pooled = self.encoder.pooled(encoded, frames)                                   # [N, C, H, W]
        strips = horizontal_parts(pooled, self.config.parts)                            # [N, C, K]
        features: Tensor = self.shared(strips)                                          # [N, C, K]
        return features

    def embedding(self, parts: Tensor) -> Tensor:
        """Part features [N, C, K] through the neck, each part of length one."""
        return functional.normalize(self.neck(parts, CAMERA), dim=1)

    def embed(self, batch: Batch) -> Mapping[str, Tensor]:
        """The embeddings [N, C, K] for the distance `Network.distance`; nothing is read off the heatmaps but what recognition uses."""
        every = self.config.heatmaps.every if self.config.heatmaps is not None else 1
        encoded = self.encoder(prepare_silhouettes(batch.inputs[CAMERA]), batch.frames, every)
        return {CAMERA: self.embedding(self.parts(encoded, batch.frames))}
