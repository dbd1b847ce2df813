"""What a network looks at, drawn over the pictures that it sees: red speaks for the likeness, blue against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gaitbridge.files import written_whole
from gaitbridge.report.figure_files import write_png

FOR, AGAINST = np.asarray((220, 38, 38), float), np.asarray((37, 99, 235), float)
SMOOTH_PX = 1.2  # shares of single pixels are noise to the eye
BRIGHT = 99.0  # percentile of all shares that is full colour
PALE = (0.97, 0.72)  # grey of nothing, and of somebody


@dataclass(frozen=True)
class LookedAt:
    """One walk: a line about it; pictures [T, H, W] or [T, C, H, W] as the network sees them, NaN or 0 where nothing is; shares [T, H, W]."""

    about: str
    pictures: np.ndarray
    shares: np.ndarray


def draw_looked_at(walks: Sequence[LookedAt], out: Path, frames: int = 8) -> Path:
    """A PNG: a row a walk, `frames` moments spread over it, and last the mean of all of its frames. Whole or not at all."""
    from matplotlib.figure import Figure

    rows = [drawn(walk, frames) for walk in walks]
    height = 1.72  # inches
    figure = Figure(figsize=(1.05 * (frames + 1) + 0.4, height * len(rows) + 0.75), dpi=140, layout="constrained")
    for place, (walk, images) in enumerate(zip(walks, rows, strict=True)):
        axes = figure.add_subplot(len(rows), 1, place + 1)
        axes.imshow(images, interpolation="nearest")
        axes.set_title(walk.about, fontsize=8.5, loc="left")
        axes.set_axis_off()
    figure.text(0.01, 0.005, "red: speaks for the likeness, blue: against it; right of the gap the mean of all frames", fontsize=7.5, color="#64748b")
    with written_whole(Path(out)) as temporary:
        write_png(figure, temporary)
    return Path(out)


def drawn(walk: LookedAt, frames: int) -> np.ndarray:
    """uint8 [H, W', 3]: moments of a walk side by side, and the mean over all frames."""
    from scipy.ndimage import gaussian_filter

    grey = greys(walk.pictures)
    shares = gaussian_filter(walk.shares, (0, SMOOTH_PX, SMOOTH_PX))
    chosen = np.unique(np.linspace(0, len(grey) - 1, min(frames, len(grey))).round().astype(int))
    images = [coloured(one, share, shares) for one, share in zip(grey[chosen], shares[chosen], strict=True)]
    mean = shares.mean(0)
    gap = np.full((grey.shape[1], 2, 3), 255, np.uint8)
    parts = [part for image in images for part in (image, gap)]
    return np.concatenate([*parts, gap, gap, coloured(grey.mean(0), mean, mean)], axis=1)


def coloured(grey: np.ndarray, share: np.ndarray, of: np.ndarray) -> np.ndarray:
    """uint8 [H, W, 3] of a picture [H, W] from 0 to 1 under its shares [H, W]; full colour is at a high percentile of the shares `of`."""
    brightest = max(float(np.percentile(np.abs(of), BRIGHT)), 1e-12)
    strength = np.clip(np.abs(share) / brightest, 0, 1)[..., None] ** 0.8
    colour = np.where(share[..., None] > 0, FOR, AGAINST)
    return (255 * grey[..., None] * (1 - strength) + colour * strength).round().astype(np.uint8)


def greys(pictures: np.ndarray) -> np.ndarray:
    """float [T, H, W] from 0 to 1, pale: who is there is darker than what is not, near is darker than far."""
    flat = pictures.astype(float)
    flat = flat if flat.ndim == 3 else flat.max(tuple(range(1, flat.ndim - 2)))
    there = np.isfinite(flat) & (flat > 0)
    if not there.any():
        return np.full(flat.shape, PALE[0])
    metres = np.isnan(flat).any()
    low, high = np.percentile(flat[there], (2, 98)) if metres else (0.0, float(flat[there].max()))
    share = np.clip((np.nan_to_num(flat, nan=high) - low) / max(high - low, 0.2), 0, 1)
    ink = 0.15 + 0.85 * (1 - share) if metres else share
    return PALE[0] - (PALE[0] - PALE[1]) * np.where(there, ink, 0.0)
