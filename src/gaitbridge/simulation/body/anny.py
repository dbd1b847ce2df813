"""The Anny body (code Apache-2.0, assets CC0) in our conventions: facing +x, left = +y, z up, metres, feet at z = 0.

Anny's own model is used for the rest state only, of the reduced mesh by numbers of it that are shipped (`_rest_model`); frames are posed here by a
sparse product with weights cached for each shape, which is forty times faster than the general model and gives the same bytes in every process and
for every batch size.
"""

import sys
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from scipy.spatial import cKDTree

from gaitbridge.conventions import BODY_PARTS
from gaitbridge.errors import UserError, nearest
from gaitbridge.printing import tell
from gaitbridge.simulation.body import Body, Pose, Posed, Rest, Shape, _proportions, _rest_model
from gaitbridge.simulation.body._read_out import shipped

TOPOLOGIES = {"reduced": "notoes_collapse10pc", "coarse": "notoes_collapse5pc", "full": "anny"}
PHENOTYPES = ("gender", "age", "muscle", "weight", "height", "proportions")  # gender 0 male .. 1 female, age 0.67 = 25 years
# Local changes that make people differ in build beyond the phenotypes, and the standard deviation they are sampled with (-1 .. 1).
LOCAL_CHANGES = {
    "torso-scale-horiz-incr": 0.35, "torso-scale-depth-incr": 0.35, "torso-scale-vert-incr": 0.25, "torso-vshape-incr": 0.4,
    "hip-scale-horiz-incr": 0.3, "hip-scale-depth-incr": 0.3, "buttocks-volume-incr": 0.4, "stomach-pregnant-incr": 0.25,
    "measure-shoulder-dist-incr": 0.4, "measure-upperarm-length-incr": 0.35, "measure-lowerarm-length-incr": 0.35,
    "upperlegs-height-incr": 0.25, "lowerlegs-height-incr": 0.25, "measure-thigh-circ-incr": 0.35, "measure-calf-circ-incr": 0.35,
    "measure-neck-circ-incr": 0.4, "measure-neck-height-incr": 0.3, "head-scale-horiz-incr": 0.35, "head-scale-vert-incr": 0.35,
}  # fmt: skip
SHAPE_NAMES = (*PHENOTYPES, *LOCAL_CHANGES)
# What a unit of each adds to the height, metres (decrease, increase), measured on the average body.
HEIGHT_OF_CHANGE = {
    "torso-scale-vert-incr": (0.0431, 0.1028), "upperlegs-height-incr": (0.0750, 0.1037), "lowerlegs-height-incr": (0.0590, 0.0810),
    "measure-neck-height-incr": (0.0300, 0.0300), "head-scale-vert-incr": (0.0229, 0.0229),
}  # fmt: skip
HEIGHT_MEN_M, HEIGHT_WOMEN_M = (1.765, 0.070), (1.635, 0.065)  # mean and standard deviation of adults (NCD-RisC 2016, Europe, rounded)
HEIGHT_LIMITS_M = (1.50, 1.95)
DENSITY_KG_M3 = 980.0  # Anny's own figure for turning volume into mass
SHAPES_KEPT = 256  # rest models held in memory, 0.2 MB each
OURS_FROM_ANNY = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])  # Anny faces -y with its left at +x
TORSO_BONES = ("Hips", "LHipJoint", "RHipJoint", "LowerBack", "Spine", "Spine1", "LeftShoulder", "RightShoulder")


Rested = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Rest joints [J, 3], rotations [J, 3, 3] and vertices [V, 3] in Anny's own axes, float64."""


@dataclass(frozen=True)
class _Skin:
    """What posing needs of one shape: the rest state, bone offsets [J, 3] from the parent, and weights [V, 4J] times (x, y, z, 1)."""

    rest: Rest
    offsets_m: np.ndarray
    weights: csr_matrix


