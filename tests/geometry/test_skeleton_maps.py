"""Skeleton maps are those that SkeletonGait was published with, wherever and however large the person was; what is unknown is black, or between."""

import numpy as np
import pytest

from gaitbridge.geometry.skeleton_maps import filled, skeleton_maps

WALKER = np.array([
    [520, 101, 0.9], [526, 96, 0.8], [515, 95, 0.9], [534, 99, 0.4], [509, 98, 0.85], [545, 130, 0.7], [498, 131, 0.95], [556, 176, 0.5],
    [488, 178, 0.9], [540, 214, 0.3], [500, 221, 0.8], [536, 222, 0.75], [505, 224, 0.8], [551, 285, 0.9], [497, 287, 0.85], [566, 345, 0.6],
    [470, 330, 0.95],
])  # fmt: skip
# Sums of 8 x 8 pixels of limbs and joints at 64 x 64, by the field's public toolkit (OpenGait 0efafd4, datasets/pretreatment_heatmap.py), run by us.
PUBLIC = np.array([
    [[0, 0, 239, 3269, 2962, 184, 0, 0], [0, 1, 1400, 11064, 9718, 1450, 2, 0], [0, 20, 3370, 12804, 9948, 2734, 24, 0],
     [0, 24, 3294, 12179, 9879, 2286, 24, 0], [0, 1, 1728, 10963, 10619, 2391, 7, 0], [0, 129, 4428, 11667, 9278, 3897, 58, 0],
     [0, 343, 7123, 7195, 6143, 5273, 193, 0], [0, 29, 849, 752, 1587, 1574, 51, 0]],
    [[0, 0, 239, 3269, 2962, 184, 0, 0], [0, 0, 1457, 10736, 9361, 1446, 1, 0], [0, 16, 2925, 10971, 7413, 2516, 23, 0],
     [0, 23, 3072, 10419, 7346, 2219, 24, 0], [0, 0, 1347, 8063, 7705, 1788, 7, 0], [0, 144, 3859, 10244, 10050, 3899, 43, 0],
     [0, 387, 7931, 7097, 5088, 4847, 189, 0], [0, 35, 951, 846, 1587, 1574, 51, 0]],
])  # fmt: skip


def test_the_maps_are_those_of_the_public_toolkit() -> None:
    maps = skeleton_maps(WALKER[None], (64, 64))
    assert maps.shape == (1, 2, 64, 64)
    assert maps.dtype == np.uint8
    sums = maps[0].reshape(2, 8, 8, 8, 8).astype(int).sum((2, 4))
    assert np.abs(sums - PUBLIC).max() <= 64  # of 16,320: one level a pixel, by which that toolkit's grey levels are cut here and there


def test_narrow_maps_are_the_middle_of_wide_ones() -> None:
    assert (skeleton_maps(WALKER[None], (64, 44)) == skeleton_maps(WALKER[None], (64, 64))[..., 10:54]).all()
    assert skeleton_maps(WALKER[None], (128, 88)).shape == (1, 2, 128, 88)
    with pytest.raises(ValueError, match="at most as wide as high"):
        skeleton_maps(WALKER[None], (64, 65))


def test_place_and_size_of_the_person_do_not_matter() -> None:
    elsewhere = WALKER * [2.5, 2.5, 1.0] + [-300.0, 77.0, 0.0]
    difference = skeleton_maps(elsewhere[None], (64, 64)).astype(int) - skeleton_maps(WALKER[None], (64, 64))
    assert np.abs(difference).max() <= 1


def test_what_is_unsure_is_faint_and_what_is_unknown_black() -> None:
    unsure = WALKER.copy()
    unsure[:, 2] = 0.0
    unsure[[15, 13, 11], 2] = 0.5  # the left leg
    maps = skeleton_maps(np.stack([unsure, WALKER * np.nan, WALKER * [1, 0, 1]]), (64, 64))
    assert maps[0].max() in (126, 127, 128)
    assert not maps[1:].any()


def test_between_frames_keypoints_move_on_straight_lines() -> None:
    walk = WALKER + np.arange(8)[:, None, None] * [10.0, 0.0, 0.0]
    times = np.arange(8) / 10
    holed = walk.copy()
    holed[[2, 3]] = np.nan
    assert np.allclose(filled(holed, times), walk)
    assert filled(walk, times) is walk
    holed[1:] = np.nan
    assert np.isfinite(filled(holed, times)).all((1, 2)).tolist() == [True] * 3 + [False] * 5  # a quarter of a second
    assert np.isnan(filled(walk * np.nan, times)).all()
