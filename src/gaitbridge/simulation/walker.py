"""The walker: one person in one take, posed, dressed and on the path at any time.

Legend: T frames, J joints, V vertices of the body, V' of props, F triangles.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from gaitbridge.conventions import BODY_PARTS
from gaitbridge.geometry import transforms
from gaitbridge.simulation.body import Body, Pose, Rest, Shape
from gaitbridge.simulation.body._normals import vertex_normals
from gaitbridge.simulation.conditions import BELONGINGS, REFLECTIVITY, TRACE_HZ, TRACE_LEAD_S, ArmHold, Frames, Outfit
from gaitbridge.simulation.motion import Walk
from gaitbridge.simulation.path import Path


@dataclass(frozen=True)
class Dressed:
    """A dressed walker in T frames: vertices_m float32 [T, V + V', 3] with props, and the bare body's vertices_m, joints and pose."""

    vertices_m: np.ndarray
    bare_m: np.ndarray
    joints_m: np.ndarray
    pose: Pose


@dataclass(frozen=True)
class Walker:
    """One person in one take: body, motion, outfit and path. `start_s` is the walk's time at the start of the recording."""

    body: Body
    shape: Shape
    walk: Walk
    outfit: Outfit
    path: Path
    start_s: float
    duration_s: float  # of the recording
    rest: Rest = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "rest", self.body.rest(self.shape))

    @cached_property
    def _origin_m(self) -> np.ndarray:
        """Where the walk's own ground is at the start of the recording [3]; sideways from its own axis, so that sway stays."""
        root: np.ndarray = self.walk.at(np.array([self.start_s])).root_m[0].astype(float)
        return root * np.array([1.0, 0.0, 0.0])

    @cached_property
    def length_m(self) -> float:
        """How far the walker gets along the path in the recording."""
        return float(self.walk.at(np.array([self.start_s + self.duration_s])).root_m[0, 0] - self._origin_m[0])

    def pose(self, time_s: np.ndarray) -> Pose:
        """The pose in the world at times [T] of the recording, arms held as the outfit asks. Times outside of the walk take its ends."""
        times = np.clip(self.start_s + time_s, 0.0, self.walk.duration_s)
        pose = self.walk.at(times)
        for side, hold in self.outfit.arm_carry.items():
            pose = hold_arm(self.body, self.rest, pose, side, hold)
        if self.outfit.arms_out_rad:
            pose = arms_aside(
                self.body, self.rest, pose, self.outfit.arms_out_rad, [side for side in ("left", "right") if side not in self.outfit.arm_carry]
            )
        if self.outfit.lift_m or self.outfit.heel_rad:
            pose = on_soles(self.body, self.rest, pose, self.outfit.lift_m, self.outfit.heel_rad)
        return self.path.bend(pose, self._origin_m)

    @cached_property
    def trace(self) -> Frames:
        """The recording densely, from TRACE_LEAD_S before its start."""
        count = int(np.ceil((self.duration_s + TRACE_LEAD_S) * TRACE_HZ)) + 1
        time_s = np.arange(count) / TRACE_HZ - TRACE_LEAD_S
        return frames_of(self.body, self.rest, self.pose(time_s), time_s)

    def velocity_mps(self, time_s: np.ndarray) -> np.ndarray:
        """Velocity of the hips [T, 3] by central difference over a tenth of a second."""
        after, before = self.pose(time_s + 0.05).root_m, self.pose(time_s - 0.05).root_m
        return (after - before).astype(float) / 0.1

    def dressed(self, time_s: np.ndarray) -> Dressed:
        """Posed and dressed at times [T]."""
        pose = self.pose(time_s)
        posed = self.body.posed(self.shape, pose)
        thick, now = self.outfit.inflate_m[:, None], None
        if self.outfit.props or self.outfit.folds_m is not None:
            now = frames_of(self.body, self.rest, pose, time_s)
        if now is not None and self.outfit.folds_m is not None:
            thick = (self.outfit.inflate_m + stride_of(self.body, now)[:, None] * self.outfit.folds_m)[..., None]
        meshes = [posed.vertices_m + thick * vertex_normals(posed.vertices_m, self.body.triangles)]
        if now is not None:
            meshes += [prop.vertices_m(now, self.trace) for prop in self.outfit.props]
        return Dressed(np.concatenate(meshes, axis=1), posed.vertices_m, posed.joints_m, pose)

    @cached_property
    def triangles(self) -> np.ndarray:
        """int32 [F, 3] of body and props, in the order of `Dressed.vertices_m`."""
        lists, start = [self.body.triangles], len(self.rest.vertices_m)
        for prop in self.outfit.props:
            lists.append(prop.triangles + start)
            start += int(prop.triangles.max()) + 1
        return np.concatenate(lists).astype(np.int32)

    @cached_property
    def is_person(self) -> np.ndarray | None:
        """bool [F], False for what only hides the person; None where all is the person's."""
        if all(prop.belongs != "scene" for prop in self.outfit.props):
            return None
        return np.concatenate([np.full(len(t), worn) for t, worn in self._pieces()])

    @cached_property
    def worn_vertices(self) -> int:
        """How many vertices, from the first, belong to the person. Props of the scene come last in an outfit."""
        return int(self.triangles[self.is_person].max()) + 1 if self.is_person is not None else int(self.triangles.max()) + 1

    @cached_property
    def part_of_triangle(self) -> np.ndarray:
        """uint8 [F] of conventions.BODY_PARTS: the middle of a triangle's three vertices' parts."""
        body = np.sort(self.body.part_of_vertex[self.body.triangles], axis=1)[:, 1]
        props = [np.full(len(prop.triangles), BODY_PARTS.index(prop.part)) for prop in self.outfit.props]
        return np.concatenate([body, *props]).astype(np.uint8)

    @cached_property
    def belonging_of_triangle(self) -> np.ndarray:
        """uint8 [F], places in BELONGINGS."""
        props = [np.full(len(prop.triangles), BELONGINGS.index(prop.belongs)) for prop in self.outfit.props]
        return np.concatenate([np.zeros(len(self.body.triangles)), *props]).astype(np.uint8)

    @cached_property
    def own_vertices(self) -> np.ndarray:
        """The vertices int [P] of the person, without bags and what is carried."""
        return np.unique(self.triangles[self.belonging_of_triangle == BELONGINGS.index("person")])

    @cached_property
    def is_carried(self) -> np.ndarray | None:
        """bool [F], True for what is carried; None where nothing is."""
        found: np.ndarray = self.belonging_of_triangle == BELONGINGS.index("carried")
        return found if found.any() else None

    @cached_property
    def reflectivity_of_triangle(self) -> np.ndarray:
        """float32 [F]: the mean of a triangle's three vertices."""
        corners = self.body.triangles
        own = np.full(len(corners), REFLECTIVITY) if self.outfit.reflectivity is None else self.outfit.reflectivity[corners].mean(1)
        return np.concatenate([own, *(np.full(len(prop.triangles), prop.reflectivity) for prop in self.outfit.props)]).astype(np.float32)

    def _pieces(self) -> list[tuple[np.ndarray, bool]]:
        return [(self.body.triangles, True), *((prop.triangles, prop.belongs != "scene") for prop in self.outfit.props)]


