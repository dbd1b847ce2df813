"""Rates, bodies that are too long, endless or slow, and clients that hold a connection without using it: before a real server, over sockets."""

import asyncio
import contextlib
import re
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from gaitbridge.service import limits, slow_clients
from gaitbridge.service.headers import Headers
from gaitbridge.service.limits import Bodies, Buckets, Limited, neighbourhood
from gaitbridge.service.slow_clients import Impatient

BODIES = Bodies(most=1000, by_path=[("POST", re.compile("/large/[^/]+"), 100_000)])


async def taken(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


async def ignored(request: Request) -> PlainTextResponse:
    return PlainTextResponse("no body was asked for")


async def endless(request: Request) -> StreamingResponse:
    async def parts() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 100_000
            await asyncio.sleep(0)

    return StreamingResponse(parts())


@contextlib.contextmanager
def listening(bodies: Bodies = BODIES) -> Iterator[int]:
    """A server in a thread; its port."""
    app = Starlette(routes=[Route("/small", taken, methods=["GET", "POST"]), Route("/large/a", taken, methods=["POST"]), Route("/endless", endless),
                            Route("/ignored", ignored, methods=["POST"])])
    bound = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(Headers(Limited(app, bodies)), http=Impatient, log_level="critical", ws="none", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([bound])), daemon=True)
    thread.start()
    try:
        yield bound.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(10)


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(limits, "LINGER_S", 0.3)
    with listening() as number:
        yield number


def said(port: int, *parts: bytes, pause_s: float = 0.0) -> bytes:
    """Everything that the server answers, until it closes or is silent for a while, to parts sent one by one."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        answer = b""
        for part in parts:
            try:
                client.sendall(part)
            except OSError:  # closed already
                break
            time.sleep(pause_s)
        client.settimeout(1.0)
        with contextlib.suppress(OSError):
            while more := client.recv(65536):
                answer += more
        return answer


def trickled(client: socket.socket, data: bytes) -> None:
    """Send letter by letter."""
    for letter in range(len(data)):
        client.sendall(data[letter : letter + 1])
        time.sleep(0.05)


def head(path: str, *lines: str, method: str = "POST") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: a", *lines, "", ""]).encode()


def test_tokens_come_back_with_time() -> None:
    now = [0.0]
    buckets = Buckets(lambda: now[0])
    assert [buckets.take("a", 60, 2) for _ in range(2)] == [0, 0]
    assert buckets.take("a", 60, 2) == pytest.approx(1.0)
    assert buckets.take("b", 60, 2) == 0  # another has its own
    now[0] = 0.9
    assert buckets.take("a", 60, 2) == pytest.approx(0.1)
    now[0] = 1.01
    assert buckets.take("a", 60, 2) == 0
    now[0] = 1e6
    assert [buckets.take("a", 60, 2) == 0 for _ in range(3)] == [True, True, False]  # no more than the burst


def test_buckets_stay_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_REMEMBERED", 10)
    buckets = Buckets()
    for number in range(100):
        buckets.take(str(number), 60, 1)
    assert len(buckets._held) == 10


def test_neighbours_count_as_one() -> None:
    assert neighbourhood("2001:db8:1:2::1") == neighbourhood("2001:db8:1:2:ffff::9") != neighbourhood("2001:db8:1:3::1")
    assert neighbourhood("::ffff:10.0.0.7") == neighbourhood("10.0.0.7") != neighbourhood("10.0.0.8")
    assert neighbourhood("testclient") == "testclient"


def test_bodies_within_the_limit_pass(port: int) -> None:
    assert said(port, head("/small", "Content-Length: 5", "Connection: close"), b"12345").endswith(b"\r\n\r\n5")
    assert said(port, head("/large/a", "Content-Length: 5000", "Connection: close"), b"1" * 5000).endswith(b"\r\n\r\n5000")
    assert said(port, head("/small", "Connection: close", method="GET")).endswith(b"\r\n\r\n0")


@pytest.mark.parametrize("path", ["/small", "/large/a/b", "/ignored"])
def test_a_long_body_is_refused_by_what_it_says_of_its_length(port: int, path: str) -> None:
    answer = said(port, head(path, "Content-Length: 50000"), b"x" * 100)
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"application/problem+json" in answer
    assert b"connection: close" in answer
    assert b"1000 bytes that are taken here" in answer
    assert b"content-security-policy" in answer  # as every answer


def test_an_endless_body_is_refused_and_let_go(port: int) -> None:
    chunk = b"400\r\n" + b"x" * 1024 + b"\r\n"
    began = time.monotonic()
    answer = said(port, head("/small", "Transfer-Encoding: chunked"), *[chunk] * 500, pause_s=0.02)
    assert b"413" in answer[:20]
    assert b"connection: close" in answer
    assert time.monotonic() - began < 9  # it was hung up on


def test_a_body_that_nobody_asked_for_ends_the_connection(port: int) -> None:
    """What follows on the connection is not taken for a request: or a body could carry one."""
    answer = said(port, head("/ignored", "Content-Length: 900") + b"y" * 100, pause_s=0.1)
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"connection: close" in answer
    inner = head("/small", method="GET")
    answer = said(port, head("/ignored", f"Content-Length: {len(inner)}") + inner, pause_s=0.2)
    assert answer.count(b"HTTP/1.1 ") == 1


def test_a_pause_and_a_trickle_are_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LINGER_S", 0.3)
    with listening(replace(BODIES, pause_s=0.3)) as port:
        assert said(port, head("/small", "Content-Length: 100") + b"x", pause_s=0.5).startswith(b"HTTP/1.1 408")
    with listening(replace(BODIES, slow_after_s=0.3, least_rate=2000.0)) as port:
        trickle = [b"x"] * 12
        assert said(port, head("/small", "Content-Length: 100"), *trickle, pause_s=0.1).startswith(b"HTTP/1.1 408")


def test_a_head_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor one that comes letter by letter, first or later on a connection."""
    monkeypatch.setattr(slow_clients, "HEAD_S", 0.3)
    whole = head("/small", method="GET")
    with listening() as port:
        for begun in (b"", whole):
            with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
                client.sendall(begun)
                if begun:
                    assert client.recv(65536).startswith(b"HTTP/1.1 200")
                with pytest.raises(OSError, match=r"reset|[Bb]roken pipe"):
                    trickled(client, b"GET /" + b"a" * 100)


