"""Prototypes that the parts of all sensors attend to: what is said in terms of them is said alike (CrossGait's idea)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class PrototypeAttention(nn.Module):
    """Part features f [N, C, K] of one modality m to [N, C, K]: u = f + A_m(f), u + softmax(W u P^T / sqrt(C)) V.

    A_m is a small adapter of the modality's own; W, the M prototypes P [M, C] and what they stand for, V [M, C], are common to all.
    """

    def __init__(self, modalities: Sequence[str], channels: int, prototypes: int) -> None:
        super().__init__()
        self.adapt = nn.ModuleDict({name: nn.Sequential(nn.Linear(channels, channels), nn.ReLU(), nn.Linear(channels, channels))
                                    for name in modalities})
        self.ask = nn.Linear(channels, channels, bias=False)
        self.keys = nn.Parameter(torch.randn(prototypes, channels))
        self.values = nn.Parameter(torch.randn(prototypes, channels) * channels**-0.5)

    def forward(self, features: Tensor, modality: str) -> Tensor:
        parts = features.transpose(1, 2)                                                      # [N, K, C]
        adapted = parts + self.adapt[modality](parts)
        share = torch.softmax(self.ask(adapted) @ self.keys.T / parts.shape[-1] ** 0.5, -1)   # [N, K, M]
        return (adapted + share @ self.values).transpose(1, 2)
