"""Who is certainly two people, and who one: on sightings whose people are known, and never a wrong pair."""

import zlib
from dataclasses import replace

import numpy as np
import pytest

from gaitbridge.gallery.captured_pairs import Sighting, halves, known_pairs


def seen(track: str, start_s: float, frames: int = 40, left: float | None = 0.0, step_s: float = 0.1, **more: object) -> Sighting:
    """A walk of a figure 100 pixels high whose window begins at `left`; a LiDAR's where that is None."""
    boxes = None if left is None else np.tile(np.array([100.0, left, 200.0, left + 69.0]), (frames, 1))
    known = {"recording": "r", "part": 0, "sensor": "camera", "site": "gate", "run": zlib.crc32(f"{track} {start_s}".encode())} | more
    return Sighting(track=track, time_s=start_s + step_s * np.arange(frames), boxes=boxes, **known)  # type: ignore[arg-type]


def pairs(*sightings: Sighting) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    two, one = known_pairs(sightings)
    for mask in (two, one):
        assert (mask == mask.T).all()
        assert not mask.diagonal().any()
    assert not (two & one).any()
    return tuple([(int(a), int(b)) for a, b in np.argwhere(np.triu(mask))] for mask in (two, one))  # type: ignore[return-value]


def test_seen_together_they_are_two() -> None:
    assert pairs(seen("a", 0.0), seen("b", 2.0, left=200.0)) == ([(0, 1)], [])


@pytest.mark.parametrize("other", [
    seen("b", 4.1, left=200.0),  # after the first had gone
    seen("b", 3.6, left=200.0),  # four frames together: too few
    seen("b", 2.0, left=10.0),  # boxes within one another: a piece of the first, or found twice
    seen("a", 2.0, left=200.0, run=2),  # the same track
    seen("b", 2.0, left=200.0, part=1),  # another part of the recording
    seen("b", 2.0, left=200.0, recording="s"),  # another recording, of a clock that nobody knows
    replace(seen("b", 2.0, left=200.0), time_s=np.array([1.0, 9.0]), boxes=np.zeros((2, 4))),  # the time has overlapped, not a frame
])
def test_what_proves_nothing(other: Sighting) -> None:
    assert pairs(seen("a", 0.0), other) == ([], [])


def test_side_by_side_they_are_two() -> None:
    assert pairs(seen("a", 0.0), seen("b", 0.0, left=30.0)) == ([(0, 1)], [])  # a shoulder's width apart


def test_a_lidar_passes_over_people_at_different_times_of_a_scan() -> None:
    assert pairs(seen("a", 0.0, left=None, sensor="lidar"), seen("b", 1.03, left=None, sensor="lidar")) == ([(0, 1)], [])


def test_runs_of_one_track_prove_nothing_beyond_their_frames() -> None:
    """Where two met, tracks may have gone over: a's second run may be b."""
    assert pairs(seen("a", 0.0, run=1), seen("b", 1.0, left=200.0, run=2), seen("a", 9.0, run=3)) == ([(0, 1)], [])


def test_halves_are_one_person_and_apart_in_time() -> None:
    whole = seen("a", 3.0, frames=50, clock_s=1000.0)
    (first, mine), (second, theirs) = halves(whole)
    assert first.time_s[-1] < second.time_s[0] - 0.3
    assert np.array_equal(whole.time_s[mine], first.time_s)
    assert len(mine) == len(theirs) == len(first.boxes if first.boxes is not None else ())
    assert second.clock_s == pytest.approx(1000.0 + second.time_s[0] - 3.0)
    other = halves(seen("b", 3.0, frames=50, left=200.0))
    assert pairs(whole, first, second, *(half for half, _ in other)) == ([], [(1, 2), (3, 4)])
    assert halves(seen("a", 0.0, frames=20)) == []
    assert halves(seen("a", 0.0, frames=60, step_s=0.02)) == []


def test_two_sites_at_one_time() -> None:
    """By their clocks; two recordings of one site may show one man twice."""
    gate = seen("a", 0.0, clock_s=1000.0)
    assert pairs(gate, seen("b", 50.0, recording="s", site="yard", clock_s=1001.0)) == ([(0, 1)], [])
    for other in (seen("b", 50.0, recording="s", site="yard", clock_s=1002.5),  # too little for two clocks
                  seen("b", 50.0, recording="s", site="gate", clock_s=1001.0), seen("b", 50.0, recording="s", site="", clock_s=1001.0),
                  seen("b", 50.0, recording="s", site="yard")):
        assert pairs(gate, other) == ([], [])


def test_a_camera_and_a_lidar_of_one_site() -> None:
    camera = seen("a", 0.0, clock_s=1000.0)
    lidar = seen("x", 7.0, left=None, recording="l", sensor="lidar", clock_s=1000.5)
    assert pairs(camera, lidar) == ([], [(0, 1)])
    late = seen("x", 7.0, left=None, recording="l", sensor="lidar", clock_s=1002.5)
    assert pairs(camera, late) == ([], [])  # mostly at other times
    crowd = seen("b", 4.5, left=200.0, clock_s=1004.5)  # of the camera; the first is not alone by a clock that may be two seconds off
    assert pairs(camera, crowd, lidar) == ([], [])
    assert pairs(camera, replace(lidar, site="yard")) == ([(0, 1)], [])  # elsewhere: somebody else


def test_who_is_another_than_somebody_is_so_for_the_other_sensor_too() -> None:
    """b is another than y, by two sites; y's camera saw z alone, for the time that the LiDAR there saw y alone."""
    b = seen("b", 0.0, clock_s=1000.0)
    y = seen("y", 0.0, left=None, recording="l", sensor="lidar", site="yard", clock_s=1000.0)
    z = seen("z", 0.0, recording="c", site="yard", clock_s=1002.2, frames=40)
    y_long = replace(y, time_s=0.1 * np.arange(60))
    assert pairs(b, y_long, z) == ([(0, 1), (0, 2)], [(1, 2)])


def test_many_walks_are_quick() -> None:
    """A thousand of one recording, of whom some met."""
    walks = [seen(f"t{number}", 2.0 * number, left=200.0 * (number % 4), run=number) for number in range(1000)]
    two, one = known_pairs(walks)
    assert two.sum() == 2 * 999
    assert not one.any()
