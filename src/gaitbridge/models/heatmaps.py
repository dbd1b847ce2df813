"""3D heatmaps of joints and markers: a volume a point, and what is read off them (soft-argmax; Sun et al. 2018, Ma et al. 2023)."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Literal, NamedTuple

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional

from gaitbridge.config import Channels, Config, OfStages, Whole
from gaitbridge.models.backbones import ResidualBlock
from gaitbridge.models.temporal import TemporalMix, masked_to_zero

MEAN_SCALE_M = 1.7  # metres that a silhouette's height stands for, before anything is learnt

Points = Annotated[int, Field(ge=1, le=4096)]
Stages = Annotated[int, Field(ge=0, le=16)]


class HeatmapConfig(Config):
    """The 3D branch: its size, its volumes and how they join the silhouettes' features."""

    joints: Points = 31
    """Joints that have a heatmap: 31 of the body model that simulated people have, 24 of SMPL."""
    markers: Points = 64
    """Virtual markers on the skin that have a heatmap, which the mesh is read off."""
    depth: Annotated[int, Field(ge=2, le=256)] = 8
    """Depth bins D."""
    reach: Annotated[float, Field(ge=0.01, le=100)] = 0.4
    """How far the volume reaches before and behind the root, in heights of the picture."""
    channels: OfStages[Channels] = (32, 64, 96)
    """Of the branch's stages, each at half the resolution of the one before."""
    shared: Stages = 0
    """Stages of the 2D branch that both branches share, besides the stem."""
    first_stride: Literal[1, 2] = 2
    """Of the branch's first stage: 1 where what is shared is already on the volumes' grid."""
    own_grid: bool = True
    """Whether the first of the branch's stages makes the volumes' grid; without it what is shared is taken as it is, and `channels` are the coarser
    stages' alone."""
    grid_stage: Stages = 0
    """The stage whose grid is the volumes' H' x W'; the coarser ones tell it what the whole body looks like."""
    two_scales: bool = False
    """Teach heatmaps on the next coarser grid as well. They exist in training alone: what is embedded is no slower."""
    context: bool = True
    """Let the coarser stages see the frames before and after."""
    whole_walk: bool = False
    """Tell each frame what the coarsest features are over all frames: a person's build is the same in each."""
    fusion: Literal["concatenate", "attention", "none"] = "concatenate"
    """How heatmaps join the 2D branch: beside its maps, by attention over them, or not at all: they are then taught and not used."""
    fused: Literal["joints", "all"] = "joints"
    """Whose heatmaps recognition uses: with joints alone, markers are not computed at inference."""
    fused_joints: tuple[Whole, ...] = ()
    """Which of the joints, where not all: the others are then not computed at inference either."""
    fused_channels: Channels = 32
    """Channels that the volumes are brought to before fusion."""
    fuse_before: Stages = 0
    """How many of the 2D branch's last stages come after the fusion; 0 fuses what the last one gives."""
    detach: bool = False
    """Keep the identity losses' gradients out of the heatmaps."""
    every: Annotated[int, Field(ge=1, le=64)] = 1
    """Embeddings take the heatmaps of every so many-th frame alone, which the frames until the next one share. With `context`, frames before and
    after are then so far apart, as they are to be in training (data.spacing)."""

    @model_validator(mode="after")
    def _fits(self) -> "HeatmapConfig":
        if beyond := [joint for joint in self.fused_joints if not 0 <= joint < self.joints]:
            raise ValueError(f"fused_joints {beyond}: there are {self.joints} joints (counted from 0)")
        if self.grid_stage >= len(self.channels):
            raise ValueError(f"grid_stage {self.grid_stage} is none of {len(self.channels)} stages (counted from 0)")
        if self.two_scales and self.own_grid and self.grid_stage == len(self.channels) - 1:
            raise ValueError("two_scales needs a stage that is coarser than the volumes' grid: add one to channels, or lower grid_stage")
        return self

    @property
    def points(self) -> int:
        """J + M."""
        return self.joints + self.markers

    @property
    def fused_sets(self) -> tuple[int, ...]:
        """How many points each set has whose heatmaps recognition uses."""
        joints = len(self.fused_joints) or self.joints
        return (joints, self.markers) if self.fused == "all" else (joints,)

    @property
    def fused_points(self) -> int:
        """How many points' heatmaps recognition uses."""
        return sum(self.fused_sets)


class Volumes(NamedTuple):
    """Unnormalised heatmaps of some points, all positive: a point's heatmap is its weights over their sum. B is N T.

    weights [B, H' W', P D]; moments float32 [B, 4, P, D]: their sums over each depth bin's cells, plain and times x, y and x^2 + y^2 about
    the picture's middle, in picture heights. Kept apart, as dividing the weights would cost as much as making them.
    """

    weights: Tensor
    moments: Tensor
    grid: tuple[int, int]

    def detached(self) -> "Volumes":
        """The same without their history."""
        return Volumes(self.weights.detach(), self.moments.detach(), self.grid)


