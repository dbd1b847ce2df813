"""Assignment and tracks against plain twins and known motion."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaitbridge.capture.tracking import Tracker, assign, distance_cost, iou_cost


def best_by_trying(cost: np.ndarray, most: float) -> tuple[int, float]:
    """Most pairs, then least cost, by trying every assignment."""
    rows, columns = cost.shape
    if rows > columns:
        return best_by_trying(cost.T, most)
    best = (0, 0.0)
    for chosen in permutations(range(columns), rows):
        costs = [cost[row, column] for row, column in enumerate(chosen) if cost[row, column] <= most]
        best = min(best, (-len(costs), sum(costs)))
    return best


@settings(deadline=None)  # the first call imports scipy
@given(st.integers(0, 4), st.integers(0, 4), st.integers(0, 10_000))
def test_assignment_is_the_best(rows: int, columns: int, seed: int) -> None:
    cost = np.random.default_rng(seed).random((rows, columns)).round(2)
    cost[cost > 0.9] = np.inf
    pairs = assign(cost, 0.7)
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)
    assert all(cost[pair] <= 0.7 for pair in pairs)
    count, total = best_by_trying(cost, 0.7)
    assert len(pairs) == -count
    assert sum(cost[pair] for pair in pairs) == pytest.approx(total)


def test_iou_by_counting_pixels() -> None:
    random = np.random.default_rng(1)
    low = random.integers(0, 12, (6, 2))
    boxes = np.concatenate([low, low + random.integers(1, 9, (6, 2))], axis=1).astype(float)
    grids = np.zeros((6, 24, 24), bool)
    for k, (top, left, bottom, right) in enumerate(boxes.astype(int)):
        grids[k, top:bottom, left:right] = True
    expected = [[1 - (a & b).sum() / (a | b).sum() for b in grids] for a in grids]
    np.testing.assert_allclose(iou_cost(boxes, boxes), expected)
    assert iou_cost(np.zeros((1, 4)), np.zeros((1, 4)))[0, 0] == 1  # empty boxes


def test_two_points_pass_and_keep_their_names() -> None:
    tracker = Tracker(distance_cost, most=0.5, gap_s=1.0)
    for frame in range(21):
        places = np.array([[0.1 * frame, 0.0], [2.0 - 0.1 * frame, 0.1]])
        tracker.step(frame, 0.1 * frame, places[:: 1 if frame % 2 else -1])  # in no constant order
    tracks = tracker.tracks()
    assert [len(track) for track in tracks] == [21, 21]
    ends = sorted((float(track.states[0][0]), float(track.states[-1][0])) for track in tracks)
    np.testing.assert_allclose(ends, [(0.0, 2.0), (2.0, 0.0)], atol=1e-9)


def test_a_track_outlives_a_gap_but_not_a_long_one() -> None:
    for unseen, count in ((8, 1), (12, 2)):
        tracker = Tracker(distance_cost, most=0.3, gap_s=1.05)
        for frame in [*range(10), *range(10 + unseen, 20 + unseen)]:
            tracker.step(frame, 0.1 * frame, np.array([[0.15 * frame]]))
        assert len(tracker.tracks()) == count
    assert tracker.step(99, 9.9, np.zeros((0, 1))) == []
