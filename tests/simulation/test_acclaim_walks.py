"""Captured walks in Acclaim's format: skeleton and motion, the subject's own bones, told when unusable."""

from pathlib import Path

import numpy as np
import pytest
from acclaim_files import BONES, HZ, UNIT, write_amc, write_asf
from capture_files import external, knee_angles, stance_speed

from gaitbridge.conventions import stream
from gaitbridge.errors import UserError
from gaitbridge.simulation.body import Body
from gaitbridge.simulation.body._proportions import BONES as BONE_NAMES
from gaitbridge.simulation.body._proportions import bones_m, named_joints
from gaitbridge.simulation.motion import amc, bvh
from gaitbridge.simulation.motion._amc_file import read_amc
from gaitbridge.simulation.motion._asf_file import read_asf
from gaitbridge.simulation.motion._own_bones import bone_lengths_m
from gaitbridge.simulation.settings import CohortConfig
from gaitbridge.simulation.takes import open_source, plan, shape_of


def subject(folder: Path, name: str = "ann", trials: int = 1) -> None:
    write_asf(folder / f"{name}.asf")
    for trial in range(trials):
        write_amc(folder / f"{name}_{trial + 1:02d}.amc", speed_m_s=1.1 + 0.1 * trial)


@pytest.mark.parametrize("order", ["XYZ", "ZYX", "YXZ"])
def test_bones_turn_as_the_format_says(tmp_path: Path, order: str) -> None:
    write_asf(tmp_path / "ann.asf", order=order)
    truth = write_amc(tmp_path / "ann_1.amc", first=98)
    trial = read_amc(tmp_path / "ann_1.amc", read_asf(tmp_path / "ann.asf"))
    world = trial.world_rotations()
    assert trial.unit_m is not None
    assert [bone.name for bone in trial.joints[:5]] == ["root", "lhipjoint", "lfemur", "ltibia", "lfoot"]
    for number, bone in enumerate(trial.joints):
        assert np.abs(world[:, number] - truth[bone.name]).max() < 1e-6, bone.name
        if bone.parent > 0:  # a bone begins where its parent ends
            assert np.linalg.norm(bone.offset) * trial.unit_m == pytest.approx(BONES[trial.joints[bone.parent].name][2], abs=1e-6)
    assert trial.frame_s == pytest.approx(1.0 / HZ)
    assert np.allclose(trial.root_positions()[0], [0.0, 0.95 / 0.0254 * UNIT, 0.0], atol=1e-5)


def test_a_trial_walks_on_a_body(tmp_path: Path, anny_reduced: Body) -> None:
    subject(tmp_path, trials=2)
    (tmp_path / "folder of bob").mkdir()
    subject(tmp_path / "folder of bob", "bob")
    (tmp_path / "LICENSE").write_text("ours")
    source, shape = amc.open_source(str(tmp_path)), anny_reduced.shared_shape()
    assert source.people == ("ann", "bob")
    assert (source.takes("ann"), source.takes("bob")) == (2, 1)
    assert "LICENSE" in source.licence
    walk = source.walk("ann", 1, 0, anny_reduced, shape)
    pose = walk.at(np.linspace(0.0, walk.duration_s, 80))
    assert pose.root_m[-1, 0] / walk.duration_s == pytest.approx(1.2 * anny_reduced.measures(shape)["leg_m"] / 0.85, rel=0.01)
    posed = anny_reduced.posed(shape, pose)
    assert np.abs(posed.vertices_m[:, :, 2].min(axis=1)).max() < 0.02
    bent = knee_angles(anny_reduced, posed.joints_m, "Left")
    assert bent.max() > 40.0
    assert bent.min() > 0.0


def body_of(folder: Path, person: str, body: Body, seed: int = 0) -> dict[str, float]:
    """Bone lengths in metres of the body that `simulate` gives a person."""
    config = CohortConfig(motion=f"amc:{folder}", seed=seed)
    one = next(one for one in plan(config, open_source(config.motion)) if one.name == person)
    rest = body.rest(shape_of(config, one, person))
    lengths = bones_m(named_joints(body.joint_names, rest.joints_m, rest.vertices_m, body.bone_of_vertex))
    return dict(zip(BONE_NAMES, lengths.tolist(), strict=True))


