"""A reader of files from anywhere, in a process of its own with limits: if it crashes, hangs or takes too much memory, this process lives on.

    this process                         a fresh Python (no fork: it inherits no state)
    request  ---- standard input  --->   import the function by name, set the limits, call it
    answer   <--- standard output ----   progress..., items..., then the result or an error

`run_isolated` waits for the result. `Running` gives what the function emits as it comes, from a source that may never end; it can be asked to stop.
Both sides speak `pack` and `unpack`: plain values and arrays, checked when read, no pickle: what a reader of hostile files says is itself not
trusted. Standard output of the libraries in there goes nowhere.
"""

import contextlib
import errno
import importlib
import json
import os
import queue
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, NoReturn

import numpy as np

from gaitbridge.errors import UserError, words_of
from gaitbridge.progress import Progress, silent

KINDS = "biufSU"  # of the elements of an array
_START = "import sys, json; sys.path[:] = json.loads(sys.argv[1]); from gaitbridge.capture.isolated import _serve; _serve()"
_PROGRESS, _RESULT, _USER_ERROR, _MEMORY, _FAILURE, _ITEM = range(6)
_HEAD = struct.Struct("<BQ")  # kind of message, its bytes
_OUT_OF_MEMORY = ("insufficient memory", "bad_alloc", "cannot allocate memory", "failed to map segment")  # as libraries say it
_WAITING = 64  # messages that wait to be read; then the other side waits
_AFTER_S = 5.0  # a process that outlives its limit ends itself after this, should nobody be left to end it


class Broken(UserError):
    """The reading process itself failed: it crashed, hung, or wanted more memory. Another try may go well, where the source is another one then."""


def pack(value: Any) -> bytes:
    """None, bool, int, float, str, bytes, Path, arrays, and lists, tuples and dicts of them, as bytes. TypeError for anything else."""
    buffers: list[bytes] = []

    def tree(one: Any) -> Any:
        if one is None or isinstance(one, bool | int | float | str):
            return one.item() if isinstance(one, np.generic) else one
        if isinstance(one, np.generic):
            return one.item()
        if isinstance(one, Path):
            return {"path": str(one)}
        if isinstance(one, bytes):
            buffers.append(one)
            return {"bytes": len(one)}
        if isinstance(one, np.ndarray):
            if one.dtype.kind not in KINDS:
                raise TypeError(f"an array of {one.dtype} cannot be passed between processes")
            buffers.append(np.ascontiguousarray(one).tobytes())
            return {"array": [one.dtype.str, list(one.shape)]}
        if isinstance(one, list | tuple):
            return {type(one).__name__: [tree(item) for item in one]}
        if isinstance(one, dict):
            return {"dict": [[tree(key), tree(item)] for key, item in one.items()]}
        raise TypeError(f"a {type(one).__name__} cannot be passed between processes: only plain values and arrays")

    text = json.dumps(tree(value)).encode()
    return struct.pack("<Q", len(text)) + text + b"".join(buffers)


def unpack(data: bytes | bytearray | memoryview) -> Any:
    """What `pack` packed. ValueError where it is something else; nothing in it is run."""
    view = memoryview(data)
    (length,) = struct.unpack_from("<Q", view) if len(view) >= 8 else (1,)
    if 8 + length > len(view):
        raise ValueError("cut short")
    place = 8 + length

    def take(count: int) -> memoryview:
        nonlocal place
        if not 0 <= count <= len(view) - place:
            raise ValueError("cut short")
        place += count
        return view[place - count : place]

    def value(one: Any) -> Any:
        if not isinstance(one, dict):
            return one
        ((kind, held),) = one.items()
        if kind == "array":
            dtype, shape = np.dtype(held[0]), tuple(int(size) for size in held[1])
            if dtype.kind not in KINDS or min(shape, default=0) < 0:
                raise ValueError(f"an array of {held}")
            count = dtype.itemsize
            for size in shape:
                count *= size  # Python's whole numbers do not overflow
            return np.frombuffer(take(count), dtype).reshape(shape).copy()
        if kind == "dict":
            return {value(key): value(item) for key, item in held}
        ways: dict[str, Callable[[], Any]] = {
            "path": lambda: Path(held), "bytes": lambda: bytes(take(held)),
            "list": lambda: [value(item) for item in held], "tuple": lambda: tuple(value(item) for item in held),
        }  # fmt: skip
        return ways[kind]()

    try:
        found = value(json.loads(bytes(view[8:place])))
    except (TypeError, KeyError, OverflowError, SyntaxError, RecursionError) as error:
        raise ValueError(f"not a packed value ({error})") from error
    if place != len(view):
        raise ValueError("too long")
    return found


