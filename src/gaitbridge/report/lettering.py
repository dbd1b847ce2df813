"""Text on pictures of pixels, in the letters that Matplotlib brings along: the same on every machine."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from gaitbridge.printing import shown

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont


@lru_cache(maxsize=16)
def _font(size: int, bold: bool) -> FreeTypeFont:
    from pathlib import Path

    from matplotlib import get_data_path
    from PIL import ImageFont

    return ImageFont.truetype(str(Path(get_data_path()) / "fonts" / "ttf" / ("DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf")), size)


def write(
    image: np.ndarray, at: tuple[float, float], text: str, size: int, colour: tuple[int, int, int], anchor: str = "la", bold: bool = False
) -> np.ndarray:
    """A copy of uint8 [H, W, 3] with `text` at (x, y), in letters of `size` pixels. anchor: Pillow's, such as la (left, top) and mm (middle).

    Lines are parted by a line feed; control characters appear as escapes.
    """
    from PIL import Image, ImageDraw

    drawn = Image.fromarray(image)
    draw = ImageDraw.Draw(drawn)
    for number, line in enumerate(text.split("\n")):
        draw.text((at[0], at[1] + number * round(1.3 * size)), shown(line), font=_font(size, bold), fill=colour, anchor=anchor)
    return np.array(drawn)
