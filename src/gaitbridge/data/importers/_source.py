"""Where an import takes its sequences from: the published tree of a dataset, or a folder of somebody's own (`_folder`)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

from gaitbridge import plugins
from gaitbridge.data.importers import _tree
from gaitbridge.data.importers._dataset import Arrays, Dataset, Place, Reading
from gaitbridge.types import Labels

IMPORTERS = "gaitbridge.data.importers"
UNKNOWN: dict[str, Any] = {"condition": "", "take": 0, "view_deg": math.nan, "distance_m": math.nan, "camera_hz": math.nan, "lidar_hz": math.nan}


class Source(Protocol):
    """What worker processes read from; it travels to them."""

    @property
    def facts(self) -> Dataset: ...

    def of(self, person: str) -> Source:
        """What is needed for one person alone."""

    def places(self, person: str) -> Iterator[Place | str]:
        """A person's sequences, sorted; a text instead of one says what is wrong."""

    def labels(self, reading: Reading, split: str) -> Labels:
        """What is known of a sequence by name; notes what is odd. UserError where it cannot be."""

    def read(self, reading: Reading) -> Arrays:
        """The arrays of a sequence that are wanted; UserError with the file's path where there is something wrong with it."""


@dataclass(frozen=True)
class PublishedTree:
    """SRC/person/type/view/files of a public dataset. spelt: folders of people that do not bear their names as they are kept."""

    dataset: str
    roots: tuple[Path, ...]
    spelt: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)

    @property
    def module(self) -> ModuleType:
        """The dataset's importer."""
        return plugins.load(IMPORTERS, self.dataset)

    @property
    def facts(self) -> Dataset:
        """What the importer says of its dataset."""
        facts: Dataset = self.module.DATASET
        return facts

    def of(self, person: str) -> PublishedTree:
        """As `Source`."""
        return replace(self, spelt={person: self.spelt[person]} if person in self.spelt else {})

    def places(self, person: str) -> Iterator[Place | str]:
        """As `Source`."""
        return _tree.sequences(self.spelt.get(person) or tuple(root / person for root in self.roots), person)

    def labels(self, reading: Reading, split: str) -> Labels:
        """As `Source`."""
        module, place, facts = self.module, reading.place, self.facts
        named = module.named(place.kind, place.view)
        if not named:
            reading.note("types or views of another form than published, kept without named fields", place.folders[0])
        if hasattr(module, "rates"):
            named |= module.rates(reading.frames)
        known = UNKNOWN | {"source": facts.name, "licence": facts.licence} | named
        return Labels(key=place.key, person=place.person, split=split, view=place.view, **known)

    def read(self, reading: Reading) -> Arrays:
        """As `Source`."""
        arrays: Arrays = self.module.read(reading)
        return arrays
