"""What a gallery holds, looked at: people and their templates, links, export, a check of every byte."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from gaitbridge.errors import StoreError, UserError
from gaitbridge.files import written_whole
from gaitbridge.gallery import audit
from gaitbridge.gallery.links import apart, read_links, seen_together
from gaitbridge.gallery.listing import Page, page_of
from gaitbridge.gallery.opened import Opened
from gaitbridge.gallery.proposals import Proposals, proposed
from gaitbridge.gallery.templates import Template, Where, digest_of
from gaitbridge.gallery.undo import Change, read_changes
from gaitbridge.names import canonical
from gaitbridge.progress import Progress, silent


class Looking(Opened):
    """A gallery that is read, and not changed."""

    def people(self) -> dict[str, list[Template]]:
        """Everybody's templates by name, expired ones too (they are held until purged)."""
        with self.index.reading():
            rows = self.index.rows(Where())
        found: dict[str, list[Template]] = {}
        for row in sorted(rows, key=lambda row: (row.person, row.enrolled_s, row.key, row.sensor)):
            found.setdefault(row.person, []).append(row)
        return found

    def person(self, person: str) -> list[Template]:
        """Everything held of a person but the vectors; UserError of an unknown one."""
        with self.index.reading():
            rows = self.index.rows(self._all_of(person))
            if not rows:
                raise self._unknown(person)
            audit.note(self.index, "list", people=sorted({row.person_id for row in rows}), templates=len(rows))
        return sorted(rows, key=lambda row: (row.enrolled_s, row.key, row.sensor))

    def known_as(self, person: str) -> tuple[list[str], list[str]]:
        """Every name of a person, the one that answers give first, and the ids of their templates; the name alone of an unknown one."""
        with self.index.reading():
            where = self._all_of(person)
            return [where.person, *where.also], sorted(row.id for row in self.index.rows(where))

    def names(self, wanted: Sequence[str], undone: bool = False) -> set[str]:
        """Which of these names are somebody's who is enrolled; undone: or may be again, when what was put right by hand is undone."""
        with self.index.reading():
            enrolled = {row.person for row in self.index.known([], list(wanted))}
            before = {change.before for change in read_changes(self.index)} if undone else set()
            return enrolled | before & set(map(canonical, wanted))

    def page(self, text: str = "", sensor: str = "", site: str = "", after: str = "", count: int = 50) -> Page:
        """Who is enrolled, `count` people at a time (`listing.page_of`)."""
        with self.index.reading():
            links = read_links(self.index)
            kept = self._in_memory(self.index.version(), links)
            rows = links.applied(self.index.rows(Where())) if kept is None else kept.templates
            found = page_of(rows, links.groups(), time.time(), text, sensor, site, after, count)
            audit.note(self.index, "list", templates=len(rows), page=len(found.people))
        return found

    def audit_of(self, person_ids: Sequence[str]) -> list[dict[str, Any]]:
        """The audit lines that concern people, by their random numbers."""
        return audit.read(self.index, person_ids)[0]

    def enrolled(self, ids: Sequence[str]) -> dict[str, str]:
        """The person of each of these sequences that is enrolled and has not expired, by id: those need no embedding."""
        with self.index.reading():
            now = time.time()
            return {one.id: one.person for one in self.index.known(list(ids), []) if one.expires_s > now}

    def links(self) -> list[list[str]]:
        """People who are taken for one: of each group the name that answers give, and then those linked with it."""
        with self.index.reading():
            return read_links(self.index).groups()

    def proposals(self, rate: float | None = None, any_site: bool = False, progress: Progress = silent) -> Proposals:
        """Who may be one person, by how they walk and where they were seen: for somebody to accept (`link`) or not; nothing is changed.

        rate: of false matches, by default the strictest calibrated; any_site: compare people of different sites, too. UserError without a
        calibration.
        """
        with self.index.reading():
            calibration = self.calibration()
            if calibration is None:
                raise UserError(f"{self.place} has no thresholds to propose by: fix them with `gaitbridge calibrate {self.place} STORE`")
            links = read_links(self.index)
            blocks = list(self._blocks(Where(alive_s=time.time()), links))
            if not blocks:
                raise self._empty(Where())
            audit.note(self.index, "links", templates=sum(len(templates) for templates, _ in blocks))
            vectors = np.concatenate([block for _, block in blocks])
            values = vectors.reshape(len(vectors), self.shape[1], self.shape[0]).transpose(0, 2, 1)
            return proposed([one for templates, _ in blocks for one in templates], np.ascontiguousarray(values), calibration,
                            apart(links, seen_together(self.index)), rate, any_site, progress)

    def export(self, out: Path, person: str = "") -> int:
        """Write what is held, of one person or of all: a .npz without pickle (`vectors` float32 [N, K * C], `document` JSON text: network,
        templates, links, audit lines, what was put right by hand). How many templates; UserError of an unknown person."""
        with self.index.reading():
            blocks = list(self.index.blocks(self._all_of(person) if person else Where()))
            templates = [one for block, _ in blocks for one in block]
            if not templates:
                raise self._unknown(person) if person else UserError(f"{self.place} is empty: there is nothing to export")
            ids = sorted({one.person_id for one in templates})
            audit.note(self.index, "export", people=ids, templates=len(templates))
            network = {name: value for name, value in self.about.items() if name != "model"}
            document = {"gallery": network, "templates": [asdict(one) for one in templates], "audit": self.audit_of(ids),
                        "changes": [_said(change) for change in read_changes(self.index) if change.of(ids, {one.person for one in templates})],
                        "links": [names for names in read_links(self.index).groups() if set(names) & {one.person for one in templates}]}
        with written_whole(out) as temporary, temporary.open("wb") as file:
            np.savez(file, vectors=np.concatenate([block for _, block in blocks]), document=np.asarray(json.dumps(document, ensure_ascii=False)))
        return len(templates)

    def check(self) -> dict[str, Any]:
        """Read everything and compare; counts. StoreError names the first template that is damaged."""
        with self.index.reading():
            ids: set[str] = set()
            people: dict[str, set[str]] = {}
            now, expired = time.time(), 0
            for templates, vectors in self.index.blocks(Where()):
                self._check_rows(templates)
                for template, vector in zip(templates, vectors, strict=True):
                    if digest_of(vector) != template.digest or template.id in ids:
                        what = "is there twice" if template.id in ids else "is not what was enrolled"
                        raise StoreError(f"{self.place} is damaged: template {template.id} of {template.person!r} {what}; forget and enrol "
                                         "them again")
                    ids.add(template.id)
                    people.setdefault(template.person, set()).add(template.person_id)
                    expired += template.expires_s <= now
            lines, broken = audit.read(self.index)
            linked = sum(len(names) - 1 for names in read_links(self.index).groups())
            seen_together(self.index)  # it is whole
            return {"people": len(people), "linked": linked, "templates": len(ids), "expired": expired, "audit_lines": len(lines),
                    "audit_lines_cut_off": broken, "interrupted": self.index.interrupted(), "index": self.index.indexed()}


def _said(change: Change) -> dict[str, Any]:
    """A change as JSON, with all that is held for it."""
    return asdict(replace(change, vector=None)) | {"vector": None if change.vector is None else change.vector.tolist()}
