"""The parts of capture from video: alignment, decoding, people in masks, gates, views."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import walking_figure
from hypothesis import given, settings
from hypothesis import strategies as st
from video_files import one_walker, paint, walk, walker_mask, write_video

from gaitbridge.capture.stores import view_label
from gaitbridge.capture.video import gates, people
from gaitbridge.capture.video.decode import Picture, Video
from gaitbridge.capture.video.finders import boxes_of, finder
from gaitbridge.capture.video.follow import Follower
from gaitbridge.capture.video.settings import Settings
from gaitbridge.capture.video.track_reader import TrackReader
from gaitbridge.capture.video.view import view_of_walk
from gaitbridge.errors import UserError
from gaitbridge.geometry.silhouette import align

NONE = np.zeros((0, 4))


@settings(deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([(64, 44), (64, 64), (32, 22)]))
def test_alignment_is_the_slow_twins(seed: int, size: tuple[int, int]) -> None:
    random = np.random.default_rng(seed)
    mask = walker_mask((150 + random.random() * 20, 60 + random.random() * 200), 40 + random.random() * 90, random.random() * 6)
    silhouette, box = align(mask, size)
    np.testing.assert_array_equal(silhouette > 0, walking_figure.aligned(mask, size))
    rows = np.flatnonzero(mask.any(1))
    assert box[0] == rows[0] - 0.5
    assert box[2] == rows[-1] + 0.5
    assert (box[2] - box[0]) / size[0] == pytest.approx((box[3] - box[1]) / size[1])  # square pixels
    left, right = (silhouette[:, part].sum() for part in (slice(0, size[1] // 2), slice(size[1] // 2 + 1, None)))
    assert max(left, right) <= (silhouette > 0).sum() * 255 / 2


def test_an_empty_mask_gives_an_empty_silhouette() -> None:
    silhouette, box = align(np.zeros((9, 9), bool), (64, 44))
    assert not silhouette.any()
    assert np.isnan(box).all()


def test_times_are_the_files_own(tmp_path: Path) -> None:
    moments = np.cumsum([0.5, 0.04, 0.04, 0.08, 0.033, 0.2, 0.04]).round(3).tolist()  # not at 0, not even
    pictures = [paint([mask], [(20, 20, 220)], k) for k, mask in enumerate(walk(len(moments)))]
    video = Video(write_video(tmp_path / "a.mkv", pictures, moments))
    found = list(video.pictures())
    assert [picture.time_s for picture in found] == pytest.approx(moments, abs=1e-9)
    assert [picture.number for picture in found] == list(range(len(moments)))
    np.testing.assert_array_equal(found[3].pixels, pictures[3])  # lossless
    assert video.size == (180, 320)
    assert not video.notes


def test_a_torn_file_gives_what_it_has(tmp_path: Path) -> None:
    one_walker(tmp_path / "a.mkv", 30)
    data = (tmp_path / "a.mkv").read_bytes()
    (tmp_path / "b.mkv").write_bytes(data[: len(data) // 2])
    assert 5 < len(list(Video(tmp_path / "b.mkv").pictures())) < 30


def test_playlists_open_nothing(tmp_path: Path) -> None:
    one_walker(tmp_path / "real.mkv", 5)
    for name, text in (("a.m3u8", f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfile://{tmp_path}/real.mkv\n#EXT-X-ENDLIST\n"),
                       ("a.ffconcat", "ffconcat version 1.0\nfile real.mkv\n")):
        (tmp_path / name).write_text(text)
        with pytest.raises(UserError, match=r"cannot be read as a video|no picture|no video"):
            list(Video(tmp_path / name).pictures())


def canvas(*masks: np.ndarray) -> np.ndarray:
    return (np.any(masks, axis=0) * 255).astype(np.uint8)


def test_specks_and_tape_are_no_people() -> None:
    mask = canvas(walker_mask((160, 100), 90, 1.0))
    mask[100:102, :] = 255  # tape
    mask[20:22, 20:22] = mask[40:44, 250:253] = 255
    (found,) = people.people_in(people.cleaned(mask), 48, NONE)
    true = walker_mask((160, 100), 90, 1.0)
    rows, columns = np.flatnonzero(true.any(1)), np.flatnonzero(true.any(0))
    np.testing.assert_allclose(found.box, [rows[0], columns[0], rows[-1] + 1, columns[-1] + 1], atol=3)
    whole = np.zeros_like(true)
    top, left, bottom, right = found.box.astype(int)
    whole[top:bottom, left:right] = found.mask
    assert walking_figure.overlap(whole, true) > 0.9


def test_a_split_body_is_joined_and_two_people_are_not() -> None:
    body = canvas(walker_mask((160, 100), 90, 1.0))
    body[112:117] = 0  # a rail before the hips
    (found,) = people.people_in(body, 48, NONE)
    assert found.height > 85
    behind = canvas(walker_mask((85, 100), 60, 0.3), walker_mask((160, 100), 66, 1.0))
    assert len(people.people_in(behind, 40, NONE)) == 2
    far = canvas(walker_mask((160, 80), 90, 1.0), walker_mask((160, 200), 90, 1.0))
    assert len(people.people_in(far, 48, NONE)) == 2
    assert len(people.people_in(far, 48, np.array([[60.0, 60, 160, 220]]))) == 2  # even where one wide box is expected


def tracked(masks: list[np.ndarray], rate_hz: float = 12.5) -> dict[str, np.ndarray]:
    follower = Follower((64, 44), 1.5)
    for frame, mask in enumerate(masks):
        follower.take(frame, frame / rate_hz, people.people_in(canvas(mask), 20, NONE), mask.shape)
    assert len(follower.found) == 1
    return next(iter(follower.found.values())).arrays()


def hand_in_hand(mask: np.ndarray) -> np.ndarray:
    """Two people side by side, one blob."""
    pair = mask | np.roll(mask, 24, axis=1)
    column = int(np.median(np.flatnonzero(mask.any(0))))
    pair[110:116, column : column + 24] = True
    return pair


def test_a_good_walk_passes_every_gate() -> None:
    track = tracked(walk(60))
    judged = gates.judge(track, Settings())
    assert [run.tolist() for run in judged.runs] == [list(range(60))]
    assert not judged.out


@pytest.mark.parametrize("gate", [*gates.FRAME_GATES, "short"])
def test_each_gate_keeps_its_frames_out(gate: str) -> None:
    settings, masks, wanted = Settings(), walk(60), slice(20, 30)
    if gate == "border":
        masks = walk(60, 40.0, 4.8)
        wanted = slice(58, 60)
    elif gate == "small":
        settings, wanted = replace(settings, min_height_px=100.0), slice(0, 60)
    elif gate == "merged":
        masks[20:30] = [hand_in_hand(mask) for mask in masks[20:30]]
    elif gate == "shape":
        masks, wanted = [np.zeros((180, 320), bool) for _ in range(60)], slice(0, 60)
        for k, mask in enumerate(masks):
            mask[100:160, 40 + 3 * k : 85 + 3 * k] = True  # a barrow
    elif gate == "jump":
        masks[22:25] = [mask & (np.arange(180) < 135)[:, None] for mask in masks[22:25]]  # legs behind a car
        wanted = slice(22, 25)
    elif gate == "still":
        masks = masks[:20] + [masks[20]] * 60
        wanted = slice(45, 70)
    else:
        masks, wanted = masks[:9], slice(0, 9)
    judged = gates.judge(tracked(masks), settings)
    assert set(judged.reason[wanted].tolist()) == {gate}
    assert judged.out[gate] >= len(judged.reason[wanted])
    assert sum(judged.out.values()) + sum(map(len, judged.runs)) == len(judged.reason)  # nobody is lost


def test_a_blob_of_two_is_given_to_both_and_leads_neither_astray() -> None:
    right, left = walk(60, 35.0, 4.0), [mask[:, ::-1] for mask in walk(60, 35.0, 4.0)]
    follower = Follower((64, 44), 1.5)
    for frame, pair in enumerate(zip(right, left, strict=True)):
        found = people.people_in(people.cleaned(canvas(*pair)), 48, boxes_of(follower.expected(frame / 12.5)))
        follower.take(frame, frame / 12.5, found, pair[0].shape)
    one, other = (followed.arrays() for followed in follower.found.values())
    np.testing.assert_array_equal(one["frame"][one["merged"]], other["frame"][other["merged"]])
    assert 5 <= one["merged"].sum() <= 16  # they meet at frame 31, a step of 8 pixels each frame between them, up to 45 wide
    for track, way in ((one, 1), (other, -1)):
        middle = track["box"][:, [1, 3]].mean(1)[~track["merged"]]
        expected = {1: 35.0, -1: 284.0}[np.sign(middle[5] - middle[0])] + np.sign(middle[5] - middle[0]) * 4.0 * track["frame"][~track["merged"]]
        np.testing.assert_allclose(middle, expected, atol=12, err_msg=str(way))


def test_a_track_is_split_where_frames_lack() -> None:
    track = tracked(walk(60))
    lacking = {name: np.delete(array, slice(25, 32), axis=0) for name, array in track.items()}
    runs = gates.judge(lacking, Settings()).runs
    assert [len(run) for run in runs] == [25, 28]


@pytest.mark.parametrize("view_deg", [0.0, 30.0, 90.0, 135.0, 180.0, 250.0, 270.0])
def test_the_view_of_a_walk_before_a_known_camera(view_deg: float) -> None:
    height, width, focal, tall_m = 960, 1280, 1100.0, 1.7
    time_s = np.linspace(-1.5, 1.5, 40)
    heading = np.pi - np.deg2rad(view_deg)  # of the walk, from the way away from the camera; the sensor lies at 180 degrees
    away, left = 9.0 + 1.3 * time_s * np.cos(heading), 1.3 * time_s * np.sin(heading)
    foot, head = 1.6 / away, (1.6 - tall_m) / away  # level camera 1.6 m high
    middle = -left / away * focal + width / 2
    half = 0.2 / away * focal
    boxes = np.stack([head * focal + height / 2, middle - half, foot * focal + height / 2, middle + half], axis=1)
    fov = float(np.rad2deg(2 * np.arctan(width / 2 / focal)))
    found = view_of_walk(boxes, (height, width), fov)
    assert abs((found - view_deg + 180) % 360 - 180) < 6
    assert view_label(found) == f"{round(view_deg / 45) % 8 * 45:03d}"
    assert np.isnan(view_of_walk(np.repeat(boxes[:1], 20, 0), (height, width), fov))  # standing: no direction
    assert view_label(float("nan")) == "unknown"


def pictures_of(masks: list[np.ndarray], rate_hz: float = 12.5) -> list[Picture]:
    return [Picture(k, k / rate_hz, paint([mask], [(30, 30, 200)], k)) for k, mask in enumerate(masks)]


def test_a_stream_is_read_once_and_learns_the_scene_from_its_first_seconds() -> None:
    told = Settings()
    nobody = [np.zeros((180, 320), bool)] * 80
    reader = TrackReader(finder(told), told)
    ended: list[list[int]] = []
    for picture in pictures_of([*nobody, *walk(76), *nobody[:30], *walk(76)]):
        for track in reader.take(picture, (180, 320)):
            ended.append([picture.number, len(track["frame"]), len(track["runs"])])
    assert reader.changed == 76  # while it learnt: 6 s
    ((when, frames, runs),) = ended  # the first walker, once gone for the gap of 1.5 s
    assert 150 < when < 180
    assert 66 < frames <= 76
    assert runs == 1
    (last,) = reader.finish()
    assert len(last["runs"][0]) > 66
    assert (last["number"], last["piece"]) == (1, 0)


def test_a_stream_learns_anew_where_all_has_changed_for_long() -> None:
    told = Settings()
    reader = TrackReader(finder(told), told)
    still = np.zeros((180, 320), bool)
    pictures = pictures_of([still] * 280 + walk(76) + [still])
    dark = [picture if picture.number < 100 else picture._replace(pixels=picture.pixels // 3) for picture in pictures]
    for picture in dark:
        reader.take(picture, (180, 320))
    (walker,) = reader.finish()
    assert len(walker["runs"][0]) > 60


def test_a_long_track_comes_in_pieces_and_memory_is_bounded() -> None:
    follower = Follower((64, 44), 1.5, longest_s=3.0)
    pieces = []
    for frame, mask in enumerate(walk(76)):
        pieces += follower.begin(0, frame / 12.5)
        follower.take(frame, frame / 12.5, people.people_in(canvas(mask), 20, NONE), mask.shape)
        assert sum(len(one.seen) for one in follower.found.values()) < 40
        assert all(len(track) < 40 for track in follower.tracker.live)
    pieces += follower.finish()
    assert [(piece.number, piece.piece) for piece in pieces] == [(0, 0), (0, 1)]
    assert [one.frame for piece in pieces for one in piece.seen] == list(range(76))
    assert not follower.found
    assert not follower.tracker.ended
