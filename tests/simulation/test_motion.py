"""Walks: captured ones keep what was captured, generated ones walk as people do, and neither leaves the ground."""

import hashlib
import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from gaitbridge import plugins
from gaitbridge.errors import UserError
from gaitbridge.simulation.body import Body, Pose, Shape
from gaitbridge.simulation.motion import Walk, bvh, parametric
from gaitbridge.simulation.motion._bvh_file import read_bvh
from gaitbridge.simulation.motion._fit import fit_motion, gait_phase
from gaitbridge.simulation.motion._harmonics import JOINTS, basis, delayed, mirrored
from gaitbridge.simulation.motion._skeleton import foot_vertices, rotation_matrices, skeleton_of

SHARED = Path(__file__).parents[2].parent / "shared" / "motion"
FRAMES_HZ = 60.0

# ---------------------------------------------------------------- a walker as a BVH file

# name: parent, offset (x left, y up, z ahead; centimetres), in the order of the file
BONES: dict[str, tuple[str, tuple[float, float, float]]] = {
    "Hips": ("", (0, 95, 0)), "Spine": ("Hips", (0, 12, 0)), "Spine1": ("Spine", (0, 25, 0)), "Head": ("Spine1", (0, 22, 0)),
    "LeftArm": ("Spine1", (19, 18, 0)), "LeftForeArm": ("LeftArm", (30, 0, 0)), "LeftHand": ("LeftForeArm", (25, 0, 0)),
    "RightArm": ("Spine1", (-19, 18, 0)), "RightForeArm": ("RightArm", (-30, 0, 0)), "RightHand": ("RightForeArm", (-25, 0, 0)),
    "LeftUpLeg": ("Hips", (9, -8, 0)), "LeftLeg": ("LeftUpLeg", (0, -43, 0)), "LeftFoot": ("LeftLeg", (0, -42, 0)),
    "RightUpLeg": ("Hips", (-9, -8, 0)), "RightLeg": ("RightUpLeg", (0, -43, 0)), "RightFoot": ("RightLeg", (0, -42, 0)),
}  # fmt: skip
TIPS = {"Head": (0, 15, 0), "LeftHand": (15, 0, 0), "RightHand": (-15, 0, 0), "LeftFoot": (0, -5, 14), "RightFoot": (0, -5, 14)}
OTHER_NAMES = {
    "Hips": "hip", "Spine": "abdomen", "Spine1": "chest", "Head": "head", "LeftArm": "lShldr", "LeftForeArm": "lForeArm",
    "LeftHand": "lHand", "RightArm": "rShldr", "RightForeArm": "rForeArm", "RightHand": "rHand", "LeftUpLeg": "lThigh", "LeftLeg": "lShin",
    "LeftFoot": "lFoot", "RightUpLeg": "rThigh", "RightLeg": "rShin", "RightFoot": "rFoot",
}  # fmt: skip


def walking_angles(time_s: np.ndarray, cadence_hz: float, swing_deg: float, knee_deg: float, lean_deg: float) -> dict[str, np.ndarray]:
    """Degrees [T, 3] about x, y, z of a joint in the file's axes (x left, y up, z ahead); +x bends forward, a leg goes back."""
    phase = 2.0 * np.pi * cadence_hz * time_s
    zero = np.zeros_like(phase)

    def about_x(angle: np.ndarray) -> np.ndarray:
        return np.stack([angle, zero, zero], axis=1)

    angles = {name: about_x(zero) for name in BONES}
    angles["Spine1"] = about_x(zero + lean_deg)
    for side, half, down in (("Left", 0.0, -80.0), ("Right", np.pi, 80.0)):
        swing = np.cos(phase + half)
        angles[f"{side}UpLeg"] = about_x(-swing_deg * swing - 0.4 * knee_deg * (0.5 + 0.5 * np.cos(phase + half + 1.2)))
        angles[f"{side}Leg"] = about_x(5.0 + knee_deg * (0.5 + 0.5 * np.cos(phase + half + 1.2)) ** 2)
        angles[f"{side}Arm"] = np.stack([0.8 * swing_deg * swing, zero, zero + down], axis=1)
    return angles


