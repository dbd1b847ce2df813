"""The rest state of the reduced Anny body by NumPy alone, from numbers that Anny computed and that are shipped: nothing is prepared on a machine.

Anny (code Apache-2.0, assets CC0) reads 600 target files for a minute and keeps 580 MB before its first body; what it computes of them for the mesh
that is rendered is 5 MB. `python -m gaitbridge.simulation.body.anny FILE` writes the file anew from the installed Anny.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

FILE = Path(__file__).with_name("anny-10pc.npz")
ALWAYS_HALF = ("cupsize", "firmness")  # what the simulator leaves at Anny's default


@dataclass(frozen=True)
class RestModel:
    """A body's mesh and skeleton as a linear function of products of its phenotypes (Anny's own), float64.

    template [V + 2 J, 3] and blends [B, V + 2 J, 3]: vertices, bone heads, bone tails; shares [A, B1]: how the A products of phenotype levels make
    up the first B1 blends; levels bool [A, L]: which levels each product is of; the other blends are the local changes' (up, down) each.
    """

    bones: tuple[str, ...]
    parents: tuple[int, ...]
    changes: tuple[str, ...]
    anchors: Mapping[str, list[float]]
    """Of each phenotype the values of its levels, in the order of `levels`; of the three origins, a third each, none."""
    template: np.ndarray
    blends: np.ndarray
    shares: np.ndarray
    levels: np.ndarray
    rolls: np.ndarray  # [J, 3, 3]
    weights: np.ndarray  # [V, J]
    triangles: np.ndarray  # int32 [F, 3]

    def rest(self, phenotypes: Mapping[str, float], changes: Mapping[str, float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rest joints [J, 3], rotations [J, 3, 3] and vertices [V, 3] in Anny's axes, of phenotypes 0 .. 1 and local changes -1 .. 1."""
        # 1. a product of phenotype levels counts as much as all of its levels, each by linear interpolation between its neighbours
        found: list[float] = []
        for name, places in self.anchors.items():
            value = 0.5 if name in ALWAYS_HALF else phenotypes.get(name, 0.0)
            found += [float(np.interp(value, places, own)) for own in np.eye(len(places))] or [1 / 3] * 3
        products = np.where(self.levels, np.array(found), 1.0).prod(1)
        # 2. the blends, those of local changes by their sign
        amounts = np.array([changes[name] for name in self.changes])
        by_sign = np.stack([amounts.clip(min=0.0), (-amounts).clip(min=0.0)], 1).ravel()
        made = self.template + np.tensordot(np.concatenate([products @ self.shares, by_sign]), self.blends, 1)
        vertices, heads, tails = np.split(made, [len(self.weights), len(self.weights) + len(self.bones)])
        # 3. each bone's y axis goes from head to tail by the smallest turn, then it rolls about it; the root stays upright
        rotations = turns_of_y(tails - heads) @ self.rolls
        rotations[0] = np.eye(3)
        return heads, rotations, vertices


def turns_of_y(directions: np.ndarray) -> np.ndarray:
    """The smallest rotations [J, 3, 3] that turn the y axis to directions [J, 3] (Rodrigues' formula); none may be opposite to it."""
    y = directions / np.linalg.norm(directions, axis=-1, keepdims=True)
    sine_axis = np.cross([0.0, 1.0, 0.0], y)
    cross = np.zeros((len(y), 3, 3))
    cross[:, 2, 1], cross[:, 0, 2], cross[:, 1, 0] = sine_axis.T
    cross -= cross.transpose(0, 2, 1)
    return np.eye(3) + cross + cross @ cross / (1.0 + y[:, 1])[:, None, None]


@lru_cache(maxsize=1)
def shipped() -> RestModel:
    """The model of the package."""
    with np.load(FILE, allow_pickle=False) as file:
        about = json.loads(str(file["about"]))
        arrays = {name: file[name] for name in ("template", "blends", "shares", "levels", "rolls", "weights", "triangles")}
    return RestModel(tuple(about["bones"]), tuple(about["parents"]), tuple(about["changes"]), about["anchors"], **arrays)


def taken_from(model: Any) -> RestModel:
    """What an `anny.Anny` computed, of a rig whose bones point from head to tail."""
    from anny.models.phenotype import PHENOTYPE_VARIATIONS

    if len(PHENOTYPE_VARIATIONS["race"]) != 3 or (model.bone_orientation, model.root_identity_orientation) != ("blender", True):
        raise ValueError("this Anny is laid out in another way than 0.6")
    parts = [(getattr(model, f"template_{name}"), getattr(model, f"{name}_blendshapes" if name != "vertices" else "blendshapes"))
             for name in ("vertices", "bone_heads", "bone_tails")]
    return RestModel(
        tuple(model.bone_labels), tuple(int(parent) for parent in model.bone_parents), tuple(model.local_change_labels),
        {name: [] if name == "race" else model.anchors[name].tolist() for name in PHENOTYPE_VARIATIONS},
        np.concatenate([template.numpy() for template, _ in parts]), np.concatenate([blends.numpy() for _, blends in parts], 1),
        model.phenotype_blendshape_projection.numpy(), model.stacked_phenotype_blend_shapes_mask.numpy() > 0, model.bone_rolls_rotmat[0].numpy(),
        np.asarray(model.dense_vertex_bone_weights, float), np.asarray(model.get_triangular_faces(), np.int32),
    )  # fmt: skip


def write(model: RestModel, path: Path) -> None:
    """Write a model as `shipped` reads it."""
    about = {"bones": model.bones, "parents": model.parents, "changes": model.changes, "anchors": model.anchors}
    arrays = {name: getattr(model, name) for name in ("template", "blends", "shares", "levels", "rolls", "weights", "triangles")}
    np.savez_compressed(path, about=np.array(json.dumps(about)), **arrays)
