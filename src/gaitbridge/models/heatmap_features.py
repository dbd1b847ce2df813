"""Heatmaps as features: what recognition takes from the volumes, and their fusion with the silhouettes' maps."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from gaitbridge.models.heatmaps import HeatmapConfig, Volumes

IN_THE_CACHE = 2**18  # weights of volumes that exist at a time where no gradients are asked for: more leave the cache (measured)


class Kept(NamedTuple):
    """What the volumes are made and mixed with, of each set of points: cells and a one to logits [C' + 1, P D], and logits' exponentials to features
    [P D, C], the norm after them taken in; bias [C]."""

    to_logits: tuple[Tensor, ...]
    mix: tuple[Tensor, ...]
    bias: Tensor


class HeatmapFeatures(nn.Module):
    """Volumes as features: P D channels on their grid to `fused_channels`, [B, C, H', W'].

    Each heatmap enters with mean one over its cells, so that neither the grid's size nor the number of points sets the scale.
    """

    def __init__(self, config: HeatmapConfig) -> None:
        super().__init__()
        self.depth = config.depth
        self.mix = nn.ParameterList(nn.Parameter(torch.empty(points * config.depth, config.fused_channels)) for points in config.fused_sets)
        for weight in self.mix:
            nn.init.normal_(weight, std=(config.fused_points * config.depth) ** -0.5)
        self.norm = nn.BatchNorm2d(config.fused_channels)

    def forward(self, volumes: Sequence[Volumes]) -> Tensor:
        mixed: Tensor | float = 0.0
        for one, weight in zip(volumes, self.mix, strict=True):
            mean = one.moments[:, 0].sum(-1) / (one.weights.shape[1] * self.depth)   # [B, P]
            mixed = mixed + torch.bmm(one.weights, self.scaled(weight, mean).to(one.weights.dtype))  # [B, H' W', C]
        assert isinstance(mixed, Tensor)
        return functional.relu(self.norm(mixed.transpose(1, 2).unflatten(2, volumes[0].grid)))

    def scaled(self, weight: Tensor, mean: Tensor) -> Tensor:
        """The heatmaps' norms, taken into the map: weight [P D, C] and the volumes' means [B, P] to [B, P D, C]."""
        return (weight.unflatten(0, (-1, self.depth)) / mean[:, :, None, None]).flatten(1, 2)

    def constants(self, heads: Sequence[tuple[Tensor, Tensor]]) -> Kept:
        """From the heads of each set of points, weight [P D, C'] and bias [P D], and this module's own weights, for inference."""
        norm = self.norm
        assert norm.running_mean is not None
        assert norm.running_var is not None
        scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
        to_logits = tuple(torch.cat([weight, bias[:, None]], dim=1).t().contiguous() for weight, bias in heads)
        return Kept(to_logits, tuple(mix * scale for mix in self.mix), norm.bias - norm.running_mean * scale)

    def in_the_cache(self, cells: Tensor, kept: Kept, grid: tuple[int, int]) -> Tensor:
        """The same straight from the cells [B, H' W', C'], without gradients: [B, C, H', W'].

        Some frames at a time: their volumes are made, used and made again in the same memory. No moments but the sum are computed.
        """
        count, places, _ = cells.shape
        rows = torch.cat([cells, cells.new_ones(count, places, 1)], dim=2).flatten(0, 1)                # [B H' W', C' + 1]
        mixed = kept.bias.expand(count, places, -1).contiguous()                                        # [B, H' W', C]
        for to_logits, mix in zip(kept.to_logits, kept.mix, strict=True):
            some = min(count, max(1, IN_THE_CACHE // (places * to_logits.shape[1])))
            memory = cells.new_empty(some * places, to_logits.shape[1])
            for start in range(0, count, some):
                end = min(count, start + some)
                weights = memory[: (end - start) * places]
                torch.mm(rows[start * places : end * places], to_logits, out=weights)
                volumes = weights.exp_().unflatten(0, (-1, places))                                     # [b, H' W', P D]
                mean = volumes.mean(1).unflatten(1, (-1, self.depth)).mean(-1)                          # [b, P]
                mixed[start:end].baddbmm_(volumes, self.scaled(mix, mean))
        return mixed.relu_().transpose(1, 2).unflatten(2, grid)


class AttentionFusion(nn.Module):
    """Two maps of the same channels weighed against each other, channel by channel and place by place (after Fan et al. 2024)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2 * channels, channels, 1)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        weight = torch.sigmoid(self.conv(torch.cat([a, b], dim=1)))
        return weight * a + (1 - weight) * b
