"""Clothing (cl): other clothes than everyday's, mostly a jacket or a coat."""

import numpy as np

from gaitbridge.simulation.body import Body, Rest
from gaitbridge.simulation.conditions import Clothes, Outfit


def dress(body: Body, rest: Rest, clothes: Clothes, random: np.random.Generator) -> Outfit:
    """Another outfit, drawn for this take."""
    return clothes.other(body, rest, random)
