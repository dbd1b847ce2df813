"""Models fetched on request: out of a package index, a wheel or a folder; whole, the known one, or not at all."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import fetched_files as made
import pytest
from command_line import gaitbridge_command

from gaitbridge import cli
from gaitbridge.capture import fetching
from gaitbridge.capture.fetched import KNOWN, is_fetched, models_folder, opened
from gaitbridge.capture.fetching import get, remove
from gaitbridge.errors import StoreError, UserError


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The small model, kept in a folder of the test; where it is kept."""
    monkeypatch.setitem(KNOWN, "people", KNOWN["people"])  # put back afterwards
    made.small_people()
    monkeypatch.setenv("GAITBRIDGE_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setattr(fetching, "LOOK_S", 0.02)
    return tmp_path / "models"


def nothing_left(folder: Path) -> None:
    """Nothing was made, not even half."""
    assert not folder.exists() or list(folder.iterdir()) == []


def test_a_model_is_fetched_and_removed(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    made.write_wheel(tmp_path)
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    assert cli.main(["models", "list"]) == 0
    assert " no " in capsys.readouterr().out
    assert cli.main(["models", "get", "people"]) == 0
    said = capsys.readouterr()
    assert "identification and surveillance are outside of what they made it for" in said.out
    assert "6/6 kB" in said.err
    assert sorted(os.listdir(small)) == ["people"]
    assert sorted(os.listdir(small / "people")) == ["LICENSE", "about.json", "pose_detection.tflite", "pose_landmark_full.tflite"]
    assert {name: content for name, (_, content) in opened("people").items()} == made.CONTENTS
    about = json.loads((small / "people" / "about.json").read_text())
    assert (about["package"], about["version"], about["licence"], about["from"]) == ("mediapipe", "0.10.21", "Apache-2.0", f"PyPI, {made.WHEEL}")
    monkeypatch.delenv("PIP_FIND_LINKS")
    assert cli.main(["models", "get", "people"]) == 0  # nothing is downloaded again
    assert "there already" in capsys.readouterr().out
    assert cli.main(["models", "list"]) == 0
    assert " yes " in capsys.readouterr().out
    assert cli.main(["models", "remove", "people"]) == 0
    nothing_left(small)
    assert cli.main(["models", "remove", "people"]) == 0
    assert "not fetched" in capsys.readouterr().out


def test_without_a_network_or_pip_there_is_a_line_that_says_what_to_do(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"could not be downloaded \(Could not find .*--from FILE"):
        get("people")
    nothing_left(small)
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    with pytest.raises(UserError, match=r"\(pip reaches no package index: no network.*--from FILE"):
        get("people")
    nothing_left(small)
    (tmp_path / "pip.py").write_text("import sys; sys.exit('No module named pip')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(UserError, match=r"has no pip: .* -m ensurepip.*--from FILE"):
        get("people")
    nothing_left(small)


@pytest.mark.parametrize("where", ["wheel", "flat folder", "unpacked wheel"])
def test_a_model_is_taken_from_a_file(small: Path, tmp_path: Path, where: str) -> None:
    given = made.write_wheel(tmp_path)
    if where != "wheel":
        given = tmp_path / "given"
        for name, content in made.MEMBERS.items():
            path = given / (Path(name).name if where == "flat folder" or name.endswith("LICENSE") else name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    assert get("people", given) == (small / "people", True)
    assert get("people", given) == (small / "people", False)
    assert opened("people")["pose_detection.tflite"][1] == made.CONTENTS["pose_detection.tflite"]
    assert (small / "people" / "LICENSE").read_bytes() == b"Apache License"


WRONG = {
    "cut": (lambda: made.wheel_bytes()[:2500], "is damaged, or no wheel"),
    "empty": (lambda: b"", "is damaged, or no wheel"),
    "another's": (lambda: made.wheel_bytes({"numpy/__init__.py": b""}), "is another wheel"),
    "another version's": (lambda: made.wheel_bytes(made.MEMBERS | {KNOWN["people"].files[1].member: b"x" * 2000}), "SHA-256 differs"),
    "longer": (lambda: made.wheel_bytes(made.MEMBERS | {KNOWN["people"].files[0].member: b"x" * 10**7}), "SHA-256 differs"),
    "without licence": (lambda: made.wheel_bytes({name: one for name, one in made.MEMBERS.items() if "LICENSE" not in name}), "is another wheel"),
}


@pytest.mark.parametrize("name", WRONG)
def test_another_file_is_refused_and_leaves_nothing(small: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    content, words = WRONG[name]
    (tmp_path / "given.whl").write_bytes(content())
    assert cli.main(["models", "get", "people", "--from", str(tmp_path / "given.whl")]) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith(f"gaitbridge: {tmp_path}/given.whl")
    assert words in line
    nothing_left(small)


def test_a_folder_that_lacks_a_file_is_refused(small: Path, tmp_path: Path) -> None:
    (tmp_path / "given").mkdir()
    for name, content in made.CONTENTS.items():
        (tmp_path / "given" / name).write_bytes(content)
    with pytest.raises(UserError, match=r"given/LICENSE cannot be read .*it must hold pose_landmark_full\.tflite, pose_detection\.tflite, LICENSE"):
        get("people", tmp_path / "given")
    nothing_left(small)
    with pytest.raises(UserError, match="no model 'poeple' to fetch: did you mean 'people'"):
        get("poeple")


@pytest.mark.parametrize("damage", ["changed", "cut", "gone"])
def test_a_damaged_model_is_not_opened_and_is_fetched_again(small: Path, tmp_path: Path, damage: str, capsys: pytest.CaptureFixture[str]) -> None:
    get("people", made.write_wheel(tmp_path))
    file = small / "people" / "pose_detection.tflite"
    content = file.read_bytes()
    file.unlink()
    if damage != "gone":
        file.write_bytes(content[:-1] + (b"?" if damage == "changed" else b""))
    with pytest.raises(UserError, match=r"pose_detection\.tflite .*gaitbridge models get people fetches it again"):
        opened("people")
    assert cli.main(["models", "list"]) == 0
    assert " damaged " in capsys.readouterr().out
    assert get("people", made.write_wheel(tmp_path))[1]
    assert opened("people")["pose_detection.tflite"][1] == content


def test_what_is_not_fetched_is_said(small: Path) -> None:
    with pytest.raises(UserError, match=r"the model 'people' is not fetched \(nothing in .*models/people\): gaitbridge models get people"):
        opened("people")
    assert not is_fetched("people")


def test_of_a_users_folder_nothing_else_is_removed(small: Path, tmp_path: Path) -> None:
    get("people", made.write_wheel(tmp_path))
    (small / "people" / "letter.txt").write_text("mine")
    assert remove("people") == small / "people"
    assert os.listdir(small / "people") == ["letter.txt"]
    assert remove("people") is None


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file")
    with pytest.raises(StoreError, match=r"cannot write .*models: .*free some space or choose another place"):
        get("people", made.write_wheel(tmp_path))


FULL = """
import resource, sys
from pathlib import Path
import fetched_files as made
from gaitbridge import cli
made.small_people()
resource.setrlimit(resource.RLIMIT_FSIZE, (2500, 2500))
sys.exit(cli.main(["models", "get", "people", "--from", sys.argv[1]]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of files are Unix's")
def test_a_full_disk(small: Path, tmp_path: Path) -> None:
    """The system refuses to let files grow, as a full disk does."""
    words = [sys.executable, "-c", FULL, str(made.write_wheel(tmp_path))]
    path = os.pathsep.join([str(Path(made.__file__).parent), *[place for place in sys.path if place]])
    done = subprocess.run(words, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "cannot write" in done.stderr.splitlines()[-1]
    nothing_left(small)


def test_models_are_kept_where_the_system_keeps_caches(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert models_folder() == tmp_path / "models"
    monkeypatch.delenv("GAITBRIDGE_MODELS")
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert models_folder() == Path("/caches/gaitbridge/models")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # which the specification has us ignore
    assert models_folder() == Path("/home/ada/.cache/gaitbridge/models")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert models_folder() == Path("/home/ada/Library/Caches/gaitbridge/models")


@pytest.mark.skipif(sys.platform == "win32", reason="signals are Unix's")
def test_stopped_amid_a_download_nothing_stays(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index that never answers; who asked it is stopped, and pip with it."""
    monkeypatch.delenv("PIP_NO_INDEX")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.getsockname()[1]}/simple")
        process = subprocess.Popen(gaitbridge_command("models", "get", "people"), stderr=subprocess.PIPE, text=True, start_new_session=True)
        talk, _ = server.accept()
        with talk:
            talk.settimeout(60)
            assert b"mediapipe" in talk.recv(4096)
            assert [path.suffix for path in small.iterdir()] == [".part"]
            process.terminate()
            _, said = process.communicate(timeout=60)
            assert process.returncode == 143
            assert said.splitlines()[-1].startswith("gaitbridge: interrupted")
            assert talk.recv(4096) == b""  # pip has gone
    nothing_left(small)
