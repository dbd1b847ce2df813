"""The published tree: SRC/person/type/view/files."""

from collections.abc import Iterator
from pathlib import Path

from gaitbridge.data.importers._dataset import Place, in_number_order
from gaitbridge.errors import UserError


def folders(path: Path) -> list[str]:
    """Names of the folders in a folder, sorted, hidden ones left out."""
    if not path.is_dir():
        return []
    return sorted((entry.name for entry in path.iterdir() if not entry.name.startswith(".") and entry.is_dir()), key=in_number_order)


def people(roots: tuple[Path, ...], layout: str) -> list[str]:
    """The people of the trees, sorted; UserError where a tree is missing or holds no folder."""
    for root in roots:
        if not root.is_dir():
            raise UserError(f"{root} is missing or no folder: give the folder whose sequences lie as {layout}")
    found = sorted({name for root in roots for name in folders(root)})
    if not found:
        raise UserError(f"{roots[0]} holds no folders of people: give the folder whose sequences lie as {layout}")
    return found


def sequences(roots: tuple[Path, ...], person: str) -> Iterator[Place | str]:
    """The sequences of a person, sorted; a text instead of a place says what is wrong with a folder."""
    kinds = _together(roots, person)
    if not kinds:
        yield f"{roots[0] / person} holds no folders of types: nothing of this person can be read"
    for kind in kinds:
        views = _together(roots, person, kind)
        if not views:
            yield f"{roots[0] / person / kind} holds no folders of views: nothing of this type can be read"
        for view in views:
            yield Place(person, kind, view, tuple(root / person / kind / view for root in roots))


def _together(roots: tuple[Path, ...], *names: str) -> list[str]:
    return sorted({name for root in roots for name in folders(root.joinpath(*names))}, key=in_number_order)