def run_isolated(
    function: Callable[..., Any] | str, *args: Any, seconds: float, megabytes: float, what: str = "", progress: Progress = silent
) -> Any:
    """`function(*args)` in a process of its own.

    function: of the top level of a module, so that it can be imported by name; or its name, such as "package.module:function", where this
    process has no need for what that module imports. args and its result: what `pack` takes. seconds: it may take so long in all, or, where it
    calls `report`, between two reports. megabytes: memory that it may take beyond the imported program (where the system keeps such limits: Linux
    does), and most that its result may have. what: names in messages what it reads; the first argument by default. progress: is told what
    `report` says. UserError where it raises one, fails, crashes, hangs or wants more memory.
    """
    with Running(function, *args, seconds=seconds, megabytes=megabytes, what=what, progress=progress) as running:
        for _ in running.items():
            raise TypeError(f"{running.name}: what emits is for Running")
        return running.result


class Running:
    """A function at work in a process of its own, which gives values one by one (`emit`); arguments as of `run_isolated`. A context: it ends with it.

    seconds: so long it may take between two things that it says; files: numbers of open files that it has, too. What waits to be read is bounded:
    a reader that is slower makes the function wait.
    """

    def __init__(
        self, function: Callable[..., Any] | str, *args: Any, seconds: float, megabytes: float, what: str = "", progress: Progress = silent,
        files: tuple[int, ...] = (),
    ) -> None:  # fmt: skip
        place = function if isinstance(function, str) else f"{function.__module__}:{function.__qualname__}"
        self.name = what or str(args[0] if args else place)
        self.seconds, self.megabytes, self.progress = seconds, megabytes, progress
        self.result: Any = None
        self._request = pack({"function": place, "args": list(args), "seconds": float(seconds), "megabytes": float(megabytes)})
        self._files = files
        self._messages: queue.Queue[tuple[int, bytearray] | None] = queue.Queue(_WAITING)

    def __enter__(self) -> "Running":
        environment = {"OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"} | dict(os.environ)  # either would reserve memory that counts
        self._child = subprocess.Popen(
            [sys.executable, "-P", "-c", _START, json.dumps(sys.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=environment, pass_fds=self._files, start_new_session=True)  # Ctrl-C is for this process to act on
        threading.Thread(target=_listen, args=(self._child.stdout, self._messages, int(self.megabytes * 2**20)), daemon=True).start()
        self._say(struct.pack("<Q", len(self._request)) + self._request)
        return self

    def __exit__(self, *_: object) -> None:
        self._child.kill()
        self._child.wait()
        while not self._messages.empty():  # the listener may wait for room
            self._messages.get()
        assert self._child.stdout is not None
        assert self._child.stdin is not None
        self._child.stdout.close()
        with contextlib.suppress(OSError):
            self._child.stdin.close()

    def stop(self) -> None:
        """Ask it to come to its end: `stopping` is true there from now on. May be called from another thread."""
        self._say(b"s")

    def kill(self) -> None:
        """End it at once; who reads what it gives meets `Broken`. May be called from another thread."""
        self._child.kill()

    def _say(self, data: bytes) -> None:
        assert self._child.stdin is not None
        with contextlib.suppress(OSError, ValueError):  # it died: seen by who reads
            self._child.stdin.write(data)
            self._child.stdin.flush()

    def items(self) -> Iterator[Any]:
        """What it emits, as it comes; then `result` is there. UserError where it raises one; `Broken` where it fails, crashes, hangs or wants more
        memory."""
        until = time.monotonic() + self.seconds
        while True:
            try:
                message = self._messages.get(timeout=max(until - time.monotonic(), 0.0))
            except queue.Empty:
                raise Broken(f"{self.name}: reading it was stopped, it did not go on for {self.seconds:g} s: the file is damaged, or this machine is "
                             "too busy; check it with another program") from None
            if message is None:
                raise Broken(_end(self._child, self.name))
            kind, data = message
            try:
                held = unpack(data)
                if kind == _PROGRESS:
                    done, total, note = held
                    self.progress(int(done), int(total), str(note))
            except (ValueError, TypeError) as error:
                raise Broken(f"{self.name}: reading it gave nonsense ({error}): the file is damaged or hostile; do not use it") from error
            if kind == _ITEM:
                yield held
            elif kind == _RESULT:
                self.result = held
                return
            elif kind != _PROGRESS:
                raise self._error(kind, str(held))
            until = time.monotonic() + self.seconds

    def _error(self, kind: int, text: str) -> UserError:
        if kind == _USER_ERROR:
            return UserError(text)
        if kind == _MEMORY:
            return Broken(f"{self.name}: reading it takes more than {self.megabytes:g} MB of memory: the file is damaged, hostile or too large; cut "
                          "it into parts")
        return Broken(f"{self.name}: reading it failed ({text}): the file is damaged, or of an unknown kind")


def _listen(pipe: IO[bytes], messages: "queue.Queue[tuple[int, bytearray] | None]", most: int) -> None:
    """Put each message into the queue, None at the end; a thread of its own, as pipes have no timeout."""
    with contextlib.suppress(OSError, ValueError):
        while len(head := pipe.read(_HEAD.size)) == _HEAD.size:
            kind, length = _HEAD.unpack(head)
            if length > most + 2**20:
                break
            data = bytearray(length)
            if pipe.readinto(data) != length:  # type: ignore[attr-defined]
                break
            messages.put((kind, data))
    messages.put(None)


def _end(child: "subprocess.Popen[bytes]", name: str) -> str:
    """Words for a process that ended without an answer."""
    try:
        code = child.wait(timeout=2.0)
    except subprocess.TimeoutExpired:
        return f"{name}: reading it gave too much: the file is damaged or hostile; do not use it"
    how = signal.strsignal(-code) if code < 0 else f"code {code}"
    return f"{name}: the program that reads it crashed ({how}): the file is damaged or hostile; write it anew with another program, or leave it out"


_channel: IO[bytes] | None = None  # of the reading process
_seconds = 0.0
_asked_to_stop = threading.Event()


def report(done: int, total: int, note: str = "") -> None:
    """Say, within a function that `run_isolated` runs, how far it is; elsewhere nothing happens."""
    if _channel is not None:
        _send(_PROGRESS, (int(done), int(total), note))
        _alarm()


def emit(value: Any) -> None:
    """Give a value, within a function that `Running` runs; waits where the other side is slow."""
    if _channel is None:
        raise RuntimeError("emit is for functions that Running runs")
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, 0)  # while the other side is busy with what it has
    _send(_ITEM, value)
    _alarm()


def stopping() -> bool:
    """Whether the function was asked to come to its end."""
    return _asked_to_stop.is_set()


def _send(kind: int, value: Any) -> None:
    assert _channel is not None
    data = pack(value)
    _channel.write(_HEAD.pack(kind, len(data)) + data)
    _channel.flush()


def _alarm() -> None:
    """The kernel ends this process if it outlives its time, also when it hangs inside a library."""
    if hasattr(signal, "setitimer"):
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, _seconds + _AFTER_S)


