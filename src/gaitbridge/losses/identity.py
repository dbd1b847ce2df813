"""The identity losses of the field's standard networks: triplets of part features, and cross-entropy behind a batch-norm neck."""

from torch import Tensor, nn

from gaitbridge.config import Config
from gaitbridge.losses.cross_entropy import CosineClassifier, cross_entropy
from gaitbridge.losses.triplet import triplet


class IdentityConfig(Config):
    """Weights of the losses, and their settings as published (Fan et al. 2023)."""

    triplet: float = 1.0
    cross_entropy: float = 1.0
    """0 leaves out the neck and the classifier (GaitSet)."""
    scale: float = 16.0
    smoothing: float = 0.1
    margin: float = 0.2


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

    def forward(self, parts: Tensor, people: Tensor) -> dict[str, Tensor]:
        settings, parts = self.config, parts.float()
        losses = {}
        if settings.triplet:  # a sequence counts among its own positives, as in the published code
            losses["triplet"] = settings.triplet * triplet(parts, parts, people, people, settings.margin)
        if settings.cross_entropy:
            normal = self.neck(parts.flatten(1)).view(parts.shape)                    # [N, C, K]
            losses["cross_entropy"] = settings.cross_entropy * cross_entropy(self.classify(normal), people, settings.smoothing)
        return losses
