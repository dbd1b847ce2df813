"""What the service answers, as its documentation shows it. Fields are those of the Python API and of the command line's --json."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


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
    """Whether there are pictures of it, at .../tracks/ID/picture and .../tracks/ID/moving."""
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
    """What was found in all, and what was left out: counts by reason."""
    tracks: list[Track] = Field(default_factory=list)


class JobList(Document):
    """Some jobs, the newest first."""

    jobs: list[JobDocument]
    next: int | None
    """Give it as `before` for those that follow; null at the end."""
