"""Commands about weights of others: weights import."""

from pathlib import Path

from cyclopts import App

from gaitbridge.cli._app import Settings, app, say

weights = App(name="weights", help="Published checkpoints of the field's standard networks.")
app.command(weights)


@weights.command(name="import")
def import_(file: Path, out: Path, *, network: str, overrides: Settings = None) -> None:
    """Make a run of a published checkpoint, for evaluate, embed and the Python API. Nothing of the file is executed.

    Parameters
    ----------
    file
        The checkpoint, a PyTorch file with {"model": tensors by name} in the naming of the field's standard toolkit.
    out
        Folder of the run to make.
    network
        What it is a checkpoint of: gaitset, gaitbase, deepgaitv2, lidargait, smplgait, skeletongait or skeletongait++. Channels, blocks, parts
        and the like are read off the tensors.
    overrides
        A setting that tensors do not tell, such as --set network.size=[64,64]; may be given several times.
    """
    from gaitbridge.progress import progress
    from gaitbridge.training.weights import import_weights

    with progress(f"import {network}", "steps") as show:
        facts = import_weights(file, out, network, overrides or [], show)
    people = f", a classifier of {facts['people']:,} people" if facts["people"] else ""
    dropped = f"; dropped, as it is of no use without a classifier: {', '.join(facts['dropped'])}" if facts["dropped"] else ""
    say(f"{out}: {network} of {facts['parameters'] / 1e6:.1f} M parameters{people}{dropped}; next: gaitbridge evaluate {out} --data STORE")
