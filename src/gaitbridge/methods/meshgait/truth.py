"""The 3D truth that training needs, read with each batch: where a store has it, as the camera sees it."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from gaitbridge.config import Config
from gaitbridge.simulation.truth import FIELDS, bodies_of


class Truth(Config):
    """Reads joints, markers and, if asked, the mesh of a batch's sequences. May be sent to other processes."""

    mesh: bool = True

    @property
    def fields(self) -> tuple[str, ...]:
        """The store's fields that are needed."""
        return FIELDS

    def __call__(self, arrays: Mapping[str, np.ndarray], row: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Of one sequence, cut to the frames of the batch: `joints`, `markers`, `vertices` [T, P, 3] in metres about the root along the viewing ray,
        `root` [T, 2] its place in picture heights from the top left corner, `scale_m` [T], `known` bool [T]."""
        size = (row["height"], row["width"])
        bodies = bodies_of(arrays, row["source"], size, self.mesh)
        return {"joints": bodies.joints, "markers": bodies.markers, "vertices": bodies.vertices,
                "root": ((bodies.root_px + 0.5) / size[0]).astype(np.float32), "scale_m": bodies.scale_m, "known": bodies.known}