def write_bvh(
    path: Path, speed_m_s: float = 1.2, seconds: float = 4.0, order: str = "ZXY", names: dict[str, str] | None = None,
    still_s: float = 0.0, t_pose_frames: int = 0, drop: str = "", cadence_hz: float = 0.9, swing_deg: float = 24.0,
    knee_deg: float = 55.0, lean_deg: float = 3.0, heading_deg: float = 0.0, noise_deg: float = 0.0,
) -> dict[str, np.ndarray]:  # fmt: skip
    """Write a walker; returns its world rotations [T, 3, 3] in the file's axes by joint."""
    frames = round(seconds * FRAMES_HZ)
    time_s = np.arange(frames) / FRAMES_HZ
    walking_s = np.clip(time_s - still_s, 0.0, seconds - 2.0 * still_s)
    angles = walking_angles(walking_s, cadence_hz, swing_deg, knee_deg, lean_deg)
    random = np.random.default_rng(0)
    for name in angles:
        angles[name] = angles[name] + noise_deg * random.standard_normal((frames, 3))
        if t_pose_frames:  # smeared, as filtering leaves it
            angles[name] *= np.clip((np.arange(frames) + 0.3) / t_pose_frames, 0.0, 1.0)[:, None]
    angles["Hips"] = angles["Hips"] + [0.0, heading_deg, 0.0]
    way = np.array([math.sin(math.radians(heading_deg)), 0.0, math.cos(math.radians(heading_deg))])
    place = np.array([0.0, 95.0, 0.0]) + 100.0 * speed_m_s * walking_s[:, None] * way
    kept = [name for name in BONES if name != drop]
    lines, columns = ["HIERARCHY"], []
    depth = 0

    def write(name: str) -> None:
        nonlocal depth
        pad = "  " * depth
        parent, offset = BONES[name]
        lines.append(f"{pad}{'JOINT' if parent else 'ROOT'} {(names or {}).get(name, name)}")
        lines.append(f"{pad}{{")
        lines.append(f"{pad}  OFFSET {' '.join(str(number) for number in offset)}")
        rotation = [f"{axis}rotation" for axis in order]
        lines.append(f"{pad}  CHANNELS {3 if parent else 6} {'' if parent else 'Xposition Yposition Zposition '}{' '.join(rotation)}")
        if not parent:
            columns.append(place)
        turns = Rotation.from_euler("XYZ", angles[name], degrees=True)
        columns.append(turns.as_euler(order, degrees=True))
        depth += 1
        for child in kept:
            if BONES[child][0] == name:
                write(child)
        if name in TIPS:
            lines.extend([f"{pad}  End Site", f"{pad}  {{", f"{pad}    OFFSET {' '.join(str(n) for n in TIPS[name])}", f"{pad}  }}"])
        depth -= 1
        lines.append(f"{pad}}}")

    write("Hips")
    lines += ["MOTION", f"Frames: {frames}", f"Frame Time: {1.0 / FRAMES_HZ:.7f}"]
    lines += [" ".join(f"{value:.6f}" for value in row) for row in np.concatenate(columns, axis=1)]
    path.write_text("\n".join(lines) + "\n")
    world: dict[str, np.ndarray] = {}
    for name, (parent, _) in BONES.items():
        own = Rotation.from_euler("XYZ", angles[name], degrees=True).as_matrix()
        world[name] = world[parent] @ own if parent else own
    return world


def walk_of(folder: Path, body: Body, person: str = "ann", take: int = 0) -> Walk:
    return bvh.open_source(str(folder)).walk(person, take, 0, body, body.shared_shape())


def external(name: str) -> Path:
    folder = SHARED / name
    if not folder.is_dir():
        pytest.skip(f"the captures {name} are not beside this repository")
    return folder


# ---------------------------------------------------------------- measures of a walk


def stance_speed(walk: Walk, body: Body, shape: Shape, seconds: float) -> float:
    """Mean horizontal speed in m/s of the sole's lowest vertices while the other ankle swings past, at twice the speed of the hips."""
    step_s = 1.0 / 120.0
    time_s = np.arange(0.1, seconds - 0.1, step_s)
    feet = foot_vertices(body)
    posed = body.posed(shape, walk.at(time_s))
    vertices, joints = posed.vertices_m[:, feet].astype(float), posed.joints_m.astype(float)
    left = np.array([body.joint_names[bone].startswith("Left") for bone in body.bone_of_vertex[feet]])
    hips = np.gradient(joints[:, 0, 0], step_s)
    speeds = []
    for own, other in ((left, "Right"), (~left, "Left")):
        swings = np.gradient(joints[:, body.joint_names.index(f"{other}Foot"), 0], step_s) > 2.0 * hips
        velocity = np.linalg.norm(np.gradient(vertices[:, own, :2], step_s, axis=0), axis=2)
        low = vertices[:, own, 2] < vertices[:, own, 2].min(axis=1, keepdims=True) + 0.008
        speeds += [float(velocity[t, low[t]].mean()) for t in np.flatnonzero(swings)]
    return float(np.mean(speeds))


