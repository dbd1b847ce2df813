"""Walks that were nobody's: looked at, named, let go."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends
from fastapi.responses import JSONResponse

from gaitbridge.service import unknown
from gaitbridge.service.access import Caller, needs
from gaitbridge.service.described_people import cluster
from gaitbridge.service.here import Here
from gaitbridge.service.routes.people import MISTAKES, PRIVATE, Name, Span, kept_for

router = APIRouter(tags=["unknown"])


@router.get("/v1/unknown", responses=MISTAKES)
def listed(here: Here, caller: Annotated[Caller, Depends(needs("search"))]) -> JSONResponse:
    """Walks of nobody, those together that may be one person's. They expire by themselves."""
    found = unknown.clusters(here)
    return JSONResponse({"clusters": [cluster(one) for one in found], "walks": sum(len(one.walks) for one in found)}, headers=PRIVATE)


@router.post("/v1/unknown/{cluster_id}/name", responses={**MISTAKES, 409: MISTAKES[404]})
def named(here: Here, caller: Annotated[Caller, Depends(needs("enrol", "decide"))], cluster_id: str, person: Annotated[Name, Body(embed=True)],
          walks: Annotated[list[dict[str, str]] | None, Body(description="Only these of its walks, by job and track")] = None,
          expire_after: Annotated[Span, Body()] = None) -> dict[str, Any]:
    """Say who they are: the walks are enrolled as that person's, who need not be known yet."""
    only = [(one.get("job", ""), one.get("track", "")) for one in walks or []]
    return unknown.name(here, cluster_id, person, only, kept_for(expire_after))


@router.delete("/v1/unknown/{cluster_id}", responses={**MISTAKES, 409: MISTAKES[404]})
def dismissed(here: Here, caller: Annotated[Caller, Depends(needs("forget"))], cluster_id: str) -> dict[str, Any]:
    """Let go of them now: pictures, silhouettes and embeddings. That somebody walked stays in the answers."""
    return {"walks": unknown.dismiss(here, cluster_id)}
