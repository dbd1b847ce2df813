"""Squares cut out of pictures and masks put back: to parts of a pixel, at the picture's border, large and small."""

import numpy as np
import pytest

from gaitbridge.capture.video.pose import Pose, coco_keypoints, pose_arrays
from gaitbridge.capture.video.squares import cut, placed, square_about


def disc(shape: tuple[int, int], centre: tuple[float, float], radius: float) -> np.ndarray:
    """float [H, W]: below 0 inside of a disc, in pixels; row and column of its centre."""
    rows, columns = np.indices(shape)
    return np.asarray(np.hypot(rows - centre[0], columns - centre[1]) - radius)


@pytest.mark.parametrize("side", [40.0, 97.3, 256.0, 611.7])
def test_a_picture_is_cut_where_it_lies(side: float) -> None:
    centre, square = (331.3, 402.6), np.array([331.3 + 0.5 - 0.37 * side, 402.6 + 0.5 - 0.61 * side, side])  # from pixels' edges: half a pixel more
    picture = np.repeat((255 * np.clip(0.5 - disc((700, 900), centre, 0.2 * side), 0, 1)).astype(np.uint8)[:, :, None], 3, axis=2)
    seen = cut(picture, square, 256)
    assert seen.shape == (256, 256, 3)
    assert seen.dtype == np.float32
    weights = seen[:, :, 0] / seen[:, :, 0].sum()
    rows, columns = np.indices(weights.shape) + 0.5
    assert (weights * rows).sum() == pytest.approx(0.37 * 256, abs=0.1)
    assert (weights * columns).sum() == pytest.approx(0.61 * 256, abs=0.1)
    assert seen.sum() / 3 == pytest.approx(np.pi * (0.2 * 256) ** 2, rel=0.03)


def test_colours_turn_and_what_lies_beyond_the_picture_is_black() -> None:
    picture = np.zeros((50, 60, 3), np.uint8)
    picture[:, :] = (255, 51, 0)  # blue, green, red
    seen = cut(picture, np.array([-25.0, 30.0, 60.0]), 120)
    assert seen[60, 30].tolist() == pytest.approx([0, 0.2, 1])
    assert not seen[:48].any()
    assert not seen[:, 62:].any()
    assert not cut(picture, np.array([500.0, 500.0, 60.0]), 120).any()


@pytest.mark.parametrize("side", [60.0, 151.5, 256.0, 580.2])
def test_a_mask_lies_on_the_picture_where_it_was_seen(side: float) -> None:
    truth = (210.4, 333.7)
    square = np.array([truth[0] + 0.5 - 0.4 * side, truth[1] + 0.5 - 0.55 * side, side])
    logits = -disc((256, 256), (0.4 * 256 - 0.5, 0.55 * 256 - 0.5), 0.25 * 256).astype(np.float32)
    chance, corner = placed(logits, square, (600, 800))
    mask = np.zeros((600, 800), bool)
    mask[corner[0] : corner[0] + chance.shape[0], corner[1] : corner[1] + chance.shape[1]] = chance > 0.5
    rows, columns = np.nonzero(mask)
    assert (rows.mean(), columns.mean()) == pytest.approx(truth, abs=0.15)
    assert len(rows) == pytest.approx(np.pi * (0.25 * side) ** 2, rel=0.02)


def test_a_mask_beyond_the_picture_is_cut_off() -> None:
    logits = np.ones((256, 256), np.float32)
    chance, corner = placed(logits, np.array([-10.0, 70.0, 50.0]), (60, 80))
    assert (chance.shape, corner) == ((40, 10), (0, 70))
    assert placed(logits, np.array([100.0, 100.0, 50.0]), (60, 80))[0].size == 0


def test_a_square_has_the_boxs_middle() -> None:
    assert square_about(np.array([10.0, 20.0, 110.0, 60.0]), 1.25).tolist() == [-2.5, -22.5, 125.0]


def some_pose(presence: float = 0.9) -> Pose:
    random = np.random.default_rng(1)
    points = random.uniform(0, 100, (33, 3)).astype(np.float32)
    return Pose(points, random.uniform(0, 1, 33).astype(np.float32), (points / 50).astype(np.float32), presence)


def test_poses_are_kept_in_pixels_of_the_film() -> None:
    pose = some_pose()
    arrays = pose_arrays([pose, None], np.array([2.0, 3.0]))
    assert {name: (array.dtype, array.shape) for name, array in arrays.items()} == {
        "landmarks": (np.float32, (2, 33, 4)), "landmarks_m": (np.float32, (2, 33, 3)), "presence": (np.float32, (2,))}  # fmt: skip
    assert arrays["landmarks"][0, :, 0] == pytest.approx(3 * pose.landmarks[:, 0] + 1)  # the middle of three columns
    assert arrays["landmarks"][0, :, 1] == pytest.approx(2 * pose.landmarks[:, 1] + 0.5)
    assert arrays["landmarks"][0, :, 2] == pytest.approx(3 * pose.landmarks[:, 2])
    assert (arrays["landmarks"][0, :, 3] == pose.visibility).all()
    assert (arrays["landmarks_m"][0] == pose.world).all()
    assert np.isnan(arrays["landmarks"][1]).all()
    assert arrays["presence"].tolist() == pytest.approx([0.9, 0.0])


def test_coco_takes_its_keypoints_from_the_landmarks() -> None:
    landmarks = np.zeros((5, 33, 4))
    landmarks[:, :, 0], landmarks[:, :, 1], landmarks[:, :, 3] = np.arange(33), 2 * np.arange(33), 0.5
    keypoints = coco_keypoints(landmarks)
    assert keypoints.shape == (5, 17, 3)
    assert keypoints[0, 11].tolist() == [23, 46, 0.5]  # the left hip
    assert keypoints[0, 16].tolist() == [28, 56, 0.5]  # the right ankle


def test_a_pose_has_its_shapes() -> None:
    pose = some_pose()
    with pytest.raises(ValueError, match="landmarks"):
        Pose(pose.landmarks[:17], pose.visibility, pose.world, 1.0)
