"""What GaitPart is trained with: triplets of part features."""

from gaitbridge.config import Weight
from gaitbridge.losses.identity import IdentityConfig, IdentityObjective


class ObjectiveConfig(IdentityConfig):
    """All that only training needs."""

    cross_entropy: Weight = 0.0
    """Published with triplets alone; with a weight here a neck and a classifier are trained besides."""


class Objective(IdentityObjective):
    """The identity losses, with these settings."""
