"""What captures of all sensors share: what the user says of the recordings, names, the plan in the store's folder, and labels of views."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from gaitbridge.errors import UserError
from gaitbridge.names import canonical
from gaitbridge.printing import shown
from gaitbridge.store_plans import begin, leave_nothing

FOLDER = ".capture"
NAMED = re.compile(r"[^\w.-]+")


@dataclass(frozen=True)
class Told:
    """What the user says of the recordings: who walks (empty: one name a track), where, since when, under which licence."""

    person: str = ""
    site: str = ""
    time: str = ""  # ISO 8601, of the first frame
    licence: str = ""
    split: str = "test"

    def __post_init__(self) -> None:
        for name in ("person", "site"):
            value = canonical(getattr(self, name))
            if "/" in value or shown(value) != value:
                raise UserError(f"--{name} {value!r}: give a name without slashes, such as ann")
            object.__setattr__(self, name, value)
        if self.time:
            try:
                datetime.fromisoformat(self.time)
            except ValueError as error:
                raise UserError(f"--time {self.time!r} is no ISO 8601 time: write it as 2026-05-01T14:30:00+02:00") from error


def names_of(stems: Iterable[str], *, nameless: str, what: str) -> list[str]:
    """A name for each recording's shard and tracks: its stem, made simple (`nameless` where nothing is left), numbered where it comes again."""
    seen: Counter[str] = Counter()
    names = []
    for stem in stems:
        name = NAMED.sub("_", canonical(stem)).strip("._")[:80] or nameless
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name}-{seen[name]}")
    if len(set(names)) < len(names):
        raise UserError(f"two {what} have names too much alike: rename one of them")
    return names


def start(store: Path, plan: dict[str, Any]) -> None:
    """Write the plan, or check that the one in the folder is this one."""
    plan = {"gaitbridge": version("gaitbridge"), **plan}
    begin(store, store / FOLDER / "plan" / "plan.json", plan, "a capture", "captured")


def undo(store: Path) -> None:
    """Leave nothing of a capture that gave nothing."""
    leave_nothing(store, FOLDER)


def view_label(view_deg: float) -> str:
    """The nearest eighth of a turn in three digits, as datasets name views; `unknown` for NaN."""
    return "unknown" if np.isnan(view_deg) else f"{round(view_deg / 45.0) % 8 * 45:03d}"
