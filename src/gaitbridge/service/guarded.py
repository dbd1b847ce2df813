"""The application behind what every request passes first: its headers, the names that it may be called by, the bounds of its body."""

import re
from collections.abc import Callable

from fastapi import FastAPI

from gaitbridge.service.admission import Caller
from gaitbridge.service.asgi import App, Receive, Scope, Send
from gaitbridge.service.headers import Headers, Hosts
from gaitbridge.service.limits import Bodies, Limited
from gaitbridge.service.reaching import Proxied, Reach
from gaitbridge.service.streams import Revocable

MIB = 2**20
ASKED_MIB = 16  # sequences or embeddings in a question, or to enrol somebody


class Guarded(FastAPI):
    """A FastAPI that nothing reaches unguarded, and whose errors go out guarded, too: middleware would stand within the answers to faults."""

    def guard(self, reach: Reach, upload_mb: int, goes_on: Callable[[Caller], bool]) -> None:
        """Say how it is reached, what it takes in, and whether a caller may still come in."""
        known = Hosts(Limited(Revocable(super().__call__, goes_on), bodies(upload_mb)), reach.names)
        self._outermost: App = Headers(Proxied(known, reach.proxies), reach.tls)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or the beginning and end of the service."""
        await self._outermost(scope, receive, send)


def bodies(upload_mb: int) -> Bodies:
    """How long bodies may be: recordings by the setting, questions and walks to enrol less, all else a mebibyte."""
    recording, asked = upload_mb * MIB, min(ASKED_MIB, upload_mb) * MIB
    return Bodies(MIB, [("POST", re.compile(r"/v1/recordings"), recording), ("POST", re.compile(r"/v1/people/.+/templates"), asked),
                        ("POST", re.compile(r"/v1/(search|verify)(/.*)?"), asked)])
