"""3D heatmaps of joints and markers: a volume a point, and what is read off them (soft-argmax; Sun et al. 2018, Ma et al. 2023)."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional

from gaitbridge.config import Config
from gaitbridge.models.backbones import ResidualBlock
from gaitbridge.models.temporal import TemporalMix, masked_to_zero

POSITIONS = 5  # numbers that tell where a cell is
MEAN_SCALE_M = 1.7  # metres that a silhouette's height stands for, before anything is learnt


class HeatmapConfig(Config):
    """The 3D branch: its size, its volumes and how they join the silhouettes' features."""

    joints: int = 31
    markers: int = 64
    depth: int = Field(default=8, ge=2)
    """Depth bins D."""
    reach: float = Field(default=0.4, gt=0)
    """How far the volume reaches before and behind the root, in heights of the picture."""
    channels: tuple[int, ...] = (32, 64, 96)
    """Of the branch's stages after the stem, each at half the resolution of the one before."""
    shared: int = Field(default=0, ge=0)
    """Stages of the 2D branch that both branches share, besides the stem."""
    first_stride: Literal[1, 2] = 2
    """Of the branch's first stage: 1 where what is shared is already on the volumes' grid."""
    grid_stage: int = Field(default=0, ge=0)
    """The stage whose grid is the volumes' H' x W'; the coarser ones tell it what the whole body looks like."""
    positions: bool = False
    """Tell the heads where a cell is, so that each heatmap can begin as a Gaussian about a place of its own."""
    context: bool = True
    """Let the coarser stages see the frames before and after."""
    whole_walk: bool = False
    """Tell each frame what the coarsest features are over all frames: a person's build is the same in each."""
    fusion: Literal["concatenate", "attention", "none"] = "concatenate"
    fused: Literal["joints", "all"] = "joints"
    """Whose heatmaps recognition uses: with joints alone, markers are not computed at inference."""
    rendered: float = Field(default=0.0, ge=0)
    """Fuse, in place of each heatmap, a Gaussian of this standard deviation (picture heights) about the place read off it; 0 fuses the heatmaps."""
    fused_channels: int = 32
    """Channels that the volumes are brought to before fusion."""
    fuse_before: int = Field(default=0, ge=0)
    """How many of the 2D branch's last stages come after the fusion; 0 fuses what the last one gives."""
    body_parts: int = Field(default=0, ge=0)
    """Further parts of the embedding, made of the points seen in the walker's own axes."""
    at_joints: tuple[int, ...] = ()
    """Joints at whose places the frame maps are read, each a further part of the embedding."""
    at_reach: float = Field(default=0.05, gt=0)
    """How far about a joint the maps are read: a Gaussian's standard deviation, in heights of the picture."""
    turn: int = Field(default=0, ge=0)
    """Harmonics of the walking direction, as the 3D points tell it, by which the part features are turned; 0 does not turn them."""
    detach: bool = False
    """Keep the identity losses' gradients out of the heatmaps."""
    left: tuple[int, ...] = (2, 10)
    right: tuple[int, ...] = (27, 20)
    """Joints (hips and shoulders) whose difference points to the walker's left."""
    top: int = 16
    """Joint (the neck) that the walker's up points to, from the root."""

    @model_validator(mode="after")
    def _fits(self) -> "HeatmapConfig":
        if beyond := [joint for joint in self.at_joints if not 0 <= joint < self.joints]:
            raise ValueError(f"at_joints {beyond}: there are {self.joints} joints (counted from 0)")
        if self.grid_stage >= len(self.channels):
            raise ValueError(f"grid_stage {self.grid_stage} is none of {len(self.channels)} stages (counted from 0)")
        return self

    @property
    def further_parts(self) -> int:
        """Parts of the embedding beside the horizontal strips."""
        return self.body_parts + len(self.at_joints)

    @property
    def points(self) -> int:
        """J + M."""
        return self.joints + self.markers

    @property
    def fused_sets(self) -> tuple[int, ...]:
        """How many points each set has whose heatmaps recognition uses."""
        return (self.joints, self.markers) if self.fused == "all" else (self.joints,)

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


