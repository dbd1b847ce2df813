"""The dual-branch encoder of silhouettes: a shared stem, a 2D branch, a 3D branch of heatmaps, and their fusion."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from gaitbridge.conventions import CAMERA, LIDAR
from gaitbridge.models.backbones import ResidualBlock
from gaitbridge.models.convolutions import convolution
from gaitbridge.models.heatmap_features import AttentionFusion, HeatmapFeatures, Kept
from gaitbridge.models.heatmaps import Branched, HeatmapBranch, HeatmapConfig, Volumes, soft_argmax, spread
from gaitbridge.models.pooling import temporal_max
from gaitbridge.models.temporal import TemporalMix, real_frames

Backbone = Literal["resnet9", "pseudo3d"]
PREFIX = {CAMERA: "", LIDAR: "lidar_"}  # of names of what is read off, of its truth and its losses, by whose heatmaps they are


class Encoded(NamedTuple):
    """Frame maps [N, T, C, H, W]; what the 3D branch gives, from which points are read off, or None; where the volumes are concatenated last their
    features on the same grid [N, T', C', H, W], of every so many-th frame."""

    maps: Tensor
    branch: Branched | None
    beside: Tensor | None = None
    every: int = 1


class FusedEncoder(nn.Module):
    """Prepared pictures [N, T, channels_in, H, W], one channel of silhouettes, and frame counts [N] to `Encoded`. Without heatmaps it is the plain
    backbone.

    `channels` of what `pooled` gives are the 2D branch's, then those that the volumes add where both are concatenated last.
    """

    def __init__(self, backbone: Backbone, channels: Sequence[int], strides: Sequence[int], stem_stride: int, size: tuple[int, int],
                 heatmaps: HeatmapConfig | None, channels_in: int = 1) -> None:
        super().__init__()
        self.config, self.aspect = heatmaps, size[1] / size[0]
        self.stem = nn.Sequential(convolution(channels_in, channels[0], 3, stem_stride), nn.BatchNorm2d(channels[0]), nn.ReLU())
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
        self.kept: Kept | None = None
        width = sizes[self.fused_at]
        if self.beside:
            self.channels = width + heatmaps.fused_channels
        elif heatmaps.fusion == "attention":
            self.widen = nn.Conv2d(heatmaps.fused_channels, width, 1)
            self.attend = AttentionFusion(width)

    @property
    def beside(self) -> bool:
        """Whether the volumes' features come last of all, beside the 2D branch's maps."""
        return self.config is not None and self.config.fusion == "concatenate" and self.fused_at == len(self.stages)

    def forward(self, x: Tensor, frames: Tensor, every: int = 1) -> Encoded:
        """every: with more than 1 the 3D branch sees every so many-th frame alone, and `Encoded.branch` is of these."""
        count, length = x.shape[:2]
        real = real_frames(frames, length)
        low = self.stem(x.flatten(0, 1).contiguous(memory_format=torch.channels_last))      # [N T, C0, H0, W0]
        shared, shape = self.config.shared if self.config is not None else 0, (count, length)
        maps = low = self.staged(low, 0, shared, shape, real)
        if self.config is None:
            return Encoded(self.staged(maps, 0, len(self.stages), shape, real).unflatten(0, shape), None)
        maps = self.staged(maps, shared, self.fused_at, shape, real)
        seen, seen_real = every_nth(low.unflatten(0, shape), every), None if real is None else real[:, ::every]
        branch = self.branch(seen, seen_real)
        if self.config.fusion == "none":
            return Encoded(maps.unflatten(0, shape), branch)
        features = resized(self.volume_features(branch.features), maps)                     # [N T', C', H, W]
        if self.beside:
            return Encoded(maps.unflatten(0, shape), branch, features.unflatten(0, (count, -1)), every)
        maps = self.staged(self.fused(maps, given_to_all(features, every, shape)), self.fused_at, len(self.stages), shape, real)
        return Encoded(maps.unflatten(0, shape), branch)                                    # [N, T, C, H, W]

    def pooled(self, encoded: Encoded, frames: Tensor) -> Tensor:
        """The largest over each sequence's frames, of what the volumes add as well: [N, C, H, W]."""
        pooled = temporal_max(encoded.maps, frames)
        if encoded.beside is None:
            return pooled
        return torch.cat([pooled, temporal_max(encoded.beside, (frames + encoded.every - 1) // encoded.every).to(pooled.dtype)], dim=1)

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

    def volume_features(self, branch: Tensor) -> Tensor:
        """What recognition takes from the 3D branch's features [B, C', H', W']: [B, C'', H', W'] on the same grid."""
        assert self.config is not None
        eager = not (self.training or torch.compiler.is_compiling() or torch.compiler.is_exporting() or torch.jit.is_tracing())
        if eager and branch.device.type == "cpu" and branch.dtype == torch.float32 and not torch.is_grad_enabled() \
                and not torch.is_autocast_enabled("cpu"):
            kept = self.kept or self.constants()
            return self.features.in_the_cache(self.branch.cells(branch), kept, (branch.shape[-2], branch.shape[-1]))
        found: Tensor = self.features(self.used(branch))
        return found

    def constants(self) -> Kept:
        """What `volume_features` multiplies with, from the weights as they are."""
        assert self.config is not None
        heads = [self.branch.head("joints", self.config.fused_joints)]
        heads += [self.branch.head("markers")] if self.config.fused == "all" else []
        return self.features.constants(heads)

    def keep_constants(self) -> None:
        """Make them once, for weights that will not change."""
        if self.config is not None and self.config.fusion != "none":
            self.kept = self.constants()

    def read_off(self, encoded: Encoded, places: Tensor | None = None) -> dict[str, Tensor]:
        """For training and on demand, never for an embedding: `points` [N, T, J + M, 3], joints then markers, in picture heights; their
        `spread` [N, T, J + M]; `scale_m` [N, T]; with true places [N, T, J + M, 3] also their `log_likelihood` [N, T, J + M], and with two scales
        `coarse_log_likelihood`."""
        if self.config is None or encoded.branch is None:
            raise ValueError("this network has no 3D branch")
        features, kinds = encoded.branch.features, ("joints", "markers")
        volumes = [self.branch.volumes(features, kind) for kind in kinds]
        found = {"points": torch.cat([soft_argmax(one, self.config, self.aspect) for one in volumes], dim=1),
                 "spread": torch.cat([spread(one, self.config) for one in volumes], dim=1),
                 "scale_m": self.branch.scale_m(encoded.branch.coarsest)}
        if places is not None:
            sides = places.flatten(0, 1).split([self.config.joints, self.config.markers], dim=1)
            found["log_likelihood"] = torch.cat([
                self.branch.log_likelihood(features, one, self.branch.head(kind), side)
                for one, kind, side in zip(volumes, kinds, sides, strict=True)], dim=1)
            if (coarser := encoded.branch.coarser) is not None and self.config.two_scales:
                found["coarse_log_likelihood"] = torch.cat([
                    self.branch.log_likelihood(coarser, self.branch.coarse_volumes(coarser, kind), self.branch.coarse_head(kind), side)
                    for kind, side in zip(kinds, sides, strict=True)], dim=1)
        return {name: value.unflatten(0, encoded.maps.shape[:2]) for name, value in found.items()}

    def fused(self, maps: Tensor, volumes: Tensor) -> Tensor:
        """2D maps [B, C, H, W] and the volumes' features [B, C', H, W] to fused maps."""
        if self.config is not None and self.config.fusion == "attention":
            mixed: Tensor = self.attend(maps, self.widen(volumes))
            return mixed
        return torch.cat([maps, volumes.to(maps.dtype)], dim=1)


def resized(features: Tensor, like: Tensor) -> Tensor:
    """Features [B', C', H', W'] on the grid of maps [B, C, H, W]."""
    if features.shape[-2:] == like.shape[-2:]:
        return features
    return functional.interpolate(features, size=like.shape[-2:], mode="bilinear", align_corners=False)


def every_nth(x: Tensor, every: int) -> Tensor:
    """Every so many-th frame of [N, T, ...], the first among them."""
    return x if every == 1 else x[:, ::every]


def given_to_all(features: Tensor, every: int, shape: tuple[int, int]) -> Tensor:
    """Features [N T', ...] of every so many-th frame given to the frames until the next one: [N T, ...]; shape: (N, T)."""
    if every == 1:
        return features
    return features.unflatten(0, (shape[0], -1)).repeat_interleave(every, dim=1)[:, : shape[1]].flatten(0, 1)


def of_one(named: Mapping[str, Tensor], modality: str) -> dict[str, Tensor]:
    """What belongs to one modality's heatmaps, by its name without the prefix."""
    if modality != CAMERA:
        prefix = PREFIX[modality]
        return {name.removeprefix(prefix): value for name, value in named.items() if name.startswith(prefix)}
    return {name: value for name, value in named.items() if not name.startswith(PREFIX[LIDAR])}


def true_places(truth: Mapping[str, Tensor]) -> Tensor | None:
    """Where joints and markers [N, T, J + M, 3] are in a batch's pictures, in picture heights from the top left corner and about the root in depth;
    None without truth. truth: `joints`, `markers` [N, T, P, 3] in metres about the root, `root` [N, T, 2], `scale_m` [N, T]."""
    if not {"joints", "markers", "root", "scale_m"} <= set(truth):
        return None
    points = torch.cat([truth["joints"], truth["markers"]], dim=2) / truth["scale_m"][..., None, None]
    root = torch.cat([truth["root"], torch.zeros_like(truth["root"][..., :1])], dim=-1)
    return (points + root[:, :, None]).nan_to_num()
