"""The Anny body keeps our conventions, whatever the library behind it does."""

import dataclasses
import subprocess
import sys
import time
from collections import OrderedDict

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from gaitbridge import plugins
from gaitbridge.conventions import BODY_PARTS, stream
from gaitbridge.errors import UserError
from gaitbridge.simulation.body import Body, Pose, Shape
from gaitbridge.simulation.body.anny import LOCAL_CHANGES, OURS_FROM_ANNY, anny_model, open_body, rest_of_anny


def shapes(body: Body, count: int) -> list[Shape]:
    return [body.sample_shape(stream(3, "shape", number)) for number in range(count)]


def random_pose(body: Body, shape: Shape, frames: int, seed: int = 0) -> Pose:
    random = np.random.default_rng(seed)
    turns = Rotation.from_rotvec(random.normal(0.0, 0.4, (frames * len(body.parents), 3))).as_matrix().reshape(frames, -1, 3, 3)
    rotations = turns @ body.rest(shape).rotations_world
    return Pose(rotations.astype(np.float32), random.normal(0.0, 2.0, (frames, 3)).astype(np.float32))


def test_sampled_people_are_plausible_adults(anny_reduced: Body) -> None:
    people = shapes(anny_reduced, 150)
    measures = [anny_reduced.measures(shape) for shape in people]
    height, mass, leg = (np.array([one[name] for one in measures]) for name in ("height_m", "mass_kg", "leg_m"))
    woman = np.array([shape.values[anny_reduced.shape_names.index("gender")] > 0.5 for shape in people])
    assert height.min() > 1.47
    assert height.max() < 1.98
    assert mass.min() > 38
    assert mass.max() < 130
    assert 62 < mass.mean() < 82
    assert 19 < (mass / height**2).mean() < 27
    assert 0.35 < woman.mean() < 0.65
    assert 1.72 < height[~woman].mean() < 1.81
    assert 1.59 < height[woman].mean() < 1.68
    assert np.all((leg / height > 0.44) & (leg / height < 0.54))
    assert np.corrcoef(height, leg)[0, 1] > 0.8


def test_measured_height_is_that_of_the_rest_vertices(anny_reduced: Body) -> None:
    for shape in shapes(anny_reduced, 5):
        vertices = anny_reduced.rest(shape).vertices_m
        assert anny_reduced.measures(shape)["height_m"] == pytest.approx(vertices[:, 2].max() - vertices[:, 2].min(), abs=1e-6)
        assert 0.3 < np.ptp(vertices[:, 0]) < 0.9
        assert 0.6 < np.ptp(vertices[:, 1]) < 1.5


def test_every_shape_value_is_within_0_and_1_and_named(anny_reduced: Body) -> None:
    values = np.array([shape.values for shape in shapes(anny_reduced, 100)])
    assert values.dtype == np.float32
    assert values.shape[1] == len(anny_reduced.shape_names)
    assert values.min() >= 0.0
    assert values.max() <= 1.0
    assert values.std(axis=0).min() > 0.02  # each of them varies


def test_rest_pose_faces_x_with_its_left_at_y_and_stands_on_the_ground(anny_reduced: Body) -> None:
    shape = shapes(anny_reduced, 1)[0]
    rest = anny_reduced.rest(shape)
    joints = {name: rest.joints_m[number] for number, name in enumerate(anny_reduced.joint_names)}
    for name in ("UpLeg", "Foot", "Arm", "Hand"):
        assert joints[f"Left{name}"][1] > 0.05
        assert joints[f"Right{name}"][1] < -0.05
    assert joints["LeftToeBase"][0] - joints["LeftFoot"][0] > 0.08
    assert joints["Head"][2] > joints["Hips"][2] > joints["LeftLeg"][2] > joints["LeftFoot"][2] > 0.0
    assert rest.vertices_m[:, 2].min() == pytest.approx(0.0, abs=1e-6)
    assert np.allclose(joints["Hips"][:2], 0.0, atol=1e-6)
    arm = rest.vertices_m[anny_reduced.part_of_vertex == BODY_PARTS.index("left_arm")]
    assert arm[:, 1].min() > 0.05


@pytest.mark.parametrize("detail", ["reduced", "coarse"])
def test_mesh_is_watertight_and_points_outwards(detail: str) -> None:
    body = open_body(detail)
    edges = np.concatenate([body.triangles[:, [a, b]] for a, b in ((0, 1), (1, 2), (2, 0))])
    forwards, times = np.unique(edges, axis=0, return_counts=True)
    assert times.max() == 1
    assert np.array_equal(forwards, np.unique(edges[:, ::-1], axis=0))
    a, b, c = (body.rest(body.shared_shape()).vertices_m[body.triangles[:, corner]] for corner in range(3))
    assert 0.04 < np.einsum("fi,fi->", np.cross(a, b), c) / 6.0 < 0.09  # m3, positive when triangles look outwards


