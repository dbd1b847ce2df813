"""InfoNCE between the two embeddings of a pair (van den Oord et al. 2018; both directions as in CLIP, Radford et al. 2021)."""

import torch
from torch import Tensor
from torch.nn import functional


def info_nce(a: Tensor, b: Tensor, temperature: float = 0.1, people: Tensor | None = None) -> Tensor:
    """Row i of `a` [N, C, K] must find row i of `b` [N, C, K] among all rows, and back; by part, on unit vectors.

    With `people` [N], other rows of the same person do not count as negatives.
    """
    a, b = functional.normalize(a.float(), dim=1).permute(2, 0, 1), functional.normalize(b.float(), dim=1).permute(2, 0, 1)
    logits = a @ b.transpose(1, 2) / temperature  # [K, N, N]
    number = torch.arange(logits.shape[1], device=a.device)
    if people is not None:
        mates = (people[:, None] == people[None]) & (number[:, None] != number[None])
        logits = logits.masked_fill(mates[None], float("-inf"))
    target = number.expand(len(logits), -1)
    return (functional.cross_entropy(logits.transpose(1, 2), target) + functional.cross_entropy(logits, target)) / 2
