"""The true 3D bodies behind a stored sequence, as its camera sees them: joints and markers as stored, the mesh posed anew from pose and shape."""

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from gaitbridge import plugins
from gaitbridge.errors import UserError
from gaitbridge.geometry.viewing import about_root, range_view_of, view_of
from gaitbridge.simulation.body import Body, Pose, Shape
from gaitbridge.simulation.body._read_out import ReadOut, read_out_file
from gaitbridge.types import Bodies

FIELDS = ("joints", "markers", "pose", "shape", "intrinsics", "T_world_from_camera", "silhouettes_box")
LIDAR_FIELDS = ("joints", "markers", "pose", "shape", "joints_lidar", "T_world_from_lidar", "range_views")
SAME_MARKERS_M = 0.005
DETAILS = {"anny-10pc": ("anny", "reduced"), "anny-5pc": ("anny", "coarse"), "anny-full": ("anny", "full")}


def body_of(source: str) -> str:
    """The body model that a sequence's `source` names ("simulated, body anny-10pc, motion parametric"); UserError where it names none."""
    found = re.search(r"\bbody ([\w.-]+)", source)
    if found is None or found.group(1) not in DETAILS:
        raise UserError(f"the source {source!r} names no body model that is known here ({', '.join(DETAILS)}): its mesh cannot be made")
    return found.group(1)


@lru_cache(maxsize=2)
def body_named(name: str) -> Body:
    """A body model by the name that sequences give, once a process."""
    family, detail = DETAILS[name]
    body: Body = plugins.load("gaitbridge.simulation.body", family).open_body(detail)
    return body


def read_out_of(name: str) -> ReadOut:
    """The virtual markers and the mesh of a body model: as shipped by its name, or those of a .npz that `gaitbridge learn-markers` wrote."""
    if name.endswith(".npz"):
        return read_out_file(Path(name))
    return read_out_file(Path(__file__).parent / "body" / f"virtual_markers_{name}.npz")


def bodies_of(arrays: Mapping[str, np.ndarray], source: str, size: tuple[int, int], mesh: bool = True) -> Bodies:
    """The true bodies of one sequence, or of some of its frames.

    arrays: `FIELDS` of the store, those with frames cut to the frames wanted; source: the sequence's label; size: H, W of its silhouettes;
    mesh: whether vertices are wanted (else [T, 0, 3]). UserError where a field is missing.
    """
    _check_fields(arrays, FIELDS)
    joints, markers = arrays["joints"], arrays["markers"]
    root = joints[:, 0]
    view = view_of(root, arrays["T_world_from_camera"], arrays["intrinsics"], arrays["silhouettes_box"], size)
    vertices = posed_vertices(arrays["pose"], arrays["shape"], body_of(source)) if mesh else np.empty((len(joints), 0, 3), np.float32)
    if mesh and len(vertices):
        _check_markers(markers, vertices, body_of(source))
    joints, markers, vertices = (about_root(points, root, view) for points in (joints, markers, vertices))
    return Bodies(joints, markers, vertices, view.root_px, view.scale_m, view.seen)


def lidar_bodies_of(arrays: Mapping[str, np.ndarray], source: str, mesh: bool = True) -> Bodies:
    """As `bodies_of`, as the LiDAR sees them in its range views, with `LIDAR_FIELDS`: `root_px` and `scale_m` are of these pictures.

    The camera's frame of the same number gives the pose, some milliseconds off; the LiDAR's own joints give the place.
    """
    _check_fields(arrays, LIDAR_FIELDS)
    joints, vertices = arrays["joints_lidar"], posed_vertices(arrays["pose"], arrays["shape"], body_of(source))
    if len(vertices):
        _check_markers(arrays["markers"], vertices, body_of(source))
    root, moved = joints[:, 0], joints[:, :1] - arrays["joints"][:, :1]
    view = range_view_of(root, vertices + moved, arrays["T_world_from_lidar"], arrays["range_views"])
    shown = vertices + moved if mesh else np.empty((len(joints), 0, 3), np.float32)
    about = [about_root(points, root, view) for points in (joints, arrays["markers"] + moved, shown)]
    return Bodies(about[0], about[1], about[2], view.root_px, view.scale_m, view.seen)


def _check_fields(arrays: Mapping[str, np.ndarray], needed: tuple[str, ...]) -> None:
    if lacking := [name for name in needed if name not in arrays]:
        raise UserError(f"no 3D truth without {', '.join(lacking)}: simulate with truth, or import data that has it")


def _check_markers(markers: np.ndarray, vertices: np.ndarray, body: str) -> None:
    """UserError where stored markers are not those that the body's read-out was learnt for: another version's store."""
    chosen = read_out_of(body).marker_vertices
    if markers.shape[1] != len(chosen) or np.abs(vertices[:1, chosen] - markers[:1]).max() > SAME_MARKERS_M:
        raise UserError(f"the stored markers are not the virtual markers of {body} as they are now: another version made this store, make it anew")


def posed_vertices(pose: np.ndarray, shape: np.ndarray, body: str) -> np.ndarray:
    """Vertices float32 [T, V, 3] in the world from stored pose [T, J + 1, 3] (rotation vectors, then the root in metres) and shape [S]."""
    frames, rows = pose.shape[:2]
    turns = Rotation.from_rotvec(pose[:, :-1].reshape(-1, 3)).as_matrix().reshape(frames, rows - 1, 3, 3).astype(np.float32)
    return body_named(body).posed(Shape(shape), Pose(turns, pose[:, -1])).vertices_m
