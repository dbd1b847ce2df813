"""Words on pictures, in any script that a font of this machine has: OpenCV's own letters are ASCII alone."""

from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from gaitbridge.printing import shown

Colour = tuple[int, int, int]  # blue, green, red
OUTLINE = (0, 0, 0)


def letter(canvas: np.ndarray, text: str, left: int, bottom: int, colour: Colour, size: int = 13) -> None:
    """Write a line onto a picture uint8 [H, W, 3] in place, outlined so that it can be read on any ground; moved so that it lies within."""
    ink, outline = _inked(shown(text), size)
    height, width = min(ink.shape[0], canvas.shape[0]), min(ink.shape[1], canvas.shape[1])
    left = max(0, min(left, canvas.shape[1] - width))
    top = max(0, min(bottom - height, canvas.shape[0] - height))
    part = canvas[top : top + height, left : left + width]
    for mask, shade in ((outline, OUTLINE), (ink, colour)):
        share = mask[:height, :width, None].astype(np.float32) / 255
        part[:] = (part * (1 - share) + np.array(shade, np.float32) * share).astype(np.uint8)


def lettered(text: str, size: int = 13) -> int:
    """How many pixels wide a line is."""
    return int(_inked(shown(text), size)[0].shape[1])


@lru_cache(maxsize=1024)
def _inked(text: str, size: int) -> tuple[np.ndarray, np.ndarray]:
    """A line of text and what surrounds it: two masks uint8 [h, w]."""
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.truetype(_font_for(text), size)
    left, top, right, bottom = (int(side) for side in font.getbbox(text or " "))
    picture = Image.new("L", (right - left + 4, bottom - top + 4))
    ImageDraw.Draw(picture).text((2 - left, 2 - top), text, fill=255, font=font)
    ink = np.array(picture, np.uint8)
    return ink, np.asarray(cv2.dilate(ink, np.ones((3, 3), np.uint8)))


@lru_cache(maxsize=1024)
def _font_for(text: str) -> str:
    """DejaVu, which comes with Matplotlib; where it lacks a letter the first font of this machine that has them all, if there is one."""
    import matplotlib
    from matplotlib.ft2font import FT2Font

    letters = {ord(one) for one in text if not one.isspace()}
    own = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    if letters <= set(FT2Font(str(own)).get_charmap()):
        return str(own)
    from matplotlib.font_manager import fontManager

    for entry in fontManager.ttflist:
        try:
            if letters <= set(FT2Font(entry.fname).get_charmap()):
                return str(entry.fname)
        except (OSError, RuntimeError):  # a font that cannot be read is as none
            continue
    return str(own)
