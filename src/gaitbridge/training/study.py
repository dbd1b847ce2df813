"""A study: arms that differ in one thing, each trained over several seeds and evaluated, one process a run. Stopped, it goes on where it was.

    OUT/NAME/ARM-s0/            a run folder, with evaluation/ and, for other test stores, evaluation-STORE/, for earlier steps, evaluation-at-STEP/
    OUT/NAME/ARM-s0.log         what its commands said
"""

import os
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gaitbridge.errors import UserError, nearest
from gaitbridge.evaluation.results import ResultRow
from gaitbridge.evaluation.row_files import read_row_file
from gaitbridge.files import tried, write_json
from gaitbridge.parts import PLACE, Part, Work, doing
from gaitbridge.progress import Progress, silent
from gaitbridge.run_documents import SEEN, read_config, read_provenance
from gaitbridge.store import Store
from gaitbridge.training.described import differences, without
from gaitbridge.training.given import judged_settings, run_settings, settings_given

UNSEEN = ("recipe", "seed", "validate_every", "keep_at", "log_every", "data.workers")  # what runs of one arm may differ in

LOOK_AGAIN_S = 1.0  # after a run that another process is at


@dataclass(frozen=True)
class Arm:
    """One way to train: settings on the study's recipe, or on one of its own. against: the arm that it is compared with; empty for one that others
    are held against. looks: shares of the steps after which it is evaluated besides; seen: whether it is measured on training people, too."""

    name: str
    about: str
    settings: tuple[str, ...] = ()
    against: str = ""
    recipe: str = ""
    looks: tuple[float, ...] = ()
    seen: bool = False


@dataclass(frozen=True)
class Study:
    """Arms on one recipe.

    elsewhere: the protocol of other test stores, empty where there are to be none; runs_of: the study that has the same arms and thus the same runs,
    which are not trained twice; steps: of a run, 0 for the recipe's; drops: shares of the steps after which the learning rate falls to a tenth,
    where the recipe's schedule is not taken; checkpoint: which one is evaluated, empty where runs are trained alone; ladder: whether it is held
    against what real data gave.
    """

    name: str
    about: str
    recipe: str
    arms: tuple[Arm, ...]
    elsewhere: str = ""
    runs_of: str = ""
    drops: tuple[float, ...] = ()
    checkpoint: str = "best"
    steps: int = 0
    ladder: bool = False


@dataclass(frozen=True)
class Run:
    """One arm with one seed, in its folder."""

    arm: Arm
    seed: int
    folder: Path


@dataclass(frozen=True)
class Evaluation:
    """One evaluation of a run: on which store, in which folder, under which protocol, of which checkpoint."""

    store: Path
    folder: Path
    protocol: str
    checkpoint: str = "best"


@dataclass(frozen=True)
class Plan:
    """All that is to be done: runs on `data`, evaluated there under `protocol` and on the stores `tests` by name; settings: on top of each arm's;
    steps: of each run, where an arm looks at earlier ones; source: the words by which `train` is told what to begin with, where that is no recipe."""

    study: Study
    data: Path
    runs: tuple[Run, ...]
    tests: Mapping[str, Path]
    recipe: str
    settings: tuple[str, ...] = ()
    protocol: str = "simulated"
    steps: int = 0
    source: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """Where the runs are."""
        return self.runs[0].folder.parent

    def evaluations(self, run: Run) -> list[Evaluation]:
        """The evaluations of a run, the one at its end on its own store first."""
        if not self.study.checkpoint:
            return []
        if self.study.elsewhere:
            return [Evaluation(store, run.folder / f"evaluation-{name}", self.study.elsewhere) for name, store in self.tests.items()]
        end = Evaluation(self.data, run.folder / "evaluation", self.protocol, self.study.checkpoint)
        return [end, *(self.look(run, share) for share in run.arm.looks)]

    def look(self, run: Run, share: float) -> Evaluation:
        """The evaluation of a run after a share of its steps."""
        step = step_of(share, self.steps)
        return Evaluation(self.data, run.folder / f"evaluation-at-{step}", self.protocol, str(step))


def step_of(share: float, steps: int) -> int:
    """The step after a share of the steps, the first at least."""
    return max(1, round(share * steps))


