"""Supervised contrastive loss over all samples of the same person, of both sensors (Khosla et al. 2020, equation 2, L_out)."""

import torch
from torch import Tensor
from torch.nn import functional


def supervised_contrastive(embeddings: Tensor, people: Tensor, temperature: float = 0.1) -> Tensor:
    """-mean over anchors and their positives of log softmax of the cosine / temperature, by part. embeddings [N, C, K], people [N].

    The samples of both modalities are stacked before the call. Anchors without a positive do not count; zero where there are none.
    """
    unit = functional.normalize(embeddings.float(), dim=1).permute(2, 0, 1)
    logits = unit @ unit.transpose(1, 2) / temperature  # [K, N, N]
    itself = torch.eye(len(people), dtype=torch.bool, device=people.device)
    log_share = logits - logits.masked_fill(itself[None], float("-inf")).logsumexp(-1, keepdim=True)
    positive = (people[:, None] == people[None]) & ~itself
    count = positive.sum(-1)
    per_anchor = -(log_share * positive[None]).sum(-1) / count.clamp(min=1)  # [K, N]
    return (per_anchor * (count > 0)[None]).sum() / (count > 0).sum().clamp(min=1) / len(logits)
