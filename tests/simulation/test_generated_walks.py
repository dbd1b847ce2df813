"""Generated walks: feet, arms, bones, cycles, people and takes."""

import hashlib
import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from capture_files import knee_angles, stance_speed
from scipy.spatial.transform import Rotation

from gaitbridge.errors import UserError
from gaitbridge.simulation.body import Body, Pose, Shape
from gaitbridge.simulation.motion import parametric
from gaitbridge.simulation.motion._fit import gait_phase
from gaitbridge.simulation.motion._harmonics import JOINTS, basis, delayed, mirrored
from gaitbridge.simulation.motion._skeleton import rotation_matrices, skeleton_of


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
