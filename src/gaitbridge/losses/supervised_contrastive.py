"""Supervised contrastive losses over samples of the same person: of both sensors together, or from one sensor to the other
(Khosla et al. 2020, equation 2, L_out)."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional


def supervised_contrastive(embeddings: Tensor, people: Tensor, temperature: float = 0.1) -> Tensor:
    """-mean over anchors and their positives of log softmax of the cosine / temperature, by part. embeddings [N, C, K], people [N].

    The samples of both modalities are stacked before the call. Anchors without a positive do not count; zero where there are none.
    """
    unit = functional.normalize(_by_part(embeddings), dim=-1)
    positive = (people[:, None] == people[None]) & ~torch.eye(len(people), dtype=torch.bool, device=people.device)
    found: Tensor = _MeanLogShare.apply(unit, positive.to(unit.dtype), temperature)
    return found


class _MeanLogShare(torch.autograd.Function):
    """Of unit vectors [K, N, C] and positives [N, N] the loss, whose gradient (share less target) is taken on the way: two passes over the pairs."""

    @staticmethod
    def forward(ctx: Any, unit: Tensor, positive: Tensor, temperature: float) -> Tensor:
        count = positive.sum(-1)  # [N]
        anchors = (count > 0).to(unit.dtype)
        target = positive / count.clamp(min=1)[:, None]
        logits = unit @ unit.transpose(1, 2) / temperature  # [K, N, N]
        logits.diagonal(dim1=1, dim2=2).fill_(torch.finfo(logits.dtype).min)  # itself is no choice; alone, it has no gradient
        normal = logits.logsumexp(-1)  # [K, N]
        agreement = (unit * (target @ unit)).sum(-1) / temperature  # [K, N]: the mean logit of an anchor's positives
        weight = anchors / (anchors.sum().clamp(min=1) * len(unit))  # [N]
        if ctx.needs_input_grad[0]:
            excess = logits.softmax(-1).sub_(target).mul_(weight[:, None] / temperature)
            ctx.save_for_backward((excess + excess.transpose(1, 2)) @ unit)
        return torch.where(anchors > 0, normal - agreement, 0.0).mul(weight).sum()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (of_unit,) = ctx.saved_tensors
        return gradient * of_unit, None, None


def _by_part(x: Tensor) -> Tensor:
    """[N, C, K] in at least single precision to [K, N, C] in one piece: a product of few large steps."""
    return x.to(torch.promote_types(x.dtype, torch.float32)).permute(2, 0, 1).contiguous()


def cross_contrastive(a: Tensor, b: Tensor, people: Tensor, temperature: float = 0.1) -> Tensor:
    """As `supervised_contrastive`, but each row of `a` is held against the rows of `b` alone, and back; the rows of both are of `people`.

    a, b [N, C, K]: what lies near its like in the same modality anyway adds nothing.
    """
    one, other = (functional.normalize(_by_part(x), dim=-1) for x in (a, b))
    logits = one @ other.transpose(1, 2) / temperature  # [K, N, N]
    positive = (people[:, None] == people[None]).float()
    share = positive / positive.sum(-1, keepdim=True)  # symmetric: a person has as many rows in both
    return -((logits.log_softmax(-1) + logits.log_softmax(-2)) * share).sum(-1).mean() / 2
