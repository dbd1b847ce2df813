"""The network of GLN (Hou et al. 2020): GaitSet's two streams at three depths, joined laterally from the deepest to the first, strips of each."""

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
from gaitbridge.models.pooling import check_bins, horizontal_pyramid, temporal_max
from gaitbridge.models.temporal import each_frame
from gaitbridge.types import Batch, Features

DEPTHS = 3
HALVINGS = 2  # of the pictures, before the second and the third depth


class NetworkConfig(CameraInput):
    """What the network sees, and its sizes; the defaults are those for CASIA-B."""

    channels: tuple[Channels, Channels, Channels] = (32, 64, 128)
    """Of the three depths."""
    lateral: Channels = 256
    """Channels of the joined maps of every depth."""
    bins: OfStages[Strips] = (16, 8, 4, 2, 1)
    """Strips of each level of the pyramid, which every depth has."""
    embedding: Channels = 256
    """Channels of each part of the embedding."""
    size: Size = (128, 88)
    """Height and width of the silhouettes: of 128 x 128 twenty columns go on each side."""

    @model_validator(mode="after")
    def _fits(self) -> "NetworkConfig":
        if any(side % (1 << HALVINGS) for side in self.size):
            raise ValueError(f"size {self.size[0]}x{self.size[1]} does not halve twice: give multiples of 4")
        check_bins(self.bins, self.size[0] >> HALVINGS)
        return self

    @property
    def parts(self) -> int:
        """Parts of the embedding."""
        return DEPTHS * sum(self.bins)


def block(channels_in: int, channels: int, kernel: int) -> nn.Sequential:
    """Two convolutions with leaky ReLUs, the first of kernel x kernel."""
    return nn.Sequential(convolution(channels_in, channels, kernel), nn.LeakyReLU(), convolution(channels, channels, 3), nn.LeakyReLU())


class Network(CameraNetwork):
    """Silhouettes of a walk, in any order, to part embeddings [N, C, K]."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(config)
        self.config = config
        one, two, three = config.channels
        self.frames = nn.ModuleList([block(1, one, 5), block(one, two, 3), block(two, three, 3)])
        self.set = nn.ModuleList([block(one, two, 3), block(two, three, 3)])
        self.lateral = nn.ModuleList(convolution(2 * width, config.lateral, 1) for width in config.channels)
        self.smooth = nn.ModuleList(convolution(config.lateral, config.lateral, 3) for _ in config.channels)
        self.shared = SeparateLinear(config.parts, config.lateral, config.embedding)
        standard_start(self)
        for of_set, of_frames in zip(self.set, self.frames[1:], strict=True):
            of_set.load_state_dict(of_frames.state_dict())  # they begin alike, as published

    def depths(self, x: Tensor, frames: Tensor) -> list[Tensor]:
        """Prepared silhouettes [N, T, 1, H, W] and frame counts [N] to the maps of each depth, the frames' and the set's, [N, 2 C, H', W']."""
        halve = nn.MaxPool2d(2)
        x = each_frame(self.frames[0], x)                                       # [N, T, C1, H, W]
        first = temporal_max(x, frames)                                         # [N, C1, H, W]
        x = each_frame(halve, x)
        of_set = self.set[0](temporal_max(x, frames))                           # [N, C2, H/2, W/2]
        x = each_frame(self.frames[1], x)                                       # [N, T, C2, H/2, W/2]
        second = temporal_max(x, frames)
        of_set = of_set + second
        maps = [torch.cat([first, first], 1), torch.cat([second, of_set], 1)]
        x = each_frame(self.frames[2], each_frame(halve, x))                    # [N, T, C3, H/4, W/4]
        third = temporal_max(x, frames)
        return [*maps, torch.cat([third, self.set[1](halve(of_set)) + third], 1)]

    def part_features(self, x: Tensor, frames: Tensor) -> Tensor:
        """Prepared silhouettes [N, T, 1, H, W] and frame counts [N] to part features [N, C, K]."""
        joined: list[Tensor] = []
        for lateral, maps in zip(reversed(self.lateral), reversed(self.depths(x, frames)), strict=True):
            own = lateral(maps)                                                 # [N, L, H', W']
            joined.insert(0, own + functional.interpolate(joined[0], scale_factor=2.0, mode="nearest") if joined else own)
        strips = [horizontal_pyramid(smooth(maps), self.config.bins) for smooth, maps in zip(self.smooth, joined, strict=True)]
        features: Tensor = self.shared(torch.cat(strips, -1))
        return features                                                         # [N, C, K]

    def forward(self, batch: Batch) -> Features:
        """Part features, which are the embeddings as well."""
        parts = self.part_features(self.seen(batch), batch.frames)
        return Features({self.modality: parts}, {self.modality: parts})

    def embed(self, batch: Batch) -> Mapping[str, Tensor]:
        """The embeddings [N, C, K] for the distance `Network.distance`."""
        return self.forward(batch).embeddings
