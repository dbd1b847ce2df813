"""Pictures of a video file with their true times. Runs in a process of its own: this is where files from anywhere are parsed.

Nothing but the file itself is opened: playlists that name other files or addresses find nothing.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, NamedTuple

import av
import av.error
import av.logging
import numpy as np

from gaitbridge.errors import UserError

LARGEST = 2**26  # pixels of a picture: 8192 x 8192
WORKING = 1280  # longest side in which people are looked for; silhouettes are 64 rows high
MOST_FRAMES = 2_000_000  # of a file: 18 hours at 30 Hz
MOST_DAMAGED = 2000  # packets


class Picture(NamedTuple):
    """One frame: its number among those decoded, its time in the file's clock, its pixels uint8 [H, W, 3], blue green red."""

    number: int
    time_s: float
    pixels: np.ndarray


@dataclass
class Video:
    """A video being read. size: height and width as shown (turned upright); notes: what was odd, counted; total: frames, 0 where unknown."""

    path: Path
    size: tuple[int, int] = (0, 0)
    total: int = 0
    codec: str = ""
    notes: Counter[str] = field(default_factory=Counter)

    def pictures(self) -> Iterator[Picture]:
        """All pictures in order of time, those out of order left out. UserError where there is none."""
        with _opened(self.path) as stream:
            self.codec, number, first, last = str(stream.codec_context.name), 0, 0.0, -np.inf
            self.total = int(stream.frames or _expected(stream))
            for frame in self._frames(stream):
                time_s = self._time(frame, stream, number)
                if time_s <= last:
                    self.notes["frames out of order, left out"] += 1
                    continue
                first, last = time_s if not number else first, time_s
                yield Picture(number, time_s, self._upright(frame, stream))
                number += 1
                if number >= MOST_FRAMES:
                    self.notes[f"frames beyond the first {MOST_FRAMES:,} left out"] = 1
                    return
            lacking = _announced_s(stream) - (last - first)
            if number and lacking > 2.0 + 0.1 * (last - first):  # only what is plainly missing
                self.notes["seconds that the file announces but lacks: is it cut off?"] = round(lacking)
            if not number:
                raise UserError(f"{self.path}: it has a video stream, but no picture in it can be decoded: the file is damaged; get it again")

    def _frames(self, stream: Any) -> Iterator[Any]:
        """Decoded frames; damaged packets are counted, and end the file where there are too many of them."""
        packets = stream.container.demux(stream)
        while True:
            try:
                packet = next(packets, None)
            except (av.error.FFmpegError, OSError):
                self.notes["damaged packets"] += 1
                packet = None  # where the container itself is torn nothing can follow
            if packet is None:
                return
            try:
                yield from packet.decode()
            except (av.error.FFmpegError, ValueError):
                self.notes["damaged packets"] += 1
                if self.notes["damaged packets"] >= MOST_DAMAGED:
                    return

    def _time(self, frame: Any, stream: Any, number: int) -> float:
        if frame.pts is not None and frame.time_base is not None:
            return float(frame.pts * frame.time_base)
        if not stream.average_rate:
            raise UserError(f"{self.path}: its frames have no times and it names no frame rate: put it into a container such as MP4 or Matroska")
        self.notes["frames without a time, counted at the file's rate"] += 1
        return number / float(stream.average_rate)

    def _upright(self, frame: Any, stream: Any) -> np.ndarray:
        """Pixels as they are meant to be seen: square, turned upright, no side longer than WORKING."""
        squeeze = float(stream.sample_aspect_ratio or 1)
        squeeze = squeeze if 0.25 <= squeeze <= 4.0 else 1.0
        if frame.width * frame.height > LARGEST:
            raise UserError(f"{self.path}: pictures of {frame.width} x {frame.height} are too large: make the video smaller")
        turned = int(frame.rotation) % 180 != 0
        shown = (frame.width, frame.height) if turned else (frame.height, frame.width)
        if self.size == (0, 0):
            self.size = shown
        elif self.size != shown:
            raise UserError(f"{self.path}: its pictures change from {self.size[1]} x {self.size[0]} to {shown[1]} x {shown[0]}: cut it there")
        wide, high = frame.width * max(squeeze, 1.0), frame.height / min(squeeze, 1.0)
        scale = min(1.0, WORKING / max(wide, high))
        pixels = frame.to_ndarray(format="bgr24", width=max(8, round(wide * scale)), height=max(8, round(high * scale)))
        return np.ascontiguousarray(np.rot90(pixels, round(frame.rotation / 90)))  # as the header of a telephone's file asks


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The first video stream of a file. UserError where there is none."""
    av.logging.set_level(av.logging.PANIC)
    try:
        file: IO[bytes] = path.open("rb")
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}: check the path") from error
    with file:
        try:  # of the open file, not its name: so that nothing else can be opened by name
            container = av.open(file, mode="r", options={"protocol_whitelist": "none"})
        except (av.error.FFmpegError, ValueError, OSError) as error:
            words = str(getattr(error, "strerror", "") or error).lower()
            raise UserError(f"{path} cannot be read as a video ({words}): it is cut off, or none; copy it again, or give another, such as MP4, "
                            "Matroska or AVI") from error
        with container:
            if not container.streams.video:
                kinds = ", ".join(sorted({stream.type for stream in container.streams})) or "nothing"
                raise UserError(f"{path} has no video in it (it has {kinds}): give a recording with pictures")
            stream = container.streams.video[0]
            stream.thread_type = "NONE"
            if stream.codec_context is None:
                raise UserError(f"{path}: its codec is unknown: write it anew as H.264")
            yield stream


def _announced_s(stream: Any) -> float:
    """How long the film says it is, in seconds; 0 where it does not say."""
    by_frames = stream.frames / float(stream.average_rate) if stream.frames and stream.average_rate else 0.0
    own = float(stream.duration * stream.time_base) if stream.duration and stream.time_base else 0.0
    alone = len(stream.container.streams) == 1  # sound may go on when the pictures end
    return min(1e9, max(by_frames, own, (stream.container.duration or 0) / 1e6 if alone else 0.0))


def _expected(stream: Any) -> float:
    """About how many frames there are, for progress; 0 where the file does not say."""
    if not stream.duration or not stream.time_base or not stream.average_rate:
        return 0.0
    return max(0.0, min(float(stream.duration * stream.time_base * stream.average_rate), 1e9))
