"""The video again, with boxes, numbers and silhouettes drawn in. Runs in a process of its own, as it reads the file once more."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from gaitbridge.capture.video.decode import Picture
from gaitbridge.capture.video.film import repaint
from gaitbridge.capture.video.gates import FRAME_GATES, SEQUENCE_GATES
from gaitbridge.capture.video.lettering import Colour, letter

COLOURS: tuple[Colour, ...] = (
    (66, 135, 245), (60, 180, 75), (0, 165, 255), (230, 80, 230), (0, 215, 215), (60, 60, 230), (200, 160, 0), (140, 90, 40),
)  # fmt: skip
GREY, LIGHT = (150, 150, 150), (225, 225, 225)


def write_preview(path: Path, tracks: list[dict[str, Any]], out: Path, rate_hz: float, hz: float | None = None) -> int:
    """Write an MP4 of a video with the tracks that `reader.read_video` gave; returns the number of frames.

    Kept frames in the track's colour with their silhouette, others in grey with the gate that kept them out. Times are the video's own, or by
    `hz` pictures a second.
    """
    placed = by_frame(tracks)

    def paint(canvas: np.ndarray, picture: Picture, ratio: np.ndarray) -> None:
        for track, place in placed.get(picture.number, []):
            _draw(canvas, track, place, ratio)

    return repaint(path, out, paint, rate_hz=rate_hz, hz=hz, note="preview")


def by_frame(tracks: list[dict[str, Any]]) -> dict[int, list[tuple[dict[str, Any], int]]]:
    """Who is to be seen in each picture: tracks and their places in those, by the picture's number."""
    placed: dict[int, list[tuple[dict[str, Any], int]]] = {}
    for track in tracks:
        for place, frame in enumerate(track["frame"].tolist()):
            placed.setdefault(frame, []).append((track, place))
    return placed


def _draw(canvas: np.ndarray, track: dict[str, Any], place: int, ratio: np.ndarray) -> None:
    """One person of one frame; ratio [2]: canvas pixels a native pixel, down and across."""
    reason = str(track["reason"][place])
    colour = GREY if reason else COLOURS[track["number"] % len(COLOURS)]
    box = (np.asarray(track["box"][place]) + 0.5) * np.tile(ratio, 2)
    top, left, bottom, right = (round(side) for side in box)
    if not reason:
        stamp(canvas, track["silhouette"][place] > 0, (np.asarray(track["window"][place]) + 0.5) * np.tile(ratio, 2), colour)
    cv2.rectangle(canvas, (left, top), (right, bottom), colour, 1 if reason else 2)
    words = f"{track['number'] + 1} {reason}".strip()
    assert not reason or reason in FRAME_GATES or reason in SEQUENCE_GATES
    letter(canvas, words, left, max(14, top - 2), LIGHT if reason else colour)


def stamp(canvas: np.ndarray, silhouette: np.ndarray, window: np.ndarray, colour: Colour, tint: float = 0.55) -> None:
    """Colour the pixels of a silhouette [h, w] whose window is at `window` [4] of the canvas; tint: how much, 0 to 1."""
    top, left = int(np.floor(window[0])), int(np.floor(window[1]))
    high, wide = max(1, round(window[2] - window[0])), max(1, round(window[3] - window[1]))
    mask = cv2.resize(silhouette.astype(np.uint8), (wide, high), interpolation=cv2.INTER_NEAREST) > 0
    y0, x0, y1, x1 = max(top, 0), max(left, 0), min(top + high, canvas.shape[0]), min(left + wide, canvas.shape[1])
    if y1 <= y0 or x1 <= x0:
        return
    part, inside = canvas[y0:y1, x0:x1], mask[y0 - top : y1 - top, x0 - left : x1 - left]
    part[inside] = ((1 - tint) * part[inside] + tint * np.array(colour)).astype(np.uint8)
