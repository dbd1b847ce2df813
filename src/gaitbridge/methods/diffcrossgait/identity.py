"""The identity losses of two modalities: cross-entropy, and triplets within and across them."""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn

from gaitbridge.config import Config, Scale, Smoothing, Weight
from gaitbridge.losses.cross_entropy import CosineClassifier, cross_entropy
from gaitbridge.losses.triplet import triplet
from gaitbridge.methods.diffcrossgait.network import MODALITIES

Losses = dict[str, Tensor]


class IdentityConfig(Config):
    """Cross-entropy by a cosine classifier, and triplets in blocks of (anchor's modality, modality of both others)."""

    cross_entropy: Weight = 1.0
    """Weight of the classification of people by the cosine classifier; 0 leaves it out."""
    triplet: Weight = 1.0
    """Of the mean over the blocks."""
    triplets: Literal["all", "across"] = "all"
    """all: four blocks, two within the modalities and two across; across: those two alone, as CL-Gait has them."""
    classifiers: Literal["one", "own"] = "one"
    """One classifier of people for both modalities, or one each."""
    scale: Scale = 16.0
    """What the classifier's cosines are multiplied by before the softmax."""
    smoothing: Smoothing = 0.1
    """Share of the label that cross-entropy spreads over the other people."""
    margin: Weight = 0.2
    """How much nearer than anybody else's a person's own sequences are to be; beyond it a triplet counts no more."""


class OwnClassifiers(nn.Module):
    """A cosine classifier for each modality, called as one is: on the rows of both, [2 N, C, K] in the order of MODALITIES."""

    def __init__(self, parts: int, channels: int, people: int, scale: float = 16.0) -> None:
        super().__init__()
        self.own = nn.ModuleDict({name: CosineClassifier(parts, channels, people, scale) for name in MODALITIES})

    def forward(self, both: Tensor) -> Tensor:
        rows = zip(MODALITIES, both.chunk(len(MODALITIES)), strict=True)
        return torch.cat([self.own[name](own) for name, own in rows])


def make_classifier(config: IdentityConfig, parts: int, channels: int, people: int) -> nn.Module:
    """What gives the rows of both modalities [2 N, C, K] their logits [2 N, people, K]."""
    kind = OwnClassifiers if config.classifiers == "own" else CosineClassifier
    return kind(parts, channels, people, config.scale)


def identity_losses(embeddings: Mapping[str, Tensor], people: Tensor, classify: nn.Module, weights: IdentityConfig, prefix: str = "") -> Losses:
    """Of embeddings [N, C, K] by modality: cross-entropy in each, and the mean of the blocks' triplets of unit vectors."""
    both = torch.cat([embeddings[m].float() for m in MODALITIES])
    entropy = cross_entropy(classify(both), people.repeat(len(MODALITIES)), weights.smoothing)  # as many of each: the mean of their means
    unit = dict(zip(MODALITIES, nn.functional.normalize(both, dim=1).chunk(len(MODALITIES)), strict=True))
    blocks = [triplet(unit[a], unit[b], people, people, weights.margin, same=a == b)
              for a in MODALITIES for b in MODALITIES if weights.triplets == "all" or a != b]
    return {f"{prefix}cross_entropy": weights.cross_entropy * entropy, f"{prefix}triplet": weights.triplet * torch.stack(blocks).mean()}
