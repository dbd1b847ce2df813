"""The deployable network of DiffCrossGait: an encoder for each modality and a head that both share. No diffusion here."""

from collections.abc import Mapping
from typing import Annotated, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional

from gaitbridge.config import Channels, Config, OfStages, Size, Stride, Strips, Whole
from gaitbridge.conventions import CAMERA, LIDAR, POINTS
from gaitbridge.models.backbones import ResNet, check_sizes, share_convolutions
from gaitbridge.models.fused_encoder import PREFIX, FusedEncoder, of_one, true_places
from gaitbridge.models.heatmaps import HeatmapConfig
from gaitbridge.models.necks import ModalityBatchNorm, SeparateLinear
from gaitbridge.models.point_encoder import LevelsConfig, PointEncoder, over_frames, seen_points
from gaitbridge.models.pooling import horizontal_parts, temporal_max
from gaitbridge.models.preparation import PREPARE
from gaitbridge.models.prototypes import PrototypeAttention
from gaitbridge.types import Batch, Distance, Features

MODALITIES = (CAMERA, LIDAR)
DISTANCE: Distance = "euclidean"


def maps_name(modality: str) -> str:
    """Where among the extras a modality's pooled maps are."""
    return f"maps of {modality}"


class NetworkConfig(Config):
    """Sizes of the network; the defaults are the published ones (ResNet-9, 16 parts of 256 channels)."""

    channels: OfStages[Channels] = (64, 128, 256, 512)
    """Of each encoder's stages; the first is the stem's as well."""
    strides: OfStages[Stride] = (1, 2, 2, 1)
    """Of each stage's first block: 2 halves height and width."""
    stem_stride: Stride = 1
    """Of the first convolution."""
    parts: Strips = 16
    """Horizontal strips, each a part of the embedding."""
    embedding: Channels = 256
    """Channels of each part of the embedding."""
    size: Size = (64, 44)
    """Height and width of both inputs."""
    shared_from: Annotated[int, Field(ge=1, le=16)] | None = None
    """The first stage (1 follows the stem) whose convolutions both encoders share, to the last; null shares none. Norms stay each encoder's own."""
    shared_norms: bool = False
    """The shared stages' norms and their statistics are common too (for comparison: statistics of two sensors mix)."""
    linear_maps: Literal["shared", "own"] = "shared"
    """The part-wise linear maps before the neck: one for both sensors, or one each."""
    prototypes: Whole = 0
    """So many prototypes that the parts of both sensors attend to before the neck (CrossGait's idea); 0 leaves them out."""
    heatmaps: HeatmapConfig | None = None
    """Mesh-Gait's 3D branch in the silhouettes' encoder: what it recovers in 3D is to help to match a LiDAR; null leaves it out."""
    heatmaps_lidar: HeatmapConfig | None = None
    """The same branch in the range views' encoder, so that both embeddings may hold the recovered body; null leaves it out."""

    lidar_points: LevelsConfig | None = None
    """The LiDAR's side sees points in metres, by LidarGait++'s levels, in place of range views; null: range views."""

    @property
    def points(self) -> int:
        """How many points of a frame are drawn; 0 where none are seen."""
        return self.lidar_points.points if self.lidar_points else 0

    @model_validator(mode="after")
    def _fits(self) -> "NetworkConfig":
        if self.lidar_points and (self.shared_from or self.heatmaps_lidar):
            raise ValueError("lidar_points has an encoder of its own, which shares no stages and draws no heatmaps: shared_from and heatmaps_lidar "
                             "must be null with it")
        check_sizes(self.channels, self.strides, self.stem_stride, self.parts, self.size[0])
        if (self.shared_from or 0) > len(self.channels):
            raise ValueError(f"shared_from is {self.shared_from}, but there are {len(self.channels)} stages: give 1 to {len(self.channels)}, or null")
        added = {one.fused_channels for one in (self.heatmaps, self.heatmaps_lidar) if one is not None}
        if len(added) > 1:
            raise ValueError(f"fused_channels are {' and '.join(map(str, sorted(added)))}: both encoders' heatmaps share a head, give them as many")
        return self


