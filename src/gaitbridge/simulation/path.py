"""Paths: a walk along +x bent onto an arc."""

from dataclasses import dataclass

import numpy as np

from gaitbridge.geometry import transforms
from gaitbridge.simulation.body import Pose


@dataclass(frozen=True)
class Path:
    """A straight walk bent onto an arc: curvature 1/m, positive to the left, 0 straight."""

    curvature: float = 0.0

    def place(self, along_m: np.ndarray, left_m: np.ndarray | float = 0.0) -> tuple[np.ndarray, np.ndarray]:
        """Points [T, 2] and headings [T] (radians) after `along_m` of the centre line, `left_m` beside it."""
        heading = np.asarray(self.curvature * along_m)
        chord = along_m * np.sinc(heading / (2 * np.pi))  # length of the chord, which points along half the heading
        x, y = chord * np.cos(heading / 2), chord * np.sin(heading / 2)
        return np.stack([x - left_m * np.sin(heading), y + left_m * np.cos(heading)], -1), heading

    def bend(self, pose: Pose, start_m: np.ndarray) -> Pose:
        """A walk along +x put on the path, with `start_m` [2+] of its ground at the origin."""
        points, heading = self.place(pose.root_m[:, 0] - start_m[0], pose.root_m[:, 1] - start_m[1])
        turn = transforms.from_rotation_vector(heading[:, None] * np.array([0.0, 0.0, 1.0]))
        rotations = (turn[:, None] @ pose.rotations_world).astype(np.float32)
        return Pose(rotations, np.column_stack([points, pose.root_m[:, 2]]).astype(np.float32))