class HeatmapBranch(nn.Module):
    """Stem features [N, T, C, H, W] to features [N T, C', H', W'], and from these the volumes of joints and of markers, each when asked for.

    Recognition uses the volumes that `fused` names; the others exist in training and on demand.
    """

    def __init__(self, config: HeatmapConfig, channels_in: int, aspect: float) -> None:
        super().__init__()
        self.config, self.aspect = config, aspect
        sizes, coarse = [channels_in, *config.channels], config.channels[config.grid_stage + 1 :]
        width = config.channels[config.grid_stage]
        strides = (config.first_stride, *[2] * len(config.channels))
        self.stages = nn.ModuleList(ResidualBlock(a, b, s) for a, b, s in zip(sizes, config.channels, strides, strict=False))
        self.context = nn.ModuleList(TemporalMix(channels) for channels in coarse) if config.context else None
        self.whole = nn.Linear(config.channels[-1], config.channels[-1]) if config.whole_walk else None
        self.laterals = nn.ModuleList(nn.Conv2d(channels, width, 1) for channels in coarse)
        self.smooth = nn.Sequential(nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)) if coarse else nn.Identity()
        known = width + (POSITIONS if config.positions else 0)
        self.heads = nn.ModuleDict({"joints": nn.Linear(known, config.joints * config.depth),
                                    "markers": nn.Linear(known, config.markers * config.depth)})
        self.scale = nn.Linear(config.channels[-1], 1)
        nn.init.zeros_(self.scale.weight)
        nn.init.zeros_(self.scale.bias)

    def forward(self, x: Tensor, real: Tensor | None) -> tuple[Tensor, Tensor]:
        """Features [N T, C', H', W'] on the volumes' grid, and the coarsest stage's [N T, C'', H'', W'']."""
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
        return self.smooth(features), levels[-1]

    def volumes(self, features: Tensor, kind: str) -> Volumes:
        """Volumes of the joints or of the markers from features [B, C', H', W']."""
        height, width = features.shape[-2:]
        weights = self.heads[kind](self.cells(features)).exp()                                      # [B, H' W', P D]
        y = (torch.arange(height, device=weights.device) + 0.5) / height - 0.5
        x = ((torch.arange(width, device=weights.device) + 0.5) / width - 0.5) * self.aspect
        x, y = x.repeat(height), y.repeat_interleave(width)
        rows = torch.stack([torch.ones_like(x), x, y, x.square() + y.square()])
        moments = (rows.to(weights.dtype) @ weights).float().unflatten(2, (-1, self.config.depth))
        return Volumes(weights, moments, (height, width))

    def cells(self, features: Tensor) -> Tensor:
        """What the heads see of features [B, C', H', W']: [B, H' W', C'], bounded, so that exp needs no maximum taken off."""
        cells = features.tanh().permute(0, 2, 3, 1).flatten(1, 2)
        if not self.config.positions:
            return cells
        known = positions(features.shape[2], features.shape[3], self.aspect, cells.device).to(cells.dtype)
        return torch.cat([cells, known.expand(len(cells), -1, -1)], dim=2)

    def log_likelihood(self, features: Tensor, volumes: Volumes, kind: str, places: Tensor) -> Tensor:
        """Log of each heatmap's share at a place, its eight nearest cells weighed so that their mean is the place: float32 [B, P].

        places [B, P, 3] as `soft_argmax` gives them; those outside the volume count as on its border. Its negative is the cross-entropy between the
        heatmap and the sharpest target whose expected place is the true one. As logits are linear in the cells, the cells are weighed first.
        """
        (height, width), depth, head = volumes.grid, self.config.depth, self.heads[kind]
        x = nearest_two(places[..., 0] / self.aspect, width)                         # [B, P, W']
        y = nearest_two(places[..., 1], height)
        z = nearest_two((places[..., 2] / self.config.reach + 1) / 2, depth)         # [B, P, D]
        cells = self.cells(features)
        about = torch.bmm((y[:, :, :, None] * x[:, :, None]).flatten(2).to(cells.dtype), cells)                       # [B, P, C']
        assert isinstance(head, nn.Linear)
        weight, bias = (one.unflatten(0, (-1, depth)) for one in (head.weight, head.bias))
        logits = torch.einsum("bpc,pdc->bpd", about, weight.to(about.dtype)).float() + bias
        return (z * logits).sum(-1) - volumes.moments[:, 0].sum(-1).log()

    def scale_m(self, coarsest: Tensor) -> Tensor:
        """Metres that each picture's height stands for, [B], from the coarsest features [B, C'', H'', W'']."""
        return MEAN_SCALE_M * torch.exp(self.scale(coarsest.mean((-1, -2))).float()[:, 0])


