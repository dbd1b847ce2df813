"""The application: routes found in `routes/`, errors as problem details, each request counted."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gaitbridge import __version__, plugins
from gaitbridge.service import problems
from gaitbridge.service.beside import workers_beside
from gaitbridge.service.guarded import Guarded
from gaitbridge.service.kept import sweep_kept
from gaitbridge.service.metrics import Metrics
from gaitbridge.service.pages.showing import problem_page
from gaitbridge.service.reaching import Reach
from gaitbridge.service.state import State

ROUTES = "gaitbridge.service.routes"
ABOUT = "Recognise people by how they walk, across cameras and LiDARs. Mistakes are answered by problem details (RFC 9457)."


def create_app(state: State, reach: Reach | None = None) -> Guarded:
    """The service of a gallery, as an ASGI application; work beside the requests runs while it does. reach: from where it is reached."""

    @asynccontextmanager
    async def running(app: FastAPI) -> AsyncIterator[None]:
        sweep_kept(state.database, state.kept)  # before anything is sent: what is on its way has no job yet
        with workers_beside(state):
            yield
        state.database.close()

    app = Guarded(title="Gaitbridge", version=__version__, description=ABOUT, docs_url=None, redoc_url=None, lifespan=running)
    app.state.service = state
    app.guard(reach or Reach(), state.settings.upload_mb, state.access.goes_on)
    problems.install(app, problem_page)
    app.add_middleware(_Counted, metrics=state.metrics)
    for name in plugins.names(ROUTES):
        app.include_router(plugins.load(ROUTES, name).router)
    return app


class _Counted:
    """Counts each request under its route's pattern: a path that anybody may choose is no label."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        began, status = time.perf_counter(), 500

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self.metrics.seconds.labels(scope["method"], _pattern(scope)).observe(time.perf_counter() - began)
            await send(message)

        try:
            await self.app(scope, receive, sent)
        finally:
            self.metrics.requests.labels(scope["method"], _pattern(scope), str(status)).inc()


def _pattern(scope: Scope) -> str:
    route = scope.get("route")
    return route.path if isinstance(route, Route) else "none"
