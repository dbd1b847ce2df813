"""A small store of moving blobs, for tests that need a store but no simulation; and embeddings that know who is who, within noise."""

from pathlib import Path

import numpy as np

from gaitbridge.conventions import stream
from gaitbridge.store import Store, finish_store, write_shard
from gaitbridge.types import Embeddings, Labels, Sequence

TAKES = (("normal", 0), ("normal", 1), ("bag", 0))
VIEWS = ("000", "045", "090", "180")
PARENTS_LIKE_A_CHAIN = 5


def blobs(person: int, view: str, frames: int) -> dict[str, np.ndarray]:
    """Silhouettes [T, 32, 22], range views [T, 32, 32], times and joints [T, 5, 3] of one walk."""
    row, column = np.mgrid[:32, :22]
    swing = np.sin(np.arange(frames))[:, None, None]
    body = np.abs(column - 11 - 2 * swing * (row > 16)) < 3 + person % 3
    silhouettes = np.where(body & (row > 2), 255, 0).astype(np.uint8)
    wide = np.pad(silhouettes, ((0, 0), (0, 0), (5, 5))) > 0
    ranges = np.where(wide, 10 + 0.1 * np.arange(32)[None, :, None] / 32, np.nan).astype(np.float32)
    time_s = np.arange(frames) / 10.0
    height = np.linspace(0, 1.7, PARENTS_LIKE_A_CHAIN)
    joints = np.stack([np.stack([t * np.ones(5), 0.1 * np.sin(height + t), height], 1) for t in time_s]).astype(np.float32)
    return {
        "silhouettes": silhouettes,
        "silhouettes_time_s": time_s,
        "range_views": ranges,
        "range_views_time_s": time_s,
        "joints": joints,
    }


def make_store(path: Path, people: int = 6, views: tuple[str, ...] = VIEWS, frames: int = 4, missing: tuple[str, ...] = ()) -> Store:
    """People x 3 takes x views, all in the split test; the keys `missing` have no range views."""
    sequences = []
    for person in range(people):
        for condition, take in TAKES:
            for view in views:
                key = f"p{person:04d}/{condition}-{take}/{view}"
                labels = Labels(
                    key,
                    f"p{person:04d}",
                    "test",
                    condition,
                    take,
                    view,
                    float(view[:3]),
                    10.0,
                    "camera0",
                    "lidar0",
                    10.0,
                    10.0,
                    "blobs",
                    "CC0-1.0",
                )
                arrays = blobs(person, view, frames)
                if key in missing:
                    arrays = {name: array for name, array in arrays.items() if not name.startswith("range_views")}
                sequences.append(Sequence(labels, arrays))
    write_shard(path, "all", sequences)
    finish_store(path, ["all"], {"made_by": "a test"})
    return Store(path)


def knowing_embeddings(store: Store, modality: str, noise: float = 1.0, seed: int = 1, weights_hash: str = "w1") -> Embeddings:
    """Embeddings [N, 8, 4] of every sequence that has the modality: one direction a person, and noise."""
    rows = [row for row in store.rows if row[f"{modality}_frames"] > 0]
    values = np.stack(
        [stream(seed, row["person"]).standard_normal((8, 4)) + noise * stream(seed, modality, row["key"]).standard_normal((8, 4)) for row in rows]
    ).astype(np.float32)
    return Embeddings(values, "euclidean", modality, weights_hash, tuple(row["key"] for row in rows))
