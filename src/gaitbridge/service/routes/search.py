"""Questions to the gallery: who is this, and is it who they claim to be?"""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from pydantic import ValidationError

from gaitbridge.config import checked
from gaitbridge.errors import UserError
from gaitbridge.gallery.kinds import Kind
from gaitbridge.service.access import Caller, needs
from gaitbridge.service.asking import search, verify
from gaitbridge.service.content import ZIP
from gaitbridge.service.here import Here
from gaitbridge.service.multipart import parts_of
from gaitbridge.service.problems import Problem
from gaitbridge.service.questions import Asked, Question, asked, of_embeddings, of_sequences, read_sent
from gaitbridge.service.schemas import ProblemDetails, SearchAnswer, VerifyAnswer, whole_schema
from gaitbridge.service.state import MIB, State

router = APIRouter(tags=["search"])
MOST_MB = 16  # of a question: as JSON numbers in memory it is twenty times as large
LARGE_MB = 1  # questions beyond it are taken up a few at a time
Searching = Annotated[Caller, Depends(needs("search"))]
Answer = Callable[[State, Question, Asked, Kind], dict[str, Any]]
MISTAKES: dict[int | str, dict[str, Any]] = {status: {"model": ProblemDetails} for status in (400, 401, 403, 404, 413, 422)}
BODY = {"requestBody": {"required": True, "description": "JSON; or the bytes of a .npz of sequences or embeddings, with the other fields as query "
                                                         "parameters (slower: it is read in a process of its own)",
                        "content": {"application/json": {"schema": whole_schema(Question)},
                                    "application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}}  # fmt: skip


@router.post("/v1/search", openapi_extra=BODY, responses={200: {"model": SearchAnswer}, **MISTAKES})
async def search_people(request: Request, here: Here, caller: Searching) -> JSONResponse:
    """The people nearest to walks, given as sequences or embeddings; with `reject` nobody or the name."""
    return await _answered(request, here, search)


@router.post("/v1/verify", openapi_extra=BODY, responses={200: {"model": VerifyAnswer}, **MISTAKES})
async def verify_person(request: Request, here: Here, caller: Searching) -> JSONResponse:
    """Whether walks are taken for a person's, at a stated false-match rate. Without a calibration it refuses."""
    return await _answered(request, here, verify)


async def _answered(request: Request, state: State, answer: Answer) -> JSONResponse:
    body = bytearray()
    async for data in parts_of(request):
        body += data
        if len(body) > MOST_MB * MIB:
            raise Problem(413, f"a question has at most {MOST_MB} MiB: ask in parts, or send a recording")
    given = dict(request.query_params)
    async with state.large if len(body) > LARGE_MB * MIB else nullcontext():
        document = await run_in_threadpool(_answer, state, bytes(body), given, answer)
    return JSONResponse(document, headers={"Cache-Control": "no-store"})


def _answer(state: State, body: bytes, given: dict[str, str], answer: Answer) -> dict[str, Any]:
    if body.startswith(ZIP):
        question = _of_query(given)
        about = _of_file(state, body, question)
    else:
        try:
            question = Question.model_validate_json(body)
        except ValidationError as error:
            errors = [{"where": ".".join(map(str, one["loc"])), "what": one["msg"]} for one in error.errors(include_url=False, include_input=False)]
            words = "; ".join(f"{one['where']}: {one['what']}" for one in errors[:3])
            raise Problem(422, f"{words}: see /docs for what is expected", errors=errors[:20]) from error
        about = asked(state, question)
    return answer(state, question, about, Kind(sites=(state.site,) if state.site else ()))


def _of_query(given: dict[str, str]) -> Question:
    """The fields of a question that come with a file."""
    if {"embeddings", "sequences"} & set(given):
        raise UserError("the file has the embeddings or sequences: leave them out of the query")
    return checked(Question, dict(given))


def _of_file(state: State, body: bytes, question: Question) -> Asked:
    held = read_sent(state, body)
    if "sequences" in held:
        return of_sequences(state, held["sequences"], question.least_quality)
    return of_embeddings(state, held["values"], held["modality"], held["weights_hash"], held["distance"])


