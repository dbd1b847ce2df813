"""Finding and following people by the learnt model: the logic, on drawn films with a model that knows people by their colour."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from video_files import paint, scene, walk

from gaitbridge.capture.video.decode import Picture
from gaitbridge.capture.video.finders.learnt import Learnt
from gaitbridge.capture.video.learnt import Found, Looked
from gaitbridge.capture.video.people import Person
from gaitbridge.capture.video.pose import Pose
from gaitbridge.capture.video.settings import Settings
from gaitbridge.capture.video.track_reader import TrackReader

RED, BLUE, NEARLY_RED = (30, 30, 200), (220, 120, 30), (4, 30, 200)
Colour = tuple[int, int, int]


class ByColour:
    """In place of the learnt model: each colour is a person. It looks at whom the box's middle is nearest to, as the real one does."""

    def __init__(self, *colours: Colour) -> None:
        self.colours = colours

    def _masks(self, pixels: np.ndarray) -> list[np.ndarray]:
        """Pixels within the noise of each colour, of those that are to be seen."""
        far = np.stack([np.abs(pixels.astype(int) - np.array(colour)).max(2) for colour in self.colours])
        masks = [(far[k] < 30) & (far[k] == far.min(0)) for k in range(len(self.colours))]
        return [mask for mask in masks if mask.sum() > 150]

    def detect(self, pixels: np.ndarray, windows: np.ndarray) -> list[Found]:
        found = []
        for top, left, bottom, right in windows:
            for mask in self._masks(pixels):
                box = bounds(mask)
                row, column = (box[:2] + box[2:]) / 2
                if top < row < bottom and left < column < right and 0.3 < (box[2] - box[0]) / (bottom - top) < 0.9:
                    found.append(Found(box, 0.9))
        return found

    def look(self, pixels: np.ndarray, box: np.ndarray) -> Looked:
        middle = (box[:2] + box[2:]) / 2
        middles = [(bounds(mask)[:2] + bounds(mask)[2:]) / 2 for mask in self._masks(pixels)]
        near = sorted((float(np.linalg.norm(own - middle)), k, mask) for k, (own, mask) in enumerate(zip(middles, self._masks(pixels), strict=True)))
        if not near or near[0][0] > 0.5 * (box[2] - box[0]):
            return Looked(None, pose(box, 0.0), np.zeros((0, 0), np.float32), (0, 0))
        mask = near[0][2]
        own = bounds(mask)
        top, left, bottom, right = own.astype(int)
        person = Person(own.astype(int), mask[top:bottom, left:right].copy(), pose(own, 0.99))
        return Looked(person, pose(own, 0.99), mask.astype(np.float32), (0, 0))


def bounds(mask: np.ndarray) -> np.ndarray:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return np.array([rows[0], columns[0], rows[-1] + 1, columns[-1] + 1], float)


def pose(box: np.ndarray, presence: float) -> Pose:
    landmarks = np.zeros((33, 3), np.float32)
    landmarks[:, :2] = [(box[1] + box[3]) / 2, (box[0] + box[2]) / 2]
    return Pose(landmarks, np.ones(33, np.float32), np.zeros((33, 3), np.float32), presence)


