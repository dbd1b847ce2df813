"""The campaigns in a short form, and that they notice what is wrong."""

import sys
from pathlib import Path
from typing import Any

import pytest
from campaigns import __main__ as command
from campaigns.contract import Failure, mutations, names, opened, shares

from gaitbridge.capture.fetched import KNOWN
from gaitbridge.errors import UserError


@pytest.mark.parametrize("name", names())
def test_nothing_is_left_over(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KNOWN, "people", KNOWN["people"])  # put back afterwards: some campaigns fetch a small one in its place
    if name.endswith("_kills") and not sys.platform.startswith("linux"):
        pytest.skip("the places of kills are told by Linux")
    (tmp_path / name).mkdir()
    assert opened(name).campaign(opened(name).SHORT, 0, tmp_path / name) == []


class Wordy(UserError):
    """One that is not made one line, as those of ours are."""

    def __str__(self) -> str:
        return "short:\nvery"


def careless(file: Path) -> Any:
    """Reads text and trusts it."""
    text = file.read_bytes()
    if b"\0" in text:
        while True:
            pass
    if len(text) < 60:
        raise Wordy
    return int(text.decode())


def test_careless_readers_are_noticed(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("12345" * 20)
    found = mutations(careless, tmp_path / "a.txt", 60, 1, seconds=2)
    assert {"traceback", "several lines", "crash or hang"} <= {one.kind for one in found}
    assert found[0].case.startswith("careless, damage ")
    assert (tmp_path / "a.txt").read_text() == "12345" * 20
    assert found == mutations(careless, tmp_path / "a.txt", 60, 1, seconds=2)


def test_the_command_fails_where_something_is_left_over(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(command, "names", lambda: ["a", "b"])
    found = {"a": [Failure("left over", "kill 3", "x.part")] * 12, "b": list[Failure]()}
    monkeypatch.setattr(command, "timed", lambda name, count, seed, folder: (count, 1.0, found[name]))
    assert command.main(["--count", "20"]) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[1].split() == ["a", "20", "1", "left", "over", "12"]
    assert said[2].split() == ["b", "20", "1", "none"]
    assert said[3] == "a: left over: kill 3: x.part"
    assert said[-1] == "a: 2 more"
    assert command.main(["b", "--count", "20"]) == 0


def test_runs_are_shared_out() -> None:
    assert list(shares(10, 3)) == [3, 3, 4]
    assert list(shares(2, 4)) == [0, 1, 0, 1]
