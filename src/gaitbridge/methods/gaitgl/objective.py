"""What GaitGL is trained with: triplets of part features, and cross-entropy of a linear classifier of each part."""

from torch import Tensor, nn

from gaitbridge.config import Scale, Smoothing
from gaitbridge.losses.cross_entropy import cross_entropy
from gaitbridge.losses.identity import IdentityConfig, IdentityLosses
from gaitbridge.losses.triplet import triplet
from gaitbridge.methods.gaitgl.network import NetworkConfig
from gaitbridge.models.necks import SeparateLinear
from gaitbridge.types import Batch, Features


class ObjectiveConfig(IdentityConfig):
    """All that only training needs; the defaults are those for CASIA-B (elsewhere labels are smoothed by 0.1)."""

    scale: Scale = 1.0
    """What logits are multiplied by."""
    smoothing: Smoothing = 0.0
    """Share of a label that all people have alike."""


class Objective(nn.Module):
    """Losses of one batch by name, already weighted. A network without a norm of its own is trained behind a neck, by cosines (as for GREW)."""

    def __init__(self, config: ObjectiveConfig, network: NetworkConfig, people: int) -> None:
        super().__init__()
        self.config = config
        self.identity = None if network.norm else IdentityLosses(config, network.parts, network.embedding, people)
        if network.norm and config.cross_entropy:
            self.classify = SeparateLinear(network.parts, network.embedding, people)

    def forward(self, features: Features, batch: Batch, done: float = 1.0) -> dict[str, Tensor]:
        """features of the network, the batch they came from, and the share of the training done, which nothing here depends on."""
        settings = self.config
        (parts,) = features.parts.values()
        if self.identity is not None:
            behind_a_neck: dict[str, Tensor] = self.identity(parts, batch.people)
            return behind_a_neck
        losses, parts = {}, parts.float()
        if settings.triplet:
            losses["triplet"] = settings.triplet * triplet(parts, parts, batch.people, batch.people, settings.margin)
        if settings.cross_entropy:
            logits = settings.scale * self.classify(parts)                      # [N, people, K]
            losses["cross_entropy"] = settings.cross_entropy * cross_entropy(logits, batch.people, settings.smoothing)
        return losses
