"""What changes a gallery: people enrolled and forgotten, linked and unlinked, the expired removed."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from gaitbridge.conventions import SENSOR
from gaitbridge.errors import UserError
from gaitbridge.gallery import audit
from gaitbridge.gallery.links import drop_the_gone, keep_link, note_together, read_links, undo_link
from gaitbridge.gallery.opened import Opened
from gaitbridge.gallery.templates import NEVER_S, Template, Walk, Where, checked_name, digest_of, vectors_of
from gaitbridge.gallery.undo import let_go, over, read_changes
from gaitbridge.names import canonical
from gaitbridge.types import Embeddings


@dataclass(frozen=True)
class Enrolled:
    """What an enrolment did, by person: sequences added, and those that were there already."""

    added: dict[str, int]
    known: dict[str, int]


class Changing(Opened):
    """A gallery that people are enrolled in and forgotten from. Each change is whole and on the disk when it returns, or not made at all."""

    def enrol(self, embeddings: Embeddings, walks: Sequence[Walk], expire_after_s: float | None = None) -> Enrolled:
        """Add a template for each embedding that is not there yet: when this returns they are on the disk; on an error none of them is.

        embeddings: [N, C, K] of one modality; walks: N, who and what they are. UserError where the network is another, a value is not finite,
        or a sequence is enrolled already as somebody else.
        """
        self._check(embeddings)
        now = time.time()
        walks = [replace(walk, person=checked_name(walk.person)) for walk in walks]
        if len(walks) != len(embeddings):
            raise ValueError(f"{len(embeddings)} embeddings but {len(walks)} walks")
        with self.index.writing():
            self._purge(now)
            there = self.index.known([walk.id for walk in walks], sorted({walk.person for walk in walks}))
            held, owner = {one.id for one in there}, {one.id: one.person for one in there}
            ids = {one.person: one.person_id for one in there}
            added: dict[str, int] = {}
            known: dict[str, int] = {}
            new: dict[str, tuple[int, Template]] = {}
            vectors = vectors_of(embeddings)
            for number, walk in enumerate(walks):
                if (who := owner.setdefault(walk.id, walk.person)) != walk.person:
                    raise UserError(f"sequence {walk.key} is enrolled already, as {who!r}, so it cannot be {walk.person!r}: forget the wrong one "
                                    "first")
                if walk.id in new or walk.id in held:
                    known[walk.person] = known.get(walk.person, 0) + 1
                    continue
                added[walk.person] = added.get(walk.person, 0) + 1
                recorded = now if walk.recorded_s is None else walk.recorded_s
                expires = NEVER_S if expire_after_s is None else now + expire_after_s
                new[walk.id] = number, Template(
                    walk.id, walk.person, ids.setdefault(walk.person, uuid.uuid4().hex), SENSOR[embeddings.modality], embeddings.modality, walk.site,
                    walk.key, walk.data_hash, self.weights_hash, recorded, now, expires, digest_of(vectors[number]))
            if new:
                audit.note(self.index, "enrol", people=sorted(ids[person] for person in added), templates=len(new), known=sum(known.values()),
                           sensor=SENSOR[embeddings.modality], site=sorted({walk.site for walk in walks if walk.site}),
                           data_hash=sorted({walk.data_hash for walk in walks}))
                templates, rows = [template for _, template in new.values()], vectors[[number for number, _ in new.values()]]
                links = read_links(self.index)
                kept = self._kept if self._kept is not None and self._kept.version == (self.index.version(), links.stamp) else None
                self._kept = None
                self.index.add(templates, rows)
                if kept is not None:
                    self._kept = kept.plus((self.index.version(), links.stamp), links.applied(templates), rows)
        return Enrolled(added, known)

    def forget(self, person: str) -> tuple[int, str]:
        """Remove everything held of a person, bytes and name, and of whom they were linked with, as that is the same person; how many templates
        those were, and what remains to be said. Nothing that was put right about them can be undone any more. Unknown of an unknown one."""
        with self.index.writing():
            where = self._all_of(person)
            rows = self.index.rows(where)
            names = [where.person, *where.also, *{row.person for row in rows}]
            numbers = {row.person_id for row in rows}
            undone = [change for change in read_changes(self.index) if change.of(numbers, names)]
            if not rows and not undone and self._in_cohort(names):
                audit.note(self.index, "forget", people=[], templates=0)
                return 0, self._drop_of_cohort(names)
            if not rows and not undone:
                raise self._unknown(person)
            numbers |= {change.template.person_id for change in undone if change.template is not None and change.template.person in names}
            now = time.time()
            expired = self.index.count(Where()) - self.index.count(Where(alive_s=now)) - sum(row.expires_s <= now for row in rows)
            audit.note(self.index, "forget", people=sorted(numbers), templates=len(rows))
            if expired:  # they go with the files that are rewritten
                audit.note(self.index, "purge", templates=expired)
            self._kept = None
            from_cohort = self._drop_of_cohort(names)
            let_go(self.index, undone)
            remains = self.index.remove(where, now)
            drop_the_gone(self.index)
            others = sorted({row.person for row in rows} - {canonical(person)})
            linked = f"with {', '.join(others)}, who {'were' if len(others) > 1 else 'was'} linked with them" if others else ""
            return len(rows), "; ".join(part for part in (linked, from_cohort, remains) if part)

    def link(self, person: str, other: str, rate: float | None = None) -> None:
        """Take `other` for the same person as `person`, by whose name both are found from now on; nothing of either is changed.

        rate: the evidence, for the log. UserError of unknown ones, where `other` is linked already, and where they were seen at one time.
        """
        with self.index.writing():
            of, numbers = self._numbers(person), self._numbers(other)
            audit.note(self.index, "link", people=sorted({*of, *numbers}), **({} if rate is None else {"rate": rate}))
            keep_link(self.index, numbers, of, (canonical(other), canonical(person)))
            self._kept = None

    def unlink(self, person: str) -> str:
        """Take a person for somebody of their own again: as if they had never been linked; the name of whom they were linked with."""
        with self.index.writing():
            numbers = self._numbers(person)
            audit.note(self.index, "unlink", people=numbers)
            self._kept = None
            return undo_link(self.index, numbers, canonical(person))

    def note_together(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Keep which people, by name, were seen at one time, and so are two; those who are not enrolled are passed over."""
        with self.index.writing():
            pairs = list(pairs)
            numbers: dict[str, list[str]] = {}
            for row in self.index.known([], sorted({name for pair in pairs for name in pair})):
                numbers.setdefault(row.person, []).append(row.person_id)
            note_together(self.index, {(a, b) for first, second in pairs for a in numbers.get(first, ()) for b in numbers.get(second, ()) if a != b})

    def purge(self) -> int:
        """Remove what has expired, and what the files still have of it, of the forgotten and of killed writers; how many templates expired."""
        with self.index.writing():
            expired = self._purge(time.time())
            drop_the_gone(self.index)
            self.index.tidy()
            return expired

    def expire(self) -> int:
        """Remove what has expired, if anything has, and what can be undone no more; how many templates. Unlike `purge` it costs little where there is
        nothing to do: for who looks often."""
        with self.index.reading():
            now = time.time()
            due = self.index.count(Where()) - self.index.count(Where(alive_s=now)) > 0 or bool(over(read_changes(self.index), now))
        if not due:
            return 0
        with self.index.writing():
            return self._purge(time.time())

    def _purge(self, now: float) -> int:
        expired = self.index.count(Where()) - self.index.count(Where(alive_s=now))
        if expired:
            audit.note(self.index, "purge", templates=expired)
        dropped = let_go(self.index, over(read_changes(self.index), now))
        if expired or dropped:
            self._kept = None
            self.index.remove(None, now)
            drop_the_gone(self.index)
        return expired

    def build_index(self) -> str:
        """Build the index for approximate search; in words, what it is."""
        with self.index.writing():
            if not self.index.count(Where()):
                raise UserError(f"{self.place} is empty: enrol somebody first")
            return self.index.build()

    def _in_cohort(self, names: Sequence[str]) -> bool:
        cohort = self.cohort()
        return cohort is not None and any(name in names for people in cohort.people.values() for name in people if name)

    def _drop_of_cohort(self, names: Sequence[str]) -> str:
        """Take people out of the cohort, bytes and name; in words, what that means. The caller writes."""
        cohort, calibration = self.cohort(), self.calibration()
        if cohort is None or not self._in_cohort(names):
            return ""
        left = cohort.without(names)
        self.index.keep_document("cohort", left.document())
        if calibration is not None:
            self.index.keep_document("calibration", calibration.model_copy(update={"cohort": left.digest}).model_dump(mode="json"))
        return "also out of the cohort that scores are normalised by, which moves them a little: calibrate again"
