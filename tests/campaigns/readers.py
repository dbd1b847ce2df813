"""Damaged recordings and clouds of every kind, and all that reads them: a line, whatever the libraries do with them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from campaigns.contract import Failure, all_mutations, shares
from lidar_files import WRITERS
from video_files import paint, walk, write_video

from gaitbridge.capture.lidar.readers import Wish, read
from gaitbridge.capture.lidar.scans import cleaned
from gaitbridge.capture.video.decode import Video
from gaitbridge.errors import UserError
from gaitbridge.geometry.cloud_files import KINDS, read_clouds

SHORT, LONG = 66, 4000
FILMS = {"a.mp4": "mpeg4", "a.avi": "mjpeg", "a.mkv": "ffv1", "a.ts": "libx264", "a.webm": "libvpx", "a.mov": "libx264", "a.m4v": "mpeg4"}
# Not written in Python: may crash, as they run in a process of their own, whose end is told in a line. No reader may hang.
NATIVE = (".las", ".laz", ".pcap", *(Path(name).suffix for name in FILMS))
CRASHED = ("the program that reads it crashed", "of memory: the file is damaged")


def scans(file: Path) -> None:
    """All scans of a LiDAR recording, as `capture lidar` takes them."""
    try:
        for scan in read(file, Wish(10.0)):
            found = cleaned(scan, file.name)
            assert np.isfinite(found.points).all()
    except MemoryError as error:
        raise UserError(f"{file.name}: as the process that reads says it") from error


def clouds(file: Path) -> None:
    """All clouds of a file, as `project` takes them, in the process that was called."""
    for cloud in read_clouds(file):
        assert cloud.points.ndim == 2
        assert cloud.points.shape[1] >= 3


def pictures(file: Path) -> None:
    """All pictures of a film."""
    try:
        times = [picture.time_s for picture in Video(file).pictures()]
    except MemoryError as error:
        raise UserError(f"{file.name}: as the process that reads says it") from error
    assert (np.diff(times) >= 0).all()


def campaign(count: int, seed: int, folder: Path) -> list[Failure]:
    """`count` damages, spread over all kinds of files."""
    good: list[tuple[Callable[[Path], None], Path]] = []
    for name, write in WRITERS.items():
        file = write(folder / name)
        good += [(scans, file)] + [(clouds, file)] * (file.suffix in KINDS)
    frames = [paint([mask], [(30, 30, 200)], number) for number, mask in enumerate(walk(8))]
    for name, codec in FILMS.items():
        try:
            good.append((pictures, write_video(folder / name, frames, [0.08 * number for number in range(len(frames))], codec)))
        except (ValueError, OSError):  # a codec that this PyAV has not
            continue
    files = [(use, file, file, runs) for (use, file), runs in zip(good, shares(count, len(good)), strict=True)]
    found = all_mutations(files, seed, seconds=30)
    return [one for one in found if not (one.kind == "crash or hang" and one.case.endswith(NATIVE) and any(words in one.said for words in CRASHED))]
