"""The film with the names of those who walk in it, or nobody. Runs in a process of its own, as it reads the file once more."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from gaitbridge.capture.video.decode import Picture
from gaitbridge.capture.video.film import WHITE, repaint
from gaitbridge.capture.video.lettering import Colour, letter, lettered
from gaitbridge.capture.video.preview import COLOURS, GREY, by_frame, stamp

LARGEST, CRF = 1280, 22
TINT = 0.4  # of a silhouette: who it is shall be seen
AROUND = 0.06  # of a box's height: hidden beside it
GRAINS = 7  # across a box that is hidden


def write_named(path: Path, tracks: list[dict[str, Any]], out: Path, rate_hz: float, hz: float | None = None, hide: bool = False) -> int:
    """Write an MP4 of a film with who its people are; returns the number of frames.

    tracks: as `reader.read_video` gives them, and of each words (up to two lines), and person: a number where somebody was named, else -1. Those are
    drawn in a colour of their own with their silhouette, others in white. hide: who was not named is made unrecognisable, as far as they were found.
    """
    placed, hidden = by_frame(tracks), _hidden(tracks) if hide else {}

    def paint(canvas: np.ndarray, picture: Picture, ratio: np.ndarray) -> None:
        here = placed.get(picture.number, [])
        for box in hidden.get(picture.number, []):
            _coarsen(canvas, _sides(box, ratio))
        for named in (False, True):  # names lie on top
            for track, place in here:
                if (track["person"] >= 0) == named:
                    _draw(canvas, track, place, ratio)

    return repaint(path, out, paint, rate_hz=rate_hz, hz=hz, largest=LARGEST, crf=CRF, note="drawing")


def _sides(box: np.ndarray, ratio: np.ndarray) -> tuple[int, int, int, int]:
    """Top, left, bottom, right on the canvas of a box in pixels of the film."""
    top, left, bottom, right = (round(side) for side in (np.asarray(box) + 0.5) * np.tile(ratio, 2))
    return top, left, bottom, right


def _draw(canvas: np.ndarray, track: dict[str, Any], place: int, ratio: np.ndarray) -> None:
    """One person of one frame."""
    named = track["person"] >= 0
    colour: Colour = COLOURS[track["person"] % len(COLOURS)] if named else WHITE if track["words"] else GREY
    top, left, bottom, right = _sides(track["box"][place], ratio)
    if named and not track["reason"][place]:
        stamp(canvas, track["silhouette"][place] > 0, (np.asarray(track["window"][place]) + 0.5) * np.tile(ratio, 2), colour, TINT)
    cv2.rectangle(canvas, (left, top), (right, bottom), colour, 2 if named else 1)
    _label(canvas, track["words"], left, top, colour, int(np.clip(canvas.shape[0] // 34, 12, 24)))


def _label(canvas: np.ndarray, words: list[str], left: int, top: int, colour: Colour, size: int) -> None:
    """Lines on a dark ground above a box, or within it where there is no room above."""
    if not words:
        return
    step = size + 6
    wide = max(lettered(line, size) for line in words)
    high = step * len(words) + 2
    top = max(0, top - high)
    left = max(0, min(left, canvas.shape[1] - wide))
    ground = canvas[top : top + high, left : left + wide]
    ground[:] = (0.3 * ground).astype(np.uint8)
    for line, text in enumerate(words):
        letter(canvas, text, left, top + step * (line + 1), colour if not line else WHITE, size)


def _hidden(tracks: list[dict[str, Any]]) -> dict[int, list[np.ndarray]]:
    """Boxes of those who were not named, by the picture's number; between two that were seen also where they must have been."""
    boxes: dict[int, list[np.ndarray]] = {}
    for track in (track for track in tracks if track["person"] < 0):
        frames, seen = np.asarray(track["frame"]), np.asarray(track["box"], float)
        for frame in range(int(frames[0]), int(frames[-1]) + 1):
            box = np.array([np.interp(frame, frames, side) for side in seen.T])
            margin = AROUND * (box[2] - box[0])
            boxes.setdefault(frame, []).append(box + margin * np.array([-1, -1, 1, 1]))
    return boxes


def _coarsen(canvas: np.ndarray, sides: tuple[int, int, int, int]) -> None:
    """Make a part of a picture as coarse as a few grains, in place."""
    top, left, bottom, right = sides
    part = canvas[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
    if not part.size:
        return
    high, wide = part.shape[:2]
    grain = max(1, max(high, wide) // (2 * GRAINS))
    few = cv2.resize(part, (max(1, wide // grain), max(1, high // grain)), interpolation=cv2.INTER_AREA)
    part[:] = cv2.resize(few, (wide, high), interpolation=cv2.INTER_NEAREST)
