"""Plug-ins of one's own as they lie on the disk: what each gives, and its hash. Nothing of them is run here.

    mine.py                     one method, loss, importer, augmentation or study; a line KIND = "losses" says which, the file's name is its name
    mine.json                   a protocol
    mine/                       several:
      methods/NAME/             network.py, objective.py, recipes.py (or methods/NAME.py, all in one file)
      losses/NAME.py  importers/NAME.py  augmentations/NAME.py  studies/NAME.py
      protocols/NAME.json
"""

import ast
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gaitbridge.errors import UserError, nearest
from gaitbridge.folders import data_in

KINDS = ("methods", "losses", "importers", "protocols", "augmentations", "studies")
SUFFIXES = (".py", ".json")
REMEDY = "docs/bring.md says what a plug-in is"


@dataclass(frozen=True)
class Plugin:
    """A plug-in: where it lies, the hash of its files, and the files or folders it gives by (kind, name)."""

    path: Path
    sha256: str
    gives: dict[tuple[str, str], Path]

    @property
    def words(self) -> str:
        """What it gives, in words: losses/centre, methods/mine."""
        return ", ".join(f"{kind}/{name}" for kind, name in sorted(self.gives))


def read_plugin(path: Path) -> Plugin:
    """What a file or folder gives. UserError where it is missing, or gives nothing."""
    place = path.expanduser().resolve()
    if place.is_file():
        gives = {_of_file(place): place}
    elif place.is_dir():
        gives = dict(_of_folder(place))
    else:
        raise UserError(f"the plug-in {path} is missing: give a .py or .json file, or a folder")
    if not gives:
        raise UserError(f"the plug-in {path} gives nothing: put what it gives in folders called {', '.join(KINDS)}; {REMEDY}")
    for kind, name in gives:
        if not name.isidentifier():
            raise UserError(f"the plug-in {gives[kind, name]}: {name!r} cannot be a name: letters, digits and _ alone, no digit first")
    return Plugin(place, _hash(place), gives)


def _of_file(path: Path) -> tuple[str, str]:
    """(kind, name) of what one file gives."""
    if path.suffix == ".json":
        return "protocols", path.stem
    if path.suffix != ".py":
        raise UserError(f"the plug-in {path} is neither a .py nor a .json: {REMEDY}")
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    except (SyntaxError, ValueError) as error:
        raise UserError(f"the plug-in {path} is no Python ({error}): mend it") from error
    for node in tree.body:
        named = isinstance(node, ast.Assign) and any(isinstance(target, ast.Name) and target.id == "KIND" for target in node.targets)
        if named and isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            kind = str(node.value.value)
            if kind not in KINDS or kind == "protocols":
                raise UserError(f"the plug-in {path} is of the kind {kind!r}: {nearest(kind, set(KINDS) - {'protocols'})} A protocol is a .json.")
            return kind, path.stem
    raise UserError(f"the plug-in {path} does not say what it is: write a line such as KIND = \"losses\" ({', '.join(KINDS)})")


def _of_folder(folder: Path) -> Iterator[tuple[tuple[str, str], Path]]:
    for kind in KINDS:
        inside = sorted(data_in(folder / kind)) if (folder / kind).is_dir() else ()
        for path in inside:
            if path.name.startswith("_"):
                continue
            suffix = ".json" if kind == "protocols" else ".py"
            if path.suffix == suffix or (path.is_dir() and (path / "__init__.py").is_file()):
                yield (kind, path.stem), path
            elif path.is_dir() and (path / "network.py").is_file():
                raise UserError(f"the plug-in {path} has no __init__.py: add an empty one, so that its files can import each other")


def _hash(place: Path) -> str:
    """SHA-256 of a file, or of all files of a folder that may be run or read, with their names."""
    if place.is_file():
        return hashlib.sha256(place.read_bytes()).hexdigest()
    digest = hashlib.sha256()
    for path in sorted(path for path in place.rglob("*") if path.suffix in SUFFIXES and path.is_file()):
        digest.update(f"{path.relative_to(place).as_posix()}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