def test_an_answer_that_nobody_takes_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slow_clients, "UNTAKEN_S", 0.2)
    with listening() as port, socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        client.sendall(head("/endless", method="GET"))
        time.sleep(1.0)
        taken = 0
        with contextlib.suppress(ConnectionResetError):
            while part := client.recv(65536):  # what was on its way, and then the end: the answer has none
                taken += len(part)
                assert taken < 2**28, "it is still being given"


def test_one_address_does_not_take_all_connections(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slow_clients, "OF_ONE_ADDRESS", 3)
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5)) for _ in range(5)]
        time.sleep(0.2)
        answers = []
        for client in held:
            with contextlib.suppress(OSError):
                client.sendall(head("/small", method="GET"))
                answers.append(client.recv(65536)[:12])
        assert answers.count(b"HTTP/1.1 200") == 3
    time.sleep(0.2)
    assert said(port, head("/small", "Connection: close", method="GET")).startswith(b"HTTP/1.1 200")  # those who left leave room


@pytest.mark.parametrize("hostile", [
    b"GET / HTTP/1.1\r\nHost: a\r\nX: b\x00c\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n",  # no host
    b"POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n12345",
    b"POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    b"POST /small HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 60_000 + b"\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS, to a port without it
], ids=["zero byte", "two hosts", "no host", "two lengths", "negative", "gzip", "long address", "long header", "TLS"])  # fmt: skip
def test_what_is_no_request_is_refused(port: int, hostile: bytes) -> None:
    answer = said(port, hostile)
    assert answer == b"" or answer[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 501", b"HTTP/1.1 414", b"HTTP/1.1 431")


def test_two_lengths_are_no_way_to_smuggle_a_request(port: int) -> None:
    inner = head("/small", method="GET")
    answer = said(port, head("/small", f"Content-Length: {len(inner)}", "Transfer-Encoding: chunked") + b"0\r\n\r\n" + inner, pause_s=0.2)
    assert answer.startswith(b"HTTP/1.1 400")
    assert answer.count(b"HTTP/1.1 ") == 1
