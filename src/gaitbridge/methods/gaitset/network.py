"""The network of GaitSet (Chao et al. 2019): frame features pooled over the set at three depths, and two pyramids of strips."""

from collections.abc import Mapping

import torch
from pydantic import model_validator
from torch import Tensor, nn

from gaitbridge.config import Channels, OfStages, Size, Strips
from gaitbridge.models.camera_input import CameraInput, CameraNetwork
from gaitbridge.models.initialisation import standard_start
from gaitbridge.models.necks import SeparateLinear
from gaitbridge.models.pooling import check_bins, horizontal_pyramid, temporal_max
from gaitbridge.models.temporal import each_frame
from gaitbridge.types import Batch, Features

HALVINGS = 2  # of the pictures' height, by the first two blocks


class NetworkConfig(CameraInput):
    """What the network sees, and its sizes; the defaults are those for CASIA-B (twice as many channels for OU-MVLP)."""

    channels: tuple[Channels, Channels, Channels] = (32, 64, 128)
    """Of the three blocks."""
    bins: OfStages[Strips] = (16, 8, 4, 2, 1)
    """Strips of each level of the pyramid; both the frames' features and the set's have one."""
    embedding: Channels = 256
    """Channels of each part of the embedding."""
    size: Size = (64, 44)
    """Height and width of the silhouettes."""

    @model_validator(mode="after")
    def _fits(self) -> "NetworkConfig":
        check_bins(self.bins, self.size[0] >> HALVINGS)
        return self

    @property
    def parts(self) -> int:
        """Parts of the embedding."""
        return 2 * sum(self.bins)


def block(channels_in: int, channels: int, kernel: int, halve: bool) -> nn.Sequential:
    """Two convolutions with leaky ReLUs, the first of kernel x kernel, then the height and the width halved."""
    return nn.Sequential(
        nn.Conv2d(channels_in, channels, kernel, 1, kernel // 2, bias=False), nn.LeakyReLU(),
        nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.LeakyReLU(),
        *([nn.MaxPool2d(2)] if halve else []))


class Network(CameraNetwork):
    """Silhouettes of a walk, in any order, to part embeddings [N, C, K]."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(config)
        self.config = config
        one, two, three = config.channels
        self.frames = nn.ModuleList([block(1, one, 5, True), block(one, two, 3, True), block(two, three, 3, False)])
        self.set = nn.ModuleList([block(one, two, 3, True), block(two, three, 3, False)])
        self.shared = SeparateLinear(config.parts, three, config.embedding)
        standard_start(self)

    def part_features(self, x: Tensor, frames: Tensor) -> Tensor:
        """Prepared silhouettes [N, T, 1, H, W] and frame counts [N] to part features [N, C, K]."""
        x = each_frame(self.frames[0], x)                                       # [N, T, C1, H/2, W/2]
        of_set = self.set[0](temporal_max(x, frames))                           # [N, C2, H/4, W/4]
        x = each_frame(self.frames[1], x)                                       # [N, T, C2, H/4, W/4]
        of_set = self.set[1](of_set + temporal_max(x, frames))                  # [N, C3, H/4, W/4]
        x = each_frame(self.frames[2], x)                                       # [N, T, C3, H/4, W/4]
        of_frames = temporal_max(x, frames)                                     # [N, C3, H/4, W/4]
        strips = [horizontal_pyramid(maps, self.config.bins) for maps in (of_frames, of_set + of_frames)]
        features: Tensor = self.shared(torch.cat(strips, -1))                       # [N, C, K]
        return features

    def forward(self, batch: Batch) -> Features:
        """Part features, which are the embeddings as well."""
        parts = self.part_features(self.seen(batch), batch.frames)
        return Features({self.modality: parts}, {self.modality: parts})

    def embed(self, batch: Batch) -> Mapping[str, Tensor]:
        """The embeddings [N, C, K] for the distance `Network.distance`."""
        return self.forward(batch).embeddings
