"""The sub-commands of capture hang on this."""

from cyclopts import App

from gaitbridge.cli._app import app

capture = App(name="capture", help="Take walking people from recordings to a store.")
app.command(capture)
