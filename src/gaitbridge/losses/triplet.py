"""Batch-all triplet loss by part (Hermans et al. 2017), in one modality or across two."""

import torch
from torch import Tensor


def part_distances(a: Tensor, b: Tensor) -> Tensor:
    """Euclidean distance of each part: [N, C, K], [M, C, K] to [K, N, M]. Safe to differentiate at zero."""
    a, b = a.permute(2, 0, 1), b.permute(2, 0, 1)
    squared = a.square().sum(-1)[:, :, None] + b.square().sum(-1)[:, None, :] - 2.0 * a @ b.transpose(1, 2)
    return squared.clamp(min=1e-9).sqrt()


def triplet(anchors: Tensor, others: Tensor, anchor_people: Tensor, other_people: Tensor, margin: float = 0.2, same: bool = False) -> Tensor:
    """Mean of the positive hinges max(0, d(a, p) - d(a, n) + margin) over all triplets with the anchor in `anchors`, p and n in `others`.

    anchors [N, C, K], others [M, C, K]; `same` says that they are the same samples, which are then not their own positives. The mean
    is over the non-zero triplets of each part, then over parts; zero where there is no triplet.
    """
    distances = part_distances(anchors.float(), others.float())  # [K, N, M]
    mate = anchor_people[:, None] == other_people[None]  # [N, M]
    positive = mate & ~torch.eye(len(mate), dtype=torch.bool, device=mate.device) if same else mate
    rows, columns = positive.nonzero(as_tuple=True)
    gaps = distances[:, rows, columns][:, :, None] - distances[:, rows, :] + margin  # [K, pairs, M]
    hinges = torch.where(mate[rows][None], 0.0, gaps.clamp(min=0.0))
    active = (hinges > 0).sum((1, 2))
    return (hinges.sum((1, 2)) / active.clamp(min=1)).mean()
