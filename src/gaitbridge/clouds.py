"""Point clouds of a walk: as many points a frame as came back, all frames one after the other.

A walk is float32 [P, 5]: x, y, z in the LiDAR's frame (metres), time (seconds, NaN where unknown), frame number. What a network takes of it are as
many points of every frame, drawn with replacement, as the field does.
"""

import hashlib
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from gaitbridge.conventions import stream

COLUMNS, FRAME = 5, 4
MOST_FRAMES = 100_000


def frame_count(points: np.ndarray) -> int:
    """Frames of a walk [P, 5]: up to the last one with a point."""
    return int(points[:, FRAME].max()) + 1 if len(points) else 0


def in_frames(points: np.ndarray, frames: int | None = None) -> list[np.ndarray]:
    """The points float32 [P_t, 3] of each of `frames` frames (by default all), metres, of a walk [P, 5] in any order."""
    numbers = points[:, FRAME]
    if (np.diff(numbers) < 0).any():
        points = points[np.argsort(numbers, kind="stable")]
    edges = np.searchsorted(points[:, FRAME], np.arange((frame_count(points) if frames is None else frames) + 1))
    return [points[start:end, :3] for start, end in pairwise(edges)]


def picked(points: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Some frames of a walk [P, 5], one of them perhaps several times, numbered anew in the order given."""
    order = np.argsort(points[:, FRAME], kind="stable")
    numbers = points[order, FRAME]
    starts, ends = np.searchsorted(numbers, frames), np.searchsorted(numbers, frames, side="right")
    chosen = points[np.concatenate([order[start:end] for start, end in zip(starts, ends, strict=True)])] if len(frames) else points[:0]
    chosen[:, FRAME] = np.repeat(np.arange(len(frames)), ends - starts)
    return chosen


def joined(frames: Sequence[np.ndarray]) -> np.ndarray:
    """A walk float32 [P, 5] of the points [P_t, 3] of each of its frames, without times."""
    numbers = np.repeat(np.arange(len(frames)), [len(frame) for frame in frames])
    together = np.concatenate([np.asarray(frame, np.float64).reshape(-1, 3) for frame in frames]) if len(frames) else np.zeros((0, 3))
    return np.column_stack([together, np.full(len(together), np.nan), numbers]).astype(np.float32)


def drawn(points: np.ndarray, count: int, frames: int | None = None, random: np.random.Generator | None = None) -> np.ndarray:
    """`count` points of each of `frames` frames (by default all) of a walk [P, 5], with replacement: float32 [T, count, 3], NaN of empty frames.

    Without `random` a frame's draw follows from its points alone: the same frame gives the same points wherever it is met.
    """
    clouds = in_frames(points, frames)
    found = np.full((len(clouds), count, 3), np.nan, np.float32)
    for row, cloud in zip(found, clouds, strict=True):
        if len(cloud):
            row[:] = cloud[(random or _of_content(cloud)).integers(len(cloud), size=count)]
    return found


def _of_content(cloud: np.ndarray) -> np.random.Generator:
    """The random stream of one frame's points."""
    return stream(0, "points of a frame", hashlib.blake2b(np.ascontiguousarray(cloud, "<f4").tobytes(), digest_size=16).hexdigest())
