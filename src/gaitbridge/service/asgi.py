"""What passes between a server and an application (ASGI), and a mistake answered before the application hears of it."""

import http
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


async def problem(scope: Scope, send: Send, status: int, detail: str) -> None:
    """Answer problem details (RFC 9457), and let go of the connection: what else comes on it was not read."""
    document = {"type": "about:blank", "title": http.HTTPStatus(status).phrase, "status": status, "detail": detail, "instance": scope["path"]}
    body = json.dumps(document).encode()
    headers = [(b"content-type", b"application/problem+json"), (b"content-length", str(len(body)).encode()), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def header(scope: Scope, name: bytes) -> str:
    """The value of a header that stands once; empty where it does not."""
    found = [value for other, value in scope["headers"] if other == name]
    return found[0].decode("latin-1") if len(found) == 1 else ""
