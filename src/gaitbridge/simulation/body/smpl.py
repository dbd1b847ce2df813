"""SMPL (Loper et al., SIGGRAPH Asia 2015) from a file of the user's own, in our conventions: facing +x, left = +y, z up, metres.

The file is bound to a licence and never shipped: https://smpl.is.tue.mpg.de. It is read here, without running what a pickle asks for; skinning
is that of the package `smplx`. SMPL faces +z with its left at +x and y up. Legend: 24 joints, V vertices (6,890 in SMPL's own files), 10 betas.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gaitbridge.config import checked
from gaitbridge.conventions import BODY_PARTS, stream
from gaitbridge.errors import UserError
from gaitbridge.foreign_pickles import array_of, read_arrays
from gaitbridge.geometry.transforms import from_rotation_vector
from gaitbridge.progress import Progress, silent
from gaitbridge.simulation.body import Pose, Posed, Rest, Shape
from gaitbridge.simulation.motion._skeleton import DOWN, FORWARD, level, skeleton_of, smallest_turn
from gaitbridge.simulation.settings import CohortConfig
from gaitbridge.simulation.takes import Person, take_of
from gaitbridge.simulation.virtual_markers import Posed as RootedBodies
from gaitbridge.simulation.walker import Walker

JOINTS = ("pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2", "left_ankle", "right_ankle", "spine3", "left_foot",
          "right_foot", "neck", "left_collar", "right_collar", "head", "left_shoulder", "right_shoulder", "left_elbow", "right_elbow",
          "left_wrist", "right_wrist", "left_hand", "right_hand")
PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21)
BETAS, BETA_LIMIT = 10, 2.5  # sampled betas are cut there, in standard deviations
SHAPES = {"v_template": ("V", 3), "shapedirs": ("V", 3, f"at least {BETAS}"), "posedirs": ("V", 3, 9 * (len(JOINTS) - 1)), "f": ("F", 3),
          "J_regressor": (len(JOINTS), "V"), "weights": ("V", len(JOINTS)), "kintree_table": (2, len(JOINTS))}
OURS_FROM_SMPL = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
DENSITY_KG_M3 = 980.0  # as for Anny
FRAMES_AT_ONCE = 64
# The simulator's bone that each joint follows; the others (toes, fingers) keep to their parents.
MIDDLE = {"pelvis": "Hips", "spine1": "LowerBack", "spine2": "Spine", "spine3": "Spine1", "neck": "Neck", "head": "Head"}
SIDED = {"hip": "UpLeg", "knee": "Leg", "ankle": "Foot", "collar": "Shoulder", "shoulder": "Arm", "elbow": "ForeArm", "wrist": "Hand"}
FOLLOWS = MIDDLE | {f"{side}_{ours}": side.capitalize() + bone for side in ("left", "right") for ours, bone in SIDED.items()}
WHERE = "SMPL is obtained from https://smpl.is.tue.mpg.de by registering there, and given with `--smpl FILE`"


@dataclass
class SmplBody:
    """SMPL of one file; see `simulation.body.Body`. A `Shape` holds the betas (not 0 to 1); bones rest with the world's own orientation."""

    name: str  # of the file, such as smpl-neutral
    triangles: np.ndarray
    bone_of_vertex: np.ndarray
    part_of_vertex: np.ndarray
    _tensors: Mapping[str, Any]
    _lbs: Any
    joint_names: tuple[str, ...] = JOINTS
    parents: tuple[int, ...] = PARENTS
    shape_names: tuple[str, ...] = tuple(f"beta{number}" for number in range(BETAS))
    marker_vertices: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))  # none are shipped: they are learnt for a user's file

    def smpl_posed(self, pose: np.ndarray, betas: np.ndarray, translation: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Joints float32 [T, 24, 3] and vertices float32 [T, V, 3], metres, of SMPL's own parameters.

        pose: [T, 72] rotation vectors in radians, the pelvis' first; betas: [T or 1, 10]; translation: [T or 1, 3] metres.
        All are in SMPL's axes (ahead +z, left +x, up +y); the result is turned to ours: x, y, z are SMPL's z, x, y. The pelvis is where SMPL
        has it, near the origin. Parameters that were fitted in a camera's axes come out turned alike: (x, y, z) are the camera's (z, x, y).
        ValueError for other shapes.
        """
        frames = len(pose)
        if np.shape(pose) != (frames, 3 * len(JOINTS)) or np.shape(betas) not in ((frames, BETAS), (1, BETAS)):
            raise ValueError(f"pose must be [T, {3 * len(JOINTS)}] and betas [T or 1, {BETAS}], not {list(np.shape(pose))}, {list(np.shape(betas))}")
        joints, vertices = self._skinned(from_rotation_vector(np.reshape(pose, (frames, len(JOINTS), 3))), betas)
        if translation is not None:
            shift = (np.asarray(translation) @ OURS_FROM_SMPL.T).astype(np.float32)[:, None]
            joints, vertices = joints + shift, vertices + shift
        return joints, vertices

    def sample_shape(self, random: np.random.Generator, proportions: str = "drawn") -> Shape:
        """Ten standard normal betas, cut at 2.5; `proportions` says nothing here: betas were learnt from measured people."""
        return Shape(np.clip(random.standard_normal(BETAS), -BETA_LIMIT, BETA_LIMIT).astype(np.float32))

    def shared_shape(self) -> Shape:
        """The mean body: betas of zero."""
        return Shape(np.zeros(BETAS, np.float32))

    def rest(self, shape: Shape) -> Rest:
        """The T-pose, on the ground, with the pelvis at x = 0; y stays SMPL's own, whose plane of symmetry is y = 0."""
        joints, vertices = (points[0] for points in self._skinned(np.eye(3)[None, None].repeat(len(JOINTS), 1), self._betas(shape)))
        origin = np.array([joints[0, 0], 0.0, vertices[:, 2].min()], np.float32)
        return Rest(joints - origin, np.eye(3, dtype=np.float32)[None].repeat(len(JOINTS), 0), vertices - origin)

    def posed(self, shape: Shape, pose: Pose) -> Posed:
        """Vertices [T, V, 3] and joints [T, 24, 3] from world orientations, in our axes."""
        frames = len(pose.root_m)
        if pose.rotations_world.shape != (frames, len(JOINTS), 3, 3):
            raise ValueError(f"rotations_world must be [{frames}, {len(JOINTS)}, 3, 3], not {list(pose.rotations_world.shape)}")
        joints, vertices = self._skinned(smpl_rotations(pose.rotations_world), self._betas(shape))
        shift = (pose.root_m - joints[:, 0])[:, None].astype(np.float32)
        return Posed(vertices + shift, joints + shift)

    def measures(self, shape: Shape) -> Mapping[str, float]:
        """height_m, mass_kg (volume at 980 kg/m3) and leg_m (hip to ankle along the bones, mean of both)."""
        rest = self.rest(shape)
        a, b, c = (rest.vertices_m[self.triangles[:, corner]].astype(float) for corner in range(3))
        volume = float(np.einsum("fi,fi->", np.cross(a, b), c)) / 6.0
        bones = [np.linalg.norm(rest.joints_m[JOINTS.index(f"{side}_{end}")] - rest.joints_m[JOINTS.index(f"{side}_{start}")])
                 for side in ("left", "right") for start, end in (("hip", "knee"), ("knee", "ankle"))]
        return {"height_m": float(np.ptp(rest.vertices_m[:, 2])), "mass_kg": volume * DENSITY_KG_M3, "leg_m": float(sum(bones)) / 2.0}

    def _betas(self, shape: Shape) -> np.ndarray:
        if shape.values.shape != (BETAS,):
            raise ValueError(f"a shape of {self.name} has {BETAS} values, not {list(shape.values.shape)}")
        return shape.values[None]

    def _skinned(self, rotations: np.ndarray, betas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Joints and vertices in our axes from rotations [T, 24, 3, 3] relative to the parents, in SMPL's axes, and betas [T or 1, 10]."""
        import torch

        turns = torch.as_tensor(np.asarray(rotations, np.float32))
        shapes = torch.as_tensor(np.array(np.broadcast_to(betas, (len(turns), BETAS)), np.float32, order="C"))
        joints = np.empty((len(turns), len(JOINTS), 3), np.float32)
        vertices = np.empty((len(turns), len(self.bone_of_vertex), 3), np.float32)
        with torch.no_grad():
            for start in range(0, len(turns), FRAMES_AT_ONCE):
                part = slice(start, start + FRAMES_AT_ONCE)
                skin, bones = self._lbs(shapes[part], turns[part], pose2rot=False, **self._tensors)
                vertices[part], joints[part] = skin.numpy()[:, :, [2, 0, 1]], bones.numpy()[:, :, [2, 0, 1]]
        return joints, vertices


def smpl_rotations(world: np.ndarray) -> np.ndarray:
    """Rotations [T, 24, 3, 3] relative to the parents, in SMPL's axes, of world orientations in ours (identity: the T-pose)."""
    theirs = OURS_FROM_SMPL.T @ np.asarray(world, float) @ OURS_FROM_SMPL
    local = theirs.copy()
    local[:, 1:] = np.swapaxes(theirs[:, list(PARENTS[1:])], 2, 3) @ theirs[:, 1:]
    return local


def hanging(rest: Rest) -> np.ndarray:
    """Turns [24, 3, 3] from SMPL's T-pose to the simulator's standing posture: arms and legs straight down, feet ahead, palms to the thighs."""
    turns = np.eye(3)[None].repeat(len(JOINTS), 0)
    for side in ("left", "right"):
        at = {limb: rest.joints_m[JOINTS.index(f"{side}_{limb}")].astype(float)
              for limb in ("hip", "ankle", "foot", "shoulder", "elbow", "wrist", "hand")}
        straight = smallest_turn(_unit(at["ankle"] - at["hip"]), DOWN)  # of thigh and shin together, as in `motion._skeleton`
        found = {"hip": straight, "knee": straight, "ankle": smallest_turn(level(at["foot"] - at["ankle"]), FORWARD)}
        for limb, end in (("shoulder", "elbow"), ("elbow", "wrist"), ("wrist", "hand")):
            found[limb] = smallest_turn(_unit(at[end] - at[limb]), DOWN)  # about the axis ahead, so palms that faced down face the thighs
        for limb, turn in found.items():
            turns[JOINTS.index(f"{side}_{limb}")] = turn
    return turns


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def retargeted(walker: Walker, time_s: np.ndarray, rest: Rest) -> np.ndarray:
    """World orientations [T, 24, 3, 3] of SMPL's joints, in our axes, that do what a simulated walker does at times [T].

    Both bodies' bones are turned alike from the standing posture, in which the joint angles of all bodies mean the same.
    """
    standing = skeleton_of(walker.body, walker.shape).standing
    turns = walker.pose(time_s).rotations_world @ np.swapaxes(standing, 1, 2)
    world, start = np.empty((len(time_s), len(JOINTS), 3, 3)), hanging(rest)
    for joint, (name, parent) in enumerate(zip(JOINTS, PARENTS, strict=True)):
        bone = FOLLOWS.get(name)
        world[:, joint] = world[:, parent] if bone is None else turns[:, walker.body.joint_names.index(bone)] @ start[joint]
    return world


def draw_poses(model: SmplBody, purpose: str, people: int, seed: int, progress: Progress = silent, poses: int = 5) -> RootedBodies:
    """SMPL bodies of people who each walk in their own way, at `poses` moments of a few seconds: as `virtual_markers.walking_people`."""
    config, found = checked(CohortConfig, {"seed": int(stream(seed, "virtual markers", purpose).integers(2**31))}), []
    for number in range(people):
        name = f"{purpose}{number}"
        take = take_of(config, Person(name, "train", (("normal", 0),)), 0, name)
        times = np.linspace(take.clock.camera_s[0], take.clock.camera_s[-1], poses)
        shape = model.sample_shape(stream(config.seed, "shape", name, "betas"))
        world = retargeted(take.walker, times, model.rest(shape))
        posed = model.posed(shape, Pose(world.astype(np.float32), np.zeros((poses, 3), np.float32)))
        found.append(RootedBodies(posed.joints_m, posed.vertices_m))
        progress(number + 1, people, purpose)
    return RootedBodies(np.concatenate([one.joints for one in found]), np.concatenate([one.vertices for one in found]))


def open_body(path: str) -> SmplBody:
    """SMPL of a file (.npz, or .pkl as it is published); UserError where it is missing, is no SMPL, or `smplx` is not installed."""
    if not path:
        raise UserError(f"no SMPL file given: {WHERE}")
    if not Path(path).is_file():
        raise UserError(f"{path} is no file: {WHERE}")
    arrays = _smpl_arrays(Path(path))
    try:
        from smplx.lbs import lbs
    except ImportError as error:
        raise UserError(f"reading {path} needs the package smplx: pip install 'gaitbridge[smpl]'") from error
    import torch

    bones = arrays["weights"].argmax(axis=1).astype(np.int16)
    basis = arrays["posedirs"].reshape(-1, arrays["posedirs"].shape[2]).T
    tensors = {"v_template": arrays["v_template"], "shapedirs": arrays["shapedirs"][:, :, :BETAS], "posedirs": basis,
               "J_regressor": arrays["J_regressor"], "lbs_weights": arrays["weights"]}
    made = {name: torch.as_tensor(np.array(array, np.float32)) for name, array in tensors.items()}
    plain = re.sub(r"[^a-z0-9.]+", "-", Path(path).stem.lower()).strip("-")
    return SmplBody(
        name=plain if plain.startswith("smpl") else f"smpl-{plain}", triangles=arrays["f"].astype(np.int32), bone_of_vertex=bones,
        part_of_vertex=np.array([_part(JOINTS[bone]) for bone in bones], np.uint8), _tensors={**made, "parents": torch.tensor(PARENTS)}, _lbs=lbs,
    )  # fmt: skip


def _smpl_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of SHAPES of a file, checked."""
    held = read_arrays(path, tuple(SHAPES))
    if lacking := [name for name in SHAPES if name not in held]:
        raise UserError(f"{path} is no SMPL file, it lacks {', '.join(lacking)}: {WHERE}")
    found, sizes = {}, dict[str, int]()
    for name, wanted in SHAPES.items():
        try:
            found[name] = array_of(held[name])
            finite = bool(np.isfinite(found[name]).all())
        except (ValueError, TypeError, KeyError, IndexError) as error:
            raise UserError(f"{path}: its {name} cannot be read ({error}): {WHERE}") from error
        shape = found[name].shape
        fits = len(shape) == len(wanted) and all(_fits(size, one, sizes) for size, one in zip(shape, wanted, strict=True))
        if not fits or not finite:
            says = ", ".join(f"V = {sizes['V']}" if one == "V" and "V" in sizes else str(one) for one in wanted)
            wrong = "holds numbers that are not finite" if fits else f"is {list(shape)}, not [{says}]"
            raise UserError(f"{path}: its {name} {wrong}: give a file of SMPL (SMPL-H and SMPL-X have more joints); {WHERE}")
    if tuple(found["kintree_table"][0].astype(np.int64)[1:].tolist()) != PARENTS[1:]:
        raise UserError(f"{path}: its kintree_table is not SMPL's tree of joints: give a file of SMPL; {WHERE}")
    if found["f"].min() < 0 or found["f"].max() >= len(found["v_template"]):
        raise UserError(f"{path}: its f names vertices that it does not have: it is damaged; {WHERE}")
    return found


def _fits(size: int, wanted: int | str, sizes: dict[str, int]) -> bool:
    """Whether one size of an array is right; letters take the first size they meet."""
    if isinstance(wanted, int):
        return size == wanted
    return size >= BETAS if wanted.startswith("at least") else sizes.setdefault(wanted, size) == size and size > 0


def _part(joint: str) -> int:
    """Index into BODY_PARTS of what a joint moves."""
    side, _, limb = joint.partition("_")
    if side not in ("left", "right") or limb == "collar":
        return BODY_PARTS.index("head" if joint in ("neck", "head") else "torso")
    return BODY_PARTS.index(f"{side}_{'leg' if limb in ('hip', 'knee', 'ankle', 'foot') else 'arm'}")
