"""Examples of retrieval: for a few probes the five nearest sequences of the other sensor, to look at in the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gaitbridge.conventions import stream
from gaitbridge.evaluation.scoring.compare import Comparison

SHOWN = ("key", "person", "condition", "view")


def retrieval_examples(directions: Sequence[Comparison], seed: int, count: int = 8, nearest: int = 5) -> dict[str, Any]:
    """For each direction across sensors (or within the only one) up to `count` probes, half found at rank 1 and half not, identical views excluded.

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


def _examples(one: Comparison, random: np.random.Generator, count: int, nearest: int) -> list[dict[str, Any]]:
    ranking = one.rank("excluded")
    right = _draw(one, np.flatnonzero(ranking.first == 1), random, (count + 1) // 2)
    wrong = _draw(one, np.flatnonzero(ranking.first > 1), random, count // 2)
    people = one.field("gallery", "person")
    made = []
    for probe in [*right, *wrong]:
        person = str(one.probes[probe]["person"])
        distances, excluded = one.distances_of([probe])[0], one.excluded("excluded", [probe])
        allowed = np.arange(len(people)) if excluded is None else np.flatnonzero(~excluded[0])
        order = allowed[np.lexsort((people[allowed] == person, distances[allowed]))][:nearest]  # ties: strangers first
        found = [
            {**_shown(one.gallery[number]), "distance": float(distances[number]), "correct": bool(people[number] == person)}
            for number in order
        ]
        about = {"probe_modality": one.probe_modality, "gallery_modality": one.gallery_modality}
        made.append(
            {
                **about,
                "probe": _shown(one.probes[probe]),
                "first_match": int(ranking.first[probe]),
                "correct": bool(ranking.first[probe] == 1),
                "nearest": found,
            }
        )
    return made


def _shown(row: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(row[name]) for name in SHOWN}


def _draw(one: Comparison, among: np.ndarray, random: np.random.Generator, count: int) -> list[int]:
    """Up to `count` of the probes `among`, of different people first."""
    shuffled = random.permutation(among)
    people = [one.probes[number]["person"] for number in shuffled]
    new = [number for place, number in enumerate(shuffled) if people[place] not in people[:place]]
    return [int(number) for number in [*new, *(number for number in shuffled if number not in set(new))][:count]]
