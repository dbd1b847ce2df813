"""The network of GaitGL (Lin et al. 2021): 3D convolutions that see the whole picture beside such that see a strip of it alone."""

from collections.abc import Mapping
from typing import Annotated

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional

from gaitbridge.config import Channels, Size, Strips
from gaitbridge.models.camera_input import CameraInput, CameraNetwork
from gaitbridge.models.initialisation import standard_start
from gaitbridge.models.necks import SeparateLinear
from gaitbridge.models.pooling import temporal_max
from gaitbridge.models.pseudo3d import EveryThirdFrame, ThreeFrameConv
from gaitbridge.models.strips import each_strip
from gaitbridge.models.temporal import each_frame, real_frames, repeated, three_frames
from gaitbridge.types import Batch, Features

SMALLEST = 1e-6  # of what is raised to a power
EXPONENT = 6.5  # of the generalised mean, before training


class NetworkConfig(CameraInput):
    """What the network sees, and its sizes; the defaults are those for CASIA-B. OU-MVLP and GREW: channels 32, 64, 128, 256, twice as many
    convolutions, 2 strips."""

    channels: tuple[Channels, Channels, Channels, Channels] = (32, 64, 128, 128)
    """Of the first convolutions, and of the three stages that see strips."""
    convolutions: Annotated[int, Field(ge=1, le=8)] = 1
    """In a row before the frames are gathered, and in each of the three stages."""
    strips: Strips = 8
    """Into which a picture is cut for the local convolutions."""
    embedding: Channels = 128
    """Channels of each part of the embedding."""
    norm: bool = True
    """A batch norm of the embedding's channels, which is deployed; without it a neck in training takes its place (published for GREW)."""
    size: Size = (64, 44)
    """Height and width of the silhouettes."""

    @model_validator(mode="after")
    def _fits(self) -> "NetworkConfig":
        if self.size[0] % (2 * self.strips):
            raise ValueError(f"{self.size[0]} rows, halved once, do not divide into {self.strips} strips: change strips or size")
        return self

    @property
    def parts(self) -> int:
        """Parts of the embedding: the rows of both kinds of features, each half as many as the pictures have."""
        return self.size[0]


class GlobalLocal(nn.Module):
    """A 3x3x3 convolution of whole pictures, and one of each of `strips` strips with a border of zeros of its own: added, or with `beside` one
    above the other. [N, T, C, H, W] to [N, T, C', H or 2 H, W]."""

    def __init__(self, channels_in: int, channels: int, strips: int, beside: bool) -> None:
        super().__init__()
        self.strips, self.beside = strips, beside
        self.whole = ThreeFrameConv(channels_in, channels, 3)
        self.local = ThreeFrameConv(channels_in, channels, 3)

    def forward(self, x: Tensor, real: Tensor | None) -> Tensor:
        seen = three_frames(x, real)
        whole = functional.leaky_relu(each_frame(self.whole.conv, seen))
        local = functional.leaky_relu(each_strip(self.local.conv, seen, self.strips))
        return torch.cat([whole, local], 3) if self.beside else whole + local


class GeneralisedMean(nn.Module):
    """The mean over columns of powers, and its root, with one exponent that is learnt: [N, C, H, W] to [N, C, H]."""

    def __init__(self) -> None:
        super().__init__()
        self.exponent = nn.Parameter(torch.full((1,), EXPONENT))

    def forward(self, x: Tensor) -> Tensor:
        mean = x.float().clamp(min=SMALLEST).pow(self.exponent).mean(-1)  # powers need single precision under autocast
        return mean.pow(1.0 / self.exponent)


class Network(CameraNetwork):
    """Silhouettes of a walk, in their order, to part embeddings [N, C, K]."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(config)
        self.config = config
        first, *stages = config.channels
        own = range(config.convolutions)
        self.first = nn.ModuleList(ThreeFrameConv(first if number else 1, first, 3) for number in own)
        self.gather = EveryThirdFrame(first, first)
        self.stages = nn.ModuleList(
            nn.ModuleList(GlobalLocal(width if number else before, width, config.strips, beside=stage == 2 and number == own[-1]) for number in own)
            for stage, (before, width) in enumerate(zip(config.channels, stages, strict=False)))
        self.mean = GeneralisedMean()
        self.shared = SeparateLinear(config.parts, stages[-1], config.embedding)
        self.norm = nn.BatchNorm1d(config.embedding) if config.norm else nn.Identity()
        standard_start(self)

    def part_features(self, x: Tensor, frames: Tensor) -> Tensor:
        """Prepared silhouettes [N, T, 1, H, W] and frame counts [N] to part features [N, C, K]."""
        x, frames = repeated(x, frames, {1: 3, 2: 4})  # three frames become one below
        real = real_frames(frames, x.shape[1])
        for conv in self.first:
            x = functional.leaky_relu(conv(x, real))                            # [N, T, C0, H, W]
        x, frames = functional.leaky_relu(self.gather(x)), frames // 3          # [N, T/3, C0, H, W]
        real = real_frames(frames, x.shape[1])
        for number, stage in enumerate(self.stages):
            for block in stage:  # type: ignore[attr-defined]
                x = block(x, real)
            if number == 0:
                x = each_frame(nn.MaxPool2d(2), x)                              # [N, T/3, C1, H/2, W/2]
        pooled = temporal_max(x, frames)                                        # [N, C3, H, W/2]
        features: Tensor = self.norm(self.shared(self.mean(pooled)))            # [N, C, K]
        return features

    def forward(self, batch: Batch) -> Features:
        """Part features, which are the embeddings as well."""
        parts = self.part_features(self.seen(batch), batch.frames)
        return Features({self.modality: parts}, {self.modality: parts})

    def embed(self, batch: Batch) -> Mapping[str, Tensor]:
        """The embeddings [N, C, K] for the distance `Network.distance`."""
        return self.forward(batch).embeddings
