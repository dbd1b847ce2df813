"""The command line where output cannot be written, and where an error is nobody's: a line and a code, never a bare traceback."""

import os
import subprocess
import sys
from pathlib import Path

import embedding_files as files
import pytest
from command_line import ENVIRONMENT, gaitbridge_command

from gaitbridge import cli
from gaitbridge.errors import Fault, UserError

COMMAND = " ".join(gaitbridge_command())


def shell(line: str, **environment: str) -> tuple[int, str, str]:
    """Exit code, output and errors of a shell's line, in which $G is the program."""
    done = subprocess.run(["bash", "-c", line], env=ENVIRONMENT | {"G": COMMAND} | environment, capture_output=True, check=False, timeout=60)
    return done.returncode, done.stdout.decode("utf-8", "backslashreplace"), done.stderr.decode("utf-8", "backslashreplace")


@pytest.mark.parametrize(("line", "code", "errors"), [
    ("$G protocols | true; exit ${PIPESTATUS[0]}", 141, ""),
    ("$G protocols 2>&1 | true; exit ${PIPESTATUS[0]}", 141, ""),
    ("$G protocols >&-", 1, ""),
    ("$G protocols >/dev/full", 2, "gaitbridge: standard output: No space left on device\n"),
    ("$G protocols nosuch 2>/dev/full", 2, ""),
    ("$G protocols nosuch 2>&-", 2, ""),
    ("$G protocols <&- >/dev/null", 0, ""),
])  # fmt: skip
def test_output_that_cannot_be_written(line: str, code: int, errors: str) -> None:
    found = shell(line)
    assert found[0] == code
    assert found[2] == errors


def test_a_closed_stream_never_becomes_a_file(tmp_path: os.PathLike[str]) -> None:
    place = os.path.join(tmp_path, "out.json")
    code = "import os, sys; from gaitbridge import printing; printing.ready_streams(); f = open(sys.argv[1], 'w'); print(f.fileno(), file=f)"
    shell(f'{sys.executable} -c "{code}" {place} >&- 2>&-')
    with open(place) as file:
        assert int(file.read()) > 2


@pytest.mark.parametrize("environment", [
    {"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
])  # fmt: skip
def test_a_terminal_of_few_letters(environment: dict[str, str]) -> None:
    code, _, errors = shell("$G inspect $'/no/Jos\\u00e9 \\U0001d11e [x] \\e[1m\\xe9'", **environment)
    assert code == 2
    assert errors.startswith("gaitbridge: /no/Jos")
    assert errors.endswith("[x] \\x1b[1m\\xe9 is not a store (no store.json)\n")


def test_files_are_the_same_on_a_machine_of_few_letters(tmp_path: Path) -> None:
    given = files.write(tmp_path / "a.npz", **files.arrays(files.CASIA_B, ("090",)))
    assert cli.main(["score", str(given), "--protocol", "casia_b", "--out", str(tmp_path / "a.json")]) == 0
    poor = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    assert shell(f"$G tables {tmp_path}/a.json --out {tmp_path}/a.md", **poor)[0] == 0
    assert "–" in (tmp_path / "a.md").read_text(encoding="utf-8")


def raising(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(cli, "app", fail)


def test_a_fault_of_the_program_is_one_line_and_a_way_to_report_it(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    raising(ValueError("shapes (3,)\nand (4,) \x1b[31m"), monkeypatch)
    assert cli.main(["protocols"]) == 70
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("gaitbridge: a fault of the program, not yours (ValueError: shapes (3,) and (4,) \\x1b[31m at cli/__init__.py:")
    assert line.endswith("Please report it with the command that you gave and what it prints with --debug")


@pytest.mark.parametrize("way", ["word", "environment"])
def test_debug_shows_where_an_error_came_from(way: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("GAITBRIDGE_DEBUG", "1" if way == "environment" else "0")
    assert cli.main(["protocols", *(["--debug"] if way == "word" else []), "nosuch"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("Traceback")
    assert lines[-1].startswith("gaitbridge: unknown protocol 'nosuch'")
    monkeypatch.setenv("GAITBRIDGE_DEBUG", "")
    assert cli.main(["protocols", "nosuch"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize(("error", "code", "words"), [
    (UserError("no \x1b such [b]thing[/b]"), 2, r"no \x1b such [b]thing[/b]"), (OSError(2, "No such file", "a[b]"), 2, "a[b]: No such file"),
    (Fault("rendering p0007 failed"), 70, "rendering p0007"),
    (MemoryError(), 2, "memory is full"), (KeyboardInterrupt(), 130, "interrupted"), (RecursionError("maximum recursion"), 70, "RecursionError"),
])  # fmt: skip
def test_every_error_is_a_line_and_a_code(
    error: BaseException, code: int, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    raising(error, monkeypatch)
    assert cli.main([]) == code
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line


def test_who_is_asked_to_end_says_so() -> None:
    code = ("import os, signal, sys; from gaitbridge import cli\n"
            "cli.app = lambda *_, **__: os.kill(os.getpid(), signal.SIGTERM)\n"
            "cli.entry()")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 143
    assert done.stderr.startswith("gaitbridge: interrupted; what was finished is kept")
    assert done.stderr.count("\n") == 1