def _limit_memory(megabytes: float) -> None:
    """At most so much more address space than is used now; no core files."""
    try:
        import resource

        used = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (ImportError, OSError):  # not Linux: what is left is the limit of time
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = used + int(megabytes * 2**20)
    resource.setrlimit(resource.RLIMIT_AS, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _hear() -> None:
    """A byte asks to stop; the end of what is said ends this process: nobody is left to answer to."""
    while sys.stdin.buffer.read(1):
        _asked_to_stop.set()
    os._exit(1)


def _serve() -> NoReturn:
    """The life of the reading process."""
    global _channel, _seconds
    _channel = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print would be taken for an answer
    (length,) = struct.unpack("<Q", sys.stdin.buffer.read(8))
    request = unpack(sys.stdin.buffer.read(length))
    threading.Thread(target=_hear, daemon=True).start()
    _seconds = request["seconds"]
    _alarm()
    try:
        module, _, name = request["function"].partition(":")
        function: Any = importlib.import_module(module)
        for part in name.split("."):
            function = getattr(function, part)
        _limit_memory(request["megabytes"])
        _send(_RESULT, function(*request["args"]))
    except UserError as error:
        _send(_USER_ERROR, str(error))
    except MemoryError:
        _send(_MEMORY, "")
    except Exception as error:
        if getattr(error, "errno", None) == errno.ENOMEM or any(words in str(error).lower() for words in _OUT_OF_MEMORY):
            _send(_MEMORY, "")
        elif isinstance(error, ImportError):
            _send(_USER_ERROR, f"{error}: install what is missing with pip")
        else:
            _send(_FAILURE, f"{type(error).__name__}: {words_of(error)}")
    os._exit(0)  # without the clean-up of libraries that a bad file may have hurt
