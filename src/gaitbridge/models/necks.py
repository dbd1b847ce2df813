"""The head's part-wise layers."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class SeparateLinear(nn.Module):
    """One linear map for each part: [N, C, K] to [N, C', K] ("separate FCs" of GaitSet, Chao et al. 2019)."""

    def __init__(self, parts: int, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(parts, channels_in, channels_out))
        nn.init.xavier_uniform_(self.weight)

    def forward(self, x: Tensor) -> Tensor:
        return (x.permute(2, 0, 1).contiguous() @ self.weight).permute(1, 2, 0)  # each part's matrix in one piece


class ModalityBatchNorm(nn.Module):
    """Batch norm without scale and shift over each (channel, part), with statistics of its own for each modality.

    A constant offset between the modalities ruins retrieval across them; own statistics take it away (docs/ledger/diffcrossgait.md). Without
    an affine part the output can neither shrink nor become constant, which also keeps the diffusion's latents from collapsing.
    """

    def __init__(self, modalities: Sequence[str], parts: int, channels: int) -> None:
        super().__init__()
        self.norms = nn.ModuleDict({name: nn.BatchNorm1d(parts * channels, affine=False) for name in modalities})

    def forward(self, x: Tensor, modality: str) -> Tensor:
        normal: Tensor = self.norms[modality](x.float().flatten(1))  # statistics in float32 under autocast
        return normal.view(x.shape)
