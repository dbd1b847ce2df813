"""Whatever is given as a video: one clear line, exit code 2, nothing left behind; and this process lives on."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from video_files import one_walker, paint, times, write_video

from gaitbridge.capture.isolated import run_isolated
from gaitbridge.capture.video.decode import Video
from gaitbridge.cli import main
from gaitbridge.errors import UserError


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A few frames in several containers and codecs, as bytes."""
    folder = tmp_path_factory.mktemp("small")
    pictures = [paint([], [], k)[:64, :96] for k in range(6)]
    found = {}
    for name, codec in (("a.mp4", "mpeg4"), ("a.avi", "mpeg4"), ("a.mkv", "ffv1"), ("a.webm", "libvpx"), ("b.avi", "mjpeg")):
        try:
            found[name] = write_video(folder / name, pictures, times(6), codec).read_bytes()
        except (ValueError, OSError):  # a codec that this PyAV has not
            continue
    assert len(found) >= 3
    return found


def failed(capsys: pytest.CaptureFixture[str], *words: str | Path) -> str:
    """The one line of a command that is refused."""
    assert main(["capture", "video", *map(str, words)]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("capture: ")]
    assert len(lines) == 1, lines
    assert "Traceback" not in lines[0]
    return lines[0]


def test_files_that_are_no_films(tmp_path: Path, capsys: pytest.CaptureFixture[str], small: dict[str, bytes]) -> None:
    store = tmp_path / "s"
    (tmp_path / "text.mp4").write_text("this is no video\n" * 100)
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "torn.mp4").write_bytes(small["a.mp4"][:200])
    (tmp_path / "zero.avi").write_bytes(bytes(4000))
    write_video(tmp_path / "sound.wav", [], [], audio_only=True)
    write_video(tmp_path / "still.mkv", [paint([], [], k) for k in range(15)], times(15))
    unreadable = "cannot be read as a video"
    for name, words in (("text.mp4", unreadable), ("empty.mp4", unreadable), ("zero.avi", unreadable), ("torn.mp4", unreadable),
                        ("sound.wav", "has no video in it (it has audio)"), ("still.mkv", "no people found"), ("none.mp4", "is missing"),
                        ("", "is a folder")):
        line = failed(capsys, tmp_path / name, store)
        assert words in line
        assert not store.exists(), name


def test_what_is_written_beside_the_store_is_checked_before_the_film_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], small: dict[str, bytes]) -> None:  # fmt: skip
    """A preview never takes the place of its film; a folder or a place for readers alone is said at once."""
    film, link, store = tmp_path / "a.mp4", tmp_path / "linked.mp4", tmp_path / "s"
    film.write_bytes(small["a.mp4"])
    link.symlink_to(film)
    (tmp_path / "b-a.mp4").write_bytes(small["a.avi"])
    (tmp_path / "folder.png").mkdir()
    itself = "is the film itself"
    for files, option, name, words in (("a.mp4", "--preview", "a.mp4", itself), ("a.mp4", "--preview", "linked.mp4", itself),
                                       ("a.mp4 b-a.mp4", "--preview", "b.mp4", itself), ("a.mp4", "--sheet", "folder.png", "is a folder"),
                                       ("a.mp4", "--preview", "a.mp4/x.mp4", "nothing can be written into")):
        assert words in failed(capsys, *(tmp_path / file for file in files.split()), store, option, tmp_path / name)
        assert not store.exists()
    assert film.read_bytes() == small["a.mp4"]


def test_no_store_is_made_among_other_things(tmp_path: Path, capsys: pytest.CaptureFixture[str], small: dict[str, bytes]) -> None:
    """Such as in a gallery, whose folder somebody may delete as a store that failed."""
    (tmp_path / "a.mp4").write_bytes(small["a.mp4"])
    (tmp_path / "known").mkdir()
    (tmp_path / "known" / "gallery.json").write_text("{}")
    assert "holds other things, such as gallery.json" in failed(capsys, tmp_path / "a.mp4", tmp_path / "known")
    assert [path.name for path in (tmp_path / "known").iterdir()] == ["gallery.json"]


def test_a_video_stream_without_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str], small: dict[str, bytes]) -> None:
    data = bytearray(small["a.mp4"])
    start, end = data.index(b"mdat") + 4, data.index(b"moov") - 4
    data[start:end] = bytes(end - start)  # the pictures; its table of contents stays
    (tmp_path / "a.mp4").write_bytes(data)
    assert "no picture in it can be decoded" in failed(capsys, tmp_path / "a.mp4", tmp_path / "s")


