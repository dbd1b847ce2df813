"""Examples of retrieval: for a few probes the five nearest sequences of the other sensor, to look at in the report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gaitbridge.conventions import stream
from gaitbridge.data.protocols import Columns
from gaitbridge.evaluation.scoring.compared import Compared


def retrieval_examples(directions: Sequence[Compared], seed: int, count: int = 8, nearest: int = 5) -> dict[str, Any]:
    """For each direction across sensors (or within the only one) up to `count` probes, half found at rank 1 and half not.

    They are held against the whole gallery but for what the protocol leaves out.

    Returns {"views", "note", "examples": [{probe, modalities, correct, first_match, "nearest": [{key, person, distance, correct}]}]}.
    Probes are drawn from the stream of `seed`, a person at most once a half as long as there are enough people.
    """
    across = [one for one in directions if one.probe_modality != one.gallery_modality]
    examples = [
        example
        for one in across or directions
        for example in _examples(one, stream(seed, "retrieval", one.probe_modality), count, nearest)
    ]
    note = "Half of the probes are drawn from those found at rank 1 and half from the others: the share of right ones here is no result"
    return {"views": "excluded", "note": note, "examples": examples}


def _examples(one: Compared, random: np.random.Generator, count: int, nearest: int) -> list[dict[str, Any]]:
    ranking = one.ranking("excluded")
    right = _draw(one, np.flatnonzero(ranking.first == 1), random, (count + 1) // 2)
    wrong = _draw(one, np.flatnonzero(ranking.first > 1), random, count // 2)
    people = one.gallery["person"].astype(str)
    about = {"probe_modality": one.probe_modality, "gallery_modality": one.gallery_modality}
    made = []
    for probe in [*right, *wrong]:
        person = one.people[probe]
        distances, excluded = one.distances_of(np.asarray([probe]))[0], one.excluded("excluded", np.asarray([probe]))
        allowed = np.arange(len(people)) if excluded is None else np.flatnonzero(~excluded[0])
        order = allowed[np.lexsort((people[allowed] == person, distances[allowed]))][:nearest]  # ties: strangers first
        found = [{**_shown(one.gallery, number), "distance": float(distances[number]), "correct": bool(people[number] == person)} for number in order]
        place = int(ranking.first[probe])
        made.append({**about, "probe": _shown(one.probes, probe), "first_match": place, "correct": place == 1, "nearest": found})
    return made


def _shown(columns: Columns, number: int) -> dict[str, str]:
    known = {name: str(columns[name][number]) for name in ("key", "person", "view")}
    return known | {"condition": str(columns["condition" if "condition" in columns else "type"][number])}


def _draw(one: Compared, among: np.ndarray, random: np.random.Generator, count: int) -> list[int]:
    """Up to `count` of the probes `among`, of different people first."""
    shuffled = random.permutation(among)
    people = [one.people[number] for number in shuffled]
    new = [number for place, number in enumerate(shuffled) if people[place] not in people[:place]]
    return [int(number) for number in [*new, *(number for number in shuffled if number not in set(new))][:count]]
