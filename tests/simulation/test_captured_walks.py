"""Captured walks: read, retargeted, cut to the walking part, told when unusable."""

from pathlib import Path

import numpy as np
import pytest
from capture_files import BONES, FRAMES_HZ, OTHER_NAMES, external, knee_angles, stance_speed, walk_of, write_bvh
from scipy.spatial.transform import Rotation

from gaitbridge import plugins
from gaitbridge.errors import UserError
from gaitbridge.simulation.body import Body
from gaitbridge.simulation.motion import bvh
from gaitbridge.simulation.motion._bvh_file import read_bvh


def test_the_folder_holds_four_sources() -> None:
    assert plugins.names("gaitbridge.simulation.motion") == ["amc", "bvh", "measured", "parametric"]
    for name in ("amc", "bvh", "measured", "parametric"):
        assert callable(plugins.load("gaitbridge.simulation.motion", name).open_source)


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
