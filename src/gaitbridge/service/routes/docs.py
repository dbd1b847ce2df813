"""The interface described: /docs, a plain page made here (nothing is fetched from elsewhere, nothing runs in the browser), of /openapi.json."""

from importlib.resources import files
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from gaitbridge.service.described import page

router = APIRouter()


@router.get("/docs", response_class=HTMLResponse, include_in_schema=False)
def docs(request: Request) -> HTMLResponse:
    """What can be asked for, how, and what is answered."""
    schema: dict[str, Any] = request.app.openapi()
    return HTMLResponse(page(schema))


@router.get("/docs.css", include_in_schema=False)
def style() -> Response:
    """How it looks."""
    return Response(files("gaitbridge.service").joinpath("templates/docs.css").read_bytes(), media_type="text/css")
