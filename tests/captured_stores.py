"""Stores as a capture leaves them, with little in their pictures: who was seen when is what tests ask of them."""

from collections.abc import Sequence as Rows
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gaitbridge.store import Store, finish_store, write_shard
from gaitbridge.types import Labels, Sequence

HZ = 10.0


@dataclass(frozen=True)
class Seen:
    """A walk: its track, from when in the recording and for how many frames, and how far to the right its box begins."""

    track: str
    start_s: float = 0.0
    frames: int = 50
    left: float = 0.0
    person: str = ""  # where they are known by name
    time: str = ""  # of its first frame


def captured_store(folder: Path, walks: Rows[Seen], recording: str = "r" * 32, site: str = "gate", segmenter: str = "mog2",
                   modality: str = "silhouettes", size: tuple[int, int] = (32, 22)) -> Store:
    """One recording. Each picture has a mark by which `track_in` knows the track again."""
    sequences, about = [], []
    for number, seen in enumerate(walks):
        key = f"{seen.person or seen.track}/{seen.track}-{number:02d}/090"
        labels = Labels(key, seen.person or seen.track, "test", "", number, "090", 90.0, 5.0)
        frames = np.zeros((seen.frames, *size), np.uint8)
        frames[:, 4:-4, 6:-6] = 255
        for row, place in enumerate((number_of(seen.track) % 22, number_of(seen.track) // 22)):
            frames[:, row, place] = 255
        arrays: dict[str, np.ndarray] = {"silhouettes": frames, "silhouettes_time_s": np.arange(seen.frames) / HZ,
                  "silhouettes_box": np.tile(np.array([100.0, seen.left, 200.0, seen.left + 69.0], np.float32), (seen.frames, 1))}
        if modality == "range_views":
            arrays = {"range_views": np.where(frames > 0, 5.0, np.nan).astype(np.float32), "range_views_time_s": np.arange(seen.frames) / HZ}
        sequences.append(Sequence(labels, arrays))
        about.append({"key": key, "track": seen.track, "start_s": seen.start_s, "frames": seen.frames} | ({"time": seen.time} if seen.time else {}))
    write_shard(folder, "film", sequences)
    file = {"name": "film", "recording": recording, "named": bool(walks[0].person), "site": site, "sequences": about}
    finish_store(folder, ["film"], {"kind": "captured", "segmenter": segmenter, "site": site, "files": [file]})
    return Store(folder)


def number_of(track: str) -> int:
    """The number at the end of a track's name."""
    return int(track.rsplit("-", 1)[1])


def track_in(pictures: np.ndarray) -> int:
    """The number of the track of pictures [T, H, W] as `captured_store` makes them."""
    marked = np.nan_to_num(pictures[0, :2]) > 0
    return int(marked[0].argmax() + 22 * marked[1].argmax())


def crowd(count: int, each: int = 3) -> list[Seen]:
    """Walks of `count` people, a few at a time side by side, each seen `each` times by a track of one name; every 20 s others."""
    return [Seen(f"gate-{(n * 7 + 3 * round_) % count:04d}", 20.0 * (round_ * count + n // 4), 50, 150.0 * (n % 4))
            for round_ in range(each) for n in range(count)]
