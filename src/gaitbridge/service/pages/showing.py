"""A page shown to who is signed in; to who is not, the way to sign in; and a mistake as a page, too."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse, Response
from fastapi.routing import APIRoute

from gaitbridge.errors import UserError
from gaitbridge.service.access import Caller, Scope, csrf_token, signed_in
from gaitbridge.service.pages.asking import Refused
from gaitbridge.service.pages.rendering import render
from gaitbridge.service.problems import Problem

TITLES = {401: "Not signed in", 403: "Not with this key", 404: "Not there", 429: "Too fast"}


async def reader(request: Request, caller: Annotated[Caller | None, Depends(signed_in)]) -> Caller:
    """Who reads; whoever is not signed in is led to the form."""
    if caller is None:
        asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        raise Problem(303, "sign in first", {"Location": f"/sign-in?then={quote(asked)}"})
    request.state.reader = caller
    return caller


Reader = Annotated[Caller, Depends(reader)]


def may(*scopes: Scope) -> Callable[[Request, Caller], Awaitable[Caller]]:
    """Who reads, where their key may do all of these; Problem 403 where it may not."""

    async def allowed(request: Request, caller: Reader) -> Caller:
        if missing := sorted(set(scopes) - caller.scopes):
            raise Problem(403, f"the key {caller.name!r} may not see this: it lacks {' and '.join(missing)}; ask whoever gives out the keys")
        return caller

    return allowed


def page(request: Request, template: str, status: int = 200, **values: Any) -> Response:
    """A template with what every page says."""
    caller = getattr(request.state, "reader", None)
    frame = {"here": "/" + request.url.path.split("/")[1], "caller": caller.name if caller else "",
             "scopes": sorted(caller.scopes) if caller else [], "token": csrf_token(caller) if caller else ""}
    return HTMLResponse(render(template, **frame | values), status)


def problem_page(request: Request, status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """A mistake as a page."""
    made = page(request, "problem.html", status, title=TITLES.get(status, "That did not work"), detail=detail)
    made.headers.update(headers or {})
    return made


class PageRoute(APIRoute):
    """A route whose mistakes are pages."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler of FastAPI, and what it may raise shown."""
        answer = super().get_route_handler()

        async def shown(request: Request) -> Response:
            try:
                return await answer(request)
            except Refused as error:
                status, detail = error.status, error.detail
            except Problem as error:
                if error.status == 303:
                    raise
                status, detail = error.status, str(error)
            except UserError as error:
                status, detail = 400, str(error)
            return problem_page(request, status, detail)

        return shown
