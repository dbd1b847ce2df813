"""The values that pass between the rooms, checked when they are made.

Legend: N sequences, T frames, C channels, H/W pixels, K parts, J joints, M markers. Modalities go by name:
`silhouettes` uint8 [T, H, W], 255 person, 0 background, grey between where resizing left it; `range_views` float32 [T, H, W] in metres, NaN
where nothing came back; what some of the field's networks take: `depth_pictures` uint8 [T, 3, H, W], `pose_heatmaps` uint8 [T, 2, H, W] (limbs,
joints), `smpl` float32 [T, 85], `skeletons` float32 [T, J, 3], `parsing` uint8 [T, H, W] (conventions says how), `points` float32 [P, 5]
(`clouds`: all frames' one after the other).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from gaitbridge.names import canonical

if TYPE_CHECKING:
    from torch import Tensor

Distance = Literal["euclidean", "cosine"]
ARRAYS: dict[str, tuple[type, str]] = {  # what networks take, by name: element type and axes
    "silhouettes": (np.uint8, "T, H, W"),
    "range_views": (np.float32, "T, H, W"),
    "depth_pictures": (np.uint8, "T, 3, H, W"),
    "pose_heatmaps": (np.uint8, "T, 2, H, W"),
    "smpl": (np.float32, "T, 85"),
    "skeletons": (np.float32, "T, J, 3"),
    "parsing": (np.uint8, "T, H, W"),
    "points": (np.float32, "P, 5"),
}


WALK_POINTS = 64  # of an example of a walk


def is_picture(name: str) -> bool:
    """Whether arrays of this name are pictures [..., H, W], which are cut to a network's size."""
    return ARRAYS[name][1].endswith("H, W")


def array_shape(name: str, frames: int, network: object) -> tuple[int, ...]:
    """The shape of an array of the name `name` in ARRAYS, of so many frames, as a network of the settings `network` takes it."""
    height, width = getattr(network, "size", None) or (64, 44)
    sizes = {"T": frames, "H": height, "W": width, "J": getattr(network, "joint_count", 17), "P": WALK_POINTS}
    return tuple(sizes.get(axis) or int(axis) for axis in ARRAYS[name][1].split(", "))


def array_problem(name: str, array: object) -> str:
    """What is wrong with an array of the name `name` in ARRAYS, or nothing."""
    kind, axes = ARRAYS[name]
    if not isinstance(array, np.ndarray):
        return f"must be a NumPy array, {np.dtype(kind)} [{axes}], not {type(array).__name__}"
    wanted = axes.split(", ")
    fits = array.ndim == len(wanted) and all(not word.isdigit() or int(word) == size for word, size in zip(wanted, array.shape, strict=True))
    if fits and array.dtype == kind:
        return ""
    masks = ": (array * 255).astype(np.uint8) makes it of a mask" if fits and kind is np.uint8 and array.dtype == bool else ""
    return f"must be {np.dtype(kind)} [{axes}], not {array.dtype} {list(array.shape)}{masks}"


NAMES = ("person", "split", "condition", "view", "camera", "lidar", "source")  # of the labels: one spelling each


@dataclass(frozen=True)
class Labels:
    """What is known of a sequence by name, in the names' one spelling. `view_deg` is the nominal view angle, `take` counts within a condition."""

    key: str  # unique in its store: person/condition-take/view
    person: str
    split: str  # train, val or test
    condition: str
    take: int
    view: str  # the label that protocols compare, such as 045 or 090-far
    view_deg: float
    distance_m: float
    camera: str = ""
    lidar: str = ""
    camera_hz: float = 0.0
    lidar_hz: float = 0.0
    source: str = ""
    licence: str = ""
    session: int = 0  # of the person, in the order in which they were met: other clothes; 0 where there is one or none is known

    def __post_init__(self) -> None:
        for name in NAMES:
            object.__setattr__(self, name, canonical(getattr(self, name)))
        if not self.key or not self.person:
            raise ValueError("a sequence needs a key and a person")


@dataclass(frozen=True)
class Sequence:
    """One walk of one person before one camera and LiDAR: labels and named arrays (the fields of `store.FIELDS`)."""

    labels: Labels
    arrays: Mapping[str, np.ndarray]

    def __post_init__(self) -> None:
        for name in ARRAYS:
            if name not in self.arrays:
                continue
            array = self.arrays[name]
            if problem := array_problem(name, array):
                raise ValueError(f"{self.labels.key}: {name} {problem}")
            times = self.arrays.get(f"{name}_time_s")
            if times is not None and len(times) != len(array):
                raise ValueError(f"{self.labels.key}: {len(array)} {name} but {len(times)} times")