def knee_angles(body: Body, joints_m: np.ndarray, side: str) -> np.ndarray:
    """Degrees of flexion between thigh and shin bones [T], negative where the knee bends the wrong way (the shin ahead of the thigh)."""
    hip, knee, ankle = (joints_m[:, body.joint_names.index(side + name)] for name in ("UpLeg", "Leg", "Foot"))
    thigh, shin = knee - hip, ankle - knee
    across = np.arctan2(thigh[:, 0], -thigh[:, 2]) - np.arctan2(shin[:, 0], -shin[:, 2])
    return np.asarray(np.rad2deg(across))


def test_the_folder_holds_two_sources() -> None:
    assert plugins.names("gaitbridge.simulation.motion") == ["bvh", "parametric"]
    for name in ("bvh", "parametric"):
        assert callable(plugins.load("gaitbridge.simulation.motion", name).open_source)


# ---------------------------------------------------------------- BVH files


@pytest.mark.parametrize("order", ["ZXY", "ZYX", "XYZ", "YXZ"])
def test_channels_may_come_in_any_order(tmp_path: Path, order: str) -> None:
    truth = write_bvh(tmp_path / "ann_1.bvh", order=order, noise_deg=10.0)
    capture = read_bvh(tmp_path / "ann_1.bvh")
    world, numbers = capture.world_rotations(), capture.numbers()
    for name, rotations in truth.items():
        assert np.abs(world[:, numbers[name]] - rotations).max() < 1e-6, name
    assert capture.frame_s == pytest.approx(1.0 / FRAMES_HZ, abs=1e-6)
    assert np.allclose(capture.root_positions()[0], [0.0, 95.0, 0.0])


@pytest.mark.parametrize("names", [None, OTHER_NAMES], ids=["motionbuilder", "daz"])
def test_limbs_point_where_they_pointed_in_the_capture(tmp_path: Path, anny_reduced: Body, names: dict[str, str] | None) -> None:
    truth = write_bvh(tmp_path / "ann_1.bvh", names=names)
    walk = walk_of(tmp_path, anny_reduced)
    frames = np.arange(len(truth["Hips"])) / FRAMES_HZ
    joints = anny_reduced.posed(anny_reduced.shared_shape(), walk.at(np.minimum(frames, walk.duration_s))).joints_m
    ours_from_file = np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0]])
    for bone, child in (("UpLeg", "Leg"), ("Leg", "Foot"), ("Arm", "ForeArm"), ("ForeArm", "Hand")):
        for side in ("Left", "Right"):
            offset = np.array(BONES[side + child][1], float)
            wanted = truth[side + bone] @ (offset / np.linalg.norm(offset)) @ ours_from_file.T
            start, end = (joints[:, anny_reduced.joint_names.index(side + name)] for name in (bone, child))
            along = (end - start) / np.linalg.norm(end - start, axis=1, keepdims=True)
            assert np.rad2deg(np.arccos(np.clip((along * wanted).sum(axis=1), -1, 1))).max() < 0.1, side + bone


def test_people_are_named_by_their_files_and_takes_stay_apart(tmp_path: Path, anny_reduced: Body) -> None:
    write_bvh(tmp_path / "ann_old_2.bvh", speed_m_s=1.0)
    write_bvh(tmp_path / "ann_old_1.bvh", speed_m_s=1.4)
    write_bvh(tmp_path / "bob_1.BVH", speed_m_s=1.2)
    (tmp_path / "LICENSE").write_text("ours")
    source = bvh.open_source(str(tmp_path))
    assert source.people == ("ann_old", "bob")
    assert (source.takes("ann_old"), source.takes("bob")) == (2, 1)
    assert "LICENSE" in source.licence
    shape = anny_reduced.shared_shape()
    speeds = []
    for take in (0, 1):
        walk = source.walk("ann_old", take, 0, anny_reduced, shape)
        speeds.append(walk.at(np.array([walk.duration_s])).root_m[0, 0] / walk.duration_s)
    assert speeds[0] / speeds[1] == pytest.approx(1.4, rel=0.01)
    with pytest.raises(UserError, match="take 2 of ann_old"):
        source.walk("ann_old", 2, 0, anny_reduced, shape)
    with pytest.raises(UserError, match="no person 'eve'"):
        source.takes("eve")


