"""Each line of the conventions page, pinned."""

import numpy as np
import pytest

from gaitbridge import conventions
from gaitbridge.conventions import stream, view_angle_deg


@pytest.mark.parametrize(("to_sensor", "degrees"), [((1, 0), 0), ((0, 1), 90), ((-1, 0), 180), ((0, -1), 270)])
def test_view_zero_walks_towards_the_sensor_and_ninety_shows_the_left(to_sensor: tuple[int, int], degrees: float) -> None:
    assert view_angle_deg(np.array([1.0, 0.0]), np.array(to_sensor)) == pytest.approx(degrees)


def test_view_angle_turns_with_the_walker() -> None:
    assert view_angle_deg(np.array([0.0, 2.0]), np.array([0.0, 5.0])) == 0
    assert view_angle_deg(np.array([0.0, 1.0]), np.array([1.0, 0.0])) == pytest.approx(270)


def test_streams_are_repeatable_and_independent() -> None:
    first = stream(7, "shape", "p1").random(4)
    assert (stream(7, "shape", "p1").random(4) == first).all()
    for other in (stream(8, "shape", "p1"), stream(7, "shape", "p2"), stream(7, "motion", "p1"), stream(7, "shapep1")):
        assert not np.isclose(other.random(4), first).any()


def test_stream_values_never_change_between_versions() -> None:
    assert stream(0, "pinned").integers(1000, size=3).tolist() == [511, 467, 283]


def test_modalities_go_by_name() -> None:
    assert conventions.MODALITIES["camera"] == conventions.CAMERA == "silhouettes"
    assert conventions.MODALITIES["lidar"] == conventions.LIDAR == "range_views"