def test_same_person_is_the_same_body(anny_reduced: Body) -> None:
    other = open_body("reduced")
    first, again = anny_reduced.sample_shape(stream(5, "shape", "p1")), other.sample_shape(stream(5, "shape", "p1"))
    assert first.values.tobytes() == again.values.tobytes()
    assert anny_reduced.rest(first).vertices_m.tobytes() == other.rest(again).vertices_m.tobytes()
    assert first.values.tobytes() != anny_reduced.sample_shape(stream(5, "shape", "p2")).values.tobytes()


def test_many_people_in_between_do_not_change_a_body(anny_reduced: Body) -> None:
    shape = anny_reduced.shared_shape()
    before = anny_reduced.rest(shape).vertices_m.tobytes()
    assert all(anny_reduced.rest(other).vertices_m.tobytes() != before for other in shapes(anny_reduced, 50))  # more than are kept in memory
    assert anny_reduced.rest(shape).vertices_m.tobytes() == before


def test_rest_pose_gives_the_rest_vertices(anny_reduced: Body) -> None:
    shape = shapes(anny_reduced, 1)[0]
    rest = anny_reduced.rest(shape)
    posed = anny_reduced.posed(shape, Pose(rest.rotations_world[None], rest.joints_m[None, 0]))
    assert np.abs(posed.vertices_m[0] - rest.vertices_m).max() < 1e-5
    assert np.abs(posed.joints_m[0] - rest.joints_m).max() < 1e-5


def test_bone_lengths_do_not_change_in_motion(anny_reduced: Body) -> None:
    shape = shapes(anny_reduced, 1)[0]
    parents = list(anny_reduced.parents)

    def lengths(joints: np.ndarray) -> np.ndarray:
        return np.linalg.norm(joints[..., 1:, :] - joints[..., parents[1:], :], axis=-1)

    posed = anny_reduced.posed(shape, random_pose(anny_reduced, shape, 8))
    assert np.abs(lengths(posed.joints_m) - lengths(anny_reduced.rest(shape).joints_m)).max() < 1e-5


def test_posing_agrees_with_anny_itself(anny_reduced: Body) -> None:
    import torch

    shape = shapes(anny_reduced, 2)[1]
    pose = random_pose(anny_reduced, shape, 3)
    matrices = np.zeros((3, len(anny_reduced.parents), 4, 4))
    matrices[..., 3, 3] = 1.0
    matrices[..., :3, :3] = OURS_FROM_ANNY.T @ pose.rotations_world.astype(float)
    matrices[:, 0, :3, 3] = pose.root_m.astype(float) @ OURS_FROM_ANNY
    given = dict(zip(anny_reduced.shape_names, shape.values.astype(float).tolist(), strict=True))
    changes = {name: 2.0 * given.pop(name) - 1.0 for name in LOCAL_CHANGES}
    with torch.no_grad():
        theirs = anny_model("reduced")(torch.tensor(matrices), phenotype_kwargs=given, local_changes_kwargs=changes)
    ours = anny_reduced.posed(shape, pose)
    assert np.abs(theirs["vertices"].numpy() @ OURS_FROM_ANNY.T - ours.vertices_m).max() < 1e-4
    assert np.abs(theirs["bone_poses"][..., :3, 3].numpy() @ OURS_FROM_ANNY.T - ours.joints_m).max() < 1e-4


def test_the_shipped_rest_model_is_anny_s_to_the_rounding(anny_reduced: Body) -> None:
    """PyTorch adds up in another order on another processor: the same bytes on an Intel Xeon, a last digit apart on an AMD EPYC."""
    model = anny_model("reduced")
    theirs = dataclasses.replace(anny_reduced, _rest_of=lambda shape: rest_of_anny(model, shape), _skins=OrderedDict())  # type: ignore[type-var]
    for shape in (anny_reduced.shared_shape(), *shapes(anny_reduced, 5)):
        ours, wanted = anny_reduced.rest(shape), theirs.rest(shape)
        for name in ("vertices_m", "joints_m", "rotations_world"):
            np.testing.assert_allclose(getattr(ours, name), getattr(wanted, name), rtol=0, atol=3e-7)
    for name in ("joint_names", "parents"):
        assert getattr(anny_reduced, name) == tuple(getattr(model, {"joint_names": "bone_labels", "parents": "bone_parents"}[name]))


