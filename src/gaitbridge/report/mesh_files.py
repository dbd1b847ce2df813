"""Recovered bodies as mesh files, one a frame, for any 3D program."""

from pathlib import Path

import numpy as np

from gaitbridge.errors import UserError, nearest
from gaitbridge.files import written_whole
from gaitbridge.types import Bodies

KINDS = ("glb", "ply")
UP_IS_Y = np.array([1.0, -1.0, -1.0], np.float32)  # from x right, y down, z away to x right, y up, z towards the viewer


def write_meshes(bodies: Bodies, triangles: np.ndarray, folder: Path, kind: str) -> int:
    """Write `0000.KIND` and so on, one for each known frame, numbered as the sequence's frames; returns how many.

    triangles [F, 3]; kind: glb or ply. Metres about the root, y up, the camera on the side of +z. UserError for another kind.
    """
    import trimesh

    if kind not in KINDS:
        raise UserError(f"unknown kind of mesh files {kind!r}: {nearest(kind, KINDS)}")
    folder.mkdir(parents=True, exist_ok=True)
    frames = np.flatnonzero(bodies.known)
    for frame in frames:
        mesh = trimesh.Trimesh(bodies.vertices[frame] * UP_IS_Y, triangles, process=False)  # two flips: the winding stays
        mesh.vertex_normals  # noqa: B018 - computed now, so that the file holds them
        with written_whole(folder / f"{frame:04d}.{kind}") as temporary:
            temporary.write_bytes(mesh.export(file_type=kind))
    return len(frames)