def frames_of(body: Body, rest: Rest, pose: Pose, time_s: np.ndarray) -> Frames:
    """Turns from the rest pose and joints by forward kinematics: what props hang on."""
    turns = pose.rotations_world @ np.swapaxes(rest.rotations_world, 1, 2)
    joints = np.empty((*turns.shape[:2], 3))
    joints[:, 0] = pose.root_m
    for joint, parent in enumerate(body.parents[1:], start=1):
        joints[:, joint] = joints[:, parent] + turns[:, parent] @ (rest.joints_m[joint] - rest.joints_m[parent])
    return Frames(time_s, turns, joints)


def stride_of(body: Body, now: Frames) -> np.ndarray:
    """How far the left thigh is ahead of the right one: the sine of the angle between them as seen from the side, float32 [T]."""
    hips, *legs = (body.joint_names.index(name) for name in ("Hips", "LeftUpLeg", "LeftLeg", "RightUpLeg", "RightLeg"))
    forward = now.turns[:, hips, :, 0]
    left, right = (now.joints_m[:, knee] - now.joints_m[:, hip] for hip, knee in (legs[:2], legs[2:]))
    ahead = np.einsum("ta,ta->t", left - right, forward) / np.linalg.norm(left[0])
    return np.clip(ahead, -1.0, 1.0).astype(np.float32)


