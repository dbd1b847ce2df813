"""What a service knows of who may come in: its keys, its sessions, and how much each has asked."""

import asyncio
import math
from dataclasses import dataclass

from fastapi import Request

from gaitbridge.printing import tell
from gaitbridge.service.keys import Key, Keys
from gaitbridge.service.limits import Buckets, neighbourhood
from gaitbridge.service.problems import Problem
from gaitbridge.service.sessions import PLAIN, SECURE, Sessions

TRIES_A_MINUTE, TRIES_AT_ONCE = 10, 10  # of one address, that are no key or need the slow hash
TRIES_OF_ALL_A_MINUTE = 300
BURST_S = 10.0  # a key may ask at once for as much as for so long


@dataclass(frozen=True)
class Caller:
    """Whose key came with a request, and what it may do. session: what the page's cookie holds, where it came by that."""

    name: str
    scopes: frozenset[str]
    key_id: str = ""
    session: str = ""


class Access:
    """The keys and sessions of a service, and how much of their rates is left."""

    def __init__(self, keys: Keys, sessions: Sessions) -> None:
        self.keys, self.sessions = keys, sessions
        self.rates, self.tries = Buckets(), Buckets()
        self._paying: dict[bytes, asyncio.Future[Key | None]] = {}

    async def key(self, text: str, address: str) -> Key:
        """The key of a text; Problem 401 where it is none, 429 where the address has tried too often. A key that is known is never kept waiting by
        others who try."""
        quick = self.keys.quick(text)
        if isinstance(quick, Key):
            return quick
        place = neighbourhood(address)
        mark = self.keys.digest(text)
        if (paying := self._paying.get(mark)) is None:
            wait_s = self.tries.take(place, TRIES_A_MINUTE, TRIES_AT_ONCE) or self.tries.take("all", TRIES_OF_ALL_A_MINUTE, TRIES_OF_ALL_A_MINUTE / 6)
            if wait_s:
                raise too_many(wait_s, "too many tries from this address")
            paying = asyncio.ensure_future(self._paid(text, place, mark) if quick else _none())
            if quick:
                self._paying[mark] = paying
        found = await asyncio.shield(paying)
        if found is None:
            tell(f"access: a wrong key from {place}")
            raise Problem(401, "this is no key, or it was revoked or has expired: ask whoever gives out the keys", {"WWW-Authenticate": "Bearer"})
        return found

    async def _paid(self, text: str, place: str, mark: bytes) -> Key | None:
        """The slow hash paid, once for all who show the same key meanwhile; a right key was no try."""
        try:
            found = await asyncio.to_thread(self.keys.slow, text)
        finally:
            del self._paying[mark]
        if found is not None:
            self.tries.give_back(place)
            self.tries.give_back("all")
        return found

    def of_session(self, request: Request) -> Caller | None:
        """Who is signed in to the page, by the request's cookie; None where nobody is."""
        secret = session_secret(request)
        key_id = self.sessions.key_of(secret) if secret else None
        key = self.keys.by_id(key_id) if key_id else None
        return Caller(key.name, key.scopes, key.id, secret) if key else None

    def goes_on(self, caller: Caller) -> bool:
        """Whether who came in may still: their key is good, their session not ended."""
        return self.keys.by_id(caller.key_id) is not None and (not caller.session or self.sessions.key_of(caller.session) == caller.key_id)

    def metered(self, key_id: str) -> None:
        """Count a request; Problem 429 where the key has asked too much."""
        key = self.keys.by_id(key_id)
        if key and (wait_s := self.rates.take(key_id, key.per_minute, max(1.0, key.per_minute * BURST_S / 60.0))):
            raise too_many(wait_s, f"the key {key.name!r} may ask {key.per_minute} times a minute")


async def _none() -> None:
    return None


def too_many(wait_s: float, why: str) -> Problem:
    """The answer to who asks too much, with the seconds to wait."""
    seconds = max(1, math.ceil(wait_s))
    return Problem(429, f"{why}: wait {seconds} s", {"Retry-After": str(seconds)})


def session_secret(request: Request) -> str:
    """What the cookie of the page's session holds; empty without one. Over TLS only the cookie that needs TLS counts."""
    return request.cookies.get(SECURE if request.url.scheme == "https" else PLAIN, "")
