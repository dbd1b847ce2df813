"""What the service answers, as its documentation shows it. Fields are those of the Python API and of the command line's --json."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


def whole_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of a model with those that it is made of in their places, for a body that FastAPI does not read itself."""
    schema = model.model_json_schema()
    parts = schema.pop("$defs", {})

    def placed(one: Any) -> Any:
        if isinstance(one, list):
            return [placed(each) for each in one]
        if not isinstance(one, dict):
            return one
        return placed(parts[one["$ref"].rpartition("/")[2]]) if "$ref" in one else {name: placed(each) for name, each in one.items()}

    return dict(placed(schema))


class Document(BaseModel):
    """An answer; it may have more fields."""

    model_config = ConfigDict(use_attribute_docstrings=True, extra="allow")


class ProblemDetails(Document):
    """A mistake, or a state in which a wish cannot be met (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    """What is wrong, where, and what to do."""
    instance: str


class Progress(Document):
    """How far a recording is read."""

    done: int
    total: int
    note: str


class Hit(Document):
    """Somebody near: the evidence."""

    person: str
    sensor: str
    site: str
    template: str
    """The template's key: which walk of theirs it was."""
    template_id: str
    recorded: str
    distance: float
    score: float | None = None
    rate: float | None = None
    """How often a stranger's search finds somebody so near."""


class Track(Document):
    """One walker of a recording, and the answer."""

    id: str
    outcome: str
    """named, nobody, undecided (the gallery cannot decide: `problem` says why) or unfit (not good enough: likewise)."""
    decision: str | None
    problem: str | None = None
    reject: float
    rate: float | None
    start_s: float
    end_s: float
    start: str | None
    runs: int
    frames: int
    quality: dict[str, Any] | None
    picture: bool
    """Whether there are pictures of it, at .../tracks/ID/picture and .../tracks/ID/strip."""
    hits: list[Hit]
    warnings: list[str]


class JobDocument(Document):
    """A recording and what became of it."""

    id: str
    state: str
    """waiting, working, done or failed."""
    kind: str
    caller: str
    bytes: int
    received: str
    started: str | None
    finished: str | None
    options: dict[str, Any]
    problem: str | None
    progress: Progress | None
    summary: dict[str, Any] | None
    """What was found in all, and what was left out, by reason: `left_out` of frames or tracks, `tracks_without_walk` of whom no walk was seen."""
    tracks: list[Track] = Field(default_factory=list)


class JobList(Document):
    """Some jobs, the newest first."""

    jobs: list[JobDocument]
    next: int | None
    """Give it as `before` for those that follow; null at the end."""


class SearchResult(Document):
    """What the gallery says of one walk, or of all together."""

    query: int
    """The number of the walk in the question, from 0."""
    hits: list[dict[str, Any]]
    outcome: str | None = None
    """With `reject`: named or nobody; unfit where it was not good enough."""
    decision: str | None = None
    problem: str | None = None


class SearchAnswer(Document):
    """What the gallery says; why its rates may not hold for these walks; what was calibrated on what."""

    results: list[SearchResult]
    warnings: list[str]
    provenance: str | None


class VerifyResult(Document):
    """Whether one walk is taken for the person's."""

    query: int
    accepted: bool | None
    """null where it was not good enough: `problem` says why."""
    distance: float | None = None
    threshold: float | None = None
    rate: float | None = None
    problem: str | None = None


class VerifyAnswer(Document):
    """Whether walks are taken for a person's."""

    person: str
    results: list[VerifyResult]
