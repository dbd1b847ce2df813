"""What MultiGait++ is trained with: triplets of part features, and cross-entropy behind a neck."""

from gaitbridge.losses.identity import IdentityConfig, IdentityObjective


class ObjectiveConfig(IdentityConfig):
    """All that only training needs."""


class Objective(IdentityObjective):
    """The identity losses, with these settings."""
