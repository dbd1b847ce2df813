"""The documents of a run folder, read back: what they must hold, and what to do where one is damaged.

    RUN/config.json              the settings, as `training.config.RunConfig` checks them
    RUN/provenance.json          what was run, on what data and machine; "seconds" once it is finished
    RUN/log.jsonl                a line for each report of training and each validation
    RUN/seen.json                how well it knows the people it was trained on, where that was measured
    RUN/checkpoints/last.json    {"folder": "step-0000300", ...}: which checkpoint; best.json alike
"""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field
from typing_extensions import TypedDict

from gaitbridge import plugins
from gaitbridge.documents import damaged, read_document, read_lines
from gaitbridge.files import within

AGAIN = "restore it, or train again into another folder"

SEEN = "seen.json"

MOST_PEOPLE = 100_000_000  # of a run: a larger number is damage


class Hardware(TypedDict, total=False):
    """A machine in words; cores: of the processor."""

    cpu: str | None
    cores: int | None
    gpu: str | None


class PluginNote(TypedDict):
    """A plug-in that something was made with: where it lay, the hash of its files, what it gives (kind/name)."""

    path: str
    sha256: str
    gives: Annotated[list[str], Field(min_length=1)]


class Provenance(TypedDict, total=False):
    """What was run. people: that it was trained on; data: the store, None of an imported run; seconds: of training, only once finished."""

    data: str | None
    data_hash: str
    people: Annotated[int, Field(ge=0, le=MOST_PEOPLE)]
    bf16: bool
    commit: str | None
    hardware: Hardware
    seconds: float
    plugins: list[PluginNote]


class Seen(TypedDict):
    """How well a run knows the people it was trained on. Of `triplets` across the sensors, counted part by part in `batches` training batches,
    `violating` are within the margin; seen, unseen: rank-1 in % by direction and as `rank1`, of as many people trained on and not met."""

    batches: int
    margin: float
    triplets: int
    violating: int
    people: int
    sequences: int
    seen: dict[str, float]
    unseen: dict[str, float]


class Pointer(TypedDict):
    """Which checkpoint."""

    folder: str


class LogLine(TypedDict):
    """A line of a log."""

    kind: str
    step: int


def read_provenance(run: Path) -> Provenance:
    """What was run; empty where nothing tells. StoreError where it is damaged."""
    file = run / "provenance.json"
    return read_document(file, Provenance, AGAIN) if file.is_file() else Provenance()


def read_seen(run: Path) -> Seen | None:
    """How well a run knows the people it was trained on; None where that was not measured. StoreError where it is damaged."""
    file = run / SEEN
    return read_document(file, Seen, f"delete it and run `gaitbridge seen {run}` again") if file.is_file() else None


def read_config(run: Path) -> dict[str, Any]:
    """The settings as they were written, unchecked but for being settings. StoreError where they are damaged.

    UserError where their method is a plug-in's that is not given.
    """
    found = read_document(run / "config.json", dict[str, Any], AGAIN)
    method = f"methods/{found.get('method')}"
    noted: list[PluginNote] = read_provenance(run).get("plugins", [])
    plugins.require([note for note in noted if method in note["gives"]], str(run))
    return found


def read_log(run: Path) -> list[dict[str, Any]]:
    """The lines of a run's log, none where there is no log. StoreError where one is damaged."""
    file = run / "log.jsonl"
    return [dict(line) for line in read_lines(file, LogLine, AGAIN, nan=True)] if file.is_file() else []


def pointed(run: Path, pointer: str) -> Path | None:
    """The checkpoint folder that `last` or `best` points to, None where there is none yet. StoreError where it points out of the run."""
    file = run / "checkpoints" / f"{pointer}.json"
    if not file.is_file():
        return None
    name = read_document(file, Pointer, "restore it, or delete it and train on with --resume", nan=True)["folder"]
    folder = within(file.parent, name, file)
    if not folder.is_dir():
        raise damaged(str(file), f"no checkpoint {name!r}", "restore it, or delete it and train on with --resume")
    return folder


def remembered_store(run: Path) -> Path | None:
    """The store that a run was trained on, where it still lies there."""
    place = read_provenance(run).get("data")
    return Path(place) if place and (Path(place) / "store.json").is_file() else None
