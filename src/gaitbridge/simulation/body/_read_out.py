"""What leads from joints and virtual markers to a mesh: learnt once for a body model (`virtual_markers.py`), shipped as a file beside this one.

The file is a NumPy .npz without pickle: the arrays of `ReadOut`, the convex matrix as `convex_data`, `convex_indices`, `convex_indptr`, and `about`,
one JSON text: how it was learnt, and its errors in mm on bodies not used to learn it.
"""

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from gaitbridge.errors import StoreError, UserError
from gaitbridge.files import written_whole


@dataclass(frozen=True)
class ReadOut:
    """Virtual markers of one body model, and its vertices from them.

    vertices = convex @ markers: each vertex a sparse convex combination of markers (Ma et al. 2023: A^T); vertices = dense @ [joints; markers]:
    least squares, rows sum to one. mirror_*: the number of each joint's, marker's and vertex's image on the other side of the body, its own on
    the midline.
    """

    body: str  # with the detail, such as anny-10pc
    joint_names: tuple[str, ...]  # J
    parents: np.ndarray  # int32 [J], -1 for the root
    marker_vertices: np.ndarray  # int32 [M]: midline first, then left ones, then their mirror images in the same order
    triangles: np.ndarray  # int32 [F, 3]
    convex: csr_matrix  # float32 [V, M], not negative, rows sum to one
    dense: np.ndarray  # float32 [V, J + M], rows sum to one
    mirror_joints: np.ndarray  # int32 [J]
    mirror_markers: np.ndarray  # int32 [M]
    mirror_vertices: np.ndarray  # int32 [V]
    about: Mapping[str, Any]

    def vertices(self, joints: np.ndarray, markers: np.ndarray, dense: bool = False, confidence: np.ndarray | None = None) -> np.ndarray:
        """Vertices [T, V, 3] from joints [T, J, 3] and markers [T, M, 3], in whatever unit and frame these are.

        confidence: positive [T, M]; a marker then counts in proportion to it, and each vertex stays a convex combination.
        """
        if dense:
            return np.einsum("vp,tpa->tva", self.dense, np.concatenate([joints, markers], axis=1), optimize=True)
        if confidence is not None:
            share = (self.convex @ confidence.T).T[:, :, None]  # [T, V, 1]
            return self.vertices(joints, confidence[:, :, None] * markers) / share
        flat = self.convex @ markers.transpose(1, 0, 2).reshape(markers.shape[1], -1)
        return flat.reshape(-1, len(markers), 3).transpose(1, 0, 2)


ARRAYS = ("parents", "marker_vertices", "triangles", "dense", "mirror_joints", "mirror_markers", "mirror_vertices")


def write_read_out(read_out: ReadOut, out: Path) -> Path:
    """Write a read-out to a .npz, whole or not at all."""
    convex = read_out.convex.sorted_indices()
    arrays = {name: getattr(read_out, name) for name in ARRAYS}
    texts = {"body": read_out.body, "joint_names": read_out.joint_names, "about": json.dumps(dict(read_out.about))}
    arrays |= {name: np.asarray(text) for name, text in texts.items()}
    with written_whole(out) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays, convex_data=convex.data, convex_indices=convex.indices, convex_indptr=convex.indptr)
    return out


@lru_cache(maxsize=4)
def read_out_file(path: Path) -> ReadOut:
    """The read-out of a file; UserError where it is missing, StoreError where it is damaged."""
    if not path.is_file():
        raise UserError(f"{path} is missing: no virtual markers were learnt for this body; make it with `gaitbridge learn-markers`")
    try:
        with np.load(path, allow_pickle=False) as file:
            found = {name: file[name] for name in file.files}
        shape = (len(found["dense"]), len(found["marker_vertices"]))
        convex = csr_matrix((found["convex_data"], found["convex_indices"], found["convex_indptr"]), shape=shape)
        return ReadOut(str(found["body"]), tuple(found["joint_names"].tolist()), convex=convex, about=json.loads(str(found["about"])),
                       **{name: found[name] for name in ARRAYS})
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise StoreError(f"{path} is no file of virtual markers, or damaged ({error}); learn them again") from error


def shipped(body: str = "anny-10pc") -> ReadOut:
    """The read-out shipped for a body model."""
    return read_out_file(Path(__file__).parent / f"virtual_markers_{body}.npz")
