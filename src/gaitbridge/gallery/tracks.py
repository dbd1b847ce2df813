"""One track, several walks: what the sequences of one pass of one person say together.

Each walk's distance to a person is that to the nearest of their templates; the track's is the mean over its walks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from gaitbridge.conventions import stream


def track_of(key: str, kind: str) -> str:
    """Which track a sequence of a store is of, by its key; kind: of the store, as its document says (simulated, captured, imported).

    A capture's key is person/run/view or person/track-run/view: the runs of a track are walks of one. Elsewhere it is person/walk/view, and the
    views of a walk are a track.
    """
    person, _, rest = key.partition("/")
    walk = rest.rpartition("/")[0]
    if kind == "captured" and (run := re.fullmatch(r"(?:(.*)-)?\d+", walk)):
        walk = run[1] or ""
    return f"{person}/{walk}".rstrip("/")


def fused(scores: np.ndarray, groups: Sequence[np.ndarray]) -> np.ndarray:
    """Scores of tracks [G, ...] from those of walks [N, ...]: the mean over each group's walks."""
    members = np.stack(groups)  # [G, walks]
    return np.asarray(sum(scores[members[:, number]] for number in range(members.shape[1])) / members.shape[1])


def groups_of(walks: Sequence[str], count: int) -> list[np.ndarray]:
    """Groups of `count` sequences of one walk each, which have none in common: numbers into `walks`, the names of the sequences' walks.

    Drawn at random, the same for the same names; what is left over is left out.
    """
    if count == 1:
        return [np.asarray([number]) for number in range(len(walks))]
    names, owner = np.unique(np.asarray(walks, dtype=str), return_inverse=True)
    groups = []
    for number in range(len(names)):
        members = stream(0, "walks fused", str(names[number])).permutation(np.flatnonzero(owner == number))
        groups += [members[start : start + count] for start in range(0, len(members) - count + 1, count)]
    return groups
