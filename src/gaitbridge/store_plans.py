"""The plan of a store that is made in parts: written before the first part, so that whoever goes on with it makes the same store."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gaitbridge.documents import read_document
from gaitbridge.errors import UserError
from gaitbridge.files import sweep, write_json
from gaitbridge.store_notes import drop


def begin(store: Path, file: Path, plan: Mapping[str, Any], what: str, made: str, defaults: Mapping[str, Any] | None = None) -> None:
    """Write the plan to `file` within the store, or check that the one that is there is this one.

    what, made: the work in words ("an import", "imported"); defaults: of entries that came after a plan was written. UserError where another plan or
    another store is there, StoreError where the plan is damaged.
    """
    wanted = json.loads(json.dumps(plan))  # as it will be read
    foreign = _foreign(store, file)
    begun = (store / "store.json").exists() or (store / "shards").exists()  # before the plan is looked for: another may begin the same in this moment
    if file.is_file():
        here = dict(defaults or {}) | read_document(file, dict[str, Any], f"choose another folder, or delete {store}")
        if different := sorted(name for name in {*here, *wanted} if here.get(name) != wanted.get(name)):
            raise UserError(f"{store} holds {what} that differs in {', '.join(different)}: choose another folder, or delete this one")
        return
    if begun:
        raise UserError(f"{store} already holds a store that was not {made} here: choose another folder")
    if foreign:
        raise UserError(f"{store} holds other things, such as {foreign[0]}: choose another folder for the store")
    write_json(wanted, file)


def _foreign(store: Path, file: Path) -> list[str]:
    """What is in the folder that is no store's, such as a gallery's: a store among them could not be told from them, nor be deleted without them."""
    ours = {*file.relative_to(store).parts[:1], "shards", "store.json", "index.parquet"}
    return sorted(path.name for path in store.iterdir() if path.name not in ours and not path.name.startswith(".")) if store.is_dir() else []


def leave_nothing(store: Path, plans: str) -> None:
    """Remove a store that came to nothing: the folder `plans` within it, what killed writers left, and what is empty then."""
    shutil.rmtree(store / plans, ignore_errors=True)
    drop(store)
    for folder in (store / "shards", store):
        sweep(folder)
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
