"""Recordings taken in, and what became of them."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, JSONResponse, Response, StreamingResponse

from gaitbridge.service import jobs
from gaitbridge.service.access import Caller, needs
from gaitbridge.service.here import Here
from gaitbridge.service.jobs import Job
from gaitbridge.service.kept import drop_jobs
from gaitbridge.service.multipart import parts_of
from gaitbridge.service.recordings import Upload, options_of
from gaitbridge.service.schemas import JobDocument, JobList, ProblemDetails
from gaitbridge.service.seen import moment
from gaitbridge.service.state import State

router = APIRouter(tags=["recordings"])
LOOK_S, ALIVE_S = 0.25, 15.0  # between looks at a job; between signs of life
PRIVATE = {"Cache-Control": "no-store"}
Searching = Annotated[Caller, Depends(needs("search"))]
MISTAKES: dict[int | str, dict[str, Any]] = {status: {"model": ProblemDetails} for status in (400, 401, 403, 404)}
BODY = {"requestBody": {"required": True, "description": "The recording's bytes, or a form with a `file`; what it is, is found from its content.",
                        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
                                    "multipart/form-data": {"schema": {"type": "object", "properties": {
                                        "file": {"type": "string", "format": "binary"}}}}}}}  # fmt: skip


@router.post("/v1/recordings", status_code=202, openapi_extra=BODY,
             responses={202: {"model": JobDocument}, 200: {"model": JobDocument, "description": "It was sent before: that job"}, **MISTAKES,
                        **{status: {"model": ProblemDetails} for status in (413, 415, 503, 507)}})
async def take(
    request: Request, here: Here, caller: Searching, site: str | None = None, recorded: str | None = None, reject: float | None = None,
    hz: float | None = None, sensor: str | None = None, topic: str | None = None,
    columns: int | None = None,
    again: Annotated[bool, Query(description="Answer it anew, though the same bytes were sent before with the same options")] = False,
) -> JSONResponse:  # fmt: skip
    """Take a recording in: a film, LiDAR scans (of a file a scan: a .zip), or a .npz of sequences. Once acknowledged, it
    is answered whatever happens to the service."""
    options = options_of({"site": site, "recorded": recorded, "reject": reject, "hz": hz, "sensor": sensor, "topic": topic, "columns": columns})
    length = request.headers.get("content-length", "")
    upload = await run_in_threadpool(Upload, here, int(length) if length.isdecimal() else None)
    try:
        async for data in parts_of(request):
            if upload.write(data):
                await run_in_threadpool(upload.settle)
        job, new = await run_in_threadpool(upload.keep, caller.name, options, again)
    finally:
        await run_in_threadpool(upload.close)
    return JSONResponse(_document(here, job), 202 if new else 200, {"Location": f"/v1/jobs/{job.id}"})


@router.get("/v1/jobs", responses={200: {"model": JobList}, **MISTAKES})
def listed(here: Here, caller: Searching, before: Annotated[int | None, Query(ge=0, lt=2**63)] = None,
           limit: Annotated[int, Query(ge=1, le=200)] = 50,
           state: Annotated[str, Query(pattern="^(waiting|working|done|failed|)$")] = "") -> JSONResponse:
    """Recordings, the newest first, without their tracks."""
    found = jobs.newest(here.database, before, limit, state)
    return JSONResponse({"jobs": [_document(here, job) for job in found], "next": found[-1].number if len(found) == limit else None},
                        headers=PRIVATE)


@router.get("/v1/jobs/{job}", responses={200: {"model": JobDocument}, **MISTAKES})
def one(here: Here, caller: Searching, job: str) -> JSONResponse:
    """A recording: how far it is, and when it is done its walkers and who they are."""
    return JSONResponse(_whole(here, jobs.one(here.database, job)), headers=PRIVATE)


@router.delete("/v1/jobs/{job}", status_code=204, responses=MISTAKES)
def forget(here: Here, caller: Annotated[Caller, Depends(needs("forget"))], job: str) -> Response:
    """Forget a recording with all that was kept of it; templates that were made of it stay."""
    if jobs.one(here.database, job).state == "working":
        here.queue.given_up.add(job)
    drop_jobs(here.database, here.kept, [job])
    return Response(status_code=204)


@router.get("/v1/jobs/{job}/events", response_class=StreamingResponse,
            responses={200: {"content": {"text/event-stream": {}}, "description": "`progress`, then `done` or `failed` with the job"}, **MISTAKES})
async def events(request: Request, here: Here, caller: Searching, job: str) -> StreamingResponse:
    """How far a recording is, as server-sent events, until it is answered."""
    first = await run_in_threadpool(jobs.one, here.database, job)
    return StreamingResponse(_events(here, first), media_type="text/event-stream", headers=PRIVATE | {"X-Accel-Buffering": "no"})


@router.get("/v1/jobs/{job}/tracks/{track}/picture", response_class=FileResponse, responses=MISTAKES)
def picture(here: Here, caller: Searching, job: str, track: str) -> FileResponse:
    """Some of a walker's silhouettes or range views, side by side."""
    return FileResponse(here.kept.picture(job, track), media_type="image/png", headers=PRIVATE)


@router.get("/v1/jobs/{job}/tracks/{track}/strip", response_class=FileResponse, responses=MISTAKES)
def strip(here: Here, caller: Searching, job: str, track: str) -> FileResponse:
    """Sixteen pictures of one stride of a walker, squares in a row, to be shown one after another."""
    return FileResponse(here.kept.picture(job, track, strip=True), media_type="image/png", headers=PRIVATE)


async def _events(state: State, job: Job) -> AsyncIterator[str]:
    said, quiet_s = "", 0.0
    while not job.ended:
        text = json.dumps(_document(state, job))
        if text != said:
            yield f"event: progress\ndata: {text}\n\n"
            said, quiet_s = text, 0.0
        elif quiet_s >= ALIVE_S:
            yield ": still there\n\n"
            quiet_s = 0.0
        await asyncio.sleep(LOOK_S)
        quiet_s += LOOK_S
        if not await run_in_threadpool(jobs.is_there, state.database, job.id):
            yield "event: forgotten\ndata: {}\n\n"
            return
        job = await run_in_threadpool(jobs.one, state.database, job.id)
    yield f"event: {job.state}\ndata: {json.dumps(await run_in_threadpool(_whole, state, job))}\n\n"


def _document(state: State, job: Job) -> dict[str, Any]:
    """A job as JSON, without its tracks."""
    done, total, note = state.queue.progress.get(job.id, (0, 0, ""))
    return {"id": job.id, "state": job.state, "kind": job.kind, "caller": job.caller, "bytes": job.bytes, "received": moment(job.received_s),
            "started": moment(job.started_s), "finished": moment(job.finished_s), "options": job.options, "problem": job.problem,
            "progress": {"done": done, "total": total, "note": note} if job.state == "working" else None, "summary": job.summary}


def _whole(state: State, job: Job) -> dict[str, Any]:
    return _document(state, job) | {"tracks": jobs.tracks_of(state.database, job.id)}
