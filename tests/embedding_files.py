"""Small files of embeddings in the field's form, with types and views as datasets publish them, and a plain distance to hold others against."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gaitbridge.conventions import stream

CASIA_B = ("nm-01", "nm-02", "nm-03", "nm-04", "nm-05", "nm-06", "bg-01", "bg-02", "cl-01", "cl-02")
SUSTECH1K = ("00-nm", "01-nm", "02-bg", "03-nt-nm", "01-cl", "01-cr", "02-ub", "01-uf", "03-oc", "04-nt")
CCPG = ("U0_D0_BG", "U0_D0", "U3_D3", "U1_D0", "U1_D1", "U2_D2", "U0_D3")
Arrays = dict[str, Any]


def arrays(
    types: Sequence[str], views: Sequence[str], people: int = 7, noise: float = 2.0, shape: tuple[int, int] = (6, 3), seed: int = 0, drop: float = 0.0
) -> Arrays:
    """embeddings [n, C, K] of every person, type and view (but a share `drop`), labels, types, views: a direction a person, and noise."""
    keys = [(f"{person:04d}", kind, view) for person in range(people) for kind in types for view in views]
    kept = stream(seed, "drop").random(len(keys)) >= drop
    keys = [key for key, keep in zip(keys, kept, strict=True) if keep]
    own = {name: stream(seed, name).standard_normal(shape) for name, _, _ in keys}
    values = np.stack([own[name] + noise * stream(seed, *key).standard_normal(shape) for key in keys for name in key[:1]])
    labels, kinds, places = (np.asarray(column) for column in zip(*keys, strict=True))
    return {"embeddings": values.astype(np.float32), "labels": labels, "types": kinds, "views": places}


def write(path: Path, **made: Any) -> Path:
    np.savez(path, **made)
    return path


def plain_distance(x: np.ndarray, y: np.ndarray, kind: str) -> float:
    """Of two embeddings [C, K], by loops over parts."""
    total = 0.0
    for k in range(x.shape[1]):
        a, b = x[:, k].astype(float), y[:, k].astype(float)
        if kind == "euclidean":
            total += float(np.sqrt(((a - b) ** 2).sum()))
        else:
            length = float(np.sqrt((a * a).sum())) * float(np.sqrt((b * b).sum()))
            total += float(a @ b) / length if length else 0.0
    return total / x.shape[1] if kind == "euclidean" else 1.0 - total / x.shape[1]


def plain_ranks(made: Arrays, probe: int, gallery: Sequence[int], kind: str) -> list[int]:
    """Places from 1 of the probe's mates among gallery rows, strangers first among equals."""
    far = [(plain_distance(made["embeddings"][probe], made["embeddings"][g], kind), made["labels"][g] == made["labels"][probe]) for g in gallery]
    return [place for place, (_, mate) in enumerate(sorted(far), start=1) if mate]