def rough(size: tuple[int, int] = (180, 320), seed: int = 0) -> np.ndarray:
    """A room with things in it by which a camera's motion shows."""
    grain = np.random.default_rng(seed).integers(-40, 40, (size[0] // 6 + 1, size[1] // 6 + 1, 1))
    return np.clip(scene(size, seed) + np.kron(grain, np.ones((6, 6, 1)))[: size[0], : size[1]], 0, 255).astype(np.uint8)


def read(pictures: Sequence[np.ndarray], *colours: Colour, rate_hz: float = 12.5, **told: Any) -> tuple[list[dict[str, Any]], TrackReader]:
    """The tracks in pictures at a rate."""
    settings = Settings(**told)
    reader = TrackReader(Learnt(settings, ByColour(*colours)), settings)
    tracks = []
    for number, pixels in enumerate(pictures):
        tracks += reader.take(Picture(number, number / rate_hz, pixels), pixels.shape[:2])
    return sorted(tracks + reader.finish(), key=lambda track: int(track["number"])), reader


def kept(track: dict[str, Any]) -> int:
    return sum(map(len, track["runs"]))


def ways(track: dict[str, Any]) -> set[int]:
    """Which ways the kept runs of a track go: 1 right, -1 left."""
    middles = [track["box"][run][:, [1, 3]].mean(1) for run in track["runs"]]
    return {int(np.sign(middle[-1] - middle[0])) for middle in middles}


def test_a_walker_is_followed_from_the_first_frame() -> None:
    (track,), reader = read([paint([mask], [RED], k) for k, mask in enumerate(walk(60))], RED)
    assert kept(track) >= 59
    assert not reader.moved
    assert track["landmarks"].shape == (len(track["frame"]), 33, 4)


def test_a_camera_that_pans_or_shakes_finds_the_same_and_says_so() -> None:
    room = rough((200, 480))
    random = np.random.default_rng(2)
    shakes = random.integers(-2, 3, (60, 2))
    masks = walk(60)
    panned = [paint([mask], [RED], k, room[10:190, 2 * k : 2 * k + 320]) for k, mask in enumerate(masks)]
    still = [paint([mask], [RED], k, room[10:190, :320]) for k, mask in enumerate(masks)]
    shaken = [np.roll(pixels, tuple(shift), (0, 1)) for pixels, shift in zip(still, shakes, strict=True)]
    for pictures in (panned, shaken):
        (track,), reader = read(pictures, RED)
        assert kept(track) >= 58
        assert reader.moved > 50


def test_who_stands_before_a_camera_that_pans_does_not_walk() -> None:
    room = rough((180, 480))
    stands = walk(1, 200.0)[0]
    pictures = [paint([np.roll(stands, -2 * k, axis=1)], [RED], k, room[:, 2 * k : 2 * k + 320]) for k in range(60)]
    (track,), _ = read(pictures, RED)
    assert not kept(track)
    assert (track["reason"] == "still").mean() > 0.9


def test_two_beside_each_other_are_two() -> None:
    pairs = [(mask, np.roll(mask, 25, axis=1)) for mask in walk(60)]
    tracks, _ = read([paint(pair, [RED, BLUE], k) for k, pair in enumerate(pairs)], RED, BLUE)
    assert [kept(track) >= 55 for track in tracks] == [True, True]
    apart = tracks[1]["box"][30, 1] - tracks[0]["box"][30, 1]
    assert abs(abs(apart) - 25) < 6


@pytest.mark.parametrize("other", [BLUE, NEARLY_RED])
def test_two_who_cross_are_never_one_track(other: Colour) -> None:
    right, left = walk(80, 35.0, 3.1), [mask[:, ::-1] for mask in walk(80, 35.0, 3.1, row=163.0, height=94.0)]
    tracks, _ = read([paint(pair, [RED, other], k) for k, pair in enumerate(zip(right, left, strict=True))], RED, other)
    assert all(len(ways(track)) <= 1 for track in tracks)
    assert sum(map(kept, tracks)) > 100
    if other == BLUE:  # by their colours one at least keeps their name
        assert sum(kept(track) > 0 for track in tracks) <= 3


def test_a_cut_begins_a_part() -> None:
    first, second = rough(seed=1), 255 - rough(seed=5)
    pictures = [paint([mask], [RED], k, (first, second)[k // 25 % 2]) for k, mask in enumerate(walk(75))]
    tracks, reader = read(pictures, RED, rate_hz=25.0)
    assert reader.cuts == 2
    assert [track["part"] for track in tracks] == [0, 1, 2]
    assert [kept(track) for track in tracks] == [25, 25, 25]  # of a second each


def test_sixty_pictures_a_second() -> None:
    masks = [mask for mask in walk(25, step=3.2) for _ in range(5)]  # a picture five times
    (track,), reader = read([paint([mask], [RED], k) for k, mask in enumerate(masks)], RED, rate_hz=60.0)
    assert reader.frames == 63  # every second one
    assert kept(track) >= 60


def test_an_empty_room_is_empty_and_a_window_is_not_tried_for_ever() -> None:
    lamp = np.zeros((180, 320), bool)
    lamp[40:110, 150:180] = True
    pictures = [paint([lamp], [(0, 255 * (k // 3 % 2), 0)], k) for k in range(60)]  # blinks
    model = ByColour(RED)
    asked = itertools.count()
    detect = model.detect
    model.detect = lambda pixels, windows: (next(asked), detect(pixels, windows))[1]  # type: ignore[method-assign]
    settings = Settings()
    reader = TrackReader(Learnt(settings, model), settings)
    for number, pixels in enumerate(pictures):
        assert not reader.take(Picture(number, number / 12.5, pixels), (180, 320))
    assert not reader.finish()
    assert next(asked) < 24 + 60 / 12.5 * 25 + 5  # windows at the start, and what a second may take
