"""The network of SMPLGait (Zheng et al. 2022): plain convolutions on silhouettes, whose maps each frame's SMPL body transforms."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch
from pydantic import model_validator
from torch import Tensor, nn
from torch.nn import functional

from gaitbridge.config import Channels, Count, OfStages, Size, Strips
from gaitbridge.models.camera_input import CameraInput, CameraNetwork
from gaitbridge.models.initialisation import standard_start
from gaitbridge.models.necks import SeparateLinear
from gaitbridge.models.pooling import check_bins, horizontal_pyramid, temporal_max
from gaitbridge.models.temporal import each_frame
from gaitbridge.types import Batch, Features

SMPL = "smpl"
SMPL_NUMBERS = 85  # camera 3, pose 72, shape 10
DROPOUT = 0.2


class NetworkConfig(CameraInput):
    """What the network sees, and its sizes; the defaults are the published ones."""

    channels: OfStages[Channels] = (64, 64, 128, 128, 256, 256)
    """Of the convolutions; the first is 5x5, the others are 3x3."""
    halve_after: tuple[Count, ...] = (2, 4)
    """After how many convolutions height and width are halved."""
    smpl_channels: tuple[Channels, Channels] = (128, 256)
    """Hidden layers between the SMPL parameters and the transform."""
    bins: OfStages[Strips] = (16, 8, 4, 2, 1)
    """Strips of each level of horizontal pooling."""
    embedding: Channels = 256
    """Channels of each part of the embedding."""
    size: Size = (64, 44)
    """Height and width of the silhouettes."""

    @model_validator(mode="after")
    def _fits(self) -> "NetworkConfig":
        check_bins(self.bins, self.rows)
        if self.size[1] > self.size[0]:
            raise ValueError(f"silhouettes of {self.size[0]}x{self.size[1]} are wider than high: their maps do not fit the square transform")
        if any(not 0 < after <= len(self.channels) for after in self.halve_after):
            raise ValueError(f"halve_after is {self.halve_after}, there are {len(self.channels)} convolutions")
        return self

    @property
    def rows(self) -> int:
        """Rows of the feature maps, and of the transform."""
        return self.size[0] >> len(self.halve_after)

    @property
    def parts(self) -> int:
        """Parts of the embedding."""
        return sum(self.bins)


class Transform(nn.Module):
    """SMPL parameters [N, T, 85] to matrices [N, T, side, side], what is to be added to the identity."""

    def __init__(self, hidden: tuple[int, int], side: int) -> None:
        super().__init__()
        sizes = (SMPL_NUMBERS, *hidden, side * side)
        self.linear = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        self.norms = nn.ModuleList(nn.BatchNorm1d(width) for width in sizes[1:])
        self.drop, self.side = nn.Dropout(DROPOUT), side

    def forward(self, smpl: Tensor) -> Tensor:
        x = smpl.flatten(0, 1)
        for number, (linear, norm) in enumerate(zip(self.linear, self.norms, strict=True)):
            x = linear(x)
            x = functional.relu(norm(self.drop(x) if number else x))
        return x.view(*smpl.shape[:2], self.side, self.side)


def plain_layers(channels: Sequence[int], halve_after: Sequence[int]) -> nn.Sequential:
    """Convolutions with leaky ReLUs, and max-pooling after those numbered in `halve_after`."""
    layers: list[nn.Module] = []
    for number, (a, b) in enumerate(zip((1, *channels), channels, strict=False), 1):
        kernel = 5 if number == 1 else 3
        layers += [nn.Conv2d(a, b, kernel, 1, kernel // 2, bias=False), nn.LeakyReLU(), *([nn.MaxPool2d(2)] if number in halve_after else [])]
    return nn.Sequential(*layers)


class Network(CameraNetwork):
    """Silhouettes of a walk, in any order, each with its SMPL body, to part embeddings [N, C, K]."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(config, (SMPL,))
        self.config = config
        self.encoder = plain_layers(config.channels, config.halve_after)
        self.transform = Transform(config.smpl_channels, config.rows)
        self.shared = SeparateLinear(config.parts, config.channels[-1], config.embedding)
        standard_start(self)

    def part_features(self, x: Tensor, smpl: Tensor, frames: Tensor) -> Tensor:
        """Prepared silhouettes [N, T, 1, H, W], SMPL parameters [N, T, 85] and frame counts [N] to part features [N, C, K]."""
        maps = each_frame(self.encoder, x)                                      # [N, T, C, H/4, W/4]
        square = functional.pad(maps, (0, maps.shape[-2] - maps.shape[-1]))     # [N, T, C, H/4, H/4]
        matrices = self.transform(smpl) + torch.eye(maps.shape[-2], device=maps.device)
        transformed = square @ matrices.to(square.dtype)[:, :, None]            # [N, T, C, H/4, H/4]
        pooled = temporal_max(transformed, frames)                              # [N, C, H/4, H/4]
        features: Tensor = self.shared(horizontal_pyramid(pooled, self.config.bins))
        return features                                                         # [N, C, K]

    def forward(self, batch: Batch) -> Features:
        """Part features, which are the embeddings as well."""
        parts = self.part_features(self.seen(batch), batch.inputs[SMPL].float(), batch.frames)
        return Features({self.modality: parts}, {self.modality: parts})

    def embed(self, batch: Batch) -> Mapping[str, Tensor]:
        """The embeddings [N, C, K] for the distance `Network.distance`."""
        return self.forward(batch).embeddings
