"""All that is printed passes here: no name is markup, moves a cursor or hides; no letter fails on a terminal that lacks it; nobody need read it."""

from __future__ import annotations

import codecs
import contextlib
import errno
import os
import sys
import unicodedata
import warnings
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console

WIDTH = 140  # of tables, where nobody looks at a terminal
_JOINERS = "\u200c\u200d"  # invisible, but letters of Persian, Hindi and others need them
_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
_PLAIN = {"–": "-", "±": "+/-", "×": "x", "°": " deg", "…": "...", "✓": "yes", "✗": "no", "→": "->", "≤": "<=", "≥": ">="}  # of our own letters


class OutputGone(Exception):
    """Who read standard output has gone: nothing is wrong, and nothing more is to be said."""


def shown(text: object) -> str:
    """Text as it may be printed within a line: control characters, those that turn the direction of writing, invisible ones and bytes of names that
    are no UTF-8 appear as escapes, such as \\x1b."""
    words = str(text)
    return words if words.isascii() and words.isprintable() else "".join(map(_visible, words))


def _visible(letter: str) -> str:
    kind = unicodedata.category(letter)
    if kind == "Cs":  # what is left of a byte that was no UTF-8, or half of a letter
        return f"\\x{ord(letter) - 0xDC00:02x}" if 0xDC80 <= ord(letter) <= 0xDCFF else f"\\u{ord(letter):04x}"
    if kind not in ("Cc", "Cf", "Zl", "Zp") or letter in _JOINERS:
        return letter
    number = ord(letter)
    return _SHORT.get(letter) or (f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}")


def json_shown(text: str) -> str:
    """A JSON document as it may be printed: the same document, with JSON's own escapes for what `shown` escapes."""
    if text.isascii():
        return text
    return "".join(letter if letter == "\n" or _visible(letter) == letter else json_escape(letter) for letter in text)


def json_escape(letter: str) -> str:
    """One letter as JSON's escapes, by halves beyond 16 bits."""
    pairs = letter.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{pairs[at]:02x}{pairs[at + 1]:02x}" for at in range(0, len(pairs), 2))


def per_cent(share: float) -> str:
    """A share or rate, 0 to 1, in per cent with two digits that count: 0.083 %, 12 %, 100 %."""
    hundredths = 100 * share
    return f"{hundredths:.2g} %" if 0 < hundredths < 99.5 else f"{hundredths:.0f} %"


def say(text: object = "") -> None:
    """A line for people on standard output, there when this returns."""
    _write(sys.stdout, shown(text))


def say_lines(text: str) -> None:
    """A document of several lines, such as Markdown, on standard output."""
    _write(sys.stdout, "\n".join(shown(line) for line in text.removesuffix("\n").split("\n")))


def say_json(document: Any, indent: int | None = None) -> None:
    """A JSON document on standard output."""
    import json

    text = json_shown(json.dumps(document, indent=indent, ensure_ascii=False, allow_nan=False))
    plain = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().startswith("utf")
    _write(sys.stdout, text if plain else "".join(letter if letter.isascii() else json_escape(letter) for letter in text))


def say_tables(*tables: Any, to: Console | None = None, notes: Iterable[str] = ()) -> None:
    """Tables of Rich on standard output (or another console), and dim notes below them."""
    out = to or console()
    with _written():
        for table in tables:
            out.print(table)
        for note in notes:
            out.print(shown(note), style="dim", markup=False, highlight=False)


def tell(text: object) -> None:
    """A line beside the output, on standard error. Where nobody can read it, the work goes on without."""
    with contextlib.suppress(OSError, ValueError):  # the terminal has gone, the disk is full, the stream is closed
        print(shown(text), file=sys.stderr, flush=True)


def console(errors: bool = False) -> Console:
    """The one kind of console there is, for tables and bars: on it no text is markup."""
    from rich import console as rich

    class Plain(rich.Console):
        """A console that says so when nobody reads."""

        def on_broken_pipe(self) -> None:
            raise OutputGone

    stream = sys.stderr if errors else sys.stdout
    return Plain(file=stream, width=None if stream.isatty() else WIDTH, highlight=False, markup=False, emoji=False)


def _write(stream: TextIO, text: str) -> None:
    with _written():
        stream.write(text + "\n")
        stream.flush()


@contextlib.contextmanager
def _written() -> Iterator[None]:
    """What fails within failed on standard output: OutputGone where nobody reads, else an OSError that says where."""
    try:
        yield
    except BrokenPipeError:
        raise OutputGone from None
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), "standard output") from error


def ready_streams() -> bool:
    """Make the process's streams fit for any text; whether standard output was open.

    Closed ones lead nowhere from now on, so that no file is given their number and then what was meant for a person.
    """
    codecs.register_error("gaitbridge", _plain)
    was_open = sys.stdout is not None
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            try:
                os.fstat(number)
            except OSError as error:
                if error.errno != errno.EBADF:
                    raise
                os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free, which is this one
            setattr(sys, name, open(number, "r" if number == 0 else "w", encoding="utf-8", closefd=False))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="gaitbridge")
    warnings.showwarning = lambda message, *_, **__: tell(f"gaitbridge: note: {' '.join(str(message).split())}")
    return was_open


def _plain(error: UnicodeError) -> tuple[str, int]:
    """What a terminal cannot show, as plain letters or as an escape."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lost = error.object[error.start : error.end]
    return "".join(_PLAIN.get(letter) or codecs.encode(letter, "ascii", "backslashreplace").decode() for letter in lost), error.end


def leave_streams() -> int:
    """Write out what is left in standard output, at the end of the process: 0, or the exit code of a process whose output cannot be written."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        return gone()
    except OSError as error:
        tell(f"gaitbridge: standard output: {error.strerror or error}")
        _to_nowhere()
        return 2
    return 0


def gone() -> int:
    """The exit code of a process whose reader has gone, as a shell gives it for others: 128 and the number of SIGPIPE."""
    _to_nowhere()
    return 141


def _to_nowhere() -> None:
    """What still waits in standard output is not tried again when Python ends."""
    with contextlib.suppress(OSError, ValueError):  # a stream of a test has no number
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
