"""The network of LidarGait (Shen et al. 2023): GaitBase's ResNet-9 on pictures of depth, published ones or made of range views."""

from collections.abc import Mapping, Sequence
from typing import Literal, Self

import numpy as np
import torch
from pydantic import model_validator
from torch import Tensor, nn

from gaitbridge.config import Config, Size
from gaitbridge.conventions import DEPTH_PICTURES, LIDAR
from gaitbridge.geometry.depth_picture import depth_picture
from gaitbridge.models.backbones import ResNet
from gaitbridge.models.initialisation import standard_start
from gaitbridge.models.necks import SeparateLinear
from gaitbridge.models.pooling import horizontal_pyramid, temporal_max
from gaitbridge.models.preparation import prepare_pictures, prepare_range_views
from gaitbridge.models.staged import StagedConfig
from gaitbridge.models.temporal import each_frame
from gaitbridge.types import Batch, Distance, Features


class SeenConfig(Config):
    """What the network sees."""

    modality: Literal["depth_pictures", "range_views"] = "depth_pictures"
    """What is read from the store: the depth pictures that a dataset comes with, or range views in metres."""
    picture: Literal["colours", "metres", "outline"] = "colours"
    """How range views are shown to the network: as the coloured picture that published weights were trained on (3 channels); as a mask and
    the depth in metres about the body's mean (2 channels), which keeps what a colour map scaled frame by frame loses; or as the mask alone
    (1 channel): the outline that the LiDAR sees, and nothing of what is within."""

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.modality == "depth_pictures" and self.picture != "colours":
            raise ValueError(f"depth_pictures are colours and hold no {self.picture}: choose picture=colours or modality=range_views")
        return self

    @property
    def picture_channels(self) -> int:
        """Channels of what the network sees."""
        return {"colours": 3, "metres": 2, "outline": 1}[self.picture]


class NetworkConfig(StagedConfig, SeenConfig):  # this way round what is seen comes first in the files of runs
    """What the network sees, and its sizes; the defaults are the published ones."""

    size: Size = (64, 64)
    """Height and width of the pictures."""


def coloured(range_views: Tensor) -> Tensor:
    """Metres [N, T, H, W], NaN where nothing came back, to depth pictures uint8 [N, T, 3, H, W] as published. Made on the CPU."""
    views = range_views.float().cpu().numpy().reshape(-1, *range_views.shape[2:])
    pictures = np.stack([depth_picture(view) for view in views])
    return torch.from_numpy(pictures).to(range_views.device).unflatten(0, range_views.shape[:2])


class Network(nn.Module):
    """What a LiDAR sees of a walk, in any order, to part embeddings [N, C, K]."""

    distance: Distance = "euclidean"

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.modality = {"depth_pictures": DEPTH_PICTURES, "range_views": LIDAR}[config.modality]
        self.modalities: Sequence[str] = (self.modality,)
        self.inputs: Mapping[str, tuple[str, ...]] = {self.modality: (self.modality,)}
        self.encoder = ResNet(config.picture_channels, config.channels, config.strides, config.stem_stride, config.blocks)
        self.shared = SeparateLinear(config.parts, config.channels[-1], config.embedding)
        standard_start(self)

    def prepared(self, given: Tensor) -> Tensor:
        """Depth pictures [N, T, 3, H, W] or range views [N, T, H, W] as the network sees them [N, T, channels, H, W]."""
        if self.config.picture != "colours":
            return prepare_range_views(given)[:, :, : self.config.picture_channels]
        return prepare_pictures(given if self.modality == DEPTH_PICTURES else coloured(given))

    def part_features(self, x: Tensor, frames: Tensor) -> Tensor:
        """Prepared pictures [N, T, channels, H, W] and frame counts [N] to part features [N, C, K]."""
        maps = each_frame(self.encoder, x)                                      # [N, T, C4, H/4, W/4]
        pooled = temporal_max(maps, frames)                                     # [N, C4, H/4, W/4]
        features: Tensor = self.shared(horizontal_pyramid(pooled, self.config.bins))
        return features                                                         # [N, C, K]

    def forward(self, batch: Batch) -> Features:
        """Part features, which are the embeddings as well."""
        parts = self.part_features(self.prepared(batch.inputs[self.modality]), batch.frames)
        return Features({self.modality: parts}, {self.modality: parts})

    def embed(self, batch: Batch) -> Mapping[str, Tensor]:
        """The embeddings [N, C, K] for the distance `Network.distance`."""
        return self.forward(batch).embeddings
