"""SMPL from a user's file: read without running it, posed as its own package poses it, walking as the simulator walks.

SMPL itself is never at hand here: a small body of the same arrays is made up, in a T-pose that is not straight.
"""

import codecs
import importlib.util
import io
import pickle
import sys
from collections import defaultdict
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csc_matrix, csr_matrix
from scipy.spatial.transform import Rotation

from gaitbridge import foreign_pickles
from gaitbridge.config import checked
from gaitbridge.errors import UserError
from gaitbridge.simulation import virtual_markers
from gaitbridge.simulation.body import Pose, smpl
from gaitbridge.simulation.body._read_out import read_out_file
from gaitbridge.simulation.settings import CohortConfig
from gaitbridge.simulation.takes import Person, take_of

needs_smplx = pytest.mark.skipif(importlib.util.find_spec("smplx") is None, reason="skins with the package smplx: pip install 'gaitbridge[smpl]'")

# Places in SMPL's axes (left +x, up +y, ahead +z), metres: of the middle, and of the left side, whose arm slopes, leg spreads and toes point out.
MIDDLE = {"pelvis": (0, 0, 0), "spine1": (0, 0.11, -0.03), "spine2": (0, 0.24, -0.01), "spine3": (0, 0.3, 0.02), "neck": (0, 0.5, -0.02),
          "head": (0, 0.58, 0.03)}
LEFT = {"hip": (0.07, -0.09, 0), "knee": (0.12, -0.47, 0.02), "ankle": (0.16, -0.87, -0.02), "foot": (0.2, -0.93, 0.1), "collar": (0.08, 0.41, 0),
        "shoulder": (0.18, 0.44, -0.01), "elbow": (0.43, 0.41, -0.04), "wrist": (0.68, 0.43, -0.03), "hand": (0.76, 0.42, -0.01)}
OFF_CENTRE = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.6, 0.6, 0.2], [-0.2, 0.7, 0.9], [0.8, -0.3, 0.5]])
CLOUD = 0.04 * np.concatenate([OFF_CENTRE, -OFF_CENTRE])  # about each joint, which is its mean


def fake_smpl() -> dict[str, np.ndarray]:
    """The arrays of an SMPL file: 288 vertices, symmetric; every array does something."""
    random, mirror = np.random.default_rng(3), np.array([-1.0, 1, 1])
    sides = {f"{side}_{name}": np.array(place) * (1 if side == "left" else mirror) for name, place in LEFT.items() for side in ("left", "right")}
    places = {**{name: np.array(place, float) for name, place in MIDDLE.items()}, **sides}
    pairs = CLOUD[[0, 3, 4, 5]]
    flat = np.concatenate([pairs, pairs * mirror, CLOUD[[1, 2, 7, 8]] - [0, pairs[:, 1].sum() / 2, pairs[:, 2].sum() / 2]])  # some on the midline
    clouds = {name: flat if name in MIDDLE else CLOUD * (mirror if name.startswith("right") else 1) for name in smpl.JOINTS}
    vertices = np.concatenate([places[name] + clouds[name] for name in smpl.JOINTS])
    of_vertex = np.arange(24).repeat(12)
    weights = 0.8 * np.eye(24)[of_vertex] + 0.2 * np.eye(24)[np.maximum(smpl.PARENTS, 0)][of_vertex]
    image = virtual_markers.mirror_of(vertices[:, [1, 0, 2]])
    shapes, poses = (random.normal(0, size, (len(vertices), 3, count)) for size, count in ((0.004, 10), (0.002, 207)))
    shapes = (shapes + shapes[image] * mirror[:, None]) / 2
    faces = np.stack([np.arange(286), np.arange(1, 287), np.arange(2, 288)], axis=1).astype(np.uint32)
    return {"v_template": vertices, "shapedirs": shapes, "posedirs": poses, "J_regressor": np.eye(24)[of_vertex].T / 12, "weights": weights,
            "kintree_table": np.array([[2**32 - 1, *smpl.PARENTS[1:]], range(24)], np.uint32), "f": faces}


def save(path: Path, arrays: dict[str, Any]) -> None:
    np.savez(path, **arrays)


@pytest.fixture(scope="module")
def fake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("smpl") / "SMPL_NEUTRAL.npz"
    save(path, fake_smpl())
    return path


