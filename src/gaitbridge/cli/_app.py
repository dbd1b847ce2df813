"""The application that the commands hang on, and what they share."""

from typing import Annotated

from cyclopts import App, Parameter

from gaitbridge import __version__
from gaitbridge.printing import say, say_tables

__all__ = ["Settings", "app", "say", "say_tables"]

app = App(name="gaitbridge", help="Recognise people by how they walk, across cameras and LiDARs.", version=__version__, version_flags=["--version"],
          help_epilogue="--debug, anywhere in a command, shows where an error came from.")
Settings = Annotated[list[str] | None, Parameter(name="--set", negative=())]
