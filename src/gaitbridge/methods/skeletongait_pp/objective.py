"""What SkeletonGait++ is trained with: triplets of part features, and cross-entropy behind a neck."""

from torch import Tensor, nn

from gaitbridge.losses.identity import IdentityConfig, IdentityLosses
from gaitbridge.methods.skeletongait_pp.network import NetworkConfig
from gaitbridge.types import Batch, Features


class ObjectiveConfig(IdentityConfig):
    """All that only training needs."""


class Objective(nn.Module):
    """The losses of one batch by name, already weighted: their sum is minimised."""

    def __init__(self, config: ObjectiveConfig, network: NetworkConfig, people: int) -> None:
        super().__init__()
        self.identity = IdentityLosses(config, network.parts, network.embedding, people)

    def forward(self, features: Features, batch: Batch, done: float = 1.0) -> dict[str, Tensor]:
        """features of the network, the batch they came from, and the share of the training done, which nothing here depends on."""
        (parts,) = features.parts.values()
        losses: dict[str, Tensor] = self.identity(parts, batch.people)
        return losses
