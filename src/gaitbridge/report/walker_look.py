"""A simulated walker made ready to be drawn: its dressed mesh at each moment, the colours of what it wears, and cameras that follow it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gaitbridge.conventions import stream
from gaitbridge.geometry import transforms
from gaitbridge.geometry.camera import Camera
from gaitbridge.report.shading import Mesh
from gaitbridge.simulation.conditions import BELONGINGS
from gaitbridge.simulation.walker import Walker, vertex_normals

TALL_M, MIDDLE_M = 2.3, 0.98  # how much of the world a follower shows from top to bottom at the walker, and what height is in the middle
FROM_M = 9.0  # from this far, whatever the sensor's distance: all pictures of a sheet are alike
COLOURS = {"person": (0.62, 0.67, 0.76), "bag": (0.72, 0.46, 0.28), "carried": (0.55, 0.42, 0.62), "scene": (0.60, 0.60, 0.56)}
HUES = ((0.40, 0.52, 0.75), (0.78, 0.47, 0.42), (0.46, 0.66, 0.55), (0.84, 0.73, 0.51), (0.57, 0.51, 0.69), (0.62, 0.66, 0.73),
        (0.48, 0.68, 0.77), (0.80, 0.60, 0.66))  # fmt: skip


@dataclass(frozen=True)
class Moment:
    """A walker at one time: the mesh, the hips' place on the ground [2], metres, and where they walk to, radians from +x."""

    mesh: Mesh
    place_m: np.ndarray
    heading: float


def moments(walker: Walker, time_s: np.ndarray, name: str) -> list[Moment]:
    """The dressed walker at times [T] of the recording; `name` is the person's, whose colours are always the same."""
    dressed, velocity = walker.dressed(time_s), walker.velocity_mps(time_s)
    normals, colours = vertex_normals(dressed.vertices_m, walker.triangles), colours_of(walker, name)
    return [
        Moment(Mesh(vertices, walker.triangles, of_one, colours), root[:2].astype(float), float(np.arctan2(going[1], going[0])))
        for vertices, of_one, root, going in zip(dressed.vertices_m, normals, dressed.pose.root_m, velocity, strict=True)
    ]


def colours_of(walker: Walker, name: str) -> np.ndarray:
    """Colours float32 [F, 3]: what is worn by what it reflects to a LiDAR, a hue a garment, dark where it reflects little; the rest by its kind.

    A simulation knows no colours: hues are drawn here, from the person's name, and mean nothing but "another garment".
    """
    reflects, belongs = walker.reflectivity_of_triangle, walker.belonging_of_triangle
    colours = np.array([COLOURS[kind] for kind in BELONGINGS], np.float32)[belongs]
    mine = np.flatnonzero(belongs == BELONGINGS.index("person"))
    garments, which, count = np.unique(np.round(reflects[mine], 2), return_inverse=True, return_counts=True)
    if len(garments) > 1:
        hues = np.array(HUES, np.float32)[stream(0, "colours", name).permutation(len(HUES))]
        hue_of = np.empty(len(garments), int)
        hue_of[np.argsort(-count, kind="stable")] = np.arange(len(garments)) % len(hues)
        bright = np.clip(0.35 + 1.3 * garments, 0.35, 1.25).astype(np.float32)
        colours[mine] = np.clip(hues[hue_of] * bright[:, None], 0, 1)[which]
    return colours


def follower(moment: Moment, height: int, width: int, towards: np.ndarray) -> tuple[Camera, np.ndarray]:
    """A camera of height x width pixels that looks at the walker from the direction `towards` [3], and its `T_world_from_camera` [4, 4]."""
    middle = np.append(moment.place_m, MIDDLE_M)
    position = middle + FROM_M * np.asarray(towards) / np.linalg.norm(towards)
    return Camera.from_focal(FROM_M / TALL_M * height, width, height), transforms.look_at(position, middle)


def from_view(moment: Moment, degrees: float, rise: float = 0.08) -> np.ndarray:
    """The direction [3] from the walker of the view angle `degrees`, 0 from before, risen by `rise` metres a metre."""
    bearing = moment.heading + np.deg2rad(degrees)
    return np.array([np.cos(bearing), np.sin(bearing), rise])


def from_sensor(moment: Moment, T_world_from_sensor: np.ndarray) -> np.ndarray:
    """The direction [3] from the walker's middle to a sensor."""
    towards: np.ndarray = T_world_from_sensor[:3, 3] - np.append(moment.place_m, MIDDLE_M)
    return towards
