"""Training points flipped, turned, moved, scaled and dropped, as the field's toolkit names and does it: on places about the frame's mean with the
farthest point at 1. Heights, in metres, are taken before and stay."""

import numpy as np

from gaitbridge.config import Config, Share

SHIFT, STD, CLIP, LOW, HIGH, MOST_DROPPED = 0.1, 0.01, 0.05, 0.8, 1.25, 0.875  # as published


class PointAugmentationConfig(Config):
    """Shares of the sequences that are changed, each change drawn for itself; all off by default. Published: FreeGait scale 0.2, flip 0.1;
    SUSTech1K scale 1, flip 0.15."""

    flip: Share = 0.0
    """Left for right in the LiDAR's frame: y to -y."""
    rotate: Share = 0.0
    """About the vertical, by any angle up to half a turn either way, all frames alike. Not published: ours."""
    shift: Share = 0.0
    """Each point by up to 0.1 along each axis."""
    jitter: Share = 0.0
    """Each point by a normal error of 0.01 along each axis, cut at 0.05."""
    scale: Share = 0.0
    """Each frame by its own factor of 0.8 to 1.25."""
    drop: Share = 0.0
    """In each frame a share of the points, up to 0.875, gives way to copies of the first."""


def prepared_points(points: np.ndarray) -> np.ndarray:
    """Metres float32 [T, P, 3], NaN where a frame has none, to float64 [T, P, 4] as `models.point_sets.prepare_points` does."""
    metres = points.astype(np.float64)
    centred = metres - metres.mean(1, keepdims=True)
    scale = np.sqrt(np.square(centred).sum(2).max(1))[:, None, None]
    height = metres[:, :, 2:] - metres[:, :, 2:].min(1, keepdims=True)
    return np.concatenate([centred / np.maximum(scale, 1e-6), height], 2)


def augmented_points(points: np.ndarray, settings: PointAugmentationConfig, random: np.random.Generator) -> np.ndarray:
    """Metres float32 [T, P, 3] of one sequence to prepared points float32 [T, P, 4], changed by what is drawn from `random`."""
    found = prepared_points(points)
    places = found[:, :, :3]
    frames, count = places.shape[:2]
    wanted = random.random(6) < (settings.flip, settings.rotate, settings.shift, settings.jitter, settings.scale, settings.drop)
    angle, factors, shares = random.uniform(-np.pi, np.pi), random.uniform(LOW, HIGH, (frames, 1, 1)), random.uniform(0, MOST_DROPPED, (frames, 1, 1))
    if wanted[0]:
        places[:, :, 1] *= -1
    if wanted[1]:
        sine, cosine = np.sin(angle), np.cos(angle)
        places[:, :, :2] = places[:, :, :2] @ np.array([[cosine, sine], [-sine, cosine]])
    if wanted[2]:
        places += random.uniform(-SHIFT, SHIFT, places.shape)
    if wanted[3]:
        places += np.clip(random.normal(0.0, STD, places.shape), -CLIP, CLIP)
    if wanted[4]:
        places *= factors
    if wanted[5]:
        places[:] = np.where(random.random((frames, count, 1)) <= shares, places[:, :1], places)
    return found.astype(np.float32)
