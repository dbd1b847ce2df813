"""A part of a command as a process of its own, wherever a launcher runs it: the same command line with `--part K/N`, its output in a log.

It ends with whoever began it (on Linux): a worker of Ray that is killed leaves no part behind that nobody waits for.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from gaitbridge.errors import UserError

LAST_BYTES = 20_000  # of a log, in which its last line is looked for
PROGRAM = ("-P", "-m", "gaitbridge")
MOST_LETTERS = 300  # of a last line
# PR_SET_PDEATHSIG holds through execv; whose beginner died before that ends here.
_START = """
import os, signal, sys
if sys.platform == "linux":
    import ctypes
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
    if os.getppid() != int(sys.argv[1]):
        sys.exit("whoever began this part has gone")
os.execv(sys.argv[2], sys.argv[2:])
"""


@dataclass(frozen=True)
class Errand:
    """One part to run. words: the command's, without `gaitbridge`; folder: where it runs; cores: those that it may use; program: what
    Python is given before the words."""

    words: tuple[str, ...]
    number: int
    of: int
    folder: Path
    log: Path
    cores: int = 1
    program: tuple[str, ...] = PROGRAM

    @property
    def part(self) -> str:
        """As `--part` takes it."""
        return f"{self.number}/{self.of}"


@dataclass(frozen=True)
class Ended:
    """A part that ended. code: its exit code, 0 where all went well, None where that is not known; last: the last line that it said."""

    errand: Errand
    code: int | None
    last: str
    host: str = ""
    seconds: float = 0.0


class Running:
    """A part at work."""

    def __init__(self, errand: Errand) -> None:
        if not errand.folder.is_dir():
            raise UserError(f"{errand.folder} is not there on {socket.gethostname()}: parts run where the command was given, on shared storage")
        self.errand, self._clock = errand, time.monotonic()
        errand.log.parent.mkdir(parents=True, exist_ok=True)
        self._log: BinaryIO = errand.log.open("wb")
        command = [sys.executable, "-P", "-c", _START, str(os.getpid()), sys.executable, *errand.program, *errand.words, "--part", errand.part]
        environment = os.environ | {"GAITBRIDGE_CORES": str(errand.cores), "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(errand.cores))}
        self._child = subprocess.Popen(command, cwd=errand.folder, env=environment, stdin=subprocess.DEVNULL, stdout=self._log,
                                       stderr=subprocess.STDOUT, process_group=0)  # Ctrl-C is for this process to act on

    def ended(self) -> Ended | None:
        """How it ended; None while it is at work."""
        return None if self._child.poll() is None else self._ended()

    def wait(self) -> Ended:
        """How it ended, once it has."""
        self._child.wait()
        return self._ended()

    def ask(self) -> None:
        """Ask it to end: it finishes what it has begun."""
        self._child.send_signal(signal.SIGTERM)

    def end(self) -> None:
        """Have it end, and wait for that; interrupted meanwhile, it is killed."""
        try:
            self.ask()
            self._child.wait()
        finally:
            self._child.kill()
            self._child.wait()
            self._log.close()

    def _ended(self) -> Ended:
        self._log.close()
        seconds = time.monotonic() - self._clock
        return Ended(self.errand, self._child.returncode, last_line(self.errand.log), socket.gethostname(), round(seconds, 3))


def run(errand: Errand) -> Ended:
    """Run a part to its end; whatever ends this function ends it as well."""
    running = Running(errand)
    try:
        return running.wait()
    except BaseException:
        running.end()
        raise


def last_line(log: Path) -> str:
    """The last line of a log that says something; nothing where there is none."""
    try:
        with log.open("rb") as opened:
            opened.seek(max(0, log.stat().st_size - LAST_BYTES))
            lines = opened.read().decode("utf-8", "replace").split("\n")
    except OSError:
        return ""
    return next((line.strip()[:MOST_LETTERS] for line in reversed(lines) if line.strip()), "")
