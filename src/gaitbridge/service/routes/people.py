"""Who is enrolled: looked at, put right, exported, forgotten; what was put right is undone.

A name may hold a slash, so the routes that end in a word come before those that end in a name.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, JSONResponse
from pydantic import Field, TypeAdapter, ValidationError
from starlette.background import BackgroundTask

from gaitbridge.config import Config
from gaitbridge.gallery.templates import LONGEST_NAME, instant, span_s
from gaitbridge.service import people
from gaitbridge.service.access import Caller, needs
from gaitbridge.service.described_people import change, listed, whole
from gaitbridge.service.enrolling import enrol_file, enrol_track
from gaitbridge.service.exporting import export
from gaitbridge.service.here import Here
from gaitbridge.service.multipart import parts_of
from gaitbridge.service.problems import Problem
from gaitbridge.service.schemas import ProblemDetails
from gaitbridge.service.state import MIB, State

router = APIRouter(tags=["people"])
MISTAKES: dict[int | str, dict[str, Any]] = {status: {"model": ProblemDetails} for status in (400, 401, 403, 404)}
PRIVATE = {"Cache-Control": "no-store"}
MOST_MB = 16  # of walks that are sent to enrol somebody
Name = Annotated[str, Field(max_length=LONGEST_NAME)]
Span = Annotated[str | None, Field(max_length=20, description="How long the templates may be kept, such as 30d; by default until forgotten")]
Searching = Annotated[Caller, Depends(needs("search"))]
Enrolling = Annotated[Caller, Depends(needs("enrol"))]
Deciding = Annotated[Caller, Depends(needs("decide"))]
Forgetting = Annotated[Caller, Depends(needs("forget"))]
Administering = Annotated[Caller, Depends(needs("administer"))]


class FromTrack(Config):
    """Walks of a walker of a recording."""

    job: str
    track: str
    expire_after: Span = None
    """How long they may be kept, such as 30d; by default until they are forgotten."""


@router.get("/v1/people", responses=MISTAKES)
def listed_people(here: Here, caller: Searching, search: Annotated[str, Query(max_length=LONGEST_NAME, description="Held by a name")] = "",
                  sensor: Annotated[str, Query(pattern="^(camera|lidar|)$")] = "", site: Annotated[str, Query(max_length=LONGEST_NAME)] = "",
                  after: Annotated[str, Query(max_length=LONGEST_NAME, description="`next` of the page before")] = "",
                  limit: Annotated[int, Query(ge=1, le=500)] = 50) -> JSONResponse:
    """Who is enrolled, a page at a time, in the order of their names; people who are taken for one together."""
    page = here.gallery.page(search, sensor, site, after, limit)
    return JSONResponse({"people": [listed(one) for one in page.people], "total": page.total, "next": page.after}, headers=PRIVATE)


@router.get("/v1/people/{name:path}/export", response_class=FileResponse, responses={200: {"content": {"application/zip": {}}}, **MISTAKES})
def exported(here: Here, caller: Administering, name: str) -> FileResponse:
    """All that is held of a person: templates with vectors, log, recordings, answers, pictures. A .zip."""
    made = export(here, name)
    file = made.__enter__()
    return FileResponse(file, media_type="application/zip", filename="person.zip", headers=PRIVATE,
                        background=BackgroundTask(made.__exit__, None, None, None))


@router.post("/v1/people/{name:path}/templates", status_code=201, responses={**MISTAKES, 413: MISTAKES[404]}, openapi_extra={"requestBody": {
    "required": True, "description": "Which walker of which recording; or the bytes of a .npz of sequences or embeddings.",
    "content": {"application/json": {"schema": FromTrack.model_json_schema()},
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}})  # fmt: skip
async def enrolled(request: Request, here: Here, caller: Enrolling, name: str, site: Annotated[str, Query(max_length=LONGEST_NAME)] = "",
                   recorded: Annotated[str | None, Query(description="When the file's walks were, such as 2026-11-29T10:00")] = None,
                   expire_after: Annotated[Span, Query()] = None) -> JSONResponse:
    """Enrol a person, who need not be known yet, by a walker of a recording, or by walks of a file. What is enrolled already is not doubled."""
    body = bytearray()
    async for data in parts_of(request):
        body += data
        if len(body) > MOST_MB * MIB:
            raise Problem(413, f"a file to enrol somebody has at most {MOST_MB} MiB: send it in parts, or as a recording")
    return JSONResponse(await run_in_threadpool(_enrol, here, name, bytes(body), site, recorded, expire_after), 201, PRIVATE)


def _enrol(state: State, name: str, body: bytes, site: str, recorded: str | None, expire_after: str | None) -> dict[str, Any]:
    if body.lstrip()[:1] != b"{":
        return enrol_file(state, name, body, site, instant(recorded, "recorded"), kept_for(expire_after))
    try:
        asked = TypeAdapter(FromTrack).validate_json(body)
    except ValidationError as error:
        one = error.errors(include_url=False, include_input=False)[0]
        raise Problem(422, f"{'.'.join(map(str, one['loc']))}: {one['msg']}: see /docs for what is expected") from error
    return enrol_track(state, name, asked.job, asked.track, kept_for(asked.expire_after or expire_after))


@router.post("/v1/people/{name:path}/rename", responses=MISTAKES)
def renamed(here: Here, caller: Deciding, name: str, to: Annotated[Name, Body(embed=True)]) -> dict[str, Any]:
    """Call a person by another name. `undo` of the answer undoes it."""
    return change(people.rename_person(here, name, to))


@router.post("/v1/people/{name:path}/merge", responses=MISTAKES)
def merged(here: Here, caller: Deciding, name: str, other: Annotated[Name, Body(embed=True)]) -> dict[str, Any]:
    """Take another for the same person, by whose name both are found from now on. `undo` of the answer undoes it, nothing is lost."""
    return change(here.gallery.merge(name, other))


@router.post("/v1/people/{name:path}/templates/{template}/move", responses=MISTAKES)
def moved(here: Here, caller: Deciding, name: str, template: str, person: Annotated[Name, Body(embed=True)]) -> dict[str, Any]:
    """Not this person: the walk is another's, who need not be known yet. `undo` of the answer undoes it."""
    return change(here.gallery.move(template, name, person))


