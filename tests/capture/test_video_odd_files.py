"""Films as telephones and cameras make them: mirrored, with a cover before the film, without times, with odd names."""

import os
import struct
from itertools import product
from pathlib import Path
from typing import Any

import av
import av.stream
import numpy as np
import pytest
from video_files import one_walker, paint, times, walk, write_video

from gaitbridge.capture.video.decode import Video
from gaitbridge.cli import main
from gaitbridge.errors import UserError
from gaitbridge.store import Store

LETTER = np.zeros((60, 96, 3), np.uint8)  # light where an F is: like itself in none of the eight positions
LETTER[10:50, 20:30] = LETTER[10:20, 20:70] = LETTER[26:34, 20:50] = 220
WAYS = [(sx, 0, 0, sy) for sx, sy in product((1, -1), repeat=2)] + [(0, sx, sy, 0) for sx, sy in product((1, -1), repeat=2)]


def with_matrix(path: Path, a: int, b: int, c: int, d: int) -> Path:
    """A film of the letter whose header asks to be shown by x' = a x + c y, y' = b x + d y."""
    write_video(path, [LETTER] * 5, times(5), "mpeg4")
    data = bytearray(path.read_bytes())
    place = data.index(b"tkhd") + 4 + 40
    data[place : place + 36] = struct.pack(">9i", a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


def as_shown(a: int, b: int, c: int, d: int) -> np.ndarray:
    """The letter pixel by pixel, as the matrix says."""
    height, width = LETTER.shape[:2]
    y, x = np.mgrid[:height, :width]
    across, down = a * x + c * y, b * x + d * y
    found = np.zeros((int(np.ptp(down)) + 1, int(np.ptp(across)) + 1, 3), np.uint8)
    found[down - down.min(), across - across.min()] = LETTER
    return found


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_pictures_are_turned_and_mirrored_as_the_file_asks(tmp_path: Path, way: tuple[int, int, int, int]) -> None:
    pixels = next(iter(Video(with_matrix(tmp_path / "a.mp4", *way)).pictures())).pixels
    wanted = as_shown(*way)
    assert pixels.shape == wanted.shape
    assert np.abs(pixels.astype(int) - wanted).mean() < 6


@pytest.mark.parametrize("matrix", [(0, 0, 0, 0), (1, 1, 1, 1)], ids=str)
def test_a_matrix_without_sense_turns_nothing(tmp_path: Path, matrix: tuple[int, int, int, int]) -> None:
    pixels = next(iter(Video(with_matrix(tmp_path / "a.mp4", *matrix)).pictures())).pixels
    assert pixels.shape[:2] in ((60, 96), (96, 60))


def with_cover(path: Path, film: bool = True) -> Path:
    """An MP4 whose cover is its first stream, with or without a film."""
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        streams: list[Any] = []
        if film:
            streams.append(container.add_stream("mpeg4", rate=25))
        streams.append(container.add_stream("mjpeg", rate=25))
        for stream in streams:
            stream.width, stream.height, stream.pix_fmt = 96, 60, "yuvj420p" if stream is streams[-1] else "yuv420p"
        streams[-1].disposition = av.stream.Disposition.attached_pic
        for stream, count in zip(streams[::-1], (1, 5), strict=False):
            for number in range(count):
                picture = av.VideoFrame.from_ndarray(LETTER if count > 1 else LETTER[::-1], format="bgr24")
                picture.pts = number
                container.mux(stream.encode(picture))
            container.mux(stream.encode(None))
    data = path.read_bytes()
    place = data.index(b"moov") - 4
    size = int.from_bytes(data[place : place + 4], "big")
    inside, boxes = data[place + 8 : place + size], []
    while inside:
        length = int.from_bytes(inside[:4], "big")
        boxes.append(inside[:length])
        inside = inside[length:]
    boxes.sort(key=lambda box: box[4:8] != b"udta")  # where the cover is; of the film's own tables only their places move
    path.write_bytes(data[: place + 8] + b"".join(boxes) + data[place + size :])
    return path


def test_a_cover_is_not_the_film(tmp_path: Path) -> None:
    film = with_cover(tmp_path / "a.mp4")
    with av.open(str(film)) as container:
        covers = [bool(stream.disposition & av.stream.Disposition.attached_pic) for stream in container.streams.video]
    assert covers == [True, False]
    pictures = list(Video(film).pictures())
    assert len(pictures) == 5
    assert np.abs(pictures[0].pixels.astype(int) - LETTER).mean() < 6


def test_a_cover_alone_is_no_film(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no film in it, only an attached picture"):
        list(Video(with_cover(tmp_path / "a.mp4", film=False)).pictures())


def raw(path: Path, codec: str, form: str, rate: int = 10) -> Path:
    """Bare pictures one after another, in no container."""
    if codec not in av.codecs_available:
        pytest.skip(f"this PyAV has no {codec}")
    with av.open(str(path), "w", format=form) as container:
        stream: Any = container.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuvj420p" if codec == "mjpeg" else "yuv420p"
        for number, mask in enumerate(walk(30)):
            picture = av.VideoFrame.from_ndarray(paint([mask], [(30, 30, 200)], number), format="bgr24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(("codec", "form"), [("libx264", "h264"), ("mpeg4", "m4v")])
def test_bare_pictures_come_at_the_rate_that_they_name(tmp_path: Path, codec: str, form: str) -> None:
    """FFmpeg says 25 of all of them."""
    video = Video(raw(tmp_path / f"a.{form}", codec, form))
    assert np.diff([picture.time_s for picture in video.pictures()]) == pytest.approx(0.1)
    assert video.notes == {"frames without a time, counted at the file's rate": 30}


def test_a_rate_that_nobody_names_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film = raw(tmp_path / "a.mjpeg", "mjpeg", "mjpeg")
    with pytest.raises(UserError, match="its frames have no times and it names no frame rate: say --hz"):
        list(Video(film).pictures())
    assert np.diff([picture.time_s for picture in Video(film, 12.5).pictures()]) == pytest.approx(0.08)
    assert main(["capture", "video", str(film), str(tmp_path / "s")]) == 2
    assert "say --hz" in capsys.readouterr().err
    assert main(["capture", "video", str(film), str(tmp_path / "s"), "--hz", "12.5"]) == 0
    assert Store(tmp_path / "s").document["about"]["files"][0]["rate_hz"] == pytest.approx(12.5)


def test_a_name_that_is_no_text_is_written_with_escapes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.mkv"))
    one_walker(tmp_path / "a.mkv", 30)
    try:
        (tmp_path / "a.mkv").rename(name)
    except OSError:
        pytest.skip("this file system takes no such name")
    folder = name.with_name(os.fsdecode(b"st\xe9"))
    assert main(["capture", "video", str(name), str(folder), "--preview", str(tmp_path / "p.html")]) == 0
    store = Store(folder)
    assert len(store.read(0, ["silhouettes"]).arrays["silhouettes"]) > 15
    store.verify()
    assert store.rows[0]["source"] == store.document["about"]["files"][0]["file"] == "caf\\xe9.mkv"
    assert "Capture of caf\\xe9.mkv" in (tmp_path / "p.html").read_text()
    assert main(["capture", "video", str(name.with_name(os.fsdecode(b"th\xe9.mkv"))), str(tmp_path / "s")]) == 2
    assert "th\\xe9.mkv is missing" in capsys.readouterr().err


def test_pictures_that_all_have_one_time_are_asked_about(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import asdict

    from gaitbridge.capture.video.reader import read_video
    from gaitbridge.capture.video.settings import Settings

    one_walker(tmp_path / "a.mkv", 12)
    monkeypatch.setattr(Video, "_time", lambda *_: 3.0)
    with pytest.raises(UserError, match="most of its pictures have the time of the one before: say --hz"):
        read_video(tmp_path / "a.mkv", asdict(Settings()))


def case(name: str) -> Path:
    file = Path(__file__).parents[2].parent / "shared" / "cases" / name
    if not file.is_file():
        pytest.skip(f"{name} is not beside this repository")
    return file


def test_films_that_were_read_wrongly() -> None:
    """Seventy frames at 10 Hz; twice seventy joined; a mirrored copy of a film, whose header undoes it."""
    steps = np.diff([picture.time_s for picture in Video(case("raw_h264/raw10.h264")).pictures()])
    assert len(steps) == 69
    assert steps == pytest.approx(0.1)
    parts = [picture.part for picture in Video(case("joined_ts/joined.ts")).pictures()]
    assert parts == [0] * 70 + [1] * 70
    base, mirrored = (next(iter(Video(case(f"mirrored/{name}.mp4")).pictures())).pixels.astype(int) for name in ("base", "selfie_mirror"))
    assert np.abs(base - mirrored).mean() < 3
