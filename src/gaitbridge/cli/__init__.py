"""The command line: parse, load, call. A file a group of commands; what is heavy is imported by the command that needs it: --help is quick."""

import errno
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import NoReturn

from cyclopts.exceptions import CycloptsError

from gaitbridge import plugins
from gaitbridge.cli._app import app
from gaitbridge.errors import Fault, UserError
from gaitbridge.machine import few_files, ready_files
from gaitbridge.printing import OutputGone, gone, leave_streams, ready_streams, tell

for _group in plugins.names(__name__):
    plugins.load(__name__, _group)

PACKAGE = Path(__file__).parents[1]


class Ended(KeyboardInterrupt):
    """The system, or somebody by `kill`, asked the process to end."""


def _end(number: int, frame: object) -> NoReturn:
    raise Ended


def _fail(message: str, code: int = 2) -> int:
    tell(f"gaitbridge: {message}")
    return code


def main(arguments: list[str] | None = None) -> int:
    """Run a command; its exit code, with one line on standard error where it is not 0.

    0: it went well. 2: a mistake of the user, or the machine's. 70: a fault of the program, to be reported. 130: interrupted, 143: ended by
    the system. 141: who read the output has gone, without a line. `--debug`, or GAITBRIDGE_DEBUG=1, shows where an error came from.
    """
    words, debug = _debugging(sys.argv[1:] if arguments is None else arguments)
    try:
        words, given = plugged_in(words)
        if given:
            plugins.use(given)
        if words and not {"--help", "-h", "--version"} & set(words):
            ready_files()
        app(words, exit_on_error=False, print_error=False, result_action="return_value")
    except OutputGone:
        return gone()
    except KeyboardInterrupt as stop:
        code = 143 if isinstance(stop, Ended) else 130
        return _fail("interrupted; what was finished is kept: the same command goes on (train: with --resume; quickstart: another folder)", code)
    except Exception as error:
        if debug:
            for line in traceback.format_exc().splitlines():
                tell(line)
        return _failed(error)
    return 0


def _debugging(words: list[str]) -> tuple[list[str], bool]:
    """The words of a command without --debug, and whether it was among them or is set."""
    end = words.index("--") if "--" in words else len(words)
    rest = [word for word in words[:end] if word != "--debug"]
    return rest + words[end:], len(rest) < end or os.environ.get("GAITBRIDGE_DEBUG", "0") not in ("", "0")


def plugged_in(words: list[str]) -> tuple[list[str], list[str]]:
    """The words of a command without --plugin PATH (or --plugin=PATH), and the paths. UserError where one has no path."""
    end = words.index("--") if "--" in words else len(words)
    rest, paths = [], []
    waiting = iter(words[:end])
    for word in waiting:
        if word == "--plugin":
            path = next(waiting, "")
            if not path or path.startswith("--"):
                raise UserError("--plugin needs the path of a plug-in: a .py or .json file, or a folder")
            paths.append(path)
        elif word.startswith("--plugin="):
            paths.append(word.partition("=")[2])
        else:
            rest.append(word)
    return rest + words[end:], paths


def _failed(error: Exception) -> int:
    """One line for what ended a command."""
    if isinstance(error, CycloptsError):
        return _fail(" ".join(str(error).split()))
    if isinstance(error, UserError):
        return _fail(str(error), 70 if isinstance(error, Fault) else 2)
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        return _fail(few_files())
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        return _fail(f"{place}{error.strerror or error}")
    if isinstance(error, MemoryError):
        return _fail("the machine's memory is full: free some, or give the command less to do at once")
    if place := plugins.blamed(error):
        return _fail(f"the plug-in {place} failed ({_what(error)}): mend it; --debug shows how it was called")
    return _fail(f"a fault of the program, not yours ({_what(error)}): what was finished is kept. Please report it with the command that you gave "
                 "and what it prints with --debug", 70)


def _what(error: Exception) -> str:
    """Kind, words and place of an error, in one line."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(PACKAGE)]
    place = f" at {Path(own[-1].filename).relative_to(PACKAGE)}:{own[-1].lineno}" if own else ""
    words = " ".join(str(error).split())
    return f"{type(error).__name__}{': ' if words else ''}{words[:300]}{'...' if len(words) > 300 else ''}{place}"


def entry() -> NoReturn:
    """The console script."""
    heard = ready_streams()
    signal.signal(signal.SIGTERM, _end)
    code = main()
    written = leave_streams()
    sys.exit(code or written or (0 if heard else 1))