@pytest.fixture(scope="module")
def body(fake: Path) -> smpl.SmplBody:
    return smpl.open_body(str(fake))


class Ch:
    """As chumpy keeps an array, or an expression of arrays."""

    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)


class Select(Ch):
    pass


class Add(Ch):
    pass


class Runs:
    """Asks its reader to call something."""

    def __init__(self, call: Any, *args: Any) -> None:
        self.call, self.args = call, args

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call, self.args


@pytest.fixture
def chumpy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chumpy to write pickles with."""
    monkeypatch.setitem(sys.modules, "chumpy", ModuleType("chumpy"))
    for name, known in (("ch", Ch), ("reordering", Select), ("ch_ops", Add)):
        module = ModuleType(f"chumpy.{name}")
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setattr(known, "__module__", module.__name__)
        monkeypatch.setattr(module, known.__name__, known, raising=False)


def published(arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """The arrays as SMPL's own pickles hold them: chumpy arrays, a selection of 300 shapes, a sparse regressor, and what nobody needs."""
    shapes = np.concatenate([arrays["shapedirs"], np.ones((len(arrays["v_template"]), 3, 4))], axis=2)
    places = np.arange(shapes.size).reshape(shapes.shape)[:, :, :10].ravel()
    sum_of = Add(a=Ch(x=np.zeros(3)), b=Ch(x=np.ones(3)))
    return {**arrays, "v_template": Ch(x=arrays["v_template"], _dirty_vars={1, 2}), "weights": Ch(x=arrays["weights"]),
            "shapedirs": Select(a=Ch(x=shapes), idxs=places, preferred_shape=(len(shapes), 3, 10)), "J": sum_of, "bs_style": "lbs",
            "J_regressor": csc_matrix(arrays["J_regressor"]), "posedirs": np.asfortranarray(arrays["posedirs"])}


def same_body(a: smpl.SmplBody, b: smpl.SmplBody) -> bool:
    pose, betas = np.random.default_rng(0).normal(0, 0.4, (2, 72)), np.random.default_rng(1).normal(0, 1, (1, 10))
    posed = zip(a.smpl_posed(pose, betas), b.smpl_posed(pose, betas), strict=True)
    return np.array_equal(a.triangles, b.triangles) and all(np.allclose(one, other, atol=1e-6) for one, other in posed)


