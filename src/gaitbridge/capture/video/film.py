"""A film once more, with something drawn into its pictures: each at its own time, and that time written into it. Runs in a process of its own."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from gaitbridge.capture.isolated import report
from gaitbridge.capture.video.decode import Picture, Video
from gaitbridge.capture.video.lettering import Colour, letter

TIME_BASE = Fraction(1, 90_000)
CODECS = ("libx264", "libvpx-vp9", "mpeg4")  # the first that this PyAV has; all but the last play in any browser
X264 = {"preset": "veryfast", "mbtree": "0"}  # mbtree with AVX-512 reads memory that nobody wrote: other bytes now and then
WHITE: Colour = (255, 255, 255)
Paint = Callable[[np.ndarray, Picture, np.ndarray], None]  # draws onto uint8 [H, W, 3]; [2]: its pixels a pixel of the film, down and across


def repaint(
    path: Path, out: Path, paint: Paint, *, rate_hz: float, hz: float | None = None, largest: int = 960, crf: int = 26, note: str = ""
) -> int:
    """Write an MP4 of a film's pictures with what `paint` draws; returns how many there were.

    Each stands at its own time since the film's first picture, however the rate varies, and says it; those of a part after the clock was set back
    go on as `capture.clock` counts. rate_hz: pictures a second as a rule, by which the last one lasts; hz: as `Video` takes it; largest: pixels of
    the longer side.
    """
    video, count, first, pts = Video(path, hz), 0, 0.0, -1
    codec = next(name for name in CODECS if name in av.codecs_available)
    rate = Fraction(min(max(rate_hz, 0.1), 1000.0)).limit_denominator(1001)
    with av.open(str(out), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream: Any = None
        for picture in video.pictures():
            scale = min(1.0, largest / max(picture.pixels.shape[:2]))
            height, width = (max(2, round(side * scale) // 2 * 2) for side in picture.pixels.shape[:2])
            canvas = np.ascontiguousarray(cv2.resize(picture.pixels, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
            if stream is None:
                stream = container.add_stream(codec, rate=rate, options=X264 | {"crf": str(crf)} if codec == "libx264" else {})
                stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
                stream.codec_context.time_base = stream.time_base = TIME_BASE
                stream.codec_context.thread_count = 1
                first = picture.time_s
            paint(canvas, picture, np.array([height, width]) / np.array(video.size))
            letter(canvas, clock(picture.time_s - first, picture.part), 6, height - 4, WHITE)
            frame = av.VideoFrame.from_ndarray(canvas, format="bgr24")
            pts = max(pts + 1, round((picture.time_s - first) / TIME_BASE))  # several may have one time
            frame.pts, frame.time_base = pts, TIME_BASE
            container.mux(stream.encode(frame))
            count += 1
            report(count, max(video.total, count), note)
        container.mux(stream.encode(None))
    return count


def clock(time_s: float, part: int = 0) -> str:
    """What a picture says of its time: seconds since the first one, as `start_s` counts them."""
    minutes, seconds = divmod(round(time_s, 2), 60.0)
    told = f"{int(minutes)}:{seconds:05.2f}" if minutes else f"{seconds:.2f} s"
    return f"{told}, part {part + 1}" if part else told
