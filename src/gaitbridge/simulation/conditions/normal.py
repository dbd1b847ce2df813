"""Normal (nm): thin clothes, nothing carried."""

import numpy as np

from gaitbridge.simulation.body import Body, Rest
from gaitbridge.simulation.conditions import Outfit
from gaitbridge.simulation.conditions._clothes import default_layer, inflation


def dress(body: Body, rest: Rest, random: np.random.Generator) -> Outfit:
    """The thin default layer alone, drawn for this take."""
    return Outfit(inflation(body, default_layer(random)))