@pytest.mark.parametrize(("ending", "left"), [(".mkv", 0.5), (".mp4", 0.5)])
def test_a_film_that_was_cut_off_says_so(tmp_path: Path, ending: str, left: float) -> None:
    pictures = [paint([], [], k)[:64, :96] for k in range(100)]
    whole = write_video(tmp_path / f"whole{ending}", pictures, times(100), "mpeg4")
    video = Video(whole)
    assert sum(1 for _ in video.pictures()) == 100
    assert video.notes == {}
    cut = Video(tmp_path / f"cut{ending}")
    Path(cut.path).write_bytes(whole.read_bytes()[: int(whole.stat().st_size * left)])
    if ending == ".mp4":  # its table of contents is at the end
        with pytest.raises(UserError, match="it is cut off, or none"):
            list(cut.pictures())
        return
    assert 5 < sum(1 for _ in cut.pictures()) < 80
    assert 2 <= cut.notes["seconds that the file announces but lacks: is it cut off?"] <= 8


def test_wrong_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one_walker(tmp_path / "a.mkv", 12)
    film, store = tmp_path / "a.mkv", tmp_path / "s"
    for more, words in ((("--preview", "out.gif"), "end its name in .mp4 or .html"), (("--sheet", "out.jpg"), "end its name in .png"),
                        (("--size", "64"), "--size '64'"), (("--size", "9x9"), "--size '9x9'"), (("--time", "noon"), "--time 'noon'"),
                        (("--person", "a/b"), "--person 'a/b'"), (("--background", "magic"), "background"), (("--min-height", "-3"), "--min-height"),
                        (("--fov-deg", "200"), "--fov-deg"), (("--min-height", "nan"), "--min-height")):
        assert words in failed(capsys, film, store, *more)
        assert not store.exists()
    assert "FILE... STORE" in failed(capsys, film)
    assert "given twice" in failed(capsys, film, film, store)
    (tmp_path / "file").write_text("")
    assert "is a file" in failed(capsys, film, tmp_path / "file")
    assert "no walk is good enough" in failed(capsys, film, store)  # 12 frames are no second
    (store / "shards").mkdir(parents=True)
    assert "not captured here" in failed(capsys, film, store)


def test_pictures_too_many_for_the_memory(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (960, 1280, 3)).astype(np.uint8)
    write_video(tmp_path / "a.mkv", [noise] * 40, times(40))
    line = failed(capsys, tmp_path / "a.mkv", tmp_path / "s", "--memory-mb", "100")
    assert "memory" in line or "crashed" in line
    assert not (tmp_path / "s").exists()


def decode_all(path: Path) -> int:
    return sum(picture.pixels.shape[0] > 0 for picture in Video(path).pictures())


def decode_many(folder: Path) -> dict[str, Any]:
    """What comes of each file of a folder; nothing but UserErrors may come out."""
    found: dict[str, Any] = {}
    for path in sorted(folder.iterdir()):
        try:
            found[path.name] = decode_all(path)
        except UserError as error:
            found[path.name] = str(error)
    return found


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_damaged_files_harm_nobody(tmp_path_factory: pytest.TempPathFactory, small: dict[str, bytes], seed: int) -> None:
    random = np.random.default_rng(seed)
    folder = tmp_path_factory.mktemp("damaged")
    for number in range(20):
        name = random.choice(sorted(small))
        data = np.frombuffer(small[name], np.uint8).copy()
        near = len(data) if number % 2 else min(400, len(data))  # headers every other time
        places = random.integers(0, near, random.integers(1, 12))
        data[places] = random.integers(0, 256, len(places))
        cut = len(data) if number % 3 else int(random.integers(1, len(data)))
        (folder / f"{number:02d}-{name}").write_bytes(data[:cut].tobytes())
    words = ""
    found: dict[str, Any] = {}
    try:
        found = run_isolated(decode_many, folder, seconds=60, megabytes=2000)
    except UserError as error:  # a crash of the reader is an answer too, in one line
        words = str(error)
    assert "\n" not in words
    assert "reading it failed" not in words  # but no exception of Python's that was not foreseen
    assert words or len(found) == 20
    assert all(isinstance(value, int) or "\n" not in value for value in found.values())
