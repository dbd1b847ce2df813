"""A run of two steps on toy people, and walks of noise, for the tests of what is exported."""

from pathlib import Path

import numpy as np

from gaitbridge.config import checked, overridden
from gaitbridge.store import Store
from gaitbridge.training.config import RunConfig, recipe
from gaitbridge.training.loop import train

SMALL = ("data.people_per_batch=4", "data.sequences_per_person=2", "data.frames=2", "steps=2", "precision=float32", "network.channels=[8,8]",
         "network.strides=[2,2]", "network.stem_stride=1", "network.parts=8")


def small_run(store: Store, folder: Path) -> Path:
    """Train it."""
    train(checked(RunConfig, overridden(recipe("diffcrossgait/tiny").model_dump(mode="json"), list(SMALL))), store, folder)
    return folder


def walks(lengths: list[int]) -> dict[str, list[np.ndarray]]:
    random = np.random.default_rng(0)
    masks = [random.random((length, 64, 44)) < 0.4 for length in lengths]
    return {"silhouettes": [np.where(mask, 255, 0).astype(np.uint8) for mask in masks],
            "range_views": [np.where(mask, 7 + random.random(mask.shape), np.nan).astype(np.float32) for mask in masks]}
