"""Validation while training: retrieval on held-out people, between the sensors or within the only one."""

from collections.abc import Mapping, Sequence

import numpy as np
from torch import nn

from gaitbridge.conventions import SENSOR
from gaitbridge.evaluation.embedding.forward import embed_arrays
from gaitbridge.evaluation.ranking.matrix import distance
from gaitbridge.store import Store
from gaitbridge.types import Embeddings


def directions(modalities: Sequence[str]) -> dict[str, tuple[str, str]]:
    """What is searched with what: every pair of different modalities, or the only one with itself."""
    pairs = [(a, b) for a in modalities for b in modalities if a != b] or [(modalities[0], modalities[0])]
    return {f"{SENSOR[probe]}_to_{SENSOR[gallery]}": (probe, gallery) for probe, gallery in pairs}


def validate(network: nn.Module, store: Store, numbers: list[int], device: object, bf16: bool) -> Mapping[str, float]:
    """Rank-1 in percent by direction, between sequences of different take and view, and their mean as `rank1`."""
    inputs: Mapping[str, tuple[str, ...]] = network.inputs  # type: ignore[assignment]
    sequences = store.read_many(numbers, sorted({name for names in inputs.values() for name in names}))
    rows = [store.rows[n] for n in numbers]
    person, view = np.array([row["person"] for row in rows]), np.array([row["view"] for row in rows])
    take = np.array([f"{row['person']}/{row['condition']}/{row['take']}" for row in rows])
    embedded = {m: Embeddings(embed_arrays(network, m, {name: [s.arrays[name] for s in sequences] for name in names}, str(device), bf16),
                              network.distance)  # type: ignore[arg-type]
                for m, names in inputs.items()}
    barred = (view[:, None] == view[None]) | (take[:, None] == take[None])
    metrics = {}
    for name, (probe, gallery) in directions(tuple(inputs)).items():
        distances = np.where(barred, np.inf, distance(embedded[probe], embedded[gallery]))
        mates = ((person[:, None] == person[None]) & ~barred).any(1)
        right = person[distances.argmin(1)] == person
        metrics[name] = 100.0 * float(right[mates].mean()) if mates.any() else 0.0
    return metrics | {"rank1": sum(metrics.values()) / len(metrics)}
