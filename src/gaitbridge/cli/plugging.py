"""Commands about plug-ins of one's own: plugins, plugins check."""

from pathlib import Path

from cyclopts import App

from gaitbridge.cli._app import app, say
from gaitbridge.errors import UserError

plugins = App(name="plugins", help="Methods, losses, importers, protocols, augmentations and studies of your own, given with --plugin PATH anywhere "
                                   "in a command, in GAITBRIDGE_PLUGINS, or by installed packages. Their code is run as yours.")
app.command(plugins)


@plugins.default
def list_plugins() -> None:
    """List the plug-ins that are given, what they give, and the hash of their files."""
    from gaitbridge.plugins import plugged

    for plugin in plugged():
        say(f"{plugin.path}: {plugin.words}; SHA-256 {plugin.sha256}")
    if not plugged():
        say("no plug-ins are given: --plugin PATH gives one, in any command")


@plugins.command
def check(path: Path) -> None:
    """Run the contract tests on a plug-in. Its code is run.

    Parameters
    ----------
    path
        Of the plug-in: a .py or .json file, or a folder.
    """
    import tempfile

    from gaitbridge.contracts.checked import check_all
    from gaitbridge.plugin_files import read_plugin
    from gaitbridge.plugins import use

    plugin = read_plugin(path)
    use([path])
    failed = done = 0
    for one in check_all([plugin], Path(tempfile.gettempdir())):
        done, failed = done + 1, failed + bool(one.problem)
        say(f"{'fails' if one.problem else 'ok':5} {one.what}: {one.test}{f': {one.problem}' if one.problem else ''}")
    if failed:
        raise UserError(f"{path}: {failed} of {done} contract tests fail: mend what they name")
    say(f"{path}: {done} contract tests pass; SHA-256 {plugin.sha256}")