def test_a_body_to_render_needs_neither_anny_nor_its_cache() -> None:
    code = "import sys; sys.modules['anny'] = None; from gaitbridge.simulation.body.anny import open_body; print(len(open_body().triangles))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "2454\n"


def test_a_frame_alone_is_the_same_as_among_others(anny_reduced: Body) -> None:
    shape = shapes(anny_reduced, 1)[0]
    pose = random_pose(anny_reduced, shape, 7)
    together = anny_reduced.posed(shape, pose)
    alone = anny_reduced.posed(shape, Pose(pose.rotations_world[3:4], pose.root_m[3:4]))
    assert alone.vertices_m[0].tobytes() == together.vertices_m[3].tobytes()
    assert alone.joints_m[0].tobytes() == together.joints_m[3].tobytes()


def test_full_and_reduced_are_one_person(anny_reduced: Body, anny_full: Body) -> None:
    assert anny_full.joint_names == anny_reduced.joint_names
    shape = anny_full.sample_shape(stream(3, "shape", 0))
    assert shape.values.tobytes() == anny_reduced.sample_shape(stream(3, "shape", 0)).values.tobytes()
    pose = random_pose(anny_reduced, shape, 2)
    few, many = anny_reduced.posed(shape, pose), anny_full.posed(shape, pose)
    assert np.abs(few.joints_m - many.joints_m).max() < 2e-3
    few_m, many_m = anny_reduced.measures(shape), anny_full.measures(shape)
    assert abs(few_m["height_m"] - many_m["height_m"]) < 0.01
    assert abs(few_m["mass_kg"] / many_m["mass_kg"] - 1.0) < 0.08


def test_markers_are_spread_and_symmetric(anny_reduced: Body, anny_full: Body) -> None:
    for body in (anny_reduced, anny_full):
        markers = body.marker_vertices
        places = body.rest(body.shared_shape()).vertices_m[markers]
        assert markers.shape == (64,)
        assert markers.dtype == np.int32
        assert len(set(markers.tolist())) == 64
        pairs = int((places[:, 1] > 1e-3).sum())
        middle, left, right = places[: 64 - 2 * pairs], places[64 - 2 * pairs : 64 - pairs], places[64 - pairs :]
        assert len(middle) >= 2
        assert np.abs(middle[:, 1]).max() < 1e-3
        assert left[:, 1].min() > 0.0
        assert np.abs(left * [1.0, -1.0, 1.0] - right).max() < 1e-3
        apart = np.linalg.norm(places[:, None] - places[None], axis=2) + np.eye(64)
        assert apart.min() > 0.005  # nowhere the same place, though hands are full of extremes
        assert set(body.part_of_vertex[markers].tolist()) == {BODY_PARTS.index(part) for part in BODY_PARTS[1:7]}


def test_parts_follow_the_bones(anny_reduced: Body) -> None:
    expected = {"Head": "head", "Neck": "head", "Spine1": "torso", "Hips": "torso", "LeftForeArm": "left_arm", "RightHand": "right_arm",
                "LThumb": "left_arm", "LeftUpLeg": "left_leg", "RightToeBase": "right_leg"}  # fmt: skip
    for bone, part in expected.items():
        of_bone = anny_reduced.part_of_vertex[anny_reduced.bone_of_vertex == anny_reduced.joint_names.index(bone)]
        assert set(of_bone.tolist()) == {BODY_PARTS.index(part)}, bone


def test_posing_is_fast_enough_for_the_simulation(anny_reduced: Body) -> None:
    shape = shapes(anny_reduced, 1)[0]
    pose = random_pose(anny_reduced, shape, 40)
    anny_reduced.posed(shape, pose)
    started = time.process_time()
    for _ in range(5):
        anny_reduced.posed(shape, pose)
    assert (time.process_time() - started) / 200 < 1e-3  # seconds a frame; measured 0.015 ms


def test_mistakes_are_told(anny_reduced: Body) -> None:
    with pytest.raises(UserError, match=r"'ful'.*did you mean 'full'"):
        open_body("ful")
    shape = anny_reduced.shared_shape()
    with pytest.raises(ValueError, match="rotations_world must be"):
        anny_reduced.posed(shape, Pose(np.zeros((2, 5, 3, 3), np.float32), np.zeros((2, 3), np.float32)))
    with pytest.raises(ValueError, match="values"):
        anny_reduced.rest(Shape(np.zeros(3, np.float32)))


def test_the_folder_is_the_list_of_bodies() -> None:
    assert plugins.names("gaitbridge.simulation.body") == ["anny", "smpl"]
