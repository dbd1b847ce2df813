"""Conditions: what a walker wears, carries or passes behind; one file a condition, named as in SUSTech1K.

A module here offers `dress(body, rest, random) -> Outfit`. Everything is geometry that both sensors see, so that no sensor
is told the condition in any other way.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from gaitbridge.simulation.body import Posed


@dataclass(frozen=True)
class Prop:
    """A separate mesh. `vertices_m(posed, rotations_world [T, J, 3, 3], time_s [T]) -> [T, V', 3]`, `triangles` int32 [F', 3].

    `worn` props belong to the person (a bag) and show in silhouettes and range views; the others (an occluder) hide the person.
    """

    vertices_m: Callable[[Posed, np.ndarray, np.ndarray], np.ndarray]
    triangles: np.ndarray
    worn: bool = True


@dataclass(frozen=True)
class Outfit:
    """Clothes as an offset along the normals, float32 [V] metres, and props. `night` degrades the camera only.

    `arm_carry` says which arms are held to carry ("", "left", "right", "both"): the scene damps their swing and bends the elbow.
    """

    inflate_m: np.ndarray
    props: tuple[Prop, ...] = field(default=())
    night: bool = False
    arm_carry: str = ""
