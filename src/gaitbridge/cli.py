"""The command line: parse, load, call. Everything heavy is imported by the command that needs it, so that --help is quick."""

import os
import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from cyclopts.exceptions import CycloptsError

from gaitbridge import __version__
from gaitbridge.errors import UserError

app = App(name="gaitbridge", help="Recognise people by how they walk, across cameras and LiDARs.", version=__version__, version_flags=["--version"])


def say(text: object = "") -> None:
    """Print for people, tables included."""
    from rich.console import Console

    Console(width=None if sys.stdout.isatty() else 140, highlight=False).print(text, soft_wrap=isinstance(text, str))


@app.command
def inspect(store: Path, sequence: str | None = None, *, out: Path | None = None, verify: bool = False) -> None:
    """Print what a store holds, or draw one of its sequences.

    Parameters
    ----------
    store
        Folder of the store.
    sequence
        Key of a sequence (person/condition-take/view), to draw it.
    out
        The picture to write, a .png; by default named after the sequence.
    verify
        Read everything and compare the content hashes.
    """
    from gaitbridge.report.inspect import describe_store
    from gaitbridge.report.pictures import draw_sequence
    from gaitbridge.store import Store

    opened = Store(store)
    if verify:
        opened.verify()
        say(f"{store}: all content hashes agree")
    if sequence is None:
        for table in describe_store(opened):
            say(table)
        return
    picture = out or Path(f"{sequence.replace('/', '_')}.png")
    draw_sequence(opened, sequence, picture)
    say(f"{picture}")


@app.command
def train(recipe: str, *, data: Path, out: Path, resume: bool = False,
          overrides: Annotated[list[str] | None, Parameter(name="--set", negative=())] = None) -> None:
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
    from gaitbridge.progress import progress
    from gaitbridge.store import Store
    from gaitbridge.training import config as runs
    from gaitbridge.training.loop import train as run_training

    document = config.overridden(runs.recipe(recipe).model_dump(mode="json"), overrides or [])
    settings = config.checked(runs.RunConfig, document)
    with progress(f"train {settings.recipe}", "steps") as show:
        state = run_training(settings, Store(data), out, resume, show)
    found = f"best validation rank-1 {state['best']:.1f} %; " if "rank1" in state["metrics"] else ""
    say(f"{out}: {state['step']} steps in {state['seconds']:.0f} s; {found}next: gaitbridge evaluate {out} --data {data}")


@app.command
def recipes() -> None:
    """List the recipes."""
    from gaitbridge.training.config import recipes as known

    for name, function in known().items():
        say(f"{name:36} {(function.__doc__ or '').splitlines()[0]}")


@app.command
def report(run: Path, *, data: Path | None = None, out: Path | None = None) -> None:
    """Write a run's report, one self-contained HTML page.

    Parameters
    ----------
    run
        Folder of the run.
    data
        The store it was evaluated on, for the pictures; by default the place that the run remembers.
    out
        The page; by default report.html in the run's folder.
    """
    import json

    from gaitbridge.report.page import write_report
    from gaitbridge.store import Store

    file = run / "provenance.json"
    if data is None and file.is_file():
        remembered = Path(json.loads(file.read_text()).get("data", ""))
        data = remembered if (remembered / "store.json").is_file() else None
    say(f"{write_report(run, Store(data) if data else None, out)}")


@app.command(name="fit-motion")
def fit_motion(captures: Path, *, out: Path) -> None:
    """Fit the statistical walk to a folder of BVH captures; use the result as --motion parametric:FILE.

    Parameters
    ----------
    captures
        Folder of .bvh files, named person_take.bvh.
    out
        The fitted numbers, a .json.
    """
    from gaitbridge.progress import progress
    from gaitbridge.simulation.motion.fit import fit_motion as fit

    with progress("fit", "captures") as show:
        summary = fit(captures, out, show)
    for name, value in summary.items():
        say(f"{name:32} {value}")


def _fail(message: str, code: int = 2) -> int:
    print(f"gaitbridge: {message}", file=sys.stderr)
    return code


def main(arguments: list[str] | None = None) -> int:
    """Run a command; 0 if it went well, 2 for a mistake of the user or the machine (one line on standard error), 130 if interrupted."""
    os.environ.setdefault("WARP_LOG_LEVEL", "error")
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
