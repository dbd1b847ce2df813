"""Where templates are kept and searched: a file a back end, all with the same few operations.

A back end's module gives `create(place, about)`, `open_index(place)` and `exists(place)`; `place` is what the user writes for the gallery.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Annotated, Any, Literal, NotRequired, Protocol

import numpy as np
from pydantic import Field
from typing_extensions import TypedDict

from gaitbridge import plugins
from gaitbridge.documents import parsed
from gaitbridge.errors import StoreError
from gaitbridge.gallery.templates import Template, Where

VERSION = 1  # of what a gallery holds


class Approximate(TypedDict):
    """An index for approximate search: of how many templates; cells and how many of them are searched, where it has any."""

    kind: str
    templates: int
    cells: NotRequired[int]
    probes: NotRequired[int]


class About(TypedDict):
    """What a gallery says of itself: templates are [C, K], `dimension` numbers with the distance's own."""

    weights_hash: str
    shape: Annotated[list[int], Field(min_length=2, max_length=2)]
    distance: Literal["cosine", "euclidean"]
    modalities: list[str]
    dimension: int
    index: NotRequired[Approximate]


class _Versioned(TypedDict):
    version: int


def read_about(text: str, where: str, place: str) -> dict[str, Any]:
    """What the gallery `place` says of itself, of a text that stands at `where`; StoreError where it is damaged or of another version."""
    remedy = "restore it from a copy"
    if (version := parsed(text, _Versioned, where, remedy)["version"]) != VERSION:
        raise StoreError(f"{place} is a gallery of version {version}, this program reads version {VERSION}: use its program, or enrol anew")
    return dict(parsed(text, About, where, remedy))


class Index(Protocol):
    """An open gallery's storage. Every error of a back end comes out as UserError or StoreError."""

    place: str
    backend: str
    about: dict[str, Any]

    def reading(self) -> AbstractContextManager[None]:
        """Within the block nobody removes what is read."""

    def writing(self) -> AbstractContextManager[None]:
        """Within the block nobody else writes; what an interrupted writer left is removed first."""

    def add(self, templates: Sequence[Template], vectors: np.ndarray) -> None:
        """Add templates with their vectors float32 [N, D]: all of them are kept, and safely, or none."""

    def change(self, ids: Sequence[str], values: Mapping[str, str]) -> None:
        """Give fields of some templates other values: of all of them, and safely, or of none. The old ones may stay in the files until `remove`."""

    def drop(self, ids: Sequence[str]) -> None:
        """Take some templates out of every answer; their bytes may stay in the files until `remove`."""

    def rows(self, where: Where) -> list[Template]:
        """All templates admitted."""

    def known(self, ids: Sequence[str], people: Sequence[str]) -> list[Template]:
        """The templates of these ids and those of these people; expired ones included."""

    def names_of(self, person_ids: Sequence[str]) -> dict[str, str]:
        """The person of each of these random numbers that has a template."""

    def blocks(self, where: Where) -> Iterator[tuple[list[Template], np.ndarray]]:
        """All templates admitted with their vectors, some thousand at a time."""

    def nearest(self, vector: np.ndarray, count: int, where: Where) -> tuple[list[Template], np.ndarray]:
        """About the `count` nearest templates by the Euclidean distance of vectors, with their vectors [N, D]."""

    def version(self) -> Any:
        """What changes whenever the templates do, by whatever process; None where the back end cannot say so cheaply."""

    def count(self, where: Where) -> int:
        """How many templates are admitted."""

    def remove(self, where: Where | None, expired_s: float | None) -> str:
        """Remove the templates admitted and those that expired by `expired_s`, bytes and all; what remains to be said, or nothing."""

    def tidy(self) -> None:
        """Remove from the files what no answer needs any more."""

    def interrupted(self) -> bool:
        """Whether a killed writer left something to be removed."""

    def build(self) -> str:
        """Build an index for approximate search; in words, what was built."""

    def indexed(self) -> str:
        """In words, which approximate index there is; nothing without one."""

    def document(self, name: str) -> dict[str, Any] | None:
        """A JSON document kept with the templates, or None."""

    def keep_document(self, name: str, document: Mapping[str, Any]) -> None:
        """Keep a JSON document in place of the one of that name."""

    def entries(self, kind: str) -> dict[str, dict[str, Any]]:
        """Small JSON documents of one kind, by name."""

    def keep_entries(self, kind: str, changed: Mapping[str, Mapping[str, Any] | None]) -> None:
        """Keep entries of a kind in place of those of the same names; None: without it, bytes and all where the back end's files allow."""

    def log(self, line: str) -> None:
        """Append one line to the audit log, safely."""

    def log_lines(self) -> list[str]:
        """The audit log, oldest first."""


def backend(place: str) -> Any:
    """The module of the back end that a gallery's name points to: `milvus://HOST:PORT/NAME`, `s3://BUCKET/NAME` or a folder."""
    name = "milvus" if place.startswith(("milvus://", "milvuss://")) else "s3" if place.startswith("s3://") else "lancedb"
    return plugins.load(__name__, name)
