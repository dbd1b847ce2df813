"""The application that the commands hang on, and what they share."""

from typing import Annotated, Literal

from cyclopts import App, Parameter
from cyclopts.validators import Number

from gaitbridge import __version__
from gaitbridge.printing import say, say_tables

__all__ = ["FlipsOf", "Many", "PartOf", "Seed", "Settings", "Workers", "app", "say", "say_tables"]

Many = Annotated[int, Parameter(validator=Number(gte=1, lte=1_000_000))]
Seed = Annotated[int, Parameter(validator=Number(gte=0, lt=2**63))]
FlipsOf = Annotated[Literal["none", "average", "concatenate"] | None, Parameter(name="--flips")]
PartOf = Annotated[str | None, Parameter(name="--part")]
Workers = Annotated[int, Parameter(validator=Number(gte=0, lte=1024))]

app = App(name="gaitbridge", help="Recognise people by how they walk, across cameras and LiDARs.", version=__version__, version_flags=["--version"],
          suppress_keyboard_interrupt=False,  # `main` says that it was interrupted, and by whom
          help_epilogue="--debug, anywhere in a command, shows where an error came from; --plugin PATH takes a plug-in of your own.")
Settings = Annotated[list[str] | None, Parameter(name="--set", negative=())]
