"""Supervised contrastive losses over samples of the same person: of both sensors together, or from one sensor to the other
(Khosla et al. 2020, equation 2, L_out)."""

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


def cross_contrastive(a: Tensor, b: Tensor, people: Tensor, temperature: float = 0.1) -> Tensor:
    """As `supervised_contrastive`, but each row of `a` is held against the rows of `b` alone, and back; the rows of both are of `people`.

    a, b [N, C, K]: what lies near its like in the same modality anyway adds nothing.
    """
    one, other = (functional.normalize(x.float(), dim=1).permute(2, 0, 1) for x in (a, b))
    logits = one @ other.transpose(1, 2) / temperature  # [K, N, N]
    positive = (people[:, None] == people[None]).float()
    share = positive / positive.sum(-1, keepdim=True)  # symmetric: a person has as many rows in both
    return -((logits.log_softmax(-1) + logits.log_softmax(-2)) * share).sum(-1).mean() / 2