def positions(height: int, width: int, aspect: float, device: torch.device) -> Tensor:
    """What a cell knows of its place, [H' W', 5]: x, y, x^2, y^2 and x y about the picture's middle, scaled to about one. A Gaussian's logarithm is a
    sum of these."""
    x = (((torch.arange(width, device=device) + 0.5) / width - 0.5) * aspect * 4).repeat(height)
    y = (((torch.arange(height, device=device) + 0.5) / height - 0.5) * 4).repeat_interleave(width)
    return torch.stack([x, y, x.square(), y.square(), x * y], dim=1)


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


def cells_of(height: int, width: int, aspect: float, config: HeatmapConfig, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Middles of the columns [W'], rows [H'] and depth bins [D], in picture heights."""
    x = (torch.arange(width, device=device) + 0.5) / width * aspect
    return x, (torch.arange(height, device=device) + 0.5) / height, depths(config, device)


def gaussian(cells: Tensor, places: Tensor, deviation: float) -> Tensor:
    """A Gaussian about each place [B, P] over cells [S], of mean one: [B, P, S]."""
    return torch.softmax(-0.5 * ((cells - places[:, :, None]) / deviation).square(), dim=-1) * len(cells)


class HeatmapFeatures(nn.Module):
    """Volumes as features: P D channels on their grid to `fused_channels`, [B, C, H', W'].

    Each heatmap enters with mean one over its cells, so that neither the grid's size nor the number of points sets the scale.
    """

    def __init__(self, config: HeatmapConfig) -> None:
        super().__init__()
        self.config, self.depth = config, config.depth
        self.mix = nn.ParameterList(nn.Parameter(torch.empty(points * config.depth, config.fused_channels)) for points in config.fused_sets)
        for weight in self.mix:
            nn.init.normal_(weight, std=(config.fused_points * config.depth) ** -0.5)
        self.norm = nn.BatchNorm2d(config.fused_channels)

    def rendered(self, volumes: Sequence[Volumes], aspect: float) -> Tensor:
        """The same of Gaussians about the volumes' places: they are products of their axes, so that depth is summed first."""
        height, width = volumes[0].grid
        mixed: Tensor | float = 0.0
        for one, weight in zip(volumes, self.mix, strict=True):
            places = soft_argmax(one, self.config, aspect)                           # [B, P, 3]
            x, y, z = (gaussian(cells, places[:, :, axis], self.config.rendered) for axis, cells in enumerate(cells_of(
                height, width, aspect, self.config, places.device)))
            deep = torch.einsum("bpd,pdc->bpc", z, weight.unflatten(0, (-1, self.depth)))
            flat = (y[:, :, :, None] * x[:, :, None]).flatten(2).transpose(1, 2)     # [B, H' W', P]
            mixed = mixed + torch.bmm(flat.to(one.weights.dtype), deep.to(one.weights.dtype))
        assert isinstance(mixed, Tensor)
        return functional.relu(self.norm(mixed.transpose(1, 2).unflatten(2, volumes[0].grid)))

    def forward(self, volumes: Sequence[Volumes], aspect: float) -> Tensor:
        if self.config.rendered:
            return self.rendered(volumes, aspect)
        mixed: Tensor | float = 0.0
        for one, weight in zip(volumes, self.mix, strict=True):
            mean = one.moments[:, 0].sum(-1) / (one.weights.shape[1] * self.depth)   # [B, P]
            scaled = weight / mean.repeat_interleave(self.depth, dim=1)[:, :, None]  # [B, P D, C]: the heatmaps' norms, taken into the map
            mixed = mixed + torch.bmm(one.weights, scaled.to(one.weights.dtype))     # [B, H' W', C]
        assert isinstance(mixed, Tensor)
        return functional.relu(self.norm(mixed.transpose(1, 2).unflatten(2, volumes[0].grid)))


def read_at(maps: Tensor, places: Tensor, reach: float, aspect: float) -> Tensor:
    """What maps [B, C, H, W] hold about places [B, P, 2] (x and y in picture heights from the top left corner): [B, P, C].

    A mean over the cells, weighted by a Gaussian of standard deviation `reach` picture heights.
    """
    height, width = maps.shape[-2:]
    y = (torch.arange(height, device=maps.device) + 0.5) / height
    x = (torch.arange(width, device=maps.device) + 0.5) / width * aspect
    down, across = gaussian(y, places[:, :, 1], reach) / height, gaussian(x, places[:, :, 0], reach) / width
    weights = (down[:, :, :, None] * across[:, :, None]).flatten(2).to(maps.dtype)                                    # [B, P, H W]
    return torch.bmm(weights, maps.flatten(2).transpose(1, 2))


class AttentionFusion(nn.Module):
    """Two maps of the same channels weighed against each other, channel by channel and place by place (after Fan et al. 2024)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2 * channels, channels, 1)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        weight = torch.sigmoid(self.conv(torch.cat([a, b], dim=1)))
        return weight * a + (1 - weight) * b


def own_axes(points: Tensor, config: HeatmapConfig, real: Tensor | None) -> Tensor:
    """Points in the walker's own axes, whatever the view: [N, T, P, 3] about the root to the same shape (forward, left, up).

    The axes are those of the whole sequence: up from the root to the neck, left from the right hip and shoulder to the left ones.
    """
    known = masked_to_zero(points, real)
    return torch.einsum("nab,ntpb->ntpa", axes_of(known, config), known)


def axes_of(known: Tensor, config: HeatmapConfig) -> Tensor:
    """The walker's axes forward, left and up [N, 3, 3] in the viewing frame, from points [N, T, P, 3] about the root, zero where unknown."""
    up = functional.normalize((known[:, :, config.top] - known[:, :, 0]).sum(1), dim=-1)                              # [N, 3]
    across = (known[:, :, list(config.left)] - known[:, :, list(config.right)]).sum((1, 2))
    left = functional.normalize(across - (across * up).sum(-1, keepdim=True) * up, dim=-1)
    return torch.stack([torch.cross(left, up, dim=-1), left, up], dim=1)


def walking_direction(points: Tensor, config: HeatmapConfig, real: Tensor | None) -> Tensor:
    """cos and sin of h times the angle from the viewing ray to where the walker faces, h = 1 ... `turn`: [N, T, P, 3] to [N, 2 turn].

    At angle zero the walker faces the camera; points are about the root. No gradient: the direction is taken as it is.
    """
    forward = axes_of(masked_to_zero(points.detach(), real), config)[:, 0]                                            # [N, 3]
    angle = torch.atan2(forward[:, 0], -forward[:, 2])
    return torch.cat([function(h * angle)[:, None] for h in range(1, config.turn + 1) for function in (torch.cos, torch.sin)], dim=1)


class BodyFeatures(nn.Module):
    """View-free features of a walk: points in the walker's own axes, over time. [N, T, P, 3] to [N, C, body_parts]."""

    def __init__(self, config: HeatmapConfig, channels: int, width: int = 128) -> None:
        super().__init__()
        self.config = config
        self.norm = nn.BatchNorm1d(3 * config.fused_points)
        self.convs = nn.ModuleList([nn.Conv1d(3 * config.fused_points, width, 3, padding=1), nn.Conv1d(width, width, 3, padding=1)])
        self.norms = nn.ModuleList([nn.BatchNorm1d(width), nn.BatchNorm1d(width)])
        self.out = nn.Linear(2 * width, channels * config.body_parts)

    def forward(self, points: Tensor, real: Tensor | None) -> Tensor:
        about = own_axes(points - points[:, :, :1], self.config, real)
        x = self.norm(about.flatten(2).flatten(0, 1)).unflatten(0, points.shape[:2])                                  # [N, T, 3 P]
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = functional.relu(norm(conv(masked_to_zero(x, real).transpose(1, 2)))).transpose(1, 2)
        kept = masked_to_zero(x, real)
        count = x.new_full((len(x), 1), x.shape[1]) if real is None else real.sum(1, keepdim=True).clamp(min=1)
        both = torch.cat([kept.amax(1), kept.sum(1) / count], dim=1)  # after a ReLU: the padding's zero is no maximum
        return self.out(both).unflatten(1, (-1, self.config.body_parts))
