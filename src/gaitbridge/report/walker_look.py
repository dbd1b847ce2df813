"""A simulated walker made ready to be drawn: its dressed mesh at each moment, the colours of what it wears, and cameras that follow it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gaitbridge.conventions import BODY_PARTS, stream
from gaitbridge.geometry import transforms
from gaitbridge.geometry.camera import Camera
from gaitbridge.report.shading import Mesh
from gaitbridge.simulation.conditions import BELONGINGS
from gaitbridge.simulation.walker import Walker, vertex_normals

TALL_M, MIDDLE_M = 2.3, 0.98  # a follower shows this much from top to bottom, umbrellas included; this height is in the middle
FROM_M = 9.0  # from this far, whatever the sensor's distance: all pictures of a sheet are alike
COLOURS = {"person": (0.62, 0.67, 0.76), "bag": (0.72, 0.46, 0.28), "carried": (0.55, 0.42, 0.62), "scene": (0.60, 0.60, 0.56)}
SAME = 1e-3  # reflectivities nearer than this are one garment's
SKINS = ((0.95, 0.79, 0.68), (0.86, 0.67, 0.53), (0.70, 0.50, 0.38), (0.52, 0.36, 0.27))
HAIRS = ((0.16, 0.13, 0.12), (0.30, 0.20, 0.14), (0.46, 0.33, 0.22), (0.66, 0.55, 0.38), (0.62, 0.61, 0.60))
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
    """Colours float32 [V, 3] of body and props: a hue a garment, dark where it reflects little to a LiDAR; skin, hair and things by their kind.

    A simulation knows no colours: they are drawn here, from the person's name, and mean nothing but "another garment".
    """
    body, outfit = walker.body, walker.outfit
    props = [np.full(int(prop.triangles.max()) + 1, place) for place, prop in enumerate(outfit.props)]
    prop_of = np.concatenate([np.full(len(body.bone_of_vertex), -1), *props])  # [V], -1 the body
    belongs = np.array([*(BELONGINGS.index(prop.belongs) for prop in outfit.props), 0])[prop_of]
    colours = np.array([COLOURS[kind] for kind in BELONGINGS], np.float32)[belongs]
    if outfit.reflectivity is None:
        return colours
    reflects = np.array([*(prop.reflectivity for prop in outfit.props), 0.0], np.float32)[prop_of]
    reflects[prop_of < 0] = outfit.reflectivity
    on_head = np.array([*(prop.part == "head" for prop in outfit.props), False])[prop_of]
    on_head[prop_of < 0] = body.part_of_vertex == BODY_PARTS.index("head")
    hands = np.isin(body.bone_of_vertex, [bone for bone, word in enumerate(body.joint_names) if "Hand" in word])
    skin = float(np.median(outfit.reflectivity[hands]))
    random = stream(0, "colours", name)
    hues, skins, hairs = (np.array(palette, np.float32)[random.permutation(len(palette))] for palette in (HUES, SKINS, HAIRS))
    mine = belongs == BELONGINGS.index("person")
    garments, which, count = np.unique(np.round(reflects[mine], 4), return_inverse=True, return_counts=True)
    hue_of = np.empty(len(garments), int)
    hue_of[np.argsort(-count, kind="stable")] = np.arange(len(garments)) % len(hues)
    bright = np.clip(0.45 + 0.95 * garments, 0.45, 1.15).astype(np.float32)
    colours[mine] = np.clip(hues[hue_of] * bright[:, None], 0, 1)[which]
    colours[mine & on_head] = hairs[0]
    colours[mine & (np.abs(reflects - skin) < SAME)] = skins[0]
    return colours


def follower(moment: Moment, height: int, width: int, towards: np.ndarray, tall_m: float = TALL_M) -> tuple[Camera, np.ndarray]:
    """A camera of height x width pixels that looks at the walker from the direction `towards` [3], and its `T_world_from_camera` [4, 4].

    tall_m: how much of the world it shows from top to bottom at the walker.
    """
    middle = np.append(moment.place_m, MIDDLE_M)
    position = middle + FROM_M * np.asarray(towards) / np.linalg.norm(towards)
    return Camera.from_focal(FROM_M / tall_m * height, width, height), transforms.look_at(position, middle)


def from_sensor(moment: Moment, T_world_from_sensor: np.ndarray) -> np.ndarray:
    """The direction [3] from the walker's middle to a sensor."""
    towards: np.ndarray = T_world_from_sensor[:3, 3] - np.append(moment.place_m, MIDDLE_M)
    return towards
