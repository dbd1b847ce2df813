"""The dual-branch encoder of silhouettes: a shared stem, a 2D branch, a 3D branch of heatmaps, and their fusion."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from gaitbridge.models.backbones import ResidualBlock
from gaitbridge.models.convolutions import convolution
from gaitbridge.models.heatmaps import (
    AttentionFusion,
    HeatmapBranch,
    HeatmapConfig,
    HeatmapFeatures,
    Volumes,
    soft_argmax,
    spread,
)
from gaitbridge.models.temporal import TemporalMix, real_frames

Backbone = Literal["resnet9", "pseudo3d"]


class Encoded(NamedTuple):
    """Frame maps [N, T, C, H, W], and what the 3D branch gives, from which points are read off: its features on the volumes' grid and its coarsest
    ones, or None."""

    maps: Tensor
    branch: tuple[Tensor, Tensor] | None


class FusedEncoder(nn.Module):
    """Prepared silhouettes [N, T, 1, H, W] and frame counts [N] to `Encoded`. Without heatmaps it is the plain silhouette backbone.

    `channels` of its maps are the 2D branch's, then those that the volumes add where both are concatenated last.
    """

    def __init__(self, backbone: Backbone, channels: Sequence[int], strides: Sequence[int], stem_stride: int, size: tuple[int, int],
                 heatmaps: HeatmapConfig | None) -> None:
        super().__init__()
        self.config, self.aspect = heatmaps, size[1] / size[0]
        self.stem = nn.Sequential(convolution(1, channels[0], 3, stem_stride), nn.BatchNorm2d(channels[0]), nn.ReLU())
        sizes = [channels[0], *channels]
        inputs, self.fused_at = list(sizes), len(channels)
        if heatmaps is not None and heatmaps.fusion != "none":
            self.fused_at -= heatmaps.fuse_before
            if self.fused_at < heatmaps.shared:
                raise ValueError(f"{len(channels)} stages cannot share {heatmaps.shared} and have {heatmaps.fuse_before} after the fusion")
        if self.fused_at < len(channels) and heatmaps is not None and heatmaps.fusion == "concatenate":
            inputs[self.fused_at] += heatmaps.fused_channels
        self.stages = nn.ModuleList(ResidualBlock(a, b, s) for a, b, s in zip(inputs, channels, strides, strict=False))
        self.mixes = nn.ModuleList(TemporalMix(width) for width in channels[1:]) if backbone == "pseudo3d" else None
        self.channels = channels[-1]
        if heatmaps is None:
            return
        self.branch = HeatmapBranch(heatmaps, sizes[heatmaps.shared], self.aspect)
        if heatmaps.fusion != "none":
            self.features = HeatmapFeatures(heatmaps)
        last, width = self.fused_at == len(channels), sizes[self.fused_at]
        if heatmaps.fusion == "concatenate" and last:
            self.channels = width + heatmaps.fused_channels
        elif heatmaps.fusion == "attention":
            self.widen = nn.Conv2d(heatmaps.fused_channels, width, 1)
            self.attend = AttentionFusion(width)

    def forward(self, x: Tensor, frames: Tensor) -> Encoded:
        count, length = x.shape[:2]
        real = real_frames(frames, length)
        low = self.stem(x.flatten(0, 1).contiguous(memory_format=torch.channels_last))      # [N T, C0, H0, W0]
        shared, shape = self.config.shared if self.config is not None else 0, (count, length)
        maps = low = self.staged(low, 0, shared, shape, real)
        if self.config is None:
            return Encoded(self.staged(maps, 0, len(self.stages), shape, real).unflatten(0, shape), None)
        maps = self.staged(maps, shared, self.fused_at, shape, real)
        branch = self.branch(low.unflatten(0, shape), real)                                 # [N T, C', H', W'] and the coarsest
        if self.config.fusion != "none":
            maps = self.fused(maps, self.features(self.used(branch[0])))                    # [N T, C, H, W]
        maps = self.staged(maps, self.fused_at, len(self.stages), shape, real)
        return Encoded(maps.unflatten(0, shape), branch)                                    # [N, T, C, H, W]

    def staged(self, maps: Tensor, first: int, last: int, shape: tuple[int, int], real: Tensor | None) -> Tensor:
        """Maps [N T, C, H, W] through the 2D branch's stages first ... last - 1."""
        for number in range(first, last):
            maps = self.stages[number](maps)
            if self.mixes is not None and number > 0:
                maps = self.mixes[number - 1](maps.unflatten(0, shape), real).flatten(0, 1)
        return maps

    def used(self, branch: Tensor) -> list[Volumes]:
        """The volumes that recognition uses."""
        assert self.config is not None
        used = [self.branch.volumes(branch, "joints", self.config.fused_joints)]
        if self.config.fused == "all":
            used.append(self.branch.volumes(branch, "markers"))
        return [one.detached() for one in used] if self.config.detach else used

    def read_off(self, encoded: Encoded, places: Tensor | None = None) -> dict[str, Tensor]:
        """For training and on demand, never for an embedding: `points` [N, T, J + M, 3], joints then markers, in picture heights; their
        `spread` [N, T, J + M]; `scale_m` [N, T]; with true places [N, T, J + M, 3] also their `log_likelihood` [N, T, J + M]."""
        if self.config is None or encoded.branch is None:
            raise ValueError("this network has no 3D branch")
        features = encoded.branch[0]
        volumes = [self.branch.volumes(features, kind) for kind in ("joints", "markers")]
        found = {"points": torch.cat([soft_argmax(one, self.config, self.aspect) for one in volumes], dim=1),
                 "spread": torch.cat([spread(one, self.config) for one in volumes], dim=1),
                 "scale_m": self.branch.scale_m(encoded.branch[1])}
        if places is not None:
            sides = places.flatten(0, 1).split([self.config.joints, self.config.markers], dim=1)
            both = zip(volumes, ("joints", "markers"), sides, strict=True)
            found["log_likelihood"] = torch.cat([self.branch.log_likelihood(features, one, kind, side) for one, kind, side in both], dim=1)
        return {name: value.unflatten(0, encoded.maps.shape[:2]) for name, value in found.items()}

    def fused(self, maps: Tensor, volumes: Tensor) -> Tensor:
        """2D maps [B, C, H, W] and the volumes' features [B, C', H', W'] to fused maps on the first's grid."""
        if volumes.shape[-2:] != maps.shape[-2:]:
            volumes = functional.interpolate(volumes, size=maps.shape[-2:], mode="bilinear", align_corners=False)
        if self.config is not None and self.config.fusion == "attention":
            mixed: Tensor = self.attend(maps, self.widen(volumes))
            return mixed
        return torch.cat([maps, volumes.to(maps.dtype)], dim=1)


def true_places(truth: Mapping[str, Tensor]) -> Tensor | None:
    """Where joints and markers [N, T, J + M, 3] are in a batch's pictures, in picture heights from the top left corner and about the root in depth;
    None without truth. truth: `joints`, `markers` [N, T, P, 3] in metres about the root, `root` [N, T, 2], `scale_m` [N, T]."""
    if not {"joints", "markers", "root", "scale_m"} <= set(truth):
        return None
    points = torch.cat([truth["joints"], truth["markers"]], dim=2) / truth["scale_m"][..., None, None]
    root = torch.cat([truth["root"], torch.zeros_like(truth["root"][..., :1])], dim=-1)
    return (points + root[:, :, None]).nan_to_num()
