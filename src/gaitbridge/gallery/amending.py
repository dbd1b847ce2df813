"""A gallery put right by hand: people renamed, merged, templates given to somebody else or to nobody; each of it undone as long as that is kept."""

from __future__ import annotations

import time
import uuid

import numpy as np

from gaitbridge.errors import Unknown, UserError
from gaitbridge.gallery import audit
from gaitbridge.gallery.changing import Changing
from gaitbridge.gallery.links import keep_link, read_links, undo_link
from gaitbridge.gallery.templates import Template, Where, checked_name
from gaitbridge.gallery.undo import Change, changed, keep_change, let_go, overtaken, read_changes, the_change
from gaitbridge.names import canonical


class Amending(Changing):
    """A gallery whose names and templates can be put right. Each change gives what `undo` takes; who is forgotten takes theirs along."""

    def rename_person(self, person: str, name: str) -> Change:
        """Call a person by another name, here and in the cohort. UserError where that is somebody's already: then merge."""
        name, person = checked_name(name), canonical(person)
        with self.index.writing():
            numbers = self._numbers(person)
            self._is_free(name)
            change = changed("rename", time.time(), audit.actor(), numbers, person, name)
            audit.note(self.index, "rename", people=numbers)
            keep_change(self.index, change)
            self._rename(person, name)
        return change

    def merge(self, person: str, other: str) -> Change:
        """Take `other` for the same person as `person`: a link (see `link`), that can be undone by `undo`, too."""
        with self.index.writing():
            of, numbers = self._numbers(person), self._numbers(other)
            change = changed("merge", time.time(), audit.actor(), numbers, canonical(other), canonical(person))
            audit.note(self.index, "link", people=sorted({*of, *numbers}))
            keep_change(self.index, change)
            try:
                keep_link(self.index, numbers, of, (change.before, change.after))
            except UserError:
                let_go(self.index, [change])
                raise
            self._kept = None
        return change

    def move(self, template: str, person: str, to: str) -> Change:
        """Give a template of a person to another, who need not be enrolled yet: it is that one's walk. Unknown where they have no such template."""
        to = checked_name(to)
        with self.index.writing():
            one = self._template_of(template, person)
            if one.person == to:
                raise UserError(f"the template is {to!r}'s already")
            number = self._number_of(to)
            change = changed("move", time.time(), audit.actor(), {one.person_id, number}, one.person, to, one)
            audit.note(self.index, "move", people=list(change.people), templates=1)
            keep_change(self.index, change)
            self._give([template], to, number)
        return change

    def drop(self, template: str, person: str) -> Change:
        """Take a template of a person out of the gallery: nobody knows whose walk it is. Its vector is kept apart until it can be undone no more."""
        with self.index.writing():
            one = self._template_of(template, person)
            vector = np.concatenate([block for _, block in self.index.blocks(Where(ids=(template,)))])[0]
            change = changed("drop", time.time(), audit.actor(), [one.person_id], one.person, "", one, vector)
            audit.note(self.index, "drop", people=list(change.people), templates=1)
            keep_change(self.index, change)
            self._kept = None
            self.index.drop([template])
        return change

    def changes(self, person: str = "") -> list[Change]:
        """What can be undone, newest first; of one person, whichever of their names is given."""
        with self.index.reading():
            now = time.time()
            kept = [change for change in read_changes(self.index) if change.until_s > now]
            if not person:
                return kept
            names = read_links(self.index).members(canonical(person))
            numbers = {row.person_id for row in self.index.known([], names)}
            return [change for change in kept if change.of(numbers, names)]

    def undo(self, change: str) -> Change:
        """Make a change undone, by its id. UserError where something that came later stands in the way, Unknown where there is no such change."""
        with self.index.writing():
            found = the_change(self.index, change, time.time())
            audit.note(self.index, "undo", people=list(found.people), of=found.what)
            {"rename": self._undo_rename, "merge": self._undo_merge, "move": self._undo_move, "drop": self._undo_drop}[found.what](found)
            let_go(self.index, [found])
        return found

    # -- each way back -------------------------------------------------------------------------------------------------------------------

    def _undo_rename(self, change: Change) -> None:
        names = set(self.index.names_of(change.people).values())
        if names == {change.before}:
            return  # a kill came between what was kept and what was changed
        if names != {change.after}:
            raise overtaken(change, f"{change.after!r} was renamed again, or is not enrolled any more")
        self._is_free(change.before)
        self._rename(change.after, change.before)

    def _undo_merge(self, change: Change) -> None:
        parents = read_links(self.index).parents
        own = [number for number in change.people if number in parents]
        if own:
            self._kept = None
            undo_link(self.index, own, change.before)

    def _undo_move(self, change: Change) -> None:
        was = change.template
        assert was is not None
        now = next(iter(self.index.known([was.id], [])), None)
        if now is None:
            raise overtaken(change, "the template is gone")
        if now.person_id == was.person_id:
            return
        if now.person_id not in change.people:
            raise overtaken(change, "the template was moved again: undo that first")
        self._give([was.id], *self._back_to(was))

    def _undo_drop(self, change: Change) -> None:
        was, now = change.template, time.time()
        assert was is not None
        assert change.vector is not None
        if there := self.index.known([was.id], []):
            if there[0].person_id == was.person_id:
                return
            raise overtaken(change, f"its sequence was enrolled again, as {there[0].person!r}")
        if was.expires_s <= now:
            raise overtaken(change, "the template has expired since")
        person, number = self._back_to(was)
        self._kept = None
        self.index.add([Template(**{**was.__dict__, "person": person, "person_id": number})], change.vector[None])

    # -- parts -------------------------------------------------------------------------------------------------------------------------

    def _template_of(self, template: str, person: str) -> Template:
        """A template of a person, whichever of their names is given; Unknown where they have none of that id."""
        rows = self.index.rows(self._all_of(person))
        if not rows:
            raise self._unknown(person)
        found = next((row for row in rows if row.id == template), None)
        if found is None:
            raise Unknown(f"{person!r} has no template {template!r}: those they have are listed with them")
        return found

    def _number_of(self, name: str) -> str:
        """The random number of somebody by name, a new one for a new name."""
        return min((row.person_id for row in self.index.known([], [name])), default=uuid.uuid4().hex)

    def _back_to(self, was: Template) -> tuple[str, str]:
        """Name and number of whom a template belonged to: by the number, since they may have another name; else by the name."""
        by_number = self.index.names_of([was.person_id])
        if by_number:
            return by_number[was.person_id], was.person_id
        return was.person, min((row.person_id for row in self.index.known([], [was.person])), default=was.person_id)

    def _is_free(self, name: str) -> None:
        if self.index.known([], [name]):
            raise UserError(f"{name!r} is enrolled already: choose another name, or merge the two if they are one person")

    def _rename(self, person: str, name: str) -> None:
        self._kept = None
        cohort = self.cohort()
        if cohort is not None and self._in_cohort([person]):  # else who is forgotten by the new name would stay in it by the old one
            self.index.keep_document("cohort", cohort.renamed(person, name).document())
        self.index.change([row.id for row in self.index.known([], [person])], {"person": name})

    def _give(self, ids: list[str], person: str, number: str) -> None:
        self._kept = None
        self.index.change(ids, {"person": person, "person_id": number})  # links of who has no template left stay, for the way back
