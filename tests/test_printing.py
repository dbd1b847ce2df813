"""What is printed: names as they are, what would move a cursor or hide as escapes, and one line on any terminal."""

import io
import json
import sys
from pathlib import Path

import pytest

from gaitbridge.printing import OutputGone, console, json_shown, per_cent, say, say_json, say_lines, say_tables, shown, tell
from gaitbridge.progress import progress
from gaitbridge.report.tables import TextTable

HOSTILE = "Ann [guest] [/b] :smile: \x1b]0;title\x07\x1b[2J\x9b31m\r\u202eexe.txt \udce9"
SEEN = r"Ann [guest] [/b] :smile: \x1b]0;title\x07\x1b[2J\x9b31m\r\u202eexe.txt \xe9"


@pytest.mark.parametrize(("text", "seen"), [
    ("Ann [guest]", "Ann [guest]"), ("José 李 شاهین", "José 李 شاهین"), ("می\u200cخواهم", "می\u200cخواهم"),
    ("a\nb\tc", r"a\nb\tc"), (r"C:\x", r"C:\x"), ("\x7f\x00\x85", r"\x7f\x00\x85"), ("caf\udce9.mp4", r"caf\xe9.mp4"),
    ("\u2066\u200e\ufeff\u2028", r"\u2066\u200e\ufeff\u2028"),
    ("\ud800", r"\ud800"), ("\U000e0041", r"\U000e0041"), (Path("a[b]"), "a[b]"),
])  # fmt: skip
def test_what_hides_or_moves_is_escaped_and_all_else_is_not(text: object, seen: str) -> None:
    assert shown(text) == seen


def test_every_way_to_print_shows_names_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    say(HOSTILE)
    say_lines(f"{HOSTILE}\n| {HOSTILE} |\n")
    tell(HOSTILE)
    out, err = capsys.readouterr()
    assert out == f"{SEEN}\n{SEEN}\n| {SEEN} |\n"
    assert err == f"{SEEN}\n"


def test_tables_show_names_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    table = TextTable(HOSTILE, ("[b]name[/b]", "n"), ((HOSTILE, "1"), ("Ann [staff]", "2")))
    say_tables(table.to_rich(), notes=[HOSTILE])
    out = capsys.readouterr().out
    assert out.count(SEEN) == 3
    assert "[b]name[/b]" in out
    assert "Ann [staff]" in out
    assert SEEN in table.to_markdown()


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_shows_names_as_they_are(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: terminal)
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("COLUMNS", "250")
    with progress(f"train {HOSTILE}", "steps") as show:
        show(1, 1, HOSTILE)
    assert stream.getvalue().count(SEEN) >= 2
    assert "\x07" not in stream.getvalue()


def test_json_stays_the_same_document(capsys: pytest.CaptureFixture[str]) -> None:
    document = {"person": HOSTILE.replace("\udce9", "é"), "other": "\U000e0041 \x85"}
    say_json(document, indent=1)
    out = capsys.readouterr().out
    assert json.loads(out) == document
    assert shown(out.replace("\n", "")) == out.replace("\n", "")
    assert json.loads(json_shown(json.dumps("\udce9", ensure_ascii=False))) == "\udce9"


def test_json_on_a_terminal_of_few_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    say_json({"person": "José 𝄞"})
    assert json.loads(raw.getvalue().decode("ascii")) == {"person": "José 𝄞"}


class Broken(io.StringIO):
    def __init__(self, error: OSError) -> None:
        super().__init__()
        self.error = error

    def write(self, text: str) -> int:
        raise self.error


def test_a_reader_that_has_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, Broken(BrokenPipeError(32, "Broken pipe")))
    tell("the work goes on")
    with pytest.raises(OutputGone):
        say("text")
    with pytest.raises(OutputGone):
        say_tables(TextTable("title", ("a",), (("b",),)).to_rich())


def test_a_full_disk_is_said_with_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Broken(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space left on device: 'standard output'"):
        say("text")
    with pytest.raises(OSError, match="standard output"):
        say_tables(TextTable("title", ("a",), (("b",),)).to_rich(), to=console())


def test_shares_are_said_without_powers_of_ten() -> None:
    said = [per_cent(share) for share in (0, 0.000_83, 0.0013, 0.12, 0.987, 0.996, 1)]
    assert said == ["0 %", "0.083 %", "0.13 %", "12 %", "99 %", "100 %", "100 %"]
