"""What finds the people in a picture: by movement, by a model of one's own, by a learnt one. A file each; `finder` chooses.

    movement.py   what differs from the empty scene, where the camera stands still
    learnt.py     the learnt model that was fetched: detection, masks and poses, also where the camera moves
    own.py        a user's ONNX model, alone or with the empty scene
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from gaitbridge.capture.video.camera import Camera
from gaitbridge.capture.video.decode import Picture
from gaitbridge.capture.video.people import Person
from gaitbridge.capture.video.settings import Settings

RECENT_S = 0.2


@dataclass(frozen=True)
class Expected:
    """Somebody who was followed until now. box: where they are expected, [4] top, left, bottom, right; last: how they were seen last.

    unseen_s: since then, 0 where they were seen in the picture before; sure: whether they were seen often enough to be taken for somebody.
    """

    number: int
    box: np.ndarray
    last: Person
    unseen_s: float = 0.0
    sure: bool = True


def boxes_of(expected: Sequence[Expected]) -> np.ndarray:
    """The boxes [N, 4] of those who are sure and were seen within a fifth of a second."""
    return np.array([one.box for one in expected if one.sure and one.unseen_s < RECENT_S], float).reshape(-1, 4)


class Finder(Protocol):
    """Finds the people of pictures that come in order of time.

    learns: whether it gains by `learn` over the whole recording before; without it, it learns from the first pictures that it is asked about.
    apart: whether each of its people is one person and carries the number of their track; otherwise one may be
    several who touch. moves: whether the camera may move. notes: what was odd, counted.
    """

    learns: bool
    apart: bool
    moves: bool
    notes: Counter[str]

    def learn(self, pictures: Iterator[Picture]) -> int:
        """Look through a recording; returns how many pictures it has."""

    def people(self, picture: Picture, expected: Sequence[Expected], camera: Camera) -> list[Person] | None:
        """The people in a picture; None where it has changed as a whole, so that nothing can be said."""


def finder(settings: Settings) -> Finder:
    """The finder that the settings ask for. UserError where its model is missing or no such model."""
    found_by = settings.found_by
    if found_by == "model":
        from gaitbridge.capture.video.finders.own import OwnModel

        return OwnModel(settings)
    if found_by == "learnt":
        from gaitbridge.capture.video.finders.learnt import Learnt

        return Learnt(settings)
    from gaitbridge.capture.video.finders.movement import Movement

    return Movement(settings)

