"""Walkers are told from what is none, at any size and from any side."""

import numpy as np
import pytest
from drawn_walks import NOT_WALKS, black, half, noise, standing, times, two_people, walker

from gaitbridge.walks import FLOOR, NONSENSE
from gaitbridge.walks.quality import NAMES, Quality, problem, walk_quality


def judged(silhouettes: np.ndarray, timed: bool = True) -> Quality:
    return walk_quality({"silhouettes": silhouettes}, times(len(silhouettes)) if timed else None)


@pytest.mark.parametrize("size", [(64, 44), (64, 64), (128, 88)])
@pytest.mark.parametrize("frontal", [False, True], ids=["side", "front"])
def test_walkers_are_kept(size: tuple[int, int], frontal: bool) -> None:
    quality = judged(walker(25, size, frontal))
    assert quality.score is not None
    assert quality.score > 0.6
    assert problem(quality) == ""


@pytest.mark.parametrize("name", NOT_WALKS)
def test_what_is_no_walk_is_not(name: str) -> None:
    for timed in (True, False):
        quality = judged(NOT_WALKS[name](), timed)
        assert quality.score is not None
        assert quality.score < NONSENSE, quality
        assert problem(quality)


@pytest.mark.parametrize(("stride_s", "frontal"), [(0.9, False), (1.1, False), (1.1, True), (1.5, True)])
def test_steps_are_counted(stride_s: float, frontal: bool) -> None:
    quality = judged(walker(50, frontal=frontal, stride_s=stride_s))
    expected = 2 * times(50)[-1] / stride_s
    assert quality.steps is not None
    assert abs(quality.steps - expected) <= 1.0


def test_the_reason_is_the_weakest_part() -> None:
    for silhouettes, words in ((black(), "in which anything shows"), (noise(), "not one solid figure"), (standing(), "legs do not part"),
                               (two_people(), "not one solid figure"), (half(), "below 0.2: ")):
        assert words in problem(judged(silhouettes))
    assert "too few frames" in problem(judged(walker(1)))


def test_a_short_walk_is_judged_by_its_figure_alone() -> None:
    quality = judged(walker(4))
    assert (quality.legs, quality.steps) == (None, None)
    assert quality.score == 0.5  # four frames of the eight that are enough
    assert problem(judged(noise(4)))


def seen_by_a_lidar(silhouettes: np.ndarray) -> np.ndarray:
    """Range views of drawn figures 8 m away: every second row has a beam, and one return in ten is lost."""
    random = np.random.default_rng(1)
    views = np.where(silhouettes > 0, 8 + 0.1 * random.random(silhouettes.shape), np.nan).astype(np.float32)
    views[:, 1::2] = np.nan
    views[random.random(views.shape) < 0.1] = np.nan
    return views


def test_range_views_are_judged_too() -> None:
    for frontal in (False, True):
        quality = walk_quality({"range_views": seen_by_a_lidar(walker(frontal=frontal))}, times(25))
        assert quality.score is not None
        assert quality.score > 0.6, quality
    pictures = np.repeat(walker()[:, None], 3, 1)
    assert not problem(walk_quality({"depth_pictures": pictures}, times(25)))
    for name in ("standing man", "half of a standing man", "box", "two people", "forearm"):
        quality = walk_quality({"range_views": seen_by_a_lidar(NOT_WALKS[name]())}, times(25))
        assert problem(quality), name
    random = np.random.default_rng(2)
    noise_m = np.where(random.random((25, 64, 44)) < 0.3, random.uniform(2, 30, (25, 64, 44)), np.nan).astype(np.float32)
    assert walk_quality({"range_views": noise_m}, times(25)).score == 0.0
    deep = np.where(walker() > 0, random.uniform(5, 15, (25, 64, 44)), np.nan).astype(np.float32)  # a figure of returns from everywhere
    assert "not one solid figure" in problem(walk_quality({"range_views": deep}, times(25)))


def test_presence_counts_where_it_is_known() -> None:
    arrays = {"silhouettes": walker(), "presence": np.full(25, 0.05, np.float32)}
    quality = walk_quality(arrays, times(25))
    assert quality.score == 0.0
    assert "people model" in problem(quality)
    assert walk_quality(arrays | {"presence": np.full(25, 0.9, np.float32)}, times(25)).score == judged(walker()).score


def test_empty_frames_within_a_walk_are_left_out() -> None:
    holes = walker(30)
    holes[5:9] = 0
    quality = judged(holes)
    assert quality.frames == 26
    assert problem(quality) == ""
    assert judged(walker(0)).score == 0.0


def test_what_is_no_picture_of_a_body_is_not_judged() -> None:
    quality = walk_quality({"smpl": np.zeros((5, 85), np.float32)})
    assert quality.score is None
    assert problem(quality, 1.0) == ""


def test_as_stored_and_as_json() -> None:
    quality = judged(walker())
    assert dict(zip(NAMES, quality.array().tolist(), strict=True))["steps"] == quality.steps
    assert np.isnan(quality.array()[NAMES.index("presence")])
    assert quality.document()["presence"] is None
    assert FLOOR > NONSENSE
