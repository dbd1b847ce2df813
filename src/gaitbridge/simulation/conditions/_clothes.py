"""A layer of cloth drawn for each take: offsets along the normals by zone of the body. Joint names are those of the body's rig (cmu_mb)."""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from scipy.sparse import csr_matrix, diags_array, identity

from gaitbridge.simulation.body import Body, Rest
from gaitbridge.simulation.conditions import Outfit
from gaitbridge.simulation.conditions._hems import Hem, hem
from gaitbridge.simulation.conditions._places import zone_of

DEFAULT_LAYER_M = {  # a thin layer that everyone wears, drawn anew for each take: 0.4 to 1.4 cm
    "torso": (0.006, 0.014), "upper_arm": (0.004, 0.010), "forearm": (0.004, 0.009), "thigh": (0.005, 0.014), "shin": (0.005, 0.013),
    "foot": (0.004, 0.009), "neck": (0.0, 0.004), "head": (0.003, 0.012), "hand": (0.0, 0.001),
}  # fmt: skip
UNIFORM_M = {
    "torso": 0.024, "upper_arm": 0.015, "forearm": 0.014, "thigh": 0.016, "shin": 0.020, "foot": 0.008, "neck": 0.008, "head": 0.008,
}  # fmt: skip


class Layer:
    """Clothes of the simulator's first version: a thin layer drawn anew for each take, a thicker one with a hem for `clothing`."""

    version = 1

    def everyday(self, body: Body, rest: Rest, random: np.random.Generator) -> Outfit:
        """The thin default layer."""
        return Outfit(inflation(body, default_layer(random)))

    def other(self, body: Body, rest: Rest, random: np.random.Generator) -> Outfit:
        """A coat: 2 to 5 cm on the torso, less on the arms, a hem between just below the hips and the knees."""
        torso = float(random.uniform(0.020, 0.045))
        layer = default_layer(random) | {
            "torso": torso,
            "upper_arm": torso * float(random.uniform(0.45, 0.7)),
            "forearm": torso * float(random.uniform(0.35, 0.6)),
            "neck": float(random.uniform(0.005, 0.020)),
        }
        length = float(random.uniform(0.15, 0.95))
        ease = torso * float(random.uniform(0.75, 0.95))  # inside the coat's own surface at the waist, so that no gap shows
        cut = Hem(length, ease, flare_m=float(random.uniform(0.01, 0.05)), delay_s=float(random.uniform(0.05, 0.14)))
        return Outfit(inflation(body, layer), (hem(body, rest, cut),))

    def uniform(self, body: Body, rest: Rest) -> Outfit:
        """The same thickness everywhere, whoever wears it, and a jacket that ends below the hips."""
        return Outfit(inflation(body, UNIFORM_M), (hem(body, rest, Hem(0.15, 0.026, flare_m=0.008, delay_s=0.08)),))


def default_layer(random: np.random.Generator) -> dict[str, float]:
    """A thin default layer by zone, metres."""
    return {zone: float(random.uniform(*limits)) for zone, limits in DEFAULT_LAYER_M.items()}


def inflation(body: Body, by_zone: Mapping[str, float]) -> np.ndarray:
    """Offsets along the normals float32 [V] from a thickness by zone in metres, softened over the seams."""
    by_bone = np.array([by_zone.get(zone_of(bone), 0.0) for bone in body.joint_names])
    offsets = by_bone[body.bone_of_vertex]
    for _ in range(2):
        offsets = soften(body) @ offsets
    return np.asarray(offsets, np.float32)


def soften(body: Body) -> csr_matrix:
    """The matrix [V, V] that averages each vertex with its neighbours, half and half."""
    return _soften(body.triangles.tobytes(), len(body.bone_of_vertex))


@lru_cache(maxsize=4)
def _soften(triangles: bytes, count: int) -> csr_matrix:
    corners = np.frombuffer(triangles, np.int32).reshape(-1, 3)
    a, b = corners[:, [0, 1, 2]].ravel(), corners[:, [1, 2, 0]].ravel()
    near = csr_matrix((np.ones(2 * len(a)), (np.r_[a, b], np.r_[b, a])), shape=(count, count))
    near.data[:] = 1.0
    degree = np.maximum(np.asarray(near.sum(axis=1)).ravel(), 1.0)
    return csr_matrix(0.5 * identity(count) + 0.5 * (diags_array(1.0 / degree) @ near))
