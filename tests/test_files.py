"""What carries a name is whole, what the dead left is removed, what the living write is not, and names do not lead elsewhere."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gaitbridge import files
from gaitbridge.errors import StoreError, UserError
from gaitbridge.files import alone, left, made_whole, sweep, within, write_json, written_whole

WRITER = """
import sys, time
from pathlib import Path
from gaitbridge.files import made_whole, written_whole
with written_whole(Path(sys.argv[1]) / "a.txt") as one, made_whole(Path(sys.argv[1]) / "run", "last") as other:
    one.write_text("half")
    (other / "first").write_text("half")
    print("writing", flush=True)
    time.sleep(600)
"""


@pytest.fixture(autouse=True)
def looks_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LOOK_AGAIN_S", 0.0)


def test_of_the_living_nothing_is_touched_and_of_the_dead_nothing_stays(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "writing\n"
    with written_whole(tmp_path / "b.txt") as mine:
        mine.write_text("whole")
        assert not sweep(tmp_path)
        assert len(left(tmp_path)) == 3
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert [path.name for path in left(tmp_path)] == sorted(path.name for path in tmp_path.iterdir() if path.name != "b.txt")
    write_json({}, tmp_path / "c.json")  # the next writer of whatever in the same place
    assert sorted(os.listdir(tmp_path)) == ["b.txt", "c.json"]


def test_what_others_call_part_is_theirs(tmp_path: Path) -> None:
    for name in ("film.mp4.part", ".hidden.part", ".a.not-hex0.part", ".cohort.1a2b3c.parts"):
        (tmp_path / name).write_text("")
    (tmp_path / ".a.txt.00000000.part").symlink_to(tmp_path / "film.mp4.part")
    assert not sweep(tmp_path)
    assert len(os.listdir(tmp_path)) == 5
    assert not sweep(tmp_path / "nothing")


def test_a_failed_writer_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    with pytest.raises(UnicodeError), written_whole(tmp_path / "a") as temporary:
        temporary.write_text("new \ud800")
    with pytest.raises(TypeError), made_whole(tmp_path / "b", "last") as folder:
        (folder / "x").write_text(3)  # type: ignore[arg-type]
    assert os.listdir(tmp_path) == ["a"]
    assert (tmp_path / "a").read_text() == "old"
    with pytest.raises(StoreError, match=r"cannot write .*a/b: .*; free some space"), written_whole(tmp_path / "a" / "b"):
        pass
    with pytest.raises(StoreError, match=r"cannot write .*a/b: "), made_whole(tmp_path / "a" / "b", "last"):
        pass


@pytest.mark.parametrize("where", ["absent", "empty", "here", "linked", "cut short"])
def test_a_folder_is_made(tmp_path: Path, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "deep" / "run"
    if where != "absent":
        place.mkdir(parents=True)
    if where == "here":
        monkeypatch.chdir(place)
        place = Path(".")
    if where == "linked":
        (tmp_path / "link").symlink_to(place)
        place = tmp_path / "link"
    if where == "cut short":
        (place / "first").mkdir()
        (place / "first" / "half").write_text("")
    with made_whole(place, "last", {"first"}) as folder:
        (folder / "last").write_text("2")
        (folder / "first").mkdir()
        (folder / "first" / "one").write_text("1")
    assert (place / "last").read_text() == "2"
    assert os.listdir(place / "first") == ["one"]
    assert list(tmp_path.rglob("*.part")) == []
    with pytest.raises(UserError, match="exists already"), made_whole(place, "last", {"first"}):
        pass


def test_what_is_in_a_folder_stays(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "letter").write_text("")
    with pytest.raises(UserError, match="exists already"), made_whole(tmp_path / "run", "last", {"first"}):
        pass
    with pytest.raises(UserError, match="exists already"), made_whole(tmp_path / "other", "last"):
        write_json("of one who was quicker", tmp_path / "other" / "last")
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="exists already"), made_whole(tmp_path / "file", "last"):
        pass
    assert sorted(os.listdir(tmp_path)) == ["file", "other", "run"]


def test_names_stay_within(tmp_path: Path) -> None:
    for name in ("p0000.arrow", "a/b", "..a", "a..", "José", " ", "-"):
        assert within(tmp_path, name) == tmp_path / name
    for wrong in ("", ".", "..", "../x", "a/../../x", "/etc/passwd", "a\0b", None, 3, ["a"], "x" * 200 + "/.."):
        with pytest.raises(StoreError, match=r"store\.json names .* which is not in its folder") as told:
            within(tmp_path, wrong, tmp_path / "store.json")
        assert len(str(told.value)) < 400
        assert "\n" not in str(told.value)


def test_names_of_any_length(tmp_path: Path) -> None:
    for name in ("é" * 127, "x" * 255):
        write_json({}, tmp_path / name)
        assert (tmp_path / name).read_text() == "{}\n"


HOLDER = """
import sys, time
from pathlib import Path
from gaitbridge.files import alone
with alone(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_one_process_writes_in_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "store"
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    with pytest.raises(UserError, match="store: another process is writing here: wait until it is done"), alone(folder):
        pass
    process.send_signal(signal.SIGKILL)
    process.wait()
    with alone(folder):
        (folder / "file").write_text("")
    assert folder.is_dir()


def test_a_folder_held_in_vain_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="in vain"), alone(tmp_path / "a" / "b"):
        raise ValueError("in vain")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot write .*file"), alone(tmp_path / "file"):
        pass
