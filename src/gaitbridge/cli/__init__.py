"""The command line: parse, load, call. A file a group of commands; what is heavy is imported by the command that needs it: --help is quick."""

import sys
from typing import Any

from cyclopts.exceptions import CycloptsError

from gaitbridge import plugins
from gaitbridge.cli._app import app
from gaitbridge.errors import UserError

for _group in plugins.names(__name__):
    plugins.load(__name__, _group)


def _fail(message: str, code: int = 2) -> int:
    print(f"gaitbridge: {message}", file=sys.stderr)
    return code


def main(arguments: list[str] | None = None) -> int:
    """Run a command; 0 if it went well, 2 for a mistake of the user or the machine (one line on standard error), 130 if interrupted."""
    try:
        app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        return _fail(" ".join(str(error).split()))
    except UserError as error:
        return _fail(str(error))
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        return _fail(f"{place}{error.strerror or error}")
    except KeyboardInterrupt:
        return _fail("interrupted; what was finished is kept: run the same command again to go on (train: with --resume)", 130)
    return 0


def entry() -> Any:
    """The console script."""
    sys.exit(main())