def test_people_have_their_own_bones(tmp_path: Path, anny_reduced: Body) -> None:
    for name, size, factors in (("ann", 1.0, {}), ("bob", 1.06, {}), ("eve", 1.0, {"femur": 1.1, "humerus": 0.9, "thorax": 1.05})):
        write_asf(tmp_path / f"{name}.asf", size=size, factors=factors)
        write_amc(tmp_path / f"{name}_1.amc")
    source = amc.open_source(str(tmp_path))
    assert isinstance(source, amc.SubjectSource)
    own = bone_lengths_m(source.capture("eve", 0))
    assert own is not None
    wanted = {"thigh": 0.473, "shank": 0.42, "upper_arm": 0.27, "forearm": 0.25, "shoulder_width": 0.3686, "hip_width": 0.1802}
    assert own == pytest.approx(wanted, abs=2e-3)
    ann, bob, eve = (body_of(tmp_path, name, anny_reduced) for name in ("ann", "bob", "eve"))
    for lengths, leg_m in ((ann, 0.85), (bob, 0.901), (eve, 0.893)):
        assert lengths["thigh"] + lengths["shank"] == pytest.approx(leg_m, rel=0.002)
    for bone in own:
        assert bob[bone] / ann[bone] == pytest.approx(1.06, rel=0.005), bone
    assert eve["thigh"] / eve["shank"] == pytest.approx(1.1 * ann["thigh"] / ann["shank"], rel=0.005)
    assert eve["upper_arm"] / ann["upper_arm"] == pytest.approx(0.9, rel=0.005)
    assert body_of(tmp_path, "ann", anny_reduced, seed=5) == pytest.approx(ann, rel=0.01)  # flesh is drawn, bones are not


def test_a_unit_that_cannot_be_leaves_the_proportions(tmp_path: Path, anny_reduced: Body) -> None:
    for name in ("right", "wrong"):
        (tmp_path / name).mkdir()
        subject(tmp_path / name)
    file = tmp_path / "wrong" / "ann.asf"
    file.write_text(file.read_text().replace(f"length {UNIT}", "length 1.0", 1))
    right, wrong = (body_of(tmp_path / name, "ann", anny_reduced) for name in ("right", "wrong"))
    leg = anny_reduced.measures(anny_reduced.sample_shape(stream(0, "shape", "ann"), CohortConfig().proportions))["leg_m"]
    assert wrong["thigh"] + wrong["shank"] == pytest.approx(leg, rel=0.005)
    assert wrong["thigh"] / wrong["upper_arm"] == pytest.approx(right["thigh"] / right["upper_arm"], rel=0.005)


def test_one_body_for_all_stays_one(tmp_path: Path, anny_reduced: Body) -> None:
    subject(tmp_path)
    config = CohortConfig(motion=f"amc:{tmp_path}", shape="shared")
    shape = shape_of(config, plan(config, open_source(config.motion))[0], "ann")
    assert np.array_equal(shape.values, anny_reduced.shared_shape().values)


def test_a_rate_that_the_file_names_is_believed(tmp_path: Path, anny_reduced: Body) -> None:
    write_asf(tmp_path / "ann.asf")
    write_amc(tmp_path / "ann_1.amc", hz=60.0)
    assert amc.open_source(str(tmp_path)).walk("ann", 0, 0, anny_reduced, anny_reduced.shared_shape()).duration_s == pytest.approx(179 / 60)


SKELETON_FAULTS = {
    "nothing of the kind": ("", "no ASF file"),
    "position 0 0 0": ("position 0 0", "3 finite numbers"),
    "order TX TY TZ RX RY RZ": ("order TX TY RX RY RZ", "order"),
    "length 0.45": ("length 0", "unit"),
    "angle deg": ("angle grad", "deg or rad"),
    "name lfemur": ("name ltibia", "of two"),
    "dof rx rz": ("dof rx tz", "slide"),
    "  XYZ": ("  XYX", "letters"),
    "direction 0.75 -0.66 0": ("direction 0.75 nan 0", "finite"),
    "root lhipjoint": ("root lhipjoint tail", "tail"),
    "lhipjoint lfemur": ("lhipjoint lfemur ltibia", "parent already"),
    "thorax head": ("thorax", "head"),
    ":hierarchy": (":hierarchie", "no part"),
}


