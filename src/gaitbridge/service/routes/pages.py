"""The page: what it shows, as HTML. It reads by what the HTTP interface answers; what changes something the browser asks of that interface."""

import gzip
from functools import cache
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse, Response

from gaitbridge.service.access import Caller, signed_in
from gaitbridge.service.enrolling import sources_of
from gaitbridge.service.here import Here
from gaitbridge.service.keys import SCOPES
from gaitbridge.service.pages import rendering
from gaitbridge.service.pages.asking import Refused, ask, part
from gaitbridge.service.pages.audit_lines import shown_audit
from gaitbridge.service.pages.enrolled import enrolled_as
from gaitbridge.service.pages.live import latest
from gaitbridge.service.pages.people import cluster, listed, person
from gaitbridge.service.pages.recordings import left_out, recording, walker
from gaitbridge.service.pages.showing import PageRoute, Reader, may, page
from gaitbridge.service.pages.thresholds import shown_thresholds
from gaitbridge.service.problems import Problem
from gaitbridge.service.routes.access import local
from gaitbridge.service.showing import tracks_showing

router = APIRouter(include_in_schema=False, route_class=PageRoute)
JOBS = 30  # on a page
UNCHANGING = "private, max-age=31536000, immutable"  # the address has a hash of the content


@router.get("/")
def front() -> Response:
    """The recordings."""
    return RedirectResponse("/recordings", 303)


@router.get("/static/{edition}/{name}")
def static(request: Request, edition: str, name: str) -> Response:
    """A file of the page. No key is needed: it names nobody."""
    packed = "gzip" in request.headers.get("accept-encoding", "")
    try:
        content, media = _packed(name) if packed else rendering.static(name)
    except KeyError:
        raise Problem(404, f"there is no file {name!r} of the page") from None
    headers = {"vary": "accept-encoding", "cache-control": UNCHANGING if edition == rendering.edition() else "no-store"}
    return Response(content, media_type=media, headers=headers | ({"content-encoding": "gzip"} if packed else {}))


@cache
def _packed(name: str) -> tuple[bytes, str]:
    content, media = rendering.static(name)
    return gzip.compress(content, 6, mtime=0), media


@router.get("/sign-in")
def sign_in(request: Request, caller: Annotated[Caller | None, Depends(signed_in)], then: str = "/") -> Response:
    """The form to sign in with a key."""
    return RedirectResponse(local(then), 303) if caller else page(request, "signin.html", then=local(then), problem="")


@router.get("/recordings")
async def recordings(request: Request, here: Here, reader: Reader, before: int | None = None) -> Response:
    """Recordings and what came of them; where they are dropped."""
    found = await ask(request, "/v1/jobs", before=before, limit=JOBS)
    older = f"/recordings?before={found['next']}" if found["next"] else ""
    return page(request, "recordings.html", jobs=[recording(job) for job in found["jobs"]], older=older, newer="/recordings" if before else "",
                reject=here.settings.reject, most_mb=here.settings.upload_mb, site=here.settings.site)


@router.get("/recordings/{job}")
async def one_recording(request: Request, here: Here, reader: Reader, job: str) -> Response:
    """A recording: how far it is, then its walkers, beside those they are like."""
    found = await ask(request, f"/v1/jobs/{part(job)}")
    sources = await run_in_threadpool(sources_of, here, [hit["template_id"] for track in found["tracks"] for hit in track["hits"]])
    enrolled = await run_in_threadpool(enrolled_as, here, job)
    walks = [walker(job, track, sources, enrolled.get(track["id"], "")) for track in found["tracks"]]
    return page(request, "recording.html", job=recording(found), walks=walks, left_out=left_out(found))


@router.get("/people")
async def people(request: Request, reader: Reader, search: str = "", sensor: str = "", site: str = "", after: str = "") -> Response:
    """Who is enrolled, by name."""
    chosen: dict[str, Any] = {"search": search, "sensor": sensor, "site": site}
    found = await ask(request, "/v1/people", **chosen, after=after)
    query = {name: value for name, value in chosen.items() if value}
    older = f"/people?{urlencode(query | {'after': found['next']})}" if found["next"] else ""
    newer = f"/people?{urlencode(query)}" if after else ""
    return page(request, "people.html", people=[listed(one) for one in found["people"]], total=found["total"], older=older, newer=newer, **chosen)


@router.get("/people/{name:path}")
async def one_person(request: Request, here: Here, reader: Reader, name: str) -> Response:
    """One person: templates by sensor and place, history, and what goes when they are forgotten."""
    found = await ask(request, f"/v1/people/{part(name)}")
    names, templates = [found["person"], *found["also"]], [one["id"] for one in found["templates"]]
    shown = await run_in_threadpool(tracks_showing, here.database, names, templates)
    return page(request, "person.html", **person(found, len(shown)))


@router.get("/unknown")
async def unknown(request: Request, reader: Reader) -> Response:
    """Walks of nobody, put together by likeness, to be named."""
    found = await ask(request, "/v1/unknown")
    return page(request, "unknown.html", clusters=[cluster(one) for one in found["clusters"]])


@router.get("/live")
def live(request: Request, here: Here, reader: Annotated[Caller, Depends(may("search"))]) -> Response:
    """Walks as they are answered, the newest first."""
    return page(request, "live.html", events=latest(here))


@router.get("/audit")
def audit_log(request: Request, here: Here, reader: Reader, command: str = "", actor: str = "", person: str = "", after: int = 0) -> Response:
    """Who did what with whom."""
    if "administer" not in reader.scopes:
        return page(request, "audit.html", refused="The audit log is for keys that may administer: this one may not.")
    return page(request, "audit.html", refused="", **shown_audit(here, command, actor, person, max(0, after)))


@router.get("/thresholds")
def thresholds(request: Request, here: Here, reader: Reader) -> Response:
    """At which distance walks are taken for one person's, how often that is wrong, and on what that was measured."""
    return page(request, "thresholds.html", **shown_thresholds(here))


@router.get("/access")
async def access(request: Request, reader: Reader) -> Response:
    """Keys and what each may do."""
    keys, refused = await _unless_refused(request, "/v1/keys")
    return page(request, "access.html", keys=keys, refused=refused, all_scopes=SCOPES)


async def _unless_refused(request: Request, path: str, **query: Any) -> tuple[Any, str]:
    """The document at a path and no words, or nothing and why this key may not see it."""
    try:
        return await ask(request, path, **query), ""
    except Refused as error:
        if error.status != 403:
            raise
        return [], error.detail
