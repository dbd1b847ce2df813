"""Skeleton maps: keypoints drawn as two pictures, limbs and joints, as SkeletonGait takes them ("SkeletonGait: Gait Recognition Using Skeleton Maps",
Fan et al., AAAI 2024). Figures, order of the channels and rounding are those of the data that its published weights were trained on.
"""

from collections.abc import Iterator

import numpy as np

# COCO's keypoints: nose, eyes, ears, shoulders, elbows, wrists, hips, knees, ankles; the left one of each pair first
LIMBS = ((0, 1), (0, 2), (1, 3), (2, 4), (0, 5), (5, 7), (7, 9), (0, 6), (6, 8), (8, 10), (5, 11), (11, 13), (13, 15), (6, 12), (12, 14), (14, 16),
         (11, 12))  # fmt: skip
HIPS = (11, 12)
FINER = 2  # times as many pixels as the maps have, of the canvas on which they are drawn
TALL = 1.5  # the canvas's height over the skeleton's
SIGMA = 1 / 16  # of the canvas's height, of the Gaussians
REACH = 3.0  # sigmas
FAINTEST = 1e-3  # confidence that is drawn


def skeleton_maps(keypoints: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Limbs and joints, uint8 [T, 2, H, W], of COCO's keypoints [T, 17, 3]: x, y (any unit, y down) and confidence from 0 to 1. W is at most H.

    Of each frame: the hips' middle comes to the canvas's middle and the keypoints to two thirds of its height; a Gaussian stands at each joint and
    along each limb (sigma 8 of 128 pixels, as high as the confidence, of a limb the lower one); each map is cut to the rows in which it shows, as
    many columns about the middle, and made smaller by areas to [H, H], of which the middle W columns stay. All zero where a keypoint is not finite.
    """
    height, width = size
    if width > height:
        raise ValueError(f"skeleton maps are at most as wide as high, not {height} x {width}")
    maps = np.zeros((len(keypoints), 2, height, width), np.uint8)
    first = (height - width) // 2
    for t, points in enumerate(normalised(keypoints, FINER * height)):
        if np.isfinite(points).all():
            for channel, drawn in enumerate((limbs(points, FINER * height), joints(points, FINER * height))):
                maps[t, channel] = _fitted(drawn, height)[:, first : first + width]
    return maps


def filled(keypoints: np.ndarray, times: np.ndarray, most_s: float = 0.25) -> np.ndarray:
    """Keypoints [T, J, C] in which frames that are not finite lie on straight lines between those before and after, at most `most_s` from one."""
    known = np.isfinite(keypoints).all((1, 2))
    if known.all() or not known.any():
        return keypoints
    found = keypoints.copy()
    near = np.abs(times[:, None] - times[known][None]).min(1) <= most_s
    flat = keypoints.reshape(len(keypoints), -1)
    places = np.flatnonzero(~known & near)
    found.reshape(len(keypoints), -1)[places] = np.stack([np.interp(times[places], times[known], column[known]) for column in flat.T], axis=1)
    return found


def normalised(keypoints: np.ndarray, canvas: int) -> np.ndarray:
    """Keypoints [T, 17, 3] in pixels of a square canvas: hips in its middle, all of them two thirds as high; NaN where they have no height."""
    points = np.array(keypoints, float)
    tall = np.ptp(points[:, :, 1], axis=1)
    scale = (canvas // TALL) / np.where(tall > 0, tall, np.nan)
    points[:, :, :2] -= points[:, HIPS, :2].mean(1, keepdims=True)
    points[:, :, :2] = points[:, :, :2] * scale[:, None, None] + canvas // 2
    return points


def joints(points: np.ndarray, canvas: int) -> np.ndarray:
    """The joints of one frame [17, 3] on a canvas: float32 [canvas, canvas], 0 to 1."""
    drawn = np.zeros((canvas, canvas), np.float32)
    for joint in points:
        _draw(drawn, joint, joint)
    return drawn


def limbs(points: np.ndarray, canvas: int) -> np.ndarray:
    """The limbs of one frame [17, 3] on a canvas: float32 [canvas, canvas], 0 to 1."""
    drawn = np.zeros((canvas, canvas), np.float32)
    for start, end in LIMBS:
        _draw(drawn, points[start], points[end])
    return drawn


def _draw(drawn: np.ndarray, start: np.ndarray, end: np.ndarray) -> None:
    """A Gaussian of the distance from a limb, or from a joint where both ends are one, over what is drawn already."""
    strength = min(start[2], end[2])
    if strength < FAINTEST:
        return
    canvas = len(drawn)
    sigma = SIGMA * canvas
    along = end[:2] - start[:2]
    length2 = float(along @ along)
    if length2 < 1:  # a joint, or a limb as short as a pixel, which the published data draw as its first joint
        along, length2, end, strength = np.zeros(2), 1.0, start, start[2]
    (left, right), (top, bottom) = _window(start[:2], end[:2], REACH * sigma, canvas)
    if right <= left or bottom <= top:
        return
    x, y = np.arange(left, right) - start[0], (np.arange(top, bottom) - start[1])[:, None]
    part = np.clip((x * along[0] + y * along[1]) / length2, 0.0, 1.0)  # of the way from start to end
    distance2 = (x - part * along[0]) ** 2 + (y - part * along[1]) ** 2
    place = drawn[top:bottom, left:right]
    np.maximum(place, strength * np.exp(-distance2 / (2 * sigma**2)), out=place, casting="same_kind")


def _window(start: np.ndarray, end: np.ndarray, reach: float, canvas: int) -> Iterator[tuple[int, int]]:
    """First and last columns, then rows (half-open), in which a limb is drawn."""
    for low, high in zip(np.minimum(start, end) - reach, np.maximum(start, end) + reach, strict=True):
        yield max(int(low), 0), min(int(high) + 1, canvas)  # towards zero, as the published data


def _fitted(drawn: np.ndarray, side: int) -> np.ndarray:
    """What is drawn, in whole grey levels, cut to its rows and as many columns about the middle, by areas to uint8 [side, side]."""
    grey = np.minimum((drawn * np.float32(256)).astype(int), 255)
    rows = np.flatnonzero(grey.any(1))
    if not len(rows):
        return np.zeros((side, side), np.uint8)
    tall, middle = rows[-1] - rows[0] + 1, len(grey) // 2
    cut = grey[rows[0] : rows[-1] + 1, max(0, middle - tall // 2) : middle + tall // 2 + 1]
    return (_areas(side, cut.shape[0]) @ cut @ _areas(side, cut.shape[1]).T + 1e-6).astype(np.uint8)


def _areas(count: int, of: int) -> np.ndarray:
    """Shares [count, of] of `of` pixels in a row in each of `count`."""
    edges = np.arange(count + 1) * of / count
    covered = np.clip(np.minimum(edges[1:, None], np.arange(of) + 1) - np.maximum(edges[:-1, None], np.arange(of)), 0.0, None)
    return covered / covered.sum(1, keepdims=True)