@pytest.mark.parametrize("place", SKELETON_FAULTS)
def test_faults_of_a_skeleton_are_told(tmp_path: Path, place: str) -> None:
    subject(tmp_path)
    file = tmp_path / "ann.asf"
    change, word = SKELETON_FAULTS[place]
    text = file.read_text()
    file.write_text(text.replace(place, change, 1) if change else place)
    assert file.read_text() != text
    refused(tmp_path, "ann.asf", word)


def test_faults_of_a_trial_are_told(tmp_path: Path) -> None:
    subject(tmp_path)
    file = tmp_path / "ann_01.amc"
    text = file.read_text()
    lines = text.splitlines()
    knee = next(line for line in lines if line.startswith("ltibia"))
    for content, words in (
        ("", ("no frame",)), (text.replace("root", "trunk", 1), ("line 5", "'trunk' is no bone")),
        (text.replace(knee, knee + " 1.0", 1), ("line", "2 values", "1 for ltibia")), (text.replace(knee, "ltibia x", 1), ("line", "'x'")),
        (text.replace(knee, "ltibia nan", 1), ("frame 1", "usable")), (text.replace(knee, "ltibia 1e300", 1), ("usable",)),
        (text.replace(knee, knee + "\n" + knee, 1), ("twice",)), (text.replace(knee + "\n", "", 1), ("frame 1 has no ltibia",)),
        (text[: len(text) // 2].rpartition("\n")[0], ("ends too early",)), (text.replace("\n7\n", "\n9\n"), ("frame 7",)),
        (text.replace(":FULLY-SPECIFIED", ":OVERLAP"), ("line 2", "kind")), (text.replace(":DEGREES", ":SAMPLES-PER-SECOND 1e-9"), ("a second",)),
        ("\n".join(lines[: lines.index("2")]), ("no motion",)),
    ):  # fmt: skip
        file.write_text(content)
        refused(tmp_path, "ann_01.amc", *words)


def refused(folder: Path, *words: str) -> None:
    with pytest.raises(UserError) as error:
        amc.open_source(str(folder))
    told = str(error.value)
    assert "\n" not in told
    assert all(word in told for word in words), told


def test_folders_without_captures_are_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="amc:DIR"):
        amc.open_source(None)
    with pytest.raises(UserError, match="no folder"):
        amc.open_source(str(tmp_path / "absent"))
    refused(tmp_path, "no .amc file")
    write_amc(tmp_path / "ann_1.amc")
    refused(tmp_path, "ann_1.amc", "no ann.asf beside it")
    write_asf(tmp_path / "ann.asf")
    with pytest.raises(UserError, match="write amc:DIR"):
        bvh.open_source(str(tmp_path))
    (tmp_path / "more").mkdir()
    subject(tmp_path / "more")
    refused(tmp_path, "subject ann", "one folder")


def test_a_huge_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    subject(tmp_path)
    with (tmp_path / "ann_01.amc").open("r+b") as file:
        file.truncate(2**27)
    refused(tmp_path, "ann_01.amc", "MB")


def test_real_subjects_walk(anny_reduced: Body) -> None:
    shape, folder = anny_reduced.shared_shape(), external("cmu_amc")
    source = amc.open_source(str(folder / "02"))
    assert (source.people, source.takes("02")) == (("02",), 2)
    walk = source.walk("02", 0, 0, anny_reduced, shape)
    posed = anny_reduced.posed(shape, walk.at(np.linspace(0.0, walk.duration_s, 60)))
    assert np.abs(posed.vertices_m[:, :, 2].min(axis=1)).max() < 0.03
    assert stance_speed(walk, anny_reduced, shape, walk.duration_s) < 0.5
    for side in ("Left", "Right"):
        assert knee_angles(anny_reduced, posed.joints_m, side).min() > -5.0