@router.delete("/v1/people/{name:path}/templates/{template}", responses=MISTAKES)
def dropped(here: Here, caller: Deciding, name: str, template: str) -> dict[str, Any]:
    """Not this person: nobody knows whose walk it is. `undo` of the answer undoes it; when it can be undone no more, its bytes go."""
    return change(here.gallery.drop(template, name))


@router.get("/v1/people/{name:path}", responses=MISTAKES)
def one(here: Here, caller: Searching, name: str) -> JSONResponse:
    """A person: templates, where they came from, what was done with them and can be undone."""
    rows = here.gallery.person(name)
    return JSONResponse(whole(here, rows, here.gallery.known_as(name)[0]), headers=PRIVATE)


@router.delete("/v1/people/{name:path}", responses=MISTAKES)
def forgotten(here: Here, caller: Forgetting, name: str) -> dict[str, Any]:
    """Forget a person, and whom they were merged with: templates and name, the recordings' walkers who were them, their pictures, their name in the
    answers of others. Out of every byte when this is answered (of a Milvus server: `remains` says when)."""
    gone = people.forget(here, name)
    return {"templates": gone.templates, "walkers": gone.walkers, "remains": gone.remains}


@router.get("/v1/changes", responses=MISTAKES)
def changes(here: Here, caller: Searching) -> JSONResponse:
    """What can be undone, the newest first."""
    return JSONResponse({"changes": [change(one) for one in here.gallery.changes()]}, headers=PRIVATE)


@router.post("/v1/undo/{change_id}", responses=MISTAKES)
def undone(here: Here, caller: Deciding, change_id: str) -> dict[str, Any]:
    """Undo a change, also after a restart. Refused where something that came later stands in the way."""
    return change(people.undo(here, change_id))


def kept_for(span: str | None) -> float | None:
    """Seconds of a span such as 30d; None of none."""
    return None if span is None else span_s(span)
