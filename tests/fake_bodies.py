"""Small random bodies with a mirror, for tests of errors that need no body model."""

import numpy as np

from gaitbridge.evaluation.bodies.errors import Mirrors
from gaitbridge.types import Bodies

MIRRORS = Mirrors(np.asarray([0, 2, 1, 3, 5, 4]), np.asarray([1, 0, 2]), np.asarray([0, 1, 3, 2, 5, 4, 6]))


def random_bodies(seed: int, frames: int = 5, unknown: tuple[int, ...] = ()) -> Bodies:
    """6 joints, 3 markers and 7 vertices about the root, which is at the origin; frames `unknown` are not known."""
    random = np.random.default_rng(seed)
    joints, markers, vertices = (random.normal(0, 0.4, (frames, count, 3)).astype(np.float32) for count in (6, 3, 7))
    joints[:, 0] = 0
    known = ~np.isin(np.arange(frames), unknown)
    return Bodies(joints, markers, vertices, np.zeros((frames, 2), np.float32), np.ones(frames, np.float32), known)


def moved(bodies: Bodies, **by: np.ndarray) -> Bodies:
    """The same bodies with some fields replaced."""
    names = ("joints", "markers", "vertices", "root_px", "scale_m", "known")
    return Bodies(**{name: by.get(name, getattr(bodies, name)) for name in names})
