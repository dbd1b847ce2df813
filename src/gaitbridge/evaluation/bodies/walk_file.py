"""3D bodies in a file: a NumPy .npz without pickle, one set of arrays a name (`recovered`, `truth`), and what is needed to draw them."""

import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gaitbridge.documents import parsed
from gaitbridge.errors import StoreError, UserError
from gaitbridge.files import written_whole
from gaitbridge.types import Bodies

ARRAYS = ("joints", "markers", "vertices", "root_px", "scale_m", "known")


@dataclass(frozen=True)
class Walk:
    """One sequence's bodies by name, with the silhouettes [T, H, W] they were recovered from, times [T] in seconds, triangles [F, 3], parents [J]."""

    bodies: Mapping[str, Bodies]
    silhouettes: np.ndarray
    time_s: np.ndarray
    triangles: np.ndarray
    parents: np.ndarray
    about: Mapping[str, Any]


def write_walk(walk: Walk, out: Path) -> Path:
    """Write a walk, whole or not at all; heatmaps are kept as float16."""
    arrays = {f"{name}.{key}": getattr(bodies, key) for name, bodies in walk.bodies.items() for key in ARRAYS}
    arrays |= {f"{name}.heatmaps": bodies.heatmaps.astype(np.float16) for name, bodies in walk.bodies.items() if bodies.heatmaps is not None}
    with written_whole(out) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays, silhouettes=walk.silhouettes, time_s=walk.time_s, triangles=walk.triangles, parents=walk.parents,
                            about=np.asarray(json.dumps(dict(walk.about))))
    return out


def read_walk(path: Path) -> Walk:
    """The walk of a file; UserError where it is missing, StoreError where it is damaged or something else."""
    if not path.is_file():
        raise UserError(f"{path} is missing; evaluate the run, or reconstruct the sequence")
    try:
        with np.load(path, allow_pickle=False) as file:
            found = {name: file[name] for name in file.files}
        names = dict.fromkeys(name.split(".")[0] for name in found if "." in name)
        bodies = {}
        for name in names:
            heatmaps = found.get(f"{name}.heatmaps")
            held = {key: found[f"{name}.{key}"] for key in ARRAYS}
            bodies[name] = Bodies(**held, heatmaps=None if heatmaps is None else heatmaps.astype(np.float32))
        about = parsed(str(found["about"]), dict[str, Any], str(path), "make it again")
        return Walk(bodies, found["silhouettes"], found["time_s"], found["triangles"], found["parents"], about)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, MemoryError, zlib.error, zipfile.BadZipFile) as error:
        raise StoreError(f"{path} holds no bodies, or is damaged ({error}); make it again") from error
