"""What GLN is trained with: triplets of part features, and in its second phase cross-entropy behind a block that makes them one short vector."""

from typing import Annotated

from pydantic import Field
from torch import Tensor, nn

from gaitbridge.config import Scale, Weight
from gaitbridge.losses.cross_entropy import cross_entropy
from gaitbridge.losses.identity import IdentityConfig
from gaitbridge.losses.triplet import triplet
from gaitbridge.methods.gln.network import NetworkConfig
from gaitbridge.types import Batch, Features


class ObjectiveConfig(IdentityConfig):
    """All that only training needs; the defaults are those of the first phase."""

    cross_entropy: Weight = 0.0
    """0 leaves out the compact block and the classifier (the first phase); 0.1 in the second."""
    scale: Scale = 16.0
    """What logits are multiplied by."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Share of the parts' numbers that the compact block does not see of a walk."""


class Compact(nn.Module):
    """All parts of an embedding to a vector as long as one of them, and its logits: norm, dropout, rectifier, linear map, norm, linear map. [N, C, K]
    to [N, people]. The norms' shifts are not trained, as published."""

    def __init__(self, parts: int, channels: int, people: int, dropout: float) -> None:
        super().__init__()
        self.norm, self.neck = nn.BatchNorm1d(parts * channels), nn.BatchNorm1d(channels)
        self.narrow = nn.Linear(parts * channels, channels, bias=False)
        self.classify = nn.Linear(channels, people, bias=False)
        self.dropout = nn.Dropout(dropout)
        for norm in (self.norm, self.neck):
            norm.bias.requires_grad_(False)

    def forward(self, parts: Tensor) -> Tensor:
        inner = self.dropout(self.norm(parts.flatten(1))).relu()
        logits: Tensor = self.classify(self.neck(self.narrow(inner)))
        return logits


class Objective(nn.Module):
    """Losses of one batch by name, already weighted."""

    def __init__(self, config: ObjectiveConfig, network: NetworkConfig, people: int) -> None:
        super().__init__()
        self.config = config
        if config.cross_entropy:
            self.compact = Compact(network.parts, network.embedding, people, config.dropout)

    def forward(self, features: Features, batch: Batch, done: float = 1.0) -> dict[str, Tensor]:
        """features of the network, the batch they came from, and the share of the training done, which nothing here depends on."""
        settings = self.config
        (parts,) = (found.float() for found in features.parts.values())
        losses = {}
        if settings.triplet:
            losses["triplet"] = settings.triplet * triplet(parts, parts, batch.people, batch.people, settings.margin)
        if settings.cross_entropy:
            logits = settings.scale * self.compact(parts)[..., None]                # [N, people, 1]
            losses["cross_entropy"] = settings.cross_entropy * cross_entropy(logits, batch.people, settings.smoothing)
        return losses
