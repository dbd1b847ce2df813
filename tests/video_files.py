"""Small videos of drawn walkers before a fixed scene, with everything about them known."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

SIZE = (180, 320)
TIME_BASE = Fraction(1, 1000)


def walker_mask(foot: tuple[float, float], height: float, phase: float, size: tuple[int, int] = SIZE) -> np.ndarray:
    """A walker seen from the side: bool [H, W]; foot (row, column) between the feet, phase in radians of the stride."""
    mask = np.zeros(size, np.uint8)
    row, column = foot

    def at(up: float, ahead: float) -> tuple[int, int]:
        return round(column + ahead * height), round(row - up * height)

    thick = max(2, round(0.07 * height))
    for side in (1, -1):
        swing = 0.22 * side * np.sin(phase)
        cv2.line(mask, at(0.5, 0), at(0.04, swing), 1, thick)
        cv2.line(mask, at(0.04, swing), at(0.04, swing + 0.06), 1, thick)
        cv2.line(mask, at(0.8, 0), at(0.48, -0.6 * swing), 1, max(2, thick - 2))
    cv2.line(mask, at(0.8, 0), at(0.5, 0), 1, round(0.16 * height))
    cv2.circle(mask, at(0.93, 0), round(0.065 * height), 1, -1)
    return mask > 0


def scene(size: tuple[int, int] = SIZE, seed: int = 0) -> np.ndarray:
    """A room without people: uint8 [H, W, 3]."""
    coarse = np.random.default_rng(seed).integers(60, 130, (8, 12, 3)).astype(np.uint8)
    return np.asarray(cv2.resize(coarse, (size[1], size[0]), interpolation=cv2.INTER_CUBIC))


def paint(masks: Sequence[np.ndarray], colours: Sequence[tuple[int, int, int]], seed: int = 0, room: np.ndarray | None = None) -> np.ndarray:
    """A picture of the scene with people in it, and some noise: uint8 [H, W, 3], blue green red."""
    picture = (scene() if room is None else room).astype(float)
    for mask, colour in zip(masks, colours, strict=True):
        picture[mask] = colour
    return np.clip(picture + np.random.default_rng(seed).normal(0, 2, picture.shape), 0, 255).astype(np.uint8)


def write_video(
    path: Path, pictures: Sequence[np.ndarray], times_s: Sequence[float], codec: str = "ffv1", audio_only: bool = False,
    options: dict[str, str] | None = None,
) -> Path:  # fmt: skip
    """Encode pictures at their times, to a millisecond."""
    with av.open(str(path), "w") as container:
        if audio_only:
            sound: Any = container.add_stream("pcm_s16le", rate=8000)
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), format="s16", layout="mono")
            frame.sample_rate = 8000
            container.mux([*sound.encode(frame), *sound.encode(None)])
            return path
        stream: Any = container.add_stream(codec, rate=25, options=options or {})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p" if codec != "ffv1" else "bgr0"
        stream.codec_context.time_base = stream.time_base = TIME_BASE
        stream.codec_context.thread_count = 1
        for picture, time_s in zip(pictures, times_s, strict=True):
            image = av.VideoFrame.from_ndarray(picture, format="bgr24")
            image.pts, image.time_base = round(time_s / TIME_BASE), TIME_BASE
            container.mux(stream.encode(image))
        container.mux(stream.encode(None))
    return path


def times(count: int, rate_hz: float = 12.5) -> list[float]:
    return [k / rate_hz for k in range(count)]


def walk(frames: int, start: float = 40.0, step: float = 3.2, row: float = 160.0, height: float = 90.0) -> list[np.ndarray]:
    """Masks of one walker who crosses the picture, to the right where `step` is positive (mirrored to the left)."""
    masks = []
    for k in range(frames):
        mask = walker_mask((row, start + k * abs(step)), height, 0.55 * k)
        masks.append(mask if step >= 0 else mask[:, ::-1])
    return masks


def one_walker(path: Path, frames: int = 76, codec: str = "ffv1", step: float = 3.2, height: float = 90.0) -> list[np.ndarray]:
    """A video of one walker, whose clock begins at 2 s; returns the true masks."""
    masks = walk(frames, step=step, height=height)
    write_video(path, [paint([mask], [(30, 30, 200)], k) for k, mask in enumerate(masks)], [2.0 + time_s for time_s in times(frames)], codec)
    return masks


def two_who_cross(path: Path, frames: int = 80) -> None:
    """Two walkers who meet in the middle of the picture and go on."""
    right = walk(frames, 35.0, 3.1)
    left = [mask[:, ::-1] for mask in walk(frames, 35.0, 3.1, row=163.0, height=94.0)]
    write_video(path, [paint(pair, [(30, 30, 200), (220, 220, 30)], k) for k, pair in enumerate(zip(right, left, strict=True))], times(frames))
