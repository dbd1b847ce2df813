"""Thresholds: the rate that is stated is the rate that comes out, and what cannot be stated is not."""

import numpy as np
import pytest
from gallery_people import WEIGHTS, embeddings

from gaitbridge.errors import StoreError, UserError
from gaitbridge.evaluation.ranking.matrix import distance
from gaitbridge.gallery.decision import Calibration, calibrate, read_calibration
from gaitbridge.types import Embeddings


def known(names: list[str], rates: tuple[float, ...], each: int = 3, seed: int = 0) -> Calibration:
    people = names * each
    sides = [embeddings(people, "silhouettes", 0.9, seed), embeddings(people, "range_views", 0.9, seed + 1)]
    types = [f"{person}/{number}" for number, person in enumerate(people)]
    return calibrate(sides, [people, people], [types, types], "known", "h" * 32, "2026-11-21", rates)


def test_the_stated_rate_comes_out_on_other_people() -> None:
    made = known([f"a{number:03d}" for number in range(80)], (0.1, 0.01))
    others = [f"b{number:03d}" for number in range(80)]
    probe, gallery = embeddings(others, "silhouettes", 0.9, 8), embeddings(others * 3, "range_views", 0.9, 9)
    nearest = distance(probe, gallery).reshape(80, 3, 80).min(1)
    strangers = nearest[~np.eye(80, dtype=bool)]
    direction = made.direction("camera", "lidar")
    assert direction is not None
    assert [one.rate for one in direction.thresholds] == [0.1, 0.01]
    for one in direction.thresholds:
        assert one.rate / 2 < (strangers <= one.distance).mean() < 2 * one.rate
        assert one.false_non_match is not None
        assert one.false_non_match == pytest.approx((np.diag(nearest) > one.distance).mean(), abs=0.15)
        assert direction.share(one.distance)[0] == pytest.approx(one.rate, rel=0.1)
    assert direction.at(None).rate == 0.01
    assert direction.share(-1.0) == (30 / direction.impostors, False) or direction.share(-1.0)[1]


def test_the_trade_off_is_what_thresholds_say() -> None:
    direction = known([f"a{number:03d}" for number in range(40)], (0.1, 0.01)).directions[0]
    rates, missed = (np.array(column) for column in list(zip(*direction.trade(), strict=True))[1:])
    assert (np.diff(rates) > 0).all()
    assert (np.diff(missed) <= 0).all()
    for one in direction.thresholds:
        assert np.interp(one.rate, rates, missed) == pytest.approx(one.false_non_match, abs=0.03)
    assert direction.model_copy(update={"misses": ()}).trade() == []  # an older document


def test_thresholds_by_hand() -> None:
    """Four people a line apart: distances are differences of numbers."""
    places = np.arange(12, dtype=np.float32)
    values = Embeddings(places[:, None, None], "euclidean", "silhouettes", WEIGHTS)
    people = [f"p{number:02d}" for number in range(12)]
    made = calibrate([values], [people], [people], "line", "h", "d", (0.5, 0.3))
    direction = made.directions[0]
    assert (direction.impostors, direction.genuine, direction.people, direction.templates_a_person) == (132, 0, 12, 1.0)
    half = direction.at(0.5)
    # Ordered pairs at distance d: 2 (12 - d); up to 3: 60, up to 4: 76 > 66.
    assert 3 <= half.distance < 4
    assert half.false_matches == 60
    assert half.false_non_match is None
    assert 1 <= direction.at(0.3).distance < 2  # up to 1: 22, up to 2: 42 > 39.6


def test_equal_distances_accept_nobody() -> None:
    values = Embeddings(np.ones((12, 2, 2), np.float32), "euclidean", "silhouettes", WEIGHTS)
    people = [f"p{number:02d}" for number in range(12)]
    made = calibrate([values], [people], [people], "same", "h", "d", (0.5,))
    assert made.directions[0].at(0.5).false_matches == 0
    assert made.directions[0].at(0.5).distance < 0


def test_rates_that_so_few_people_cannot_state_are_left_out() -> None:
    names = [f"a{number:02d}" for number in range(12)]
    made = known(names, (0.1, 0.01, 0.001), each=4)
    assert all([one.rate for one in direction.thresholds] == [0.1] for direction in made.directions)
    with pytest.raises(UserError, match=r"no threshold for a false-match rate of 0.01 .*calibrated: 0.1; more would need more people"):
        made.directions[0].at(0.01)
    with pytest.raises(UserError, match="no rate can be stated from so few; calibrate on more people"):
        known(names[:4], (0.1,))
    with pytest.raises(UserError, match="no rate can be stated from so few"):
        known(names[:5], (0.1,), each=40)  # many comparisons, but of twenty pairs of people
    for wrong in ((0.0,), (1.5,), ()):
        with pytest.raises(UserError, match="no false-match rate"):
            known(names, wrong)


def test_a_walk_is_no_evidence_about_itself() -> None:
    people = [f"a{number:02d}" for number in range(12)] * 3
    one = embeddings(people)
    types = [f"{person}/{number}" for number, person in enumerate(people)]
    apart = calibrate([one], [people], [types], "x", "h", "d", (0.1,))
    assert apart.directions[0].genuine == 36  # each probe against the nearest of its person's two other walks
    once = people[:12]
    alone = calibrate([embeddings(once)], [once], [once], "x", "h", "d", (0.25,))
    assert alone.directions[0].genuine == 0


def test_a_calibration_is_kept_whole() -> None:
    made = known([f"a{number:02d}" for number in range(20)], (0.1,))
    document = made.model_dump(mode="json")
    assert read_calibration(document, WEIGHTS, "here") == made
    assert "calibrated on known (hhhhhhhh), 2026-11-21, weights 01234567" in made.in_words()
    with pytest.raises(StoreError, match="here is damaged"):
        read_calibration({**document, "directions": "none"}, WEIGHTS, "here")
    with pytest.raises(UserError, match="calibrated for another network"):
        read_calibration(document, "f" * 32, "here")
