"""What SMPLGait is trained with: triplets of part features, and cross-entropy behind a neck."""

from gaitbridge.config import Weight
from gaitbridge.losses.identity import IdentityConfig, IdentityObjective


class ObjectiveConfig(IdentityConfig):
    """All that only training needs."""

    cross_entropy: Weight = 0.1
    """The published weight."""


class Objective(IdentityObjective):
    """The identity losses, with these settings."""