class Branched(NamedTuple):
    """What the 3D branch gives: features on the volumes' grid [B, C', H', W'], the coarsest stage's, and the next coarser grid's as it is added to
    the first, None where there is no coarser stage. B is N T."""

    features: Tensor
    coarsest: Tensor
    coarser: Tensor | None


class HeatmapBranch(nn.Module):
    """Stem features [N, T, C, H, W] to features [N T, C', H', W'], and from these the volumes of joints and of markers, each when asked for.

    Recognition uses the volumes that `fused` names; the others exist in training and on demand.
    """

    def __init__(self, config: HeatmapConfig, channels_in: int, aspect: float) -> None:
        super().__init__()
        self.config, self.aspect = config, aspect
        channels = config.channels if config.own_grid else (channels_in, *config.channels)
        width, coarse = channels[config.grid_stage], channels[config.grid_stage + 1 :]
        first = ResidualBlock(channels_in, channels[0], config.first_stride) if config.own_grid else nn.Identity()
        self.stages = nn.ModuleList([first, *(ResidualBlock(a, b, 2) for a, b in pairwise(channels))])
        self.context = nn.ModuleList(TemporalMix(channels) for channels in coarse) if config.context else None
        self.whole = nn.Linear(config.channels[-1], config.channels[-1]) if config.whole_walk else None
        self.laterals = nn.ModuleList(nn.Conv2d(channels, width, 1) for channels in coarse)
        self.smooth = nn.Sequential(nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)) if coarse else nn.Identity()
        counts = {"joints": config.joints * config.depth, "markers": config.markers * config.depth}
        self.heads = nn.ModuleDict({kind: nn.Linear(width, count) for kind, count in counts.items()})
        self.coarse_heads = nn.ModuleDict({kind: nn.Linear(width, count) for kind, count in counts.items()}) if config.two_scales else None
        self.scale = nn.Linear(config.channels[-1], 1)
        nn.init.zeros_(self.scale.weight)
        nn.init.zeros_(self.scale.bias)

    def forward(self, x: Tensor, real: Tensor | None) -> "Branched":
        """What the volumes are made of."""
        grid, levels, maps = self.config.grid_stage, [], x.flatten(0, 1)
        for number, stage in enumerate(self.stages):
            maps = stage(maps)
            if number > grid and self.context is not None:
                maps = self.context[number - grid - 1](maps.unflatten(0, x.shape[:2]), real).flatten(0, 1)
            if number == len(self.stages) - 1 and self.whole is not None:
                maps = (maps + self.whole(mean_frame(maps, x.shape[:2], real))[:, :, None, None]).relu()
            levels.append(maps)
        features, down = levels[grid], None
        for maps, lateral in zip(reversed(levels[grid + 1 :]), reversed(self.laterals), strict=True):  # from the coarsest up (Lin et al. 2017)
            down = lateral(maps) if down is None else lateral(maps) + enlarged(down, maps)
        if down is not None:
            features = features + enlarged(down, features)
        return Branched(self.smooth(features), levels[-1], down)

    def volumes(self, features: Tensor, kind: str, some: Sequence[int] = ()) -> Volumes:
        """Volumes of the joints or of the markers, of all or of some, from features [B, C', H', W']."""
        return self.made(features, *self.head(kind, some))

    def coarse_volumes(self, coarser: Tensor, kind: str) -> Volumes:
        """The same on the next coarser grid, from its features [B, C', H'', W''], with `two_scales`."""
        return self.made(coarser, *self.coarse_head(kind))

    def made(self, features: Tensor, weight: Tensor, bias: Tensor) -> Volumes:
        """Volumes from features [B, C', H', W'] by a head's weight [P D, C'] and bias [P D]."""
        height, width = features.shape[-2:]
        weights = functional.linear(self.cells(features), weight, bias).exp()       # [B, H' W', P D]
        y = (torch.arange(height, device=weights.device) + 0.5) / height - 0.5
        x = ((torch.arange(width, device=weights.device) + 0.5) / width - 0.5) * self.aspect
        x, y = x.repeat(height), y.repeat_interleave(width)
        rows = torch.stack([torch.ones_like(x), x, y, x.square() + y.square()])
        moments = (rows.to(weights.dtype) @ weights).float().unflatten(2, (-1, self.config.depth))
        return Volumes(weights, moments, (height, width))

    def head(self, kind: str, some: Sequence[int] = ()) -> tuple[Tensor, Tensor]:
        """What makes cells to logits: weight [P D, C'] and bias [P D], of all points or of some."""
        head = self.heads[kind]
        assert isinstance(head, nn.Linear)
        if not some:
            return head.weight, head.bias
        weight, bias = (one.unflatten(0, (-1, self.config.depth))[list(some)].flatten(0, 1) for one in (head.weight, head.bias))
        return weight, bias

    def coarse_head(self, kind: str) -> tuple[Tensor, Tensor]:
        """The coarser grid's, of all points."""
        assert self.coarse_heads is not None
        head = self.coarse_heads[kind]
        assert isinstance(head, nn.Linear)
        return head.weight, head.bias

    def cells(self, features: Tensor) -> Tensor:
        """What the heads see of features [B, C', H', W']: [B, H' W', C'], bounded, so that exp needs no maximum taken off."""
        return features.tanh().permute(0, 2, 3, 1).flatten(1, 2)

    def log_likelihood(self, features: Tensor, volumes: Volumes, head: tuple[Tensor, Tensor], places: Tensor) -> Tensor:
        """Log of each heatmap's share at a place, its eight nearest cells weighed so that their mean is the place: float32 [B, P].

        places [B, P, 3] as `soft_argmax` gives them; those outside the volume count as on its border. Its negative is the cross-entropy between the
        heatmap and the sharpest target whose expected place is the true one. As logits are linear in the cells, the cells are weighed first.
        """
        (height, width), depth = volumes.grid, self.config.depth
        x = nearest_two(places[..., 0] / self.aspect, width)                         # [B, P, W']
        y = nearest_two(places[..., 1], height)
        z = nearest_two((places[..., 2] / self.config.reach + 1) / 2, depth)         # [B, P, D]
        cells = self.cells(features)
        about = torch.bmm((y[:, :, :, None] * x[:, :, None]).flatten(2).to(cells.dtype), cells)                       # [B, P, C']
        weight, bias = (one.unflatten(0, (-1, depth)) for one in head)
        logits = torch.einsum("bpc,pdc->bpd", about, weight.to(about.dtype)).float() + bias
        return (z * logits).sum(-1) - volumes.moments[:, 0].sum(-1).log()

    def scale_m(self, coarsest: Tensor) -> Tensor:
        """Metres that each picture's height stands for, [B], from the coarsest features [B, C'', H'', W'']."""
        return MEAN_SCALE_M * torch.exp(self.scale(coarsest.mean((-1, -2))).float()[:, 0])