class Batch(NamedTuple):
    """What a network sees: tensors by name, [N, T, ...] as in ARRAYS; one's frames are synchronised with the others'. Of `points` as many of each
    frame, [N, T, P, 3] in metres (NaN where a frame has none), or in training [N, T, P, 4] prepared.

    `frames` [N] counts the real frames of each row (the rest is padding, masked in temporal pooling); `people` [N] are
    class numbers for training, -1 where unknown.
    """

    inputs: Mapping[str, Tensor]
    frames: Tensor
    people: Tensor
    keys: tuple[str, ...] = ()
    extras: Mapping[str, Tensor] = {}


class Features(NamedTuple):
    """What a network gives in training, by modality: part features before the neck and the embeddings after it, both [N, C, K].

    `extras`: what else a method's objective needs, by name, such as the 3D points read off heatmaps.
    """

    parts: Mapping[str, Tensor]
    embeddings: Mapping[str, Tensor]
    extras: Mapping[str, Tensor] = {}


@dataclass(frozen=True)
class Bodies:
    """3D bodies in T frames as one camera sees them, recovered from silhouettes or true. float32, metres.

    The origin is the root joint (joint 0), the axes are those of the viewing ray: x right, y down, z away from the camera.
    joints [T, J, 3], markers [T, M, 3], vertices [T, V, 3]. root_px [T, 2]: column and row of the root in the silhouette, pixel centres at
    whole numbers; scale_m [T]: metres that the silhouette's height stands for at the root; so a point (x, y, z) shows at
    root_px + (x, y) / scale_m * H. known [T]: False where nothing is known (the person was not seen). heatmaps [T, J + M, D, H', W'],
    each of sum one, where asked for: D depth bins from near to far, rows from the top, columns from the left. M and V are 0 where joints
    alone were recovered.
    """

    joints: np.ndarray
    markers: np.ndarray
    vertices: np.ndarray
    root_px: np.ndarray
    scale_m: np.ndarray
    known: np.ndarray
    heatmaps: np.ndarray | None = None

    def __post_init__(self) -> None:
        frames = len(self.joints)
        for name in ("markers", "vertices", "root_px", "scale_m", "known"):
            if len(getattr(self, name)) != frames:
                raise ValueError(f"{frames} frames of joints but {len(getattr(self, name))} of {name}")

    def __len__(self) -> int:
        return len(self.joints)

    @property
    def has_mesh(self) -> bool:
        """Whether there is more than joints."""
        return self.vertices.shape[1] > 0

    def joints_alone(self) -> Bodies:
        """These bodies without markers and vertices."""
        heatmaps = None if self.heatmaps is None else self.heatmaps[:, : self.joints.shape[1]]
        return replace(self, markers=self.markers[:, :0], vertices=self.vertices[:, :0], heatmaps=heatmaps)


@dataclass(frozen=True)
class Embeddings:
    """Part embeddings of N sequences and the distance they are meant for.

    values: float32 [N, C, K]; `modality` is what they were made from; `weights_hash` names the network that made them, so that
    embeddings of two networks are never compared unnoticed. frames: of each sequence, where known: longer walks lie nearer to everybody.
    """

    values: np.ndarray
    distance: Distance = "euclidean"
    modality: str = ""
    weights_hash: str = ""
    keys: tuple[str, ...] = ()
    frames: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.values, np.ndarray) or self.values.ndim != 3:
            raise ValueError(f"embeddings must be an array [N, C, K], not {getattr(self.values, 'shape', type(self.values).__name__)}")
        if self.values.dtype != np.float32:
            raise ValueError(f"embeddings must be float32, not {self.values.dtype}")
        if self.distance not in ("euclidean", "cosine"):
            raise ValueError(f"unknown distance {self.distance!r}: euclidean or cosine")
        if self.keys and len(self.keys) != len(self.values):
            raise ValueError(f"{len(self.values)} embeddings but {len(self.keys)} keys")
        if self.frames and len(self.frames) != len(self.values):
            raise ValueError(f"{len(self.values)} embeddings but lengths of {len(self.frames)}")

    def __len__(self) -> int:
        return len(self.values)

    def between(self, start: int, end: int) -> Embeddings:
        """The sequences from `start` to before `end`, without keys."""
        return replace(self, values=self.values[start:end], keys=(), frames=self.frames[start:end])

    @staticmethod
    def joined(parts: list[Embeddings]) -> Embeddings:
        """Embeddings of one network and modality as one, without keys; frames where all know them."""
        frames = tuple(count for part in parts for count in part.frames) if all(part.frames for part in parts) else ()
        return replace(parts[0], values=np.concatenate([part.values for part in parts]), keys=(), frames=frames)
