"""Fixtures that many tests share, each made once a session."""

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from toy import make_toy_store

from gaitbridge.capture.fetched import is_fetched, models_folder
from gaitbridge.capture.video.network import runtime
from gaitbridge.machine import described
from gaitbridge.simulation.body import Body
from gaitbridge.store import Store

# What is captured in tests does not depend on what the user has fetched; a test of a fetched model asks for it. Workers take over what is set here.
FETCHED = Path(os.environ.setdefault("GAITBRIDGE_FETCHED", str(models_folder())))
os.environ["GAITBRIDGE_MODELS"] = str(FETCHED / "none in tests")
# A shell starts what runs in its background deaf to Ctrl-C, and so would be all that tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_sessionstart(session: pytest.Session) -> None:
    """The log of a run names the processor, once."""
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    if terminal is not None and not hasattr(session.config, "workerinput"):
        terminal.write_line(f"processor: {described()}")


@pytest.fixture(scope="session")
def toy_store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """6 people to train, 3 to validate, 4 to test; 2 views."""
    return make_toy_store(tmp_path_factory.mktemp("toy") / "store", {"train": 6, "val": 3, "test": 4})


@pytest.fixture
def people_model(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the models that the user has fetched, in use; skips where the people model is not among them, or nothing runs it."""
    if not is_fetched("people", FETCHED):
        pytest.skip(f"the people model is not fetched to {FETCHED}: gaitbridge models get people")
    if not runtime():
        pytest.skip("no runtime for the people model: pip install 'gaitbridge[people]'")
    monkeypatch.setenv("GAITBRIDGE_MODELS", str(FETCHED))
    return FETCHED


@pytest.fixture(scope="session")
def anny_reduced() -> Body:
    """The body for rendering."""
    from gaitbridge.simulation.body.anny import open_body

    return open_body("reduced")


@pytest.fixture(scope="session")
def anny_full() -> Body:
    """The body for ground truth."""
    from gaitbridge.simulation.body.anny import open_body

    return open_body("full")


@pytest.fixture(scope="session")
def milvus_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server keeps its files."""
    return tmp_path_factory.mktemp("milvus") / "data"


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The address of a running S3 server (moto; `s3_server.py`); skips where it is not installed."""
    for package in ("boto3", "moto", "flask"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed: pip install 'gaitbridge[dev]'")
    words = [sys.executable, str(Path(__file__).with_name("s3_server.py"))]
    server = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
    finally:
        server.terminate()
        server.wait(30)


@pytest.fixture
def s3(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """`s3://BUCKET` of a new bucket of its own, with the usual variables set."""
    import boto3

    for name, value in {"AWS_ENDPOINT_URL": s3_server, "AWS_ACCESS_KEY_ID": "AKIATESTS", "AWS_SECRET_ACCESS_KEY": "a-secret-of-the-tests",
                        "AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}.items():
        monkeypatch.setenv(name, value)
    name = f"b{uuid.uuid4().hex[:12]}"
    boto3.client("s3", region_name="us-east-1").create_bucket(Bucket=name)
    return f"s3://{name}"


@pytest.fixture(scope="session")
def milvus(milvus_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`milvus://127.0.0.1:PORT` of a running milvus-lite server, or the one that GAITBRIDGE_TEST_MILVUS names; skips where neither is there."""
    if own := os.environ.get("GAITBRIDGE_TEST_MILVUS"):
        yield own
        return
    for package in ("pymilvus", "milvus_lite"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed: pip install 'gaitbridge[milvus]'")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (tmp_path_factory.mktemp("milvus") / "log").open("w")
    words = [sys.executable, "-m", "milvus_lite", "server", "--host", "127.0.0.1", "--port", str(port), "--data-dir", str(milvus_folder)]
    server = subprocess.Popen(words, stdout=log, stderr=log, env=os.environ | {"OMP_NUM_THREADS": "1"})
    try:
        for _ in range(600):
            assert server.poll() is None, Path(log.name).read_text()
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"milvus://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(30)
