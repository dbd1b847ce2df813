"""Walks as skeletons in a camera's picture, and a small store of them."""

from pathlib import Path

import numpy as np
from toy import toy_sequence

from gaitbridge.store import Store, finish_store, write_shard
from gaitbridge.types import Sequence

STANDING = np.array([  # COCO's 17 joints: metres aside and up, the person's left at larger columns, as seen from before them
    (0, 1.6), (0.03, 1.63), (-0.03, 1.63), (0.08, 1.62), (-0.08, 1.62), (0.18, 1.4), (-0.18, 1.4), (0.24, 1.1), (-0.24, 1.1), (0.26, 0.85),
    (-0.26, 0.85), (0.1, 0.9), (-0.1, 0.9), (0.1, 0.5), (-0.1, 0.5), (0.1, 0.08), (-0.1, 0.08),
])  # fmt: skip


def skeletons_of(person: int, take: int, frames: int) -> np.ndarray:
    """float32 [T, 17, 3] of a person's own build and stride; one joint is not found."""
    own, moment = np.random.default_rng(person), np.random.default_rng([person, take])
    build, swing = STANDING * own.uniform(0.8, 1.2, (17, 2)), own.uniform(0.1, 0.3)
    phase = np.arange(frames) / own.uniform(1.5, 2.5) + moment.uniform(0, 6)
    places = np.repeat(build[None], frames, 0)
    for joints, sign in (([9, 14, 16], 1), ([10, 13, 15], -1)):
        places[:, joints, 0] += sign * swing * np.sin(phase)[:, None]
    pixels = np.stack([600 + 150 * places[..., 0], 500 - 150 * places[..., 1], np.full(places.shape[:2], 0.9)], -1)
    pixels[..., :2] += moment.normal(0, 0.5, (frames, 17, 2))
    pixels[frames // 2, 10] = 0
    return pixels.astype(np.float32)


def store_of(folder: Path, splits: tuple[str, ...] = ("train", "val", "test"), frames: int = 6) -> Store:
    """Three people of each split, two walks each."""
    made = []
    for place, split in enumerate(splits):
        for person in range(3 * place, 3 * place + 3):
            for take in range(2):
                labels = toy_sequence(person, split, "normal", take, 90 * take, 1).labels
                made.append(Sequence(labels, {"skeletons": skeletons_of(person, take, frames), "skeletons_time_s": np.arange(frames) / 10}))
    write_shard(folder, "a", made)
    finish_store(folder, ["a"], {"kind": "drawn"})
    return Store(folder)
