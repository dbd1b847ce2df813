"""Uniform (uf): the same jacket and trousers on everybody, so that clothes tell nothing."""

import numpy as np

from gaitbridge.simulation.body import Body, Rest
from gaitbridge.simulation.conditions import Outfit
from gaitbridge.simulation.conditions._clothes import coat_hem, inflation

JACKET_M = {
    "torso": 0.024, "upper_arm": 0.015, "forearm": 0.014, "thigh": 0.016, "shin": 0.020, "foot": 0.008, "neck": 0.008, "head": 0.008,
}  # fmt: skip


def dress(body: Body, rest: Rest, random: np.random.Generator) -> Outfit:
    """Nothing is drawn: the same thickness everywhere, whoever wears it, and a jacket that ends below the hips."""
    hem = coat_hem(body, rest, below_hip=0.15, ease_m=0.026, flare_m=0.008, delay_s=0.08)
    return Outfit(inflation(body, JACKET_M), (hem,))
