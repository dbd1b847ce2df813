"""Nothing crosses a network in the clear: where the service listens, over TLS or behind a proxy that is named, and whom a proxy is believed about."""

import asyncio
import http.client
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient

from gaitbridge.errors import UserError
from gaitbridge.service.guarded import Guarded
from gaitbridge.service.listening import bound_to, server_of
from gaitbridge.service.reaching import Reach, reached


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    if shutil.which("openssl") is None:
        pytest.skip("openssl, which makes a certificate for the test, is not installed")
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", cert,
                    "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True)
    return cert, key


def app_of(reach: Reach) -> FastAPI:
    app = Guarded()

    @app.get("/who")
    def who(request: Request) -> dict[str, str]:
        assert request.client is not None
        return {"client": request.client.host, "scheme": request.url.scheme}

    app.guard(reach, 1, lambda _: True)
    return app


@contextmanager
def serving(reach: Reach) -> Iterator[int]:
    bound = socket.create_server(("127.0.0.1", 0))
    server = server_of(app_of(reach), reach)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([bound])), daemon=True)
    thread.start()
    try:
        yield bound.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(10)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.7", "gait.example.org", "127.0.0.1.example.org", ""])
def test_not_beyond_this_machine_in_the_clear(host: str) -> None:
    with pytest.raises(UserError, match="in the clear: give --tls-cert and --tls-key, or say by --behind-proxy"):
        reached(host)
    assert reached(host, proxies=["10.0.0.2"]).tls


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.8.8.8"])
def test_this_machine_alone_needs_neither(host: str) -> None:
    found = reached(host)
    assert not found.tls
    assert {"localhost", "127.0.0.1", "[::1]"} <= set(found.names)
    assert reached(host, names=["gait.example.org"]).names == ("gait.example.org",)


def test_mistakes_are_said_before_anything_listens(tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    cert, key = certificate
    with pytest.raises(UserError, match="belongs to a certificate"):
        reached("0.0.0.0", key=key)
    with pytest.raises(UserError, match="there is no such file"):
        reached("0.0.0.0", tmp_path / "none.pem")
    with pytest.raises(UserError, match="cannot be used with its key"):
        reached("0.0.0.0", cert)  # the key is not in it
    with pytest.raises(UserError, match="cannot be used with its key"):
        reached("0.0.0.0", key, key)
    with pytest.raises(UserError, match="give the address of the proxy"):
        reached("0.0.0.0", proxies=["nginx"])
    with pytest.raises(UserError, match="give the address of the proxy"):
        reached("0.0.0.0", proxies=["*"])
    locked = tmp_path / "locked.pem"
    subprocess.run(["openssl", "ec", "-in", key, "-aes128", "-passout", "pass:word", "-out", locked], check=True, capture_output=True)
    with pytest.raises(UserError, match="locked by a password"):
        reached("0.0.0.0", cert, locked)


def test_over_tls_it_speaks_nothing_else(certificate: tuple[Path, Path]) -> None:
    cert, key = certificate
    with serving(reached("0.0.0.0", cert, key)) as port:
        trusted = ssl.create_default_context(cafile=cert)
        connection = http.client.HTTPSConnection("localhost", port, context=trusted, timeout=10)
        connection.request("GET", "/who")
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b'{"client":"127.0.0.1","scheme":"https"}')
        assert answer.getheader("strict-transport-security", "").startswith("max-age=")
        connection.close()
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.load_verify_locations(cert)
        with warnings.catch_warnings(action="ignore"):  # it is deprecated: hence the test
            old.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises(ssl.SSLError), socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
            old.wrap_socket(plain, server_hostname="localhost")
        clear = http.client.HTTPConnection("localhost", port, timeout=10)
        clear.request("GET", "/who")
        with pytest.raises((http.client.HTTPException, OSError)):
            clear.getresponse()


@pytest.mark.parametrize(("peer", "forwarded", "client"), [
    ("10.0.0.2", "203.0.113.9", "203.0.113.9"), ("10.0.0.2", "1.2.3.4, 203.0.113.9", "203.0.113.9"),  # the first was made up by who asks
    ("10.0.0.2", "203.0.113.9, 10.0.0.2", "203.0.113.9"), ("10.0.0.2", None, "10.0.0.2"), ("::ffff:10.0.0.2", "203.0.113.9", "203.0.113.9")])
def test_a_known_proxy_is_believed(peer: str, forwarded: str | None, client: str) -> None:
    reach = reached("0.0.0.0", proxies=["10.0.0.0/30"])
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    answer = TestClient(app_of(reach), client=(peer, 1)).get("/who", headers=headers)
    assert answer.json() == {"client": client, "scheme": "https"}


def test_nobody_else_is_and_who_passes_the_proxy_by_is_refused() -> None:
    reach = reached("0.0.0.0", proxies=["10.0.0.2"])
    spoofed = {"X-Forwarded-For": "10.0.0.2", "X-Forwarded-Proto": "https"}
    assert TestClient(app_of(reach), client=("10.0.0.9", 1)).get("/who", headers=spoofed).status_code == 403
    inside = TestClient(app_of(reach), client=("127.0.0.1", 1)).get("/who", headers=spoofed)
    assert inside.json() == {"client": "127.0.0.1", "scheme": "http"}
    alone = TestClient(app_of(reached("127.0.0.1")), client=("127.0.0.1", 1), base_url="http://localhost")
    assert alone.get("/who", headers=spoofed).json() == {"client": "127.0.0.1", "scheme": "http"}
    assert alone.get("/who", headers={"Host": "evil.example"}).status_code == 421


def test_the_server_believes_no_header_about_who_asks() -> None:
    with serving(reached("127.0.0.1")) as port:
        connection = http.client.HTTPConnection("localhost", port, timeout=10)
        connection.request("GET", "/who", headers={"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"})
        assert connection.getresponse().read() == b'{"client":"127.0.0.1","scheme":"http"}'


def test_who_comes_before_the_first_is_taken_waits() -> None:
    with bound_to("127.0.0.1", 0) as bound, socket.create_connection(bound.getsockname(), timeout=5):
        pass


ENDED = """
import signal
from contextlib import asynccontextmanager
from fastapi import FastAPI
from gaitbridge.cli import Ended, _end
from gaitbridge.service.listening import listen
from gaitbridge.service.reaching import reached
signal.signal(signal.SIGTERM, _end)
@asynccontextmanager
async def up(app):
    print("up", flush=True)
    yield
listen(FastAPI(lifespan=up), reached("127.0.0.1", None, None, (), ()), 0, print)
"""


def test_a_service_that_is_ended_ends_well() -> None:
    with subprocess.Popen([sys.executable, "-c", ENDED], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line == "up\n":
                break
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 0, told
    assert told.startswith("ended;")
