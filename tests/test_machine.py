"""What a process may use is what its container lets it have."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from gaitbridge import machine


def tree(folder: Path, files: dict[str, str], groups: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control groups as Linux shows them below /sys/fs/cgroup, and the process's own as in /proc/self/cgroup."""
    for name, text in files.items():
        (folder / "cgroup" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "cgroup" / name).write_text(text)
    (folder / "own").write_text(groups)
    monkeypatch.setattr(machine, "CGROUPS", folder / "cgroup")
    monkeypatch.setattr(machine, "OWN_GROUPS", folder / "own")


GIB = 1 << 30
MEMORY = {
    "version 2": ({"a/b/memory.max": "max\n", "a/memory.max": "805306368\n", "memory.max": "max\n"}, "0::/a/b\n"),
    "version 2, seen from within": ({"memory.max": "805306368\n"}, "0::/\n"),
    "version 2, under the host's name": ({"memory.max": "805306368\n"}, "0::/docker/0123\n"),
    "version 2 beside version 1": ({"unified/a/memory.max": "805306368\n"}, "1:cpu,cpuacct:/a\n0::/a\n"),
    "version 1": ({"memory/a/memory.limit_in_bytes": "805306368\n", "memory/memory.limit_in_bytes": "9223372036854771712\n"}, "4:memory:/a\n"),
    "version 1, under the host's name": ({"memory/memory.limit_in_bytes": "805306368\n"}, "7:cpu:/\n4:memory:/docker/0123\n"),
    "version 1, around it": ({"memory/a/memory.limit_in_bytes": "805306368\n", "memory/a/b/memory.limit_in_bytes": "9223372036854771712\n"},
                             "4:memory:/a/b\n"),
}  # fmt: skip


@pytest.mark.parametrize("kind", MEMORY)
def test_memory_of_a_container(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree(tmp_path, *MEMORY[kind], monkeypatch)
    assert machine.memory_bytes() == 3 * GIB // 4


@pytest.mark.parametrize(("files", "groups"), [({"memory.max": "max\n"}, "0::/\n"), ({}, "0::/a\n"),
                                               ({"memory/memory.limit_in_bytes": "9223372036854771712\n"}, "4:memory:/\n")])
def test_memory_without_a_limit(files: dict[str, str], groups: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree(tmp_path, files, groups, monkeypatch)
    limited = machine.memory_bytes()
    monkeypatch.setattr(machine, "OWN_GROUPS", tmp_path / "none")
    assert limited == machine.memory_bytes() > GIB // 4


CORES = {"version 2": ({"a/cpu.max": "100000 100000\n"}, "0::/a\n"), "half a core": ({"cpu.max": "50000 100000\n"}, "0::/\n"),
         "version 1": ({"cpu,cpuacct/a/cpu.cfs_quota_us": "90000\n", "cpu,cpuacct/a/cpu.cfs_period_us": "100000\n"}, "3:cpu,cpuacct:/a\n")}


@pytest.mark.parametrize("kind", CORES)
def test_cores_of_a_container(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree(tmp_path, *CORES[kind], monkeypatch)
    assert machine.cores() == 1


def test_cores_without_a_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree(tmp_path, {"cpu.max": "max 100000\n", "cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, "3:cpu:/\n0::/\n", monkeypatch)
    assert machine.cores() == len(machine.os.sched_getaffinity(0))


def test_cores_as_a_launcher_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its parts share the machine: never more than there are."""
    own = machine.cores()
    for said, cores in (("1", 1), ("100000", own), ("0", 1), ("", own), ("many", own)):
        monkeypatch.setenv("GAITBRIDGE_CORES", said)
        assert machine.cores() == cores


def test_it_names_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in machine.SWITCHES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    line = machine.described()
    assert line.startswith(machine.processor_name())
    assert line.endswith(", ONEDNN_MAX_CPU_ISA=AVX2")
    assert f"{machine.cores()} cores" in line


@pytest.mark.parametrize(("memory", "expected"), [(8 * GIB, 6), (3 * GIB // 2, 2), (GIB // 4, 1)])
def test_no_more_workers_than_there_is_memory_for(memory: int, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "memory_bytes", lambda: memory)
    monkeypatch.setattr(machine, "cores", lambda: 6)
    assert machine.workers() == expected


@pytest.mark.parametrize(("limits", "lifted"), [((256, 4096), (1024, 4096)), ((64, 300), (300, 300)), ((2048, 4096), None),
                                                ((64, resource.RLIM_INFINITY), (1024, resource.RLIM_INFINITY))])
def test_as_many_open_files_as_may_be(limits: tuple[int, int], lifted: tuple[int, int] | None, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits)
    monkeypatch.setattr(resource, "setrlimit", lambda _, both: asked.append(both))
    machine.ready_files()
    assert asked == ([lifted] if lifted else [])


@pytest.mark.parametrize(("words", "code"), [(["recipes"], 2), (["--version"], 0)])
def test_too_few_open_files_are_one_line(words: list[str], code: int) -> None:
    command = ["sh", "-c", 'ulimit -n 16; exec "$@"', "sh", sys.executable, "-m", "gaitbridge", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code
    wanted = "gaitbridge: this process may not open more than 16 files at once: allow more, such as 1024 with `ulimit -n 1024`, then run again\n"
    assert done.stderr == (wanted if code else "")


SIGNALLED = """
import os, signal, threading
import numpy as np
from openvino import Model, opset13
from gaitbridge.machine import openvino_core
given = opset13.parameter([1, 4], np.float32)
held = [openvino_core().compile_model(Model([opset13.relu(given)], [given]), "CPU")]
thread = threading.Thread(target=held.clear)
thread.start()
thread.join()
signal.signal(signal.SIGUSR1, lambda *_: print("handled"))
os.kill(os.getpid(), signal.SIGUSR1)
"""


def test_signals_are_handled_after_an_openvino_network_was_given_up() -> None:
    pytest.importorskip("openvino")
    done = subprocess.run([sys.executable, "-c", SIGNALLED], capture_output=True, text=True, check=False)
    assert done.stdout == "handled\n", (done.returncode, done.stderr)


ARENAS = """
import re, threading
from ctypes import CDLL, POINTER, c_size_t
from gaitbridge.machine import few_arenas
print(few_arenas())
barrier = threading.Barrier(9)
def take():
    held = [bytes(700) for _ in range(2000)]
    barrier.wait()
threads = [threading.Thread(target=take) for _ in range(8)]
[one.start() for one in threads]
CDLL(None).malloc_stats()
barrier.wait()
"""


def test_threads_share_few_arenas() -> None:
    done = subprocess.run([sys.executable, "-c", ARENAS], capture_output=True, text=True, check=True)
    if done.stdout != "True\n":
        pytest.skip("a C library without mallopt")
    assert 1 <= done.stderr.count("Arena ") <= 2, done.stderr
