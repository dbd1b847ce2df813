"""Whether the service can do its work, and what it has counted."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse, Response

from gaitbridge import __version__
from gaitbridge.errors import UserError
from gaitbridge.service.access import Caller, needs
from gaitbridge.service.here import Here
from gaitbridge.service.metrics import MEDIA
from gaitbridge.service.state import State

router = APIRouter(tags=["health"])


@router.get("/v1/health", responses={503: {"description": "It cannot do its work now; `problems` says what fails"}})
def health(here: Here) -> JSONResponse:
    """Whether the gallery can be read, the database written, and the work beside the requests is done. No key is needed: it names nobody."""
    found = _problems(here)
    document: dict[str, Any] = {"status": "failing" if found else "ok", "version": __version__, "problems": found}
    return JSONResponse(document, 503 if found else 200)


def _problems(state: State) -> list[str]:
    """What fails, by its part: what exactly, the log says, for whoever runs the service."""
    found = []
    try:
        with state.gallery.index.reading():
            pass
    except UserError:
        found.append("gallery")
    try:
        with state.database.writing() as connection:
            connection.execute("SELECT 1 FROM migrations LIMIT 1")
    except UserError:
        found.append("database")
    return [*found, *sorted(state.failing)]


@router.get("/metrics", response_class=Response)
def metrics(here: Here, caller: Annotated[Caller, Depends(needs())]) -> Response:
    """Counters as Prometheus reads them."""
    with here.database.reading() as connection:
        for state, count in connection.execute("SELECT state, count(*) FROM jobs GROUP BY state"):
            here.metrics.jobs.labels(state).set(count)
    return Response(here.metrics.text(), media_type=MEDIA)
