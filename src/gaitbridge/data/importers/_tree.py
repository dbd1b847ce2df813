"""The published tree: SRC/person/type/view/files. A name may be written in several ways (`gaitbridge.names`): it is one person all the same."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from gaitbridge.data.importers._dataset import Place, in_number_order
from gaitbridge.errors import UserError
from gaitbridge.folders import data_in
from gaitbridge.names import canonical

Folders = dict[str, tuple[Path, ...]]  # by name


def folders(places: Sequence[Path]) -> Folders:
    """The folders in some folders by the one spelling of their names, sorted, hidden ones left out."""
    found: dict[str, list[Path]] = {}
    for place in places:
        inside = (entry for entry in data_in(place) if entry.is_dir()) if place.is_dir() else ()
        for entry in sorted(inside, key=lambda entry: in_number_order(entry.name)):
            found.setdefault(canonical(entry.name), []).append(entry)
    return {name: tuple(found[name]) for name in sorted(found, key=in_number_order)}


def people(roots: tuple[Path, ...], layout: str) -> Folders:
    """The people of the trees, sorted, with their folders; UserError where a tree is missing or holds no folder."""
    for root in roots:
        if not root.is_dir():
            raise UserError(f"{root} is missing or no folder: give the folder whose sequences lie as {layout}")
    if not (found := folders(roots)):
        raise UserError(f"{roots[0]} holds no folders of people: give the folder whose sequences lie as {layout}")
    return {name: found[name] for name in sorted(found)}


def spelt_otherwise(found: Mapping[str, tuple[Path, ...]]) -> Folders:
    """The people some of whose folders do not bear their name in its one spelling."""
    return {name: places for name, places in found.items() if any(place.name != name for place in places)}


def sequences(places: Sequence[Path], person: str) -> Iterator[Place | str]:
    """The sequences in the folders of a person, sorted; a text instead of a place says what is wrong with a folder."""
    kinds = folders(places)
    if not kinds:
        yield f"{places[0]} holds no folders of types: nothing of this person can be read"
    for kind, of_kind in kinds.items():
        views = folders(of_kind)
        if not views:
            yield f"{of_kind[0]} holds no folders of views: nothing of this type can be read"
        for view, found in views.items():
            if len({place.parents[2] for place in found}) < len(found):  # of one tree there is one, unless
                yield f"{found[0]} and {found[1]}: the same sequence twice, by names that differ only in how they are written: remove one of them"
            else:
                yield Place(person, kind, view, found)
