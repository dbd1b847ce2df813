"""Keys made, listed and revoked; sessions of the page begun and ended."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from gaitbridge.gallery import audit
from gaitbridge.service.access import Caller, csrf_token, needs
from gaitbridge.service.admission import session_secret
from gaitbridge.service.here import Here
from gaitbridge.service.keys import MOST_PER_MINUTE, PER_MINUTE, SCOPES, Conflict
from gaitbridge.service.pages.showing import page
from gaitbridge.service.problems import Problem
from gaitbridge.service.sessions import cookie

router = APIRouter(tags=["access"])
Administrator = Annotated[Caller, Depends(needs("administer"))]


class KeyOut(BaseModel):
    """A key as it is listed: never its secret."""

    id: str
    name: str
    scopes: list[str]
    created_s: float
    expires_s: float | None
    per_minute: int


class NewKey(BaseModel):
    """A key that is wanted."""

    model_config = ConfigDict(extra="forbid")
    name: str
    scopes: list[str]
    days: Annotated[float | None, Field(description="good for so long; by default until it is revoked")] = None
    per_minute: Annotated[int, Field(ge=1, le=MOST_PER_MINUTE, description="requests that it may make")] = PER_MINUTE


class MadeKey(BaseModel):
    """A new key in full. It is shown here alone, and never again."""

    name: str
    key: str


class Session(BaseModel):
    """Who is signed in. csrf_token: to be sent as X-CSRF-Token with what changes something."""

    name: str
    scopes: list[str]
    csrf_token: str


@router.get("/v1/keys")
def keys(here: Here, caller: Administrator) -> list[KeyOut]:
    """Every key, without its secret."""
    return [KeyOut(**key.document()) for key in here.access.keys.all()]  # type: ignore[arg-type]


@router.post("/v1/keys", status_code=201)
def make_key(here: Here, caller: Administrator, wanted: NewKey) -> MadeKey:
    """Make a key. Scopes: search, enrol, decide, forget, administer."""
    audit.note(here.gallery.index, "key made", key=wanted.name[:100], scopes=sorted(set(wanted.scopes) & SCOPES.keys()))
    with _conflicts():
        return MadeKey(name=wanted.name, key=here.access.keys.add(wanted.name, wanted.scopes, wanted.days, wanted.per_minute))


@router.delete("/v1/keys/{name:path}", status_code=204)
def revoke_key(here: Here, caller: Administrator, name: str) -> Response:
    """Revoke a key, and end its sessions. The last that may administer is kept."""
    audit.note(here.gallery.index, "key revoked", key=name[:100])
    with _conflicts():
        here.access.keys.revoke(name, keep_administrator=True)
    return Response(status_code=204)


@router.get("/v1/session")
def session(caller: Annotated[Caller, Depends(needs())]) -> Session:
    """Who calls."""
    return Session(name=caller.name, scopes=sorted(caller.scopes), csrf_token=csrf_token(caller))


@router.post("/v1/session", status_code=303, response_class=RedirectResponse)
async def sign_in(
    request: Request, here: Here, key: Annotated[str, Form(max_length=200)], then: Annotated[str, Form(max_length=500)] = "/",
) -> Response:  # fmt: skip
    """Sign in to the page with a key, by a form; `then` is the page to go on with."""
    if not from_here(request):
        raise Problem(403, "signing in is for the service's own page: open it, and sign in there")
    try:
        found = await here.access.key(key.strip(), request.client.host if request.client else "")
    except Problem as error:
        if "text/html" not in request.headers.get("accept", ""):
            raise
        return page(request, "signin.html", error.status, then=local(then), problem=str(error))  # the form again, for a browser without JavaScript
    audit.acting.set(found.name)
    await run_in_threadpool(audit.note, here.gallery.index, "sign in")
    secret = here.access.sessions.begin(found.id)
    answer = RedirectResponse(local(then), 303)
    answer.headers["set-cookie"] = cookie(secret, request.url.scheme == "https")
    return answer


@router.delete("/v1/session", status_code=204)
def sign_out(request: Request, here: Here, caller: Annotated[Caller, Depends(needs())]) -> Response:
    """End the session."""
    here.access.sessions.end(session_secret(request))
    return Response(status_code=204, headers={"set-cookie": cookie("", request.url.scheme == "https"), "clear-site-data": '"cache", "storage"'})


@contextmanager
def _conflicts() -> Iterator[None]:
    try:
        yield
    except Conflict as error:
        raise Problem(409, error) from error


def from_here(request: Request) -> bool:
    """Whether a form was sent by a page of this service, as browsers tell: another site could sign somebody in under a name that is not theirs.
    Programs that tell nothing are believed: they have no cookies of anybody."""
    site = request.headers.get("sec-fetch-site", "")
    origin = request.headers.get("origin", "")
    if site and site not in ("same-origin", "none"):
        return False
    return not origin or urlsplit(origin).netloc.lower() == request.headers.get("host", "").lower()


def local(place: str) -> str:
    """A path of this service to go on with; its front page where another was named."""
    plain = place.startswith("/") and not place.startswith("//") and "\\" not in place and place.isprintable() and place.isascii()
    return place if plain else "/"
