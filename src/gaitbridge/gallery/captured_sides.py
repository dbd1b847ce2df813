"""Captured stores made ready for `decision.calibrate`: every run and its halves embedded, with what is known of their pairs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gaitbridge.conventions import SENSOR
from gaitbridge.data.batches import has_all
from gaitbridge.data.captured import Caught, caught
from gaitbridge.errors import UserError
from gaitbridge.gallery.captured_pairs import Sighting, halves, known_pairs
from gaitbridge.progress import Progress, silent
from gaitbridge.store import Store
from gaitbridge.types import Embeddings

AT_ONCE = 64
Arrays = Mapping[str, np.ndarray]
Embed = Callable[[str, Sequence[Arrays]], Embeddings]  # modality, the arrays of each walk by name -> their embeddings


@dataclass(frozen=True)
class Sides:
    """What `calibrate` takes, a side a modality. known: by (probe side, gallery side), bool [N, M] who are two people, and who is one."""

    embeddings: list[Embeddings]
    sightings: list[list[Sighting]]
    known: dict[tuple[int, int], tuple[np.ndarray, np.ndarray]]

    @property
    def people(self) -> list[list[str]]:
        """The track of each row: whose templates belong together."""
        return [[one.track for one in side] for side in self.sightings]

    @property
    def walks(self) -> list[list[str]]:
        """The pass that each row is of: a track's whole runs are one, a half is for itself."""
        return [[f"{one.track}/{one.run}/{one.half}" if one.half else one.track for one in side] for side in self.sightings]


def captured_sides(stores: Sequence[tuple[Store, Sequence[int]]], inputs: Mapping[str, Sequence[str]], embed: Embed,
                   progress: Progress = silent) -> Sides:
    """Of captured stores with the numbers of their sequences to take; inputs: the arrays that the network takes, by modality.

    UserError where a recording is in two stores (its people would be strangers to themselves), or no store has what the network takes.
    """
    known_of = [caught(store) for store, _ in stores]
    _once(stores, known_of)
    plans = [(modality, store, number, names, known[store.rows[number]["key"]])
             for modality, names in inputs.items() for (store, numbers), known in zip(stores, known_of, strict=True) for number in numbers
             if has_all(store.rows[number], names) and f"{modality}_time_s" in store.rows[number]["fields"]]
    if not plans:
        raise UserError(f"{' and '.join(str(store.path) for store, _ in stores)}: no sequence has {' or '.join(inputs)} with times")
    made: dict[str, list[Embeddings]] = {}
    seen: dict[str, list[Sighting]] = {}
    arrays: list[Arrays] = []
    for done, (modality, store, number, names, one) in enumerate(plans):
        for sighting, own in _walks(store, number, modality, names, one):
            seen.setdefault(modality, []).append(sighting)
            arrays.append(own)
        if len(arrays) >= AT_ONCE or done + 1 == len(plans) or plans[done + 1][0] != modality:
            made.setdefault(modality, []).append(embed(modality, arrays))
            arrays = []
            progress(done + 1, len(plans), "")
    sides = list(made)
    two, same = known_pairs([sighting for modality in sides for sighting in seen[modality]])
    ends = np.cumsum([0, *(len(seen[modality]) for modality in sides)])
    known = {(p, g): (two[ends[p] : ends[p + 1], ends[g] : ends[g + 1]], same[ends[p] : ends[p + 1], ends[g] : ends[g + 1]])
             for p in range(len(sides)) for g in range(len(sides))}
    joined = [Embeddings.joined(made[modality]) for modality in sides]
    return Sides(joined, [seen[modality] for modality in sides], known)


def _once(stores: Sequence[tuple[Store, Sequence[int]]], known: Sequence[Mapping[str, Caught]]) -> None:
    """UserError where two stores are of one recording."""
    first: dict[str, Any] = {}
    for (store, _), own in zip(stores, known, strict=True):
        for recording in {one.recording for one in own.values()}:
            if (other := first.setdefault(recording, store.path)) != store.path:
                raise UserError(f"{store.path} and {other} have a recording in common: give one of them")


def _walks(store: Store, number: int, modality: str, names: Sequence[str], one: Caught) -> list[tuple[Sighting, Arrays]]:
    """A sequence and its halves: when and where they were seen, and their arrays."""
    whole, arrays = _sighting(store, number, modality, one), store.read(number, names).arrays
    return [(whole, arrays)] + [(half, {name: array[frames] if len(array) == len(whole.time_s) else array for name, array in arrays.items()})
                                for half, frames in halves(whole)]


def _sighting(store: Store, number: int, modality: str, one: Caught) -> Sighting:
    """When and where a sequence was seen."""
    read = store.read(number, [f"{modality}_time_s", "silhouettes_box"]).arrays
    time_s, boxes = read[f"{modality}_time_s"], read.get("silhouettes_box")
    return Sighting(one.recording, one.part, one.track, SENSOR[modality], one.site, one.start_s + time_s, one.clock_s,
                    boxes if boxes is not None and len(boxes) == len(time_s) else None, number)


def seen_together(store: Store, numbers: Sequence[int]) -> set[tuple[str, str]]:
    """Tracks of a captured store that were in view at one time, apart, each pair once: they are two people."""
    known = caught(store)
    found: set[tuple[str, str]] = set()
    for modality in SENSOR:
        own = [number for number in numbers if f"{modality}_time_s" in store.rows[number]["fields"]]
        sightings = [_sighting(store, number, modality, known[store.rows[number]["key"]]) for number in own]
        if sightings:
            found |= {tuple(sorted((sightings[a].track, sightings[b].track)))  # type: ignore[misc]
                      for a, b in np.argwhere(np.triu(known_pairs(sightings)[0])).tolist()}
    return found
