"""What a page shows it asks of the HTTP interface, within the process, as whoever is signed in: nobody sees by the page what they may not by it."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote, urlencode

from fastapi import Request

SAME = ("type", "asgi", "http_version", "scheme", "server", "client", "root_path")
PASSED_ON = (b"cookie", b"host", b"user-agent")


class Refused(Exception):
    """The interface did not answer with a document: the status, and its words."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail


async def ask(request: Request, path: str, **query: Any) -> Any:
    """The document at a path of the interface, such as /v1/people. query: what is None or empty is left out. Refused where there is none."""
    asked = {name: value for name, value in query.items() if value not in (None, "")}
    status, body = await _get(request, path, urlencode(asked).encode())
    document = json.loads(body) if body.startswith((b"{", b"[")) else {}
    if status != 200:
        raise Refused(status, str(document.get("detail", f"the service answers {status}")) if isinstance(document, Mapping) else str(status))
    return document


def part(name: str) -> str:
    """A name as one part of a path."""
    return quote(name, safe="")


async def _get(request: Request, path: str, query: bytes) -> tuple[int, bytes]:
    headers = [(name, value) for name, value in request.scope["headers"] if name in PASSED_ON]
    scope = {**{name: request.scope[name] for name in SAME if name in request.scope},
             "method": "GET", "path": unquote(path), "raw_path": path.encode(), "query_string": query, "headers": headers, "state": {}}
    answered: dict[str, Any] = {"status": 500, "body": []}
    asked = False

    async def receive() -> dict[str, Any]:
        nonlocal asked
        if asked:
            await asyncio.Event().wait()  # nobody hangs up
        asked = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            answered["status"] = message["status"]
        elif message["type"] == "http.response.body":
            answered["body"].append(message.get("body", b""))

    await request.app(scope, receive, send)
    return answered["status"], b"".join(answered["body"])
