"""The network of SwinGait (Fan et al. 2023): DeepGaitV2's first two stages, then attention within shifted windows of frames, rows and columns."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional

from gaitbridge.config import Channels, Config, OfStages, Size, Strips
from gaitbridge.conventions import CAMERA
from gaitbridge.models.initialisation import standard_start
from gaitbridge.models.necks import SeparateLinear
from gaitbridge.models.pooling import check_bins, horizontal_pyramid, temporal_max
from gaitbridge.models.preparation import prepare_silhouettes
from gaitbridge.models.pseudo3d import Stages, stem
from gaitbridge.models.staged import Blocks
from gaitbridge.models.temporal import each_frame
from gaitbridge.models.windows import WindowAttention, WindowStages
from gaitbridge.types import Batch, Distance, Features

RESIZED = (30, 20)  # rows and columns of the maps that patches of 2 x 2 are taken from
SPREAD = 0.02  # of the first weights of the attention


class NetworkConfig(Config):
    """Sizes of the network; the defaults are those for Gait3D and GREW (blocks 1-1-2-2 for SUSTech1K and CCPG)."""

    channels: tuple[Channels, Channels] = (64, 128)
    """Of the two stages of convolutions; the first is the stem's as well."""
    blocks: tuple[Blocks, Blocks] = (1, 4)
    """Residual blocks of each of the two."""
    tokens: Channels = 256
    """Channels of a token in the first stage of attention; the second has twice as many."""
    heads: Annotated[int, Field(ge=1, le=256)] = 16
    """Of attention in its first stage; the second has twice as many."""
    layers: tuple[Blocks, Blocks] = (4, 2)
    """Blocks of each stage of attention, every second of them shifted."""
    left_out: Annotated[float, Field(ge=0, le=0.9)] = 0.1
    """Training: share of the walks for which the last block is left out (published as drop path); it rises evenly from none at the first."""
    bins: OfStages[Strips] = (15,)
    """Strips of each level of horizontal pooling, of 15 rows."""
    embedding: Channels = 256
    """Channels of each part of the embedding."""
    size: Size = (64, 44)
    """Height and width of the silhouettes."""

    @model_validator(mode="after")
    def _fits(self) -> "NetworkConfig":
        check_bins(self.bins, RESIZED[0] // 2)
        if self.tokens % self.heads:
            raise ValueError(f"tokens of {self.tokens} channels do not divide into {self.heads} heads: change tokens or heads")
        return self

    @property
    def parts(self) -> int:
        """Parts of the embedding."""
        return sum(self.bins)


class Patches(nn.Module):
    """Maps [N, T, C, H, W], resized, to tokens of patches of 2 x 2, normed: [N, T, H', W', C']."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels, 2, 2)
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        resized = functional.interpolate(x.flatten(0, 1), RESIZED, mode="bilinear", align_corners=True)
        tokens: Tensor = self.norm(self.conv(resized).permute(0, 2, 3, 1))
        return tokens.unflatten(0, x.shape[:2])


class Network(nn.Module):
    """Silhouettes of a walk, in their order, to part embeddings [N, C, K]."""

    modalities: Sequence[str] = (CAMERA,)
    inputs: Mapping[str, tuple[str, ...]] = {CAMERA: (CAMERA,)}
    distance: Distance = "euclidean"

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.stem = stem(1, config.channels[0])
        self.stages = Stages(config.channels, (1, 2), config.blocks, "p3d")
        self.patches = Patches(config.channels[1], config.tokens)
        self.attention = WindowStages(config.tokens, config.heads, config.layers, config.left_out)
        self.shared = SeparateLinear(config.parts, 2 * config.tokens, config.embedding)
        standard_start(self)
        for module in self.attention.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=SPREAD)
            if isinstance(module, WindowAttention):
                nn.init.trunc_normal_(module.bias, std=SPREAD)

    def part_features(self, x: Tensor, frames: Tensor) -> Tensor:
        """Prepared silhouettes [N, T, 1, H, W] and frame counts [N] to part features [N, C, K]."""
        maps = self.stages(each_frame(self.stem, x), frames)                    # [N, T, C2, H/2, W/2]
        tokens = self.attention(self.patches(maps), frames)                     # [N, T, 15, 10, C]
        pooled = temporal_max(tokens.permute(0, 1, 4, 2, 3), frames)            # [N, C, 15, 10]
        features: Tensor = self.shared(horizontal_pyramid(pooled, self.config.bins))
        return features                                                         # [N, C, K]

    def forward(self, batch: Batch) -> Features:
        """Part features, which are the embeddings as well."""
        parts = self.part_features(prepare_silhouettes(batch.inputs[CAMERA]), batch.frames)
        return Features({CAMERA: parts}, {CAMERA: parts})

    def embed(self, batch: Batch) -> Mapping[str, Tensor]:
        """The embeddings [N, C, K] for the distance `Network.distance`."""
        return self.forward(batch).embeddings
