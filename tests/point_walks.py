"""Walks as point clouds, and a small store of them."""

from pathlib import Path

import numpy as np
from toy import toy_sequence

from gaitbridge import clouds
from gaitbridge.store import Store, finish_store, write_shard
from gaitbridge.types import Sequence


def frames(*counts: int) -> list[np.ndarray]:
    """So many points in each frame, within a person's extent."""
    random = np.random.default_rng(len(counts))
    return [random.uniform((9, -0.4, -1.5), (9.6, 0.4, 0.3), (count, 3)).astype(np.float32) for count in counts]


def store_of(folder: Path, *, others: bool = True, splits: tuple[str, ...] = ("train",)) -> Store:
    """Three people of each split, two walks each with points, the second frame of each empty."""
    made = []
    for place, split in enumerate(splits):
        for person in range(3 * place, 3 * place + 3):
            for take in range(2):
                walk = toy_sequence(person, split, "normal", take, 90 * take)
                arrays = dict(walk.arrays) if others else {}
                made.append(Sequence(walk.labels, arrays | {"points": clouds.joined(frames(30 + person, 0, 20, 40 + take, 25, 30))}))
    write_shard(folder, "a", made)
    finish_store(folder, ["a"], {"kind": "drawn"})
    return Store(folder)
