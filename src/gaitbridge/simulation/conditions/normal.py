"""Normal (nm): everyday clothes, nothing carried."""

import numpy as np

from gaitbridge.simulation.body import Body, Rest
from gaitbridge.simulation.conditions import Clothes, Outfit


def dress(body: Body, rest: Rest, clothes: Clothes, random: np.random.Generator) -> Outfit:
    """Everyday clothes alone."""
    return clothes.everyday(body, rest, random)
