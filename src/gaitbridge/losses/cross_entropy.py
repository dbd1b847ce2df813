"""Identity cross-entropy by part with a cosine classifier (Wang et al. 2018, NormFace; as BNNeck classifiers in gait recognition)."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class CosineClassifier(nn.Module):
    """Logits = scale * cosine between an embedding's part and each person's weight: [N, C, K] to [N, people, K]."""

    def __init__(self, parts: int, channels: int, people: int, scale: float = 16.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(parts, channels, people))
        nn.init.xavier_uniform_(self.weight)
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        unit = functional.normalize(x.float(), dim=1)
        return self.scale * torch.einsum("nck,kcp->npk", unit, functional.normalize(self.weight.float(), dim=1))


def cross_entropy(logits: Tensor, people: Tensor, smoothing: float = 0.1) -> Tensor:
    """Mean over samples and parts. logits [N, people, K], people int64 [N]."""
    return functional.cross_entropy(logits, people[:, None].expand(-1, logits.shape[2]), label_smoothing=smoothing)
