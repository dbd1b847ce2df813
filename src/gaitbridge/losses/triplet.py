"""Batch-all triplet loss by part (Hermans et al. 2017), in one modality or across two."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def part_distances(a: Tensor, b: Tensor) -> Tensor:
    """Euclidean distance of each part: [N, C, K], [M, C, K] to [K, N, M]. Safe to differentiate at zero."""
    a, b = a.permute(2, 0, 1).contiguous(), b.permute(2, 0, 1).contiguous()  # a part's matrix in one piece: a product of few large steps
    squared = a.square().sum(-1)[:, :, None] + b.square().sum(-1)[:, None, :] - 2.0 * a @ b.transpose(1, 2)
    return squared.clamp(min=1e-9).sqrt()


def triplet(anchors: Tensor, others: Tensor, anchor_people: Tensor, other_people: Tensor, margin: float = 0.2, same: bool = False) -> Tensor:
    """Mean of the positive hinges max(0, d(a, p) - d(a, n) + margin) over all triplets with the anchor in `anchors`, p and n in `others`.

    anchors [N, C, K], others [M, C, K]; `same` says that they are the same samples, which are then not their own positives. The mean
    is over the non-zero triplets of each part, then over parts; zero where there is no triplet.
    """
    single = torch.promote_types(anchors.dtype, torch.float32)  # distances need its precision
    mate = anchor_people[:, None] == other_people[None]  # [N, M]
    positive = mate & ~torch.eye(len(mate), dtype=torch.bool, device=mate.device) if same else mate
    found: Tensor = _MeanHinge.apply(part_distances(anchors.to(single), others.to(single)), mate, positive, margin)
    return found


@torch.no_grad()
def violations(anchors: Tensor, others: Tensor, anchor_people: Tensor, other_people: Tensor, margin: float = 0.2) -> tuple[int, int]:
    """(how many, of how many) triplets are within the margin: d(a, p) - d(a, n) + margin > 0, the anchor in `anchors`, p and n in `others`, each part
    by itself. Shapes as `triplet`."""
    distances = part_distances(anchors.float(), others.float())  # [K, N, M]
    mate = anchor_people[:, None] == other_people[None]
    rows, columns = mate.nonzero(as_tuple=True)
    within = (distances[:, rows, columns] + margin)[:, :, None] > distances.masked_fill(mate, float("inf"))[:, rows]  # [K, pairs, M]
    return int(within.sum()), len(distances) * int((~mate)[rows].sum())


class _MeanHinge(torch.autograd.Function):
    """The mean of the positive hinges of distances [K, N, M]. Its gradient counts hinges and is taken on the way, so that no hinge is kept."""

    @staticmethod
    def forward(ctx: Any, distances: Tensor, mate: Tensor, positive: Tensor, margin: float) -> Tensor:
        rows, columns = positive.nonzero(as_tuple=True)
        apart = distances.masked_fill(mate, float("inf"))  # a mate is no negative
        hinges = (distances[:, rows, columns] + margin)[:, :, None] - apart[:, rows]  # [K, pairs, M]
        hinges.clamp_(min=0.0)
        active = (hinges > 0).to(distances.dtype)
        of_pair = active.sum(-1)  # [K, pairs]
        count = of_pair.sum(-1).clamp(min=1)  # [K]
        if ctx.needs_input_grad[0]:
            of_row = torch.zeros(len(mate), len(rows), dtype=distances.dtype, device=distances.device)
            of_row[rows, torch.arange(len(rows), device=rows.device)] = -1.0
            gradient = of_row @ active  # [K, N, M]: a negative is to move away once for each hinge
            gradient[:, rows, columns] += of_pair
            ctx.save_for_backward(gradient / (count * len(distances))[:, None, None])
        return (hinges.sum((1, 2)) / count).mean()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        (of_distances,) = ctx.saved_tensors
        return gradient * of_distances, None, None, None
