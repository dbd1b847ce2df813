"""Previews keep the film's own time: films that begin late, whose rate varies, whose clock is set back."""

import shutil
import subprocess
from pathlib import Path

import av
import numpy as np
import pytest
from video_files import paint, times, walk, write_video

from gaitbridge.capture.video.film import clock
from gaitbridge.capture.video.lettering import letter
from gaitbridge.capture.video.page import preview_page
from gaitbridge.capture.video.preview import write_preview


def read(path: Path) -> tuple[list[float], float, float]:
    """Times of a film's frames, how long it is in all, its rate."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        moments = [float(frame.time or 0.0) for frame in container.decode(video=0)]
        assert stream.duration is not None
        assert stream.time_base is not None
        assert stream.average_rate is not None
        return moments, float(stream.duration * stream.time_base), float(stream.average_rate)


@pytest.mark.parametrize(("moments", "rate_hz", "lasts"), [
    (times(6, 1.0), 1.0, 6.0),  # a slow camera: the last picture lasts as long as the others
    ([2.0 + time_s for time_s in times(30, 10.0)], 10.0, 3.0),  # begins late
    ([*times(20, 12.5), *[1.6 + k / 25 for k in range(20)]], 25.0, 2.4),  # becomes faster
], ids=["slow", "late", "varying"])  # fmt: skip
def test_pictures_stand_at_their_own_times(moments: list[float], rate_hz: float, lasts: float, tmp_path: Path) -> None:
    pictures = [paint([mask], [(30, 30, 200)], k) for k, mask in enumerate(walk(len(moments)))]
    write_video(tmp_path / "film.mkv", pictures, moments)
    assert write_preview(tmp_path / "film.mkv", [], tmp_path / "out.mp4", rate_hz) == len(moments)
    shown, long, rate = read(tmp_path / "out.mp4")
    np.testing.assert_allclose(shown, np.array(moments) - moments[0], atol=1e-3)
    assert long == pytest.approx(lasts, abs=0.002)
    assert rate == pytest.approx(len(moments) / lasts, rel=0.05)  # as containers count it: 25 or 30 it is not


def test_the_same_film_gives_the_same_bytes(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    rolled = np.repeat(np.repeat(random.integers(0, 255, (12, 16, 3), np.uint8), 20, 0), 20, 1)
    write_video(tmp_path / "film.mkv", [np.roll(rolled, 4 * k, 1) for k in range(40)], times(40, 10.0))
    made = set()
    for number in range(20):
        held = [random.bytes(200_000 + 77 * number * k) for k in range(9)]  # memory that was used before holds something else each time
        del held
        write_preview(tmp_path / "film.mkv", [], tmp_path / "out.mp4", 10.0)
        made.add((tmp_path / "out.mp4").read_bytes())
    assert len(made) == 1


def test_each_picture_says_its_time(tmp_path: Path) -> None:
    assert [clock(2.0), clock(59.999), clock(75.5), clock(3.0, 1)] == ["2.00 s", "1:00.00", "1:15.50", "3.00 s, part 2"]
    blank = np.zeros((90, 160, 3), np.uint8)
    write_video(tmp_path / "film.mkv", [blank] * 3, [5.0, 5.5, 7.0])
    write_preview(tmp_path / "film.mkv", [], tmp_path / "out.mp4", 2.0)
    with av.open(str(tmp_path / "out.mp4")) as container:
        frames = [frame.to_ndarray(format="bgr24").astype(int) for frame in container.decode(video=0)]
    for frame, time_s in zip(frames, (0.0, 0.5, 2.0), strict=True):
        wanted = np.zeros_like(blank)
        letter(wanted, clock(time_s), 6, 86, (255, 255, 255))
        assert np.abs(frame - wanted).mean() < 3  # of 255
    assert np.abs(frames[0] - frames[2]).max() > 100


def test_the_page_says_by_what_times_count() -> None:
    found = {"first_s": 2.0, "parts": 1, "tracks": []}
    assert "Times count from the film&#x27;s first picture, which is at 2.00 s by its own clock." in preview_page("a", b"", found, [])
    assert "go on where that was set back (3 parts)" in preview_page("a", b"", found | {"parts": 3}, [])


def test_a_preview_begins_to_play_before_all_of_it_is_there(tmp_path: Path) -> None:
    write_video(tmp_path / "film.mkv", [np.zeros((90, 160, 3), np.uint8)] * 3, times(3))
    write_preview(tmp_path / "film.mkv", [], tmp_path / "out.mp4", 12.5)
    data = (tmp_path / "out.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    if shutil.which("ffprobe"):
        words = ["ffprobe", "-v", "error", "-show_entries", "stream=pix_fmt", str(tmp_path / "out.mp4")]
        told = subprocess.run(words, capture_output=True, text=True, check=True)
        assert "yuv420p" in told.stdout


@pytest.mark.parametrize("name", ["Zoë", "Ирина", "ελένη", "名前"])
def test_names_are_drawn_in_their_letters(name: str) -> None:
    canvas, other = np.zeros((40, 200, 3), np.uint8), np.zeros((40, 200, 3), np.uint8)
    letter(canvas, name, 5, 30, (255, 255, 255))
    letter(other, "?" * len(name), 5, 30, (255, 255, 255))
    assert canvas.max() == 255
    assert not np.array_equal(canvas, other)
    letter(np.zeros((9, 12, 3), np.uint8), name, -50, 400, (255, 255, 255))  # more than there is room for