@needs_smplx
@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_a_published_pickle_and_an_npz_are_one_body(body: smpl.SmplBody, tmp_path: Path, chumpy: None, protocol: int,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "basicModel_neutral_v1.0.0.pkl"
    path.write_bytes(pickle.dumps(published(fake_smpl()), protocol))
    for name in ("chumpy.ch", "chumpy.reordering", "chumpy.ch_ops"):
        monkeypatch.delitem(sys.modules, name)
    read = smpl.open_body(str(path))
    assert same_body(read, body)
    assert (body.name, read.name) == ("smpl-neutral", "smpl-basicmodel-neutral-v1.0.0")


@needs_smplx
def test_an_npz_with_a_pickled_matrix_in_it_and_300_shapes(body: smpl.SmplBody, tmp_path: Path) -> None:
    arrays = fake_smpl()
    shapes = np.concatenate([arrays["shapedirs"], np.ones((288, 3, 290))], axis=2)
    save(tmp_path / "SMPL.npz", {**arrays, "J_regressor": np.array(csr_matrix(arrays["J_regressor"]), object), "shapedirs": shapes,
                                 "other": np.array([Runs(exec, "1 / 0")], object)})  # what is not needed is not even read
    assert same_body(smpl.open_body(str(tmp_path / "SMPL.npz")), body)


@needs_smplx
def test_joints_and_vertices_are_those_of_smplx(body: smpl.SmplBody) -> None:
    import torch
    from smplx import SMPL
    from smplx.utils import Struct

    random = np.random.default_rng(5)
    pose, betas, moved = random.normal(0, 0.5, (70, 72)), random.normal(0, 1, (70, 10)), random.normal(0, 1, (70, 3))
    theirs = SMPL("", data_struct=Struct(**fake_smpl()), vertex_ids=defaultdict(int), batch_size=70)
    give = {"global_orient": pose[:, :3], "body_pose": pose[:, 3:], "betas": betas, "transl": moved}
    with torch.no_grad():
        wanted = theirs(**{name: torch.tensor(value, dtype=torch.float32) for name, value in give.items()})
    for found, want in zip(body.smpl_posed(pose, betas, moved), (wanted.joints[:, :24], wanted.vertices), strict=True):
        x, y, z = want.numpy().transpose(2, 0, 1)
        assert np.allclose(found, np.stack([z, x, y], axis=2), atol=2e-5)
    together, alone = body.smpl_posed(pose[:2], betas[:1])[1], body.smpl_posed(pose[:2], betas[[0, 0]])[1]
    assert np.array_equal(together, alone)


@needs_smplx
def test_smpls_axes_are_turned_to_ours(body: smpl.SmplBody) -> None:
    """In SMPL a turn to the left is one about +y; a raised left arm turns about +z, ahead."""
    still, _ = body.smpl_posed(np.zeros((1, 72)), np.zeros((1, 10)))
    at = dict(zip(body.joint_names, still[0], strict=True))
    assert np.allclose(at["left_ankle"] - at["pelvis"], (-0.02, 0.16, -0.87), atol=1e-3)
    pose = np.zeros((2, 72))
    pose[0, 1] = pose[1, 3 * body.joint_names.index("left_shoulder") + 2] = np.pi / 2
    turned, raised = (dict(zip(body.joint_names, one, strict=True)) for one in body.smpl_posed(pose, np.zeros((1, 10)))[0])
    toes, moved = at["left_foot"] - at["pelvis"], turned["left_foot"] - turned["pelvis"]
    assert np.allclose(moved, (-toes[1], toes[0], toes[2]), atol=1e-5)  # what was ahead is at the left
    assert raised["left_wrist"][2] > raised["head"][2] + 0.2
    assert np.allclose(raised["right_wrist"], at["right_wrist"], atol=1e-6)


@needs_smplx
def test_rest_stands_on_the_ground_facing_x_with_its_left_at_y(body: smpl.SmplBody) -> None:
    rest = body.rest(body.shared_shape())
    at = dict(zip(body.joint_names, rest.joints_m, strict=True))
    assert rest.vertices_m[:, 2].min() == pytest.approx(0, abs=1e-6)
    assert np.allclose(at["pelvis"][:2], 0, atol=1e-6)
    assert at["head"][2] > at["neck"][2] > at["pelvis"][2] > at["left_knee"][2] > at["left_ankle"][2]
    assert all(at[name][1] > 0.05 for name in body.joint_names if name.startswith("left"))
    assert all(at[f"{side}_foot"][0] > at[f"{side}_ankle"][0] + 0.1 for side in ("left", "right"))
    image = virtual_markers.mirror_of(rest.vertices_m)
    assert np.allclose(rest.vertices_m[image] * [1, -1, 1], rest.vertices_m, atol=1e-5)
    assert np.array_equal(image[image], np.arange(288))
    assert body.measures(body.shared_shape())["leg_m"] == pytest.approx(0.384 + 0.404, abs=2e-3)
    parts = {name: smpl.BODY_PARTS[body.part_of_vertex[12 * number]] for number, name in enumerate(body.joint_names)}
    assert {parts[name] for name in ("pelvis", "spine3", "left_collar")} == {"torso"}
    assert (parts["right_foot"], parts["left_wrist"], parts["head"]) == ("right_leg", "left_arm", "head")


@needs_smplx
def test_world_orientations_and_smpls_own_angles_are_one_pose(body: smpl.SmplBody) -> None:
    """Forward kinematics by hand: each joint from its parent along the turned bone."""
    random = np.random.default_rng(7)
    shape = body.sample_shape(random)
    assert np.abs(shape.values).max() <= 2.5
    rest, world = body.rest(shape), Rotation.random(3 * 24, random_state=8).as_matrix().reshape(3, 24, 3, 3).astype(np.float32)
    root = random.normal(0, 1, (3, 3)).astype(np.float32)
    wanted = np.zeros((3, 24, 3))
    wanted[:, 0] = root
    for joint, parent in enumerate(body.parents[1:], start=1):
        wanted[:, joint] = wanted[:, parent] + world[:, parent] @ (rest.joints_m[joint] - rest.joints_m[parent])
    found = body.posed(shape, Pose(world, root))
    assert np.allclose(found.joints_m, wanted, atol=1e-5)
    unturned = body.posed(shape, Pose(rest.rotations_world[None], rest.joints_m[None, 0]))
    assert np.allclose(unturned.vertices_m[0], rest.vertices_m, atol=1e-5)
    local = smpl.smpl_rotations(world).reshape(-1, 3, 3)
    again, _ = body.smpl_posed(Rotation.from_matrix(local).as_rotvec().reshape(3, 72), shape.values[None])
    assert np.allclose(again - again[:, :1], wanted - wanted[:, :1], atol=1e-5)


@needs_smplx
def test_it_walks_as_the_simulators_walker_does(body: smpl.SmplBody) -> None:
    """Whatever the rest pose: arms bone by bone and whole legs point where Anny's do, palms too; feet and trunk turn as hers do."""
    take = take_of(checked(CohortConfig, {"seed": 5}), Person("a", "train", (("normal", 0),)), 0, "a")
    times, rest = np.linspace(0, 2, 9), body.rest(body.shared_shape())
    theirs, names = take.walker.dressed(times), take.walker.body.joint_names
    world = smpl.retargeted(take.walker, times, rest)
    joints = body.posed(body.shared_shape(), Pose(world.astype(np.float32), np.zeros((9, 3), np.float32))).joints_m

    def unit(vectors: np.ndarray) -> np.ndarray:
        return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)

    def along(start: str, end: str) -> np.ndarray:
        return unit(joints[:, body.joint_names.index(end)] - joints[:, body.joint_names.index(start)])

    def hers(start: str, end: str) -> np.ndarray:
        return unit(theirs.joints_m[:, names.index(end)] - theirs.joints_m[:, names.index(start)])

    for side, other in (("left", "Left"), ("right", "Right")):
        assert np.allclose(along(f"{side}_shoulder", f"{side}_elbow"), hers(f"{other}Arm", f"{other}ForeArm"), atol=1e-3)
        assert np.allclose(along(f"{side}_elbow", f"{side}_wrist"), hers(f"{other}ForeArm", f"{other}Hand"), atol=1e-3)
        ankle = np.einsum("ta,ta->t", along(f"{side}_hip", f"{side}_ankle"), hers(f"{other}UpLeg", f"{other}Foot"))
        assert np.rad2deg(np.arccos(ankle)).max() < 3  # their knees are not alike
        foot = np.einsum("ta,ta->t", along(f"{side}_ankle", f"{side}_foot"), hers(f"{other}Foot", f"{other}ToeBase"))
        assert np.rad2deg(np.arccos(foot)).max() < 10  # nor are their insteps
        palm = world[:, body.joint_names.index(f"{side}_wrist")] @ [0, 0, -1.0]  # down in the T-pose
        assert ((palm[:, 1] < -0.5) if side == "left" else (palm[:, 1] > 0.5)).all()
        for toes in ("foot", "hand"):  # they keep to their parents
            joint = body.joint_names.index(f"{side}_{toes}")
            assert np.array_equal(world[:, joint], world[:, body.parents[joint]])
    trunk = take.walker.pose(times).rotations_world[:, names.index("Spine1")] @ take.walker.rest.rotations_world[names.index("Spine1")].T
    assert np.allclose(world[:, body.joint_names.index("spine3")], trunk, atol=1e-5)
    knees = joints[:, [4, 5], 0] - joints[:, [1, 2], 0]
    assert np.ptp(knees, axis=0).min() > 0.15  # it walks