class Network(nn.Module):
    """Silhouettes and range views, or points, of a walk to part embeddings [N, C, K] that compare within and across the modalities.

    In training the LiDAR's side goes by the name of range views, whatever it sees.
    """

    distance: Distance = DISTANCE
    gives_maps = False
    """Whether feature maps [N, C4, H', W'] after the temporal maximum go along in the extras: an objective that needs them asks for it."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.sides = {CAMERA: CAMERA, POINTS if config.lidar_points else LIDAR: LIDAR}  # of training, by what is seen
        self.modalities = tuple(self.sides)
        self.inputs: Mapping[str, tuple[str, ...]] = {name: (name,) for name in self.sides}
        self.encoders = nn.ModuleDict({name: self._encoder(name) for name in MODALITIES})
        if config.shared_from is not None:
            camera, lidar = (list(self.encoders[name].stages) for name in MODALITIES)  # type: ignore[arg-type]
            share_convolutions(camera, lidar, config.shared_from - 1, config.shared_norms)
        self.shared = SeparateLinear(config.parts, config.channels[-1], config.embedding)
        self.lidar = SeparateLinear(config.parts, config.channels[-1], config.embedding) if config.linear_maps == "own" else None
        self.attend = PrototypeAttention(MODALITIES, config.embedding, config.prototypes) if config.prototypes else None
        added = max(getattr(encoder, "channels", config.channels[-1]) for encoder in self.encoders.values()) - config.channels[-1]
        self.body = SeparateLinear(config.parts, added, config.embedding) if added else None  # of what the volumes add, one map for all
        self.neck = ModalityBatchNorm(MODALITIES, config.parts, config.embedding)

    def _encoder(self, modality: str) -> nn.Module:
        """An encoder with heatmaps where they are asked for."""
        config, channels_in = self.config, PREPARE[modality][1]
        if modality == LIDAR and config.lidar_points:
            return PointEncoder(config.lidar_points, config.channels[-1], (config.parts,), of_body=True)
        heatmaps = config.heatmaps if modality == CAMERA else config.heatmaps_lidar
        if heatmaps is None:
            return ResNet(channels_in, config.channels, config.strides, config.stem_stride)
        return FusedEncoder("resnet9", config.channels, config.strides, config.stem_stride, config.size, heatmaps, channels_in)

    @property
    def silhouette_encoder(self) -> nn.Module:
        """The encoder of silhouettes."""
        return self.encoders[CAMERA]

    def pooled(self, images: Tensor, frames: Tensor, modality: str, places: Tensor | None = None) -> tuple[Tensor, dict[str, Tensor]]:
        """Largest maps over time [N, C4, H/4, W/4] of one modality's images [N, T, H, W], with heatmaps [N, C4 + C', ...], and, in training, what is
        read off the heatmaps, named after `PREFIX`, with true places [N, T, J + M, 3] also their likelihood."""
        prepare, _ = PREPARE[modality]
        x, encoder = prepare(images), self.encoders[modality]                # [N, T, channels, H, W]
        if isinstance(encoder, FusedEncoder):
            assert encoder.config is not None
            found = encoder(x, frames, 1 if self.training else encoder.config.every)
            read_off = encoder.read_off(found, places) if self.training else {}
            return encoder.pooled(found, frames), {f"{PREFIX[modality]}{name}": value for name, value in read_off.items()}
        flat = x.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        return temporal_max(encoder(flat).unflatten(0, x.shape[:2]), frames), {}

    def part_features(self, images: Tensor, frames: Tensor, modality: str, places: Tensor | None = None) -> tuple[Tensor, dict[str, Tensor]]:
        """One modality's images [N, T, H, W], or points, and frame counts [N] to part features before the neck [N, C, K], and what `pooled` adds."""
        extras: dict[str, Tensor] = {}
        if isinstance(self.encoders[modality], PointEncoder):
            parts = over_frames(self.encoders[modality](seen_points(images)), images, frames)
        else:
            pooled, extras = self.pooled(images, frames, modality, places)   # [N, C4, H/4, W/4]
            parts = horizontal_parts(pooled, self.config.parts)              # [N, C4, K], with heatmaps [N, C4 + C', K]
            if self.gives_maps:
                extras = {**extras, maps_name(modality): pooled[:, : self.config.channels[-1]]}
        linear = self.lidar if self.lidar is not None and modality == LIDAR else self.shared
        own = self.config.channels[-1]
        features: Tensor = linear(parts[:, :own])                            # [N, C, K]
        if self.body is not None and parts.shape[1] > own:
            features = features + self.body(parts[:, own:])
        return features if self.attend is None else self.attend(features, modality), extras

    def embedding(self, features: Tensor, modality: str) -> Tensor:
        """Part features [N, C, K] through the neck, each part of length one."""
        return functional.normalize(self.neck(features, modality), dim=1)

    def forward(self, batch: Batch) -> Features:
        found = {(side := self.sides[name]): self.part_features(images, batch.frames, side, true_places(of_one(batch.extras, side)))
                 for name, images in batch.inputs.items()}
        extras = {key: value for _, more in found.values() for key, value in more.items()}
        return Features({name: parts for name, (parts, _) in found.items()},
                        {name: self.embedding(parts, name) for name, (parts, _) in found.items()}, extras)

    def embed(self, batch: Batch) -> Mapping[str, Tensor]:
        """The embeddings [N, C, K] of each modality in the batch, for the distance `Network.distance`."""
        found = self.forward(batch).embeddings
        return {name: found[self.sides[name]] for name in batch.inputs}
