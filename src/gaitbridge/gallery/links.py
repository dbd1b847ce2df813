"""Which of the people enrolled are one person: links between them, applied when questions are answered, so that nothing is lost by undoing one.

A recording gives each track a name of its own; a link says that somebody is the same as somebody else, by whose name both are then found. Templates
stay as they were enrolled, under their own names. A link names people by their random numbers alone, as the audit log does: once somebody is
forgotten nothing in it leads to a name.

    links      {number: {"of": number}}          the first is the second; a tree, whose root has the name that answers give
    together   {number: {"with": [numbers]}}     tracks that were seen at one time: never one person
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from typing_extensions import TypedDict

from gaitbridge.documents import checked_shape
from gaitbridge.errors import UserError
from gaitbridge.gallery.index import Index
from gaitbridge.gallery.templates import Template

LINKS, TOGETHER = "links", "together"
REMEDY = "restore it from a copy"


class _Link(TypedDict):
    of: str


_Together = TypedDict("_Together", {"with": list[str]})


@dataclass(frozen=True)
class Links:
    """The links of a gallery. parents: random number -> that of whom it is the same as; names: of those who have templates, by number."""

    parents: dict[str, str]
    names: dict[str, str]

    @property
    def stamp(self) -> tuple[tuple[str, str], ...]:
        """What changes whenever the links do."""
        return tuple(sorted(self.parents.items()))

    def root(self, number: str) -> str:
        """The number at the root of somebody's tree."""
        seen = {number}
        while (above := self.parents.get(number)) is not None and above not in seen:
            seen.add(above)
            number = above
        return number

    def groups(self) -> list[list[str]]:
        """Names of people who are taken for one, as answers name them first; a group of several each."""
        found: dict[str, list[str]] = {}
        for number in sorted(self.names, key=self._depth):
            names = found.setdefault(self.root(number), [])
            if self.names[number] not in names:
                names.append(self.names[number])
        return [names for names in found.values() if len(names) > 1]

    def _depth(self, number: str) -> tuple[int, str]:
        depth, seen = 0, {number}
        while (above := self.parents.get(number)) is not None and above not in seen:
            seen.add(above)
            number, depth = above, depth + 1
        return depth, number

    def members(self, person: str) -> list[str]:
        """All names of a person, the one that answers give first; the name alone where it is linked with nobody."""
        return next((names for names in self.groups() if person in names), [person])

    def renamed(self) -> dict[str, tuple[str, str]]:
        """Of each person whom answers give another name: that name and its number."""
        numbers = {name: number for number, name in sorted(self.names.items(), reverse=True)}
        return {name: (names[0], numbers[names[0]]) for names in self.groups() for name in names[1:]}

    def applied(self, templates: Sequence[Template]) -> list[Template]:
        """Templates by the names that answers give."""
        known = self.renamed()
        return [replace(one, person=known[one.person][0], person_id=known[one.person][1]) if one.person in known else one for one in templates]


def read_links(index: Index) -> Links:
    """The links of a gallery, and the names of whom they speak of."""
    parents = _parents(index)
    return Links(parents, index.names_of(sorted({*parents, *parents.values()})) if parents else {})


def seen_together(index: Index) -> dict[str, set[str]]:
    """Random numbers of those who were seen at the same time as each."""
    found = checked_shape(index.entries(TOGETHER), dict[str, _Together], f"{index.place}: who was seen together", REMEDY)
    return {number: set(entry["with"]) for number, entry in found.items()}


def _parents(index: Index) -> dict[str, str]:
    """Of whom each linked number is the same; StoreError where what is kept of that is damaged."""
    found = checked_shape(index.entries(LINKS), dict[str, _Link], f"{index.place}: who is linked", REMEDY)
    return {number: entry["of"] for number, entry in found.items()}


def apart(links: Links, together: dict[str, set[str]]) -> set[tuple[str, str]]:
    """Pairs of numbers, those that answers give, who were seen at the same time, or whom others linked with them were: in either order."""
    numbers = {name: number for number, name in sorted(links.names.items(), reverse=True)}
    named = {links.root(number): numbers[names[0]] for names in links.groups() for number in numbers.values() if links.names[number] in names}

    def given(number: str) -> str:
        return named.get(links.root(number), number)

    return {(given(one), given(other)) for one, some in together.items() for other in some}


def note_together(index: Index, pairs: Iterable[tuple[str, str]]) -> None:
    """Keep that the two of each pair of numbers were seen at the same time."""
    known = seen_together(index)
    changed: set[str] = set()
    for first, second in pairs:
        for one, other in ((first, second), (second, first)):
            if other not in known.setdefault(one, set()):
                known[one].add(other)
                changed.add(one)
    if changed:
        index.keep_entries(TOGETHER, {number: {"with": sorted(known[number])} for number in changed})


def keep_link(index: Index, numbers: Sequence[str], of: Sequence[str], names: tuple[str, str]) -> None:
    """Link a person with another. numbers, of: their random numbers; names: likewise. UserError where that cannot be."""
    links, together = read_links(index), seen_together(index)
    person, other = names
    if any(number in links.parents for number in numbers):
        raise UserError(f"{person!r} is linked with {links.members(person)[0]!r} already: unlink it first")
    group = {links.root(number) for number in numbers}
    if group & {links.root(number) for number in of}:
        raise UserError(f"{person!r} and {other!r} are one person already")
    ours, theirs = _tree(links, group, together, numbers), _tree(links, {links.root(number) for number in of}, together, of)
    if any(together.get(number, set()) & theirs for number in ours):
        raise UserError(f"{person!r} and {other!r} were seen at the same time, or others linked with them: they are two people")
    index.keep_entries(LINKS, {number: {"of": min(of)} for number in numbers})


def _tree(links: Links, roots: set[str], together: dict[str, set[str]], own: Sequence[str]) -> set[str]:
    """All numbers of a person's tree."""
    return {*own, *(number for number in {*links.parents, *links.parents.values(), *together} if links.root(number) in roots)}


def undo_link(index: Index, numbers: Sequence[str], person: str) -> str:
    """Remove a person's link; the name of whom they were linked with. UserError where they have none."""
    links = read_links(index)
    own = [number for number in numbers if number in links.parents]
    if not own:
        others = links.members(person)[1:]
        raise UserError(f"{person!r} is linked with nobody{f'; unlink {others[0]!r}, who is linked with it' if others else ''}")
    index.keep_entries(LINKS, dict.fromkeys(own))
    return links.names.get(links.parents[own[0]], "somebody who is not enrolled any more")


def drop_the_gone(index: Index) -> None:
    """Remove what is said of people who have no template any more; links that others hang on stay, as long as those have some."""
    parents = _parents(index)
    together = seen_together(index)
    numbers = {*parents, *parents.values(), *together, *(number for some in together.values() for number in some)}
    alive = set(index.names_of(sorted(numbers)))
    kept = dict(parents)
    while gone := {number for number in kept if number not in alive and number not in kept.values()}:
        kept = {number: of for number, of in kept.items() if number not in gone}
    if dropped := set(parents) - set(kept):
        index.keep_entries(LINKS, dict.fromkeys(dropped))
    if any(number not in alive or some - alive for number, some in together.items()):
        index.keep_entries(TOGETHER, {number: {"with": sorted(some & alive)} if number in alive and some & alive else None
                                      for number, some in together.items() if number not in alive or some - alive})
