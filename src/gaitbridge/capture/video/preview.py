"""The video again, with boxes, numbers and silhouettes drawn in. Runs in a process of its own, as it reads the file once more."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from gaitbridge.capture.isolated import report
from gaitbridge.capture.video.decode import Video
from gaitbridge.capture.video.gates import FRAME_GATES, SEQUENCE_GATES

TIME_BASE = Fraction(1, 90_000)
LARGEST = 960  # pixels of the longer side
CODECS = ("libx264", "libvpx-vp9", "mpeg4")  # the first that this PyAV has; all but the last play in any browser
COLOURS = ((66, 135, 245), (60, 180, 75), (0, 165, 255), (230, 80, 230), (0, 215, 215), (60, 60, 230), (200, 160, 0), (140, 90, 40))  # BGR
GREY, LIGHT = (150, 150, 150), (225, 225, 225)


def write_preview(path: Path, tracks: list[dict[str, Any]], out: Path, hz: float | None = None) -> int:
    """Write an MP4 of a video with the tracks that `reader.read_video` gave; returns the number of frames.

    Kept frames in the track's colour with their silhouette, others in grey with the gate that kept them out. Times are the video's own, or by
    `hz` pictures a second.
    """
    shown: dict[int, list[tuple[dict[str, Any], int]]] = {}
    for track in tracks:
        for place, frame in enumerate(track["frame"].tolist()):
            shown.setdefault(frame, []).append((track, place))
    video, count, first, pts = Video(path, hz), 0, 0.0, -1
    codec = next(name for name in CODECS if name in av.codecs_available)
    with av.open(str(out), "w", format="mp4") as container:
        stream: Any = None
        for picture in video.pictures():
            scale = min(1.0, LARGEST / max(picture.pixels.shape[:2]))
            height, width = (max(2, round(side * scale) // 2 * 2) for side in picture.pixels.shape[:2])
            canvas = np.ascontiguousarray(cv2.resize(picture.pixels, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
            ratio = np.array([height, width]) / np.array(video.size)
            for track, place in shown.get(picture.number, []):
                _draw(canvas, track, place, ratio)
            if stream is None:
                stream = container.add_stream(codec, rate=30, options={"crf": "26", "preset": "veryfast"} if codec == "libx264" else {})
                stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
                stream.codec_context.time_base = stream.time_base = TIME_BASE
                stream.codec_context.thread_count = 1
                first = picture.time_s
            frame = av.VideoFrame.from_ndarray(canvas, format="bgr24")
            pts = max(pts + 1, round((picture.time_s - first) / TIME_BASE))  # several may have one time
            frame.pts, frame.time_base = pts, TIME_BASE
            container.mux(stream.encode(frame))
            count += 1
            report(count, max(video.total, count), "preview")
        container.mux(stream.encode(None))
    return count


def _draw(canvas: np.ndarray, track: dict[str, Any], place: int, ratio: np.ndarray) -> None:
    """One person of one frame; ratio [2]: canvas pixels a native pixel, down and across."""
    reason = str(track["reason"][place])
    colour = GREY if reason else COLOURS[track["number"] % len(COLOURS)]
    box = (np.asarray(track["box"][place]) + 0.5) * np.tile(ratio, 2)
    top, left, bottom, right = (round(side) for side in box)
    if not reason:
        _stamp(canvas, track["silhouette"][place] > 0, (np.asarray(track["window"][place]) + 0.5) * np.tile(ratio, 2), colour)
    cv2.rectangle(canvas, (left, top), (right, bottom), colour, 1 if reason else 2)
    words = f"{track['number'] + 1} {reason}".strip()
    assert not reason or reason in FRAME_GATES or reason in SEQUENCE_GATES
    for shade, thick in (((0, 0, 0), 3), (LIGHT if reason else colour, 1)):  # outlined: to be read on any ground
        cv2.putText(canvas, words, (left, max(10, top - 4)), cv2.FONT_HERSHEY_SIMPLEX, 0.4, shade, thick, cv2.LINE_AA)


def _stamp(canvas: np.ndarray, silhouette: np.ndarray, window: np.ndarray, colour: tuple[int, int, int]) -> None:
    """Tint the pixels of a silhouette [h, w] whose window is at `window` [4] of the canvas."""
    top, left = int(np.floor(window[0])), int(np.floor(window[1]))
    high, wide = max(1, round(window[2] - window[0])), max(1, round(window[3] - window[1]))
    mask = cv2.resize(silhouette.astype(np.uint8), (wide, high), interpolation=cv2.INTER_NEAREST) > 0
    y0, x0, y1, x1 = max(top, 0), max(left, 0), min(top + high, canvas.shape[0]), min(left + wide, canvas.shape[1])
    if y1 <= y0 or x1 <= x0:
        return
    part, inside = canvas[y0:y1, x0:x1], mask[y0 - top : y1 - top, x0 - left : x1 - left]
    part[inside] = (0.45 * part[inside] + 0.55 * np.array(colour)).astype(np.uint8)