@needs_smplx
def test_poses_are_drawn_by_seed_and_purpose(body: smpl.SmplBody) -> None:
    said: list[int] = []
    first = smpl.draw_poses(body, "learnt", 2, 0, lambda done, total, note: said.append(done))
    again, others = smpl.draw_poses(body, "learnt", 2, 0), smpl.draw_poses(body, "unseen", 2, 0)
    assert first.joints.shape == (10, 24, 3)
    assert first.vertices.shape == (10, 288, 3)
    assert np.array_equal(first.vertices, again.vertices)
    assert np.abs(first.vertices - others.vertices).max() > 0.01
    assert np.allclose(first.joints[:, 0], 0, atol=1e-6)
    bones = np.linalg.norm(first.joints[:, 4] - first.joints[:, 1], axis=1)
    assert np.ptp(bones[:5]) < 1e-5 < abs(bones[0] - bones[5])  # one body a person
    assert said == [1, 2]


@needs_smplx
def test_markers_are_learnt_for_it(fake: Path, tmp_path: Path) -> None:
    about = virtual_markers.learn_markers(tmp_path / "markers.npz", body="smpl", smpl=fake, markers=16, people=10, held_out=2)
    read = read_out_file(tmp_path / "markers.npz")
    assert read.body == about["body"] == "smpl-neutral"
    assert read.joint_names == smpl.JOINTS
    assert read.joint_names[read.mirror_joints[1]] == "right_hip"
    assert tuple(read.parents.tolist()) == smpl.PARENTS
    assert read.dense.shape == (288, 40)
    assert about["dense_mean_mm"] < about["convex_mean_mm"] < 40


