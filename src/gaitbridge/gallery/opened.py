"""An open gallery: what it is, its thresholds and cohort, and what every question and every change of it needs."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gaitbridge.errors import StoreError, Unknown, UserError, nearest
from gaitbridge.gallery import audit, index
from gaitbridge.gallery.cohort import Cohort, read_cohort
from gaitbridge.gallery.decision import Calibration, read_calibration
from gaitbridge.gallery.held import Held, fits
from gaitbridge.gallery.kinds import Kind
from gaitbridge.gallery.links import Links, read_links
from gaitbridge.gallery.templates import Template, Where
from gaitbridge.names import canonical
from gaitbridge.types import Embeddings


class Opened:
    """A gallery's place, network and thresholds. `Gallery` adds to it what is asked of one and what changes one."""

    def __init__(self, place: str | Path) -> None:
        self.place = str(place)
        self.index: index.Index = index.backend(self.place).open_index(self.place)
        self._kept: Held | None = None
        self._reading_in = threading.Lock()
        self.weights_hash: str = self.index.about["weights_hash"]
        self.shape: tuple[int, int] = tuple(self.index.about["shape"])
        self.distance: str = self.index.about["distance"]

    @property
    def about(self) -> dict[str, Any]:
        """Network, shape, distance, where it came from."""
        return self.index.about

    def calibration(self) -> Calibration | None:
        """The thresholds, or None."""
        document = self.index.document("calibration")
        return None if document is None else read_calibration(document, self.weights_hash, f"the calibration of {self.place}")

    def warnings(self, kind: Kind | None) -> tuple[str, ...]:
        """Why the rates that a search prints may not hold for walks of a kind (`kinds.kind_of` a store), in words."""
        calibration = self.calibration()
        return () if calibration is None else calibration.warnings(kind)

    def keep_calibration(self, calibration: Calibration, cohort: Cohort | None = None) -> None:
        """Keep thresholds, and the cohort that they were fixed with; UserError where they belong to another network."""
        document = calibration.model_dump(mode="json")
        read_calibration(document, self.weights_hash, "this calibration")
        if calibration.cohort != (cohort.digest if cohort else ""):
            raise ValueError("a calibration is kept with the cohort that it was fixed with")
        with self.index.writing():
            audit.note(self.index, "calibrate", data_hash=calibration.data_hash, directions=len(calibration.directions))
            if cohort is not None or self.index.document("cohort") is not None:
                self.index.keep_document("cohort", {} if cohort is None else cohort.document())
            self.index.keep_document("calibration", document)

    def _cohort(self, calibration: Calibration) -> Cohort | None:
        """The cohort that a calibration normalises by, or None; StoreError where it is not the one it was fixed with."""
        if not calibration.cohort:
            return None
        found = self.cohort()
        if found is None or found.digest != calibration.cohort:
            raise StoreError(f"{self.place} has lost the cohort that its calibration normalises by: calibrate again")
        return found

    def cohort(self) -> Cohort | None:
        """The people against whom identification normalises distances, or None."""
        document = self.index.document("cohort")
        return read_cohort(document, f"the cohort of {self.place}") if document else None

    def _in_memory(self, version: Any, links: Links) -> Held | None:
        """All templates, read once for each version of the table and of the links; None where the back end has no versions, or they are too many to
        keep."""
        if version is None:
            return None
        with self._reading_in:
            version = version, links.stamp
            if self._kept is None or self._kept.version != version:
                self._kept = None  # its memory is free before the next is read
                if not fits(self.index.count(Where()), self.index.about["dimension"]):
                    return None
                self._kept = Held(version, self.shape[1], self._blocks(Where(), links))
            return self._kept

    def _blocks(self, where: Where, links: Links | None = None) -> Iterator[tuple[list[Template], np.ndarray]]:
        """Templates and vectors by the names that answers give."""
        links = read_links(self.index) if links is None else links
        for templates, vectors in self.index.blocks(where):
            self._check_rows(templates)
            yield links.applied(templates), vectors

    def _numbers(self, person: str) -> list[str]:
        """The random numbers of a person by the name under which they were enrolled; UserError of an unknown one."""
        found = sorted({row.person_id for row in self.index.known([], [canonical(person)])})
        if not found:
            raise self._unknown(person)
        return found

    def _all_of(self, person: str) -> Where:
        """The templates of a person, under whatever names they were enrolled; the one that answers give first."""
        first, *also = read_links(self.index).members(canonical(person))
        return Where(person=first, also=tuple(also))

    def _check(self, embeddings: Embeddings) -> None:
        if embeddings.weights_hash != self.weights_hash:
            raise UserError(f"{self.place} holds templates of another network (weights {self.weights_hash}, given {embeddings.weights_hash}): "
                            "embed with its run, or enrol everybody anew in a gallery of this one")
        if embeddings.values.shape[1:] != self.shape or embeddings.distance != self.distance:
            raise UserError(f"{self.place} holds embeddings of shape {self.shape} for the {self.distance} distance, not "
                            f"{embeddings.values.shape[1:]} for the {embeddings.distance} one")
        if not np.isfinite(embeddings.values).all():
            raise UserError("an embedding is not finite: look at its sequence, or train again: the network may have diverged")

    def _check_rows(self, templates: Sequence[Template]) -> None:
        for template in templates:
            if template.weights_hash != self.weights_hash:
                raise StoreError(f"{self.place} is damaged: a template of {template.person!r} is of another network ({template.weights_hash})")

    def _unknown(self, person: str) -> Unknown:
        names = sorted({row.person for row in self.index.rows(Where())})
        hint = nearest(person, names) if len(names) <= 20 else f"there are {len(names)} people; `gaitbridge gallery list {self.place}` names them"
        return Unknown(f"nobody called {person!r} is enrolled in {self.place}: {hint}")

    def _empty(self, where: Where) -> UserError:
        if self.index.count(Where()):
            asked = [f"{name} {value}" for name in ("sensor", "site") if (value := getattr(where, name))]
            return UserError(f"{self.place} has no template to compare with ({', '.join(asked) or 'in that time'}, not expired): ask for less")
        return UserError(f"{self.place} is empty: enrol somebody first")