def plan(study: Study, data: Path, out: Path, *, seeds: int = 3, only: Iterable[str] = (), tests: Sequence[Path] = (), recipe: str | None = None,
         steps: int | None = None, settings: Iterable[str] = (), protocol: str = "simulated") -> Plan:
    """The runs of a study. protocol: of the people of `data`. UserError where an arm is unknown, or test stores are missing or not asked for."""
    chosen, names = tuple(only), [arm.name for arm in study.arms]
    for name in chosen:
        if name not in names:
            raise UserError(f"study {study.name} has no arm {name!r}: {nearest(name, names)}")
    if bool(study.elsewhere) != bool(tests):
        raise UserError(f"study {study.name} needs test stores: give --test STORE" if study.elsewhere else
                        f"study {study.name} is evaluated on the test people of --data: leave --test out")
    if len({store.name for store in tests}) < len(tests):
        raise UserError("two test stores have the same name: results could not tell them apart")
    arms = [arm for arm in study.arms if not chosen or arm.name in chosen]
    runs = tuple(Run(arm, seed, out / (study.runs_of or study.name) / f"{arm.name}-s{seed}") for seed in range(seeds) for arm in arms)
    length = steps or study.steps
    more = (*((f"steps={length}", f"validate_every={max(1, length // 4)}") if length else ()), *_dropping(study, length), *settings)
    return Plan(study, data, runs, {store.name: store for store in tests}, recipe or study.recipe, more, protocol, length)


def _dropping(study: Study, steps: int) -> tuple[str, ...]:
    """The settings of a study whose learning rate falls in steps, and of the checkpoints that its arms look at."""
    if not study.drops:
        return ()
    drops, looks = (sorted({step_of(share, steps) for share in shares})
                    for shares in (study.drops, [share for arm in study.arms for share in arm.looks]))
    return "optimiser.schedule=multi_step", f"optimiser.milestones={drops}", f"keep_at={looks}"


def check_runs(plan: Plan) -> None:
    """UserError naming the first run folder that holds something else than what the plan asks for: other settings, or another store's people.

    The seed is in the folder's name, and what says how often a run is looked at, or how its data is read, changes no result.
    """
    data = Store(plan.data).content_hash
    for run in plan.runs:
        if not (run.folder / "config.json").is_file():
            continue
        wanted = run_settings(settings_given(run.arm.recipe or plan.recipe), (*run.arm.settings, *plan.settings)).model_dump(mode="json")
        sides = [without(document, UNSEEN) for document in (judged_settings(read_config(run.folder), str(run.folder / "config.json")), wanted)]
        if other := differences([sides[0]], [sides[1]]):
            said = ", ".join(f"{one.name} {one.a}, not {one.b}" for one in other[:3])
            raise UserError(f"{run.folder} is a run with other settings than study {plan.study.name} now asks for ({said}"
                            f"{', ...' if len(other) > 3 else ''}): give its --set and --steps again, or choose another --out")
        if read_provenance(run.folder).get("data_hash", data) != data:
            raise UserError(f"{run.folder} was trained on other data than {plan.data}: choose another --out")


def finished(plan: Plan, run: Run) -> bool:
    """Whether a run is trained, evaluated and, where its arm asks for that, measured on training people."""
    if not plan.evaluations(run):
        return "seconds" in read_provenance(run.folder)
    return all((one.folder / "results.json").is_file() for one in plan.evaluations(run)) and (not run.arm.seen or (run.folder / SEEN).is_file())


def execute(plan: Plan, jobs: int = 1, progress: Progress = silent, keep_going: bool = False, turns: Path | None = None) -> dict[Run, str]:
    """Train and evaluate what is not finished, `jobs` processes of one thread each. UserError with the first failure's own line, unless it is to
    keep going: then what each failed run said last. turns: a folder where others who do the same runs are waited for, run by run."""
    todo = [run for run in plan.runs if not finished(plan, run)]
    done = len(plan.runs) - len(todo)
    progress(done, len(plan.runs), "")
    stop, running, failed = threading.Event(), set[subprocess.Popen[str]](), dict[Run, str]()

    def work(run: Run) -> None:
        for command in commands(plan, run):
            if stop.is_set():
                return
            _call(command, run, running)

    def work_in_turn(run: Run, mark: Path) -> None:
        while not stop.is_set():
            with tried(mark) as mine:
                if mine:
                    if not finished(plan, run):
                        work(run)
                    return
            stop.wait(LOOK_AGAIN_S)

    with ThreadPoolExecutor(max(1, jobs)) as pool:
        try:
            if turns is None:
                waiting = {pool.submit(work, run): run for run in todo}
            else:
                waiting = {pool.submit(work_in_turn, run, turns / f"{run.folder.name}.turn"): run for run in todo}
            while waiting:
                for future in wait(waiting, return_when=FIRST_EXCEPTION, timeout=1.0).done:
                    run = waiting.pop(future)
                    try:
                        future.result()
                    except CommandFailed as error:
                        if not keep_going:
                            raise
                        failed[run] = error.said
                    done += 1
                    progress(done, len(plan.runs), f"{run.arm.name}, seed {run.seed}")
        except BaseException:
            stop.set()
            for process in list(running):
                process.terminate()
            raise
    return failed


