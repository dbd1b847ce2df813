"""Walks as they are answered, to who listens."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from gaitbridge.service.access import Caller, needs
from gaitbridge.service.events import after, last
from gaitbridge.service.here import Here
from gaitbridge.service.state import State

router = APIRouter(tags=["events"])
LOOK_S, ALIVE_S = 0.5, 15.0  # between looks; between signs of life


@router.get("/v1/events", response_class=StreamingResponse,
            responses={200: {"content": {"text/event-stream": {}}, "description": "`walk`, with the answer, for each as it is answered"}})
async def events(request: Request, here: Here, caller: Annotated[Caller, Depends(needs("search"))],
                 since: Annotated[int | None, Query(ge=0, lt=2**63, description="Begin after this event; by default with what comes")] = None,
                 last_event_id: Annotated[str, Header()] = "") -> StreamingResponse:
    """Every walk that is answered, as server-sent events. Who was cut off goes on where they were (Last-Event-ID)."""
    place = int(last_event_id) if last_event_id.isdecimal() and len(last_event_id) < 19 else since
    begin = await run_in_threadpool(last, here) if place is None else place
    return StreamingResponse(_told(here, begin), media_type="text/event-stream", headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})


async def _told(state: State, place: int) -> AsyncIterator[str]:
    quiet_s = 0.0
    yield "retry: 2000\n\n"
    while True:
        found = await run_in_threadpool(after, state, place)
        for event in found:
            place, quiet_s = event["number"], 0.0
            yield f"id: {place}\nevent: walk\ndata: {json.dumps(event)}\n\n"
        if found:
            continue
        if quiet_s >= ALIVE_S:
            yield ": still there\n\n"
            quiet_s = 0.0
        await asyncio.sleep(LOOK_S)
        quiet_s += LOOK_S
