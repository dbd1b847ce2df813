"""Stores that are made in parts: their shards are the items, and whoever finds all of them there writes the index and store.json."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from gaitbridge.errors import StoreError
from gaitbridge.files import in_turn
from gaitbridge.parts import PLACE, Work
from gaitbridge.store import Store, finish_store, shard_path


def store_work(command: str, what: str, names: Iterable[str], merging: Mapping[str, Any]) -> Work:
    """The work of a store of the shards `names`. merging: what else is needed to merge; `about`: what store.json is to say of how it was made."""
    items = {name: [shard_path(Path(), name).as_posix()] for name in names}
    return Work(command=command, what=what, items=items, result="store.json", merging=dict(merging))


def merge_store(store: Path, work: Work) -> dict[str, Any]:
    """store.json of a store whose shards are all there, written where it is not; of two who merge at once, the second finds it done."""
    about = work["merging"]["about"]
    with in_turn(store / PLACE / "merging.lock"):
        if (whole := _whole(store)) and whole["about"] == about and set(whole["shards"]) == set(work["items"]):
            return whole
        return finish_store(store, work["items"], about)


def _whole(store: Path) -> dict[str, Any] | None:
    """store.json of a store that is whole; None where it is not."""
    try:
        return Store(store).document
    except StoreError:
        return None