def execute_part(plan: Plan, part: Part, merging: Mapping[str, Any], result: Path, jobs: int = 1, progress: Progress = silent) -> bool:
    """Train and evaluate one part of the runs; whether all are finished then, those of other parts, too. merging: what whoever merges needs to
    write the report `result`. Two who do the same part wait for each other, run by run, where files can be locked. Errors as `execute`."""
    place, by_name = plan.folder / PLACE, {run.folder.name: run for run in plan.runs}
    items = {name: _files(plan, run) for name, run in by_name.items()}
    work = Work(command="study", what="runs", items=items, result=str(result.absolute()), merging=dict(merging))
    with doing(place, plan.folder, work, part) as done:
        mine = tuple(by_name[name] for name in done.in_order())
        try:
            execute(replace(plan, runs=mine), jobs, done.following(progress), turns=place)
        finally:
            for run in mine:
                if not plan.evaluations(run) and finished(plan, run):
                    write_json({}, _trained(plan, run))
        return not done.missing()


def _files(plan: Plan, run: Run) -> list[str]:
    """The files of a finished run, within the folder of the study."""
    files = [one.folder / "results.json" for one in plan.evaluations(run)] + ([run.folder / SEEN] if run.arm.seen else [])
    return [file.relative_to(plan.folder).as_posix() for file in files or [_trained(plan, run)]]


def _trained(plan: Plan, run: Run) -> Path:
    """A mark of a run that is finished when it is trained, and has no file of its own that says so."""
    return plan.folder / PLACE / f"{run.folder.name}.trained"


def commands(plan: Plan, run: Run) -> list[list[str]]:
    """The command lines of a run that are still to be called, without the program's name."""
    given = [word for setting in (*run.arm.settings, *plan.settings, f"seed={run.seed}") for word in ("--set", setting)]
    train = ["train", *(plan.source or (run.arm.recipe or plan.recipe,)), "--data", str(plan.data), "--out", str(run.folder), *given]
    if (run.folder / "config.json").is_file():
        train.append("--resume")  # a finished one says so and ends at once
    left = [one for one in plan.evaluations(run) if not (one.folder / "results.json").is_file()]
    found = [train, *(["evaluate", str(run.folder), "--data", str(one.store), "--protocol", one.protocol, "--out", str(one.folder),
                       "--checkpoint", one.checkpoint] for one in left)]
    if run.arm.seen and not (run.folder / SEEN).is_file():
        found.append(["seen", str(run.folder), "--data", str(plan.data)])
    return found


class CommandFailed(UserError):
    """A command of a study ended otherwise than well; said: its last line."""

    def __init__(self, message: str, said: str) -> None:
        super().__init__(message)
        self.said = said


def call(command: Sequence[str], log: Path, what: str, running: set[subprocess.Popen[str]] | None = None) -> None:
    """One command of gaitbridge in a process of one thread, its words added to a log; UserError with its last line where it fails."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as file:
        file.write(f"$ gaitbridge {' '.join(command)}\n")
        file.flush()
        process = subprocess.Popen([sys.executable, "-m", "gaitbridge", *command], stdout=file, stderr=file, text=True,
                                   env=os.environ | dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"))
        if running is not None:
            running.add(process)
        try:
            code = process.wait()
        finally:
            if running is not None:
                running.discard(process)
    if code:
        said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1].removeprefix("gaitbridge: ")
        raise CommandFailed(f"{what} ended with code {code}: {said} (all of it: {log}); what is finished is kept, run the study again to go on", said)


def _call(command: Sequence[str], run: Run, running: set[subprocess.Popen[str]]) -> None:
    call(command, run.folder.with_name(f"{run.folder.name}.log"), f"{command[0]} of {run.arm.name}, seed {run.seed}", running)


def results(folder: Path) -> list[ResultRow]:
    """The rows of one evaluation."""
    return read_row_file(folder / "results.json", ResultRow, "run the study")
