"""Uniform (uf): the same jacket and trousers on everybody, so that clothes tell nothing."""

import numpy as np

from gaitbridge.simulation.body import Body, Rest
from gaitbridge.simulation.conditions import Clothes, Outfit


def dress(body: Body, rest: Rest, clothes: Clothes, random: np.random.Generator) -> Outfit:
    """Nothing is drawn."""
    return clothes.uniform(body, rest)
