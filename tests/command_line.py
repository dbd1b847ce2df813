"""The command line as a user calls it, in a process of its own, and a toy cohort."""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}
COHORT = ("--train", "4", "--val", "2", "--test", "3", "--frames", "4", "--views", "000", "090", "--conditions", "normal", "normal", "bag,clothing",
          "--workers", "0")
SETTINGS = ("steps=12", "validate_every=4", "log_every=1", "data.people_per_batch=4", "data.sequences_per_person=2", "data.frames=2")


def gaitbridge_command(*words: str | Path) -> list[str]:
    return [sys.executable, "-m", "gaitbridge", *map(str, words)]


HEAVY = ["gaitbridge.cli", "gaitbridge.training.loop", "gaitbridge.evaluation.embedding.from_store", "gaitbridge.simulation.cohort",
         "gaitbridge.report.page", "matplotlib.figure"]  # fmt: skip


def run(*words: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    """What a command answers: in a fork of a process that has imported what is heavy, which takes three seconds of each command otherwise."""
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(HEAVY)
    given = [str(word) for word in words]
    with tempfile.TemporaryDirectory() as folder:
        child = server.Process(target=_act, args=(given, ENVIRONMENT, str(Path.cwd()), folder))
        child.start()
        child.join(300)
        if child.exitcode is None:
            child.kill()
            raise subprocess.TimeoutExpired(given, 300)
        out, err = (Path(folder, name).read_text() for name in ("out", "err"))
        assert child.exitcode == code, err
        return subprocess.CompletedProcess(given, child.exitcode, out, err)


def _act(words: list[str], environment: dict[str, str], cwd: str, folder: str) -> None:
    """The command itself, its streams in files of the folder."""
    from gaitbridge.cli import entry

    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(Path(folder, name), os.O_WRONLY | os.O_CREAT), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # noqa: SIM115
    sys.argv = ["gaitbridge", *words]
    entry()
