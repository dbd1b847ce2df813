"""What this process may use of the machine: its processor, cores, memory and open files; in a container, the share that the container has."""

import ctypes
import math
import os
import platform
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from gaitbridge.errors import UserError

UNITS = {"AVX2": "avx2", "AVX-512": "avx512f", "VNNI": "avx512_vnni", "AVX-VNNI": "avx_vnni", "bf16": "avx512_bf16", "fp16": "avx512_fp16",
         "AMX": "amx_tile", "AMX int8": "amx_int8", "AMX bf16": "amx_bf16", "NEON": "asimd", "SVE": "sve"}  # by the kernel's flags
SWITCHES = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY", "NPY_DISABLE_CPU_FEATURES", "MKL_ENABLE_INSTRUCTIONS",
            "OPENBLAS_CORETYPE")
FILES, FEWEST_FILES = 1024, 64  # that a process opens at once: how many it lets itself open, and how many it needs (LanceDB alone up to 32)
WORKER_BYTES = 5 << 27  # of a worker process, libraries included: one that renders people takes 0.48 GiB
HUGE_PAGE, HEAP = 1 << 21, 1 << 32  # bytes: of a huge page, and of the heap's part that has them
CGROUPS = Path("/sys/fs/cgroup")
OWN_GROUPS = Path("/proc/self/cgroup")


@cache
def _information() -> dict[str, str]:
    """The first processor's entry of /proc/cpuinfo; empty where there is none."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text(encoding="utf-8").split("\n\n")[0].splitlines() if file.is_file() else []
    return {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


def processor_name() -> str:
    """The processor's name as the system tells it."""
    return _information().get("model name") or platform.processor() or platform.machine()


def processor_units() -> list[str]:
    """Which of `UNITS` the processor has; whether a library uses them is another matter (`switches`)."""
    found = _information()
    flags = set((found.get("flags") or found.get("Features") or "").split())
    return [name for name, flag in UNITS.items() if flag in flags]


def switches() -> list[str]:
    """The variables of the environment that keep libraries from using units of the processor, as NAME=VALUE."""
    return [f"{name}={os.environ[name]}" for name in SWITCHES if os.environ.get(name)]


def openvino_core() -> Any:
    """OpenVINO's Core, one a process that is never given up. ImportError where it is not installed.

    Its plugin gives the thread that opens it a stack for signals. Where another thread gives up the last Core, that stack is freed while it is
    in use, and the next signal (Ctrl-C, a child that ends) kills the process without a word; openvino 2026.4.
    Its import tells its makers that it was imported, unless the package that tells is missing: for us it is missing.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return _core(openvino)


@cache
def _core(openvino: Any) -> Any:
    return openvino.Core()


def cores() -> int:
    """Cores that this process may use: those it may run on, or its container's share of time or what GAITBRIDGE_CORES says, where that is less."""
    own = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    said = os.environ.get("GAITBRIDGE_CORES", "")
    shares = [math.ceil(quota / period) for folder in _groups("cpu") if (found := _share(folder)) for quota, period in [found]]
    return max(1, min([own, *shares, *([int(said)] if said.isdecimal() else [])]))


def threads() -> int:
    """How many threads to work with: as OMP_NUM_THREADS says, else one a core."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return int(asked) if asked.isdigit() and int(asked) else cores()


def workers() -> int:
    """How many worker processes to start: one a core, as far as there is memory for each."""
    return max(1, min(cores(), memory_bytes() // WORKER_BYTES))


def described() -> str:
    """The machine in a line, for the head of whatever is measured: name, units, cores, load, and switches that are set."""
    units, emulated = ", ".join(processor_units()) or "units unknown", "".join(f", {one}" for one in switches())
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return f"{processor_name()} ({units}), {cores()} cores{load}{emulated}"


def memory_bytes() -> int:
    """Memory that this process may use at most: the machine's, or its container's where that is less. Without an answer, 4 GiB."""
    try:
        machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        machine = 4 << 30
    limits = [_numbers(folder / name) for folder in _groups("memory") for name in ("memory.max", "memory.limit_in_bytes")]
    return min([machine, *(limit[0] for limit in limits if limit)])


def ready_files() -> None:
    """Let this process open as many files as it may, up to `FILES`. UserError where those are fewer than libraries need to start."""
    try:
        import resource
    except ImportError:  # not on Windows, where there is no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    may = FILES if hard == resource.RLIM_INFINITY else min(hard, FILES)
    if 0 <= soft < may:
        resource.setrlimit(resource.RLIMIT_NOFILE, (may, hard))
    if may < FEWEST_FILES:
        raise UserError(few_files())


def few_files() -> str:
    """What to do about a process that may not open enough files, in words."""
    try:
        import resource

        limit = f"more than {resource.getrlimit(resource.RLIMIT_NOFILE)[0]}"
    except ImportError:
        limit = "so many"
    return f"this process may not open {limit} files at once: allow more, such as 1024 with `ulimit -n 1024`, then run again"


def _groups(kind: str) -> Iterator[Path]:
    """Folders of the control groups (Linux, versions 1 and 2) that this process is in, and of the groups around them, which bind it as well."""
    try:
        lines = OWN_GROUPS.read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return
    for line in lines:
        _, kinds, place = line.split(":", 2)  # 4:memory:/some/group, or in version 2: 0::/some/group
        if kinds and kind not in kinds.split(","):
            continue
        for root in [CGROUPS / kinds, CGROUPS / kind] if kinds else [CGROUPS, CGROUPS / "unified"]:
            own = root / place.lstrip("/")  # a container may see its group as the root, or by the host's name, which it cannot open
            yield from [root, own, *(folder for folder in own.parents if root in folder.parents)]


def _share(folder: Path) -> list[int] | None:
    """Time that a control group may use, and in which time, in microseconds."""
    found = _numbers(folder / "cpu.max") or [*(_numbers(folder / "cpu.cfs_quota_us") or []), *(_numbers(folder / "cpu.cfs_period_us") or [])]
    return found if len(found) == 2 and min(found) > 0 else None


def _numbers(file: Path) -> list[int] | None:
    """The numbers in a file; None where there is no such file, or something else in it, such as: max."""
    try:
        words = file.read_text(encoding="utf-8").split()
    except OSError:
        return None
    return [int(word) for word in words] if words and all(word.isdigit() for word in words) else None


@cache
def keep_freed_memory() -> None:
    """Let the C library keep memory that was freed, and have it in huge pages: networks and scoring ask for the same megabytes again and again.

    Each new page is cleared by the system first, which takes a quarter of a CPU's time, and small pages can cost a virtual machine half of the rest
    (docs/speed.md). glibc alone; elsewhere nothing happens.
    """
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    if library is None or not hasattr(library, "mallopt"):
        return
    library.mallopt(-4, 0)  # M_MMAP_MAX: no block of its own pages
    library.mallopt(-1, -1)  # M_TRIM_THRESHOLD: nothing given back
    library.malloc.restype, library.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    library.free.argtypes, library.madvise.argtypes = [ctypes.c_void_p], [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    if block := library.malloc(HEAP):  # addresses alone: memory is taken when it is written to
        first = -(-block // HUGE_PAGE) * HUGE_PAGE
        library.madvise(first, (block + HEAP - first) // HUGE_PAGE * HUGE_PAGE, 14)  # MADV_HUGEPAGE, for all that will be put there
        library.free(block)


def few_arenas(count: int = 2) -> bool:
    """Have the C library's memory of all threads in so many arenas: each keeps what its threads gave back, so a process of many threads grows.
    False where the C library is not glibc (mallopt, M_ARENA_MAX). For before threads are begun."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(-8, count))
