"""A supervised contrastive loss whose logits are distances (Khosla et al. 2020, with distances of unit vectors as FastPoseGait has them)."""

import torch
from torch import Tensor
from torch.nn import functional

NEAREST = 1e-9  # square, below which a distance has no gradient


def distance_contrastive(embeddings: Tensor, people: Tensor, temperature: float = 0.01) -> Tensor:
    """-log softmax of the Euclidean distances of unit embeddings / -temperature, its mean over an anchor's positives, then over anchors.

    embeddings [N, C], people [N]. An anchor is no choice of its own. Anchors whose loss is not above zero do not count, among them those without a
    positive; zero where none counts.
    """
    unit = functional.normalize(embeddings, dim=1)
    squares = 2.0 - 2.0 * unit @ unit.T
    self_same = torch.eye(len(people), dtype=torch.bool, device=people.device)
    logits = -squares.clamp(min=NEAREST).sqrt() / temperature
    shares = logits.masked_fill(self_same, float("-inf")).log_softmax(1)
    positive = (people[:, None] == people[None]) & ~self_same
    count = positive.sum(1)
    losses = -torch.where(positive, shares, 0.0).sum(1) / count.clamp(min=1)
    counted = losses > 0
    return torch.where(counted, losses, 0.0).sum() / counted.sum().clamp(min=1)
