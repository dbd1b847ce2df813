"""What captures of all sensors share: what the user says of the recordings, names, the plan in the store's folder, and labels of views.

People that nobody named carry the name of their track, which no other track has, of whatever recording:

    gate-20260501T1430-3f9a2c71-0007
    site-time         -hash    -track      site or, where none was given, the file; the time where it is known

The hash is of the recording's content and of the options by which it was read: the same recording read in the same way gives the same names, a
copy under another name does too; with other options tracks are counted otherwise, so their names differ.
"""

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from gaitbridge.errors import StoreError, UserError
from gaitbridge.names import canonical
from gaitbridge.parts import PLACE, Part, Work, doing, read_work
from gaitbridge.printing import shown
from gaitbridge.store_plans import begin, leave_nothing

FOLDER = ".capture"
NAMED = re.compile(r"[^\w.-]+")
NO_GROWING_PARTS = ("--append adds recordings to a finished store, by one process: leave --part out; in a SLURM array capture each task's "
                    "recordings to a store of its own with --part 1/1")
LONGEST_PLACE = 40  # characters of a site or file in a track's name
HASH_DIGITS = 8  # of a recording in a track's name: among ten thousand recordings two are alike once in eighty times
SAMPLES, SAMPLE_BYTES = 256, 1 << 16  # of a large file, evenly spread: what two recordings of one size differ in


def paths_of(files: Sequence[Path | str] | Path | str) -> list[Path]:
    """The files of a capture as paths; one alone needs no list."""
    return [Path(file) for file in ([files] if isinstance(files, str | Path) else files)]


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

    @property
    def began(self) -> datetime | None:
        """When the recording began, where that was said."""
        return datetime.fromisoformat(self.time) if self.time else None


def names_of(stems: Iterable[str], *, nameless: str, what: str, taken: Iterable[str] = ()) -> list[str]:
    """A name for each recording's shard and tracks: its stem, made simple (`nameless` where nothing is left), numbered where it comes again, or is
    one of the names that are `taken`."""
    seen: Counter[str] = Counter()
    names, not_free = [], set(taken)
    for stem in stems:
        name = NAMED.sub("_", canonical(stem)).strip("._")[:80] or nameless
        seen[name] += 1
        while (numbered := name if seen[name] == 1 else f"{name}-{seen[name]}") in not_free:
            seen[name] += 1
        names.append(numbered)
    if len(set(names)) < len(names):
        raise UserError(f"two {what} have names too much alike: rename one of them")
    return names


def recording_hash(files: Iterable[Path], options: Mapping[str, Any]) -> str:
    """32 hexadecimal digits of a recording: of the content of its files in their order, names aside, and of all that decides which tracks come out.

    Files of more than 16 MiB are read in 256 places. UserError where one cannot be read.
    """
    digest = hashlib.blake2b(json.dumps([version("gaitbridge"), options], sort_keys=True).encode(), digest_size=16)
    for file in files:
        try:
            for one in sorted(path for path in file.rglob("*") if path.is_file()) if file.is_dir() else [file]:
                digest.update(b"\x1f%d\x1f" % one.stat().st_size)
                for piece in _pieces(one):
                    digest.update(piece)
        except OSError as error:
            raise UserError(f"{file} cannot be read: {error.strerror}") from error
    return digest.hexdigest()


def _pieces(file: Path) -> Iterator[bytes]:
    """A file's bytes, or those of places spread over it, first and last included."""
    with file.open("rb") as source:
        size = os.fstat(source.fileno()).st_size
        if size <= SAMPLES * SAMPLE_BYTES:
            yield source.read()
            return
        for number in range(SAMPLES):
            source.seek(number * (size - SAMPLE_BYTES) // (SAMPLES - 1))
            yield source.read(SAMPLE_BYTES)


def recording_name(place: str, began: datetime | None, digest: str) -> str:
    """What the names of a recording's tracks begin with: place, time and hash. place: the site, or the name of the recording."""
    simple = NAMED.sub("_", canonical(place)).strip("._")[:LONGEST_PLACE] or "recording"
    return "-".join([simple, *([began.strftime("%Y%m%dT%H%M")] if began else []), digest[:HASH_DIGITS]])


def different(recordings: Mapping[str, str], what: str) -> None:
    """UserError where two of the recordings are the same one, by their hashes: their tracks would have the same names."""
    first: dict[str, str] = {}
    for name, digest in recordings.items():
        if (other := first.setdefault(digest, name)) != name:
            raise UserError(f"two {what} are the same recording ({other} and {name}): give one of them")


def key_of(person: str, track: str, take: int, view: str) -> str:
    """The key of a sequence; take counts from 0. A person known by name keeps the track's name in it, as they may walk in many recordings."""
    return f"{person}/{take + 1:02d}/{view}" if person == track else f"{person}/{track}-{take + 1:02d}/{view}"


def start(store: Path, plan: dict[str, Any]) -> None:
    """Write the plan, or check that the one in the folder is this one."""
    plan = {"gaitbridge": version("gaitbridge"), **plan}
    begin(store, store / FOLDER / "plan" / "plan.json", plan, "a capture", "captured")


def captured_part(store: Path, names: Iterable[str], part: Part, command: str, settings: Mapping[str, Any], capture: Callable[[str], object]) -> bool:
    """Capture one part of the recordings `names`, each by `capture` where it is not done; whether all are there then, those of other parts, too."""
    items = {name: [f"{FOLDER}/{name}.json"] for name in names}
    work = Work(command=command, what="recordings", items=items, result="store.json", merging={"settings": dict(settings)})
    with doing(store / PLACE, store, work, part) as done:
        for name in done.in_order():
            capture(name)
            done.one_more()
        return not done.missing()


def settings_of_parts(store: Path) -> tuple[dict[str, Any], list[str]]:
    """The settings of a capture in parts, and the names of its recordings."""
    work = read_work(store / PLACE)
    said = {name: tuple(value) if isinstance(value, list) else value for name, value in work["merging"]["settings"].items()}
    return said, list(work["items"])


def lost(store: Path, name: str) -> StoreError:
    """The error of a recording whose shard or report is gone after its part was done."""
    return StoreError(f"{store}: the shard or the report of {name} is lost or damaged: run the part that owes it again")


def undo(store: Path) -> None:
    """Leave nothing of a capture that gave nothing."""
    leave_nothing(store, FOLDER)


def view_label(view_deg: float) -> str:
    """The nearest eighth of a turn in three digits, as datasets name views; `unknown` for NaN."""
    return "unknown" if np.isnan(view_deg) else f"{round(view_deg / 45.0) % 8 * 45:03d}"