@dataclass
class AnnyBody:
    """The Anny body at one mesh detail; see `simulation.body.Body`."""

    name: str
    joint_names: tuple[str, ...]
    parents: tuple[int, ...]
    shape_names: tuple[str, ...]
    triangles: np.ndarray
    bone_of_vertex: np.ndarray
    part_of_vertex: np.ndarray
    marker_vertices: np.ndarray
    _rest_of: Callable[[Shape], Rested]
    _weights: np.ndarray  # [V, J], rows sum to one
    _skins: OrderedDict[bytes, _Skin] = field(default_factory=OrderedDict)

    def sample_shape(self, random: np.random.Generator, proportions: str = "drawn") -> Shape:
        """A plausible adult, half of them women, drawn from the random stream (the same for every detail).

        `drawn`: the stature comes first, from the sex's normal distribution; Anny's `height` is then what reaches it with this build.
        `measured`: bone lengths come first, as they differ between measured people.
        """
        return self._measured_shape(random) if proportions == "measured" else self._drawn_shape(random)

    def _measured_shape(self, random: np.random.Generator) -> Shape:
        """Sex by stature; flesh as in `_drawn_shape`; `height` and the bones' own changes as the drawn lengths ask for."""
        lengths = _proportions.drawn_lengths(random)
        woman = bool(random.random() < _proportions.share_of_women(lengths))
        gender, age = float(np.clip(random.normal(0.9 if woman else 0.1, 0.08), 0.0, 1.0)), float(random.uniform(0.67, 0.92))
        muscle = float(np.clip(random.normal(0.40 if woman else 0.42, 0.13), 0.1, 0.85))
        weight = float(np.clip(random.normal(0.76 if woman else 0.70, 0.17), 0.2, 1.0))
        values = {"gender": gender, "age": age, "muscle": muscle, "weight": weight, "height": 0.38, "proportions": 0.5}
        values |= {name: 0.5 + 0.5 * float(np.clip(random.normal(0.0, spread), -0.9, 0.9)) for name, spread in LOCAL_CHANGES.items()}
        values |= {name: 0.5 for names, _ in _proportions.CHANGES for name in names}
        shape_of = lambda named: Shape(np.array([named[name] for name in SHAPE_NAMES], np.float32))  # noqa: E731

        def lengths_of(named: Mapping[str, float]) -> np.ndarray:
            joints, _, vertices = self._rest_of(shape_of(named))
            return np.log(_proportions.bones_m(_proportions.named_joints(self.joint_names, joints, vertices, self.bone_of_vertex)))

        return shape_of(_proportions.fitted(values, lengths, lengths_of))

    def _drawn_shape(self, random: np.random.Generator) -> Shape:
        woman = bool(random.random() < 0.5)
        mean_m, deviation_m = HEIGHT_WOMEN_M if woman else HEIGHT_MEN_M
        stature_m = float(np.clip(random.normal(mean_m, deviation_m), *HEIGHT_LIMITS_M))
        gender = float(np.clip(random.normal(0.9 if woman else 0.1, 0.08), 0.0, 1.0))
        age = float(random.uniform(0.67, 0.92))
        muscle = float(np.clip(random.normal(0.40 if woman else 0.42, 0.13), 0.1, 0.85))
        weight = float(np.clip(random.normal(0.76 if woman else 0.70, 0.17), 0.2, 1.0))
        proportions = float(np.clip(random.normal(0.5, 0.15), 0.1, 0.9))
        changes = {name: float(np.clip(random.normal(0.0, deviation), -0.9, 0.9)) for name, deviation in LOCAL_CHANGES.items()}
        added_m = sum(HEIGHT_OF_CHANGE[name][value > 0] * value for name, value in changes.items() if name in HEIGHT_OF_CHANGE)
        plain_m = 1.361 - 0.140 * gender - 0.075 * (age - 0.67) - 0.016 * gender * (proportions - 0.5)  # Anny's height at height = 0
        values = [gender, age, muscle, weight, (stature_m - added_m - plain_m) / 1.088, proportions]
        values += [0.5 + 0.5 * changes[name] for name in LOCAL_CHANGES]
        return Shape(np.clip(np.array(values, np.float32), 0.0, 1.0))

    def shared_shape(self) -> Shape:
        """The one body of `--shape shared`: halfway between the sexes, 1.70 m."""
        values = [0.5, 0.72, 0.42, 0.60, 0.377, 0.5, *([0.5] * len(LOCAL_CHANGES))]
        return Shape(np.array(values, np.float32))

    def rest(self, shape: Shape) -> Rest:
        """The shape in the rest pose, hips above the origin."""
        return self._skin(shape).rest

    def posed(self, shape: Shape, pose: Pose) -> Posed:
        """Vertices [T, V, 3] and joints [T, J, 3] by forward kinematics and linear blend skinning."""
        skin, frames, joints_count = self._skin(shape), len(pose.root_m), len(self.parents)
        if pose.rotations_world.shape != (frames, joints_count, 3, 3):
            raise ValueError(f"rotations_world must be [{frames}, {joints_count}, 3, 3], not {list(pose.rotations_world.shape)}")
        turns, joints = place_joints(pose, skin.rest, skin.offsets_m, self.parents)
        moves = np.empty((joints_count, 4, frames, 3), np.float32)  # column k of each bone's [3, 4] transform
        moves[:, :3] = turns.transpose(1, 3, 0, 2)
        shift = joints - np.einsum("tjab,jb->tja", turns, skin.rest.joints_m)
        moves[:, 3] = shift.transpose(1, 0, 2)
        flat = skin.weights @ moves.reshape(4 * joints_count, 3 * frames)
        vertices = np.ascontiguousarray(flat.reshape(-1, frames, 3).transpose(1, 0, 2))
        return Posed(vertices, joints.astype(np.float32))

    def measures(self, shape: Shape) -> Mapping[str, float]:
        """height_m, mass_kg (volume at 980 kg/m3) and leg_m (hip to ankle along the bones, mean of both)."""
        rest = self.rest(shape)
        a, b, c = (rest.vertices_m[self.triangles[:, corner]].astype(float) for corner in range(3))
        volume = float(np.einsum("fi,fi->", np.cross(a, b), c)) / 6.0
        joints = {name: rest.joints_m[index].astype(float) for index, name in enumerate(self.joint_names)}
        legs = [np.linalg.norm(joints[f"{side}Leg"] - joints[f"{side}UpLeg"]) for side in ("Left", "Right")]
        legs += [np.linalg.norm(joints[f"{side}Foot"] - joints[f"{side}Leg"]) for side in ("Left", "Right")]
        height = float(np.ptp(rest.vertices_m[:, 2]))
        return {"height_m": height, "mass_kg": volume * DENSITY_KG_M3, "leg_m": float(sum(legs)) / 2.0}

    def _skin(self, shape: Shape) -> _Skin:
        """The cached posing data of a shape, least recently used first out."""
        if shape.values.shape != (len(self.shape_names),):
            raise ValueError(f"a shape of {self.name} has {len(self.shape_names)} values, not {list(shape.values.shape)}")
        key = np.asarray(shape.values, np.float32).tobytes()
        if key not in self._skins:
            self._skins[key] = self._make_skin(shape)
            if len(self._skins) > SHAPES_KEPT:
                self._skins.popitem(last=False)
        self._skins.move_to_end(key)
        return self._skins[key]

    def _make_skin(self, shape: Shape) -> _Skin:
        """Anny's rest model, turned to face +x and put on the ground; rounded to a micrometre so that no summation order shows."""
        joints, rotations, vertices = self._rest_of(shape)
        joints, vertices = joints @ OURS_FROM_ANNY.T, vertices @ OURS_FROM_ANNY.T
        origin = np.array([joints[0, 0], joints[0, 1], vertices[:, 2].min()])
        joints, vertices = np.round(joints - origin, 6), np.round(vertices - origin, 6)
        rest = Rest(joints.astype(np.float32), np.round(OURS_FROM_ANNY @ rotations, 7).astype(np.float32), vertices.astype(np.float32))
        offsets = joints.copy()
        offsets[1:] -= joints[list(self.parents[1:])]
        homogeneous = np.concatenate([vertices, np.ones((len(vertices), 1))], axis=1)
        dense = (self._weights[:, :, None] * homogeneous[:, None, :]).reshape(len(vertices), -1)
        return _Skin(rest, offsets.astype(np.float32), csr_matrix(dense.astype(np.float32)))


