"""LidarGait++'s way from points to features of bands of height (Shen et al. 2025): three levels of fewer points, one of all that are left."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from gaitbridge.config import Channels, Config, Count, OfStages, Strips
from gaitbridge.models.point_sets import Level, height_bands, largest_shown, prepare_points, shown

RADII = (0.1, 0.2, 0.4)  # of the three levels, in parts of the body's extent
FRAMES_AT_ONCE = 16  # at inference: bounds memory
Points = Annotated[int, Field(ge=1, le=65_536)]


class LevelsConfig(Config):
    """Which points are seen, and the sizes of the levels; the defaults are those for FreeGait."""

    points: Points = 256
    """Drawn of each frame, with replacement."""
    width: Channels = 32
    """The levels' channels are multiples of it: 4, 8 and 16 times as many."""
    centres: tuple[Points, Points, Points] = (256, 192, 128)
    """Points that each level leaves, the farthest from each other."""
    neighbours: Count = 16
    """Nearest points that make the features of one."""

    @model_validator(mode="after")
    def _fits_points(self) -> Self:
        given = (self.points, *self.centres)
        if any(after > before for before, after in pairwise(given)):
            raise ValueError(f"centres are {list(self.centres)} of {self.points} points: each level leaves at most as many as it is given")
        if self.neighbours > self.centres[1]:
            raise ValueError(f"neighbours are {self.neighbours}, but the third level is given {self.centres[1]} points: take fewer")
        return self


class PointsConfig(LevelsConfig):
    """Sizes of an encoder of points that pools them by bands of height in metres."""

    features: Channels = 256
    """Of a point in the end."""
    bins: OfStages[Strips] = (1, 2, 4, 8, 16)
    """Bands of height at each level of pooling."""

    @model_validator(mode="after")
    def _fits_bands(self) -> Self:
        if any(max(self.bins) % bands for bands in self.bins):
            raise ValueError(f"bins are {list(self.bins)}: each must divide the largest, {max(self.bins)}")
        return self


class PointEncoder(nn.Module):
    """Prepared points of frames [B, P, 4] to features of bands of height [B, C, K].

    bins: how many bands at each level of pooling. of_body: they divide the frame's own height and begin at its top, as the strips of a picture cut
    to the person do; otherwise they divide 2 m and begin at the ground.
    """

    def __init__(self, config: LevelsConfig, features: int, bins: Sequence[int], of_body: bool = False) -> None:
        super().__init__()
        self.bins, self.of_body = tuple(bins), of_body
        width, before, levels = config.width, 0, []
        for number, (centres, radius) in enumerate(zip(config.centres, RADII, strict=True)):
            own = width << number
            levels.append(Level(centres, config.neighbours, radius, (4 + before, 2 * own, 2 * own, 4 * own)))
            before = 4 * own
        levels.append(Level(None, 0, 1.0, (4 + before, before, before, features)))
        self.levels = nn.ModuleList(levels)

    def forward(self, points: Tensor) -> Tensor:
        if not self.training and not torch.compiler.is_exporting() and len(points) > FRAMES_AT_ONCE:
            return torch.cat([self(some) for some in points.split(FRAMES_AT_ONCE)])
        top = points[..., 3].amax(1, keepdim=True).clamp(min=1e-6)                      # [B, 1]
        features: Tensor | None = None
        for level in self.levels:
            points, features = level(points, features)                                  # [B, S, 4], [B, S, C]
        assert features is not None
        if self.of_body:
            return height_bands(features, points[..., 3], self.bins, top).flip(2)
        return height_bands(features, points[..., 3], self.bins)


def seen_points(points: Tensor) -> Tensor:
    """Points [N, T, P, 3] in metres, or [N, T, P, 4] prepared, NaN where a frame has none, as the encoder takes them: [N T, P, 4]."""
    prepared = points if points.shape[-1] == 4 else prepare_points(points)
    return prepared.flatten(0, 1).nan_to_num(0.0)


def over_frames(bands: Tensor, points: Tensor, frames: Tensor) -> Tensor:
    """The largest over real frames [N] that have points [N, T, P, 3 or 4] of features [N T, C, K]: [N, C, K]."""
    return largest_shown(bands.unflatten(0, points.shape[:2]), shown(points, frames))
