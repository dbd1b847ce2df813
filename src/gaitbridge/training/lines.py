"""A recipe as a line of differences: what it begins with, what it changes of that, and what was published with it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

MODEL_ZOO = "OpenGait's model zoo (commit 0efafd4, July 2026)"
GAIT3D_BENCHMARK = "Gait3D-Benchmark's configuration files"

CCGR = "the configuration files and results of CCGR's repository (commit 0b967de, October 2024)"
ONE_VECTOR = "published distances are of all parts as one vector"
GREY = "published labels are divided by 255"
COSINE = "published embeddings are compared by cosine there, ours by Euclidean distance"


@dataclass(frozen=True)
class Published:
    """What was published with the settings of a recipe.

    rank1: in %, in words where it is of several conditions, empty where the sources that were read give none; source: who gives it, or the settings
    where nobody does; hardware: what it was trained on, empty where they do not say; apart: in what this recipe still differs from the published
    settings.
    """

    dataset: str
    source: str
    rank1: str = ""
    hardware: str = ""
    apart: str = ""

    def in_words(self) -> str:
        """Rank-1 and hardware in a line, for the head of a recipe."""
        rank1 = f"published rank-1 (%) {self.rank1}" if self.rank1 else "no published rank-1 known to us"
        return f"{rank1}; hardware: {self.hardware or 'not stated'}"


@dataclass(frozen=True)
class Line:
    """A recipe of a method's `LINES`. base: a function that gives a whole run, or the name of another recipe of the method; changes: settings by
    their dotted names, such as {"data.frames": 30}."""

    name: str
    base: Callable[[], Any] | str
    published: Published
    changes: Mapping[str, Any] = field(default_factory=dict)
