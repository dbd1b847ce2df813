"""Walks of nobody come together where they may be one person's, and nowhere else."""

import numpy as np
import pytest
from gallery_people import embeddings

from gaitbridge.errors import UserError
from gaitbridge.evaluation.ranking.matrix import distance
from gaitbridge.gallery.decision import Calibration, calibrate
from gaitbridge.gallery.likeness import NEVER, a_rate_for, groups_of_likeness, track_distances
from gaitbridge.types import Embeddings

WHO = ["x", "y", "x", "z", "y", "x"]


def calibration(sensors: int = 2) -> Calibration:
    names = [f"q{number:02d}" for number in range(40)] * 3
    sides = [embeddings(names, "silhouettes", seed=5), embeddings(names, "range_views", seed=6)][:sensors]
    return calibrate(sides, [names] * sensors, [[f"{name}/{number}" for number, name in enumerate(names)]] * sensors, "known", "h" * 32, "2026-11-28",
                     (0.1, 0.01))


def tracks(walks: int = 2, noise: float = 0.3) -> list[Embeddings]:
    kinds = ["silhouettes", "silhouettes", "range_views", "silhouettes", "range_views", "silhouettes"]
    return [embeddings([who] * (walks + number % 2), kind, noise, seed=100 + number)
            for number, (who, kind) in enumerate(zip(WHO, kinds, strict=True))]


def test_one_person_a_group_across_sensors() -> None:
    assert groups_of_likeness(tracks(), calibration()) == [[0, 2, 5], [1, 4], [3]]
    assert groups_of_likeness(tracks()[:1], calibration()) == [[0]]
    assert groups_of_likeness([], calibration()) == []


def test_a_sensor_that_was_not_calibrated_joins_nobody() -> None:
    assert groups_of_likeness(tracks(), calibration(1)) == [[0, 5], [1], [2], [3], [4]]


def test_who_was_seen_at_one_time_is_two_people() -> None:
    """Not by way of a third either."""
    groups = groups_of_likeness(tracks(), calibration(), [(0, 5)])
    assert not any({0, 5} <= set(group) for group in groups)
    assert sorted(number for group in groups for number in group) == list(range(6))


def test_distances_are_as_one_by_one() -> None:
    """Against slow plain code: the mean of the nearest, the worse way, from the threshold in deviations."""
    made, known = tracks(), calibration()
    fast = track_distances(made, known, 0.1)
    for a in range(6):
        for b in range(6):
            if a == b:
                assert fast[a, b] == 0
                continue
            ways = []
            for one, other in ((a, b), (b, a)):
                direction = known.direction(*("lidar" if made[i].modality == "range_views" else "camera" for i in (one, other)))
                assert direction is not None
                mean = distance(made[one], made[other]).min(1).mean()
                ways.append((mean - direction.at(0.1).distance) / direction.deviation)
            assert fast[a, b] == pytest.approx(max(ways), rel=1e-4, abs=1e-4)
    with pytest.raises(UserError, match="no threshold"):
        groups_of_likeness(made, known, rate=0.5)
    assert (track_distances(made, calibration(1))[0, 2]) == NEVER


def test_the_rate_is_for_so_many() -> None:
    known = calibration()
    assert [a_rate_for(count, known) for count in (2, 10, 11, 100, 101)] == [0.1, 0.1, 0.01, 0.01, None]


def test_a_track_of_many_walks_costs_no_more() -> None:
    many = [embeddings(["x"] * 40, seed=1), embeddings(["x"] * 3, seed=2)]
    assert groups_of_likeness(many, calibration()) == [[0, 1]]
    assert np.isfinite(track_distances(many, calibration())).all()
