"""A small store of moving blobs, for tests that need a store but no simulation; and embeddings that know who is who, within noise."""

import tempfile
from pathlib import Path

import numpy as np

from gaitbridge.conventions import stream
from gaitbridge.data.protocols import Protocol, load_protocol
from gaitbridge.evaluation.embedding.from_store import write_embeddings
from gaitbridge.evaluation.embedding.labels import labels_of, probe_set_of
from gaitbridge.evaluation.results import ResultRow
from gaitbridge.evaluation.scoring.compared import Compared
from gaitbridge.evaluation.scoring.rows import rows_of, sides_of
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


def write_sides(folder: Path, store: Store, *sides: Embeddings) -> Path:
    """Files of embeddings of a store, as an evaluation writes them; returns the folder."""
    for side in sides:
        known = [store.rows[store.row_of_key[key]] for key in side.keys if key in store.row_of_key]
        labels = labels_of(known, probe_set_of(store)) if len(known) == len(side) else None
        write_embeddings(side, folder / f"{side.modality}.npz", {"data_hash": store.content_hash}, labels)
    return folder


def sides_compared(store: Store, *sides: Embeddings, protocol: str | Protocol = "simulated") -> list[Compared]:
    """Embeddings of a store under a protocol, by way of files."""
    with tempfile.TemporaryDirectory() as folder:
        return sides_of(write_sides(Path(folder), store, *sides), store, load_protocol(protocol) if isinstance(protocol, str) else protocol)


def evaluated(store: Store, *sides: Embeddings, protocol: str | Protocol = "simulated", seed: int = 0) -> list[ResultRow]:
    """The rows of an evaluation of embeddings of a store."""
    return rows_of(sides_compared(store, *sides, protocol=protocol), seed, store.content_hash)
