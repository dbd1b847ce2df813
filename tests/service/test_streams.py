"""Streams of real servers on this machine: RTSP of two makers, MPEG-TS and motion JPEG over HTTP; they stop, go away, send garbage and come back."""

import importlib.util
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar

import av
import cv2
import pytest
from live_sources import late_walkers, lines_of, red_is_a_person, until, watched, watching, web_server

from gaitbridge.capture.video.settings import Settings
from gaitbridge.errors import UserError

HERE = Path(__file__).parents[1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def server_command(kind: str, film: Path, port: int) -> tuple[list[str], str]:
    """What starts an RTSP server, and the stream's address; skips where it is not installed."""
    if kind == "gstreamer":
        python = shutil.which("python3", path="/usr/bin")
        code = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import Gst, GstRtspServer; Gst.init(None); " \
               "assert Gst.ElementFactory.find('qtdemux') and Gst.ElementFactory.find('rtph264pay')"  # fmt: skip
        if python is None or subprocess.run([python, "-c", code], capture_output=True, check=False).returncode:
            pytest.skip("GStreamer's RTSP server is not installed: apt-get install gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-good python3-gi")
        return [python, str(HERE / "gstreamer_server.py"), str(film), str(port)], f"rtsp://127.0.0.1:{port}/cam"
    if importlib.util.find_spec("aio_rtsp_toolkit") is None:
        pytest.skip("no RTSP server: pip install aio-rtsp-toolkit")
    code = "import asyncio, sys; from aio_rtsp_toolkit.server import RtspServer; asyncio.run(RtspServer(sys.argv[1], '127.0.0.1', int(sys.argv[2]))" \
           ".serve_forever())"  # fmt: skip
    return [sys.executable, "-c", code, str(film.parent), str(port)], f"rtsp://127.0.0.1:{port}/{film.name}"


@contextmanager
def served(command: list[str], port: int) -> Iterator[None]:
    """A server in a process of its own, which answers."""
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def there() -> bool:
        assert server.poll() is None, "the server ended"
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    try:
        until(there, 30.0)
        yield
    finally:
        server.kill()
        server.wait()


@pytest.fixture(scope="module")
def red(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Settings with which nothing is learnt first: streams take as long as they take."""
    return {"model": str(red_is_a_person(tmp_path_factory.mktemp("model") / "red.onnx")), "gap_s": 0.6}


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One walker, 2.4 s, and a second without them."""
    return late_walkers(tmp_path_factory.mktemp("film") / "cam.mp4", 1, empty_s=0.0, rate_hz=25.0, behind_s=1.2)


@pytest.mark.parametrize("kind", ["gstreamer", "aio-rtsp-toolkit"])
def test_an_rtsp_camera(kind: str, tmp_path: Path, film: Path, red: dict[str, Any]) -> None:
    port = free_port()
    command, address = server_command(kind, film, port)
    with served(command, port):
        began = time.time()
        (one, *more) = watched(tmp_path / "out", address, settings=Settings(**red), stall_s=3.0)
    assert len(more) <= 1  # a server may play it again
    start, end = (datetime.fromisoformat(one[name]).timestamp() for name in ("start", "end"))
    assert began < start < end < time.time()
    assert end - start == pytest.approx(2.4, abs=0.5)
    assert one["source"] == address


def test_an_rtsp_camera_that_goes_away_and_comes_back(tmp_path: Path, film: Path, red: dict[str, Any]) -> None:
    port, out = free_port(), tmp_path / "out"
    command, address = server_command("aio-rtsp-toolkit", film, port)
    with watching(out, address, settings=red, stall_s=3.0) as child:
        for count in (1, 2):
            with served(command, port):
                until(lambda count=count: len(lines_of(out)) >= count)
        child.terminate()
        child.wait(60)
        assert child.stderr is not None
        told = child.stderr.read()
    assert "320 x 180, h264" in told
    assert "lost (" in told
    assert "tried again in 1 s" in told
    ids = [one["id"] for one in lines_of(out)]
    assert len(ids) == len(set(ids)) >= 2


class Camera(BaseHTTPRequestHandler):
    """Answers each connection by the next of `turns`: bytes to send, or an error's number."""

    turns: ClassVar[list[bytes | int]]

    def do_GET(self) -> None:
        turn = type(self).turns.pop(0) if type(self).turns else 404
        if isinstance(turn, int):
            self.send_error(turn)
            return
        self.send_response(200)
        self.end_headers()
        self.wfile.write(turn)

    def log_message(self, *_: object) -> None:
        pass


def test_http_that_stops_midway_sends_garbage_and_comes_back(tmp_path: Path, red: dict[str, Any]) -> None:
    out = tmp_path / "out"
    data = late_walkers(tmp_path / "two.ts", 2, empty_s=0.0, last_s=3.2).read_bytes()  # it stops while the second walks
    camera = type("Own", (Camera,), {"turns": [503, data, b"garbage" * 20_000, data]})
    with web_server(camera) as port, watching(out, f"http://ann:secret@127.0.0.1:{port}/cam.ts", settings=red) as child:
        until(lambda: len(lines_of(out)) == 4)
        child.terminate()
        child.wait(60)
        assert child.stderr is not None
        told = child.stderr.read().splitlines()
    assert [round(one["end_s"] - one["start_s"]) for one in lines_of(out)] == [5, 3, 5, 3]
    assert {one["source"] for one in lines_of(out)} == {f"http://127.0.0.1:{port}/cam.ts"}
    assert sum("not there (" in line for line in told) >= 2
    assert sum("lost (" in line for line in told) >= 1
    assert not any("secret" in line or "Traceback" in line for line in told)


def test_motion_jpeg_has_the_times_of_its_arrival(tmp_path: Path, film: Path, red: dict[str, Any]) -> None:
    with av.open(str(film)) as container:
        pictures = [cv2.imencode(".jpg", frame.to_ndarray(format="bgr24"))[1].tobytes() for frame in container.decode(video=0)]

    class Jpegs(Camera):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            began = time.monotonic()
            for number, data in enumerate(pictures):
                time.sleep(max(0.0, began + number / 15.0 - time.monotonic()))  # FFmpeg makes up 25 a second
                self.wfile.write(b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n" % (len(data), data))

    with web_server(Jpegs) as port:
        (one,) = watched(tmp_path / "out", f"http://127.0.0.1:{port}/cam", settings=Settings(**red))
    assert one["end_s"] - one["start_s"] == pytest.approx(4.0, abs=1.0)  # this machine may be busy: then some came at once


def test_once_nothing_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be opened") as caught:
        watched(tmp_path / "out", f"rtsp://127.0.0.1:{free_port()}/x")
    assert "\n" not in str(caught.value)
