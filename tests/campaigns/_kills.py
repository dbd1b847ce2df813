"""Kills at places that can be told, in forks of a process that has imported what they need. Linux.

    event N     before the N-th thing that Python does to the folder: opens a file to write, renames, removes, makes a folder (an audit hook ends it)
    bytes N     within the write that would make any file larger than N bytes, whoever writes: the system's limit of files ends it, by SIGXFSZ
    change N    at the N-th change of the folder that the system tells (inotify), by a SIGKILL from outside: some microseconds later

The first two are the same in every run. What native code renames and removes falls under the third alone, which is not: it is near the change.
"""

import ctypes
import json
import os
import resource
import select
import shutil
import signal
import struct
import subprocess
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from campaigns.contract import Failure

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
EVENTS = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.truncate"}
CHANGES = 0x2 | 0x40 | 0x80 | 0x100 | 0x200  # modified, moved from, moved to, created, deleted
IS_FOLDER = 0x40000000
PATIENCE_S = 120.0


@dataclass(frozen=True)
class Place:
    """Where a process is killed."""

    kind: str
    number: int

    def __str__(self) -> str:
        return f"killed at {self.kind} {self.number}"


@dataclass(frozen=True)
class Trial:
    """Something to be killed, in a folder of its own. prepare: makes there what it starts from; act: the work; check(here, whole): what is wrong
    afterwards, beside the folder of a run that was not killed, each as "kind: words"."""

    name: str
    prepare: Callable[[Path], None]
    act: Callable[[Path], None]
    check: Callable[[Path, Path], list[str]]


def killed(trials: list[Trial], count: int, seed: int, folder: Path) -> list[Failure]:
    """`count` kills over some trials, spread over all the places where each can be killed."""
    found: list[Failure] = []
    for number, trial in enumerate(trials):
        share = count * (number + 1) // len(trials) - count * number // len(trials)
        if share == 0:
            continue
        whole = _prepared(trial, folder / f"{trial.name}-whole")
        seen = _learnt(trial.act, whole)
        for place in _chosen(seen, share, seed):
            here = _prepared(trial, folder / f"{trial.name}-{place.kind}-{place.number}")
            run_until(trial.act, here, place)
            wrong = _told(trial, here, whole, str(place))
            found += wrong
            if not wrong:
                shutil.rmtree(here)
    return found


def _prepared(trial: Trial, here: Path) -> Path:
    here.mkdir(parents=True)
    trial.prepare(here)
    return here


