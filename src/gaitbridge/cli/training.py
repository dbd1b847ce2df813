"""Commands that train: train, recipes."""

import os
from pathlib import Path

from gaitbridge.cli._app import Settings, app, say


@app.command
def train(recipe: str, *, data: Path, out: Path, resume: bool = False,
          overrides: Settings = None) -> None:
    """Train a recipe on a store's training people; validate on its validation people; keep the best and the last checkpoint.

    Parameters
    ----------
    recipe
        Such as diffcrossgait/tiny, or tiny where one method alone has it. `gaitbridge recipes` lists them.
    data
        The store to train on.
    out
        Folder of the run.
    resume
        Go on from the run's last checkpoint.
    overrides
        A setting, a.b=value, such as --set objective.diffusion.phases=[1,2]; may be given several times.
    """
    from gaitbridge import config
    from gaitbridge.progress import progress, silent
    from gaitbridge.store import Store
    from gaitbridge.training import config as runs
    from gaitbridge.training.loop import train as run_training

    document = config.overridden(runs.recipe(recipe).model_dump(mode="json"), overrides or [])
    settings = config.checked(runs.RunConfig, document)
    first = os.environ.get("RANK", "0") == "0"  # of the processes that torchrun starts, one speaks
    with progress(f"train {settings.recipe}", "steps") as show:
        state = run_training(settings, Store(data), out, resume, show if first else silent)
    if not first:
        return
    found = f"best validation rank-1 {state['best']:.1f} %; " if "rank1" in state["metrics"] else ""
    say(f"{out}: {state['step']} steps in {state['seconds']:.0f} s; {found}next: gaitbridge evaluate {out} --data {data}")


@app.command
def seen(run: Path, *, data: Path) -> None:
    """Say how well a run knows the people it was trained on, beside people it has not met: triplets within the margin, rank-1 across the sensors.

    Parameters
    ----------
    run
        Folder of the run, of a network of both sensors.
    data
        The store that it was trained on.
    """
    from gaitbridge.progress import progress
    from gaitbridge.store import Store
    from gaitbridge.training.seen import measure_seen

    with progress(f"measure {run.name}", "parts") as show:
        found = measure_seen(run, Store(data), show)
    share = 100.0 * found["violating"] / max(found["triplets"], 1)
    say(f"{run}: {share:.2f} % of {found['triplets']} training triplets across the sensors within the margin of {found['margin']:g}; rank-1 of "
        f"{found['people']} people trained on {found['seen']['rank1']:.1f} %, of as many not met {found['unseen']['rank1']:.1f} %")


@app.command
def recipes() -> None:
    """List the recipes."""
    from gaitbridge.training.config import recipes as known

    for name, function in known().items():
        say(f"{name:36} {(function.__doc__ or '').splitlines()[0]}")
