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
        single = torch.promote_types(x.dtype, torch.float32)
        unit = functional.normalize(x.to(single).permute(2, 0, 1).contiguous(), dim=-1)             # [K, N, C]
        logits = self.scale * unit @ functional.normalize(self.weight.to(single), dim=1)            # [K, N, people]
        return logits.permute(1, 2, 0)


def cross_entropy(logits: Tensor, people: Tensor, smoothing: float = 0.1) -> Tensor:
    """Mean over samples and parts. logits [N, people, K], people int64 [N]."""
    rows = logits.permute(2, 0, 1).flatten(0, 1)  # as the classifier lays them, without a copy
    return functional.cross_entropy(rows, people.repeat(logits.shape[2]), label_smoothing=smoothing)
