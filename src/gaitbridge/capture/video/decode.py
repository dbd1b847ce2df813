"""Pictures of a video file with their true times. Runs in a process of its own: this is where files from anywhere are parsed.

Nothing but the file itself is opened: playlists that name other files or addresses find nothing.
"""

from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, NamedTuple

import av
import av.error
import av.format
import av.logging
import av.stream
import numpy as np

from gaitbridge.capture.clock import Clock
from gaitbridge.capture.video.upright import display_matrix, shown
from gaitbridge.errors import UserError

LARGEST = 2**26  # pixels of a picture: 8192 x 8192
WORKING = 1280  # longest side in which people are looked for; silhouettes are 64 rows high
MOST_FRAMES = 2_000_000  # of a file: 18 hours at 30 Hz
MOST_DAMAGED = 2000  # packets
SPARE = 2**26  # bytes
STILL = av.stream.Disposition.attached_pic | av.stream.Disposition.still_image | av.stream.Disposition.timed_thumbnails
PARTS = "parts of the recording: its clock was set back"


class Picture(NamedTuple):
    """One frame: its number in order of time, its time by the file's clock, its pixels uint8 [H, W, 3], blue green red; and the part of the
    recording it is of, see `capture.clock`: from the second part on the clock is the one that never falls."""

    number: int
    time_s: float
    pixels: np.ndarray
    part: int = 0


@dataclass
class Video:
    """A video being read. hz: pictures a second, where the user says it, not the file; size: height and width as shown (turned upright); notes:
    what was odd, counted; total: frames, 0 where unknown."""

    path: Path | str
    hz: float | None = None
    size: tuple[int, int] = (0, 0)
    total: int = 0
    codec: str = ""
    notes: Counter[str] = field(default_factory=Counter)
    most_frames: int = MOST_FRAMES
    torn: str = ""  # what the container said where it could not be read on

    def pictures(self) -> Generator[Picture, None, None]:
        """All pictures in order of time; where the clock was set back a part begins. UserError where there is none."""
        clock: Clock[tuple[float, Any]] = Clock(lambda timed: timed[0])
        with self._opened() as stream:
            self.codec, number, first, last = str(stream.codec_context.name), 0, 0.0, 0.0
            self.total = int(stream.frames or _expected(stream))
            for part, time_s, (_, frame) in clock.in_order(self._timed(stream)):
                assert time_s is not None
                pixels = self._upright(frame, stream)
                if pixels is None:
                    self.notes["damaged pictures"] += 1
                    continue
                first, last = time_s if not number else first, time_s
                yield Picture(number, time_s, pixels, part)
                number += 1
                if number >= self.most_frames:
                    self.notes[f"frames beyond the first {self.most_frames:,} left out"] = 1
                    return
            self._note(clock)
            lacking = _announced_s(stream) - (last - first)
            if number and self.hz is None and lacking > 2.0 + 0.1 * (last - first):  # only what is plainly missing
                self.notes["seconds that the file announces but lacks: is it cut off?"] = round(lacking)
            if not number:
                raise UserError(f"{self.path}: it has a video stream, but no picture in it can be decoded: the file is damaged; get it again")

    def _opened(self) -> AbstractContextManager[Any]:
        """The stream of pictures, open."""
        return _opened(Path(self.path))

    def _note(self, clock: "Clock[tuple[float, Any]]") -> None:
        """Count what was wrong with the times."""
        if clock.parts > 1:
            self.notes[PARTS] = clock.parts
        for words, count in (("frames that came late, sorted in", clock.late), ("frames out of order, left out", clock.left_out)):
            if count:
                self.notes[words] = count

    def _timed(self, stream: Any) -> Iterator[tuple[float, Any]]:
        """Frames as they are decoded, with their times."""
        for number, frame in enumerate(self._frames(stream)):
            yield self._time(frame, stream, number), frame

    def _frames(self, stream: Any) -> Iterator[Any]:
        """Decoded frames; damaged packets are counted, and end the file where there are too many of them."""
        packets = stream.container.demux(stream)
        while True:
            try:
                packet = next(packets, None)
            except (av.error.FFmpegError, OSError) as error:
                self.notes["damaged packets"] += 1
                self.torn = str(getattr(error, "strerror", "") or error).lower()
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
        """Seconds: by the user's rate; else the frame's own; else by the rate that the pictures' own stream names.

        Files of bare pictures have no times, and FFmpeg makes up a rate of 25 for them.
        """
        if self.hz is not None:
            return number / self.hz
        made_up = bool(stream.container.format.flags & av.format.Flags.no_timestamps.value)
        if frame.pts is not None and frame.time_base is not None and not made_up:
            return float(frame.pts * frame.time_base)
        rate = stream.codec_context.framerate or (None if made_up else stream.average_rate)
        if not rate:
            raise UserError(f"{self.path}: its frames have no times and it names no frame rate: say --hz, how many pictures a second has")
        self.notes["frames without a time, counted at the file's rate"] += 1
        return number / float(rate)

    def _upright(self, frame: Any, stream: Any) -> np.ndarray | None:
        """Pixels as they are meant to be seen: square, turned upright, no side longer than WORKING; None of a picture that cannot be shown."""
        squeeze = float(stream.sample_aspect_ratio or 1)
        squeeze = squeeze if 0.25 <= squeeze <= 4.0 else 1.0
        if frame.width * frame.height > LARGEST:
            raise UserError(f"{self.path}: pictures of {frame.width} x {frame.height} are too large: make the video smaller")
        matrix = display_matrix(frame)
        size = (frame.width, frame.height) if matrix[0, 0] == 0 else (frame.height, frame.width)
        if self.size == (0, 0):
            self.size = size
        elif self.size != size:
            raise UserError(f"{self.path}: its pictures change from {self.size[1]} x {self.size[0]} to {size[1]} x {size[0]}: cut it there")
        wide, high = frame.width * max(squeeze, 1.0), frame.height / min(squeeze, 1.0)
        scale = min(1.0, WORKING / max(wide, high))
        try:
            pixels = frame.to_ndarray(format="bgr24", width=max(8, round(wide * scale)), height=max(8, round(high * scale)), threads=1)
        except av.error.FFmpegError:
            bytearray(SPARE)  # MemoryError, where that was the reason: FFmpeg does not tell them apart
            return None
        return shown(pixels, matrix)


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
            yield film_in(container, path)


def film_in(container: Any, name: Path | str) -> Any:
    """The first stream of pictures of an open container that is a film. UserError where there is none."""
    films = [stream for stream in container.streams.video if not stream.disposition & STILL]
    if container.streams.video and not films:
        raise UserError(f"{name} has no film in it, only an attached picture, such as a cover: give a recording with pictures")
    if not films:
        kinds = ", ".join(sorted({stream.type for stream in container.streams})) or "nothing"
        raise UserError(f"{name} has no video in it (it has {kinds}): give a recording with pictures")
    stream = films[0]
    stream.thread_type = "NONE"
    if stream.codec_context is None:
        raise UserError(f"{name}: its codec is unknown: write it anew as H.264")
    return stream


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