def test_a_missing_file_or_package_is_told(fake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"no SMPL file given.*smpl\.is\.tue\.mpg\.de.*registering.*--smpl FILE"):
        smpl.open_body("")
    with pytest.raises(UserError, match=r"nowhere/SMPL\.npz.*smpl\.is\.tue\.mpg\.de.*--smpl FILE"):
        smpl.open_body("nowhere/SMPL.npz")
    with pytest.raises(UserError, match=r"no SMPL file given"):
        virtual_markers.learn_markers(tmp_path / "x.npz", body="smpl")
    monkeypatch.setitem(sys.modules, "smplx.lbs", None)
    monkeypatch.setitem(sys.modules, "smplx", None)
    with pytest.raises(UserError, match=r"pip install 'gaitbridge\[smpl\]'"):
        smpl.open_body(str(fake))


@pytest.mark.parametrize(("change", "message"), [
    ({"posedirs": None, "f": None}, r"lacks posedirs, f"),
    ({"weights": np.zeros((287, 24))}, r"weights is \[287, 24\], not \[V = 288, 24\]"),
    ({"shapedirs": np.zeros((288, 3, 6))}, r"shapedirs is \[288, 3, 6\].*at least 10"),
    ({"J_regressor": np.zeros((55, 288))}, r"J_regressor is \[55, 288\].*SMPL-X have more joints"),
    ({"v_template": np.full((288, 3), np.nan)}, r"v_template holds numbers that are not finite"),
    ({"v_template": np.array("none")}, r"v_template"),
    ({"kintree_table": np.zeros((2, 24), int)}, r"kintree_table is not SMPL's tree"),
    ({"f": np.full((5, 3), 288)}, r"f names vertices"),
])  # fmt: skip
def test_what_is_wrong_with_a_file_is_told(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = tmp_path / "SMPL.npz"
    save(path, {name: value for name, value in (fake_smpl() | change).items() if value is not None})
    with pytest.raises(UserError, match=message) as raised:
        smpl.open_body(str(path))
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_what_cannot_be_evaluated_is_told(tmp_path: Path, chumpy: None) -> None:
    (tmp_path / "SMPL.pkl").write_bytes(pickle.dumps({**fake_smpl(), "v_template": Add(a=Ch(x=np.ones(3)), b=Ch(x=np.ones(3)))}, 2))
    with pytest.raises(UserError, match=r"v_template cannot be read \(an expression of chumpy\.ch_ops\.Add\)"):
        smpl.open_body(str(tmp_path / "SMPL.pkl"))


@pytest.mark.parametrize("hidden", ["alone", "in a dict", "in chumpy", "in an npz", "by getattr"])
def test_a_hostile_file_is_refused_and_does_nothing(tmp_path: Path, chumpy: None, hidden: str) -> None:
    evil = tmp_path / "made by a pickle"
    call = Runs(exec, f"open({str(evil)!r}, 'w').close()") if hidden != "by getattr" else Runs(getattr, np.ndarray, "tofile")
    arrays, path = fake_smpl(), tmp_path / "SMPL_NEUTRAL.pkl"
    if hidden == "in an npz":
        save(path.with_suffix(".npz"), {**arrays, "f": np.array([call], object)})
        path.with_suffix(".npz").rename(path)
    else:
        held = {"alone": call, "in a dict": {**arrays, "J": [call]}, "in chumpy": {**arrays, "weights": Ch(x=call)}, "by getattr": {"x": call}}
        path.write_bytes(pickle.dumps(held[hidden], 2))
    with pytest.raises(UserError, match=rf"SMPL_NEUTRAL\.pkl is refused: it asks for \w+\.{'getattr' if hidden == 'by getattr' else 'exec'}"):
        smpl.open_body(str(path))
    assert not evil.exists()
    if hidden == "alone":  # it would have
        pickle.loads(path.read_bytes())
        assert evil.exists()


def test_a_broken_file_is_told(fake: Path, tmp_path: Path) -> None:
    good, itself = pickle.dumps(fake_smpl(), 2), dict[str, Any](fake_smpl())
    itself["J"] = itself
    for number, content in enumerate((b"", b"no pickle", good[:4000], fake.read_bytes()[:4000], pickle.dumps(itself), pickle.dumps([1, 2]))):
        path = tmp_path / f"{number}.npz"
        path.write_bytes(content)
        with pytest.raises(UserError, match=rf"{number}\.npz (cannot be read|holds a list)"):
            smpl.open_body(str(path))


@pytest.mark.parametrize("protocol", range(6))
def test_arrays_of_every_kind_come_out_of_pickles(protocol: int) -> None:
    random = np.random.default_rng(0)
    wide = np.empty(2, object)
    wide[:] = [np.arange(3), "text"]
    given = {"f4": random.normal(0, 1, (3, 4)).astype(np.float32), "column": np.asfortranarray(random.normal(0, 1, (3, 4))),
             "big": np.arange(5, dtype=">i4"), "bool": np.array([[True], [False]]), "text": np.array(["a", "longer"]), "none": np.zeros((0, 3)),
             "u1": np.arange(256, dtype=np.uint8), "complex": np.array([1j]), "scalar": np.float64(2.5),
             "nested": [(1, {2: np.int16(3)}), None, "\xe9"], "csr": csr_matrix(np.eye(3)), "set": {1, 2}, "bytes": b"\x00\xff"}  # fmt: skip
    found = foreign_pickles.load(io.BytesIO(pickle.dumps({**given, "objects": wide, "same": given["f4"]}, protocol)))
    for name in ("f4", "column", "big", "bool", "text", "none", "u1", "complex"):
        assert np.array_equal(found[name], given[name])
        assert found[name].dtype == given[name].dtype
        assert found[name].flags.writeable
    assert found["column"].flags.f_contiguous
    assert found["same"] is found["f4"]
    assert (found["scalar"], found["nested"], found["set"], found["bytes"]) == (2.5, [(1, {2: 3}), None, "\xe9"], {1, 2}, b"\x00\xff")
    assert np.array_equal(found["csr"].toarray(), np.eye(3))
    assert found["objects"][1] == "text"
    assert np.array_equal(found["objects"][0], [0, 1, 2])
    assert foreign_pickles.load(io.BytesIO(pickle.dumps({np.int64(3): 1}, protocol))) == {3: 1}


def test_an_array_of_python_2() -> None:
    values = np.array([-1.5, 2e300])
    written = (b"\x80\x02}U\x01acnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01K\x02\x85cnumpy\ndtype\nU\x02f8K\x00"
               b"K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x10" + values.tobytes() + b"tbs.")
    assert np.array_equal(foreign_pickles.load(io.BytesIO(written))["a"], values)


def test_arrays_that_reach_into_memory_are_refused() -> None:
    """Structures, raw bytes for objects, a class where a value belongs, a matrix whose indices lie outside of it."""
    matrix = csr_matrix(np.eye(3))
    matrix.indices = np.array([0, 1, 10**6], np.int32)
    structure = np.zeros(2, [("a", "f8"), ("b", "O")])
    raw = (b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01K\x01\x85cnumpy\ndtype\nU\x02O8K\x00"
           b"K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x08AAAAAAAAtb.")
    huge = csr_matrix((2**15, 2**15))
    with pytest.raises(ValueError, match="no array of numbers"):
        foreign_pickles.array_of(np.array([None]))
    for given in (pickle.dumps(structure), raw, pickle.dumps(np.ndarray), pickle.dumps(np.dtype("f8")), pickle.dumps(matrix), pickle.dumps(huge),
                  pickle.dumps(Runs(codecs.encode, "a", "rot13"))):
        with pytest.raises((foreign_pickles.Refused, ValueError)):
            foreign_pickles.load(io.BytesIO(given))
