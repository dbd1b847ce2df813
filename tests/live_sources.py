"""What the tests of watching share: films with a walker after an empty while, a stand-in for a run and a gallery, servers on this machine alone."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from command_line import ENVIRONMENT
from video_files import paint, scene, times, walk, write_video

from gaitbridge.capture.video.sources import source_of
from gaitbridge.service.answering import when
from gaitbridge.service.watch import watch
from gaitbridge.service.watching import Options

RATE_HZ = 12.5


class Recogniser:
    """Says nobody of each walk, and when it was seen."""

    size = (64, 44)

    def answer(self, walk: dict[str, Any]) -> dict[str, Any]:
        """As `answering.Answerer` does."""
        return {"outcome": "nobody", "decision": None, **when(walk), "frames": sum(map(len, walk["track"]["runs"]))}


def late_walkers(
    path: Path, walkers: int = 1, empty_s: float = 7.0, codec: str = "libx264", room: np.ndarray | None = None, last_s: float = 9.0,
    rate_hz: float = RATE_HZ, behind_s: float = 2.5,
) -> Path:  # fmt: skip
    """A film of an empty scene, then one walker after another, 60 pictures each, with an empty while behind each; it ends `last_s` after the last
    came."""
    if codec not in av.codecs_available:
        pytest.skip(f"this PyAV has no {codec}")
    room = scene() if room is None else room
    pictures = [paint([], [], k, room) for k in range(round(empty_s * rate_hz))]
    for number in range(walkers):
        masks = walk(60, step=4.0 if number % 2 == 0 else -4.0, height=90.0 + number)
        pictures += [paint([mask], [(30, 30, 200)], k + 100 * number, room) for k, mask in enumerate(masks)]
        pictures += [paint([], [], k, room) for k in range(round(behind_s * rate_hz))]
    pictures = pictures[: len(pictures) - max(0, 60 + round(behind_s * rate_hz) - round(last_s * rate_hz))]
    return write_video(path, pictures, times(len(pictures), rate_hz), codec, options={"bf": "0", "g": "12"})  # as cameras have it


def red_is_a_person(path: Path) -> Path:
    """An ONNX model for which red is people: it has nothing to learn first."""
    pytest.importorskip("onnxruntime")
    onnx = pytest.importorskip("onnx")
    helper, number = onnx.helper, onnx.TensorProto.FLOAT
    given, found = (helper.make_tensor_value_info(name, number, shape) for name, shape in (("x", [1, 3, "H", "W"]), ("y", [1, 1, "H", "W"])))
    constants = [helper.make_tensor("w", number, [1, 3, 1, 1], [4.0, -4.0, -4.0]), helper.make_tensor("b", number, [1], [-1.0])]
    graph = helper.make_graph([helper.make_node("Conv", ["x", "w", "b"], ["y"])], "red", [given], [found], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(path))
    return path


def watched(out: Path, *words: str | Path, recogniser: Any = None, webhook: str = "", **options: Any) -> list[dict[str, Any]]:
    """The answers of a watch in this process."""
    said: list[dict[str, Any]] = []
    watch([source_of(str(word)) for word in words], recogniser or Recogniser(), out, Options(**{"once": True, "settle_s": 0.1} | options),
          said.append, webhook)
    return said


def lines_of(out: Path) -> list[dict[str, Any]]:
    """The answers of a journal."""
    file = out / "walks.jsonl"
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.is_file() else []


_APART = """
import sys, json, time
from pathlib import Path
from live_sources import Recogniser
from gaitbridge.capture.video.sources import source_of
from gaitbridge.capture.video.settings import Settings
from gaitbridge.printing import say_json
from gaitbridge.service.watch import watch
from gaitbridge.service.watching import Options

class Slow(Recogniser):
    def answer(self, walk):
        time.sleep(float(sys.argv[1]))
        return super().answer(walk)

options = json.loads(sys.argv[3])
options["settings"] = Settings(**options.get("settings", {}))
watch([source_of(word) for word in sys.argv[4:]], Slow(), Path(sys.argv[2]), Options(**options), say_json)
"""


@contextmanager
def watching(out: Path, *words: str | Path, pause_s: float = 0.0, **options: Any) -> Iterator["subprocess.Popen[str]"]:
    """A watch in a process of its own, ended by a kill where it is still there. pause_s: before each answer."""
    path = os.pathsep.join([str(Path(__file__).parent), *[place for place in sys.path if place]])
    command = [sys.executable, "-c", _APART, str(pause_s), str(out), json.dumps({"settle_s": 0.1} | options), *map(str, words)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT | {"PYTHONPATH": path})
    try:
        yield child
    finally:
        child.send_signal(signal.SIGKILL)
        child.communicate()


def until(true: Any, seconds: float = 120.0) -> None:
    """Wait until a function says so."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)


@contextmanager
def web_server(handler: type[BaseHTTPRequestHandler], port: int = 0) -> Iterator[int]:
    """A web server; its port."""
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