def place_joints(pose: Pose, rest: Rest, offsets_m: np.ndarray, parents: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Forward kinematics: turns from rest [T, J, 3, 3] and bone heads [T, J, 3]; offsets_m [J, 3] from the parent in the rest pose."""
    turns = np.einsum("tjab,jcb->tjac", pose.rotations_world.astype(np.float32), rest.rotations_world)
    joints = np.empty((*turns.shape[:2], 3), np.float32)
    joints[:, 0] = pose.root_m
    arms = np.einsum("tjab,jb->tja", turns[:, list(parents[1:])], offsets_m[1:])
    for joint, parent in enumerate(parents[1:], start=1):
        joints[:, joint] = joints[:, parent] + arms[:, joint - 1]
    return turns, joints


def _named(shape: Shape) -> tuple[dict[str, float], dict[str, float]]:
    """A shape's phenotypes, 0 .. 1, and local changes, -1 .. 1."""
    given = dict(zip(SHAPE_NAMES, shape.values.astype(float).tolist(), strict=True))
    changes = {name: 2.0 * given.pop(name) - 1.0 for name in LOCAL_CHANGES}
    return given, changes


def rest_of_anny(model: Any, shape: Shape) -> Rested:
    """The rest state by Anny itself."""
    import torch

    phenotypes, changes = _named(shape)
    with torch.no_grad():
        state = model.get_rest_model(model.get_phenotype_blendshape_coefficients(local_changes=changes, **phenotypes))
    poses = state["rest_bone_poses"][0].numpy()
    return poses[:, :3, 3].copy(), poses[:, :3, :3].copy(), state["rest_vertices"][0].numpy()


def _part(bone: str) -> int:
    """Index into BODY_PARTS of what a bone moves."""
    if bone in TORSO_BONES:
        return BODY_PARTS.index("torso")
    if bone.startswith(("Neck", "Head")):
        return BODY_PARTS.index("head")
    side = "left" if bone.startswith("L") else "right"
    return BODY_PARTS.index(f"{side}_leg" if any(word in bone for word in ("Leg", "Foot", "Toe")) else f"{side}_arm")


def _announce_first_load() -> None:
    """Say on stderr why the first load takes long: Anny then builds its cache from the assets."""
    import anny.paths

    if not any(anny.paths.get_anny_cache_path().glob("*/load_data_*.safetensors")):
        tell("gaitbridge: preparing the body model, once for this machine (up to 2 minutes) ...")


def anny_model(detail: str) -> Any:
    """Anny's own model of a detail; the first on a machine prepares its cache, for a minute and 580 MB."""
    import anny

    _announce_first_load()
    return anny.Anny(
        rig="cmu_mb", pose_parameterization="world-orient", topology=TOPOLOGIES[detail], skinning_method="lbs",
        local_changes=list(LOCAL_CHANGES),
    )  # fmt: skip


def open_body(detail: str = "reduced") -> Body:
    """The Anny body: `reduced` (1,229 vertices, for rendering), `coarse` (615) or `full` (13,718); UserError for another detail."""
    if detail not in TOPOLOGIES:
        raise UserError(f"unknown body detail {detail!r}: {nearest(detail, TOPOLOGIES)}")
    rest_of: Callable[[Shape], Rested]
    if detail == "reduced":
        found = _rest_model.shipped()
        rest_of = lambda shape: found.rest(*_named(shape))  # noqa: E731
    else:
        model = anny_model(detail)
        found = _rest_model.taken_from(model)
        rest_of = lambda shape: rest_of_anny(model, shape)  # noqa: E731
    bone_of_vertex = found.weights.argmax(axis=1).astype(np.int16)
    body = AnnyBody(
        name={"reduced": "anny-10pc", "coarse": "anny-5pc", "full": "anny-full"}[detail],
        joint_names=found.bones, parents=found.parents, shape_names=SHAPE_NAMES,
        triangles=found.triangles, bone_of_vertex=bone_of_vertex,
        part_of_vertex=np.array([_part(found.bones[bone]) for bone in bone_of_vertex], np.uint8),
        marker_vertices=np.zeros(0, np.int32), _rest_of=rest_of, _weights=found.weights,
    )  # fmt: skip
    body.marker_vertices = _markers_on(body)
    return body


def _markers_on(body: AnnyBody) -> np.ndarray:
    """The learnt virtual markers on this detail of the mesh: int32 [64], each the vertex nearest to where it is on the mesh it was learnt on."""
    learnt, places = shipped("anny-10pc"), body.rest(body.shared_shape()).vertices_m
    if body.name == learnt.body:
        return learnt.marker_vertices
    mesh = open_body("reduced")
    wanted = mesh.rest(mesh.shared_shape()).vertices_m[learnt.marker_vertices]
    nearest = cKDTree(places).query(wanted)[1].astype(np.int32)
    mirror = cKDTree(places).query(places * np.array([1.0, -1.0, 1.0], places.dtype))[1]
    second = np.arange(len(nearest)) > learnt.mirror_markers  # of each pair the later one is the image of the first
    nearest[second] = mirror[nearest[learnt.mirror_markers[second]]]
    return nearest


if __name__ == "__main__":
    _rest_model.write(_rest_model.taken_from(anny_model("reduced")), Path(sys.argv[1]))
