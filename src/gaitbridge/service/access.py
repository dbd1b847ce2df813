"""Who may do what: each route says what it needs, and is told who calls.

    @router.get("/v1/people")
    def people(here: Here, caller: Annotated[Caller, Depends(needs("search"))]) -> ...

A caller shows a key (`Authorization: Bearer KEY`), or the cookie of a session of the page; with the latter, what changes something must bring the
session's token, too (`X-CSRF-Token`, `sessions`). Each key has its rate.
"""

from collections.abc import Awaitable, Callable
from typing import Literal, get_args

from fastapi import Request

from gaitbridge.gallery.audit import acting
from gaitbridge.service.admission import Access, Caller
from gaitbridge.service.problems import Problem
from gaitbridge.service.sessions import fits_token, token
from gaitbridge.service.state import State

__all__ = ["SCOPES", "Caller", "Scope", "access_of", "csrf_token", "needs", "signed_in"]

Scope = Literal["search", "enrol", "decide", "forget", "administer"]
SCOPES: frozenset[str] = frozenset(get_args(Scope))
SAFE = ("GET", "HEAD", "OPTIONS")  # what changes nothing


def needs(*scopes: Scope) -> Callable[[Request], Awaitable[Caller]]:
    """A dependency of a route: its caller, who may do all of these; without any, whoever has a key. What the route then does is in the audit log
    under the caller's name. Problem 401 without a key, 403 where it may not, 429 where it asks too much.

    It is a coroutine: what it sets in the context of the request reaches the route, whichever thread that runs in.
    """

    async def caller(request: Request) -> Caller:
        found = await _caller(request)
        if missing := sorted(set(scopes) - found.scopes):
            raise Problem(403, f"the key {found.name!r} may not do this: it lacks {' and '.join(missing)}; ask whoever gives out the keys")
        acting.set(found.name)
        return found

    return caller


async def signed_in(request: Request) -> Caller | None:
    """A dependency of pages: who is signed in, or None, for a page that then asks for a key."""
    found = access_of(request).of_session(request)
    if found is not None:
        access_of(request).metered(found.key_id)
        acting.set(found.name)
    return found


def csrf_token(caller: Caller) -> str:
    """The token that a caller's page sends with what changes something; empty without a session."""
    return token(caller.session) if caller.session else ""


def access_of(request: Request) -> Access:
    """The access of the service that a request asks."""
    state = request.app.state.service
    assert isinstance(state, State)
    return state.access


async def _caller(request: Request) -> Caller:
    access = access_of(request)
    if "authorization" in request.headers:
        kind, _, given = request.headers["authorization"].partition(" ")
        if kind.lower() != "bearer":
            raise Problem(401, "send the key as `Authorization: Bearer KEY`", {"WWW-Authenticate": "Bearer"})
        key = await access.key(given.strip(), request.client.host if request.client else "")
        found = Caller(key.name, key.scopes, key.id)
    else:
        found = access.of_session(request) or _nobody()
        if request.method not in SAFE and not fits_token(found.session, request.headers.get("x-csrf-token", "")):
            raise Problem(403, "the page's token is missing or of another session: load the page again, or send a key (`Authorization: Bearer KEY`)")
    access.metered(found.key_id)
    request.state.caller = found  # for streams, which go on
    return found


def _nobody() -> Caller:
    raise Problem(401, "this needs a key: send it as `Authorization: Bearer KEY`, or sign in to the page", {"WWW-Authenticate": "Bearer"})
