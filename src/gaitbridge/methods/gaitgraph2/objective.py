"""What GaitGraph2 is trained with: a supervised contrastive loss of the distances of unit embeddings."""

from typing import Annotated

from pydantic import Field
from torch import Tensor, nn

from gaitbridge.config import Config
from gaitbridge.losses.distance_contrastive import distance_contrastive
from gaitbridge.methods.gaitgraph2.network import NetworkConfig
from gaitbridge.types import Batch, Features


class ObjectiveConfig(Config):
    """All that only training needs."""

    temperature: Annotated[float, Field(ge=1e-3, le=100)] = 0.01
    """What distances are divided by."""


class Objective(nn.Module):
    """The loss of one batch by name; its sum is minimised."""

    def __init__(self, config: ObjectiveConfig, network: NetworkConfig, people: int) -> None:
        super().__init__()
        self.config = config

    def forward(self, features: Features, batch: Batch, done: float = 1.0) -> dict[str, Tensor]:
        """features of the network, the batch they came from, and the share of the training done, which nothing here depends on."""
        (parts,) = features.parts.values()
        return {"contrastive": distance_contrastive(parts.float().squeeze(-1), batch.people, self.config.temperature)}
