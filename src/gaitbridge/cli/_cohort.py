"""What `calibrate` makes of people known by name: the cohort of identification, the templates, and the thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gaitbridge.cli._gallery import embed, having, known_people, sensor_of

if TYPE_CHECKING:
    from gaitbridge.gallery.cohort import Cohort
    from gaitbridge.gallery.decision import Calibration

SHARE, LEAST_PEOPLE = 5, 100  # a fifth of the people, where there are so many


def fixed_on(run: Any, source: Any, numbers: list[int], rates: Sequence[float], templates: int | None = None, cohort: Path | None = None,
             normalise: bool = True, most: int | None = None) -> tuple[Calibration, Cohort | None]:  # fmt: skip
    """Thresholds of a run, fixed on sequences of a store whose people are known by name, and the cohort that scores are normalised by.

    templates, cohort, normalise: as the command's; most: see `cohort_of`. UserError where no rate can be stated.
    """
    import time

    from gaitbridge.gallery.decision import calibrate as fix
    from gaitbridge.gallery.kinds import kind_of
    from gaitbridge.gallery.tracks import track_of
    from gaitbridge.progress import progress

    known_people(source, numbers)
    sides, people, walks, enrolled = [], [], [], []
    kind, today = kind_of(source.document["about"]), time.strftime("%Y-%m-%d", time.gmtime())
    with progress("calibrate", "modalities") as show:
        others, numbers = cohort_of(run, source, numbers, cohort, most) if normalise else (None, numbers)
        for done, modality in enumerate(run.modalities):
            show(done, len(run.modalities), "")
            if own := having(source, numbers, run.inputs[modality]):
                sides.append(embed(run, source, own, modality))
                people.append([source.rows[number]["person"] for number in own])
                walks.append([track_of(source.rows[number]["key"], kind.kind) for number in own])
                enrolled.append(first_of_each(source, own, templates))
        show(len(run.modalities), len(run.modalities), "")
    name = Path(source.path).resolve().name
    return fix(sides, people, walks, name, source.content_hash, today, rates, kind, cohort=others, enrolled=enrolled), others


def cohort_of(run: Any, source: Any, numbers: list[int], other: Path | None, most: int | None = None) -> tuple[Cohort | None, list[int]]:
    """The cohort, and the sequences that are left to calibrate on: of another store, or every fifth person of a large simulated one.

    most: embeddings of each sensor that are kept, by default `gallery.cohort.MOST`.

    UserError where the other store is this one, or lacks a sensor that this one has.
    """
    from gaitbridge.errors import UserError
    from gaitbridge.gallery.cohort import MOST, made_of
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
    return made_of(sides, names, nobody, Path(store.path).resolve().name, most or MOST), numbers


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
