"""The application that the commands hang on, and what they share."""

import sys
from typing import Annotated

from cyclopts import App, Parameter

from gaitbridge import __version__

app = App(name="gaitbridge", help="Recognise people by how they walk, across cameras and LiDARs.", version=__version__, version_flags=["--version"])


def say(text: object = "") -> None:
    """Print for people, tables included."""
    from rich.console import Console

    Console(width=None if sys.stdout.isatty() else 140, highlight=False).print(text, soft_wrap=isinstance(text, str))


Settings = Annotated[list[str] | None, Parameter(name="--set", negative=())]
