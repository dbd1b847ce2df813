"""What `calibrate` takes for the cohort of identification, and for templates."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gaitbridge.cli._gallery import embed, having, sensor_of

if TYPE_CHECKING:
    from gaitbridge.gallery.cohort import Cohort

SHARE, LEAST_PEOPLE = 5, 100  # a fifth of the people, where there are so many


def cohort_of(run: Any, source: Any, numbers: list[int], other: Path | None) -> tuple[Cohort | None, list[int]]:
    """The cohort, and the sequences that are left to calibrate on: of another store, or every fifth person of a large simulated one.

    UserError where the other store is this one, or lacks a sensor that this one has.
    """
    from gaitbridge.errors import UserError
    from gaitbridge.gallery.cohort import made_of
    from gaitbridge.store import Store

    nobody = source.document["about"].get("kind") == "simulated"
    if other is None:
        people = sorted({source.rows[number]["person"] for number in numbers})
        if not nobody or len(people) < LEAST_PEOPLE:
            return None, numbers
        taken = set(people[::SHARE])
        store, chosen = source, [number for number in numbers if source.rows[number]["person"] in taken]
        numbers = [number for number in numbers if source.rows[number]["person"] not in taken]
    else:
        store = Store(other)
        if store.content_hash == source.content_hash:
            raise UserError(f"{other} is the store to calibrate on: give other people for the cohort")
        nobody, chosen = store.document["about"].get("kind") == "simulated", list(range(len(store.rows)))
    sides, names = {}, {}
    for modality in run.modalities:
        if own := having(store, chosen, run.inputs[modality]):
            sides[sensor_of(modality)] = embed(run, store, own, modality)
            names[sensor_of(modality)] = [store.rows[number]["person"] for number in own]
        elif having(source, numbers, run.inputs[modality]):
            raise UserError(f"{store.path} has nothing of the {sensor_of(modality)}, which {source.path} has: give a cohort seen by both")
    return made_of(sides, names, nobody, Path(store.path).resolve().name), numbers


def first_of_each(source: Any, numbers: Sequence[int], count: int | None) -> Any:
    """Places in `numbers` of the first `count` sequences of each person, by take and view, normal walks first; of all where count is None."""
    import numpy as np

    def place_of(at: int) -> tuple[bool, int, str]:
        row = source.rows[numbers[at]]
        return row["condition"] != "normal", row["take"], row["key"]

    order = sorted(range(len(numbers)), key=place_of)
    kept: dict[str, list[int]] = {}
    for place in order:
        kept.setdefault(source.rows[numbers[place]]["person"], []).append(place)
    return np.asarray(sorted(place for places in kept.values() for place in places[:count]), int)