def nearest_two(share: Tensor, count: int) -> Tensor:
    """Weights over `count` cells of the unit interval, at most two of them, whose mean place is `share` [...]: [..., count]."""
    place = (share * count - 0.5).clamp(0, count - 1)[..., None]
    return (1 - (place - torch.arange(count, device=share.device)).abs()).clamp(min=0)


def mean_frame(maps: Tensor, shape: tuple[int, ...], real: Tensor | None) -> Tensor:
    """Mean over a walk's real frames and all places of maps [N T, C, H, W], given to each of its frames: [N T, C]; shape: (N, T)."""
    frames = masked_to_zero(maps.mean((-1, -2)).unflatten(0, shape), real)                                            # [N, T, C]
    count = shape[1] if real is None else real.sum(1)[:, None, None].clamp(min=1)
    return (frames.sum(1, keepdim=True) / count).expand_as(frames).flatten(0, 1)


def enlarged(maps: Tensor, like: Tensor) -> Tensor:
    """Maps [B, C, h, w] at the resolution of others."""
    return functional.interpolate(maps, size=like.shape[-2:], mode="nearest")


def soft_argmax(volumes: Volumes, config: HeatmapConfig, aspect: float) -> Tensor:
    """The expected place of each point, float32 [B, P, 3]: x from the picture's left border, y from its top, z from the root, in picture heights.

    aspect: the picture's width over its height.
    """
    total = volumes.moments[:, 0].sum(-1)                                            # [B, P]
    x, y = volumes.moments[:, 1].sum(-1) / total, volumes.moments[:, 2].sum(-1) / total
    z = (volumes.moments[:, 0] * depths(config, total.device)).sum(-1) / total
    return torch.stack([x + 0.5 * aspect, y + 0.5, z], dim=-1)


def depths(config: HeatmapConfig, device: torch.device) -> Tensor:
    """The middles of the depth bins [D], in picture heights behind the root."""
    return ((torch.arange(config.depth, device=device) + 0.5) / config.depth * 2 - 1) * config.reach


def spread(volumes: Volumes, config: HeatmapConfig) -> Tensor:
    """Standard deviation of each heatmap about its expected place, float32 [B, P], in picture heights: how unsure the place is."""
    total = volumes.moments[:, 0].sum(-1)
    z = depths(config, total.device)
    square = (volumes.moments[:, 3].sum(-1) + (volumes.moments[:, 0] * z.square()).sum(-1)) / total
    middle = soft_argmax(volumes, config, 0.0) - torch.tensor([0.0, 0.5, 0.0], device=total.device)
    return (square - middle.square().sum(-1)).clamp(min=1e-6).sqrt()


def normalised(volumes: Volumes, depth: int) -> Tensor:
    """Heatmaps of sum one: float32 [B, P, D, H', W']."""
    weights = volumes.weights.float().unflatten(2, (-1, depth))
    shares = weights / weights.sum((1, 3), keepdim=True)
    return shares.permute(0, 2, 3, 1).unflatten(3, volumes.grid)
