"""Clocks as recordings have them: swapped, stuck, set back, joined."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import av
import lidar_files as files
import numpy as np
import pytest
from video_files import paint, times, walk, write_video

from gaitbridge.capture.clock import Clock
from gaitbridge.capture.lidar.detect import Settings, find
from gaitbridge.capture.lidar.gates import Gates
from gaitbridge.capture.lidar.walk import _tracks
from gaitbridge.capture.tracking import Tracker, distance_cost
from gaitbridge.capture.video.decode import PARTS, Video
from gaitbridge.capture.video.reader import read_video
from gaitbridge.capture.video.settings import Settings as VideoSettings


def placed(times: list[float | None]) -> tuple[Clock[tuple[int, float | None]], list[tuple[int, float | None, int]]]:
    """Part, time and place in the file of each item, in the order in which they come."""
    clock: Clock[tuple[int, float | None]] = Clock(lambda item: item[1])
    return clock, [(part, time_s, item[0]) for part, time_s, item in clock.in_order(enumerate(times))]


def even(count: int, start: float = 0.0) -> list[float | None]:
    return [start + 0.1 * k for k in range(count)]


def test_a_good_clock_is_left_alone() -> None:
    clock, found = placed(even(30, 1.7e9))
    assert found == [(0, time_s, k) for k, time_s in enumerate(even(30, 1.7e9))]
    assert (clock.parts, clock.late, clock.left_out) == (1, 0, 0)


@pytest.mark.parametrize("at", [0, 1, 10, 28])
def test_two_that_are_swapped_are_sorted(at: int) -> None:
    times = even(30)
    times[at], times[at + 1] = times[at + 1], times[at]
    clock, found = placed(times)
    assert [time_s for _, time_s, _ in found] == sorted(time_s for time_s in times if time_s is not None)
    assert (clock.parts, clock.late, clock.left_out) == (1, 1, 0)


def test_several_late_ones_are_sorted() -> None:
    times = even(30)
    times[5:9] = [times[7], times[8], times[5], times[6]]
    clock, found = placed(times)
    assert [k for _, _, k in found[5:9]] == [7, 8, 5, 6]
    assert (clock.parts, clock.late) == (1, 2)


@pytest.mark.parametrize("back_to", [0.0, -50.0, 2.5])
def test_a_clock_set_back_begins_a_part_and_nothing_is_lost(back_to: float) -> None:
    clock, found = placed(even(40) + even(30, back_to) + even(20, back_to - 1))
    assert [k for _, _, k in found] == list(range(90))
    assert [part for part, _, _ in found] == [0] * 40 + [1] * 30 + [2] * 20
    np.testing.assert_allclose(np.diff([time_s for _, time_s, _ in found if time_s is not None]), 0.1)
    assert (clock.parts, clock.late, clock.left_out) == (3, 0, 0)


def test_a_stray_is_left_out() -> None:
    times = even(30)
    times[12] = 0.52
    clock, found = placed(times)
    assert [k for _, _, k in found] == [k for k in range(30) if k != 12]
    assert (clock.parts, clock.left_out) == (1, 1)


def test_equal_times_and_none_are_kept() -> None:
    clock, found = placed([0.0, 0.1, 0.1, 0.2, 0.2, 0.2, 0.3])
    assert [k for _, _, k in found] == list(range(7))
    assert (clock.parts, clock.late, clock.left_out) == (1, 0, 0)
    _, found = placed([None, None, float("nan")])
    assert found == [(0, None, 0), (0, None, 1), (0, None, 2)]


def test_the_last_one_alone_is_a_part() -> None:
    clock, found = placed([*even(10), 0.0])
    assert [part for part, _, _ in found] == [0] * 10 + [1]
    assert clock.parts == 2


def test_scans_of_a_lidar_whose_clock_was_set_back(tmp_path: Path) -> None:
    """Two that were swapped, and a second part: every scan is used, at a time that never falls; the clock of the file is kept beside it."""
    moments = [5.0, 5.1, 5.3, 5.2, 5.4, 5.5, 2.0, 2.1, 2.2, 2.3]
    scans = [np.random.default_rng(k).uniform(-9, 9, (40, 3)) for k in range(10)]
    file = files.npz(tmp_path / "walk.npz", scans, time_s=np.array(moments))
    found = find([file], "walk.npz", asdict(Settings(sensor="velodyne-vlp16")))
    np.testing.assert_allclose(found["scan_time_s"], np.arange(10) / 10, atol=1e-9)
    np.testing.assert_allclose(found["clock_s"], [5.0, 5.1, 5.2, 5.3, 5.4, 5.5, 2.0, 2.1, 2.2, 2.3])
    assert found["part"].tolist() == [0] * 6 + [1] * 4
    assert (found["late"], found["left_out"]) == (1, 0)


def test_nobody_goes_on_in_another_part() -> None:
    """One who walks on as if nothing had happened is two tracks."""
    count = 20
    found: dict[str, Any] = {
        "scan_time_s": np.arange(count) / 10, "part": np.repeat([0, 1], 10), "scan": np.arange(count), "top_m": np.full(count, 1.7),
        "place": np.column_stack([np.arange(count) * 0.12, np.zeros((count, 2))]), "T_world_from_lidar": np.tile(np.eye(4), (count, 1, 1)),
    }  # fmt: skip
    assert [rows.tolist() for rows in _tracks(found, Gates())] == [list(range(10)), list(range(10, 20))]
    found["part"][:] = 0
    assert [rows.tolist() for rows in _tracks(found, Gates())] == [list(range(20))]


def test_equal_times_in_tracking() -> None:
    tracker = Tracker(distance_cost, most=0.5, gap_s=1.0)
    for frame, time_s in enumerate((0.0, 0.0, 0.0, 0.1, 0.1, 0.2)):
        tracker.step(frame, time_s, np.array([[0.1 * frame, 0.0]]))
    (track,) = tracker.tracks()
    assert len(track) == 6
    assert np.isfinite(tracker.predicted(track, 0.3)).all()


def joined_film(path: Path, frames: int = 40) -> Path:
    """Two halves of one crossing, each with a clock from 0, joined as MPEG-TS files are by putting one behind the other."""
    if "libx264" not in av.codecs_available:
        pytest.skip("this PyAV has no libx264")
    parts = []
    for number in (0, 1):
        part = path.with_name(f"{number}.ts")
        pictures = [paint([mask], [(30, 30, 200)], k) for k, mask in enumerate(walk(2 * frames)[number * frames :][:frames])]
        write_video(part, pictures, times(frames), "libx264")
        parts.append(part.read_bytes())
    path.write_bytes(b"".join(parts))
    return path


def test_joined_films_are_used_whole(tmp_path: Path) -> None:
    film = joined_film(tmp_path / "joined.ts")
    video = Video(film)
    found = [(picture.part, picture.time_s) for picture in video.pictures()]
    assert [part for part, _ in found] == [0] * 40 + [1] * 40
    np.testing.assert_allclose(np.diff([time_s for _, time_s in found]), 0.08, atol=0.002)
    assert video.notes == {PARTS: 2}
    told = read_video(film, asdict(VideoSettings()))
    assert (told["frames"], told["parts"]) == (80, 2)
    assert [track["part"] for track in told["tracks"] if track["runs"]] == [0, 1]
    assert sum(len(run) for track in told["tracks"] for run in track["runs"]) > 70
