"""Thresholds from captures that nobody labelled: the rate that is stated comes out on other people, and nothing is taken for what it is not."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from captured_stores import Seen, captured_store, crowd, track_in
from gallery_people import embeddings

from gaitbridge.errors import UserError
from gaitbridge.evaluation.ranking.matrix import distance
from gaitbridge.gallery.captured_sides import Sides, captured_sides, seen_together
from gaitbridge.gallery.decision import Calibration, Known, calibrate
from gaitbridge.store import Store
from gaitbridge.types import Embeddings

INPUTS = {"silhouettes": ("silhouettes",), "range_views": ("range_views",)}


def embed(modality: str, arrays: Sequence[Mapping[str, np.ndarray]]) -> Embeddings:
    """Every track is somebody: a direction of theirs, and noise that differs from walk to walk, half to half."""
    people = [f"{track_in(one[modality])}" for one in arrays]
    return embeddings(people, modality, noise=0.9, seed=sum(len(one[modality]) for one in arrays))


def calibrated(sides: Sides, rates: tuple[float, ...]) -> Calibration:
    known = {pair: Known(two, one) for pair, (two, one) in sides.known.items()}
    return calibrate(sides.embeddings, sides.people, sides.walks, "street", "h" * 32, "2026-11-28", rates, known=known)


def whole(store: Store) -> list[tuple[Store, Sequence[int]]]:
    return [(store, range(len(store.rows)))]


def test_the_stated_rate_comes_out_on_other_people(tmp_path: Path) -> None:
    sides = captured_sides(whole(captured_store(tmp_path / "s", crowd(100))), INPUTS, embed)
    made = calibrated(sides, (0.1, 0.05, 0.001))
    (direction,) = made.directions
    assert (direction.probe, direction.gallery) == ("camera", "camera")
    assert [one.rate for one in direction.thresholds] == [0.1, 0.05]  # and 0.001 is left out
    assert direction.impostors == 100 * 3 * 3  # each walk with the three beside it
    assert direction.genuine == 100 * 3 * 2  # halves, both ways
    assert direction.templates_a_person == 3.0
    others = [f"x{number}" for number in range(300)]
    strangers = distance(embeddings(others[:150], noise=0.9, seed=5), embeddings(others[150:], noise=0.9, seed=6))
    for one in direction.thresholds:
        assert one.rate / 2 < (strangers <= one.distance).mean() < 2 * one.rate
        assert one.false_non_match is not None


def test_what_is_known_of_the_pairs(tmp_path: Path) -> None:
    walks = [Seen("gate-0001", 0.0, 50), Seen("gate-0002", 2.0, 12, 200.0), Seen("gate-0001", 30.0, 12)]
    store = captured_store(tmp_path / "s", walks)
    sides = captured_sides(whole(store), INPUTS, embed)
    assert sides.people == [["gate-0001", "gate-0001", "gate-0001", "gate-0002", "gate-0001"]]  # the first with its halves
    two, one = sides.known[0, 0]
    assert np.argwhere(np.triu(two)).tolist() == [[0, 3]]
    assert np.argwhere(np.triu(one)).tolist() == [[1, 2]]
    assert len(set(sides.walks[0])) == 4  # the whole runs of a track are one walk of several sequences
    assert seen_together(store, range(3)) == {("gate-0001", "gate-0002")}
    assert seen_together(store, [0, 2]) == set()


def test_a_camera_and_a_lidar(tmp_path: Path) -> None:
    day = "2026-05-01T14:30:{:02d}+00:00"
    camera = captured_store(tmp_path / "c", [Seen("gate-0001", 0.0, 50, time=day.format(0)), Seen("gate-0002", 30.0, 50, time=day.format(30))])
    lidar = captured_store(tmp_path / "l", [Seen("gate-0003", 5.0, 50, time=day.format(1)), Seen("gate-0004", 24.0, 50, time=day.format(20))],
                           "l" * 32, "gate", "", "range_views")
    sides = captured_sides(whole(camera) + whole(lidar), INPUTS, embed)
    assert [side.modality for side in sides.embeddings] == ["silhouettes", "range_views"]
    _, one = sides.known[0, 1]
    assert [(sides.people[0][a], sides.people[1][b]) for a, b in np.argwhere(one)] == [("gate-0001", "gate-0003")]


def test_what_is_refused(tmp_path: Path) -> None:
    store = captured_store(tmp_path / "s", crowd(8))
    again = captured_store(tmp_path / "t", crowd(8))
    with pytest.raises(UserError, match="have a recording in common: give one of them"):
        captured_sides(whole(store) + whole(again), INPUTS, embed)
    with pytest.raises(UserError, match="no sequence has range_views with times"):
        captured_sides(whole(store), {"range_views": ("range_views",)}, embed)
    with pytest.raises(UserError, match="no rate can be stated from so few"):
        calibrated(captured_sides(whole(store), INPUTS, embed), (0.1,))
