"""How much one may ask: requests of a key, tries of an address, bytes of a body, and how long a slow client is waited for."""

import asyncio
import ipaddress
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from starlette.exceptions import HTTPException

from gaitbridge.service.asgi import App, Message, Receive, Scope, Send, header, problem

MOST_REMEMBERED = 20_000  # keys or addresses: some MB
MOST_ADDRESS, MOST_HEADERS = 8192, 32_768  # bytes
LINGER_S = 2.0  # what a refused client still sends is read for so long, or it would never see why


class Buckets:
    """Tokens by name: `per_minute` come back each minute, at most `burst` are there. Safe for threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._held: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str, per_minute: float, burst: float, count: float = 1.0) -> float:
        """Take tokens: 0, or, where there are too few and none is taken, the seconds until there are enough."""
        with self._lock:
            now = self._clock()
            tokens, then = self._held.pop(name, (burst, now))
            tokens = min(burst, tokens + (now - then) * per_minute / 60.0)
            enough = tokens >= count
            self._held[name] = (tokens - count if enough else tokens, now)
            while len(self._held) > MOST_REMEMBERED:
                self._held.popitem(last=False)
            return 0.0 if enough else (count - tokens) * 60.0 / per_minute

    def give_back(self, name: str, count: float = 1.0) -> None:
        """Give tokens back that were taken and not used."""
        with self._lock:
            if name in self._held:
                tokens, then = self._held[name]
                self._held[name] = tokens + count, then


def neighbourhood(address: str) -> str:
    """What counts as one address: of IPv6 the first 64 bits, of which one customer has all that follow."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if parsed.version == 4:
        return str(parsed)
    return str(parsed.ipv4_mapped or ipaddress.ip_network((parsed, 64), strict=False).network_address)


@dataclass(frozen=True)
class Bodies:
    """Bounds of request bodies. by_path: (method, pattern of the whole path, most bytes), the first that fits; most: of all others.

    pause_s: so long a client may send nothing; slow_after_s, least_rate: what was waited for longer must have come at so many bytes a second.
    """

    most: int = 2**20
    by_path: Sequence[tuple[str, re.Pattern[str], int]] = ()
    pause_s: float = 30.0
    slow_after_s: float = 30.0
    least_rate: float = 2048.0

    def limit(self, method: str, path: str) -> int:
        """The most bytes of a body."""
        return next((most for one, pattern, most in self.by_path if one == method and pattern.fullmatch(path)), self.most)


class Limited:
    """Refuses bodies that are too long (413), also endless ones, those that come too slowly (408), and heads that are too long or ambiguous."""

    def __init__(self, app: App, bodies: Bodies) -> None:
        self.app, self.bodies = app, bodies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        length, chunked = header(scope, b"content-length"), any(name == b"transfer-encoding" for name, _ in scope["headers"])
        if length and chunked:  # a proxy may have believed the other one, and what follows be a request for it and a body for us
            return await problem(scope, send, 400, "the body has a Content-Length and a Transfer-Encoding: send one of them")
        if len(scope.get("raw_path", b"")) + len(scope["query_string"]) > MOST_ADDRESS:
            return await problem(scope, send, 414, f"the address is longer than {MOST_ADDRESS} bytes: send what is long in the body")
        if sum(len(name) + len(value) for name, value in scope["headers"]) > MOST_HEADERS:
            return await problem(scope, send, 431, f"the headers are longer than {MOST_HEADERS} bytes: leave out what is not needed")
        if not chunked and length in ("", "0"):
            return await self.app(scope, receive, send)
        most = self.bodies.limit(scope["method"], scope["path"])
        body = _Body(receive, send, most, self.bodies)
        if length.isdigit() and int(length) > most:
            return await problem(scope, body.send, 413, too_long(most))
        await self.app(scope, body.receive, body.send)


def too_long(most: int) -> str:
    """The words of a 413."""
    size = f"{most / 2**20:.4g} MiB" if most >= 2**20 else f"{most} bytes"
    return f"the body is longer than the {size} that are taken here: send less at a time, or ask whoever runs the service to raise the limit"


class _Body:
    """The two ways of one request: what comes in is counted and timed, and an answer to half a body lets go of the connection."""

    def __init__(self, receive: Receive, send: Send, most: int, bounds: Bodies) -> None:
        self._receive, self._send, self._most, self._bounds = receive, send, most, bounds
        self._came, self._waited_s, self._whole = 0, 0.0, False

    async def receive(self) -> Message:
        """The next part; HTTPException 413 or 408."""
        if self._whole:
            return await self._receive()  # waits until the client goes
        begun = time.monotonic()
        try:
            message = await asyncio.wait_for(self._receive(), self._bounds.pause_s)
        except TimeoutError:
            raise HTTPException(408, f"nothing came for {self._bounds.pause_s:g} s: send the body without pauses") from None
        self._waited_s += time.monotonic() - begun
        self._count(message)
        if self._came > self._most:
            raise HTTPException(413, too_long(self._most))
        slow_s = self._waited_s - self._bounds.slow_after_s
        if not self._whole and slow_s > 0 and self._came < slow_s * self._bounds.least_rate:
            raise HTTPException(408, f"the body comes at less than {self._bounds.least_rate:g} bytes a second: send it over a faster line")
        return message

    def _count(self, message: Message) -> None:
        self._came += len(message.get("body", b""))
        self._whole = message["type"] != "http.request" or not message.get("more_body", False)

    async def send(self, message: Message) -> None:
        """Send a part. What is left of a body that nobody reads is not read to its end: the connection is closed, a little later, so that the
        client sees the answer."""
        if not self._whole and message["type"] == "http.response.start":
            headers = [(name, value) for name, value in message.get("headers", ()) if name.lower() != b"connection"]
            message = {**message, "headers": [*headers, (b"connection", b"close")]}
        if not self._whole and message["type"] == "http.response.body" and not message.get("more_body", False):
            await self._send({**message, "more_body": True})
            await self._linger()
            message = {"type": "http.response.body", "body": b"", "more_body": False}
        await self._send(message)

    async def _linger(self) -> None:
        end = time.monotonic() + LINGER_S
        while not self._whole and (left := end - time.monotonic()) > 0:
            try:
                self._count(await asyncio.wait_for(self._receive(), left))
            except TimeoutError:
                return
