"""Recovered joints against another model's landmarks: the same joints, each frame's own similarity, and what a still pose is off."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from gaitbridge.capture.video.pose import LANDMARKS
from gaitbridge.errors import UserError
from gaitbridge.evaluation.bodies.landmarks import MIRROR, PARENTS, SAME, Pair, joint_errors_mm, paired
from gaitbridge.simulation.truth import read_out_of

NAMES = read_out_of("anny-10pc").joint_names


def walk(frames: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Landmarks [T, 33, 3] of somebody who changes, and joints [T, J, 3] that are the same turned, scaled and moved."""
    random = np.random.default_rng(0)
    landmarks = random.standard_normal((frames, 33, 3)) * 0.3
    joints = random.standard_normal((frames, len(NAMES), 3))
    turns = Rotation.random(frames, random_state=0).as_matrix()
    for joint, landmark in SAME.items():
        joints[:, NAMES.index(joint)] = np.einsum("tab,tb->ta", turns, landmarks[:, LANDMARKS.index(landmark)]) * 1.3 + [0, 1, 2]
    return joints.astype(np.float32), landmarks.astype(np.float32)


def test_the_same_body_turned_scaled_and_moved_is_no_error() -> None:
    joints, landmarks = walk()
    visible = np.ones((6, 33))
    visible[1] = 0.1
    landmarks[2, LANDMARKS.index("left_knee")] = np.nan
    pair = paired(joints, NAMES, np.array([True] * 5 + [False]), landmarks, visible, LANDMARKS)
    assert pair.known.tolist() == [True, False, False, True, True, False]
    errors = joint_errors_mm(pair)
    assert errors["recovered"].shape == (3, 14)
    assert errors["recovered"].max() < 0.1
    assert errors["still"].mean() > 50


def test_one_joint_off_shows_at_that_joint() -> None:
    joints, landmarks = walk()
    joints[:, NAMES.index("LeftHand")] += [0.2, 0, 0]
    pair = paired(joints, NAMES, np.ones(6, bool), landmarks, np.ones((6, 33)), LANDMARKS)
    assert int(joint_errors_mm(pair)["recovered"].mean(0).argmax()) == list(SAME).index("LeftHand")


def test_the_better_reading_forgives_what_an_outline_cannot_tell() -> None:
    joints, landmarks = walk()
    pair = paired(joints, NAMES, np.ones(6, bool), landmarks, np.ones((6, 33)), LANDMARKS)
    other = Pair(pair.landmarks[:, MIRROR] * [1, 1, -1], pair.landmarks, pair.known)
    found = joint_errors_mm(other)
    assert found["recovered"].mean() > 50
    assert found["better"].max() < 1e-6


def test_sides_are_mirror_images_and_all_hang_together() -> None:
    names = list(SAME)
    sideless = [name.removeprefix("Left").removeprefix("Right") for name in names]
    assert [sideless[n] for n in MIRROR] == sideless
    assert (MIRROR[MIRROR] == np.arange(14)).all()
    assert all(parent < joint for joint, parent in enumerate(PARENTS))


def test_nobody_known_gives_no_errors_and_another_skeleton_is_named() -> None:
    joints, landmarks = walk()
    pair = paired(joints, NAMES, np.zeros(6, bool), landmarks, np.ones((6, 33)), LANDMARKS)
    assert {len(one) for one in joint_errors_mm(pair).values()} == {0}
    with pytest.raises(UserError, match="no joint LeftUpLeg"):
        paired(joints, [name.lower() for name in NAMES], np.ones(6, bool), landmarks, np.ones((6, 33)), LANDMARKS)
