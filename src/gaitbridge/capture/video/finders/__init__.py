"""What finds the people in a picture: by movement, by a model of one's own, by a learnt one. A file each; `finder` chooses.

    movement.py   what differs from the empty scene, where the camera stands still
    own.py        a user's ONNX model, alone or with the empty scene
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from gaitbridge.capture.video.decode import Picture
from gaitbridge.capture.video.people import Person
from gaitbridge.capture.video.settings import Settings


@dataclass(frozen=True)
class Expected:
    """Somebody who was followed until now. box: where they are expected, [4] top, left, bottom, right; last: how they were seen last."""

    number: int
    box: np.ndarray
    last: Person


def boxes_of(expected: Sequence[Expected]) -> np.ndarray:
    """The boxes [N, 4]."""
    return np.array([one.box for one in expected], float).reshape(-1, 4)


class Finder(Protocol):
    """Finds the people of pictures that come in order of time.

    learns: whether it gains by `learn` over the whole recording before; without it, it learns from the first pictures that it is asked about.
    apart: whether each of its people is one person; otherwise one may be several who touch. notes: what was odd, counted.
    """

    learns: bool
    apart: bool
    notes: Counter[str]

    def learn(self, pictures: Iterator[Picture]) -> int:
        """Look through a recording; returns how many pictures it has."""

    def people(self, picture: Picture, expected: Sequence[Expected]) -> list[Person] | None:
        """The people in a picture; None where it has changed as a whole, so that nothing can be said."""


def finder(settings: Settings) -> Finder:
    """The finder that the settings ask for. UserError where its model is missing or no such model."""
    if settings.model_path is not None:
        from gaitbridge.capture.video.finders.own import OwnModel

        return OwnModel(settings)
    from gaitbridge.capture.video.finders.movement import Movement

    return Movement(settings)
