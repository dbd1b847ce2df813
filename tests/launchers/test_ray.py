"""Parts on a real Ray cluster of this machine: a head with a client server, on loopback; one part's process is killed.

It wants a quiet machine: Ray gives its servers half a minute to start, and the launcher ends in a line where they take longer.
"""

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_parts import done, until, work

from gaitbridge.launchers._launching import launch

pytestmark = [pytest.mark.slow, pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="without the extra ray")]


def answers(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def cluster(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Address of a head with two processors' worth of tasks."""
    if "slow" not in request.config.option.markexpr:
        pytest.skip("a cluster of Ray takes half a minute to start, and opens ports: make slow")
    ports = []
    for _ in range(2):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            ports.append(free.getsockname()[1])
    command = [str(Path(sys.executable).with_name("ray")), "start", "--head", "--block", f"--port={ports[0]}", f"--ray-client-server-port={ports[1]}",
               "--num-cpus=2", "--include-dashboard=false", "--object-store-memory=100000000", "--node-ip-address=127.0.0.1", "--disable-usage-stats"]
    around = os.environ | {"PYTHONPATH": ":".join(sys.path)}
    with (tmp_path / "ray.log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log, env=around, start_new_session=True) as head:
        try:
            assert until(lambda: answers(ports[1]), 150)
            yield f"ray://127.0.0.1:{ports[1]}"
        finally:
            os.killpg(head.pid, signal.SIGTERM)


def test_a_worker_that_is_killed_costs_a_second_try(cluster: str, tmp_path: Path) -> None:
    launching = threading.Thread(target=launch, args=(work(tmp_path, cluster, parts=3, slow="2"),))
    launching.start()
    assert until(lambda: (tmp_path / "2.began").exists() and bool((tmp_path / "2.began").read_text()), 150)
    first = int((tmp_path / "2.began").read_text())
    os.kill(first, signal.SIGKILL)
    assert until(lambda: int((tmp_path / "2.began").read_text() or first) != first, 60)
    time.sleep(0.5)
    (tmp_path / "go").touch()
    launching.join(timeout=120)
    assert done(tmp_path) == {"1": "1/3", "2": "2/3", "3": "3/3"}
