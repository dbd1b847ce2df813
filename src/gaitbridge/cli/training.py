"""Commands that train: train, sweep, seen."""

import os
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from gaitbridge.cli._app import Many, Settings, app, say, say_tables
from gaitbridge.errors import UserError

FromRun = Annotated[Path | None, Parameter(name="--from")]
Grid = Annotated[list[str] | None, Parameter(name="--grid", negative=(), consume_multiple=True)]
Listed = Annotated[Path | None, Parameter(name="--list")]


@app.command
def train(recipe: str | None = None, *, data: Path, out: Path, from_run: FromRun = None, config: Path | None = None, resume: bool = False,
          overrides: Settings = None) -> None:
    """Train a recipe on a store's training people; validate on its validation people; keep the best and the last checkpoint.

    Parameters
    ----------
    recipe
        Such as diffcrossgait/tiny, or tiny_identity where one method alone has it. `gaitbridge recipes` lists them.
    data
        The store to train on.
    out
        Folder of the run.
    from_run
        Take the settings of this run, or model that comes along, its seed among them, in place of a recipe's.
    config
        Take the settings of this file, as `gaitbridge recipes NAME --json` prints them; what it does not name has its default.
    resume
        Go on from the run's last checkpoint.
    overrides
        A setting, a.b=value, such as --set objective.diffusion.phases=[1,2]; may be given several times.
    """
    from gaitbridge.inference.shipped import folder_of
    from gaitbridge.progress import progress, silent
    from gaitbridge.store import Store
    from gaitbridge.training.given import run_settings, settings_given
    from gaitbridge.training.loop import train as run_training

    settings = run_settings(settings_given(recipe, folder_of(from_run) if from_run else None, config), overrides or [])
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
def sweep(recipe: str | None = None, *, data: Path, out: Path, grid: Grid = None, listed: Listed = None, seeds: Many = 1, jobs: Many = 1,
          from_run: FromRun = None, config: Path | None = None, overrides: Settings = None) -> None:
    """Train one run with other settings against each other, and say which does best on validation people. Stopped, it goes on where it was.

    Parameters
    ----------
    recipe
        What the settings are changed of, as for `gaitbridge train`.
    data
        The store to train on.
    out
        Folder of the runs and of the table: sweep.md, sweep.csv, sweep.json.
    grid
        A setting and its values, such as --grid optimiser.learning_rate=1e-3,3e-3; may be given several times: all combinations are run.
    listed
        In place of a grid: a file with the settings of one arm a line, such as `optimiser.learning_rate=1e-3 data.frames=4`.
    seeds
        How many seeds of each, from 0 on.
    jobs
        Runs at the same time, of one thread each.
    from_run
        Take the settings of this run in place of a recipe's.
    config
        Take the settings of this file.
    overrides
        A setting of every run, such as --set steps=500; may be given several times.
    """
    from gaitbridge.evaluation.comparing.swept import SweptRow
    from gaitbridge.evaluation.row_files import write_row_files
    from gaitbridge.files import written_whole
    from gaitbridge.progress import progress
    from gaitbridge.report.sweep import sweep_table
    from gaitbridge.store import Store
    from gaitbridge.training import sweep as sweeping
    from gaitbridge.training.given import settings_given, words_given

    document = settings_given(recipe, from_run, config)
    if grid and listed:
        raise UserError("arms come from --grid or from --list, not from both")
    arms = sweeping.listed_in(listed) if listed else sweeping.grid_of(grid) if grid else []
    plan = sweeping.plan_sweep(arms, document, Store(data), out, seeds=seeds, settings=overrides or (), source=words_given(recipe, from_run, config))
    with progress(f"sweep {plan.recipe}", "runs") as show:
        rows = sweeping.run_sweep(plan, jobs, show)
    table = sweep_table(rows)
    write_row_files(rows, SweptRow, out, "sweep")
    with written_whole(out / "sweep.md") as temporary:
        temporary.write_text(f"{table.title}; {plan.recipe} on {data}.\n\n{table.to_markdown()}\n", encoding="utf-8")
    say_tables(table.to_rich())
    say(f"{out / 'sweep'}.md, .csv, .json")
    if failed := [row for row in rows if row.failure]:
        names = ", ".join(Path(row.folder).name for row in failed[:5])
        raise UserError(f"{len(failed)} of {len(rows)} runs failed ({names}{', ...' if len(failed) > 5 else ''}), as the table says; "
                        "run the same command again to try them again")
