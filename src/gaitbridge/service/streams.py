"""Streams of events end with the key that they were opened by: it is looked at again while they go on."""

import time
from collections.abc import Callable

from gaitbridge.service.admission import Caller
from gaitbridge.service.asgi import App, Message, Receive, Scope, Send

AGAIN_S = 5.0  # between looks; events, or signs of life, come at least every 15 s


class _Over(Exception):
    """What ends the application's part of a stream."""


class Revocable:
    """Ends a stream of events when whoever opened it may come in no more. goes_on: whether a caller still may."""

    def __init__(self, app: App, goes_on: Callable[[Caller], bool]) -> None:
        self.app, self._goes_on = app, goes_on

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        state = scope.setdefault("state", {})
        stream, looked_s, over = False, time.monotonic(), False

        async def watched(message: Message) -> None:
            nonlocal stream, looked_s, over
            if message["type"] == "http.response.start":
                stream = any(name.lower() == b"content-type" and value.startswith(b"text/event-stream") for name, value in message["headers"])
            elif stream and not over and time.monotonic() - looked_s >= AGAIN_S:
                looked_s = time.monotonic()
                if (caller := state.get("caller")) is not None and not self._goes_on(caller):
                    over = True
                    await send({"type": "http.response.body", "body": b"event: ended\ndata: {}\n\n", "more_body": False})
            if over:
                raise _Over
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except Exception:
            if not over:  # else it is ours, as it comes out of what stands between
                raise