@pytest.mark.parametrize("heading_deg", [0.0, 130.0])
def test_captured_walk_goes_along_x_on_the_ground(tmp_path: Path, anny_reduced: Body, heading_deg: float) -> None:
    write_bvh(tmp_path / "ann_1.bvh", heading_deg=heading_deg)
    shape = anny_reduced.shared_shape()
    walk = walk_of(tmp_path, anny_reduced)
    pose = walk.at(np.linspace(0.0, walk.duration_s, 100))
    assert np.allclose(pose.root_m[0, :2], 0.0, atol=1e-6)
    assert np.abs(pose.root_m[:, 1]).max() < 0.02
    scale = anny_reduced.measures(shape)["leg_m"] / 0.85  # the file's legs measure 85 cm
    assert pose.root_m[-1, 0] / walk.duration_s == pytest.approx(1.2 * scale, rel=0.01)
    posed = anny_reduced.posed(shape, pose)
    lowest = posed.vertices_m[:, :, 2].min(axis=1)
    assert np.abs(lowest).max() < 0.02
    toes, heels = (posed.joints_m[:, anny_reduced.joint_names.index(name), 0] for name in ("LeftToeBase", "LeftFoot"))
    assert np.median(toes - heels) > 0.05  # it looks where it goes


def test_standing_still_at_the_ends_is_left_out(tmp_path: Path, anny_reduced: Body) -> None:
    write_bvh(tmp_path / "ann_1.bvh", seconds=6.0, still_s=1.5)
    walk = walk_of(tmp_path, anny_reduced)
    assert 2.6 < walk.duration_s < 3.5
    ends = walk.at(np.array([0.0, walk.duration_s])).root_m
    assert ends[1, 0] / walk.duration_s > 1.0


def test_a_smeared_t_pose_at_the_start_is_left_out(tmp_path: Path) -> None:
    write_bvh(tmp_path / "ann_1.bvh", t_pose_frames=5)
    write_bvh(tmp_path / "bob_1.bvh")
    assert 5 <= bvh.open_capture(tmp_path / "ann_1.bvh").first <= 12
    assert bvh.open_capture(tmp_path / "bob_1.bvh").first == 0


def test_between_frames_a_captured_walk_is_between(tmp_path: Path, anny_reduced: Body) -> None:
    write_bvh(tmp_path / "ann_1.bvh")
    walk = walk_of(tmp_path, anny_reduced)
    before, between, after = (walk.at(np.array([step / FRAMES_HZ])) for step in (30, 30.5, 31))
    assert np.allclose(between.root_m, (before.root_m + after.root_m) / 2, atol=1e-5)
    determinants = np.linalg.det(between.rotations_world.astype(float))
    assert np.abs(determinants - 1.0).max() < 1e-5
    knee = anny_reduced.joint_names.index("LeftLeg")
    turned = before.rotations_world[0, knee].T @ after.rotations_world[0, knee]
    half = before.rotations_world[0, knee].T @ between.rotations_world[0, knee]
    assert np.allclose(Rotation.from_matrix(half).as_rotvec() * 2.0, Rotation.from_matrix(turned).as_rotvec(), atol=1e-4)
    with pytest.raises(ValueError, match="times must be within"):
        walk.at(np.array([walk.duration_s + 0.5]))


def test_captured_walks_repeat_to_the_byte(tmp_path: Path, anny_reduced: Body) -> None:
    write_bvh(tmp_path / "ann_1.bvh")
    time_s = np.linspace(0.0, 3.0, 7)
    first, again = walk_of(tmp_path, anny_reduced).at(time_s), walk_of(tmp_path, anny_reduced).at(time_s)
    assert first.rotations_world.tobytes() == again.rotations_world.tobytes()
    assert first.root_m.tobytes() == again.root_m.tobytes()


