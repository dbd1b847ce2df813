"""People of the gallery, and what the service keeps of them, changed together: renamed, undone, forgotten."""

from collections.abc import Callable
from dataclasses import dataclass

from gaitbridge.errors import Unknown
from gaitbridge.gallery.undo import Change
from gaitbridge.names import canonical
from gaitbridge.service.intents import Intent, begin, left, withdrawn
from gaitbridge.service.showing import forget_here, rename_here, tracks_showing
from gaitbridge.service.state import State


@dataclass(frozen=True)
class Forgotten:
    """What went: templates, walkers of recordings with their pictures; what remains to be said."""

    templates: int
    walkers: int
    remains: str


def forget(state: State, person: str) -> Forgotten:
    """Forget a person, and whom they were linked with: out of the gallery, out of recordings, pictures and answers. Unknown where nothing is known of
    them. Killed amid it, it is carried on when the service starts again."""
    with state.putting_right:
        names, templates = state.gallery.known_as(person)
        intent = begin(state.database, "forget", names=names, templates=templates)
        try:
            count, remains = state.gallery.forget(person)
        except Unknown:
            if not tracks_showing(state.database, names):  # else they went from the gallery by the command line
                withdrawn(state.database, intent)
                raise
            count, remains = 0, ""
        return Forgotten(count, forget_here(state.database, state.kept, names, templates, intent), remains)


def rename_person(state: State, person: str, name: str) -> Change:
    """Call a person by another name, in the gallery and in all answers."""
    return _renaming(state, canonical(person), canonical(name), state.gallery.rename_person)


def undo(state: State, change: str) -> Change:
    """Undo a change of the gallery; of a name, in all answers as well."""
    found = next((one for one in state.gallery.changes() if one.id == change and one.what == "rename"), None)
    if found is None:
        return state.gallery.undo(change)
    return _renaming(state, found.after, found.before, lambda *_: state.gallery.undo(change))


def _renaming(state: State, before: str, after: str, change: Callable[[str, str], Change]) -> Change:
    """Change a name in the gallery, then in all answers."""
    with state.putting_right:
        intent = begin(state.database, "rename", before=before, after=after)
        try:
            made = change(before, after)
        except Exception:
            withdrawn(state.database, intent)
            raise
        rename_here(state.database, before, after, intent)
    return made


def carry_on(state: State) -> None:
    """Do what a killed process had begun, or one that failed amid it; what is being done just now is not left by anybody."""
    if not left(state.database):
        return
    with state.putting_right:
        for intent in left(state.database):
            if intent.what == "forget":
                _forget_on(state, intent)
            else:
                _rename_on(state, intent)


def _forget_on(state: State, intent: Intent) -> None:
    names, templates = intent.document["names"], intent.document["templates"]
    for name in names:
        try:
            state.gallery.forget(name)
        except Unknown:
            continue  # gone before the kill, or with the others
    forget_here(state.database, state.kept, names, templates, intent)


def _rename_on(state: State, intent: Intent) -> None:
    """The gallery's name counts: whether it was changed before the kill or not."""
    before, after = intent.document["before"], intent.document["after"]
    there = state.gallery.names([before, after])
    if after in there and before not in there:
        rename_here(state.database, before, after, intent)
    else:
        withdrawn(state.database, intent)
