"""Motions: one file a source. A module here offers `open_source(argument: str | None) -> MotionSource`.

`--motion bvh:DIR` opens the module `bvh` with the argument DIR. A walk goes along +x from the origin with the feet on the ground;
the scene turns and bends it onto a path. A source whose people have bones of their own says so as `_own_bones.KnowsBones`.
"""

from typing import Protocol

import numpy as np

from gaitbridge.simulation.body import Body, Pose, Shape


class Walk(Protocol):
    """One take of one person on one body."""

    duration_s: float  # how long it may be asked for, from time 0; math.inf where it never ends

    def at(self, time_s: np.ndarray) -> Pose:
        """The pose at any times [T] in seconds, 0 <= time_s <= duration_s."""
        ...


class MotionSource(Protocol):
    """Where walks come from."""

    name: str
    licence: str
    people: tuple[str, ...] | None  # names of captured people; None: as many as asked for

    def takes(self, person: str) -> int:
        """How many takes of this person there are at most (a large number where they are generated)."""
        ...

    def walk(self, person: str, take: int, seed: int, body: Body, shape: Shape) -> Walk:
        """Take `take` (from 0) of a person. Same arguments, same walk; takes of a captured person are apart, never cut from one file."""
        ...
