"""Parts as the tasks of one SLURM array, submitted by submitit: `--on slurm`, its options as `--with NAME=VALUE`.

SLURM queues, places and ends them. A part that is preempted, or comes to the end of its time, is queued again by submitit, up to three times, and
goes on where it was. submitit hands a task over as a pickle: it lies in a folder of this user alone, on storage that the nodes share.
"""

import logging
import os
import subprocess
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gaitbridge.errors import UserError, nearest, words_of
from gaitbridge.launchers._errands import Ended, Errand, last_line, run

if TYPE_CHECKING:
    import submitit

LOOK_S = 1.0  # between two looks for results
ASK_S = 20.0  # between two questions to SLURM about those without a result
LAG_S = 15.0  # a result may come so much later than SLURM says that its task ended: storage is shared


class Task:
    """A part as submitit runs it."""

    def __init__(self, errand: Errand) -> None:
        self.errand = errand

    def __call__(self) -> Ended:
        return run(self.errand)

    def checkpoint(self) -> Any:
        """The same again: what is done is done."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


def launch(errands: Sequence[Errand], place: str, options: Mapping[str, str]) -> Generator[Ended, None, None]:
    """The parts as they end; closed early, they are cancelled."""
    if place != "slurm":
        raise UserError(f"--on {place}: write slurm alone; what its tasks are given is said with --with, such as --with partition=NAME")
    executor = _executor(errands[0].log.parent / "submitit", dict(options))
    cores = int(options.get("cpus_per_task", "1"))
    try:
        with executor.batch():
            jobs = [executor.submit(Task(replace(errand, cores=cores))) for errand in errands]
    except Exception as error:  # submitit passes on whatever sbatch says, in errors of several kinds
        raise UserError(f"SLURM did not take the parts: {words_of(error, 300)}") from error
    yield from _ending(dict(zip(jobs, errands, strict=True)))


def _executor(folder: Path, options: dict[str, str]) -> "submitit.AutoExecutor":
    """submitit's executor with the options given. UserError where it is not installed, finds no SLURM, or has no such option."""
    try:
        import submitit
    except ImportError as error:
        raise UserError("--on slurm needs the package submitit: pip install 'gaitbridge[slurm]'") from error
    cluster = options.pop("cluster", "slurm")
    if "time" not in options:
        raise UserError("--on slurm: say how long a part may take, --with time=MINUTES; one that needs longer is queued again and goes on")
    known = {*submitit.SlurmExecutor._valid_parameters(), "max_num_timeout"}
    if unknown := sorted(set(options) - known):
        raise UserError(f"--with {unknown[0]}=...: {nearest(unknown[0], known | {'cluster'})}")
    folder.mkdir(parents=True, exist_ok=True)
    os.chmod(folder, 0o700)
    logging.getLogger("submitit").setLevel(logging.ERROR)
    values = {name: int(value) if value.isdecimal() else value for name, value in options.items()}
    try:
        executor = submitit.AutoExecutor(folder, cluster=cluster, slurm_max_num_timeout=values.pop("max_num_timeout", 3))
        executor.update_parameters(name="gaitbridge", timeout_min=values["time"], **{f"slurm_{name}": value for name, value in values.items()})
    except Exception as error:  # RuntimeError without srun, NameError, ValueError, AssertionError of an option
        raise UserError(f"--on slurm: {words_of(error, 300)}") from error
    return executor


def _ending(jobs: "dict[submitit.Job[Ended], Errand]") -> Iterator[Ended]:
    """The parts as they end. SLURM is asked by squeue: sacct answers only where the cluster keeps accounts."""
    left, asked, missed = dict(jobs), time.monotonic(), dict[Any, float]()
    try:
        while left:
            now = time.monotonic()
            if now - asked >= ASK_S:
                asked, gone = now, _gone(list(left))
                missed = {job: missed.get(job, now) for job in gone}
            for job, errand in list(left.items()):
                if job.paths.result_pickle.exists():
                    del left[job]
                    yield _result(job, errand)
                elif now - missed.get(job, now) >= LAG_S:
                    del left[job]
                    yield Ended(errand, None, _why(job, errand))
            if left:
                time.sleep(LOOK_S)
    finally:
        for job in left:
            job.cancel(check=False)


def _result(job: "submitit.Job[Ended]", errand: Errand) -> Ended:
    try:
        return job.result()
    except Exception as error:  # whatever the task raised, as submitit hands it on
        lines = [line for line in str(error).splitlines() if line.strip()]
        return Ended(errand, None, lines[-1].strip() if lines else type(error).__name__)


def _why(job: "submitit.Job[Ended]", errand: Errand) -> str:
    """What is known of a task that ended without a result."""
    said = last_line(job.paths.stderr) or last_line(errand.log)
    return f"task {job.job_id} ended without a result{': ' + said if said else ''}"


def _gone(jobs: "list[submitit.Job[Ended]]") -> "list[submitit.Job[Ended]]":
    """Those that no longer wait or run; none where that cannot be told."""
    import submitit

    if not isinstance(jobs[0], submitit.SlurmJob):
        return [job for job in jobs if job.done()]
    arrays = ",".join(sorted({job.job_id.split("_")[0] for job in jobs}))
    asked = subprocess.run(["squeue", "--noheader", "--array", f"--jobs={arrays}", "--format=%i %T"], capture_output=True, text=True, check=False)
    if asked.returncode and "Invalid job id" not in asked.stderr:
        return []  # SLURM does not answer just now
    at = dict(line.split()[:2] for line in asked.stdout.splitlines() if len(line.split()) >= 2)
    return [job for job in jobs if at.get(job.job_id, "GONE") in ("GONE", "COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "BOOT_FAIL",
                                                                  "DEADLINE", "OUT_OF_MEMORY")]
