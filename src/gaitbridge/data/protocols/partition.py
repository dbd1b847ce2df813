"""The probes that a dataset's partition names: PROBE_SET, a list of id-type-view, in the JSON that comes with the dataset's tools."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gaitbridge.errors import UserError
from gaitbridge.names import canonical

GALLERY_VIEW = re.compile(r".*_g\d+")


@dataclass(frozen=True)
class ProbeSet:
    """probes: id-type-view as published; test: ids of TEST_SET, empty where the file has none."""

    path: Path
    probes: frozenset[str]
    test: frozenset[str] = frozenset()

    def holds(self, keys: np.ndarray) -> np.ndarray:
        """bool [n]: which keys person/type/view are probes. UserError where none is."""
        found = np.fromiter((canonical(str(key)).replace("/", "-") in self.probes for key in keys), bool, len(keys))
        if not found.any():
            named = min(self.probes, default="none")
            raise UserError(
                f"{self.path}: none of its {len(self.probes)} probes (such as {named!r}) is among these {len(keys)} sequences (such as "
                f"{str(keys[0]).replace('/', '-')!r}); give the partition of this dataset"
            )
        return found


def read_probe_set(path: Path) -> ProbeSet:
    """PROBE_SET (and TEST_SET) of a partition file. UserError where it is missing, no JSON or without PROBE_SET."""
    if not path.is_file():
        raise UserError(f"{path} is missing; give the dataset's partition, a JSON with PROBE_SET")
    try:
        document = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is no JSON ({error}); give the dataset's partition, which has PROBE_SET") from error
    if not isinstance(document, dict) or "PROBE_SET" not in document:
        raise UserError(f"{path} has no PROBE_SET; give the partition of a dataset that lists its probes (Gait3D, FreeGait)")
    lists = [document["PROBE_SET"], document.get("TEST_SET", [])]
    for name, listed in zip(("PROBE_SET", "TEST_SET"), lists, strict=True):
        if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
            raise UserError(f"{path}: {name} must be a list of texts")
    return ProbeSet(path, frozenset(map(canonical, lists[0])), frozenset(map(canonical, lists[1])))


def probes_by_view_name(views: np.ndarray) -> np.ndarray | None:
    """bool [n]: the probes where the gallery's views end in _g and a number; None where no view does."""
    kinds, number = np.unique(views, return_inverse=True)
    gallery = np.asarray([bool(GALLERY_VIEW.fullmatch(str(kind))) for kind in kinds])
    return ~gallery[number] if gallery.any() else None
