"""The true heatmaps of a walk as a second embedding of it, in training only: silhouettes learn to be near what the true 3D bodies tell."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from gaitbridge.models.backbones import ResidualBlock
from gaitbridge.models.heatmaps import HeatmapConfig, depths
from gaitbridge.models.necks import ModalityBatchNorm, SeparateLinear
from gaitbridge.models.pooling import horizontal_parts

DEVIATION = 0.03  # of the Gaussian at each joint, in picture heights
TRUTH = "truth"


class TrueHeatmaps(nn.Module):
    """True places of joints [N, T, J, 3] (in picture heights: `true_places`), and which frames are known [N, T], to an embedding [N, C, K]."""

    def __init__(self, config: HeatmapConfig, parts: int, embedding: int, aspect: float, channels: int = 64) -> None:
        super().__init__()
        self.config, self.parts, self.aspect = config, parts, aspect
        self.mix = nn.Parameter(torch.randn(config.joints, config.depth, channels) * (config.joints * config.depth) ** -0.5)
        self.norm = nn.BatchNorm2d(channels)
        self.block = ResidualBlock(channels, channels, 1)
        self.linear = SeparateLinear(parts, channels, embedding)
        self.neck = ModalityBatchNorm((TRUTH,), parts, embedding)

    def forward(self, places: Tensor, known: Tensor) -> Tensor:
        maps = self.block(functional.relu(self.norm(self.drawn(places.flatten(0, 1))))).unflatten(0, places.shape[:2])    # [N, T, C', H', W']
        pooled = torch.where(known[:, :, None, None, None], maps, 0.0).amax(1)       # after a ReLU: what is not known adds nothing
        return functional.normalize(self.neck(self.linear(horizontal_parts(pooled, self.parts)), TRUTH), dim=1)

    def drawn(self, places: Tensor) -> Tensor:
        """Mixed channels of a Gaussian at each place [B, J, 3]: [B, C', H', W'], H' one row a part. Depth is summed first."""
        width = round(self.parts * self.aspect)
        x = (torch.arange(width, device=places.device) + 0.5) / width * self.aspect
        y = (torch.arange(self.parts, device=places.device) + 0.5) / self.parts
        across, down, deep = (_gaussian(cells, places[..., axis]) for axis, cells in enumerate((x, y, depths(self.config, places.device))))
        mixed = torch.einsum("bjd,jdc->bjc", deep, self.mix)
        return torch.einsum("bjy,bjx,bjc->bcyx", down, across, mixed)


def _gaussian(cells: Tensor, places: Tensor) -> Tensor:
    """A Gaussian about each place [B, J] over cells [S], of mean one: [B, J, S]."""
    return torch.softmax(-0.5 * ((cells - places[..., None]) / DEVIATION).square(), dim=-1) * len(cells)
