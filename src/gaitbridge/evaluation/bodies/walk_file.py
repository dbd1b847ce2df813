"""3D bodies in a file: a NumPy .npz without pickle, one set of arrays a name (`recovered`, `truth`), and what is needed to draw them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gaitbridge.documents import parsed
from gaitbridge.errors import StoreError, UserError
from gaitbridge.evaluation.embedding.file import UNREADABLE
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
            arrays = {key: found[f"{name}.{key}"] for key in ARRAYS}
            bodies[name] = Bodies(**arrays, heatmaps=None if heatmaps is None else heatmaps.astype(np.float32))
        about = parsed(str(found["about"]), dict[str, Any], f"{path}: what it says of itself", "make it again")
        walk = Walk(bodies, found["silhouettes"], found["time_s"], found["triangles"], found["parents"], about)
        if problem := _problem(walk):
            raise ValueError(problem)
    except UNREADABLE as error:
        if isinstance(error, UserError):
            raise
        raise StoreError(f"{path} holds no bodies, or is damaged ({' '.join(str(error).split())[:200]}); make it again") from error
    return walk


def _problem(walk: Walk) -> str:
    """What does not fit together, or nothing."""
    frames = len(walk.time_s)
    if walk.silhouettes.ndim != 3 or walk.silhouettes.dtype != np.uint8 or len(walk.silhouettes) != frames or walk.time_s.shape != (frames,):
        return f"silhouettes {list(walk.silhouettes.shape)} at times {list(walk.time_s.shape)}"
    for name, bodies in walk.bodies.items():
        points = [getattr(bodies, part) for part in ("joints", "markers", "vertices")]
        if len(bodies) != frames or any(of.ndim != 3 or of.shape[2] != 3 or of.dtype.kind != "f" for of in points):
            return f"{name} is not of points [{frames}, n, 3]"
        if bodies.root_px.shape != (frames, 2) or bodies.scale_m.shape != (frames,) or bodies.known.shape != (frames,):
            return f"{name} has no root, scale or `known` for each of {frames} frames"
        if walk.parents.shape != (bodies.joints.shape[1],):
            return f"{name} has {bodies.joints.shape[1]} joints, parents are {list(walk.parents.shape)}"
        if bodies.has_mesh and walk.triangles.size and not 0 <= walk.triangles.min() <= walk.triangles.max() < bodies.vertices.shape[1]:
            return f"triangles of {name} name other vertices than its {bodies.vertices.shape[1]}"
    if walk.triangles.ndim != 2 or walk.triangles.shape[1] != 3 or walk.triangles.dtype.kind not in "iu" or walk.parents.dtype.kind not in "iu":
        return f"triangles are {walk.triangles.dtype} {list(walk.triangles.shape)}, parents {walk.parents.dtype}"
    return ""