def test_unusable_captures_are_told_with_file_and_remedy(tmp_path: Path) -> None:
    good = tmp_path / "good.bvh"
    write_bvh(good)
    text = good.read_text()
    good.unlink()

    def refused(content: str, *words: str) -> None:
        (tmp_path / "ann_1.bvh").write_text(content)
        with pytest.raises(UserError) as error:
            bvh.open_source(str(tmp_path))
        told = str(error.value)
        assert "ann_1.bvh" in told
        assert "\n" not in told
        assert all(word in told for word in words), told

    refused("nothing of the kind", "HIERARCHY")
    refused("", "HIERARCHY")
    refused(text[: len(text) // 2], "values")
    refused(text.replace("MOTION", "MOVEMENT"), "line", "MOVEMENT")
    refused(text.replace("OFFSET 0 12 0", "OFFSET 0 twelve 0"), "line", "twelve")
    refused(text[: text.rindex(" ")] + " nan\n", "finite")
    refused(text.replace("LeftLeg", "Tail").replace("RightForeArm", "Wing"), "LeftLeg", "RightForeArm", "rename")
    write_bvh(tmp_path / "ann_1.bvh", speed_m_s=0.0)
    refused((tmp_path / "ann_1.bvh").read_text(), "no walking", "remove")
    write_bvh(tmp_path / "ann_1.bvh", seconds=0.5)
    refused((tmp_path / "ann_1.bvh").read_text(), "no walking")


def test_folders_without_captures_are_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no \.bvh file"):
        bvh.open_source(str(tmp_path))
    with pytest.raises(UserError, match="no folder"):
        bvh.open_source(str(tmp_path / "absent"))
    with pytest.raises(UserError, match="bvh:DIR"):
        bvh.open_source(None)


def test_real_captures_walk(anny_reduced: Body) -> None:
    shape = anny_reduced.shared_shape()
    for name, people, slide in (("shum", 28, 0.12), ("cmu", 6, 0.7)):
        source = bvh.open_source(str(external(name)))
        assert source.people is not None
        assert len(source.people) == people
        for person in source.people[:: people // 4]:
            walk = source.walk(person, 0, 0, anny_reduced, shape)
            time_s = np.linspace(0.0, walk.duration_s, 60)
            posed = anny_reduced.posed(shape, walk.at(time_s))
            assert np.abs(posed.vertices_m[:, :, 2].min(axis=1)).max() < 0.03
            assert 0.3 < walk.at(time_s[-1:]).root_m[0, 0] / walk.duration_s < 2.0
            assert stance_speed(walk, anny_reduced, shape, walk.duration_s) < slide, person
            for side in ("Left", "Right"):
                assert knee_angles(anny_reduced, posed.joints_m, side).min() > -5.0


# ---------------------------------------------------------------- generated walks


@pytest.fixture(scope="module")
def source() -> parametric.GeneratedSource:
    opened = parametric.open_source(None)
    assert isinstance(opened, parametric.GeneratedSource)
    return opened


@pytest.fixture(scope="module")
def crowd(source: parametric.GeneratedSource, anny_reduced: Body) -> list[tuple[Shape, parametric.GeneratedWalk]]:
    """Sixteen people, each on a body of their own."""
    shapes = [anny_reduced.sample_shape(np.random.default_rng(number)) for number in range(16)]
    return [(shape, source.walk(f"p{number}", 0, 7, anny_reduced, shape)) for number, shape in enumerate(shapes)]


def joint_curves(walk: parametric.GeneratedWalk, body: Body, shape: Shape) -> np.ndarray:
    """Joint positions relative to the hips over a cycle, from the same phase, flattened."""
    phases = np.linspace(0.0, 2.0 * np.pi, 16, endpoint=False)
    time_s = np.interp(phases + 4.0 * np.pi, walk.phase(np.linspace(0.0, 6.0, 3000)), np.linspace(0.0, 6.0, 3000))
    joints = body.posed(shape, walk.at(time_s)).joints_m
    return np.asarray((joints - joints[:, :1]).ravel(), float)


def test_people_walk_as_people_do(crowd: list[tuple[Shape, parametric.GeneratedWalk]], anny_reduced: Body) -> None:
    time_s = np.linspace(0.0, 4.0, 160)
    speeds = []
    for shape, walk in crowd:
        assert walk.duration_s == math.inf
        root = walk.at(np.array([0.0, 10.0])).root_m
        assert np.allclose(root[0, :2], 0.0, atol=1e-6)
        assert abs(root[1, 1]) < 0.15
        speeds.append(float(root[1, 0]) / 10.0)
        joints = anny_reduced.posed(shape, walk.at(time_s)).joints_m
        leg_m = anny_reduced.measures(shape)["leg_m"]
        for side in ("Left", "Right"):
            knee = knee_angles(anny_reduced, joints, side)
            assert -3.0 < knee.min() < 25.0
            assert 45.0 < knee.max() < 100.0
            hip, ankle = (joints[:, anny_reduced.joint_names.index(side + name)] for name in ("UpLeg", "Foot"))
            leg = np.rad2deg(np.arctan2(ankle[:, 0] - hip[:, 0], hip[:, 2] - ankle[:, 2]))
            assert 10.0 < leg.max() < 40.0
            assert -45.0 < leg.min() < -12.0
        hips, head = joints[:, 0], joints[:, anny_reduced.joint_names.index("Head")]
        lean = np.rad2deg(np.arctan2(head[:, 0] - hips[:, 0], head[:, 2] - hips[:, 2]))
        assert -8.0 < lean.mean() < 20.0
        assert 0.003 < np.ptp(hips[:, 2]) / leg_m < 0.12  # the hips rise and fall by some centimetres
        feet = [joints[:, anny_reduced.joint_names.index(name)] for name in ("LeftFoot", "RightFoot")]
        on_ground = [foot[foot[:, 2] < np.percentile(foot[:, 2], 40), 1].mean() for foot in feet]
        assert 0.02 < on_ground[0] - on_ground[1] < 0.28  # the left foot on the left: legs do not cross
    assert min(speeds) > 0.85
    assert max(speeds) < 1.75
    assert 1.0 < np.mean(speeds) < 1.4
    assert np.std(speeds) > 0.08


def test_feet_stay_on_the_ground_and_do_not_slide(crowd: list[tuple[Shape, parametric.GeneratedWalk]], anny_reduced: Body) -> None:
    slides = []
    for shape, walk in crowd:
        vertices = anny_reduced.posed(shape, walk.at(np.linspace(0.0, 4.0, 200))).vertices_m
        lowest = vertices[:, :, 2].min(axis=1)
        assert lowest.min() > -0.03
        assert lowest.max() < 0.01
        slides.append(stance_speed(walk, anny_reduced, shape, 4.0))
    assert np.median(slides) < 0.04  # m/s; the best captures have 0.05 by the same measure (shum), the CMU ones 0.4
    assert max(slides) < 0.1


def test_arms_do_not_pass_through_the_body(crowd: list[tuple[Shape, parametric.GeneratedWalk]], anny_reduced: Body) -> None:
    solid = np.isin(anny_reduced.part_of_vertex, [2, 5, 6])
    for shape, walk in crowd:
        posed = anny_reduced.posed(shape, walk.at(np.linspace(0.0, 2.0, 30)))
        for side, sign in (("Left", 1.0), ("Right", -1.0)):
            for name in ("ForeArm", "Hand", "FingerBase"):
                joint = posed.joints_m[:, anny_reduced.joint_names.index(side + name)]
                flesh = posed.vertices_m[:, solid]
                beside = (np.abs(flesh[..., 0] - joint[:, None, 0]) < 0.05) & (np.abs(flesh[..., 2] - joint[:, None, 2]) < 0.05)
                widest = np.where(beside, sign * flesh[..., 1], -np.inf).max(axis=1)
                assert (widest - sign * joint[:, 1]).max() < 0.01


def test_bones_keep_their_lengths_in_generated_walks(crowd: list[tuple[Shape, parametric.GeneratedWalk]], anny_reduced: Body) -> None:
    shape, walk = crowd[0]
    pose = walk.at(np.linspace(0.0, 3.0, 50))
    assert np.abs(np.linalg.det(pose.rotations_world.astype(float)) - 1.0).max() < 1e-5
    joints = anny_reduced.posed(shape, pose).joints_m
    lengths = np.linalg.norm(joints[:, 1:] - joints[:, list(anny_reduced.parents[1:])], axis=2)
    assert np.ptp(lengths, axis=0).max() < 1e-5


def test_a_cycle_later_everything_is_as_before_but_a_stride_ahead(crowd: list[tuple[Shape, parametric.GeneratedWalk]]) -> None:
    _, walk = crowd[1]
    fine = np.linspace(0.0, 8.0, 8000)
    phase = walk.phase(fine)
    assert np.all(np.diff(phase) > 0)
    now = np.array([1.0, 1.3, 1.7])
    later = np.interp(walk.phase(now) + 2.0 * np.pi, phase, fine)
    first, second = walk.at(now), walk.at(later)
    assert np.abs(first.rotations_world - second.rotations_world).max() < 2e-3
    moved = second.root_m - first.root_m
    assert np.abs(moved - [walk.travel.stride_m, 0.0, 0.0]).max() < 3e-3
    strides_s = np.diff(np.interp(phase[0] + 2.0 * np.pi * np.arange(1, 7), phase, fine))
    assert 0.002 < np.std(strides_s) / np.mean(strides_s) < 0.05  # nobody is a metronome


def test_generated_walks_are_continuous(crowd: list[tuple[Shape, parametric.GeneratedWalk]]) -> None:
    for _, walk in crowd[:4]:
        pose = walk.at(np.arange(0.0, 3.0, 0.005))
        assert np.abs(np.diff(pose.root_m, axis=0)).max() < 0.02
        assert np.abs(np.diff(pose.rotations_world, axis=0)).max() < 0.08


def test_takes_of_a_person_differ_less_than_people(source: parametric.GeneratedSource, anny_reduced: Body) -> None:
    shape = anny_reduced.shared_shape()
    curves = np.array(
        [[joint_curves(source.walk(f"p{person}", take, 3, anny_reduced, shape), anny_reduced, shape) for take in (0, 1)] for person in range(12)]
    )
    within = np.square(curves[:, 0] - curves[:, 1]).sum(axis=1).mean() / 2.0
    means = curves.mean(axis=1)
    between = np.square(means - means.mean(axis=0)).sum(axis=1).mean() * 12 / 11
    assert within > 0.0
    assert 1.5 < between / within < 12.0
    distance = np.square(curves[:, None, 0] - curves[None, :, 1]).sum(axis=2)
    assert np.mean(distance.argmin(axis=1) == np.arange(12)) >= 0.75  # the way of walking tells who it is


def test_generated_walks_repeat_to_the_byte(source: parametric.GeneratedSource, anny_reduced: Body) -> None:
    shape, time_s = anny_reduced.shared_shape(), np.linspace(0.0, 3.0, 9)

    def poses(person: str, take: int, seed: int) -> bytes:
        pose = source.walk(person, take, seed, anny_reduced, shape).at(time_s)
        return pose.rotations_world.tobytes() + pose.root_m.tobytes()

    first = poses("p1", 0, 7)
    assert first == poses("p1", 0, 7)
    assert len({first, poses("p1", 1, 7), poses("p1", 0, 8), poses("p2", 0, 7)}) == 4


DIGEST = """
import hashlib, sys
import numpy as np
from gaitbridge.conventions import stream
from gaitbridge.simulation.body.anny import open_body
from gaitbridge.simulation.motion.parametric import open_source
body = open_body("coarse")
shape = body.sample_shape(stream(2, "shape", "p1"))
posed = body.posed(shape, open_source(None).walk("p1", 0, 2, body, shape).at(np.linspace(0.0, 2.0, 20)))
sys.stdout.write(hashlib.blake2b(posed.vertices_m.tobytes() + posed.joints_m.tobytes()).hexdigest())
"""


def test_another_process_makes_the_same_bytes(capsys: pytest.CaptureFixture[str]) -> None:
    exec(DIGEST, {})  # the same text in both processes
    here = capsys.readouterr().out
    there = subprocess.run([sys.executable, "-c", DIGEST], capture_output=True, text=True, check=True, timeout=120).stdout
    assert here == there
    assert len(here) == hashlib.blake2b().digest_size * 2


def test_starting_phases_differ_between_takes(source: parametric.GeneratedSource, anny_reduced: Body) -> None:
    shape = anny_reduced.shared_shape()
    walks = [source.walk("p1", take, 7, anny_reduced, shape) for take in range(4)]
    starts = np.array([walk.start_phase for walk in walks])
    assert np.ptp(starts) > 0.5


def test_mistakes_in_a_fitted_file_are_told(tmp_path: Path) -> None:
    file = tmp_path / "walk.json"

    def refused(text: str, match: str) -> None:
        file.write_text(text)
        with pytest.raises(UserError, match=match) as error:
            parametric.open_source(str(file))
        assert "walk.json" in str(error.value)

    refused("{", "no JSON")
    refused("{}", "no fitted walk")
    good: dict[str, object] = json.loads((Path(parametric.__file__).parent / "parametric_walk.json").read_text())
    refused(json.dumps({**good, "format": "gaitbridge-walk-0"}), "no fitted walk of this version")
    refused(json.dumps({**good, "mean": [1.0, 2.0]}), "damaged")
    refused(json.dumps({name: value for name, value in good.items() if name != "rhythm"}), "damaged.*rhythm")
    with pytest.raises(UserError, match="cannot be read"):
        parametric.open_source(str(tmp_path / "absent.json"))


# ---------------------------------------------------------------- the fit and its parts


def test_phase_and_cadence_of_a_distorted_swing() -> None:
    time_s = np.arange(0.0, 3.0, 1.0 / 120.0)
    phase = 2.0 * np.pi * 0.93 * time_s + 1.1
    left = 0.4 * np.cos(phase) + 0.06 * np.cos(2 * phase + 0.5) - 0.15
    right = -0.4 * np.cos(phase) + 0.06 * np.cos(2 * phase + 0.5) - 0.1
    found, cadence = gait_phase(left, right, 1.0 / 120.0)
    assert cadence == pytest.approx(0.93, rel=0.01)
    assert np.abs(np.angle(np.exp(1j * (found - phase)))).max() < 0.08


def test_mirrored_and_delayed_curves() -> None:
    random = np.random.default_rng(0)
    curves = random.normal(size=(len(JOINTS), 3, 9))
    assert np.allclose(mirrored(mirrored(curves)), curves)
    phases = np.linspace(0.0, 6.0, 20)
    knee, other = JOINTS.index("LeftLeg"), JOINTS.index("RightLeg")
    assert np.allclose(basis(phases + np.pi) @ curves[knee, 1], basis(phases) @ mirrored(curves)[other, 1])
    assert np.allclose(basis(phases + np.pi) @ curves[knee, 0], -basis(phases) @ mirrored(curves)[other, 0])
    assert np.allclose(basis(phases) @ delayed(curves[0, 0], 0.3), basis(phases - 0.3) @ curves[0, 0])


def test_rotation_matrices_agree_with_scipy() -> None:
    vectors = np.random.default_rng(0).normal(0.0, 1.5, (50, 3))
    vectors[:3] = [[0.0, 0.0, 0.0], [1e-9, 0.0, 0.0], [0.0, np.pi, 0.0]]
    assert np.abs(rotation_matrices(vectors) - Rotation.from_rotvec(vectors).as_matrix()).max() < 1e-9


def test_standing_posture_hangs_its_limbs_and_points_its_feet_ahead(anny_reduced: Body) -> None:
    for number in range(3):
        shape = anny_reduced.sample_shape(np.random.default_rng(number))
        skeleton = skeleton_of(anny_reduced, shape)
        pose = Pose(skeleton.standing[None].astype(np.float32), np.zeros((1, 3), np.float32))
        joints = anny_reduced.posed(shape, pose).joints_m[0]
        for side in ("Left", "Right"):
            at = {name: joints[skeleton.index(side + name)] for name in ("Arm", "ForeArm", "Hand", "UpLeg", "Foot", "ToeBase")}
            for upper, lower in (("Arm", "ForeArm"), ("ForeArm", "Hand"), ("UpLeg", "Foot")):
                assert np.abs((at[lower] - at[upper])[:2]).max() < 1e-4
            toe = at["ToeBase"] - at["Foot"]
            assert toe[0] > 0.08
            assert abs(toe[1]) < 1e-4


def test_fit_learns_people_from_a_folder(tmp_path: Path, anny_reduced: Body) -> None:
    for number, (cadence, swing, lean) in enumerate(((0.8, 21.0, 0.0), (0.9, 24.0, 5.0), (1.0, 27.0, 10.0))):
        for take in (1, 2):
            write_bvh(
                tmp_path / f"p{number}_{take}.bvh", cadence_hz=cadence * (1.0 + 0.005 * take), swing_deg=swing + 0.2 * take, lean_deg=lean,
                speed_m_s=1.2, seconds=3.5,
            )  # fmt: skip
    out = tmp_path / "fitted.json"
    seen: list[tuple[int, int]] = []
    summary = fit_motion(tmp_path, out, lambda done, total, note: seen.append((done, total)), anny_reduced)
    assert (summary["people"], summary["takes"], summary["left_out"]) == (3, 6, "none")
    assert summary["cadence_hz"] == pytest.approx(0.903, abs=0.01)
    assert summary["stride_per_leg"] == pytest.approx(1.2 / 0.903 / 0.85, rel=0.03)
    assert summary["residual_rad"] < 0.02
    assert summary["between_over_within"] > 10.0
    assert seen[-1] == (3, 3)
    assert sorted(path.name for path in tmp_path.glob("fitted*")) == ["fitted.json"]
    walk = parametric.open_source(str(out)).walk("new", 0, 1, anny_reduced, anny_reduced.shared_shape())
    assert walk.at(np.array([5.0])).root_m[0, 0] > 3.0


def test_fit_needs_two_people_and_leaves_nothing_half_written(tmp_path: Path, anny_reduced: Body) -> None:
    write_bvh(tmp_path / "p1_1.bvh")
    with pytest.raises(UserError, match="one person only"):
        fit_motion(tmp_path, tmp_path / "out.json", body=anny_reduced)
    assert not (tmp_path / "out.json").exists()


def test_shipped_numbers_come_from_the_cmu_captures_alone(tmp_path: Path, anny_reduced: Body) -> None:
    fit_motion(external("cmu"), tmp_path / "again.json", body=anny_reduced)
    shipped, again = (json.loads(path.read_text()) for path in (Path(parametric.__file__).parent / "parametric_walk.json", tmp_path / "again.json"))
    assert np.allclose(shipped["mean"], again["mean"], atol=2e-4)
    assert np.allclose(np.abs(shipped["between"]), np.abs(again["between"]), atol=2e-3)  # the sign of a component is free
    assert shipped["published"] == again["published"]
    assert shipped["rhythm"] == again["rhythm"]
