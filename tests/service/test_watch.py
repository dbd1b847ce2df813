"""Films, folders and standard input watched: each walk answered once, whatever happens."""

import os
import shutil
import signal
from pathlib import Path

import cv2
import numpy as np
import pytest
from live_sources import late_walkers, lines_of, red_is_a_person, until, watched, watching
from video_files import one_walker, two_who_cross

from gaitbridge.capture.video.settings import Settings
from gaitbridge.capture.video.sources import source_of
from gaitbridge.errors import StoreError, UserError
from gaitbridge.files import alone
from gaitbridge.service import journal


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """one.mkv: a walker; cross.mkv: two who meet; late.ts: two, one after the other, after an empty while."""
    folder = tmp_path_factory.mktemp("films")
    one_walker(folder / "one.mkv")
    two_who_cross(folder / "cross.mkv")
    late_walkers(folder / "late.ts", 2)
    return folder


def read_picture(path: Path) -> np.ndarray:
    found = cv2.imread(str(path))
    assert found is not None
    return np.asarray(found)


def test_a_folder_that_fills_up(films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, out = tmp_path / "cam", tmp_path / "out"
    (folder / "day").mkdir(parents=True)
    shutil.copy(films / "one.mkv", folder / "a.mkv")
    shutil.copy(films / "cross.mkv", folder / "day" / "b.mkv")
    shutil.copy(films / "one.mkv", folder / "the same.mkv")
    (folder / ".hidden.mkv").write_bytes(b"x")
    (folder / "torn.mp4").write_bytes(b"this is no film" * 100)
    said = watched(out, folder)
    assert len(said) == 3
    assert lines_of(out) == said
    assert {one["film"] for one in said} == {"a.mkv", "day/b.mkv"}
    assert {one["source"] for one in said} == {str(folder)}
    assert len({one["id"] for one in said}) == 3
    for one in said:
        assert one["start"] is None  # nobody knows when a film was taken
        assert 5 < one["end_s"] - one["start_s"] < 8
        assert read_picture(out / one["picture"]).shape[0] == 256
    told = capsys.readouterr().err
    assert "torn.mp4 cannot be read as a video" in told
    assert "the same.mkv: its content was answered already" in told
    assert list((out / "waiting").iterdir()) == []
    shutil.copy(films / "late.ts", folder / "c.ts")
    assert {one["film"] for one in watched(out, folder)} == {"c.ts"}  # and no other again
    assert len(lines_of(out)) == 5


def test_a_film_that_still_grows_is_waited_for(films: Path, tmp_path: Path) -> None:
    folder, out = tmp_path / "cam", tmp_path / "out"
    folder.mkdir()
    data = (films / "late.ts").read_bytes()
    with watching(out, folder, settle_s=1.5) as child, (folder / "a.ts").open("wb") as file:
        for at in range(10):
            file.write(data[len(data) * at // 10 : len(data) * (at + 1) // 10])
            file.flush()
            until(lambda: True)
            os.utime(folder / "a.ts")
        until(lambda: len(lines_of(out)) == 2)
        child.send_signal(signal.SIGTERM)
        child.wait(60)
    assert [one["film"] for one in lines_of(out)] == ["a.ts", "a.ts"]


@pytest.mark.parametrize("when", ["one waits", "one is answered"])
def test_killed_and_started_again(films: Path, tmp_path: Path, when: str) -> None:
    out = tmp_path / "out"
    with watching(out, films / "cross.mkv", films / "one.mkv", pause_s=0.0 if when == "one is answered" else 30.0, once=True) as child:
        until(lambda: lines_of(out) if when == "one is answered" else list((out / "waiting").glob("*.walk")))
        child.send_signal(signal.SIGKILL)
    before = lines_of(out)
    said = watched(out, films / "cross.mkv", films / "one.mkv")
    assert lines_of(out) == before + said
    ids = [one["id"] for one in lines_of(out)]
    assert len(ids) == len(set(ids)) == 3


def test_ending_finishes_what_has_begun(films: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    reader, writer = os.pipe()
    data = late_walkers(tmp_path / "a.ts", 2, last_s=2.5).read_bytes()
    nothing = b"\x47\x1f\xff\x10" + b"\xff" * 184
    saved = os.dup(0)
    os.dup2(reader, 0)
    try:
        with watching(out, "-") as child:
            os.close(reader)
            os.write(writer, data + nothing * 1000)  # more than the pipe holds: what shows somebody has been read
            until(lambda: len(lines_of(out)) == 1)
            child.send_signal(signal.SIGTERM)
            code = child.wait(60)
            assert child.stderr is not None
            told = child.stderr.read()
    finally:
        os.dup2(saved, 0)
        os.close(writer)
    assert code == -signal.SIGTERM  # what handled it before: here nobody
    assert "ending: what has begun is finished" in told
    assert [round(one["end_s"] - one["start_s"]) for one in lines_of(out)] == [5, 2]  # the second was on their way


def test_what_cannot_be_watched_is_one_line(tmp_path: Path) -> None:
    for word, words in (("gopher://a/b", "no kind of stream"), ("rtsp://", "names no machine"), (str(tmp_path / "none.mp4"), "no such folder"),
                        ("--nonsense", "no such folder")):
        with pytest.raises(UserError, match=words):
            source_of(word)
    assert source_of("rtsp://ann:secret@host:554/a").name == "rtsp://host:554/a"
    (tmp_path / "a.mp4").write_bytes(b"no film")
    with pytest.raises(UserError, match="cannot be read as a video"):
        watched(tmp_path / "out", tmp_path / "a.mp4")
    with alone(tmp_path / "out"), pytest.raises(UserError, match="another process"):  # one process a journal
        watched(tmp_path / "out", tmp_path / "a.mp4")


def test_a_film_that_ends_in_the_middle_is_answered_as_far_as_it_goes(films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = (films / "one.mkv").read_bytes()
    (tmp_path / "cut.mkv").write_bytes(data[: len(data) * 2 // 3])
    (one,) = watched(tmp_path / "out", tmp_path / "cut.mkv")
    assert 3 < one["end_s"] < 5
    assert "cut.mkv: 5" in capsys.readouterr().err  # fifty-odd pictures


def test_a_disk_that_fills_up_is_one_line_and_what_was_finished_is_kept(films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, good, count = tmp_path / "out", journal.written_whole, [0]

    def full(path: Path) -> object:
        count[0] += 1
        if count[0] > 1:
            raise StoreError(f"cannot write {path}: No space left on device; free some space or choose another place, then run again")
        return good(path)

    monkeypatch.setattr(journal, "written_whole", full)
    with pytest.raises(StoreError, match="No space left on device") as caught:
        watched(out, films / "cross.mkv")
    assert "\n" not in str(caught.value)
    assert len(lines_of(out)) == 1  # the walk that came before
    monkeypatch.undo()
    assert len(watched(out, films / "cross.mkv")) == 1  # the other


def test_a_people_model_that_is_cut_is_one_line_and_not_tried_again(films: Path, tmp_path: Path) -> None:
    model = red_is_a_person(tmp_path / "red.onnx")
    model.write_bytes(model.read_bytes()[:-20])
    with pytest.raises(UserError, match="cannot be loaded as an ONNX model") as caught:
        watched(tmp_path / "out", films / "one.mkv", settings=Settings(model=str(model)), once=False)
    assert "\n" not in str(caught.value)
