"""The network of GaitPart (Fan et al. 2020): convolutions that keep to strips of the picture, then the short movements of each part."""

from collections.abc import Mapping

import torch
from pydantic import model_validator
from torch import Tensor, nn
from torch.nn import functional

from gaitbridge.config import Channels, OfStages, Size, Strips
from gaitbridge.models.camera_input import CameraInput, CameraNetwork
from gaitbridge.models.convolutions import convolution
from gaitbridge.models.initialisation import standard_start
from gaitbridge.models.necks import SeparateLinear
from gaitbridge.models.pooling import horizontal_parts, temporal_max
from gaitbridge.models.strips import each_strip
from gaitbridge.models.temporal import each_frame, masked_to_zero, real_frames
from gaitbridge.types import Batch, Features

HALVINGS = 2  # of the pictures' height, after the first and the second stage
SQUEEZE = 4  # times fewer channels within a gate
NEAR, FAR = 3, 5  # frames that are pooled around each


class NetworkConfig(CameraInput):
    """What the network sees, and its sizes; the defaults are those for CASIA-B. OU-MVLP and GREW: channels 32, 64, 128, 256 and strips 1, 1, 8, 8."""

    channels: OfStages[Channels] = (32, 64, 128)
    """Of the stages, two convolutions each; the picture is halved after the first and the second."""
    strips: OfStages[Strips] = (1, 4, 8)
    """Into which the pictures of each stage are cut for its convolutions; 1 leaves them whole."""
    parts: Strips = 16
    """Strips of the last maps, each with its own movements."""
    embedding: Channels = 128
    """Channels of each part of the embedding."""
    size: Size = (64, 44)
    """Height and width of the silhouettes."""

    @model_validator(mode="after")
    def _fits(self) -> "NetworkConfig":
        if len(self.channels) != len(self.strips):
            raise ValueError(f"{len(self.channels)} channels but {len(self.strips)} strips: give one of each a stage")
        if self.channels[-1] < SQUEEZE:
            raise ValueError(f"channels of the last stage must be {SQUEEZE} or more, as gates have a {SQUEEZE}th of them")
        for stage, strips in enumerate((*self.strips, self.parts)):
            rows = self.size[0] >> min(stage, HALVINGS, len(self.strips) - 1)
            if rows % strips:
                raise ValueError(f"{rows} feature rows do not divide into {strips} strips: change strips, parts or size")
        return self


class Stage(nn.Module):
    """Two convolutions of every strip, which has a border of zeros of its own, with leaky ReLUs: [N, T, C, H, W] to [N, T, C', H, W]."""

    def __init__(self, channels_in: int, channels: int, kernel: int, strips: int) -> None:
        super().__init__()
        self.strips = strips
        self.convs = nn.ModuleList([convolution(channels_in, channels, kernel), convolution(channels, channels, 3)])

    def forward(self, x: Tensor) -> Tensor:
        for conv in self.convs:
            x = functional.leaky_relu(each_strip(conv, x, self.strips))
        return x


class Gate(nn.Module):
    """How much each channel of each frame counts, from its neighbours: [N, C, T] to [N, C, T], without its sigmoid."""

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        hidden = channels // SQUEEZE
        self.narrow = nn.Conv1d(channels, hidden, 3, padding=1, bias=False)
        self.widen = nn.Conv1d(hidden, channels, kernel, padding=kernel // 2, bias=False)

    def forward(self, x: Tensor, real: Tensor | None) -> Tensor:
        inner = functional.leaky_relu(self.narrow(x))
        found: Tensor = self.widen(_ended(inner, real))
        return found


class Movements(nn.Module):
    """What each part does within three and five frames, each gated, summed, and the largest over time: [N, T, C, K] to [N, C, K]."""

    def __init__(self, channels: int, parts: int) -> None:
        super().__init__()
        self.near = nn.ModuleList(Gate(channels, 1) for _ in range(parts))
        self.far = nn.ModuleList(Gate(channels, 3) for _ in range(parts))

    def forward(self, x: Tensor, frames: Tensor) -> Tensor:
        real = real_frames(frames, x.shape[1])
        own = masked_to_zero(x, real)
        found = []
        for part, (near, far) in enumerate(zip(self.near, self.far, strict=True)):
            one = own[..., part].transpose(1, 2)                                # [N, C, T]
            found.append(gated(one, real, near, NEAR) + gated(one, real, far, FAR))
        moved = torch.stack(found, -1).transpose(1, 2)                          # [N, T, C, K]
        return temporal_max(moved[..., None], frames)[..., 0]


def gated(x: Tensor, real: Tensor | None, gate: nn.Module, width: int) -> Tensor:
    """What happens within `width` frames, as much of it as the gate lets through: [N, C, T] to the same."""
    return pooled(x, real, width) * torch.sigmoid(gate(x, real))


def pooled(x: Tensor, real: Tensor | None, width: int) -> Tensor:
    """Mean and largest of `width` frames around each, of [N, C, T]: zeros beyond the walk count in the mean, and never as the largest."""
    mean = functional.avg_pool1d(x, width, 1, width // 2)
    within = x if real is None else x.masked_fill(~real[:, None], float("-inf"))
    return mean + functional.max_pool1d(within, width, 1, width // 2)


def _ended(x: Tensor, real: Tensor | None) -> Tensor:
    """Frames [N, C, T] with zeros beyond the walk."""
    return masked_to_zero(x.transpose(1, 2), real).transpose(1, 2)


class Network(CameraNetwork):
    """Silhouettes of a walk, in their order, to part embeddings [N, C, K]."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(config)
        self.config = config
        before = (1, *config.channels)
        self.stages = nn.ModuleList(Stage(a, b, 3 if stage else 5, strips)
                                    for stage, (a, b, strips) in enumerate(zip(before, config.channels, config.strips, strict=False)))
        self.movements = Movements(config.channels[-1], config.parts)
        self.shared = SeparateLinear(config.parts, config.channels[-1], config.embedding)
        standard_start(self)

    def part_features(self, x: Tensor, frames: Tensor) -> Tensor:
        """Prepared silhouettes [N, T, 1, H, W] and frame counts [N] to part features [N, C, K]."""
        for number, stage in enumerate(self.stages):
            x = stage(x)                                                        # [N, T, C', H', W']
            if number < min(HALVINGS, len(self.stages) - 1):
                x = each_frame(nn.MaxPool2d(2), x)
        strips = horizontal_parts(x.flatten(0, 1), self.config.parts).unflatten(0, x.shape[:2])    # [N, T, C, K]
        features: Tensor = self.shared(self.movements(strips, frames))
        return features                                                         # [N, C, K]

    def forward(self, batch: Batch) -> Features:
        """Part features, which are the embeddings as well."""
        parts = self.part_features(self.seen(batch), batch.frames)
        return Features({self.modality: parts}, {self.modality: parts})

    def embed(self, batch: Batch) -> Mapping[str, Tensor]:
        """The embeddings [N, C, K] for the distance `Network.distance`."""
        return self.forward(batch).embeddings
