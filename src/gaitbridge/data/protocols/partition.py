"""The probes that a dataset's partition names: PROBE_SET, a list of id-type-view, in the JSON that comes with the dataset's tools.

A partition without it, but with GALLERY_SET (CCGR-MINI), has every other sequence as a probe.
"""

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
    """probes: id-type-view as published; test: ids of TEST_SET, empty where the file has none; gallery: where it names that in place of probes."""

    path: Path
    probes: frozenset[str]
    test: frozenset[str] = frozenset()
    gallery: frozenset[str] = frozenset()

    def holds(self, keys: np.ndarray) -> np.ndarray:
        """bool [n]: which keys person/type/view are probes. UserError where none is."""
        listed, kind = (self.probes, "probes") if self.probes else (self.gallery, "gallery sequences")
        found = np.fromiter((canonical(str(key)).replace("/", "-") in listed for key in keys), bool, len(keys))
        if not found.any():
            named = min(listed, default="none")
            raise UserError(
                f"{self.path}: none of its {len(listed)} {kind} (such as {named!r}) is among these {len(keys)} sequences (such as "
                f"{str(keys[0]).replace('/', '-')!r}); give the partition of this dataset"
            )
        if self.probes:
            return found
        tested = np.fromiter((canonical(str(key)).split("/")[0] in self.test for key in keys), bool, len(keys))
        return ~found & tested if self.test else ~found


def read_probe_set(path: Path) -> ProbeSet:
    """PROBE_SET (and TEST_SET) of a partition file. UserError where it is missing, no JSON or without PROBE_SET."""
    if not path.is_file():
        raise UserError(f"{path} is missing; give the dataset's partition, a JSON with PROBE_SET")
    try:
        document = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is no JSON ({error}); give the dataset's partition, which has PROBE_SET") from error
    if not isinstance(document, dict) or not {"PROBE_SET", "GALLERY_SET"} & set(document):
        raise UserError(f"{path} has no PROBE_SET; give the partition of a dataset that lists its probes (Gait3D, FreeGait)")
    named = ("PROBE_SET", "TEST_SET", *(() if document.get("PROBE_SET") else ("GALLERY_SET",)))
    lists = [document.get(name, []) for name in named]
    for name, listed in zip(named, lists, strict=True):
        if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
            raise UserError(f"{path}: {name} must be a list of texts")
    return ProbeSet(path, *(frozenset(map(canonical, listed)) for listed in lists))


def probes_by_view_name(views: np.ndarray) -> np.ndarray | None:
    """bool [n]: the probes where the gallery's views end in _g and a number; None where no view does."""
    kinds, number = np.unique(views, return_inverse=True)
    gallery = np.asarray([bool(GALLERY_VIEW.fullmatch(str(kind))) for kind in kinds])
    return ~gallery[number] if gallery.any() else None
