"""Who is for training and who for the test: by a dataset's own rule, or by a partition file in the field's usual form.

The file is a JSON with TRAIN_SET and TEST_SET (lists of ids) and for some datasets PROBE_SET and GALLERY_SET (lists of id-type-view).
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from gaitbridge.errors import UserError
from gaitbridge.names import canonical

SETS = ("TRAIN_SET", "TEST_SET", "PROBE_SET", "GALLERY_SET")


@dataclass(frozen=True)
class Partition:
    """`split_of(person)`: train, test, or empty for nobody's. `listed`: the ids of a file; `probes`: its PROBE_SET, id-type-view;
    `gallery`: its GALLERY_SET, of a file without PROBE_SET, whose probes are all other test sequences."""

    split_of: Callable[[str], str]
    name: str
    hash: str = ""
    listed: frozenset[str] = frozenset()
    probes: frozenset[str] = frozenset()
    gallery: frozenset[str] = frozenset()

    def about(self) -> dict[str, Any]:
        """For the plan and store.json."""
        return {"name": self.name, "hash": self.hash}


def partition_of(module: ModuleType, file: Path | None) -> Partition:
    """The partition of a file, else the dataset's own rule; UserError where there is neither."""
    if file is not None:
        return read_partition(file)
    if hasattr(module, "split_of"):
        return Partition(module.split_of, "the built-in split")
    raise UserError(f"{module.DATASET.name} needs --partition FILE, since it is split {module.DATASET.split}")


def read_partition(file: Path, option: str = "--partition") -> Partition:
    """A partition file as published; UserError where it is missing, damaged, incomplete, or has a person in both sets."""
    if not file.is_file():
        raise UserError(f"{file} is missing: give a partition file (a JSON with TRAIN_SET and TEST_SET) with {option}")
    raw = file.read_bytes()
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{file} is no JSON ({error}): give a partition file with TRAIN_SET and TEST_SET") from error
    if not isinstance(document, dict) or not {"TRAIN_SET", "TEST_SET"} <= set(document):
        raise UserError(f"{file} has no TRAIN_SET and TEST_SET: give a partition file in the field's usual form")
    for name in SETS:
        listed = document.get(name, [])
        if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
            raise UserError(f"{file}: {name} must be a list of texts, such as \"0001\"")
    train, test, probes = (frozenset(map(canonical, document.get(name, []))) for name in ("TRAIN_SET", "TEST_SET", "PROBE_SET"))
    if both := sorted(train & test):
        raise UserError(f"{file}: {len(both)} ids are in TRAIN_SET and in TEST_SET ({_some(both)}): nobody may be tested who was trained on, mend it")
    if not train | test:
        raise UserError(f"{file}: TRAIN_SET and TEST_SET are empty: give a partition file with ids")
    content = hashlib.blake2b(json.dumps([sorted(document.get(name, [])) for name in SETS]).encode(), digest_size=16).hexdigest()

    def split_of(person: str) -> str:
        return "train" if person in train else "test" if person in test else ""

    gallery = frozenset() if probes else frozenset(map(canonical, document.get("GALLERY_SET", [])))
    return Partition(split_of, file.name, content, train | test, probes, gallery)


def splits(partition: Partition, people: Iterable[str], val: int) -> dict[str, str]:
    """train, val or test for each person that has one; the last `val` of the training people on disk, by id, become val.

    UserError where nobody would be left to train on.
    """
    found = {person: split for person in people if (split := partition.split_of(person))}
    train = sorted(person for person, split in found.items() if split == "train")
    if val < 0 or (val and val >= len(train)):
        raise UserError(f"--val {val} takes more than there are: {len(train)} people are for training; at least one must stay")
    return found | dict.fromkeys(train[len(train) - val :], "val")


def _some(words: list[str]) -> str:
    return ", ".join(words[:5]) + (", ..." if len(words) > 5 else "")
