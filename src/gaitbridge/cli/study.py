"""Commands of studies: study, studies, robustness."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from gaitbridge.cli._app import Many, Settings, Workers, app, say, say_tables
from gaitbridge.errors import UserError

Several = Annotated[list[Path] | None, Parameter(name="--test", negative=(), consume_multiple=True)]


@app.command
def study(name: str, *, data: Path, out: Path, seeds: Many = 3, steps: Many | None = None, jobs: Many = 1,
          only: Annotated[list[str] | None, Parameter(negative=(), consume_multiple=True)] = None, tests: Several = None,
          recipe: str | None = None, report: Path = Path("docs/studies"), report_only: Annotated[bool, Parameter(negative=())] = False,
          overrides: Settings = None) -> None:
    """Train and evaluate all arms of a study over several seeds; write one table, one figure and the raw rows. Stopped, it goes on where it was.

    Parameters
    ----------
    name
        diffcrossgait, meshgait or transfer; `gaitbridge studies` lists them with their arms.
    data
        The store to train on.
    out
        Folder of the runs.
    seeds
        How many seeds, from 0 on.
    steps
        Training steps of a run; by default the recipe's.
    jobs
        Runs at the same time, of one thread each.
    only
        Arms to run; the table then has these alone.
    tests
        For transfer: the stores to test on, of captured motion.
    recipe
        Another recipe of the same method as the ground that arms change, such as diffcrossgait/paper.
    report
        Folder for NAME.md, NAME.png and NAME.csv.
    report_only
        Train nothing: the report of the runs that are finished, which says how many are missing.
    overrides
        A setting of every arm, such as --set data.people_per_batch=8; may be given several times.
    """
    from gaitbridge.progress import progress
    from gaitbridge.report.study import ArmRuns, write_study
    from gaitbridge.store import Store
    from gaitbridge.training import study as studies
    from gaitbridge.training.studies import open_study

    chosen = open_study(name)
    found = studies.plan(chosen, data, out, seeds=seeds, only=only or (), tests=tests or (), recipe=recipe, steps=steps, settings=overrides or ())
    Store(data)  # a mistake shows before anything is begun
    if not report_only:
        with progress(f"study {name}", "runs") as show:
            studies.execute(found, jobs, show)
    runs = [run for run in found.runs if studies.finished(found, run)]
    if not runs:
        raise UserError(f"{out} holds no finished run of study {name}: leave --report-only out")
    command = " ".join(["gaitbridge", *sys.argv[1:]])
    for number in range(len(found.evaluations(found.runs[0]))):
        store, folder, protocol = found.evaluations(found.runs[0])[number]
        arms = []
        for arm in chosen.arms:
            if own := tuple((run.seed, run.folder, found.evaluations(run)[number][1]) for run in runs if run.arm == arm):
                arms.append(ArmRuns(arm.name, arm.about, arm.against, own))
        title = name if not chosen.elsewhere else f"{name}-{folder.name.removeprefix('evaluation-')}"
        with progress(f"compare {title}", "arms") as show:
            table = write_study(title, chosen.about, arms, Store(store), protocol, command, report, len(found.runs) - len(runs), show)
        say_tables(table.to_rich())
        say(f"{report / title}.md, .png, .csv")


@app.command(name="studies")
def list_studies() -> None:
    """List the studies and their arms."""
    from gaitbridge.training.studies import STUDIES

    for one in STUDIES.values():
        say(f"{one.name}: {one.about} ({one.recipe})")
        for arm in one.arms:
            say(f"  {arm.name:24} {arm.about}" + (f" (against {arm.against})" if arm.against else ""))


@app.command
def robustness(runs: Annotated[list[Path], Parameter(negative=(), consume_multiple=True)], *, out: Path, people: Many = 100,
               only: Annotated[list[str] | None, Parameter(negative=(), consume_multiple=True)] = None, workers: Workers = 1,
               report: Path = Path("docs/studies")) -> None:
    """Evaluate trained runs on simulated test stores that differ in one thing each: distance, LiDAR, occlusion, segmentation, view, time, frames.

    Parameters
    ----------
    runs
        Folders of trained runs.
    out
        Folder of the stores and the evaluations. Stopped, it goes on where it was.
    people
        Test people of each store; the same ones in all.
    only
        Factors to vary; all by default.
    workers
        Processes that simulate.
    report
        Folder for robustness.md, robustness.png and robustness.csv.
    """
    from gaitbridge.progress import progress
    from gaitbridge.report.robustness import write_robustness
    from gaitbridge.training import robustness as factors

    with progress("robustness", "evaluations") as show:
        found = factors.execute(runs, out, people=people, only=only or (), workers=workers, progress=show)
    table = write_robustness(found, " ".join(["gaitbridge", *sys.argv[1:]]), report)
    say_tables(table.to_rich())
    say(f"{report / 'robustness'}.md, .png, .csv")
