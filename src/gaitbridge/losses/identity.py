"""The identity losses of the field's standard networks: triplets of part features, and cross-entropy behind a batch-norm neck."""

from typing import Protocol, Self

from pydantic import Field, model_validator
from torch import Tensor, nn

from gaitbridge.config import Config, Scale, Smoothing, Weight
from gaitbridge.losses._further import FurtherLosses
from gaitbridge.losses.cross_entropy import CosineClassifier, cross_entropy
from gaitbridge.losses.triplet import triplet
from gaitbridge.types import Batch, Features


class IdentityConfig(Config):
    """Weights of the losses, and their settings as published (Fan et al. 2023)."""

    triplet: Weight = 1.0
    """Weight of the batch-all triplet loss; 0 leaves it out."""
    cross_entropy: Weight = 1.0
    """0 leaves out the neck and the classifier (GaitSet)."""
    scale: Scale = 16.0
    """What the classifier's cosines are multiplied by before the softmax."""
    smoothing: Smoothing = 0.1
    """Share of the label that cross-entropy spreads over the other people."""
    margin: Weight = 0.2
    """How much nearer than anybody else's a person's own sequences are to be; beyond it a triplet counts no more."""
    further: dict[str, Weight] = Field(default_factory=dict)
    """Weights of further losses by name: plug-ins of yours, such as further.centre=0.1."""

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.triplet and not self.cross_entropy:
            raise ValueError("triplet and cross_entropy are both 0: nothing would be trained by")
        return self


class IdentityLosses(nn.Module):
    """Part features [N, C, K] and class numbers [N] to losses by name, already weighted.

    The neck is a batch norm of each channel of each part (Luo et al. 2019), trained here and left out when it is deployed: part features from
    before it are what is compared.
    """

    def __init__(self, config: IdentityConfig, parts: int, channels: int, people: int) -> None:
        super().__init__()
        self.config = config
        if config.cross_entropy:
            self.neck = nn.BatchNorm1d(channels * parts)
            self.classify = CosineClassifier(parts, channels, people, config.scale)
        if config.further:
            self.further = FurtherLosses(config.further, parts, channels, people)

    def forward(self, parts: Tensor, people: Tensor) -> dict[str, Tensor]:
        settings, parts = self.config, parts.float()
        losses = {}
        if settings.triplet:  # a sequence counts among its own positives, as in the published code
            losses["triplet"] = settings.triplet * triplet(parts, parts, people, people, settings.margin)
        if settings.cross_entropy:
            normal = self.neck(parts.flatten(1)).view(parts.shape)                    # [N, C, K]
            losses["cross_entropy"] = settings.cross_entropy * cross_entropy(self.classify(normal), people, settings.smoothing)
        if settings.further:
            losses |= self.further(parts, people)
        return losses


class Embedding(Protocol):
    """What the objective asks of a network's settings: how many parts its embedding has, and how many channels each."""

    @property
    def parts(self) -> int: ...
    @property
    def embedding(self) -> int: ...


class IdentityObjective(nn.Module):
    """What the standard networks are trained with: the losses of one batch by name, already weighted; their sum is minimised."""

    def __init__(self, config: IdentityConfig, network: Embedding, people: int) -> None:
        super().__init__()
        self.identity = IdentityLosses(config, network.parts, network.embedding, people)

    def forward(self, features: Features, batch: Batch, done: float = 1.0) -> dict[str, Tensor]:
        """features of the network, the batch they came from, and the share of the training done, which nothing here depends on."""
        (parts,) = features.parts.values()
        losses: dict[str, Tensor] = self.identity(parts, batch.people)
        return losses
