"""The 3D truth that training needs, read with each batch: where a store has it, as the camera or the LiDAR sees it."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from gaitbridge.config import Config
from gaitbridge.conventions import CAMERA, LIDAR
from gaitbridge.models.fused_encoder import PREFIX
from gaitbridge.simulation.truth import FIELDS, LIDAR_FIELDS, bodies_of, lidar_bodies_of
from gaitbridge.types import Bodies


class Truth(Config):
    """Reads joints, markers and, if asked, the mesh of a batch's sequences. May be sent to other processes."""

    mesh: bool = True
    camera: bool = True
    lidar: bool = False

    @property
    def fields(self) -> tuple[str, ...]:
        """The store's fields that are needed."""
        return tuple(dict.fromkeys([*(FIELDS if self.camera else ()), *(LIDAR_FIELDS if self.lidar else ())]))

    def __call__(self, arrays: Mapping[str, np.ndarray], row: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Of one sequence, cut to the frames of the batch: `joints`, `markers`, `vertices` [T, P, 3] in metres about the root along the viewing ray,
        `root` [T, 2] its place in picture heights from the top left corner, `scale_m` [T], `known` bool [T]; of the LiDAR after `lidar_`."""
        size: tuple[int, int] = (row["height"], row["width"])
        found: dict[str, np.ndarray] = {}
        if self.camera:
            found |= _named(bodies_of(arrays, row["source"], size, self.mesh), size[0], PREFIX[CAMERA])
        if self.lidar:
            found |= _named(lidar_bodies_of(arrays, row["source"], self.mesh), size[0], PREFIX[LIDAR])
        return found


def _named(bodies: Bodies, height: int, prefix: str) -> dict[str, np.ndarray]:
    return {f"{prefix}joints": bodies.joints, f"{prefix}markers": bodies.markers, f"{prefix}vertices": bodies.vertices,
            f"{prefix}root": ((bodies.root_px + 0.5) / height).astype(np.float32), f"{prefix}scale_m": bodies.scale_m, f"{prefix}known": bodies.known}
