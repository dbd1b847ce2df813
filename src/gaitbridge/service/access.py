"""Who may do what: each route says what it needs, and is told who calls.

    @router.get("/v1/people")
    def people(here: Here, caller: Annotated[Caller, Depends(needs("search"))]) -> ...
"""

import os
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, get_args

from fastapi import Request

from gaitbridge.gallery.audit import acting
from gaitbridge.service.problems import Problem

Scope = Literal["search", "enrol", "decide", "forget", "administer"]
SCOPES: frozenset[str] = frozenset(get_args(Scope))
KEY = "GAITBRIDGE_KEY"  # in the environment: the one key there is so far


@dataclass(frozen=True)
class Caller:
    """Whose key came with a request, and what it may do."""

    name: str
    scopes: frozenset[str]


def needs(*scopes: Scope) -> Callable[[Request], Awaitable[Caller]]:
    """A dependency of a route: its caller, who may do all of these; without any, whoever has a key. What the route then does is in the audit log
    under the caller's name. Problem 401 without a key, 403 where it may not.

    It is a coroutine: what it sets in the context of the request reaches the route, whichever thread that runs in.
    """

    async def caller(request: Request) -> Caller:
        found = _caller(request)
        if missing := sorted(set(scopes) - found.scopes):
            raise Problem(403, f"the key {found.name!r} may not do this: it lacks {' and '.join(missing)}; ask whoever gives out the keys")
        acting.set(found.name)
        return found

    return caller


def _caller(request: Request) -> Caller:
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    expected = os.environ.get(KEY, "")
    if kind.lower() != "bearer" or not expected or not secrets.compare_digest(given.strip().encode(), expected.encode()):
        raise Problem(401, "this needs a key: send it as `Authorization: Bearer KEY`", {"WWW-Authenticate": "Bearer"})
    return Caller("operator", SCOPES)