def on_soles(body: Body, rest: Rest, pose: Pose, lift_m: float, heel_rad: float) -> Pose:
    """The pose on soles of `lift_m`, both feet (not the toes) tipped down by `heel_rad` about their own axis."""
    turns = pose.rotations_world
    if heel_rad:
        turns = turns.copy()
        tip = transforms.from_rotation_vector(np.array([[0.0, heel_rad, 0.0]]))[0]
        for foot in (body.joint_names.index("LeftFoot"), body.joint_names.index("RightFoot")):
            turns[:, foot] = turns[:, foot] @ (rest.rotations_world[foot].T @ tip @ rest.rotations_world[foot])
    return Pose(turns.astype(pose.rotations_world.dtype), pose.root_m + np.array([0.0, 0.0, lift_m], pose.root_m.dtype))


def arms_aside(body: Body, rest: Rest, pose: Pose, angle_rad: float, sides: list[str]) -> Pose:
    """The pose with whole arms turned outwards about the shoulders, in the plane of the trunk."""
    turns, spine = pose.rotations_world.copy(), body.joint_names.index("Spine1")
    trunk = turns[:, spine] @ rest.rotations_world[spine].T
    for side in sides:
        outward = transforms.from_rotation_vector(np.array([[angle_rad if side == "left" else -angle_rad, 0.0, 0.0]]))[0]
        moved = below(body, f"{side.capitalize()}Arm")
        turns[:, moved] = (trunk @ outward @ np.swapaxes(trunk, 1, 2))[:, None] @ turns[:, moved]
    return Pose(turns.astype(pose.rotations_world.dtype), pose.root_m)


def below(body: Body, name: str) -> list[int]:
    """The joint `name` and all that hang on it."""
    found = [body.joint_names.index(name)]
    for joint in range(found[0] + 1, len(body.joint_names)):
        if body.parents[joint] in found:
            found.append(joint)
    return found


def hold_arm(body: Body, rest: Rest, pose: Pose, side: str, hold: ArmHold) -> Pose:
    """The pose with one arm held relative to the upper spine; hand and fingers follow the forearm as they did."""
    name, names = side.capitalize(), body.joint_names
    spine, upper, fore, hand = (names.index(joint) for joint in ("Spine1", f"{name}Arm", f"{name}ForeArm", f"{name}Hand"))
    old = pose.rotations_world
    trunk = old[:, spine] @ rest.rotations_world[spine].T
    along = _unit(rest.joints_m[fore] - rest.joints_m[upper])
    swung = np.einsum("tba,tb->ta", trunk, old[:, upper] @ (rest.rotations_world[upper].T @ along))  # the walk's arm, seen from the trunk
    pitch = hold.swing * np.arctan2(swung[:, 0], -swung[:, 2])
    swing = transforms.from_rotation_vector(pitch[:, None] * np.array([0.0, -1.0, 0.0]))
    new = old.copy()
    for bone, direction, after in ((upper, hold.upper, fore), (fore, hold.fore, hand)):
        held = _smallest_turn(_unit(rest.joints_m[after] - rest.joints_m[bone]), _unit(np.array(direction)))
        new[:, bone] = trunk @ swing @ (held @ rest.rotations_world[bone])
    follows = new[:, fore] @ np.swapaxes(old[:, fore], 1, 2)
    for joint in range(len(names)):
        parent = joint
        while parent > 0 and parent != hand:
            parent = body.parents[parent]
        if parent == hand:
            new[:, joint] = follows @ old[:, joint]
    return Pose(new, pose.root_m)


def _unit(vector: np.ndarray) -> np.ndarray:
    unit: np.ndarray = vector / np.linalg.norm(vector)
    return unit


def _smallest_turn(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The smallest rotation [3, 3] that takes one unit vector to another, which are not opposite."""
    axis, cosine = np.cross(source, target), float(source @ target)
    cross = np.array([[0.0, -axis[2], axis[1]], [axis[2], 0.0, -axis[0]], [-axis[1], axis[0], 0.0]])
    return np.eye(3) + cross + cross @ cross / (1.0 + cosine)
