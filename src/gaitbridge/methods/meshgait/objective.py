"""What Mesh-Gait is trained with: identity losses, and the losses between reconstructed and true joints, markers and meshes."""

from torch import Tensor, nn

from gaitbridge.config import Config, Scale, Share, Smoothing, Weight
from gaitbridge.conventions import CAMERA
from gaitbridge.losses.cross_entropy import CosineClassifier, cross_entropy
from gaitbridge.losses.supervised_contrastive import supervised_contrastive
from gaitbridge.losses.triplet import triplet
from gaitbridge.methods.meshgait.network import NetworkConfig
from gaitbridge.methods.meshgait.reconstruction import Reconstruction, ReconstructionConfig
from gaitbridge.methods.meshgait.truth import Truth
from gaitbridge.types import Batch, Features

Losses = dict[str, Tensor]


class IdentityConfig(Config):
    """Cross-entropy by a cosine classifier, batch-all triplets, and supervised contrast between all samples."""

    cross_entropy: Weight = 1.0
    """Weight of the classification of people by a cosine classifier; 0 leaves it out."""
    triplet: Weight = 1.0
    """Weight of the batch-all triplet loss."""
    contrastive: Weight = 0.3
    """Weight of supervised contrast: all of a person's samples against everybody else's."""
    scale: Scale = 16.0
    """What the classifier's cosines are multiplied by before the softmax."""
    smoothing: Smoothing = 0.1
    """Share of the label that cross-entropy spreads over the other people."""
    margin: Weight = 0.2
    """How much nearer than anybody else's a person's own sequences are to be; beyond it a triplet counts no more."""
    temperature: Scale = 0.1
    """Of the contrast: what cosines are divided by before the softmax."""


class ObjectiveConfig(Config):
    """All that only training needs."""

    identity: IdentityConfig = IdentityConfig()
    """What recognition is trained by."""
    reconstruction: ReconstructionConfig | None = ReconstructionConfig()
    """null: recognition alone, which is all that data without 3D truth can train."""
    form_first: Share = 0.1
    """Share of the training over which the identity losses rise from zero, so that the reconstruction forms first."""


def truth(objective: ObjectiveConfig) -> Truth | None:
    """What is to be read with each batch, or None."""
    return Truth(mesh=objective.reconstruction.mesh) if objective.reconstruction else None


class Objective(nn.Module):
    """The losses of one batch by name, already weighted: their sum is minimised."""

    def __init__(self, config: ObjectiveConfig, network: NetworkConfig, people: int) -> None:
        super().__init__()
        self.config, branch = config, network.heatmaps
        self.classify = CosineClassifier(network.parts, network.embedding, people, config.identity.scale)
        self.reconstruction: Reconstruction | None = None
        if config.reconstruction is not None:
            if branch is None:
                raise ValueError("network.heatmaps is null: there is nothing to reconstruct from; set objective.reconstruction=null as well")
            self.reconstruction = Reconstruction(config.reconstruction, branch.joints, branch.markers)
        elif branch is not None and branch.detach:
            raise ValueError("objective.reconstruction is null and the identity gradients stop at the heatmaps: nothing would teach them; set "
                             "network.heatmaps.detach=false, or network.heatmaps=null")

    def forward(self, features: Features, batch: Batch, done: float = 1.0) -> Losses:
        """features of the network, the batch they came from with its truth in `extras`, and the share of the training done (0 to 1)."""
        rise = min(1.0, done / self.config.form_first) if self.config.form_first and self.reconstruction is not None else 1.0
        losses = {name: rise * loss for name, loss in self.identity_losses(features.embeddings[CAMERA], batch.people).items()}
        if self.reconstruction is not None:
            losses |= self.reconstruction(features.extras, batch.extras)
        return losses

    def identity_losses(self, embedding: Tensor, people: Tensor) -> Losses:
        """Of an embedding [N, C, K] of unit length and people's class numbers [N]."""
        weights, embedding = self.config.identity, embedding.float()
        unit = nn.functional.normalize(embedding, dim=1)
        losses = {"cross_entropy": weights.cross_entropy * cross_entropy(self.classify(embedding), people, weights.smoothing),
                  "triplet": weights.triplet * triplet(unit, unit, people, people, weights.margin, same=True)}
        if weights.contrastive:
            losses["supervised_contrastive"] = weights.contrastive * supervised_contrastive(embedding, people, weights.temperature)
        return losses
