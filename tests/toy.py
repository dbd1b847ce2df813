"""A toy store that needs no simulation: its people are ellipses, each of their own proportions."""

from pathlib import Path

import numpy as np

from gaitbridge.store import Store, finish_store, write_shard
from gaitbridge.types import Labels, Sequence


def toy_sequence(person: int, split: str, condition: str, take: int, view: int, frames: int = 6) -> Sequence:
    """An ellipse whose proportions belong to the person, swaying with the view; both modalities of it."""
    random = np.random.default_rng([person, take, view, len(condition)])
    rows, columns = np.mgrid[:64, :44].astype(np.float32)
    own = np.random.default_rng(person).uniform(5, 15, 3)
    masks = []
    for t in range(frames):
        middle = 22 + 2 * np.sin(t + view / 60)
        upper, lower = own[0] + random.normal(0, 0.3), own[1] + random.normal(0, 0.3)
        width = np.where(rows < 32, upper, lower) * (1 - 0.3 * np.abs(np.sin(np.deg2rad(view))))
        masks.append((np.abs(columns - middle) < width) & (rows > own[2] / 5))
    shown = np.stack(masks)
    metres = np.where(shown, 9 + random.normal(0, 0.02, shown.shape) + 0.01 * np.abs(columns - 22), np.nan).astype(np.float32)
    labels = Labels(f"p{person:04d}/{condition}-{take}/{view:03d}", f"p{person:04d}", split, condition, take, f"{view:03d}", float(view), 9.0,
                    "toy-camera", "toy-lidar", 10.0, 10.0, "toy", "CC0-1.0")
    times = np.arange(frames) / 10
    return Sequence(labels, {"silhouettes": shown.astype(np.uint8) * 255, "range_views": metres,
                             "silhouettes_time_s": times, "range_views_time_s": times})


def make_toy_store(path: Path, people: dict[str, int], views: tuple[int, ...] = (0, 90), frames: int = 6) -> Store:
    """A finished toy store: two normal takes and one with a bag for each person."""
    names, number = [], 0
    for split, count in people.items():
        for _ in range(count):
            takes = (("normal", 0), ("normal", 1), ("bag", 0))
            sequences = [toy_sequence(number, split, condition, take, view, frames) for condition, take in takes for view in views]
            write_shard(path, f"p{number:04d}", sequences)
            names.append(f"p{number:04d}")
            number += 1
    finish_store(path, names, {"kind": "simulated", "made by": "the tests"})
    return Store(path)
