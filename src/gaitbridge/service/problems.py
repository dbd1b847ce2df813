"""Answers to mistakes, as problem details (RFC 9457): what, where, what to do; never a trace."""

import errno
import http
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from gaitbridge.errors import Busy, Fault, StoreError, Unknown, UserError, words_of
from gaitbridge.printing import tell

MEDIA = "application/problem+json"
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # a disk, a share of it, a limit of the system's for this process

AsPage = Callable[[Request, int, str, Mapping[str, str] | None], Response]  # a mistake as a page: status, detail, headers


class Problem(UserError):
    """A mistake of who asks, or a state in which their wish cannot be met, with the status of the answer."""

    def __init__(self, status: int, detail: object, headers: Mapping[str, str] | None = None, **more: Any) -> None:
        super().__init__(detail)
        self.status, self.headers, self.more = status, headers, more


def answer(request: Request, status: int, detail: str, headers: Mapping[str, str] | None = None, **more: Any) -> Response:
    """Problem details; a page for a browser that goes somewhere (scripts do not ask for HTML). more: further members, such as `errors`."""
    detail = request.app.state.service.for_clients(detail)
    if "text/html" in request.headers.get("accept", ""):
        page: AsPage = request.app.state.problem_page
        return page(request, status, detail, headers)
    document = {"type": "about:blank", "title": http.HTTPStatus(status).phrase, "status": status, "detail": detail, "instance": request.url.path}
    return JSONResponse(document | more, status, headers, MEDIA)


def install(app: FastAPI, page: AsPage) -> None:
    """Have an application answer every error so."""
    app.state.problem_page = page
    app.add_exception_handler(UserError, _user_error)
    app.add_exception_handler(RequestValidationError, _not_valid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(OSError, _system)
    app.add_exception_handler(Exception, _fault)


async def _user_error(request: Request, error: Exception) -> Response:
    if isinstance(error, Problem):
        return answer(request, error.status, str(error), error.headers, **error.more)
    if isinstance(error, Busy):
        return answer(request, 503, str(error), {"Retry-After": "5"})
    if isinstance(error, Unknown):
        return answer(request, 404, str(error))
    if isinstance(error, Fault):
        return answer(request, 500, str(error))
    if isinstance(error, StoreError):
        tell(f"{request.method} {request.url.path}: {error}")
        full = isinstance(error.__cause__, OSError) and error.__cause__.errno in FULL
        return answer(request, 507 if full or "disk is full" in str(error) else 500, str(error))
    return answer(request, 400, str(error))


async def _not_valid(request: Request, error: Exception) -> Response:
    """What does not fit the schema: where, and what is wrong. The input itself is not repeated: it may be large."""
    assert isinstance(error, RequestValidationError)
    errors = [{"where": ".".join(str(part) for part in one["loc"]), "what": one["msg"]} for one in error.errors()]
    words = "; ".join(f"{one['where']}: {one['what']}" for one in errors[:3])
    return answer(request, 422, f"{words}: see /docs for what is expected", errors=errors[:20])


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    words = {404: f"there is nothing at {request.url.path}: see /docs for what there is",
             405: f"{request.method} is not for {request.url.path}: see /docs for what is"}
    plain = error.detail == http.HTTPStatus(error.status_code).phrase
    return answer(request, error.status_code, words.get(error.status_code, error.detail) if plain else error.detail, error.headers)


async def _system(request: Request, error: Exception) -> Response:
    assert isinstance(error, OSError)
    tell(f"{request.method} {request.url.path}: {error}")
    if error.errno in FULL:
        return answer(request, 507, "the disk of the service is full: nothing was taken; ask whoever runs it to free some space, then try again")
    return answer(request, 500, f"the machine of the service failed ({error.strerror or type(error).__name__}): ask whoever runs it")


async def _fault(request: Request, error: Exception) -> Response:
    """A fault of ours: a number for the log, where the details are."""
    number = secrets.token_hex(4)
    tell(f"fault {number}: {request.method} {request.url.path}: {type(error).__name__}: {words_of(error)}")
    return answer(request, 500, f"a fault of the service, not yours: report it with its number {number}, by which it is found in the log")
