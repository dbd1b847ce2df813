"""One source read in one pass: memory does not grow, who stays is given in pieces, times are of our clock, late work is skipped."""

import tracemalloc
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from video_files import walker_mask

from gaitbridge.capture.video import live
from gaitbridge.capture.video.camera import Camera
from gaitbridge.capture.video.decode import Picture, Video
from gaitbridge.capture.video.finders import Expected
from gaitbridge.capture.video.people import Person
from gaitbridge.capture.video.settings import Settings
from gaitbridge.capture.video.track_reader import TrackReader

HZ = 12.5
PIXELS = np.full((180, 320, 3), 90, np.uint8)


class Seen:
    """A finder that sees one walker after another, 5 s each with 3 s between; or one who goes to and fro for ever. It has nothing to learn."""

    learns, apart, moves = False, False, False

    def __init__(self, stays: bool) -> None:
        self.stays, self.notes = stays, Counter[str]()
        walk = [walker_mask((60.0, 40.0), 50.0, 0.55 * k, (70, 80)) for k in range(20)]
        self.masks = [mask[np.ix_(mask.any(1), mask.any(0))] for mask in walk]

    def learn(self, pictures: Iterator[Picture]) -> int:
        return 0

    def people(self, picture: Picture, expected: Sequence[Expected], camera: Camera) -> list[Person]:
        step = picture.number % 100
        if step >= 62 and not self.stays:
            return []
        mask = self.masks[picture.number % len(self.masks)]
        left = 20 + 4 * (step if step < 50 else 100 - step)
        return [Person(np.array([100, left, 100 + mask.shape[0], left + mask.shape[1]]), mask)]


def walks_of(stays: bool, given: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, is_live: bool = False) -> live.Walks:
    monkeypatch.setattr(live, "emit", given.append)
    monkeypatch.setattr(live, "report", lambda *_: None)
    video = Video("cam", size=(180, 320))
    return live.Walks(TrackReader(Seen(stays), Settings(min_height_px=30), 10.0), video, is_live)


@pytest.mark.parametrize("stays", [False, True], ids=["many come and go", "one stays"])
def test_memory_does_not_grow(stays: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[dict[str, Any]] = []
    walks = walks_of(stays, given, monkeypatch)
    held = []
    tracemalloc.start()
    try:
        for number in range(1200):
            walks.take(Picture(number, number / HZ, PIXELS))
            given.clear()
            if number % 400 == 399:
                held.append(tracemalloc.get_traced_memory()[1])
                tracemalloc.reset_peak()
    finally:
        tracemalloc.stop()
    assert walks.counts["walks"] > 8
    assert held[2] - held[1] < 60_000  # bytes, in 400 pictures: their silhouettes alone are a million


def test_who_stays_is_given_in_pieces_each_with_a_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[dict[str, Any]] = []
    walks = walks_of(True, given, monkeypatch)
    for number in range(400):
        walks.take(Picture(number, 7.0 + number / HZ, PIXELS))
    walks.finish()
    found = [one for one in given if one["kind"] == "walk"]
    assert [one["track"]["piece"] for one in found] == [0, 1, 2, 3]
    assert len({one["track"]["number"] for one in found}) == 1
    assert found[0]["start_s"] == 0.0  # from the film's first picture
    assert all(9.5 < one["end_s"] - one["start_s"] < 10.5 for one in found[:3])
    assert all(one["shot"].shape[0] > 50 for one in found)


def test_the_picture_is_of_a_frame_that_was_good() -> None:
    shots = live.Shots()
    for number in range(200):
        shots.look(Picture(number, number / HZ, PIXELS), np.array([20, 20, 60 + number % 7, 50]))
    assert len(shots.kept) < live.MOST_SHOTS
    frames = np.arange(200)
    kept = sorted(number for number, _ in shots.kept)
    track = {"frame": frames, "runs": [np.flatnonzero(frames <= kept[1])]}
    assert any(shots.best(track) is shot for number, shot in shots.kept if number in kept[:2])
    assert len(shots.best(track | {"runs": []})) == max(len(shot) for _, shot in shots.kept)
    assert live.Shots().best(track).shape == (0, 0, 3)


def test_times_are_of_our_clock_and_work_that_falls_behind_leaves_pictures_out(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[dict[str, Any]] = []
    walks = walks_of(False, given, monkeypatch, is_live=True)
    now = [1.7e9]
    monkeypatch.setattr(live.time, "time", lambda: now[0])
    for number in range(100):
        now[0] = 1.7e9 + number / HZ + 0.01 * (number % 3)  # as networks have it
        walks.take(Picture(number, 500.0 + number / HZ, PIXELS))
    (one,) = [one for one in given if one["kind"] == "walk"]
    assert one["start_s"] == pytest.approx(1.7e9, abs=0.05)
    assert walks.counts["pictures left out, as the work was behind the camera"] == 0
    for number in range(100, 140):
        now[0] = 1.7e9 + 5.0 + number / HZ
        walks.take(Picture(number, 500.0 + number / HZ, PIXELS))
    assert walks.counts["pictures left out, as the work was behind the camera"] == 35  # each eighth is looked at
