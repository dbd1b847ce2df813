"""Commands of studies: study, studies, robustness."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from typing_extensions import TypedDict

from gaitbridge.cli._app import Many, PartOf, Settings, Workers, app, say, say_tables
from gaitbridge.cli._parts import say_waiting, without_part
from gaitbridge.errors import UserError

if TYPE_CHECKING:
    from gaitbridge.report.study import ArmRuns
    from gaitbridge.training.study import Plan, Run

Several = Annotated[list[Path] | None, Parameter(name="--test", negative=(), consume_multiple=True)]


@app.command
def study(name: str, *, data: Path, out: Path, seeds: Many = 3, steps: Many | None = None, jobs: Many = 1,
          only: Annotated[list[str] | None, Parameter(negative=(), consume_multiple=True)] = None, tests: Several = None,
          recipe: str | None = None, report: Path = Path("docs/studies"), report_only: Annotated[bool, Parameter(negative=())] = False,
          costs: Annotated[bool, Parameter(negative=())] = False, overrides: Settings = None, part: PartOf = None) -> None:
    """Train and evaluate all arms of a study over several seeds; write one table, one figure and the raw rows. Stopped, it goes on where it was.

    Parameters
    ----------
    name
        diffcrossgait, meshgait, transfer, ladder, rivals, bodies, bodies-across or lidar-side; `gaitbridge studies` lists them with their arms.
    data
        The store to train on.
    out
        Folder of the runs.
    seeds
        How many seeds, from 0 on.
    steps
        Training steps of a run; by default the study's or the recipe's.
    jobs
        Runs at the same time, of one thread each.
    only
        Arms to run; the table then has these alone.
    tests
        For transfer: the stores to test on, of captured motion.
    recipe
        Another recipe of the same method as the ground that arms change, such as diffcrossgait/paper.
    report
        Folder for NAME.md, NAME.png and NAME.csv; of the ladder ladder-STORE.md and so on.
    report_only
        Train nothing: the report of the runs that are finished, which says how many are missing.
    costs
        Measure what each arm costs, too, one after the other in turn: parameters, a training step, an embedding. They stay with the runs, and the
        table has them from then on.
    overrides
        A setting of every arm, such as --set data.people_per_batch=8; may be given several times.
    part
        K/N: only part K of N of the runs, for many machines; by default the task of a SLURM array. Whoever finishes last writes the report.
    """
    from gaitbridge.parts import chosen
    from gaitbridge.progress import progress
    from gaitbridge.training import study as studies

    asked = Asked(name=name, data=str(data.absolute()), out=str(out.absolute()), seeds=seeds, steps=steps, only=only or [], recipe=recipe,
                  tests=[str(path.absolute()) for path in tests or ()], report=str(report.absolute()), overrides=overrides or [],
                  command=" ".join(["gaitbridge", *without_part(sys.argv[1:])]))
    own, found = chosen(part), planned(asked | {"data": str(data), "out": str(out), "tests": [str(path) for path in tests or ()]})
    if own is not None and not report_only:
        with progress(f"study {name}", "runs") as show:
            whole = studies.execute_part(found, own, asked, report / f"{_titles(found)[0]}.md", jobs, show)
        if not whole:
            say_waiting(out, own)
            return
    elif not report_only:
        with progress(f"study {name}", "runs") as show:
            studies.execute(found, jobs, show)
    if costs:
        from gaitbridge.evaluation.comparing.costs import write_costs
        from gaitbridge.training.costs import measure

        with progress(f"costs of {name}", "rounds") as show:
            write_costs(measure(found, progress=show), found.folder)
    write_report(found, asked["command"], report)


class Asked(TypedDict):
    """What a study was asked for; paths are whole. command: as it was given."""

    name: str
    data: str
    out: str
    seeds: int
    steps: int | None
    only: list[str]
    tests: list[str]
    recipe: str | None
    report: str
    overrides: list[str]
    command: str


def planned(asked: Asked) -> "Plan":
    """The plan of a study that was asked for. UserError where there is no such study, store or arm."""
    from gaitbridge.data.protocols import own_protocol
    from gaitbridge.store import Store
    from gaitbridge.training import study as studies
    from gaitbridge.training.studies import open_study

    study, data = open_study(asked["name"]), Path(asked["data"])
    protocol = own_protocol(Store(data).document["about"]) or "simulated"  # a mistake shows before anything is begun
    found = studies.plan(study, data, Path(asked["out"]), seeds=asked["seeds"], only=asked["only"], tests=[Path(path) for path in asked["tests"]],
                         recipe=asked["recipe"], steps=asked["steps"], settings=asked["overrides"], protocol=protocol)
    studies.check_runs(found)
    return found


def write_report(found: "Plan", command: str, report: Path) -> None:
    """The report of the runs that are finished. UserError where none is."""
    from gaitbridge.training import study as studies

    runs = [run for run in found.runs if studies.finished(found, run)]
    if not runs:
        raise UserError(f"{found.folder.parent} holds no finished run of study {found.study.name}: leave --report-only out")
    if found.study.ladder:
        _report_ladder(found, runs, command, report)
    else:
        _report_arms(found, runs, command, report)


def _titles(plan: "Plan") -> list[str]:
    """What the reports of a study are called."""
    if plan.study.ladder:
        return [f"{plan.study.name}-{plan.data.resolve().name}"]
    if plan.study.elsewhere:
        return [f"{plan.study.name}-{one.folder.name.removeprefix('evaluation-')}" for one in plan.evaluations(plan.runs[0])]
    return [plan.study.name]


def _arms(plan: "Plan", runs: "Sequence[Run]", number: int) -> "list[ArmRuns]":
    """The finished runs by arm, with the folders of evaluation `number`."""
    from gaitbridge.report.study import ArmRuns

    by_arm = [(arm, tuple((run.seed, run.folder, plan.evaluations(run)[number].folder) for run in runs if run.arm == arm))
              for arm in plan.study.arms]
    return [ArmRuns(arm.name, arm.about, arm.against, own) for arm, own in by_arm if own]


def _report_arms(plan: "Plan", runs: "Sequence[Run]", command: str, report: Path) -> None:
    """A table, a figure and rows for each store of a study whose arms are held against each other."""
    from gaitbridge.evaluation.comparing.costs import read_costs
    from gaitbridge.progress import progress
    from gaitbridge.report.study import write_study
    from gaitbridge.store import Store

    for number, one in enumerate(plan.evaluations(plan.runs[0])):
        title = _titles(plan)[number]
        with progress(f"compare {title}", "arms") as show:
            table = write_study(title, plan.study.about, _arms(plan, runs, number), Store(one.store), one.protocol, command, report,
                                len(plan.runs) - len(runs), show, read_costs(plan.folder))
        say_tables(table.to_rich())
        say(f"{report / title}.md, .png, .csv")


def _report_ladder(plan: "Plan", runs: "Sequence[Run]", command: str, report: Path) -> None:
    """The checks against real data, beside what was measured."""
    from gaitbridge.progress import progress
    from gaitbridge.report.ladder import Looks, write_ladder
    from gaitbridge.store import Store

    looks: Looks = {(run.arm.name, run.seed, share): plan.look(run, share).folder for run in runs for share in run.arm.looks}
    (title,) = _titles(plan)
    with progress("hold against real data", "runs") as show:
        table = write_ladder(title, plan.study.about, _arms(plan, runs, 0), looks, Store(plan.data), plan.protocol, command, report,
                             len(plan.runs) - len(runs), show)
    say_tables(table.to_rich())
    say(f"{report / title}.md, .png, .csv, -checks.csv")


@app.command(name="studies")
def list_studies() -> None:
    """List the studies and their arms."""
    from gaitbridge.training.studies import studies

    for one in studies().values():
        say(f"{one.name}: {one.about} ({one.recipe})")
        for arm in one.arms:
            say(f"  {arm.name:24} {arm.about}" + (f" (against {arm.against})" if arm.against else ""))


@app.command
def robustness(runs: Annotated[list[Path], Parameter(negative=(), consume_multiple=True)], *, out: Path, people: Many = 100,
               only: Annotated[list[str] | None, Parameter(negative=(), consume_multiple=True)] = None, workers: Workers = 1,
               ground: str = "small", report: Path = Path("docs/studies")) -> None:
    """Evaluate trained runs on simulated test stores that differ in one thing each: distance, LiDAR, occlusion, segmentation, view, time, frames.

    Parameters
    ----------
    runs
        Folders of trained runs, or names of models that come along.
    out
        Folder of the stores and the evaluations. Stopped, it goes on where it was.
    people
        Test people of each store; the same ones in all.
    only
        Factors to vary; all by default.
    workers
        Processes that simulate.
    ground
        The version of the benchmark `small` whose test people and sensors are varied: by default the newest, else such as small@1.
    report
        Folder for robustness.md, robustness.png and robustness.csv.
    """
    from gaitbridge.inference.shipped import folder_of
    from gaitbridge.progress import progress
    from gaitbridge.report.robustness import write_robustness
    from gaitbridge.training import robustness as factors

    with progress("robustness", "evaluations") as show:
        found = factors.execute([folder_of(run) for run in runs], out, people=people, only=only or (), workers=workers, of=ground, progress=show)
    table = write_robustness(found, " ".join(["gaitbridge", *sys.argv[1:]]), report)
    say_tables(table.to_rich())
    say(f"{report / 'robustness'}.md, .png, .csv")
