"""What GaitTR is trained with: triplets."""

from gaitbridge.config import Weight
from gaitbridge.losses.identity import IdentityConfig, IdentityObjective


class ObjectiveConfig(IdentityConfig):
    """All that only training needs."""

    cross_entropy: Weight = 0.0
    """Published with triplets alone; with a weight here a neck and a classifier are trained besides."""
    margin: Weight = 0.3
    """By how much nearer a person's own must be than others."""


class Objective(IdentityObjective):
    """The identity losses, with these settings."""
