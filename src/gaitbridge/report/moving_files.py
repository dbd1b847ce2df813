"""Pictures to files, moving ones too: the one way. WebP, because browsers and the pages that show a README all play it, and a GIF has 256 colours."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np

from gaitbridge.errors import UserError
from gaitbridge.files import written_whole

STILL, MOVING = ".png", (".webp", ".gif")


def check_picture(out: Path) -> bool:
    """Whether the picture `out` is one that moves, by its name; UserError for a name that is neither kind."""
    suffix = out.suffix.lower()
    if suffix != STILL and suffix not in MOVING:
        raise UserError(f"{out} is no picture that can be written here: name it .png for a still one, {' or '.join(MOVING)} for one that moves")
    return suffix in MOVING


def webp_bytes(frames: Sequence[np.ndarray], hz: float, quality: int = 70) -> bytes:
    """Frames uint8 [H, W, 3] as a WebP that plays in a loop, for a page that needs no other file."""
    buffer = io.BytesIO()
    _save_webp(frames, buffer, hz, quality, effort=4)
    return buffer.getvalue()


def write_picture(frames: Sequence[np.ndarray], out: Path, hz: float = 10.0, quality: int = 80, effort: int = 1) -> Path:
    """Frames uint8 [H, W, 3] to a file: a PNG of the first, or a WebP or GIF that plays all at `hz` frames a second in a loop.

    quality, 0 to 100, and effort, 0 to 6, of a WebP: how near it comes to the frames, and how long it is tried to make it small.
    """
    from PIL import Image

    moves = check_picture(out)
    with written_whole(out) as temporary:
        if not moves:
            Image.fromarray(frames[0]).save(temporary, format="PNG", optimize=True)
        elif out.suffix.lower() == ".webp":
            _save_webp(frames, temporary, hz, quality, effort)
        else:
            images = [Image.fromarray(frame) for frame in frames]
            images[0].save(temporary, format="GIF", save_all=True, append_images=images[1:], duration=_durations(len(images), hz), loop=0,
                           optimize=True)
    return out


def _save_webp(frames: Sequence[np.ndarray], to: Path | IO[bytes], hz: float, quality: int, effort: int) -> None:
    from PIL import Image

    images = [Image.fromarray(frame) for frame in frames]
    images[0].save(to, format="WEBP", save_all=True, append_images=images[1:], duration=_durations(len(images), hz), loop=0, quality=quality,
                   method=effort)


def _durations(frames: int, hz: float) -> list[int]:
    """Whole milliseconds of each frame, without drift."""
    ends = np.rint(np.arange(frames + 1) * 1000 / hz).astype(int)
    return [int(each) for each in np.diff(ends)]
