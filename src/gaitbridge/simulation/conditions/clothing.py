"""Clothing (cl): a thick jacket or a coat, with a hem that swings after the legs."""

import numpy as np

from gaitbridge.simulation.body import Body, Rest
from gaitbridge.simulation.conditions import Outfit
from gaitbridge.simulation.conditions._clothes import coat_hem, default_layer, inflation


def dress(body: Body, rest: Rest, random: np.random.Generator) -> Outfit:
    """A coat: 2 to 5 cm on the torso, less on the arms, a hem between just below the hips and the knees."""
    torso = float(random.uniform(0.020, 0.045))
    layer = default_layer(random) | {
        "torso": torso,
        "upper_arm": torso * float(random.uniform(0.45, 0.7)),
        "forearm": torso * float(random.uniform(0.35, 0.6)),
        "neck": float(random.uniform(0.005, 0.020)),
    }
    length = float(random.uniform(0.15, 0.95))
    ease = torso * float(random.uniform(0.75, 0.95))  # inside the coat's own surface at the waist, so that no gap shows
    hem = coat_hem(body, rest, length, ease, flare_m=float(random.uniform(0.01, 0.05)), delay_s=float(random.uniform(0.05, 0.14)))
    return Outfit(inflation(body, layer), (hem,))