def apart(module: str, count: int, seed: int, folder: Path) -> list[Failure]:
    """The failures of `module.killed_here(count, seed, folder)`, in a process of its own from which it forks."""
    code = "import importlib, sys; from campaigns import _kills; _kills.tell(importlib.import_module(sys.argv[1]), *sys.argv[2:])"
    words = [sys.executable, "-c", code, module, str(count), str(seed), str(folder)]
    path = os.pathsep.join([str(Path(__file__).parents[1]), *[place for place in sys.path if place]])
    done = subprocess.run(words, env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": path}, capture_output=True, text=True, check=False)
    if done.returncode:
        return [Failure("campaign broke", module, done.stderr[-2000:])]
    return [Failure(**one) for one in json.loads(done.stdout.splitlines()[-1])]


def tell(module: Any, count: str, seed: str, folder: str) -> None:
    """The other side of `apart`."""
    print(json.dumps([asdict(one) for one in module.killed_here(int(count), int(seed), Path(folder))]))


def _chosen(seen: dict[str, int], count: int, seed: int) -> list[Place]:
    """Places spread over each kind: evenly over events and changes, over the size of the largest file and over its magnitudes."""
    random = np.random.default_rng(seed)
    shares = {"event": -(-count // 3), "change": count // 3, "bytes": count // 3}
    places = []
    for kind, share in shares.items():
        if kind == "bytes":
            even = np.linspace(0, seen[kind], share - share // 3 + 2)[1:-1]
            numbers = np.unique(np.concatenate([even, np.exp(random.uniform(0, np.log(max(2, seen[kind])), share // 3))]).astype(int))
        else:
            steps = min(share, seen[kind])
            numbers = np.unique(((np.arange(steps) + random.uniform(0, 1)) * seen[kind] / max(1, steps)).astype(int))
        places += [Place(kind, int(number)) for number in numbers]
    return places


def _learnt(act: Callable[[Path], None], here: Path) -> dict[str, int]:
    """How many events and changes an undisturbed run has, and the largest file it writes."""
    count = here.with_name(here.name + ".events")
    hook = _Hook(here, None, count)
    watch = _Watch(here)
    pid = _fork(lambda: act(here), hook.set)
    changes = watch.until_end(pid, None)
    if not count.exists():
        raise RuntimeError(f"{here.name}: nothing was done")
    return {"event": int(count.read_text()), "change": changes,
            "bytes": max((path.stat().st_size for path in here.rglob("*") if path.is_file()), default=1)}


def run_until(act: Callable[[Path], None], here: Path, place: Place) -> None:
    """Run until it is killed, or ends before that."""

    def before() -> None:
        if place.kind == "event":
            _Hook(here, place.number, None).set()
        elif place.kind == "bytes":
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python ignores it
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_FSIZE, (place.number, place.number))

    watch = _Watch(here)
    pid = _fork(lambda: act(here), before)
    watch.until_end(pid, place.number if place.kind == "change" else None)


def _told(trial: Trial, here: Path, whole: Path, case: str) -> list[Failure]:
    """What is wrong afterwards, found in a process of its own."""
    out = here.with_name(here.name + ".told")
    pid = _fork(lambda: _write(out, trial.check(here, whole)), lambda: None)
    code = _ended(pid)
    wrong = json.loads(out.read_text()) if out.is_file() else [f"the check ended with code {code}"]
    out.unlink(missing_ok=True)
    return [Failure(said.partition(":")[0], f"{trial.name}, {case}", said.partition(":")[2].strip() or said) for said in wrong]


def _write(out: Path, wrong: list[str]) -> None:
    out.write_text(json.dumps(wrong))


def _fork(act: Callable[[], None], before: Callable[[], None]) -> int:
    """A child that acts and ends; its number."""
    pid = os.fork()
    if pid:
        return pid
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        before()
        act()
        code = 0
    except BaseException:
        traceback.print_exc()
        code = 1
    os._exit(code)


def forked(act: Callable[[], None]) -> None:
    """Act in a fork; RuntimeError where it does not come to its end."""
    if code := _ended(_fork(act, lambda: None)):
        raise RuntimeError(f"it ended with code {code}")


def _ended(pid: int) -> int:
    """Its exit code; killed where it takes too long."""
    handle = os.pidfd_open(pid)
    if not select.select([handle], [], [], PATIENCE_S)[0]:
        os.kill(pid, signal.SIGKILL)
    os.close(handle)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


class _Hook:
    """Counts what Python does to a folder, and ends the process before a number of it, or tells the number at the end."""

    def __init__(self, folder: Path, stop: int | None, tell: Path | None) -> None:
        self.folder, self.stop, self.told, self.count = str(folder), stop, tell, 0

    def set(self) -> None:
        sys.addaudithook(self)

    def __call__(self, event: str, given: tuple[Any, ...]) -> None:
        if event == "open":
            mode, flags = given[1], given[2]
            writes = bool(set(mode or "") & set("wax+")) or bool((flags or 0) & WRITES)
            counts = writes and str(given[0]).startswith(self.folder)
        else:
            counts = event in EVENTS and (str(given[0]).startswith(self.folder) or not str(given[0]).startswith("/"))
        if not counts:
            return
        if self.count == self.stop:
            os.kill(os.getpid(), signal.SIGKILL)
        self.count += 1
        if self.told:
            told, self.told = self.told, None  # writing it is no event
            told.write_text(str(self.count))
            self.told = told


class _Watch:
    """The system's news of changes in a folder and all below."""

    def __init__(self, folder: Path) -> None:
        self.system = ctypes.CDLL(None, use_errno=True)
        self.handle = self.system.inotify_init1(os.O_NONBLOCK)
        self.paths: dict[int, Path] = {}
        self._add(folder)

    def _add(self, folder: Path) -> None:
        number = self.system.inotify_add_watch(self.handle, os.fsencode(folder), CHANGES)
        if number < 0:
            return  # gone again
        self.paths[number] = folder
        with suppress(FileNotFoundError), os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    self._add(Path(entry.path))

    def until_end(self, pid: int, stop: int | None) -> int:
        """How many changes there were until the process ended; it is killed at the change `stop`."""
        ends, count = os.pidfd_open(pid), 0
        try:
            while True:
                ready = select.select([self.handle, ends], [], [], PATIENCE_S)[0]
                if self.handle in ready:
                    for name, mask, place in self._news():
                        if stop is not None and count >= stop:
                            os.kill(pid, signal.SIGKILL)
                        count += 1
                        if mask & IS_FOLDER and mask & 0x180:
                            self._add(place / name)
                elif ends in ready:
                    return count
                else:
                    os.kill(pid, signal.SIGKILL)
        finally:
            os.close(ends)
            os.close(self.handle)
            os.waitpid(pid, 0)

    def _news(self) -> list[tuple[str, int, Path]]:
        try:
            data, at, found = os.read(self.handle, 65536), 0, []
        except BlockingIOError:
            return []
        while at < len(data):
            number, mask, _, length = struct.unpack_from("iIII", data, at)
            name = os.fsdecode(data[at + 16 : at + 16 + length].rstrip(b"\0"))
            if number in self.paths:
                found.append((name, mask, self.paths[number]))
            at += 16 + length
        return found
