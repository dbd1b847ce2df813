"""Templates: the embedding of one sequence of one person, and what is known of it by name.

Every sequence's embedding is kept; a person is as near as the nearest of their templates that a question admits. Averaging them would
blur views that look nothing alike, and the evaluation's ranks are of single sequences as well.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from gaitbridge.errors import UserError
from gaitbridge.names import canonical, spellings
from gaitbridge.printing import shown
from gaitbridge.types import Embeddings

NEVER_S = 253_402_300_800.0  # the year 10000: when templates expire that do not
LONGEST_NAME = 200  # characters


@dataclass(frozen=True)
class Template:
    """One row of a gallery, all but its vector. Times are seconds since 1970 (UTC)."""

    id: str  # hash of the sequence's content and modality: the same sequence is the same template
    person: str
    person_id: str  # random, made when a person is first enrolled; what the audit log calls them
    sensor: str  # camera or lidar
    modality: str
    site: str
    key: str  # in the store it came from
    data_hash: str  # of that store
    weights_hash: str  # of the network that made the embedding
    recorded_s: float
    enrolled_s: float
    expires_s: float  # NEVER_S: never
    digest: str  # of the vector, so that damage is seen

    def __post_init__(self) -> None:
        for name in ("person", "site"):  # of a gallery that was written before names had one spelling
            object.__setattr__(self, name, canonical(getattr(self, name)))


@dataclass(frozen=True)
class Walk:
    """What the one who enrols knows of a sequence."""

    id: str
    person: str
    key: str
    data_hash: str
    site: str = ""
    recorded_s: float | None = None  # None: now


@dataclass(frozen=True)
class Where:
    """Which templates a question admits; empty fields admit all. Times in seconds since 1970: since <= recorded < until, alive at `alive_s`.

    also: further names of the person, who was enrolled under several and linked. ids: of templates.
    """

    person: str = ""
    sensor: str = ""
    site: str = ""
    since_s: float | None = None
    until_s: float | None = None
    alive_s: float | None = None
    also: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("person", "site"):
            object.__setattr__(self, name, canonical(getattr(self, name)))
        object.__setattr__(self, "also", tuple(map(canonical, self.also)))

    def values(self) -> dict[str, tuple[str, ...]]:
        """By field, the values that are admitted where it is not empty: a name in every spelling in which a template may have it."""
        named = {name: spellings(value) for name in ("person", "site") if (value := getattr(self, name))}
        if self.also:
            named["person"] = tuple(dict.fromkeys([*named.get("person", ()), *(spelt for name in self.also for spelt in spellings(name))]))
        return named | ({"sensor": (self.sensor,)} if self.sensor else {}) | ({"id": self.ids} if self.ids else {})

    def __bool__(self) -> bool:
        return self != Where()


def sequence_id(modality: str, arrays: Mapping[str, np.ndarray]) -> str:
    """The name of a sequence by its content: 32 hexadecimal digits. arrays: what the network takes for `modality`, by name."""
    digest = hashlib.blake2b(modality.encode(), digest_size=16)
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"\x1f{name}{array.shape}{array.dtype}".encode() + array.tobytes())
    return digest.hexdigest()


def vectors_of(embeddings: Embeddings) -> np.ndarray:
    """Embeddings as the index holds them: float32 [N, K * C], part after part; of unit length a part where the distance is the cosine.

    The Euclidean distance of two such vectors bounds the part distance from above (times 1 / sqrt(K)) where that is the mean of Euclidean ones,
    and orders exactly as it where that is the cosine: the first pass of a search.
    """
    parts = np.ascontiguousarray(embeddings.values.transpose(0, 2, 1), dtype=np.float32)  # [N, K, C]
    if embeddings.distance == "cosine":
        length = np.linalg.norm(parts, axis=2, keepdims=True)
        parts = np.asarray(parts / np.where(length > 0, length, 1.0), np.float32)
    return parts.reshape(len(parts), -1)


def digest_of(vector: np.ndarray) -> str:
    """A hash of a vector's bytes, 16 hexadecimal digits."""
    return hashlib.blake2b(np.ascontiguousarray(vector, "<f4").tobytes(), digest_size=8).hexdigest()


def checked_name(person: str) -> str:
    """A person's name as it is kept; UserError where it cannot be one."""
    name = canonical(person)
    if not name or len(name) > LONGEST_NAME or shown(name) != name:
        raise UserError(f"{person!r} cannot be a person's name: give 1 to {LONGEST_NAME} printable characters")
    return name


def instant(text: str | None, what: str) -> float | None:
    """Seconds since 1970 of an ISO time such as 2026-11-20 or 2026-11-20T10:00+01:00 (UTC where no zone is given); None of None."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise UserError(f"{what} {text!r} is no time: write it as 2026-11-20 or 2026-11-20T10:00") from error
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def in_words(time_s: float) -> str:
    """A time for people, in UTC to the second; `never` from the year 10000 on."""
    return "never" if time_s >= NEVER_S else datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def span_s(text: str) -> float:
    """Seconds of a span such as 12h, 30d, 8w or 2y; UserError where it is none."""
    units = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0, "y": 365.25 * 86_400.0}
    try:
        seconds = float(text[:-1]) * units[text[-1]]
    except (ValueError, KeyError, IndexError) as error:
        raise UserError(f"{text!r} is no span of time: write a number and one of {', '.join(units)}, such as 30d") from error
    if not 0 < seconds < NEVER_S / 2:
        raise UserError(f"{text!r} is no span of time to keep anything for: give a positive one, such as 30d")
    return seconds
