"""Connections that are held open without use are closed: heads of requests that do not come, answers that nobody takes, too many of one address."""

import asyncio
from collections import Counter
from typing import Any, ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from gaitbridge.service.limits import neighbourhood

HEAD_S = 10.0  # from a connection, or the first byte of a further request, to the end of its headers
UNTAKEN_S = 60.0  # an answer of which the client takes nothing for so long is given up
OF_ONE_ADDRESS = 64  # connections; whoever stands before the service is one address, and not counted


class Impatient(H11Protocol):
    """uvicorn's protocol, which waits for no client for ever."""

    counted = True
    held: ClassVar[Counter[str]] = Counter()  # of the process, which has one server

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._head: asyncio.TimerHandle | None = None
        self._untaken: asyncio.TimerHandle | None = None
        self._address = ""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has come."""
        super().connection_made(transport)
        self._address = neighbourhood(self.client[0]) if self.client else ""
        self.held[self._address] += 1
        if self.counted and self.held[self._address] > OF_ONE_ADDRESS:
            transport.abort()
        self._watch_head()

    def data_received(self, data: bytes) -> None:
        """Some bytes have come."""
        super().data_received(data)
        self._watch_head()

    def on_response_complete(self) -> None:
        """An answer was given: whatever of a next request is there already must be followed by the rest."""
        super().on_response_complete()
        self._watch_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client, or we, have gone."""
        for timer in (self._head, self._untaken):
            if timer is not None:
                timer.cancel()
        self.held[self._address] -= 1
        if self.held[self._address] <= 0:
            del self.held[self._address]
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The client takes nothing, and what waits for it is as much as is kept."""
        super().pause_writing()
        self._untaken = self.loop.call_later(UNTAKEN_S, self.transport.abort)

    def resume_writing(self) -> None:
        """The client takes again."""
        super().resume_writing()
        if self._untaken is not None:
            self._untaken.cancel()

    def _watch_head(self) -> None:
        """The clock runs while a head is awaited, and is not set back by a further byte of it. Between requests uvicorn's own clock runs."""
        awaited = self.conn.their_state is h11.IDLE and (self.cycle is None or bool(self.conn.trailing_data[0]))
        if awaited and self._head is None:
            self._head = self.loop.call_later(HEAD_S, self.transport.abort)
        elif not awaited and self._head is not None:
            self._head.cancel()
            self._head = None


class ImpatientBehindProxy(Impatient):
    """The same where all connections are a proxy's."""

    counted = False
