"""A captured store that grows: recordings are added to a finished one, which stays as it was until the larger one is whole.

    STORE/.capture/plan/adding.json   what is being added, until it is in store.json

New shards and reports come beside the old ones, which nothing touches; then the plan says of them, then store.json names them (`finish_store`). A
kill before that leaves the old store; the same command goes on, and another one begins anew.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

from gaitbridge.capture.stores import FOLDER, Told
from gaitbridge.documents import read_document
from gaitbridge.errors import UserError
from gaitbridge.files import write_json
from gaitbridge.printing import tell
from gaitbridge.store import Store, shard_path

Recording = TypeVar("Recording")


class Growing:
    """A finished store of captures of one sensor, to be added to. files: what store.json says of each of its recordings.

    options: what the plan must say of how people are found: the same, or the walks of one store would not be of a kind. UserError where there is no
    such store, StoreError where it is damaged.
    """

    def __init__(self, store: Path, sensor: str, options: Mapping[str, Any]) -> None:
        self.store, self._plan, self._adding = store, store / FOLDER / "plan" / "plan.json", store / FOLDER / "plan" / "adding.json"
        if not (store / "store.json").is_file():
            raise UserError(f"{store} is no finished store to add to: capture to it without --append first")
        self.document = Store(store).document
        about = self.document["about"]
        if about.get("kind") != "captured" or about.get("sensor") != sensor or not self._plan.is_file():
            what = f"captured from a {about['sensor']}" if about.get("sensor", sensor) != sensor else "not captured here"
            raise UserError(f"{store} was {what}: --append adds recordings of a {sensor} to a store that was captured from one")
        self.files: list[dict[str, Any]] = about["files"]
        if any("recording" not in file for file in self.files):
            raise UserError(f"{store} was captured by an earlier version, which did not keep what its recordings are: capture it again")
        self.plan = read_document(self._plan, dict[str, Any], "capture to another folder")
        wanted = json.loads(json.dumps({"gaitbridge": version("gaitbridge"), **options}))
        if different := sorted(_different(self.plan, wanted)):
            raise UserError(f"{store} was captured with other {', '.join(different)}: add to it with the same, or capture to another folder")

    @property
    def names(self) -> list[str]:
        """Of the recordings that are there."""
        return [file["name"] for file in self.files]

    def new(self, recordings: Sequence[Recording], digests: Sequence[str], called: Sequence[str]) -> list[Recording]:
        """Those of the recordings that are not there yet; of the others a line is told."""
        there = {file["recording"]: file["name"] for file in self.files}
        for digest, name in zip(digests, called, strict=True):
            if digest in there:
                tell(f"{name} is in {self.store} already, as {there[digest]}: it is not added again")
        return [recording for recording, digest in zip(recordings, digests, strict=True) if digest not in there]

    def begin(self, told: Told, digests: Mapping[str, str]) -> None:
        """Go on with what was begun where it was this, or remove it. digests: the recordings' hashes, by name."""
        wanted = {"told": asdict(told), "recordings": dict(digests)}
        if not self._adding.is_file() or read_document(self._adding, dict[str, Any], "delete it") != wanted:
            self._clean()
            write_json(wanted, self._adding)

    def add(self, told: Told, recordings: Mapping[str, Any]) -> None:
        """Write to the plan what was added: by name, what its files are."""
        added = {name: {"files": files, "told": asdict(told)} for name, files in recordings.items()}
        write_json(self.plan | {"added": self.plan.get("added", {}) | added}, self._plan)

    def done(self) -> None:
        """They are in store.json now."""
        self._adding.unlink(missing_ok=True)

    def _clean(self) -> None:
        """Remove shards and reports that are of no recording of the store: somebody began to add them, and did not go on."""
        ours = set(self.names)
        for folder, ending in ((self.store / FOLDER, ".json"), (shard_path(self.store, "x").parent, ".arrow")):
            for path in folder.glob(f"*{ending}"):
                if path.stem not in ours and not path.name.startswith("."):
                    path.unlink(missing_ok=True)


def common(values: Iterable[str]) -> str:
    """The one value that all have, or nothing."""
    found = set(values)
    return found.pop() if len(found) == 1 else ""


def _different(here: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterable[str]:
    """Names of the entries that differ; of groups, those of their entries."""
    for name, value in wanted.items():
        other = here.get(name)
        if isinstance(value, dict) and isinstance(other, dict):
            yield from (entry for entry in {*value, *other} if value.get(entry) != other.get(entry))
        elif other != value:
            yield "version of this program" if name == "gaitbridge" else name
