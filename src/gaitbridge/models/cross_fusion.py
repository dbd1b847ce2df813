"""Feature maps of two sensors made one: each attends to the other, pixel by pixel (as the teacher of UniCrossGait is described)."""

import torch
from torch import Tensor, nn


class CrossFusion(nn.Module):
    """Maps [N, C, H, W] of two sensors to one [N, C, H, W]: both ways of cross-attention, side by side through 1x1 - norm - rectifier - 1x1."""

    def __init__(self, channels: int, heads: int = 8, dropout: float = 0.1) -> None:
        super().__init__()
        self.attend = nn.ModuleList(nn.MultiheadAttention(channels, heads, dropout, batch_first=True) for _ in range(2))
        self.mix = nn.Sequential(nn.Conv2d(2 * channels, channels, 1), nn.BatchNorm2d(channels), nn.LeakyReLU(0.02), nn.Conv2d(channels, channels, 1))

    def forward(self, one: Tensor, other: Tensor) -> Tensor:
        tokens = [x.flatten(2).transpose(1, 2) for x in (one, other)]  # [N, H W, C]
        found = [attend(own, given, given, need_weights=False)[0] for attend, own, given in zip(self.attend, tokens, tokens[::-1], strict=True)]
        mixed: Tensor = self.mix(torch.cat(found, dim=2).transpose(1, 2).unflatten(2, one.shape[2:]))
        return mixed
