"""A walk made of sines, for tests that need a walker but no motion source."""

from functools import lru_cache

import numpy as np

from gaitbridge import plugins
from gaitbridge.conventions import stream
from gaitbridge.simulation.body import Body, Pose, Shape
from gaitbridge.simulation.body.anny import open_body
from gaitbridge.simulation.conditions import Clothes, Outfit
from gaitbridge.simulation.conditions._clothes import Layer
from gaitbridge.simulation.motion._skeleton import rotation_matrices, skeleton_of
from gaitbridge.simulation.path import Path
from gaitbridge.simulation.walker import Walker


@lru_cache(maxsize=1)
def body() -> Body:
    """The coarse body, which loads and renders fastest."""
    return open_body("coarse")


class Stride:
    """Legs and arms swing as sines at 0.9 strides a second, 1.3 m/s along +x; never ends."""

    duration_s = np.inf

    def __init__(self, shape: Shape) -> None:
        self.skeleton = skeleton_of(body(), shape)
        self.hips_m = float(self.skeleton.rest.joints_m[0, 2])

    def at(self, time_s: np.ndarray) -> Pose:
        """Pitch angles by sines; the hips bob twice a stride."""
        phase = 2 * np.pi * 0.9 * np.asarray(time_s, float)
        pitch = {"LeftUpLeg": -0.45 * np.sin(phase), "RightUpLeg": 0.45 * np.sin(phase)}
        pitch |= {"LeftLeg": pitch["LeftUpLeg"] + 0.3, "RightLeg": pitch["RightUpLeg"] + 0.3}
        pitch |= {"LeftArm": 0.35 * np.sin(phase), "RightArm": -0.35 * np.sin(phase)}
        pitch |= {"LeftForeArm": pitch["LeftArm"] - 0.2, "RightForeArm": pitch["RightArm"] - 0.2}
        turns = {name: rotation_matrices(np.stack([0 * angle, angle, 0 * angle], -1)) for name, angle in pitch.items()}
        turns["Hips"] = rotation_matrices(np.zeros((len(phase), 3)))
        turns["Spine1"] = rotation_matrices(np.stack([0 * phase, 0.1 + 0 * phase, -0.15 * np.sin(phase)], -1))  # leans, and turns with the arms
        root = np.stack([1.3 * np.asarray(time_s, float), 0 * phase, self.hips_m + 0.02 * np.cos(2 * phase)], -1)
        return Pose(self.skeleton.orientations(turns).astype(np.float32), root.astype(np.float32))


def outfit_of(condition: str, seed: int = 0, clothes: Clothes | None = None) -> Outfit:
    """An outfit for the shared shape, drawn from `seed`."""
    rest = body().rest(body().shared_shape())
    outfit: Outfit = plugins.load("gaitbridge.simulation.conditions", condition).dress(body(), rest, clothes or Layer(), stream(seed, "outfit"))
    return outfit


def bare() -> Outfit:
    """No clothes at all."""
    return Outfit(np.zeros(len(body().bone_of_vertex), np.float32))


def walker(outfit: Outfit, curvature: float = 0.0, duration_s: float = 1.0) -> Walker:
    """A striding walker of the shared shape."""
    shape = body().shared_shape()
    return Walker(body(), shape, Stride(shape), outfit, Path(curvature), 1.2, duration_s)
