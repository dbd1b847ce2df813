"""Night (nt): everyday clothes in the dark, which the camera suffers from and the LiDAR does not."""

from dataclasses import replace

import numpy as np

from gaitbridge.simulation.body import Body, Rest
from gaitbridge.simulation.conditions import Clothes, Outfit, normal


def dress(body: Body, rest: Rest, clothes: Clothes, random: np.random.Generator) -> Outfit:
    """As `normal`, with `night` set: the scene degrades the camera's silhouettes and nothing else."""
    return replace(normal.dress(body, rest, clothes, random), night=True)
