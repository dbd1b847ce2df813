"""Bodies: one file a body model. A module here offers `open_body(detail: str) -> Body`.

Legend: T frames, J joints, V vertices, F triangles, S shape numbers, M markers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class Shape:
    """One person's body, which never changes between takes. `values` float32 [S] in the order of `Body.shape_names`, each 0 to 1."""

    values: np.ndarray


@dataclass(frozen=True)
class Pose:
    """T frames of a posed skeleton in the world.

    rotations_world: float32 [T, J, 3, 3], the world orientation of each bone (its rest orientation, turned); root_m: float32 [T, 3],
    where the root joint (the hips) is, metres.
    """

    rotations_world: np.ndarray
    root_m: np.ndarray


@dataclass(frozen=True)
class Rest:
    """A shape in the rest pose: joints_m [J, 3], rotations_world [J, 3, 3], vertices_m [V, 3]; facing +x, feet at z = 0."""

    joints_m: np.ndarray
    rotations_world: np.ndarray
    vertices_m: np.ndarray


@dataclass(frozen=True)
class Posed:
    """The body in T frames: vertices_m float32 [T, V, 3], joints_m float32 [T, J, 3] (bone heads), both in the world."""

    vertices_m: np.ndarray
    joints_m: np.ndarray


class Body(Protocol):
    """A parametric human body in our conventions (z up, metres, rest pose facing +x)."""

    name: str  # with the detail, such as anny-10pc
    joint_names: tuple[str, ...]  # J names; joint 0 is the root
    parents: tuple[int, ...]  # -1 for the root
    shape_names: tuple[str, ...]
    triangles: np.ndarray  # int32 [F, 3], outward by the right-hand rule
    bone_of_vertex: np.ndarray  # int16 [V], the bone that moves the vertex most
    part_of_vertex: np.ndarray  # uint8 [V], index into conventions.BODY_PARTS
    marker_vertices: np.ndarray  # int32 [64], spread over the surface, left/right symmetric

    def sample_shape(self, random: np.random.Generator, proportions: str = "drawn") -> Shape:
        """A plausible adult: height, mass, sex, age and build drawn from the random stream.

        `proportions` measured: bone lengths as they differ between measured people, where the body model can be asked for them.
        """
        ...

    def shared_shape(self) -> Shape:
        """The one body of `--shape shared`."""
        ...

    def rest(self, shape: Shape) -> Rest:
        """The shape in the rest pose."""
        ...

    def posed(self, shape: Shape, pose: Pose) -> Posed:
        """Vertices and joints in T frames."""
        ...

    def measures(self, shape: Shape) -> Mapping[str, float]:
        """height_m, mass_kg and leg_m (hip to ankle, along the bones)."""
        ...
